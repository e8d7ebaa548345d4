//! The shop as people see it: the real binary in a real browser. `cargo xtask test --only browser` provides both.
//! One binary for all of it, so that it is linked once.

mod buying;
mod every_page;
mod tools;
mod working;

/// The binary under test.
const CLOUDMART: &str = env!("CARGO_BIN_EXE_cloudmart");
