//! Stock as staff see it.
//! It does not know where it was read from.

use domain::stock::Policy;
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

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementType {
    PolicySet,
    Adjusted,
    Reserved,
    Released,
    Shipped,
    Restocked,
}

/// One thing that happened to a SKU's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StockMovement {
    /// 1 for the first thing that ever happened to this SKU.
    pub version: u64,
    #[schema(format = DateTime)]
    pub at: String,
    #[serde(rename = "type")]
    pub kind: MovementType,
    /// Who did it: `staff:…`, `guest`, `system`.
    pub actor: String,
    pub location: Option<String>,
    /// By how much the number on hand changed.
    pub on_hand_change: i64,
    /// By how much the reserved number changed.
    pub reserved_change: i64,
    /// Why somebody counted differently.
    pub reason: Option<String>,
    /// The order that it was for.
    #[schema(example = "ord_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub order: Option<String>,
    /// The policy that was set.
    pub policy: Option<StockPolicy>,
}
