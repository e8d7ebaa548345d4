//! The contract suites on PostgreSQL, and what only this engine must keep: connections that are lost, shared and
//! refused, and a primary that dies.

mod connections;
mod failover;
mod hot;
mod node;
mod opening;
mod replicas;

use testkit::contract;
use testkit::engines::OnPostgres;

#[tokio::test]
async fn log_on_postgres() {
    contract::log::all(&OnPostgres::default()).await;
}

#[tokio::test]
async fn logs_on_postgres_that_two_nodes_share() {
    let engine = OnPostgres::default();
    contract::log::shared(async || engine.shared_by_two().await).await;
}

#[tokio::test]
async fn documents_on_postgres() {
    contract::documents::all(&OnPostgres::default()).await;
}

#[tokio::test]
async fn executor_on_postgres() {
    contract::executor::all(&OnPostgres::default()).await;
}

#[tokio::test]
async fn executors_that_share_a_log_on_postgres() {
    let engine = OnPostgres::default();
    contract::executor::shared(async || engine.shared_by_two().await).await;
}
