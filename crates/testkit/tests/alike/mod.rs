//! Engines answer alike: the same random operations on the one in memory and on another come to the same answers and the same contents.

mod documents;
mod log;

use proptest::test_runner::Config;
use testkit::contract::{Engine, Store};
use testkit::engines::{InMemory, OnPostgres, OnSqlite};

/// Few, since each opens a store on disk; the seeds of failures are kept.
fn config() -> Config {
    Config { cases: 24, max_shrink_iters: 400, ..Config::default() }
}

/// Runs `compare` on a fresh store in memory and one of another engine.
fn beside_memory<F: Future<Output = ()>>(
    engine: impl FnOnce() -> Box<dyn Engine>,
    compare: impl FnOnce(Box<dyn Store>, Box<dyn Store>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { compare(InMemory.fresh().await, engine().fresh().await).await });
}

fn sqlite() -> Box<dyn Engine> {
    Box::new(OnSqlite::default())
}

fn postgres() -> Box<dyn Engine> {
    Box::new(OnPostgres::default())
}
