//! The inventory: how many there are, and who holds them.
//! It does not know prices, titles or buyers.

mod staff;

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::ids::{OrderId, RefundId, ShipmentId};
use domain::quantity::Quantity;
use domain::reservation::{Reservation, Shortage};
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason, Stock};
use jiff::Timestamp;

pub use staff::{MovementType, StockLevels, StockLocation, StockMovement, StockPolicy};

use crate::caller::Caller;
use crate::{Listing, Result};

/// The answer to a wish to reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// All lines are held.
    Held,
    /// Nothing is held, and the same order will not be tried again.
    Short(Vec<Shortage>),
    /// The reservation was given back before; it cannot be opened again.
    Closed,
}

#[async_trait]
pub trait Inventory: Send + Sync {
    /// Holds all lines or none. Asking again answers as the first time.
    async fn reserve(
        &self,
        order: &OrderId,
        lines: &[(Sku, Quantity)],
        expires_at: Timestamp,
        caller: &Caller,
    ) -> Result<Reserved>;

    /// Keeps what is held until it is shipped or released. `false`: it was given back meanwhile.
    async fn confirm(&self, order: &OrderId, caller: &Caller) -> Result<bool>;

    /// Gives back what is held, and refuses every later attempt to reserve for this order.
    async fn release(&self, order: &OrderId, caller: &Caller) -> Result<()>;

    /// Orders whose stock is held until then at most, and not confirmed.
    async fn unconfirmed(&self, until: Timestamp) -> Result<Vec<OrderId>>;

    /// Gives back what is held for an order that never came about, if it is not confirmed. Should the order come after all, it may
    /// reserve anew. Answers whether anything was held.
    async fn abandon(&self, order: &OrderId, caller: &Caller) -> Result<bool>;

    /// Takes the goods of a parcel off the shelf, once per shipment.
    async fn ship(
        &self,
        order: &OrderId,
        shipment: &ShipmentId,
        lines: &[(Sku, Quantity)],
        caller: &Caller,
    ) -> Result<()>;

    /// Puts `returned` goods back on the shelf and gives back what stays `unshipped`, once per refund.
    async fn restock(
        &self,
        order: &OrderId,
        refund: &RefundId,
        returned: &[(Sku, Quantity)],
        unshipped: &[(Sku, Quantity)],
        caller: &Caller,
    ) -> Result<()>;

    /// Stock of each SKU; empty stock for one that was never counted.
    async fn stock(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>>;

    /// Counts more or fewer. `once` names the request: the same one again changes nothing.
    async fn adjust(
        &self,
        sku: &Sku,
        location: &Location,
        delta: i64,
        reason: Reason,
        once: &str,
        caller: &Caller,
    ) -> Result<Stock>;

    async fn set_policy(&self, sku: &Sku, policy: Policy, caller: &Caller) -> Result<Stock>;

    /// What an order holds, now or as it was at a past instant (inclusive).
    async fn reservation(&self, order: &OrderId, at: Option<Timestamp>) -> Result<Reservation>;
}

/// What staff do with stock. A SKU that neither stock nor catalogue know is `NotFound`.
#[async_trait]
pub trait StockDesk: Send + Sync {
    /// The stock of every SKU that was ever counted, by name. `sku`: what it begins with; `only_low`: counted ones of which five
    /// or fewer are available.
    async fn levels(
        &self,
        sku: Option<&str>,
        only_low: bool,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<StockLevels>>;

    async fn level(&self, sku: &Sku) -> Result<StockLevels>;

    /// Stock of each SKU; empty stock for one that was never counted.
    async fn stock_of(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>>;

    /// What happened to a SKU's stock, the newest first.
    async fn movements(&self, sku: &Sku, cursor: Option<&str>, limit: usize) -> Result<Listing<StockMovement>>;

    /// Counts more or fewer, once per `once`.
    ///
    /// # Errors
    /// `below_reserved` when fewer would be left than are reserved.
    async fn count(
        &self,
        sku: &Sku,
        location: &Location,
        delta: i64,
        reason: Reason,
        once: &str,
        caller: &Caller,
    ) -> Result<StockLevels>;

    async fn choose_policy(&self, sku: &Sku, policy: Policy, caller: &Caller) -> Result<StockLevels>;
}
