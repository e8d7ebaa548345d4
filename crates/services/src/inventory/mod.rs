//! How many there are of each SKU, and who holds them: reserve, confirm, release, ship, restock, count.
//! It does not know prices, titles or buyers.

mod desk;
pub mod http;
mod kinds;
mod movements;
mod projections;
mod service;
mod sweep;
#[cfg(test)]
mod tests;
mod views;

use std::sync::Arc;

use platform::log::kind::Kinds;
use platform::projection::ErasedProjection;

pub use desk::Desk;
pub use kinds::{OnceKind, ReservationKind, StockKind};
pub use projections::{RESERVATIONS, STOCK};
pub use service::Inventory;

pub fn register(kinds: &mut Kinds) {
    kinds.register::<StockKind>().register::<ReservationKind>().register::<OnceKind>();
}

pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    vec![Arc::new(projections::Stocks), Arc::new(projections::HeldReservations)]
}
