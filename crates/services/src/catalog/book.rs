//! The catalogue as imports and exports see it: products found by slug or SKU, written without waiting for lists, read in
//! the order of their slugs.
//! It does not know files.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::transfer::{Mode, Outcome, ProductBook, Written};
use contracts::{Error, Kind, Result};
use domain::catalog::{self, Categories, CategoryInput, Product, ProductInput, State};
use domain::ids::{MediaId, ProductId, VariantId};
use domain::sku::Sku;
use domain::text::Slug;
use platform::documents::tuple::Key;
use platform::documents::{Query, Range};
use platform::http::extract::IfMatch;

use super::Catalog;
use super::projection::{BY_SLUG, PRODUCTS, ProductDoc};
use super::rich_text;
use super::write::{Told, taken};
use crate::machinery::stored;

/// How often a category is added anew because others changed the tree meanwhile.
const ATTEMPTS: usize = 5;
/// Products of one page of an export.
const PAGE_MAX: usize = 500;

#[async_trait]
impl ProductBook for Catalog {
    async fn find(&self, slug: &Slug, skus: &[Sku]) -> Result<Option<Arc<Product>>> {
        if let Some(id) = self.slug_holder(slug).await? {
            return Ok(self.known(&id).await?.filter(|product| product.content.slug == *slug));
        }
        let mut found: Option<ProductId> = None;
        for sku in skus {
            let Some(id) = self.holder(sku).await? else { continue };
            if found.as_ref().is_some_and(|other| *other != id) {
                return Err(Error::conflict("sku_taken", "these SKUs are of several products"));
            }
            found = Some(id);
        }
        match found {
            Some(id) => self.known(&id).await,
            None => Ok(None),
        }
    }

    async fn product(&self, id: &ProductId) -> Result<Arc<Product>> {
        self.by_id(id).await
    }

    async fn create(&self, id: &ProductId, mut input: ProductInput, mode: Mode, caller: &Caller) -> Result<Written> {
        if let Some(product) = self.known(id).await? {
            return Ok(Written { outcome: Outcome::Unchanged, product: Some(product) });
        }
        if mode == Mode::Do {
            let product = self.create_told(id.clone(), &input, Told::Later, caller).await?;
            return Ok(Written { outcome: Outcome::Created, product: Some(product) });
        }
        rich_text::make_harmless(&mut input);
        self.rehearse(id, &State::default(), &input).await?;
        Ok(Written { outcome: Outcome::Created, product: None })
    }

    async fn replace(&self, seen: &Product, mut input: ProductInput, mode: Mode, caller: &Caller) -> Result<Written> {
        if mode == Mode::Do {
            let write = |product: &Product| {
                if product.version == seen.version { Ok(input.clone()) } else { Err(moved()) }
            };
            let product = self.rewrite_told(&seen.id, &IfMatch::default(), write, Told::Later, caller).await?;
            let outcome = if product.version == seen.version { Outcome::Unchanged } else { Outcome::Updated };
            return Ok(Written { outcome, product: Some(product) });
        }
        rich_text::make_harmless(&mut input);
        let (state, _) = self.product_state(&seen.id).await?;
        let outcome = self.rehearse(&seen.id, &state, &input).await?;
        Ok(Written { outcome, product: state.product().cloned().map(Arc::new) })
    }

    async fn page(&self, after: Option<&Slug>, limit: usize) -> Result<Vec<Arc<Product>>> {
        let from = match after {
            // The smallest text after this one.
            Some(slug) => Key::new().text(&format!("{slug}\u{0}")),
            None => Key::new(),
        };
        let range = Range { from: from.into_bytes(), to: Vec::new() };
        let query = Query::new(PRODUCTS, BY_SLUG, range).limit(limit.clamp(1, PAGE_MAX));
        let page = self.machinery.lists().query(query, self.machinery.clock.now()).await.map_err(stored)?;
        let mut products = Vec::with_capacity(page.documents.len());
        for document in &page.documents {
            let slim: ProductDoc = document.read().map_err(stored)?;
            let Some(slim) = slim.product() else { continue };
            // What the document says may be a moment old; the order is the document's.
            let product = self.by_id(&slim.id).await?;
            products.push(product);
        }
        Ok(products)
    }

