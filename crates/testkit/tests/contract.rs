//! The contract suites, against every engine.

use testkit::contract;
use testkit::engines::{InMemory, OnSqlite};

#[tokio::test]
async fn log_in_memory() {
    contract::log::all(&InMemory).await;
}

#[tokio::test]
async fn log_on_sqlite() {
    contract::log::all(&OnSqlite::default()).await;
}
