//! What the inventory's lists read: stock per SKU, and the reservations that are held and may expire.
//! It does not answer for one SKU: that is read from its stream, which never lags.

use domain::ids::OrderId;
use domain::reservation;
use domain::stock::Stock;
use jiff::Timestamp;
use platform::documents::{Collection, Entry, tuple};
use platform::log::executor::CommittedFact;
use platform::log::kind::Kind;
use platform::projection::Projection;
use serde::{Deserialize, Serialize};

use super::kinds::{ReservationKind, StockKind};

pub const STOCK: Collection = Collection::derived("stock");
pub const RESERVATIONS: Collection = Collection::derived("reservations");

/// Every SKU that was ever counted, by name.
pub const BY_SKU: &str = "sku";
/// Those of which few are left, by name.
pub const LOW_BY_SKU: &str = "low";
/// Reservations that are held and not confirmed, by the time until which they are.
pub const BY_EXPIRY: &str = "expires_at";

/// Stock of every SKU.
pub struct Stocks;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockDoc {
    pub sku: String,
    pub stock: Stock,
    pub low: bool,
    pub updated_at: Timestamp,
}

impl Projection for Stocks {
    const NAME: &'static str = "stock";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = STOCK;
    type Doc = StockDoc;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        if fact.stream.kind() == StockKind::NAME { vec![fact.stream.key()] } else { Vec::new() }
    }

    fn fold(&self, id: &str, document: Option<StockDoc>, fact: &CommittedFact) -> Option<StockDoc> {
        let changed = fact.of::<StockKind>()?;
        let mut stock = document.map(|document| document.stock).unwrap_or_default();
        stock.apply(changed);
        Some(StockDoc { sku: id.to_owned(), low: stock.is_low(), stock, updated_at: fact.time })
    }

    fn entries(&self, id: &str, document: &StockDoc) -> Vec<Entry> {
        let mut entries = vec![Entry::new(BY_SKU, tuple::Key::new().text(id))];
        if document.low {
            entries.push(Entry::new(LOW_BY_SKU, tuple::Key::new().text(id)));
        }
        entries
    }
}

/// Reservations that can still expire; gone once they are confirmed or given back.
pub struct HeldReservations;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDoc {
    pub order: OrderId,
    pub expires_at: Timestamp,
}

impl Projection for HeldReservations {
    const NAME: &'static str = "reservations";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = RESERVATIONS;
    type Doc = HeldDoc;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        if fact.stream.kind() == ReservationKind::NAME { vec![fact.stream.key()] } else { Vec::new() }
    }

    fn fold(&self, _: &str, document: Option<HeldDoc>, fact: &CommittedFact) -> Option<HeldDoc> {
        match fact.of::<ReservationKind>()? {
            reservation::Fact::Held { order, expires_at, .. } => {
                Some(HeldDoc { order: order.clone(), expires_at: *expires_at })
            }
            reservation::Fact::Confirmed {} | reservation::Fact::Released { .. } => None,
            reservation::Fact::Refused { .. }
            | reservation::Fact::Shipped { .. }
            | reservation::Fact::Restocked { .. } => document,
        }
    }

    fn entries(&self, _: &str, document: &HeldDoc) -> Vec<Entry> {
        vec![Entry::new(BY_EXPIRY, tuple::Key::new().time(document.expires_at))]
    }
}
