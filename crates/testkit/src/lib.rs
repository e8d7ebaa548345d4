//! What tests stand on: contract suites for the ports, engines to run them against, and faults on demand.
//! It is never part of the shop; only tests depend on it.

pub mod browser;
pub mod contract;
pub mod dice;
pub mod drill;
pub mod engines;
pub mod faults;
pub mod fuzz;
pub mod goods;
pub mod mart;
pub mod postbox;
pub mod postgres;
pub mod redis;
pub mod shop;
pub mod shown;
