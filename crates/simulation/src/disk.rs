//! The simulated disk: transactions that are in flight, that are there, and that are durable. When a node dies, what was
//! durable stays; of what was in flight chance decides.
//! It does not know what is stored; it keeps the platform's own stores in memory.

mod documents;
mod log;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use parking_lot::Mutex;
use platform::documents::memory::MemoryDocuments;
use platform::documents::{Conditional, Documents, Expected, Put, WriteBatch};
use platform::log::memory::MemoryLog;
use platform::log::{
    AppendId, Batch, Epoch, GroupOutcome, Log, RecordedFact, Shard, ShardState, Snapshot, StreamId, Version,
};
use platform::store::StoreResult;

use crate::judge::Judge;
use crate::plant::Plant;
use crate::world::World;

pub use documents::DiskDocuments;
pub use log::DiskLog;

/// How long a disk that answers too early takes to make it true.
const SYNCED_LATE_MS: (u64, u64) = (5, 400);

/// Something that changes what is stored.
#[derive(Clone)]
pub enum Act {
    Append(Batch),
    FindAppend(AppendId),
    Fence(Shard, ShardState),
    Snapshot(Snapshot),
    Write(WriteBatch),
    PutIf { put: Put, expected: Expected, now: Timestamp },
    DeleteExpired { now: Timestamp, limit: usize },
}

/// What became of it.
pub enum Done {
    Appended(StoreResult<Vec<GroupOutcome>>),
    Found(StoreResult<Option<Vec<GroupOutcome>>>),
    Fenced(StoreResult<Epoch>),
    Saved(StoreResult<()>),
    Written(StoreResult<()>),
    Put(StoreResult<Conditional>),
    Deleted(StoreResult<usize>),
}

/// A transaction that was sent and not yet made. When nobody waits for it any more, chance decides whether it happens.
struct Ticket {
    disk: Arc<Disk>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.disk.settle_without_answer(self.number);
    }
}

/// The disk of a shop, shared by its nodes: the log and all documents.
pub struct Disk {
    world: Arc<World>,
    judge: Arc<Judge>,
    inner: Mutex<Inner>,
}

struct Inner {
    store: Store,
    tickets: u64,
    in_flight: BTreeMap<u64, (usize, Act)>,
    /// Appends whose answer was lost, and which come later.
    late: VecDeque<(Timestamp, Batch)>,
    /// Everything that was ever made, where the disk answers before it is durable; and how much of it is.
    journal: Vec<(Timestamp, Act)>,
    durable: usize,
}

/// What is there.
struct Store {
    log: MemoryLog,
    documents: MemoryDocuments,
}

impl Store {
    fn new(world: &World) -> Self {
        let faults = &world.faults;
        let log = MemoryLog::with_ownership(faults.shards, faults.nodes == 1);
        Self { log, documents: MemoryDocuments::default() }
    }

    fn make(&self, act: Act) -> Done {
        match act {
            Act::Append(batch) => Done::Appended(at_once(self.log.append(batch))),
            Act::FindAppend(id) => Done::Found(at_once(self.log.find_append(id))),
            Act::Fence(shard, state) => Done::Fenced(at_once(self.log.fence(shard, state))),
            Act::Snapshot(snapshot) => Done::Saved(at_once(self.log.save_snapshot(snapshot))),
            Act::Write(batch) => Done::Written(at_once(self.documents.write(batch))),
            Act::PutIf { put, expected, now } => Done::Put(at_once(self.documents.put_if(put, expected, now))),
            Act::DeleteExpired { now, limit } => Done::Deleted(at_once(self.documents.delete_expired(now, limit))),
        }
    }

    /// What a log does that does not look at versions: whatever was seen, it is taken for what is there.
    fn overlook_versions(&self, batch: &mut Batch) {
        let mut added: BTreeMap<StreamId, Version> = BTreeMap::new();
        for append in batch.groups.iter_mut().flat_map(|group| &mut group.streams) {
            let there = at_once(self.log.read_stream(&append.stream, 0, usize::MAX)).map_or(0, |facts| facts.len());
            let more = added.entry(append.stream.clone()).or_default();
            append.expected = there as Version + *more;
            *more += append.facts.len() as Version;
        }
    }
}

impl Disk {
    pub fn new(world: &Arc<World>, judge: &Arc<Judge>) -> Arc<Self> {
        let (in_flight, late) = (BTreeMap::new(), VecDeque::new());
        let inner = Inner { store: Store::new(world), tickets: 0, in_flight, late, journal: Vec::new(), durable: 0 };
        Arc::new(Self { world: world.clone(), judge: judge.clone(), inner: Mutex::new(inner) })
    }

    /// A change is on its way: from here on it may happen even when its node dies.
    fn send(self: &Arc<Self>, node: usize, act: Act) -> Ticket {
        let inner = &mut *self.inner.lock();
        inner.tickets += 1;
        inner.in_flight.insert(inner.tickets, (node, act));
        Ticket { disk: self.clone(), number: inner.tickets }
    }

    /// Makes a change that was sent; `None` when the node's death has settled it already.
    fn make(&self, ticket: &Ticket) -> Option<Done> {
        let inner = &mut *self.inner.lock();
        self.come_late(inner);
        let (_, act) = inner.in_flight.remove(&ticket.number)?;
        Some(self.act(inner, act))
    }

