//! The domain decides and does nothing else: no IO, no clock, no randomness, no async, no logging, no hash order.

use super::finding::Finding;
use super::rust::{self, RustPath};
use super::tree::{File, Tree};

const RULE: &str = "pure-domain";
const FOLDER: &str = "crates/domain/src/";

/// Types that can tell the time by themselves.
const CLOCKS: &[&str] = &["SystemTime", "Instant", "Timestamp", "Zoned", "Utc", "Local"];

const TIME: &str = "the domain has no clock; take the time as an argument";
const WAITING: &str = "the domain never waits; decide here, and let a service fetch and await";
const INPUT: &str = "the domain does no input or output; let a service or an adapter do it and pass the result in";
const CHANCE: &str = "the domain draws no lots; take the random value as an argument";
const LOGGING: &str = "the domain does not log or print; return what happened, and let the caller tell it";
const ORDER: &str = "hash order differs from run to run; use BTreeMap or BTreeSet";

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_under(FOLDER).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    rust::paths(&file.rust.code)
        .iter()
        .filter_map(|path| Some(Finding::at(file, path.at, RULE, objection(path)?)))
        .collect()
}

fn objection(path: &RustPath) -> Option<&'static str> {
    let first = path.segments.first()?.as_str();
    let last = path.segments.last()?.as_str();
    let is_alone = path.segments.len() == 1;
    let is_std = |module| path.starts_with(&["std", module]);
    let has = |name: &str| path.segments.iter().any(|segment| segment == name);

    if has("SystemTime") || CLOCKS.iter().any(|clock| path.contains(&[clock, "now"])) {
        Some(TIME)
    } else if is_alone && matches!(first, "async" | "await") || first == "tokio" || is_std("thread") {
        Some(WAITING)
    } else if is_std("fs") || is_std("net") || is_std("env") || is_std("process") {
        Some(INPUT)
    } else if matches!(first, "rand" | "getrandom") {
        Some(CHANCE)
    } else if matches!(first, "tracing" | "log") && !is_alone
        || path.is_macro && matches!(last, "print" | "println" | "eprint" | "eprintln" | "dbg")
    {
        Some(LOGGING)
    } else if has("HashMap") || has("HashSet") {
        Some(ORDER)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::spots;
    use super::*;

    #[test]
    fn pure_code_passes() {
        let good = "//! Knows no async and no SystemTime::now.\nuse std::collections::BTreeMap;\n\
            use jiff::Timestamp;\nfn brand(now: Timestamp) -> &'static str { \"async println!\" }\n\
            fn log(order: u8) {}\n";
        assert!(spots(check, &[("crates/domain/src/a.rs", good)]).is_empty());
    }

    #[test]
    fn each_kind_of_impurity_is_found() {
        for bad in [
            "async fn f() {}",
            "f().await",
            "use std::time::SystemTime;",
            "let now = Instant::now();",
            "let now = jiff::Timestamp::now();",
            "rand::random()",
            "use std::{fs, fmt};",
            "std::net::TcpStream::connect",
            "tracing::info!(x)",
            "use tracing::info;",
            "println!(\"x\")",
            "use std::collections::{BTreeMap, HashMap};",
            "std::thread::spawn",
            "tokio::spawn(x)",
        ] {
            assert_eq!(spots(check, &[("crates/domain/src/a.rs", bad)]), ["crates/domain/src/a.rs:1"], "{bad}");
        }
    }

    #[test]
    fn other_crates_may() {
        assert!(spots(check, &[("crates/platform/src/a.rs", "async fn f() {}")]).is_empty());
    }
}
