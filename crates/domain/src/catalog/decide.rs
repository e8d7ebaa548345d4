//! What may be done to a product, answered with facts.
//! It does not know other products: whether a SKU or a slug is free is a matter of claims.

use std::collections::{BTreeMap, BTreeSet};

use super::{Content, Draft, Fact, Image, Product, Section, State, Status, Variant};
use crate::field::FieldError;
use crate::ids::{ProductId, VariantId};
use crate::locale::Locale;
use crate::sku::Sku;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no such product")]
    NotFound,
    #[error("there is a product with this id already")]
    AlreadyExists,
    #[error("variant {index} names an id that this product does not have")]
    UnknownVariant { index: usize },
    #[error("{needed} new variants need an id each, not {given}")]
    TooFewVariantIds { needed: usize, given: usize },
    #[error("a product is restored as a draft or as active")]
    RestoredAsArchived,
}

impl Error {
    /// The field that is to blame, where one is.
    pub fn field(&self) -> Option<FieldError> {
        match self {
            Error::UnknownVariant { index } => {
                Some(FieldError::new(format!("/variants/{index}/id"), "unknown_variant", self.to_string()))
            }
            _ => None,
        }
    }
}

/// `new_variant_ids`: as many as `draft.variant_count()`.
pub fn create(state: &State, id: ProductId, draft: &Draft, new_variant_ids: &[VariantId]) -> Result<Vec<Fact>, Error> {
    if state.product().is_some() {
        return Err(Error::AlreadyExists);
    }
    let mut content = draft.content.clone();
    content.variants = identify(&[], draft, new_variant_ids)?;
    Ok(vec![Fact::Created { id, content: Box::new(content) }])
}

/// Only what differs becomes a fact; where nothing does, nothing happened.
/// `new_variant_ids`: as many as `draft.variant_count()` always suffice.
pub fn replace(state: &State, draft: &Draft, new_variant_ids: &[VariantId]) -> Result<Vec<Fact>, Error> {
    let before = &existing(state)?.content;
    let mut after = draft.content.clone();
    after.variants = identify(&before.variants, draft, new_variant_ids)?;
    remember_sources(&before.images, &mut after.images);
    if !draft.has_own_slug {
        after.slug = before.slug.clone();
    }
    if !draft.has_own_status {
        after.status = before.status;
    }
    let mut facts = Vec::new();
    let sections = changed_sections(before, &after);
    if !sections.is_empty() {
        facts.push(Fact::Changed { sections });
    }
    match (before.status, after.status) {
        (before, after) if before == after => {}
        (_, Status::Archived) => facts.push(Fact::Archived {}),
        (Status::Archived, status) => facts.push(Fact::Restored { status }),
        _ => {}
    }
    Ok(facts)
}

pub fn archive(state: &State) -> Result<Vec<Fact>, Error> {
    match existing(state)?.content.status {
        Status::Archived => Ok(Vec::new()),
        Status::Draft | Status::Active => Ok(vec![Fact::Archived {}]),
    }
}

/// Brings an archived product back; one that is not archived stays as it is.
pub fn restore(state: &State, status: Status) -> Result<Vec<Fact>, Error> {
    if status == Status::Archived {
        return Err(Error::RestoredAsArchived);
    }
    match existing(state)?.content.status {
        Status::Archived => Ok(vec![Fact::Restored { status }]),
        Status::Draft | Status::Active => Ok(Vec::new()),
    }
}

fn existing(state: &State) -> Result<&Product, Error> {
    state.product().ok_or(Error::NotFound)
}

/// Where a picture came from stays known, whoever writes the product.
fn remember_sources(before: &[Image], after: &mut [Image]) {
    for image in after.iter_mut().filter(|image| image.source.is_none()) {
        let known = before.iter().find(|known| known.media == image.media);
        image.source = known.and_then(|known| known.source.clone());
    }
}

