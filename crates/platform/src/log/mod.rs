//! The log: an append-only record of facts in streams, and the port that every engine implements.
//! It does not know what any fact means; [`kind`] lets a service say so.

pub mod check;
pub mod executor;
pub mod feed;
pub mod kind;
pub mod memory;
mod news;
pub mod states;
pub mod stream;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::StoreResult;
pub use stream::StreamId;

/// How many facts a stream holds; 0 for a stream that does not exist yet.
pub type Version = u64;
/// One of the store's shards, 0-based.
pub type Shard = u16;
/// The place of a fact in its shard: 1, 2, 3 … without gaps.
pub type Position = u64;
/// Raised when a shard is fenced; an append that carries an older one is refused.
pub type Epoch = u64;

/// The number of shards of a new store.
pub const DEFAULT_SHARDS: Shard = 64;
/// How many missed facts a conflict tells per stream; beyond that the reader reads the stream.
pub const MISSED_FACTS_MAX: usize = 128;
/// How long append ids are kept, in seconds.
pub const APPEND_ID_KEPT_S: i64 = 24 * 60 * 60;

/// Who made something happen, and in which request. Kept beside every fact; holds nothing personal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// `guest`, `staff:…`, `system` and the like.
    pub actor: Arc<str>,
    /// The W3C trace id of the request, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<str>>,
    /// The command that decided it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub command: Arc<str>,
}

impl Cause {
    pub fn of(actor: impl Into<Arc<str>>) -> Self {
        Self { actor: actor.into(), trace: None, command: Arc::from("") }
    }

    pub fn system() -> Self {
        Self::of("system")
    }

    pub fn traced(mut self, trace: Option<Arc<str>>) -> Self {
        self.trace = trace;
        self
    }
}

/// A fact on its way into the log.
#[derive(Debug, Clone)]
pub struct NewFact {
    /// `kind.variant`, such as `lamp.lit`.
    pub type_name: Arc<str>,
    /// The version of this type's shape.
    pub schema: u16,
    /// JSON.
    pub body: Arc<str>,
}

/// What one group says of one stream: the version that was seen, and its new facts — or none, as an assertion.
#[derive(Debug, Clone)]
pub struct StreamAppend {
    pub stream: StreamId,
    pub expected: Version,
    pub facts: Vec<NewFact>,
}

/// One command's worth: stands or falls whole.
#[derive(Debug, Clone)]
pub struct Group {
    pub time: Timestamp,
    pub cause: Cause,
    pub streams: Vec<StreamAppend>,
}

/// Names a batch, so that a lost answer can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppendId(pub [u8; 16]);

/// Groups that share one transaction and one fsync.
#[derive(Debug, Clone)]
pub struct Batch {
    pub id: AppendId,
    /// When the batch was sent; ids older than [`APPEND_ID_KEPT_S`] are forgotten.
    pub time: Timestamp,
    /// The epoch of each shard as the writer knows it, indexed by shard.
    pub epochs: Arc<[Epoch]>,
    pub groups: Vec<Group>,
}

/// Where a stream's new facts went; they lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub shard: Shard,
    /// Position of the first fact. For an assertion: the shard's head.
    pub first: Position,
    pub count: u32,
}

/// A stream that was not at the version that a group expected.
#[derive(Debug, Clone)]
pub struct Missed {
    pub stream: StreamId,
    pub actual: Version,
    /// The facts after the expected version, at most [`MISSED_FACTS_MAX`].
    pub facts: Vec<RecordedFact>,
}

/// What became of one group.
#[derive(Debug, Clone)]
pub enum GroupOutcome {
    /// Durable. One entry per stream of the group, in its order.
    Committed(Vec<Placed>),
    /// Nothing of the group was written.
    Conflict(Vec<Missed>),
    /// Nothing of the group was written: a shard was fenced since the writer last looked.
    Fenced { shard: Shard, epoch: Epoch },
}

/// A fact as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFact {
    pub shard: Shard,
    pub position: Position,
    pub stream: StreamId,
    /// The stream's version with this fact; the first fact makes version 1.
    pub version: Version,
    pub type_name: Arc<str>,
    pub schema: u16,
    pub time: Timestamp,
    pub cause: Cause,
    pub body: Arc<str>,
}

/// A stream's state at a version, so that not all of its facts must be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub stream: StreamId,
    pub version: Version,
    /// The time of the last fact that is folded in.
    pub time: Timestamp,
    /// A reader with another state version ignores the snapshot.
    pub state_version: u32,
    pub body: Arc<str>,
}

/// Whether a shard takes appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardState {
    Open,
    /// Takes no appends until it is opened again under a higher epoch.
    Fenced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardInfo {
    pub shard: Shard,
    pub epoch: Epoch,
    pub state: ShardState,
    /// Position of the last fact; 0 when there is none.
    pub head: Position,
}

/// A part of a shard: the facts after one position, up to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardRange {
    pub shard: Shard,
    /// Exclusive.
    pub after: Position,
    /// Inclusive.
    pub until: Position,
}

/// The port: what an engine must do to keep the log.
///
/// Reads see everything that was committed before they began. All answers are in a defined order, never in
/// that of a hash table.
#[async_trait]
pub trait Log: Send + Sync {
    /// Writes the groups in order, each whole or not at all, in one durable transaction. A group sees what the
    /// groups before it in the batch wrote. `Err` other than `Unknown` means that nothing was written.
    ///
    /// Where a group fails, a later group of the batch that names a stream which the failed one meant to extend is a
    /// conflict, too, whatever versions say: it may have counted on facts that do not exist, and a stranger's facts
    /// may have brought the stream to just the version that it expects.
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>>;

    /// What became of an append whose answer was lost. `None` is final: it did not happen and never will; if it
    /// comes later, it is refused.
    /// `Some` tells each group; conflicts carry no facts here.
    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>>;

    /// Facts of a stream with a version above `after`, ascending, at most `limit`.
    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>>;

    /// Facts of a shard with a position above `after`, ascending, at most `limit`.
    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>>;

    /// The first facts of each range, at most `limit` of each, range by range: what several reads of shards answer,
    /// where an engine can in one round trip.
    async fn read_ranges(&self, ranges: &[ShardRange], limit: usize) -> StoreResult<Vec<RecordedFact>> {
        let reads = ranges.iter().map(|range| {
            let length = usize::try_from(range.until.saturating_sub(range.after)).unwrap_or(usize::MAX);
            self.read_shard(range.shard, range.after, length.min(limit))
        });
        Ok(futures::future::try_join_all(reads).await?.concat())
    }

    /// Every shard in order, with its head. Its length is the number of shards.
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>>;

    /// Raises a shard's epoch and sets its state; appends under an older epoch, or to a fenced shard, are refused.
    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch>;

    /// Keeps the newest snapshot of a stream; an older one is ignored.
    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()>;

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>>;

    /// The newest snapshot and the facts after it, at most `limit`: what a state is made from, where an engine can in
    /// one round trip.
    async fn read_latest(&self, stream: &StreamId, limit: usize) -> StoreResult<(Option<Snapshot>, Vec<RecordedFact>)> {
        let snapshot = self.load_snapshot(stream).await?;
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        Ok((snapshot, self.read_stream(stream, after, limit).await?))
    }

    /// Whether no other process can append to this store. Only then may a refusal rest on memory alone.
    fn owned_alone(&self) -> bool;
}
