//! The engines: what keeps, hashes, pays or sends something for the shop. The only crate that names a vendor.
//! It does not decide anything: ports are declared by their users, and an adapter does what they say.

mod blocking;
pub mod fetch;
pub mod folder;
pub mod mail;
mod packing;
pub mod passwords;
pub mod payments;
pub mod pictures;
pub mod postgres;
pub mod redis;
pub mod spool;
pub mod sqlite;
pub mod tantivy;
