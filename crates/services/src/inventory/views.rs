//! Stock as staff see it.
//! It does not know where it was read from.

use contracts::inventory::{StockLevels, StockLocation};
use domain::sku::Sku;
use domain::stock::Stock;
use jiff::Timestamp;

/// A SKU's stock as it is told.
pub fn levels(sku: &Sku, stock: &Stock, updated_at: Option<Timestamp>) -> StockLevels {
    let total = stock.total();
    let locations = stock.levels.iter().map(|(location, level)| StockLocation {
        location: location.as_str().to_owned(),
        on_hand: level.on_hand,
        reserved: level.reserved,
        available: level.available(),
    });
    StockLevels {
        sku: sku.as_str().to_owned(),
        policy: stock.policy.into(),
        on_hand: total.on_hand,
        reserved: total.reserved,
        available: total.available(),
        locations: locations.collect(),
        updated_at: updated_at.map(|at| at.to_string()),
    }
}
