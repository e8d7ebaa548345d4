//! The use cases, one folder per service: what it does, its views, its HTTP, and the provider ports it needs.
//! It does not know which engine keeps its data, nor its sibling services except through `contracts`.

pub mod carts;
pub mod catalog;
pub mod http;
#[cfg(test)]
mod in_memory;
pub mod inventory;
pub mod machinery;
pub mod mail;
pub mod orders;
pub mod payments;
pub mod presence;
pub mod quoting;
pub mod reading;
pub mod refusals;
pub mod search;
pub mod shop;
pub mod staff;
pub mod statistics;
pub mod transfer;

use std::sync::Arc;

use platform::log::kind::Kinds;
use platform::projection::ErasedProjection;

/// Every kind of stream that the services write.
pub fn kinds() -> Kinds {
    let mut kinds = Kinds::default();
    catalog::register(&mut kinds);
    inventory::register(&mut kinds);
    payments::register(&mut kinds);
    orders::register(&mut kinds);
    kinds
}

/// Every derived collection.
pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    [
        catalog::projections(),
        inventory::projections(),
        payments::projections(),
        orders::projections(),
        statistics::projections(),
    ]
    .concat()
}
