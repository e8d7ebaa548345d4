//! What parsers that face the outside hold to, whatever comes: a body for each fuzz target, called by `cargo fuzz` and by tests.
//! It does not know who makes the bytes: a fuzzer, the committed seeds, or [`inputs`].
//!
//! A body panics where a promise is broken. It is fed for hours in one process, so that what it keeps is bounded.

pub mod inputs;

mod facts;
mod front;
mod imports;
mod keys;
mod notices;
mod requests;
mod rich;
mod secrets;
mod texts;
mod world;

pub use facts::facts;
pub use front::{Front, OWNER};
pub use imports::{import_csv, import_jsonl};
pub use keys::{Element, cursors, index_keys, key_of, keys_sort_as_values};
pub use notices::notices;
pub use requests::requests;
pub use rich::html;
pub use secrets::sealed;
pub use texts::texts;

/// A body with its name, which names its binary and its seeds in `fuzz/`, too.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// How many generated inputs a test feeds to it: those that open a shop take milliseconds each.
    pub generated: usize,
}

const fn target(name: &'static str, run: fn(&[u8]), generated: usize) -> Target {
    Target { name, run, generated }
}

/// All of them.
pub const TARGETS: [Target; 11] = [
    target("api", requests, 300),
    target("pages", requests, 200),
    target("notices", notices, 200),
    target("import_csv", import_csv, 120),
    target("import_jsonl", import_jsonl, 120),
    target("html", html, 300),
    target("texts", texts, 500),
    target("cursors", cursors, 500),
    target("index_keys", index_keys, 500),
    target("facts", facts, 500),
    target("sealed", sealed, 300),
];
