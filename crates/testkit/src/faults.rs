//! Faults on demand: a log that counts what is asked of it, and holds, loses or refuses appends when it is told to.
//! It stores nothing itself.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use platform::log::{
    AppendId, Batch, Epoch, Group, GroupOutcome, Log, Position, RecordedFact, Shard, ShardInfo, ShardState, Snapshot,
    StreamId, Version,
};
use platform::store::{StoreError, StoreResult};
use tokio::sync::watch;

/// What happens to an append.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing; for a plan in which a later append fails.
    None,
    /// It is not written, and the caller is told so.
    Fail(StoreError),
    /// It is written, but the caller is told that the outcome is unknown.
    LoseAnswer,
    /// It is not written, and the caller is told that the outcome is unknown.
    LoseRequest,
    /// Somebody else's groups are written just before it.
    Overtake(Vec<Group>),
}

/// A log over another one.
pub struct FaultyLog {
    inner: Arc<dyn Log>,
    plan: Mutex<Plan>,
    /// Appends are held while this is true.
    held: watch::Sender<bool>,
    /// Appends that have come so far, held or not.
    arrived: watch::Sender<usize>,
}

#[derive(Default)]
struct Plan {
    faults: VecDeque<Fault>,
    always: Option<Fault>,
    /// How many questions about an append fail.
    unanswered: usize,
    groups: Vec<usize>,
    stream_reads: Vec<(StreamId, Version)>,
    foreign: u64,
}

impl FaultyLog {
    pub fn over(inner: Arc<dyn Log>) -> Arc<Self> {
        let (held, arrived) = (watch::channel(false).0, watch::channel(0).0);
        Arc::new(Self { inner, plan: Mutex::default(), held, arrived })
    }

    /// The next append that has no fault planned yet meets this one.
    pub fn next(&self, fault: Fault) {
        self.plan.lock().faults.push_back(fault);
    }

    /// Every append without a planned fault meets this one.
    pub fn always(&self, fault: Fault) {
        self.plan.lock().always = Some(fault);
    }

    /// The next `count` questions about an append fail.
    pub fn leave_unanswered(&self, count: usize) {
        self.plan.lock().unanswered = count;
    }

    /// From now on appends wait, before anything happens to them, until [`Self::release`].
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// Waits until `count` appends have come, counted from the beginning.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|come| *come >= count).await.expect("the sender lives in this log");
    }

    /// The number of groups of each append that has come.
    pub fn appends(&self) -> Vec<usize> {
        self.plan.lock().groups.clone()
    }

    /// Which streams were read, and after which version.
    pub fn stream_reads(&self) -> Vec<(StreamId, Version)> {
        self.plan.lock().stream_reads.clone()
    }

    async fn overtake(&self, batch: &Batch, groups: Vec<Group>) -> StoreResult<()> {
        let foreign = {
            let plan = &mut *self.plan.lock();
            plan.foreign += 1;
            plan.foreign
        };
        let mut id = [0xff; 16];
        id[..8].copy_from_slice(&foreign.to_be_bytes());
        self.inner.append(Batch { id: AppendId(id), groups, ..batch.clone() }).await.map(drop)
    }
}

#[async_trait]
impl Log for FaultyLog {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        let fault = {
            let plan = &mut *self.plan.lock();
            plan.groups.push(batch.groups.len());
            plan.faults.pop_front().or_else(|| plan.always.clone()).unwrap_or(Fault::None)
        };
        self.arrived.send_modify(|arrived| *arrived += 1);
        self.held.subscribe().wait_for(|held| !held).await.expect("the sender lives in this log");
        match fault {
            Fault::None => self.inner.append(batch).await,
            Fault::Fail(error) => Err(error),
            Fault::LoseRequest => Err(StoreError::Unknown("the request was lost".into())),
            Fault::LoseAnswer => {
                self.inner.append(batch).await?;
                Err(StoreError::Unknown("the answer was lost".into()))
            }
            Fault::Overtake(groups) => {
                self.overtake(&batch, groups).await?;
                self.inner.append(batch).await
            }
        }
    }

    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        {
            let plan = &mut *self.plan.lock();
            if plan.unanswered > 0 {
                plan.unanswered -= 1;
                return Err(StoreError::Unavailable("nobody answers".into()));
            }
        }
        self.inner.find_append(id).await
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.plan.lock().stream_reads.push((stream.clone(), after));
        self.inner.read_stream(stream, after, limit).await
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.inner.read_shard(shard, after, limit).await
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.inner.shards().await
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        self.inner.fence(shard, state).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        self.inner.save_snapshot(snapshot).await
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        self.inner.load_snapshot(stream).await
    }

    fn owned_alone(&self) -> bool {
        self.inner.owned_alone()
    }
}
