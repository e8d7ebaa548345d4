//! Engines answer alike: the same random operations on two of them come to the same answers and the same contents.

mod documents;
mod log;

use proptest::test_runner::Config;
use testkit::contract::{Engine, Store};
use testkit::engines::{InMemory, OnSqlite};

/// Few, since each opens a store on disk; the seeds of failures are kept.
fn config() -> Config {
    Config { cases: 24, max_shrink_iters: 400, ..Config::default() }
}

/// Runs `compare` on a fresh store of each engine.
fn on_both<F: Future<Output = ()>>(compare: impl FnOnce(Box<dyn Store>, Box<dyn Store>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { compare(InMemory.fresh().await, OnSqlite::default().fresh().await).await });
}
