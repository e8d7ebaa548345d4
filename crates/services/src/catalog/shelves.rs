//! The catalogue for those who find products: products, holders of SKUs, cards, and the tree as they are now.
//! It does not know who finds what, nor by which words.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::Result;
use contracts::catalog::{ProductCard, Reading};
use contracts::shelves::Shelves;
use domain::catalog::{Categories, Product, State};
use domain::ids::ProductId;
use domain::sku::Sku;
use futures::future::try_join_all;

use super::Catalog;
use super::lists::FIRST_SKUS;
use super::views::{self, Shelf};

/// Streams that are read at the same time.
const READS_AT_ONCE: usize = 20;

#[async_trait]
impl Shelves for Catalog {
    async fn products_now(&self, ids: &[ProductId]) -> Result<BTreeMap<ProductId, Arc<Product>>> {
        let states = self.states(ids).await?;
        let products = ids.iter().zip(states);
        Ok(products.filter_map(|(id, state)| Some((id.clone(), Arc::new(state.product()?.clone())))).collect())
    }

    async fn holders(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, ProductId>> {
        let mut holders = Vec::with_capacity(skus.len());
        for some in skus.chunks(READS_AT_ONCE) {
            holders.extend(try_join_all(some.iter().map(|sku| self.holder(sku))).await?);
        }
        Ok(skus.iter().zip(holders).filter_map(|(sku, holder)| Some((sku.clone(), holder?))).collect())
    }

    async fn cards(&self, ids: &[ProductId], reading: &Reading) -> Result<Vec<ProductCard>> {
        let read_as = self.read_as(reading).await?;
        let states = self.states(ids).await?;
        let on_sale = |state: &'_ Arc<State>| state.product().is_some_and(Product::is_for_sale);
        let states: Vec<Arc<State>> = states.into_iter().filter(on_sale).collect();
        let products: Vec<&Product> = states.iter().filter_map(|state| state.product()).collect();
        let shelf = self.shelf_of_products(&products).await?;
        let shown = products.iter().filter_map(|product| product.content.images.first());
        let album = self.pictures.album(shown.map(|image| &image.media)).await?;
        Ok(products.iter().map(|product| views::card(product, &read_as, &shelf, &album)).collect())
    }

    async fn tree(&self) -> Result<(Arc<Categories>, u64)> {
        Catalog::tree(self).await
    }
}

impl Catalog {
    async fn states(&self, ids: &[ProductId]) -> Result<Vec<Arc<State>>> {
        let mut states = Vec::with_capacity(ids.len());
        for some in ids.chunks(READS_AT_ONCE) {
            let read = try_join_all(some.iter().map(|id| self.product_state(id))).await?;
            states.extend(read.into_iter().map(|(state, _)| state));
        }
        Ok(states)
    }

    /// What is left, as far as it decides how available each product is: few SKUs first, and the rest only of those
    /// products that are not found in stock by them.
    pub(super) async fn shelf_of_products(&self, products: &[&Product]) -> Result<Shelf> {
        let skus = |product: &'_ Product| -> Vec<Sku> {
            product.content.variants.iter().map(|variant| variant.sku.clone()).collect()
        };
        let first: Vec<Sku> = products.iter().flat_map(|product| skus(product).into_iter().take(FIRST_SKUS)).collect();
        let mut shelf = self.shelf(&first).await?;
        let in_stock = contracts::catalog::Availability::InStock;
        let undecided = products.iter().filter(|product| views::best(&skus(product), &shelf) != in_stock);
        let rest: Vec<Sku> = undecided.flat_map(|product| skus(product).into_iter().skip(FIRST_SKUS)).collect();
        if !rest.is_empty() {
            shelf.extend(self.shelf(&rest).await?);
        }
        Ok(shelf)
    }
}
