//! The log in memory: for tests and simulations. It keeps nothing when the process ends.
//! It knows no engine; it is the plainest thing that keeps the port's promises.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::{
    APPEND_ID_KEPT_S, AppendId, Batch, Epoch, Group, GroupOutcome, Log, MISSED_FACTS_MAX, Missed, Placed, Position,
    RecordedFact, Shard, ShardInfo, ShardState, Snapshot, StreamId, Version,
};
use crate::store::{StoreError, StoreResult};

/// A log in memory.
pub struct MemoryLog {
    inner: Mutex<Inner>,
    owned_alone: bool,
}

struct Inner {
    shards: Vec<ShardLog>,
    /// For each stream, where its facts lie in its shard.
    streams: BTreeMap<StreamId, Vec<usize>>,
    snapshots: BTreeMap<StreamId, Snapshot>,
    /// Without outcomes: somebody asked for it before it came, and was told that it never will.
    appends: BTreeMap<AppendId, (Timestamp, Option<Vec<GroupOutcome>>)>,
    /// The time of the newest append.
    latest: Option<Timestamp>,
}

struct ShardLog {
    epoch: Epoch,
    state: ShardState,
    facts: Vec<RecordedFact>,
}

impl MemoryLog {
    pub fn new(shards: Shard) -> Self {
        Self::with_ownership(shards, true)
    }

    /// `owned_alone: false` behaves as a store that other nodes write, too.
    pub fn with_ownership(shards: Shard, owned_alone: bool) -> Self {
        let shards = (0..shards).map(|_| ShardLog { epoch: 1, state: ShardState::Open, facts: Vec::new() }).collect();
        let (streams, snapshots, appends) = Default::default();
        let inner = Inner { shards, streams, snapshots, appends, latest: None };
        Self { inner: Mutex::new(inner), owned_alone }
    }

    /// Every fact, shard by shard: what a seeded run compares.
    pub fn dump(&self) -> Vec<RecordedFact> {
        self.inner.lock().shards.iter().flat_map(|shard| shard.facts.iter().cloned()).collect()
    }
}

impl Inner {
    fn shard_of(&self, stream: &StreamId) -> Shard {
        stream.shard(Shard::try_from(self.shards.len()).unwrap_or(Shard::MAX))
    }

    fn version(&self, stream: &StreamId) -> Version {
        self.streams.get(stream).map_or(0, |facts| facts.len() as Version)
    }

    fn stream_facts(&self, stream: &StreamId, after: Version, limit: usize) -> Vec<RecordedFact> {
        let shard = &self.shards[usize::from(self.shard_of(stream))];
        let places = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        places.iter().skip(skip).take(limit).map(|place| shard.facts[*place].clone()).collect()
    }

    fn append_group(&mut self, group: &Group, epochs: &[Epoch], spoiled: &BTreeSet<StreamId>) -> GroupOutcome {
        for append in &group.streams {
            let shard = self.shard_of(&append.stream);
            let known = epochs.get(usize::from(shard)).copied().unwrap_or(0);
            let held = &self.shards[usize::from(shard)];
            if held.epoch != known || held.state == ShardState::Fenced {
                return GroupOutcome::Fenced { shard, epoch: held.epoch };
            }
        }
        let stale = group
            .streams
            .iter()
            .filter(|append| self.version(&append.stream) != append.expected || spoiled.contains(&append.stream));
        let missed: Vec<Missed> = stale
            .map(|append| Missed {
                stream: append.stream.clone(),
                actual: self.version(&append.stream),
                facts: self.stream_facts(&append.stream, append.expected, MISSED_FACTS_MAX),
            })
            .collect();
        if !missed.is_empty() {
            return GroupOutcome::Conflict(missed);
        }
        GroupOutcome::Committed(group.streams.iter().map(|append| self.write(group, append)).collect())
    }

