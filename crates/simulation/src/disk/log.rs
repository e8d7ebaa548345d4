//! A node's way to the log on the simulated disk, on which requests and answers are lost, late or refused.
//! It keeps the port's contract whatever fails.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform::log::{
    AppendId, Batch, Epoch, GroupOutcome, Log, Position, RecordedFact, Shard, ShardInfo, ShardState, Snapshot,
    StreamId, Version,
};
use platform::store::{StoreError, StoreResult};

use super::{Act, Disk, Done, at_once};
use crate::life::Life;

/// Before an append that comes late really comes, in milliseconds.
const LATE_BY_MS: (u64, u64) = (5, 3_000);

/// The log as one life of a node reaches it.
pub struct DiskLog {
    disk: Arc<Disk>,
    life: Arc<Life>,
}

impl DiskLog {
    pub fn new(disk: &Arc<Disk>, life: &Arc<Life>) -> Arc<Self> {
        Arc::new(Self { disk: disk.clone(), life: life.clone() })
    }

    async fn make(&self, act: Act, what: &str) -> Done {
        let ticket = self.disk.send(self.life.node, act);
        self.life.point(what).await;
        match self.disk.make(&ticket) {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    async fn before_read(&self, what: &str) -> StoreResult<()> {
        self.life.point(what).await;
        match self.life.world.fails(self.life.world.faults.read_refused) {
            true => Err(unavailable()),
            false => Ok(()),
        }
    }

    /// What was read is answered, perhaps when it is old already.
    async fn after_read<T>(&self, read: StoreResult<T>) -> StoreResult<T> {
        self.life.point("read").await;
        read
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("the simulated disk does not answer".into())
}

fn unknown(what: &str) -> StoreError {
    StoreError::Unknown(format!("the {what} was lost on the way"))
}

#[async_trait]
impl Log for DiskLog {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        let (world, faults) = (&self.life.world, &self.life.world.faults);
        self.life.point("append is sent").await;
        if world.fails(faults.append_refused) {
            self.life.point("append is refused").await;
            let is_full = world.chance.per_mille(200);
            return Err(if is_full { StoreError::Full("no room".into()) } else { unavailable() });
        }
        if world.fails(faults.append_lost) {
            self.life.point("append is lost").await;
            return Err(unknown("request"));
        }
        if world.fails(faults.append_late) {
            let wait = world.chance.within(LATE_BY_MS.0..=LATE_BY_MS.1);
            self.disk.owe(batch, Duration::from_millis(wait));
            self.life.point("append is late").await;
            return Err(unknown("answer"));
        }
        if world.fails(faults.fence) {
            let shard = Shard::try_from(world.chance.below(u64::from(faults.shards))).unwrap_or(0);
            self.make(Act::Fence(shard, ShardState::Open), "a shard is fenced").await;
        }
        let groups = batch.groups.len();
        let Done::Appended(outcome) = self.make(Act::Append(batch), "append is written").await else {
            return Err(StoreError::Corrupt("the disk mixed up its answers".into()));
        };
        self.life.step("appended", || format!("append of {groups} groups: {}", told(&outcome)));
        self.life.point("append is answered").await;
        if outcome.is_ok() && world.fails(faults.append_unanswered) {
            return Err(unknown("answer"));
        }
        outcome
    }

    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        self.life.point("append is asked for").await;
        if self.life.world.fails(self.life.world.faults.question_refused) {
            return Err(unavailable());
        }
        match self.make(Act::FindAppend(id), "append is looked for").await {
            Done::Found(found) => self.after_read(found).await,
            _ => Err(StoreError::Corrupt("the disk mixed up its answers".into())),
        }
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.before_read("stream is read").await?;
        let read = self.disk.read(|log| at_once(log.read_stream(stream, after, limit)));
        self.after_read(read).await
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.before_read("shard is read").await?;
        let read = self.disk.read(|log| at_once(log.read_shard(shard, after, limit)));
        self.after_read(read).await
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.before_read("heads are read").await?;
        let read = self.disk.read(|log| at_once(log.shards()));
        self.after_read(read).await
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        match self.make(Act::Fence(shard, state), "shard is fenced").await {
            Done::Fenced(epoch) => epoch,
            _ => Err(StoreError::Corrupt("the disk mixed up its answers".into())),
        }
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        self.before_read("snapshot is sent").await?;
        match self.make(Act::Snapshot(snapshot), "snapshot is written").await {
            Done::Saved(saved) => saved,
            _ => Err(StoreError::Corrupt("the disk mixed up its answers".into())),
        }
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        self.before_read("snapshot is read").await?;
        let read = self.disk.read(|log| at_once(log.load_snapshot(stream)));
        self.after_read(read).await
    }

    fn owned_alone(&self) -> bool {
        self.life.world.faults.nodes == 1
    }
}

fn told(outcome: &StoreResult<Vec<GroupOutcome>>) -> String {
    match outcome {
        Ok(groups) => {
            let word = |group: &GroupOutcome| match group {
                GroupOutcome::Committed(_) => "committed",
                GroupOutcome::Conflict(_) => "conflict",
                GroupOutcome::Fenced { .. } => "fenced",
            };
            groups.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    }
}
