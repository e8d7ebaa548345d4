//! Documents that do not tell the sweeper what was due before the node started.
//! Everything else is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use platform::documents::{
    Change, Checkpoint, Collection, Conditional, Document, Documents, Expected, Page, Put, Query, WriteBatch,
};
use platform::store::StoreResult;

const TASKS: &str = "order_tasks";
const DUE: &str = "due";

pub struct Forgetful {
    documents: Arc<dyn Documents>,
    /// Tasks that were written in this life.
    known: Mutex<BTreeSet<String>>,
}

impl Forgetful {
    pub fn over(documents: Arc<dyn Documents>) -> Self {
        Self { documents, known: Mutex::default() }
    }
}

#[async_trait]
impl Documents for Forgetful {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        for change in &batch.changes {
            if let Change::Put(put) = change
                && put.collection.name == TASKS
            {
                self.known.lock().insert(put.id.clone());
            }
        }
        self.documents.write(batch).await
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        let is_of_sweeper = query.collection.name == TASKS && query.index == DUE;
        let mut page = self.documents.query(query, now).await?;
        if is_of_sweeper {
            let known = self.known.lock();
            page.documents.retain(|document| known.contains(&document.id));
        }
        Ok(page)
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        self.documents.put_if(put, expected, now).await
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        self.documents.get(collection, id, now).await
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        self.documents.get_many(collection, ids, now).await
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        self.documents.scan(collection, after, limit).await
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        self.documents.checkpoints(projection).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        self.documents.delete_expired(now, limit).await
    }
}
