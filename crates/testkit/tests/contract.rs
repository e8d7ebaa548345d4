//! The contract suites, against every engine.

use std::sync::Arc;

use platform::blobs::MemoryBlobs;
use platform::log::memory::MemoryLog;
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

#[tokio::test]
async fn documents_in_memory() {
    contract::documents::all(&InMemory).await;
}

#[tokio::test]
async fn documents_on_sqlite() {
    contract::documents::all(&OnSqlite::default()).await;
}

#[tokio::test]
async fn blobs_in_memory() {
    contract::blobs::all(&MemoryBlobs::default()).await;
}

#[tokio::test]
async fn blobs_in_a_folder() {
    let folder = tempfile::tempdir().expect("a folder for a test");
    contract::blobs::all(&adapters::folder::FolderBlobs::open(folder.path()).expect("the folder")).await;
}

#[tokio::test(start_paused = true)]
async fn executor_in_memory() {
    contract::executor::all(&InMemory).await;
}

/// Not paused: the engine's threads answer in their own time.
#[tokio::test]
async fn executor_on_sqlite() {
    contract::executor::all(&OnSqlite::default()).await;
}

#[tokio::test(start_paused = true)]
async fn executors_that_share_a_log_in_memory() {
    contract::executor::shared(|| Arc::new(MemoryLog::with_ownership(64, false))).await;
}
