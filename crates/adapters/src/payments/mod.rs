//! Payment providers: staff who look at the bank's statement, and a bank that is made up for trying things out.
//! They do not know orders: they are told amounts and keys.

mod account;
mod manual;
mod test;
#[cfg(test)]
mod tests;

pub use manual::Manual;
pub use test::{Options, SIGNATURE, Statement, TestProvider};
