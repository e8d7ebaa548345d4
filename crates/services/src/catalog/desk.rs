//! Products and categories as staff's pages work on them.
//! It does not know pages.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::Media;
use contracts::products::{ProductDesk, WantedProducts};
use contracts::{Error, Listing, Result};
use domain::catalog::{Categories, Category, CategoryInput, Product, ProductInput, Status};
use domain::ids::{MediaId, ProductId};
use platform::http::extract::IfMatch;

use super::Catalog;
use super::lists::ListForStaff;
use super::media;

#[async_trait]
impl ProductDesk for Catalog {
    async fn products(&self, wanted: &WantedProducts) -> Result<Listing<Product>> {
        let WantedProducts { status, q, sku, cursor, limit } = wanted.clone();
        self.list_for_staff(&ListForStaff { status, q, sku, cursor, limit }).await
    }

    async fn product(&self, id: &ProductId) -> Result<Arc<Product>> {
        self.by_id(id).await
    }

    async fn create(&self, input: ProductInput, once: &str, caller: &Caller) -> Result<Arc<Product>> {
        let mut bytes = [0; 16];
        let hash = self.machinery.vault.master().hash("product of a page", &[once.as_bytes()]);
        bytes.copy_from_slice(&hash[..16]);
        Catalog::create(self, ProductId::from_bytes(bytes), &input, caller).await
    }

    async fn replace(&self, id: &ProductId, input: ProductInput, seen: u64, caller: &Caller) -> Result<Arc<Product>> {
        self.rewrite(id, &IfMatch::version(seen), |_| Ok(input.clone()), caller).await
    }

    async fn archive(&self, id: &ProductId, seen: u64, caller: &Caller) -> Result<Arc<Product>> {
        Catalog::archive(self, id, &IfMatch::version(seen), caller).await
    }

    async fn restore(&self, id: &ProductId, status: Status, seen: u64, caller: &Caller) -> Result<Arc<Product>> {
        Catalog::restore(self, id, status, &IfMatch::version(seen), caller).await
    }

    async fn categories(&self) -> Result<(Vec<Category>, u64)> {
        let (tree, version) = self.tree().await?;
        Ok((tree.all().to_vec(), version))
    }

    async fn replace_categories(&self, categories: Vec<CategoryInput>, seen: u64, caller: &Caller) -> Result<u64> {
        let tree = Categories::from_inputs(&categories).map_err(Error::invalid)?;
        self.plant(tree, &IfMatch::version(seen), caller).await
    }

    async fn upload(&self, bytes: Bytes, caller: &Caller) -> Result<Media> {
        self.pictures.store(bytes, caller).await
    }

    fn picture_url(&self, id: &MediaId) -> String {
        media::url(id)
    }
}
