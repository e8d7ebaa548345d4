//! Products and categories as staff work on them.
//! It does not know pages, nor what shoppers see of a product.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::catalog::{Category, CategoryInput, Product, ProductInput, Status};
use domain::ids::{MediaId, ProductId};

use crate::caller::Caller;
use crate::catalog::Media;
use crate::{Listing, Result};

/// Which products to list, active or not.
#[derive(Debug, Clone, Default)]
pub struct WantedProducts {
    pub status: Option<Status>,
    /// Part of a title in any language.
    pub q: Option<String>,
    pub sku: Option<String>,
    pub cursor: Option<String>,
    /// 1 to 100.
    pub limit: usize,
}

/// What staff do with products. Each change is made on the version that was `seen`; when somebody was faster, it is `Stale`.
#[async_trait]
pub trait ProductDesk: Send + Sync {
    /// The newest first, as lists know them: without descriptions, attributes, options and barcodes. Sees what was written
    /// before it was asked.
    async fn products(&self, wanted: &WantedProducts) -> Result<Listing<Product>>;

    async fn product(&self, id: &ProductId) -> Result<Arc<Product>>;

    /// Creates a product, once per `once`.
    ///
    /// # Errors
    /// `Invalid` with the fields · `slug_taken`, `sku_taken`.
    async fn create(&self, input: ProductInput, once: &str, caller: &Caller) -> Result<Arc<Product>>;

    /// Makes a product what `input` says. What it leaves out is gone.
    async fn replace(&self, id: &ProductId, input: ProductInput, seen: u64, caller: &Caller) -> Result<Arc<Product>>;

    async fn archive(&self, id: &ProductId, seen: u64, caller: &Caller) -> Result<Arc<Product>>;

    /// Brings an archived product back, as a draft or on sale.
    async fn restore(&self, id: &ProductId, status: Status, seen: u64, caller: &Caller) -> Result<Arc<Product>>;

    /// All categories, parents before children, and the tree's version.
    async fn categories(&self) -> Result<(Vec<Category>, u64)>;

    /// Replaces all categories; answers the tree's new version.
    async fn replace_categories(&self, categories: Vec<CategoryInput>, seen: u64, caller: &Caller) -> Result<u64>;

    /// Stores a picture that was uploaded: JPEG, PNG or WebP, whatever it calls itself.
    async fn upload(&self, bytes: Bytes, caller: &Caller) -> Result<Media>;

    /// Where a picture is served, relative to the shop's address.
    fn picture_url(&self, id: &MediaId) -> String;
}