    fn write(&mut self, group: &Group, append: &super::StreamAppend) -> Placed {
        let shard = self.shard_of(&append.stream);
        let facts = &mut self.shards[usize::from(shard)].facts;
        let head = facts.len() as Position;
        let places = self.streams.entry(append.stream.clone()).or_default();
        for fact in &append.facts {
            places.push(facts.len());
            facts.push(RecordedFact {
                shard,
                position: facts.len() as Position + 1,
                stream: append.stream.clone(),
                version: places.len() as Version,
                type_name: fact.type_name.clone(),
                schema: fact.schema,
                time: group.time,
                cause: group.cause.clone(),
                body: fact.body.clone(),
            });
        }
        if places.is_empty() {
            self.streams.remove(&append.stream);
        }
        let count = u32::try_from(append.facts.len()).unwrap_or(u32::MAX);
        Placed { shard, first: if count == 0 { head } else { head + 1 }, count }
    }
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        let inner = &mut *self.inner.lock();
        let kept = |time: &Timestamp| time.as_second() > batch.time.as_second() - APPEND_ID_KEPT_S;
        match inner.appends.get(&batch.id).filter(|(time, _)| kept(time)) {
            None => {}
            Some((_, Some(_))) => return Err(StoreError::Corrupt("an append id was used twice".into())),
            Some((_, None)) => return Err(StoreError::Unavailable("this append was given up before it came".into())),
        }
        let mut spoiled = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(batch.groups.len());
        for group in &batch.groups {
            let outcome = inner.append_group(group, &batch.epochs, &spoiled);
            if !matches!(outcome, GroupOutcome::Committed(_)) {
                let unwritten = group.streams.iter().filter(|append| !append.facts.is_empty());
                spoiled.extend(unwritten.map(|append| append.stream.clone()));
            }
            outcomes.push(outcome);
        }
        inner.appends.retain(|_, (time, _)| kept(time));
        inner.appends.insert(batch.id, (batch.time, Some(outcomes.iter().map(without_facts).collect())));
        inner.latest = inner.latest.max(Some(batch.time));
        Ok(outcomes)
    }

    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        let inner = &mut *self.inner.lock();
        let asked = inner.latest.unwrap_or(Timestamp::MAX);
        Ok(inner.appends.entry(id).or_insert((asked, None)).1.clone())
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        Ok(self.inner.lock().stream_facts(stream, after, limit))
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        let inner = self.inner.lock();
        let Some(shard) = inner.shards.get(usize::from(shard)) else { return Ok(Vec::new()) };
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(shard.facts.iter().skip(skip).take(limit).cloned().collect())
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        let inner = self.inner.lock();
        let infos = inner.shards.iter().zip(0..).map(|(held, shard)| ShardInfo {
            shard,
            epoch: held.epoch,
            state: held.state,
            head: held.facts.len() as Position,
        });
        Ok(infos.collect())
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        let mut inner = self.inner.lock();
        let held = inner
            .shards
            .get_mut(usize::from(shard))
            .ok_or_else(|| StoreError::Corrupt(format!("there is no shard {shard}")))?;
        held.epoch += 1;
        held.state = state;
        Ok(held.epoch)
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        let mut inner = self.inner.lock();
        let newer = inner.snapshots.get(&snapshot.stream).is_some_and(|kept| kept.version >= snapshot.version);
        if !newer {
            inner.snapshots.insert(snapshot.stream.clone(), snapshot);
        }
        Ok(())
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        Ok(self.inner.lock().snapshots.get(stream).cloned())
    }

    fn owned_alone(&self) -> bool {
        self.owned_alone
    }
}

fn without_facts(outcome: &GroupOutcome) -> GroupOutcome {
    let GroupOutcome::Conflict(missed) = outcome else { return outcome.clone() };
    let bare = |missed: &Missed| Missed { facts: Vec::new(), ..missed.clone() };
    GroupOutcome::Conflict(missed.iter().map(bare).collect())
}
