//! The catalogue: products, their variants and categories.
//! It does not know how many there are of anything; that is [`crate::inventory`]'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::catalog::{CategoryInput, Product, ProductInput};
use domain::ids::{MediaId, ProductId};
use domain::locale::Locale;
use domain::money::Currency;
use domain::sku::Sku;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Result;
use crate::caller::Caller;

/// What a SKU is and costs, for carts and orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub product: ProductId,
    pub slug: String,
    /// The product's title in the asked language.
    pub title: String,
    /// Such as `Large / Blue`, in the asked language; empty for a product without options.
    pub variant: String,
    /// `None` where it is not sold in the asked currency.
    pub price: Option<i64>,
    /// Whether the product is active.
    pub purchasable: bool,
    /// Address of the picture, relative to the shop's.
    pub image: Option<String>,
}

/// How much there is, as far as everybody may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    InStock,
    FewLeft,
    SoldOut,
}

/// In which currency and language to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// `None`: the shop's first.
    pub currency: Option<Currency>,
    /// `None`: the shop's default.
    pub locale: Option<Locale>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageView {
    /// Relative to the shop's address.
    #[schema(example = "/media/med_….svg")]
    pub url: String,
    pub alt: String,
    /// In pixels; null where it is not known.
    #[serde(default)]
    pub width: Option<u32>,
    #[serde(default)]
    pub height: Option<u32>,
    /// Smaller versions, the smallest first; none of a drawing, which is sharp at any size.
    #[serde(default)]
    pub sizes: Vec<ImageSize>,
}

/// A smaller version of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageSize {
    /// Relative to the shop's address.
    pub url: String,
    /// In pixels.
    pub width: u32,
}

/// A product as shoppers see it in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductCard {
    #[schema(example = "prd_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    pub slug: String,
    pub title: String,
    pub brand: Option<String>,
    pub categories: Vec<String>,
    pub image: Option<ImageView>,
    #[schema(example = "EUR")]
    pub currency: String,
    /// The lowest and the highest price of its variants, in minor units; null where it has none in this currency.
    pub price_from: Option<i64>,
    pub price_to: Option<i64>,
    /// The highest price before a reduction, where one is given.
    pub compare_at_price: Option<i64>,
    pub availability: Availability,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OptionView {
    /// As variants name it.
    pub name: String,
    /// As it is shown.
    pub label: String,
    pub values: Vec<OptionValueView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OptionValueView {
    pub value: String,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariantView {
    pub id: String,
    pub sku: String,
    pub gtin: Option<String>,
    pub options: BTreeMap<String, String>,
    /// Minor units; null where it is not sold in this currency.
    pub price: Option<i64>,
    pub compare_at_price: Option<i64>,
    pub image: Option<String>,
    pub availability: Availability,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttributeView {
    pub key: String,
    pub value: String,
}

/// A product as shoppers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductView {
    pub id: String,
    pub slug: String,
    pub title: String,
    /// As text.
    pub description: String,
    /// The same with its structure, as harmless HTML; null where it has none.
    #[serde(default)]
    pub description_html: Option<String>,
    pub brand: Option<String>,
    pub categories: Vec<String>,
    pub attributes: Vec<AttributeView>,
    pub options: Vec<OptionView>,
    pub images: Vec<ImageView>,
    /// The language that was asked for; texts that are missing in it are in the shop's default.
    pub locale: String,
    pub currency: String,
    pub price_from: Option<i64>,
    pub price_to: Option<i64>,
    pub availability: Availability,
    pub variants: Vec<VariantView>,
    pub updated_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoryView {
    pub slug: String,
    pub parent: Option<String>,
    pub title: String,
    pub description: String,
}

/// How a list of products is ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    Title,
    PriceAsc,
    PriceDesc,
}

/// Which products to list. Only active ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListProducts {
    pub reading: Reading,
    /// Slug of a category; products of its descendants are listed, too.
    pub category: Option<String>,
    /// Part of a title, without regard to case.
    pub q: Option<String>,
    pub sort: Sort,
    pub cursor: Option<String>,
    /// 1 to 100.
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// A picture that is stored, and where it is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    pub id: MediaId,
    pub url: String,
    pub content_type: String,
    pub bytes: u64,
    /// In pixels; none of a drawing.
    #[serde(default)]
    pub width: Option<u32>,
    #[serde(default)]
    pub height: Option<u32>,
    /// Smaller versions, the smallest first.
    #[serde(default)]
    pub sizes: Vec<ImageSize>,
}

#[async_trait]
pub trait Catalog: Send + Sync {
    /// The offers of these SKUs; those that nobody sells are left out.
    async fn offers(&self, skus: &[Sku], currency: Currency, locale: &Locale) -> Result<BTreeMap<Sku, Offer>>;

    /// Which of these SKUs exist, whether or not they are for sale.
    async fn existing(&self, skus: &[Sku]) -> Result<Vec<Sku>>;

    /// An active product by id or slug.
    async fn product(&self, id_or_slug: &str, reading: &Reading) -> Result<Arc<ProductView>>;

    /// Whether [`Catalog::product`] would answer with this very view now, under the same settings, as far as that is
    /// known without waiting. When in doubt, it would not.
    fn is_current(&self, _product: &Arc<ProductView>) -> bool {
        false
    }

    async fn products(&self, query: &ListProducts) -> Result<Listing<ProductCard>>;

    /// Every category, parents before children.
    async fn categories(&self, reading: &Reading) -> Result<Vec<CategoryView>>;

    /// Creates a product. The id decides whether this is a repetition: the same id answers with what is there.
    async fn create_product(&self, id: ProductId, input: ProductInput, caller: &Caller) -> Result<Arc<Product>>;

    /// Replaces all categories.
    async fn replace_categories(&self, categories: Vec<CategoryInput>, caller: &Caller) -> Result<()>;

    /// Stores a picture. SVG is taken only from the shop itself, never from an upload.
    async fn store_media(&self, content_type: &str, bytes: Bytes, caller: &Caller) -> Result<Media>;
}
