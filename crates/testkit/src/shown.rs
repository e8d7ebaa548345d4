//! Documents that are written to the store and read from its replicas, as far as the last write: so that the suite for
//! documents can be run against what is only shown.
//! It does not know the engine. Nothing in the shop reads so: what is decided on is read from the store itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use platform::documents::{
    Checkpoint, Collection, Conditional, Document, Documents, Expected, Page, Put, Query, Replicas, Seen, WriteBatch,
};
use platform::store::StoreResult;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// Each write moves its checkpoint by one.
const PROJECTION: &str = "written";
/// Longer than a replica takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);

pub struct ShownDocuments {
    documents: Arc<dyn Documents>,
    replicas: Arc<dyn Replicas>,
    /// Held while a write and its checkpoint are under way.
    writing: Mutex<()>,
    written: AtomicU64,
}

impl ShownDocuments {
    /// Goes on where the store was left.
    pub async fn of(documents: Arc<dyn Documents>, replicas: Arc<dyn Replicas>) -> Self {
        let checkpoints = documents.checkpoints(PROJECTION).await.expect("checkpoints are read");
        let written = AtomicU64::new(checkpoints.first().map_or(0, |point| point.position));
        Self { documents, replicas, writing: Mutex::default(), written }
    }

    fn seen(&self) -> Seen {
        let written = self.written.load(Ordering::SeqCst);
        let positions = if written > 0 { vec![(0, written)] } else { Vec::new() };
        Seen { projection: PROJECTION.to_owned(), positions }
    }

    async fn write_marked(&self, mut batch: WriteBatch) -> StoreResult<()> {
        let _writing = self.writing.lock().await;
        let at = self.written.load(Ordering::SeqCst);
        let from = (at > 0).then_some(at);
        batch.checkpoints.push(Checkpoint { from, ..Checkpoint::first(PROJECTION, 0, at + 1) });
        self.documents.write(batch).await?;
        self.written.store(at + 1, Ordering::SeqCst);
        Ok(())
    }
}

/// Asks until a replica has come so far; the store itself is not asked.
macro_rules! shown {
    ($ask:expr) => {{
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(shown) = $ask.await {
                break shown;
            }
            assert!(Instant::now() < deadline, "no replica answers");
            sleep(POLL).await;
        }
    }};
}

#[async_trait]
impl Documents for ShownDocuments {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        self.write_marked(batch).await
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        let outcome = self.documents.put_if(put, expected, now).await?;
        self.write_marked(WriteBatch::default()).await?;
        Ok(outcome)
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        Ok(self.get_many(collection, &[id.to_owned()], now).await?.pop())
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        let seen = self.seen();
        Ok(shown!(self.replicas.get_many(collection, ids, &seen, now)))
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        let seen = self.seen();
        Ok(shown!(self.replicas.query(&query, &seen, now)))
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        let seen = self.seen();
        Ok(shown!(self.replicas.scan(collection, after, limit, &seen)))
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        self.documents.checkpoints(projection).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let deleted = self.documents.delete_expired(now, limit).await?;
        self.write_marked(WriteBatch::default()).await?;
        Ok(deleted)
    }
}
