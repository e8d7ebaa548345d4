//! Payments and their ledger: authorise, capture, refund, undo, each once, whatever fails in between.
//! It does not know what was bought, nor how any provider works: providers stand behind a port.

mod calls;
pub mod http;
mod kinds;
mod notices;
mod playing;
mod projections;
pub mod provider;
mod service;
mod sweep;
mod undo;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod till;

use std::sync::Arc;

use platform::log::kind::Kinds;
use platform::projection::ErasedProjection;

pub use kinds::{LedgerKind, PaymentKind};
pub use notices::{Notices, run_test_bank};
pub use playing::BankWindow;
pub use projections::{CLOSING, LEDGER};
pub use service::Payments;

pub fn register(kinds: &mut Kinds) {
    kinds.register::<PaymentKind>().register::<LedgerKind>();
}

pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    vec![Arc::new(projections::Books), Arc::new(projections::ClosingPayments)]
}
