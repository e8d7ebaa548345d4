//! The contract suites, against every engine.

use platform::blobs::MemoryBlobs;
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