/// A variant is the one whose id it names, or else the one with its SKU that no other names, or else a new one.
fn identify(before: &[Variant], draft: &Draft, new_ids: &[VariantId]) -> Result<Vec<Variant>, Error> {
    let known: BTreeSet<&VariantId> = before.iter().map(|variant| &variant.id).collect();
    let named: BTreeSet<&VariantId> = draft.variants.iter().filter_map(|variant| variant.id.as_ref()).collect();
    let by_sku: BTreeMap<&Sku, &VariantId> = before
        .iter()
        .filter(|variant| !named.contains(&variant.id))
        .map(|variant| (&variant.sku, &variant.id))
        .collect();
    let mut needed = 0;
    let mut variants = Vec::with_capacity(draft.variants.len());
    for (index, variant) in draft.variants.iter().enumerate() {
        if variant.id.as_ref().is_some_and(|id| !known.contains(id)) {
            return Err(Error::UnknownVariant { index });
        }
        let id = match variant.id.as_ref().or_else(|| by_sku.get(&variant.sku).copied()) {
            Some(id) => Some(id),
            None => {
                needed += 1;
                new_ids.get(needed - 1)
            }
        };
        variants.extend(id.map(|id| variant.clone().with_id(id.clone())));
    }
    if needed > new_ids.len() {
        return Err(Error::TooFewVariantIds { needed, given: new_ids.len() });
    }
    Ok(variants)
}

/// In a fixed order. That a product was archived or restored is a fact of its own.
fn changed_sections(before: &Content, after: &Content) -> Vec<Section> {
    let is_put_on_or_off_sale =
        before.status != after.status && before.status != Status::Archived && after.status != Status::Archived;
    let sections = [
        (before.slug != after.slug).then(|| Section::Slug { slug: after.slug.clone() }),
        is_put_on_or_off_sale.then_some(Section::Status { status: after.status }),
        (before.title != after.title).then(|| Section::Title { title: after.title.clone() }),
        (before.description != after.description)
            .then(|| Section::Description { description: after.description.clone() }),
        (before.description_html != after.description_html)
            .then(|| Section::DescriptionHtml { description_html: after.description_html.clone() }),
        (before.brand != after.brand).then(|| Section::Brand { brand: after.brand.clone() }),
        (before.categories != after.categories).then(|| Section::Categories { categories: after.categories.clone() }),
        (before.attributes != after.attributes).then(|| Section::Attributes { attributes: after.attributes.clone() }),
        (before.options != after.options).then(|| Section::Options { options: after.options.clone() }),
        changed_variants(&before.variants, &after.variants),
        (before.images != after.images).then(|| Section::Images { images: after.images.clone() }),
        (before.image_urls != after.image_urls).then(|| Section::ImageUrls { image_urls: after.image_urls.clone() }),
        changed_translations(before, after),
    ];
    sections.into_iter().flatten().collect()
}

fn changed_variants(before: &[Variant], after: &[Variant]) -> Option<Section> {
    if before == after {
        return None;
    }
    let old: BTreeMap<&VariantId, &Variant> = before.iter().map(|variant| (&variant.id, variant)).collect();
    let remaining: BTreeSet<&VariantId> = after.iter().map(|variant| &variant.id).collect();
    let put: Vec<Variant> = after.iter().filter(|new| old.get(&new.id) != Some(new)).cloned().collect();
    let removed = old.keys().filter(|id| !remaining.contains(*id)).map(|id| (*id).clone()).collect();

    let kept = before.iter().map(|variant| &variant.id).filter(|id| remaining.contains(id));
    let added = after.iter().map(|variant| &variant.id).filter(|id| !old.contains_key(id));
    let is_in_order = kept.chain(added).eq(after.iter().map(|variant| &variant.id));
    let order = (!is_in_order).then(|| after.iter().map(|variant| variant.id.clone()).collect());
    Some(Section::Variants { put, removed, order })
}

fn changed_translations(before: &Content, after: &Content) -> Option<Section> {
    if before.translations == after.translations {
        return None;
    }
    let is_new = |locale: &Locale| before.translations.get(locale) != after.translations.get(locale);
    let put = after.translations.iter().filter(|(locale, _)| is_new(locale));
    let removed = before.translations.keys().filter(|locale| !after.translations.contains_key(*locale));
    Some(Section::Translations {
        put: put.map(|(locale, translation)| (locale.clone(), translation.clone())).collect(),
        removed: removed.cloned().collect(),
    })
}