    fn picture_url(&self, media: &MediaId) -> String {
        super::media::url(media)
    }

    async fn category_titles(&self) -> Result<Vec<(Slug, String)>> {
        let (tree, _) = self.tree().await?;
        Ok(tree.all().iter().map(|category| (category.slug.clone(), category.title.to_string())).collect())
    }

    async fn category(&self, path: &[String], mode: Mode, caller: &Caller) -> Result<(Slug, Vec<Slug>)> {
        for _ in 0..ATTEMPTS {
            let (tree, version) = self.tree().await?;
            let (slug, missing) = missing_of(&tree, path)?;
            if missing.is_empty() || mode == Mode::Rehearse {
                return Ok((slug, missing.into_iter().map(|(slug, _)| slug).collect()));
            }
            let added: Vec<Slug> = missing.iter().map(|(slug, _)| slug.clone()).collect();
            let mut list = tree.all().to_vec();
            for (_, input) in missing {
                list.push(input.validate().map_err(Error::invalid)?);
            }
            let grown = Categories::new(list).map_err(Error::invalid)?;
            match self.plant(grown, &IfMatch::version(version), caller).await {
                Ok(_) => return Ok((slug, added)),
                Err(error) if error.kind == Kind::Stale => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::unavailable("others keep changing the categories; try again shortly", 1))
    }
}

impl Catalog {
    async fn known(&self, id: &ProductId) -> Result<Option<Arc<Product>>> {
        let (state, _) = self.product_state(id).await?;
        Ok(state.product().cloned().map(Arc::new))
    }

    /// What would come of writing this.
    async fn rehearse(&self, id: &ProductId, before: &State, input: &ProductInput) -> Result<Outcome> {
        let draft = input.validate().map_err(Error::invalid)?;
        self.check_media(input, &draft, before).await?;
        let claims = draft.claims(before);
        let is_others = |holder: Option<ProductId>| holder.is_some_and(|holder| holder != *id);
        let is_slug_taken = match &claims.slug {
            Some(slug) => is_others(self.slug_holder(slug).await?),
            None => false,
        };
        let mut skus = Vec::new();
        for sku in claims.skus.difference(&before.claims().skus) {
            if is_others(self.holder(sku).await?) {
                skus.push(sku.clone());
            }
        }
        if is_slug_taken || !skus.is_empty() {
            return Err(taken(is_slug_taken, &skus, input));
        }
        if before.product().is_none() {
            return Ok(Outcome::Created);
        }
        let ids: Vec<VariantId> = (0..draft.variant_count()).map(|_| VariantId::from_bytes([0; 16])).collect();
        let facts = catalog::replace(before, &draft, &ids).map_err(|error| super::write::ruled(&error))?;
        Ok(if facts.is_empty() { Outcome::Unchanged } else { Outcome::Updated })
    }
}

/// The last category of a path, and those that the tree does not have, parents first.
fn missing_of(tree: &Categories, path: &[String]) -> Result<(Slug, Vec<(Slug, CategoryInput)>)> {
    let mut parent: Option<Slug> = None;
    let mut missing = Vec::new();
    for title in path {
        let slug =
            Slug::from_title(title).map_err(|error| Error::field("/categories", "invalid", error.to_string()))?;
        let is_there = tree.all().iter().any(|category| category.slug == slug)
            || missing.iter().any(|(known, _): &(Slug, CategoryInput)| *known == slug);
        if !is_there {
            let input = CategoryInput {
                slug: Some(slug.to_string()),
                parent: parent.as_ref().map(ToString::to_string),
                title: title.trim().to_owned(),
                ..CategoryInput::default()
            };
            missing.push((slug.clone(), input));
        }
        parent = Some(slug);
    }
    let last = parent.ok_or_else(|| Error::field("/categories", "required", "a category needs a name"))?;
    Ok((last, missing))
}

fn moved() -> Error {
    Error::new(Kind::Stale, "precondition_failed", "it was changed meanwhile")
}
