//! The rules of a shop: what may be bought, for how much, and what follows from it.
//! It knows no storage, no clock, no randomness, no network and no log: time, ids and secrets are passed in.

#[cfg(test)]
mod laws;
mod newtype;

pub mod address;
pub mod cart;
pub mod catalog;
pub mod country;
pub mod field;
pub mod ids;
pub mod ledger;
pub mod locale;
pub mod money;
pub mod order;
pub mod payment;
pub mod pricing;
pub mod quantity;
pub mod reservation;
pub mod seal;
pub mod settings;
pub mod sku;
pub mod stock;
pub mod text;
