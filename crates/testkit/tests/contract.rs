//! The contract suites, against every engine.

mod alike;
mod bank;
mod copying;
mod determinism;
mod fuzz;
mod golden;
mod laws;
mod mail;
mod orders;
mod orphans;
mod postgres;
mod redis;
mod search;

use std::sync::Arc;

use platform::blobs::{Blobs, MemoryBlobs};
use platform::log::Log;
use platform::log::memory::MemoryLog;
use testkit::contract;
use testkit::engines::{InMemory, OnSqlite};

#[tokio::test(start_paused = true)]
async fn log_in_memory() {
    contract::log::all(&InMemory).await;
}

/// Not paused, as none of those with threads: they answer in their own time.
#[tokio::test]
async fn log_on_sqlite() {
    contract::log::all(&OnSqlite::default()).await;
}

#[tokio::test(start_paused = true)]
async fn documents_in_memory() {
    contract::documents::all(&InMemory).await;
}

#[tokio::test]
async fn documents_on_sqlite() {
    contract::documents::all(&OnSqlite::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_shared_shelf_in_memory() {
    let shelf = platform::cache::MemoryShelf::default();
    contract::shelf::all(&shelf, &shelf).await;
}

#[tokio::test(start_paused = true)]
async fn presence_in_memory() {
    let presence = platform::presence::MemoryPresence::default();
    contract::presence::all(&presence, &presence).await;
}

#[tokio::test(start_paused = true)]
async fn blobs_in_memory() {
    contract::blobs::all(&MemoryBlobs::default()).await;
}

#[tokio::test]
async fn blobs_in_a_folder() {
    let folder = tempfile::tempdir().expect("a folder for a test");
    let blobs = adapters::folder::FolderBlobs::open(folder.path()).expect("the folder");
    contract::blobs::all(&blobs).await;
    for name in ["../out", "/etc/passwd", "..", ".", ".partial-1", "", "A", "a/b", "a\\b", "a\0", &"a".repeat(129)] {
        assert!(blobs.put(name, Default::default()).await.is_err(), "{name}");
        assert!(blobs.get(name).await.is_err(), "{name}");
        assert!(blobs.delete(name).await.is_err(), "{name}");
    }
    blobs.put("whole", "bytes".into()).await.expect("a blob is stored");
    std::fs::write(folder.path().join(".partial-7"), "half of a blo").expect("what a crash leaves");
    let blobs = adapters::folder::FolderBlobs::open(folder.path()).expect("the folder");
    assert_eq!(blobs.get("whole").await.expect("an answer").as_deref(), Some(&b"bytes"[..]));
    assert!(!folder.path().join(".partial-7").exists());
}

#[tokio::test(start_paused = true)]
async fn executor_in_memory() {
    contract::executor::all(&InMemory).await;
}

#[tokio::test]
async fn executor_on_sqlite() {
    contract::executor::all(&OnSqlite::default()).await;
}

#[tokio::test(start_paused = true)]
async fn executors_that_share_a_log_in_memory() {
    let fresh = async || {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::with_ownership(64, false));
        [log.clone(), log]
    };
    contract::executor::shared(fresh).await;
    contract::executor::news(fresh).await;
}

#[tokio::test(start_paused = true)]
async fn logs_in_memory_that_two_nodes_share() {
    contract::log::shared(async || {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::with_ownership(64, false));
        [log.clone(), log]
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn index_in_memory() {
    contract::index::all(async || Arc::new(services::search::naive::NaiveIndex::default())).await;
}

#[tokio::test]
async fn index_on_tantivy() {
    let folder = tempfile::tempdir().expect("a folder for a test");
    let count = std::sync::atomic::AtomicUsize::new(0);
    contract::index::all(async || {
        let own = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        let index = adapters::tantivy::TantivyIndex::open(&folder.path().join(own));
        Arc::new(index.expect("a new index"))
    })
    .await;
}
