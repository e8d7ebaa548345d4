//! The catalogue: products and their categories, as facts, as lists and as finished answers; and the pictures they show.
//! It does not know what is in stock or in carts: availability is asked of the inventory.

mod book;
mod desk;
mod finding;
pub mod http;
mod kinds;
mod listing;
mod lists;
mod media;
pub mod pictures;
mod projection;
mod responses;
pub mod rich_text;
mod shelves;
mod views;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::{CategoryView, ListProducts, Listing, Media, Offer, ProductCard, ProductView, Reading};
use contracts::inventory::Inventory;
use contracts::shop::Shop;
use contracts::{Error, Kind, Result};
use domain::catalog::{Categories, CategoryInput, Product, ProductInput, State};
use domain::ids::ProductId;
use domain::locale::Locale;
use domain::money::Currency;
use domain::sku::Sku;
use domain::text::Slug;
use futures::future::try_join_all;
use platform::cache::SecondLevel;
use platform::http::extract::IfMatch;
use platform::log::Version;
use platform::log::kind::Kinds;
use platform::projection::ErasedProjection;

use self::kinds::{CategoryTree, Products, SkuClaims, SlugClaims};
use self::media::Pictures;
use self::pictures::PictureWorkshop;
use self::reading::ReadAs;
use self::responses::{Answer, Asked, Fetched, NEWS_BATCHES, Responses};
use self::views::Shelf;
use crate::machinery::{Machinery, stored};
use crate::reading;

pub fn register(kinds: &mut Kinds) {
    kinds.register::<Products>().register::<SkuClaims>().register::<SlugClaims>().register::<CategoryTree>();
}

pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    vec![Arc::new(projection::ProductLists)]
}

/// The catalogue in this process.
pub struct Catalog {
    machinery: Machinery,
    shop: Arc<dyn Shop>,
    inventory: Arc<dyn Inventory>,
    pictures: Pictures,
    responses: Arc<Responses>,
}

impl Catalog {
    /// Also begins to listen to what is committed, on the current runtime.
    pub fn new(
        machinery: Machinery,
        shop: Arc<dyn Shop>,
        inventory: Arc<dyn Inventory>,
        workshop: Arc<dyn PictureWorkshop>,
    ) -> Arc<Self> {
        let responses = Arc::new(Responses::default());
        responses.follow(machinery.executor.subscribe(NEWS_BATCHES));
        let pictures = Pictures::new(machinery.clone(), workshop);
        Arc::new(Self { pictures, machinery, shop, inventory, responses })
    }

    async fn read_as(&self, reading: &Reading) -> Result<ReadAs> {
        ReadAs::of(&self.shop.settings().await?.settings, reading)
    }

    /// An active product's finished answer: kept from before, or made now.
    async fn answer(&self, id_or_slug: &str, reading: &Reading) -> Result<Arc<Answer>> {
        let read_as = self.read_as(reading).await?;
        let asked = Asked { name: canonical_name(id_or_slug).ok_or_else(no_product)?, read_as };
        let Some(kept) = self.responses.get(&asked) else { return self.fetch(asked).await };
        if !kept.begin_look() {
            return Ok(kept);
        }
        match self.make(asked, Some(&kept)).await {
            // A product page does not go away because stock cannot be asked for a moment.
            Err(error) if matches!(error.kind, Kind::Unavailable | Kind::Internal) => Ok(kept),
            Err(error) => {
                self.responses.forget(&kept.product);
                Err(error)
            }
            made => made,
        }
    }

    /// What another node made, else what is made now, and given to the others.
    async fn fetch(&self, asked: Asked) -> Result<Arc<Answer>> {
        let generation = self.responses.generation();
        match self.responses.fetch(&asked).await {
            Fetched::Answer(answer) => {
                self.responses.keep(asked, answer.clone(), generation);
                Ok(answer)
            }
            Fetched::Missing(began) => {
                let answer = self.make(asked.clone(), None).await?;
                let (responses, given) = (self.responses.clone(), answer.clone());
                // Nobody waits for it.
                tokio::spawn(async move { responses.give(&asked, began, &given).await });
                Ok(answer)
            }
            Fetched::Alone => self.make(asked, None).await,
        }
    }

    /// Shares finished answers with other nodes from now on.
    pub fn share(&self, second: Arc<SecondLevel>) {
        self.responses.share(second);
    }

    /// Makes an answer and keeps it. Where nothing changed since `kept`, that one is good for longer.
    async fn make(&self, asked: Asked, kept: Option<&Arc<Answer>>) -> Result<Arc<Answer>> {
        let generation = self.responses.generation();
        let id = self.find(&asked.name).await?;
        let (state, version) = self.product_state(&id).await?;
        let product = state.product().filter(|product| product.is_for_sale()).ok_or_else(no_product)?;
        let is_named = asked.name == id.as_str() || asked.name == product.content.slug.as_str();
        if !is_named {
            return Err(no_product());
        }
        let skus: Vec<Sku> = product.content.variants.iter().map(|variant| variant.sku.clone()).collect();
        let shelf = self.shelf(&skus).await?;
        if let Some(kept) = kept.filter(|kept| kept.version == version && kept.shelf == shelf && kept.product == id) {
            return Ok(kept.clone());
        }
        let album = self.pictures.album(product.content.images.iter().map(|image| &image.media)).await?;
        let view = views::product(product, &asked.read_as, &shelf, &album);
        let finished = responses::finish(&view).await?;
        let answer = Arc::new(Answer::new(id, version, shelf, view, finished));
        self.responses.keep(asked, answer.clone(), generation);
        Ok(answer)
    }

