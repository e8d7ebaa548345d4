//! What services say to each other: one trait per service, its messages, one kind of error.
//! It does not know whether a service is in this process or behind a URL; callers cannot tell.

pub mod caller;
pub mod carts;
pub mod catalog;
pub mod error;
pub mod inventory;
pub mod mail;
pub mod orders;
pub mod pages;
pub mod payments;
pub mod presence;
pub mod products;
pub mod search;
pub mod shelves;
pub mod shop;
pub mod staff;
pub mod statistics;
pub mod transfer;

pub use catalog::Listing;
pub use error::{Error, Kind, Result};
