//! What the catalogue tells those who find products for others: products as they are, whose a SKU is, the tree of
//! categories, and the cards of what was found.
//! It does not know what somebody is looking for; that is [`crate::search`]'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::catalog::{Categories, Product};
use domain::ids::ProductId;
use domain::sku::Sku;

use crate::Result;
use crate::catalog::{ProductCard, Reading};

#[async_trait]
pub trait Shelves: Send + Sync {
    /// Products as they are now, whatever their status; those that do not exist are left out.
    async fn products_now(&self, ids: &[ProductId]) -> Result<BTreeMap<ProductId, Arc<Product>>>;

    /// Whose each SKU is; those that nobody has are left out.
    async fn holders(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, ProductId>>;

    /// The cards of these products in this order; those that are not for sale are left out.
    async fn cards(&self, ids: &[ProductId], reading: &Reading) -> Result<Vec<ProductCard>>;

    /// The tree of categories in all languages, and its version: the same version is the same tree.
    async fn tree(&self) -> Result<(Arc<Categories>, u64)>;
}
