//! A node's way to the documents on the simulated disk: writes are refused, or made without an answer.
//! It keeps the port's contract whatever fails.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use platform::documents::{
    Checkpoint, Collection, Conditional, Document, Documents, Expected, Page, Put, Query, WriteBatch,
};
use platform::store::{StoreError, StoreResult};

use super::{Act, Disk, Done, at_once};
use crate::life::Life;

/// Documents as one life of a node reaches them.
pub struct DiskDocuments {
    disk: Arc<Disk>,
    life: Arc<Life>,
}

impl DiskDocuments {
    pub fn new(disk: &Arc<Disk>, life: &Arc<Life>) -> Arc<Self> {
        Arc::new(Self { disk: disk.clone(), life: life.clone() })
    }

    async fn make(&self, act: Act, what: &str) -> StoreResult<Done> {
        let (world, faults) = (&self.life.world, &self.life.world.faults);
        self.life.point("write is sent").await;
        if world.fails(faults.write_refused) {
            return Err(StoreError::Unavailable("the simulated disk does not take documents".into()));
        }
        let ticket = self.disk.send(self.life.node, act);
        self.life.point(what).await;
        let Some(done) = self.disk.make(&ticket) else { return std::future::pending().await };
        self.life.point("write is answered").await;
        if world.fails(faults.write_unanswered) {
            return Err(StoreError::Unknown("the answer to a write was lost".into()));
        }
        Ok(done)
    }

    async fn before_read(&self, what: &str) -> StoreResult<()> {
        self.life.point(what).await;
        match self.life.world.fails(self.life.world.faults.read_refused) {
            true => Err(StoreError::Unavailable("the simulated disk does not answer".into())),
            false => Ok(()),
        }
    }

    async fn after_read<T>(&self, read: StoreResult<T>) -> StoreResult<T> {
        self.life.point("documents are read").await;
        read
    }
}

fn mixed_up<T>() -> StoreResult<T> {
    Err(StoreError::Corrupt("the disk mixed up its answers".into()))
}

#[async_trait]
impl Documents for DiskDocuments {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        match self.make(Act::Write(batch), "documents are written").await? {
            Done::Written(written) => written,
            _ => mixed_up(),
        }
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        let change = Act::PutIf { put, expected, now };
        match self.make(change, "a document is put").await? {
            Done::Put(put) => put,
            _ => mixed_up(),
        }
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        self.before_read("a document is read").await?;
        let get = |documents: &_| at_once(Documents::get(documents, collection, id, now));
        let read = self.disk.read_documents(get);
        self.after_read(read).await
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        self.before_read("documents are asked for").await?;
        let get = |documents: &_| at_once(Documents::get_many(documents, collection, ids, now));
        let read = self.disk.read_documents(get);
        self.after_read(read).await
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        self.before_read("an index is walked").await?;
        let read = self.disk.read_documents(|documents| at_once(documents.query(query, now)));
        self.after_read(read).await
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        self.before_read("a collection is read").await?;
        let scan = |documents: &_| at_once(Documents::scan(documents, collection, after, limit));
        let read = self.disk.read_documents(scan);
        self.after_read(read).await
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        self.before_read("checkpoints are read").await?;
        let read = self.disk.read_documents(|documents| at_once(documents.checkpoints(projection)));
        self.after_read(read).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let change = Act::DeleteExpired { now, limit };
        match self.make(change, "what expired is deleted").await? {
            Done::Deleted(deleted) => deleted,
            _ => mixed_up(),
        }
    }
}
