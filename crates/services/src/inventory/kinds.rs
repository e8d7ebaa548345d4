//! The inventory's streams: `stock-{sku}`, `reservation-{order}` and `once-{name}`.
//! It decides nothing; the rules are the domain's.

use domain::ids::OrderId;
use domain::reservation::{self, Reservation};
use domain::sku::Sku;
use domain::stock::{self, Location, Reason, Stock};
use jiff::Timestamp;
use platform::log::StreamId;
use platform::log::kind::Kind;
use serde::{Deserialize, Serialize};

/// What a held line takes in memory, roughly.
const LINE_BYTES: usize = 160;
const STATE_BYTES: usize = 256;

/// The stock of one SKU.
pub struct StockKind;

/// The stock of one SKU, and when it last changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub stock: Stock,
    pub updated_at: Option<Timestamp>,
}

impl Kind for StockKind {
    const NAME: &'static str = "stock";
    const STATE_VERSION: u32 = 1;
    type State = Counted;
    type Fact = stock::Fact;

    fn apply(state: &mut Counted, fact: &stock::Fact, at: Timestamp) {
        state.stock.apply(fact);
        state.updated_at = Some(at);
    }

    fn weight(state: &Counted) -> usize {
        STATE_BYTES + state.stock.levels.len() * LINE_BYTES
    }
}

/// What one order holds.
pub struct ReservationKind;

impl Kind for ReservationKind {
    const NAME: &'static str = "reservation";
    const STATE_VERSION: u32 = 1;
    type State = Reservation;
    type Fact = reservation::Fact;

    fn apply(state: &mut Reservation, fact: &reservation::Fact, _: Timestamp) {
        state.apply(fact);
    }

    fn weight(state: &Reservation) -> usize {
        STATE_BYTES + (state.open.len() + state.shipped.len() + state.shortages.len()) * LINE_BYTES
    }
}

/// A request to count differently that must not be done twice.
pub struct OnceKind;

/// What was asked, and what it came to: enough to answer the same request again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    Adjusted { sku: Sku, location: Location, delta: i64, reason: Reason, stock: Stock },
}

/// Whether a name was used, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub by: Option<Claim>,
}

impl Kind for OnceKind {
    const NAME: &'static str = "once";
    const STATE_VERSION: u32 = 1;
    type State = Claimed;
    type Fact = Claim;

    fn apply(state: &mut Claimed, fact: &Claim, _: Timestamp) {
        state.by = Some(fact.clone());
    }
}

pub fn stock_stream(sku: &Sku) -> StreamId {
    StreamId::new(StockKind::NAME, sku.as_str())
}

/// Named like the order's own stream, so that one case lies in one shard.
pub fn reservation_stream(order: &OrderId) -> StreamId {
    StreamId::new(ReservationKind::NAME, order.key())
}

pub fn once_stream(name: &str) -> StreamId {
    StreamId::new(OnceKind::NAME, name)
}
