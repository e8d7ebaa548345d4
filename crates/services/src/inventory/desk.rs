//! Stock as staff work on it: lists, levels, counting and history.
//! It does not know pages or HTTP. What a SKU is, it asks the catalogue.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::catalog::Catalog;
use contracts::inventory::{Inventory as _, StockDesk, StockLevels, StockMovement};
use contracts::{Error, Listing, Result};
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason, Stock};
use platform::documents::{Page, Query, Range, tuple};
use platform::http::lists::{Cursor, Fingerprint};
use platform::log::Version;

use super::projections::{BY_SKU, LOW_BY_SKU, STOCK, StockDoc};
use super::service::Inventory;
use super::views::levels;
use crate::machinery::{cursor_of, stored};

/// What staff reach of the inventory.
#[derive(Clone)]
pub struct Desk {
    pub(super) inventory: Arc<Inventory>,
    catalog: Arc<dyn Catalog>,
}

impl Desk {
    pub fn new(inventory: Arc<Inventory>, catalog: Arc<dyn Catalog>) -> Self {
        Self { inventory, catalog }
    }

    /// # Errors
    /// `NotFound` for a SKU that neither stock nor catalogue know.
    pub(super) async fn known(&self, sku: &Sku) -> Result<()> {
        if self.inventory.counted(sku).await?.is_some() {
            return Ok(());
        }
        let existing = self.catalog.existing(std::slice::from_ref(sku)).await?;
        if existing.is_empty() { Err(Error::not_found("SKU")) } else { Ok(()) }
    }
}

#[async_trait]
impl StockDesk for Desk {
    async fn levels(
        &self,
        sku: Option<&str>,
        only_low: bool,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<StockLevels>> {
        let fingerprint = Fingerprint::new("stock").with("sku", sku).with("low", only_low.then_some("true"));
        let cursor = cursor_of(cursor, &fingerprint)?;
        let machinery = &self.inventory.machinery;
        machinery.settle_lists().await?;
        let query = Query::new(STOCK, if only_low { LOW_BY_SKU } else { BY_SKU }, beginning_with(sku))
            .limit(limit)
            .after(cursor.map(Cursor::after));
        let page = machinery.lists().query(query, machinery.clock.now()).await.map_err(stored)?;
        let next = Cursor::next_of(&page).map(|next| next.encode(&fingerprint));
        Ok(Listing { items: shown(&page)?, next_cursor: next })
    }

    async fn level(&self, sku: &Sku) -> Result<StockLevels> {
        self.known(sku).await?;
        let counted = self.inventory.counted(sku).await?.unwrap_or_default();
        Ok(levels(sku, &counted.stock, counted.updated_at))
    }

    async fn stock_of(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>> {
        self.inventory.stock(skus).await
    }

    async fn movements(&self, sku: &Sku, cursor: Option<&str>, limit: usize) -> Result<Listing<StockMovement>> {
        let fingerprint = Fingerprint::new("stock movements").with("sku", Some(sku.as_str()));
        let cursor = cursor_of(cursor, &fingerprint)?;
        let before: Option<Version> = cursor.and_then(|cursor| cursor.id.parse().ok());
        self.known(sku).await?;
        let page = self.inventory.movements(sku, before, limit).await?;
        let next = page.next.map(|before| Cursor { key: Vec::new(), id: before.to_string() });
        Ok(Listing { items: page.movements, next_cursor: next.map(|next| next.encode(&fingerprint)) })
    }

    async fn count(
        &self,
        sku: &Sku,
        location: &Location,
        delta: i64,
        reason: Reason,
        once: &str,
        caller: &Caller,
    ) -> Result<StockLevels> {
        self.known(sku).await?;
        let once = format!("page/{once}");
        self.inventory.adjust_once(sku, location, delta, reason, &once, caller).await?;
        self.level(sku).await
    }

    async fn choose_policy(&self, sku: &Sku, policy: Policy, caller: &Caller) -> Result<StockLevels> {
        self.known(sku).await?;
        self.inventory.set_policy(sku, policy, caller).await?;
        self.level(sku).await
    }
}

fn shown(page: &Page) -> Result<Vec<StockLevels>> {
    let mut items = Vec::with_capacity(page.documents.len());
    for document in &page.documents {
        let StockDoc { sku, stock, updated_at, .. } = document.read().map_err(stored)?;
        let sku = Sku::parse(&sku).map_err(|error| Error::internal(error.to_string()))?;
        items.push(levels(&sku, &stock, Some(updated_at)));
    }
    Ok(items)
}

/// Texts that begin with this: the encoded text without the byte that ends it.
fn beginning_with(prefix: Option<&str>) -> Range {
    let mut from = tuple::Key::new().text(prefix.unwrap_or_default()).into_bytes();
    from.pop();
    let to = tuple::after_prefix(&from);
    Range { from, to }
}