    /// The product that an id or a slug means.
    async fn find(&self, id_or_slug: &str) -> Result<ProductId> {
        if let Ok(id) = ProductId::parse(id_or_slug) {
            return Ok(id);
        }
        let slug = Slug::parse(id_or_slug).map_err(|_| no_product())?;
        self.slug_holder(&slug).await?.ok_or_else(no_product)
    }

    /// The product that has a slug.
    async fn slug_holder(&self, slug: &Slug) -> Result<Option<ProductId>> {
        let stream = SlugClaims::stream(slug);
        let (claim, _) = self.machinery.executor.read::<SlugClaims>(&stream).await.map_err(stored)?;
        Ok(claim.holder.clone())
    }

    /// The product that has, or had last, a SKU.
    async fn holder(&self, sku: &Sku) -> Result<Option<ProductId>> {
        let stream = SkuClaims::stream(sku);
        let (claim, _) = self.machinery.executor.read::<SkuClaims>(&stream).await.map_err(stored)?;
        Ok(claim.holder.clone())
    }

    /// What that product is. Who had the SKU when this node last heard of it nearly always has it still, so both are
    /// asked at once.
    async fn held(&self, sku: &Sku) -> Result<Option<Arc<State>>> {
        let stream = SkuClaims::stream(sku);
        let (known, _) = self.machinery.executor.at_hand::<SkuClaims>(&stream).await.map_err(stored)?;
        let presumed = async {
            match &known.holder {
                Some(id) => self.product_state(id).await.map(Some),
                None => Ok(None),
            }
        };
        let (holder, presumed) = futures::try_join!(self.holder(sku), presumed)?;
        let found = match &holder {
            Some(id) if holder != known.holder => Some(self.product_state(id).await?),
            Some(_) => presumed,
            None => None,
        };
        Ok(found.map(|(state, _)| state))
    }

    async fn shelf(&self, skus: &[Sku]) -> Result<Shelf> {
        let stock = self.inventory.stock(skus).await?;
        let never_counted = domain::stock::Stock::default();
        let left = |sku: &Sku| views::availability(stock.get(sku).unwrap_or(&never_counted));
        Ok(skus.iter().map(|sku| (sku.clone(), left(sku))).collect())
    }

    async fn offer(&self, sku: &Sku, currency: Currency, locale: &Locale) -> Result<Option<Offer>> {
        let Some(state) = self.held(sku).await? else { return Ok(None) };
        let product = state.product();
        let found = product.and_then(|product| Some((product, product.content.variant_by_sku(sku)?)));
        Ok(found.map(|(product, variant)| views::offer(product, variant, currency, locale)))
    }
}

#[async_trait]
impl contracts::catalog::Catalog for Catalog {
    async fn offers(&self, skus: &[Sku], currency: Currency, locale: &Locale) -> Result<BTreeMap<Sku, Offer>> {
        let offers = try_join_all(skus.iter().map(|sku| self.offer(sku, currency, locale))).await?;
        let found = skus.iter().zip(offers).filter_map(|(sku, offer)| Some((sku.clone(), offer?)));
        Ok(found.collect())
    }

    async fn existing(&self, skus: &[Sku]) -> Result<Vec<Sku>> {
        let holders = try_join_all(skus.iter().map(|sku| self.holder(sku))).await?;
        Ok(skus.iter().zip(holders).filter_map(|(sku, holder)| holder.map(|_| sku.clone())).collect())
    }

    async fn product(&self, id_or_slug: &str, reading: &Reading) -> Result<Arc<ProductView>> {
        Ok(self.answer(id_or_slug, reading).await?.view.clone())
    }

    fn is_current(&self, product: &Arc<ProductView>) -> bool {
        self.responses.is_current(product)
    }

    async fn products(&self, query: &ListProducts) -> Result<Listing<ProductCard>> {
        self.list(query).await
    }

    async fn categories(&self, reading: &Reading) -> Result<Vec<CategoryView>> {
        let read_as = self.read_as(reading).await?;
        Ok(views::categories(&self.tree().await?.0, &read_as.locale))
    }

    async fn create_product(&self, id: ProductId, input: ProductInput, caller: &Caller) -> Result<Arc<Product>> {
        self.create(id, &input, caller).await
    }

    async fn replace_categories(&self, categories: Vec<CategoryInput>, caller: &Caller) -> Result<()> {
        let tree = Categories::from_inputs(&categories).map_err(Error::invalid)?;
        let _: Version = self.plant(tree, &IfMatch::default(), caller).await?;
        Ok(())
    }

    async fn store_media(&self, _content_type: &str, bytes: Bytes, caller: &Caller) -> Result<Media> {
        self.pictures.store(bytes, caller).await
    }
}

/// An id as it is, a slug composed: two spellings that look the same are one name.
fn canonical_name(id_or_slug: &str) -> Option<String> {
    if ProductId::parse(id_or_slug).is_ok() {
        return Some(id_or_slug.to_owned());
    }
    Slug::parse(id_or_slug).ok().map(String::from)
}

fn no_product() -> Error {
    Error::not_found("product")
}
