//! Stock as staff see it.
//! It does not know where it was read from.

use domain::sku::Sku;
use domain::stock::{Policy, Stock};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// How a SKU's stock bears on selling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockPolicy {
    /// Nothing is counted.
    Untracked,
    /// Counted, but sold beyond what is there.
    TrackOnly,
    /// Sold only while it is there.
    Reserve,
}

impl From<Policy> for StockPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Untracked => Self::Untracked,
            Policy::TrackOnly => Self::TrackOnly,
            Policy::Reserve => Self::Reserve,
        }
    }
}

/// What lies at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StockLocation {
    #[schema(example = "main")]
    pub location: String,
    pub on_hand: i64,
    pub reserved: i64,
    /// On hand and not reserved.
    pub available: i64,
}

/// How many there are of one SKU, over all locations and at each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StockLevels {
    #[schema(example = "85123A")]
    pub sku: String,
    pub policy: StockPolicy,
    pub on_hand: i64,
    pub reserved: i64,
    /// On hand and not reserved. Below zero only where more is sold than is there. It limits selling only under
    /// the policy `reserve`.
    pub available: i64,
    pub locations: Vec<StockLocation>,
    /// Null for a SKU that was never counted.
    #[schema(format = DateTime)]
    pub updated_at: Option<String>,
}

impl StockLevels {
    pub fn of(sku: &Sku, stock: &Stock, updated_at: Option<Timestamp>) -> Self {
        let total = stock.total();
        let locations = stock.levels.iter().map(|(location, level)| StockLocation {
            location: location.as_str().to_owned(),
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available(),
        });
        Self {
            sku: sku.as_str().to_owned(),
            policy: stock.policy.into(),
            on_hand: total.on_hand,
            reserved: total.reserved,
            available: total.available(),
            locations: locations.collect(),
            updated_at: updated_at.map(|at| at.to_string()),
        }
    }
}
