//! What happened to a product, and what it is after that.
//! It does not know whether it should have happened.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Content, Image, ImageUrl, OptionDef, Product, Status, Translation, Variant};
use crate::ids::{ProductId, VariantId};
use crate::locale::Locale;
use crate::sku::Sku;
use crate::text::{Slug, Title};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Created { id: ProductId, content: Box<Content> },
    Changed { sections: Vec<Section> },
    Archived {},
    Restored { status: Status },
}

/// A part of a product that changed, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    Slug {
        slug: Slug,
    },
    Status {
        status: Status,
    },
    Title {
        title: Title,
    },
    Description {
        description: String,
    },
    DescriptionHtml {
        description_html: Option<String>,
    },
    Brand {
        brand: Option<Title>,
    },
    Categories {
        categories: Vec<Slug>,
    },
    Attributes {
        attributes: BTreeMap<String, String>,
    },
    Options {
        options: Vec<OptionDef>,
    },
    Variants {
        /// In place of the one with the same id, or else after the last.
        put: Vec<Variant>,
        removed: Vec<VariantId>,
        /// Told only where it is not the order that remains.
        order: Option<Vec<VariantId>>,
    },
    Images {
        images: Vec<Image>,
    },
    ImageUrls {
        image_urls: Vec<ImageUrl>,
    },
    Translations {
        put: BTreeMap<Locale, Translation>,
        removed: Vec<Locale>,
    },
}

/// A product's stream, folded. By default it is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    product: Option<Product>,
}

/// What no other product may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    pub slug: Option<Slug>,
    pub skus: BTreeSet<Sku>,
}

impl State {
    pub fn product(&self) -> Option<&Product> {
        self.product.as_ref()
    }

    pub fn into_product(self) -> Option<Product> {
        self.product
    }

    /// An archived product keeps its claims: old orders and addresses still mean it.
    pub fn claims(&self) -> Claims {
        let Some(product) = &self.product else {
            return Claims::default();
        };
        Claims {
            slug: Some(product.content.slug.clone()),
            skus: product.content.variants.iter().map(|variant| variant.sku.clone()).collect(),
        }
    }

    pub fn apply(&mut self, fact: &Fact, at: Timestamp) {
        if let Fact::Created { id, content } = fact {
            let (id, content) = (id.clone(), content.as_ref().clone());
            self.product = Some(Product { id, content, created_at: at, updated_at: at, version: 1 });
            return;
        }
        let Some(product) = &mut self.product else {
            return;
        };
        product.updated_at = at;
        product.version += 1;
        match fact {
            Fact::Created { .. } => {}
            Fact::Changed { sections } => {
                for section in sections {
                    product.content.apply(section);
                }
            }
            Fact::Archived {} => product.content.status = Status::Archived,
            Fact::Restored { status } => product.content.status = *status,
        }
    }
}

impl Content {
    fn apply(&mut self, section: &Section) {
        match section {
            Section::Slug { slug } => self.slug = slug.clone(),
            Section::Status { status } => self.status = *status,
            Section::Title { title } => self.title = title.clone(),
            Section::Description { description } => self.description = description.clone(),
            Section::DescriptionHtml { description_html } => self.description_html = description_html.clone(),
            Section::Brand { brand } => self.brand = brand.clone(),
            Section::Categories { categories } => self.categories = categories.clone(),
            Section::Attributes { attributes } => self.attributes = attributes.clone(),
            Section::Options { options } => self.options = options.clone(),
            Section::Variants { put, removed, order } => self.apply_variants(put, removed, order.as_deref()),
            Section::Images { images } => self.images = images.clone(),
            Section::ImageUrls { image_urls } => self.image_urls = image_urls.clone(),
            Section::Translations { put, removed } => {
                self.translations.retain(|locale, _| !removed.contains(locale));
                self.translations.extend(put.clone());
            }
        }
    }

    fn apply_variants(&mut self, put: &[Variant], removed: &[VariantId], order: Option<&[VariantId]>) {
        let removed: BTreeSet<&VariantId> = removed.iter().collect();
        self.variants.retain(|variant| !removed.contains(&variant.id));
        let places: BTreeMap<VariantId, usize> =
            self.variants.iter().enumerate().map(|(place, variant)| (variant.id.clone(), place)).collect();
        for variant in put {
            match places.get(&variant.id) {
                Some(place) => self.variants[*place] = variant.clone(),
                None => self.variants.push(variant.clone()),
            }
        }
        if let Some(order) = order {
            let ranks: BTreeMap<&VariantId, usize> = order.iter().enumerate().map(|(rank, id)| (id, rank)).collect();
            self.variants.sort_by_key(|variant| ranks.get(&variant.id).copied().unwrap_or(usize::MAX));
        }
    }
}
