//! Documents: what people read. JSON in declared collections with declared indexes, and the port that engines implement.
//! It does not know what a collection holds, nor how a derived one is fed; that is [`crate::projection`]'s work.

pub mod memory;
mod query;
mod replicas;
pub mod tuple;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::log::{Position, Shard, Version};
use crate::store::{StoreError, StoreResult};
pub use query::{Filter, Page, Query, Range, Test, is_expired, matches_all};
pub use replicas::{Replicas, Seen};

/// How many index entries one query looks at before it answers with a short page and a cursor.
pub const ENTRIES_LOOKED_AT_MAX: usize = 5_000;

/// What a collection is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// From the log: can be thrown away and rebuilt.
    Derived,
    /// Nobody's history: kept with a version, part of every backup, never read from a replica.
    Primary,
}

/// A collection's name and class. Declared as a constant by the service that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    pub name: &'static str,
    pub class: Class,
}

impl Collection {
    pub const fn derived(name: &'static str) -> Self {
        Self { name, class: Class::Derived }
    }

    pub const fn primary(name: &'static str) -> Self {
        Self { name, class: Class::Primary }
    }
}

/// An index entry of a document: the index's name and a key whose byte order is the sort order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub index: &'static str,
    pub key: Vec<u8>,
}

impl Entry {
    pub fn new(index: &'static str, key: tuple::Key) -> Self {
        Self { index, key: key.into_bytes() }
    }
}

/// A document to write.
#[derive(Debug, Clone)]
pub struct Put {
    pub collection: Collection,
    pub id: String,
    /// JSON.
    pub body: Arc<str>,
    pub entries: Vec<Entry>,
    /// From then on reads do not find it; later it is deleted.
    pub expires: Option<Timestamp>,
}

/// One change in a batch.
#[derive(Debug, Clone)]
pub enum Change {
    Put(Put),
    Delete {
        collection: Collection,
        id: String,
    },
    /// Forgets a whole derived collection, before it is rebuilt.
    Clear {
        collection: Collection,
    },
}

/// How far a projection has come in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub projection: String,
    pub shard: Shard,
    pub position: Position,
    /// Where its writer believes it to be until now; `None`: nowhere yet. One that was read names its own position here, so
    /// that with another `position` it is a move from what was read.
    pub from: Option<Position>,
}

impl Checkpoint {
    /// One that is not stored yet.
    pub fn first(projection: &str, shard: Shard, position: Position) -> Self {
        Self { projection: projection.to_owned(), shard, position, from: None }
    }

    /// One as it is stored.
    pub fn stored(projection: &str, shard: Shard, position: Position) -> Self {
        Self { from: Some(position), ..Self::first(projection, shard, position) }
    }

    /// A move of this one, as it is stored, to another position; it may lie before.
    pub fn moved_to(self, position: Position) -> Self {
        Self { from: Some(self.position), position, ..self }
    }
}

/// Changes and checkpoints that become durable together.
///
/// A checkpoint that is not where its [`Checkpoint::from`] says refuses the whole batch, so that of several writers who fold
/// the same facts one succeeds, and one that stood still for a while changes nothing when it wakes.
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    pub changes: Vec<Change>,
    pub checkpoints: Vec<Checkpoint>,
}

/// What a document must be for a conditional write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It must not exist (an expired one does not).
    Absent,
    /// It must have this version.
    Version(Version),
}

/// The answer to a conditional write.
#[derive(Debug, Clone, PartialEq)]
pub enum Conditional {
    /// Durable, under this version.
    Written(Version),
    /// Nothing was written; this is what is there instead.
    Differs(Option<Document>),
}

/// A stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub id: String,
    /// Rises by one with every write of this id; starts at 1.
    pub version: Version,
    pub body: Arc<str>,
    pub expires: Option<Timestamp>,
}

impl Document {
    /// Reads the body as what the owner of the collection wrote.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> StoreResult<T> {
        serde_json::from_str(&self.body)
            .map_err(|error| StoreError::Corrupt(format!("document {} cannot be read: {error}", self.id)))
    }

    pub fn value(&self) -> StoreResult<Value> {
        self.read()
    }
}

/// What an engine answers where a checkpoint is not where its writer believes.
pub fn overtaken(projection: &str, shard: Shard, from: Option<Position>) -> StoreError {
    let place = from.map_or_else(|| "unstored".to_owned(), |from| format!("at {from}"));
    StoreError::Overtaken(format!("the checkpoint of {projection} in shard {shard} is not {place} any more"))
}

/// The port: what an engine must do to keep documents.
///
/// A read sees every write that was answered before it began. `now` decides what has expired.
#[async_trait]
pub trait Documents: Send + Sync {
    /// All changes in order, and all checkpoints, in one transaction. Checkpoints are moved in their order; where one
    /// is not stored where its `from` says, nothing is written, and the answer is [`StoreError::Overtaken`].
    ///
    /// It is durable when it is answered, but where all of it is derived and a checkpoint moves: of such batches a crash may lose the
    /// last ones, each whole, on an engine that several nodes share. The log has what they were made of, and whoever folds looks at
    /// its checkpoints now and then.
    async fn write(&self, batch: WriteBatch) -> StoreResult<()>;

    /// Writes one document if it is as expected.
    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional>;

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>>;

    /// The documents that exist, in the order of `ids`; those that do not are left out.
    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>>;

    /// Walks an index in order; see [`Query`].
    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page>;

    /// Documents by id, ascending, after `after`, at most `limit`: for exports, checks and backups.
    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>>;

    /// The checkpoints of a projection, ascending by shard; shards it has not begun are left out.
    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>>;

    /// Deletes documents that expired before `now`, at most `limit`. Answers how many.
    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize>;
}
