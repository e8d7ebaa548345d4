//! An inventory that says that it gave stock back, and did not.
//! Everything else it passes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::Result;
use contracts::caller::Caller;
use contracts::inventory::{Inventory, Reserved};
use domain::ids::{OrderId, RefundId, ShipmentId};
use domain::quantity::Quantity;
use domain::reservation::Reservation;
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason, Stock};
use jiff::Timestamp;

pub struct Unreleasing(pub Arc<dyn Inventory>);

#[async_trait]
impl Inventory for Unreleasing {
    async fn release(&self, _: &OrderId, _: &Caller) -> Result<()> {
        Ok(())
    }

    async fn reserve(
        &self,
        order: &OrderId,
        lines: &[(Sku, Quantity)],
        expires_at: Timestamp,
        caller: &Caller,
    ) -> Result<Reserved> {
        self.0.reserve(order, lines, expires_at, caller).await
    }

    async fn confirm(&self, order: &OrderId, caller: &Caller) -> Result<bool> {
        self.0.confirm(order, caller).await
    }

    async fn unconfirmed(&self, until: Timestamp) -> Result<Vec<OrderId>> {
        self.0.unconfirmed(until).await
    }

    async fn abandon(&self, order: &OrderId, caller: &Caller) -> Result<bool> {
        self.0.abandon(order, caller).await
    }

    async fn ship(
        &self,
        order: &OrderId,
        shipment: &ShipmentId,
        lines: &[(Sku, Quantity)],
        caller: &Caller,
    ) -> Result<()> {
        self.0.ship(order, shipment, lines, caller).await
    }

    async fn restock(
        &self,
        order: &OrderId,
        refund: &RefundId,
        returned: &[(Sku, Quantity)],
        unshipped: &[(Sku, Quantity)],
        caller: &Caller,
    ) -> Result<()> {
        self.0.restock(order, refund, returned, unshipped, caller).await
    }

    async fn stock(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>> {
        self.0.stock(skus).await
    }

    async fn adjust(
        &self,
        sku: &Sku,
        location: &Location,
        delta: i64,
        reason: Reason,
        once: &str,
        caller: &Caller,
    ) -> Result<Stock> {
        self.0.adjust(sku, location, delta, reason, once, caller).await
    }

    async fn set_policy(&self, sku: &Sku, policy: Policy, caller: &Caller) -> Result<Stock> {
        self.0.set_policy(sku, policy, caller).await
    }

    async fn reservation(&self, order: &OrderId, at: Option<Timestamp>) -> Result<Reservation> {
        self.0.reservation(order, at).await
    }
}