    fn settle_without_answer(&self, number: u64) {
        let inner = &mut *self.inner.lock();
        let Some((_, act)) = inner.in_flight.remove(&number) else { return };
        if self.world.chance.per_mille(500) {
            let _ = self.act(inner, act);
        }
    }

    fn act(&self, inner: &mut Inner, mut act: Act) -> Done {
        if self.world.plant == Some(Plant::SkippedVersionCheck)
            && let Act::Append(batch) = &mut act
        {
            inner.store.overlook_versions(batch);
        }
        if self.world.plant == Some(Plant::ReplyBeforeCommit) {
            inner.journal.push((self.world.now(), act.clone()));
            let done = inner.store.make(act);
            self.sync_what_is_old(inner);
            return done;
        }
        let done = inner.store.make(act);
        if let Done::Appended(Ok(outcomes)) = &done {
            self.show(&inner.store, outcomes);
        }
        done
    }

    /// The judge sees what became durable, group by group.
    fn show(&self, store: &Store, outcomes: &[GroupOutcome]) {
        for outcome in outcomes {
            let GroupOutcome::Committed(placed) = outcome else { continue };
            let mut facts: Vec<RecordedFact> = Vec::new();
            for place in placed.iter().filter(|place| place.count > 0) {
                let count = usize::try_from(place.count).unwrap_or(usize::MAX);
                let read = at_once(store.log.read_shard(place.shard, place.first - 1, count));
                facts.extend(read.unwrap_or_default());
            }
            if !facts.is_empty() {
                self.judge.see(&facts);
            }
        }
    }

    fn sync_what_is_old(&self, inner: &mut Inner) {
        let wait = Duration::from_millis(self.world.chance.within(SYNCED_LATE_MS.0..=SYNCED_LATE_MS.1));
        let until = self.world.now().saturating_sub(wait).unwrap_or(Timestamp::MIN);
        let is_old = |(made_at, _): &(Timestamp, Act)| *made_at <= until || self.world.is_calm();
        let old = inner.journal[inner.durable..].iter().take_while(|made| is_old(made)).count();
        self.sync(inner, old);
    }

    /// Makes the next changes of the journal durable: facts are shown as they lie in the log.
    fn sync(&self, inner: &mut Inner, count: usize) {
        for (_, act) in &inner.journal[inner.durable..inner.durable + count] {
            if let Act::Append(batch) = act
                && let Ok(Some(outcomes)) = at_once(inner.store.log.find_append(batch.id))
            {
                self.show(&inner.store, &outcomes);
            }
        }
        inner.durable += count;
    }

    fn come_late(&self, inner: &mut Inner) {
        while inner.late.front().is_some_and(|(at, _)| *at <= self.world.now()) {
            let Some((_, batch)) = inner.late.pop_front() else { return };
            // Nobody waits for it; where somebody has asked for it meanwhile, it is refused.
            let _ = self.act(inner, Act::Append(batch));
        }
    }

    /// A node has died: what it had sent happened, or did not.
    pub fn settle_after_death(&self, node: usize) {
        let inner = &mut *self.inner.lock();
        let numbers: Vec<u64> = inner.in_flight.iter().filter(|(_, sent)| sent.0 == node).map(|(n, _)| *n).collect();
        for number in numbers {
            let Some((_, act)) = inner.in_flight.remove(&number) else { continue };
            if self.world.chance.per_mille(500) {
                let _ = self.act(inner, act);
            }
        }
        self.lose_what_is_not_durable(inner);
    }

    /// Only on a disk that answers early: an honest one has nothing to lose.
    fn lose_what_is_not_durable(&self, inner: &mut Inner) {
        let open = inner.journal.len() - inner.durable;
        if open == 0 {
            return;
        }
        let kept = usize::try_from(self.world.chance.below(open as u64 + 1)).unwrap_or(0);
        self.sync(inner, kept);
        inner.journal.truncate(inner.durable);
        inner.store = Store::new(&self.world);
        for (_, act) in &inner.journal {
            let _ = inner.store.make(act.clone());
        }
    }

    /// Everything that the disk still owes happens now.
    pub fn settle_all(&self) {
        let inner = &mut *self.inner.lock();
        while let Some((_, batch)) = inner.late.pop_front() {
            let _ = self.act(inner, Act::Append(batch));
        }
        let open = inner.journal.len() - inner.durable;
        self.sync(inner, open);
    }

    fn owe(&self, batch: Batch, after: Duration) {
        let at = self.world.now().saturating_add(after).unwrap_or(Timestamp::MAX);
        let late = &mut self.inner.lock().late;
        let place = late.partition_point(|(other, _)| *other <= at);
        late.insert(place, (at, batch));
    }

    /// Reads what is there.
    fn read<R>(&self, read: impl FnOnce(&MemoryLog) -> R) -> R {
        let inner = &mut *self.inner.lock();
        self.come_late(inner);
        read(&inner.store.log)
    }

    fn read_documents<R>(&self, read: impl FnOnce(&MemoryDocuments) -> R) -> R {
        read(&self.inner.lock().store.documents)
    }
}

/// Stores in memory never wait.
fn at_once<T>(future: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    future.now_or_never().expect("a store in memory answers at once")
}
