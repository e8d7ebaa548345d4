//! The two storage ports on this engine: each call becomes a part for the writer or a read for the readers.
//! There is no SQL here.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use platform::documents::{
    Change, Checkpoint, Class, Collection, Conditional, Document, Documents, Expected, Page, Put, Query, WriteBatch,
};
use platform::log::{
    AppendId, Batch, Epoch, GroupOutcome, Log, Position, RecordedFact, Shard, ShardInfo, ShardState, Snapshot,
    StreamId, Version,
};
use platform::store::{StoreError, StoreResult};

use super::readers::Readers;
use super::writer::Writer;
use super::{facts, rows};

/// The log in `shop.db`.
pub(super) struct SqliteLog {
    pub readers: Arc<Readers>,
    /// None where the file was opened for reading only.
    pub writer: Option<Writer>,
}

fn refused() -> StoreError {
    StoreError::Unavailable("the store was opened for reading only".into())
}

impl SqliteLog {
    fn writer(&self) -> StoreResult<&Writer> {
        self.writer.as_ref().ok_or_else(refused)
    }
}

#[async_trait]
impl Log for SqliteLog {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        self.writer()?.run(move |desk| desk.appending()?.append(&batch)).await
    }

    /// Goes through the writer's queue, behind the append itself, if that is still waiting there.
    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        let known = self.readers.run(move |reader| facts::find_append(&reader.conn, id)).await?;
        match (known, &self.writer) {
            (None, Some(writer)) => writer.run(move |desk| desk.appending()?.find_append(id)).await,
            (known, _) => Ok(known),
        }
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        let stream = stream.clone();
        let read = move |conn: &_, names: &mut _| facts::read_stream(conn, names, &stream, after, limit);
        self.readers.run(move |reader| read(&reader.conn, &mut reader.names)).await
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        let read = move |conn: &_, names: &mut _| facts::read_shard(conn, names, shard, after, limit);
        self.readers.run(move |reader| read(&reader.conn, &mut reader.names)).await
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.readers.run(|reader| facts::shards(&reader.conn)).await
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        self.writer()?.run(move |desk| desk.appending()?.fence(shard, state)).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        self.writer()?.run(move |desk| desk.appending()?.save_snapshot(&snapshot)).await
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        let stream = stream.clone();
        self.readers.run(move |reader| facts::load_snapshot(&reader.conn, &mut reader.names, &stream)).await
    }

    async fn read_latest(&self, stream: &StreamId, limit: usize) -> StoreResult<(Option<Snapshot>, Vec<RecordedFact>)> {
        let stream = stream.clone();
        let read = move |reader: &mut super::readers::Reader| {
            let snapshot = facts::load_snapshot(&reader.conn, &mut reader.names, &stream)?;
            let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
            Ok((snapshot, facts::read_stream(&reader.conn, &mut reader.names, &stream, after, limit)?))
        };
        self.readers.run(read).await
    }

    /// The folder's lock sees to it.
    fn owned_alone(&self) -> bool {
        self.writer.is_some()
    }
}

/// The documents in `shop.db`.
pub(super) struct SqliteDocuments {
    pub readers: Arc<Readers>,
    pub access: Access,
}

pub(super) enum Access {
    Full(Writer),
    /// Beside a running shop, whose projections own the derived collections.
    PrimaryOnly(Writer),
    Reading,
}

impl SqliteDocuments {
    fn writer<'a>(&self, collections: impl IntoIterator<Item = &'a Collection>) -> StoreResult<&Writer> {
        match &self.access {
            Access::Full(writer) => Ok(writer),
            Access::Reading => Err(refused()),
            Access::PrimaryOnly(writer) => {
                match collections.into_iter().find(|collection| collection.class != Class::Primary) {
                    None => Ok(writer),
                    Some(derived) => Err(StoreError::Unavailable(format!(
                        "`{}` is derived from the log; only the running shop writes it",
                        derived.name
                    ))),
                }
            }
        }
    }
}

fn collection_of(change: &Change) -> &Collection {
    match change {
        Change::Put(put) => &put.collection,
        Change::Delete { collection, .. } | Change::Clear { collection } => collection,
    }
}

#[async_trait]
impl Documents for SqliteDocuments {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        let writer = self.writer(batch.changes.iter().map(collection_of))?;
        if matches!(self.access, Access::PrimaryOnly(_)) && !batch.checkpoints.is_empty() {
            return Err(StoreError::Unavailable("only the running shop moves checkpoints".into()));
        }
        writer.run(move |desk| desk.writing().write(&batch)).await
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        let writer = self.writer([&put.collection])?;
        writer.run(move |desk| desk.writing().put_if(&put, expected, now)).await
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        let id = id.to_owned();
        let read = move |conn: &_, names: &mut _| rows::get(conn, names, collection, &id, now);
        self.readers.run(move |reader| read(&reader.conn, &mut reader.names)).await
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        let ids = ids.to_vec();
        let read = move |reader: &mut super::readers::Reader| {
            let mut found = Vec::with_capacity(ids.len());
            for id in &ids {
                found.extend(rows::get(&reader.conn, &mut reader.names, collection, id, now)?);
            }
            Ok(found)
        };
        self.readers.run(move |reader| reader.at_one_moment(read)).await
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        self.readers.run(move |reader| rows::query(&reader.conn, &mut reader.names, &query, now)).await
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        let after = after.map(str::to_owned);
        let read = move |conn: &_, names: &mut _| rows::scan(conn, names, collection, after.as_deref(), limit);
        self.readers.run(move |reader| read(&reader.conn, &mut reader.names)).await
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        let projection = projection.to_owned();
        self.readers.run(move |reader| rows::checkpoints(&reader.conn, &projection)).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let Access::Full(writer) = &self.access else { return Err(refused()) };
        writer.run(move |desk| desk.writing().delete_expired(now, limit)).await
    }
}
