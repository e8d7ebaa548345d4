//! What a batch comes to as far as the batch itself tells: which groups go, which fail, and what is sent of them.
//! It sends nothing. Where the server finds a stream or a shard otherwise than presumed, a new plan is made of the same
//! batch with what was told, until the server agrees with everything that the plan rests on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use platform::log::{Batch, Epoch, Group, GroupOutcome, Missed, Placed, Position, Shard, StreamId, Version};

use super::values::{Time, escaped, signed};

/// What the server told of streams and shards that were not as presumed.
#[derive(Debug, Default)]
pub struct Told {
    pub versions: HashMap<StreamId, Version>,
    pub fenced: BTreeMap<Shard, Epoch>,
}

/// A batch as it is sent.
pub struct Plan<'a> {
    /// Of each group. Positions count from the heads of the shards, which only the server knows.
    pub outcomes: Vec<GroupOutcome>,
    /// Ascending.
    pub shards: Vec<Shard>,
    /// What the plan rests on: each stream once, with the version that it must have.
    pub streams: Vec<(&'a StreamId, Version)>,
    pub facts: Facts<'a>,
}

/// The facts to write, as one list for each column.
#[derive(Default)]
pub struct Facts<'a> {
    /// Where the fact's shard is found among the shards, counted from 1.
    pub slots: Vec<i32>,
    /// The fact's place behind the shard's head, counted from 1.
    pub places: Vec<i64>,
    pub keys: Vec<Cow<'a, str>>,
    pub kinds: Vec<&'a str>,
    pub versions: Vec<i64>,
    pub types: Vec<Cow<'a, str>>,
    pub schemas: Vec<i32>,
    pub times: Vec<Time>,
    pub actors: Vec<Cow<'a, str>>,
    pub commands: Vec<Cow<'a, str>>,
    pub traces: Vec<Option<Cow<'a, str>>>,
    pub bodies: Vec<&'a str>,
}

/// A stream of the batch while the plan is made.
struct Stream {
    /// The version that the store is presumed to have, or said to have.
    base: Version,
    /// The version with what the groups so far write.
    version: Version,
    shard: Shard,
    /// The plan rests on the base.
    counts: bool,
}

/// The stream's name without its kind.
pub fn key_of(stream: &StreamId) -> &str {
    stream.as_str().split_once('-').map_or("", |(_, key)| key)
}

struct Planning<'a, 't> {
    shards: Shard,
    told: &'t Told,
    /// In the order in which the batch names them first.
    names: Vec<&'a StreamId>,
    streams: HashMap<&'a StreamId, Stream>,
    /// Meant to be extended by a group that failed.
    spoiled: HashSet<&'a StreamId>,
    /// Facts so far, of each shard.
    written: BTreeMap<Shard, Position>,
    outcomes: Vec<GroupOutcome>,
    facts: Facts<'a>,
    /// Of each fact, until the slots are known.
    fact_shards: Vec<Shard>,
}

impl<'a> Plan<'a> {
    /// `shards` is the store's number of shards.
    pub fn of(batch: &'a Batch, shards: Shard, told: &Told) -> Self {
        let mut planning = Planning {
            shards,
            told,
            names: Vec::new(),
            streams: HashMap::new(),
            spoiled: HashSet::new(),
            written: BTreeMap::new(),
            outcomes: Vec::with_capacity(batch.groups.len()),
            facts: Facts::default(),
            fact_shards: Vec::new(),
        };
        for group in &batch.groups {
            planning.take(group);
        }
        planning.finish()
    }
}

impl<'a> Planning<'a, '_> {
    fn take(&mut self, group: &'a Group) {
        let fenced = group.streams.iter().map(|append| append.stream.shard(self.shards)).find_map(|shard| {
            let epoch = *self.told.fenced.get(&shard)?;
            Some(GroupOutcome::Fenced { shard, epoch })
        });
        let outcome = match fenced {
            Some(fenced) => fenced,
            None => match self.missed(group) {
                missed if missed.is_empty() => GroupOutcome::Committed(self.write(group)),
                missed => GroupOutcome::Conflict(missed),
            },
        };
        if !matches!(outcome, GroupOutcome::Committed(_)) {
            let unwritten = group.streams.iter().filter(|append| !append.facts.is_empty());
            self.spoiled.extend(unwritten.map(|append| &append.stream));
        }
        self.outcomes.push(outcome);
    }

    /// The streams that are not as the group expects. Everything is asked before anything is written.
    fn missed(&mut self, group: &'a Group) -> Vec<Missed> {
        let mut missed = Vec::new();
        for append in &group.streams {
            let stream = self.streams.entry(&append.stream).or_insert_with(|| {
                self.names.push(&append.stream);
                let said = self.told.versions.get(&append.stream);
                let base = said.copied().unwrap_or(append.expected);
                // What the server has said already makes groups fail, whatever the stream's version is by now.
                let counts = said.is_none();
                Stream { base, version: base, shard: append.stream.shard(self.shards), counts }
            });
            if stream.version != append.expected || self.spoiled.contains(&append.stream) {
                let (stream, actual) = (append.stream.clone(), stream.version);
                missed.push(Missed { stream, actual, facts: Vec::new() });
            }
        }
        missed
    }

    fn write(&mut self, group: &'a Group) -> Vec<Placed> {
        let mut placed = Vec::with_capacity(group.streams.len());
        for append in &group.streams {
            let Some(stream) = self.streams.get_mut(&append.stream) else { continue };
            stream.counts = true;
            let written = self.written.entry(stream.shard).or_default();
            let count = u32::try_from(append.facts.len()).unwrap_or(u32::MAX);
            let first = if count == 0 { *written } else { *written + 1 };
            placed.push(Placed { shard: stream.shard, first, count });
            let (key, kind) = (escaped(key_of(&append.stream)), append.stream.kind());
            for fact in &append.facts {
                *written += 1;
                stream.version += 1;
                let facts = &mut self.facts;
                self.fact_shards.push(stream.shard);
                facts.places.push(signed(*written));
                facts.keys.push(key.clone());
                facts.kinds.push(kind);
                facts.versions.push(signed(stream.version));
                facts.types.push(escaped(&fact.type_name));
                facts.schemas.push(fact.schema.into());
                facts.times.push(Time(group.time));
                facts.actors.push(escaped(&group.cause.actor));
                facts.commands.push(escaped(&group.cause.command));
                facts.traces.push(group.cause.trace.as_deref().map(escaped));
                facts.bodies.push(&fact.body);
            }
        }
        placed
    }

    fn finish(self) -> Plan<'a> {
        let Self { names, streams, outcomes, mut facts, fact_shards, .. } = self;
        let counting = names.iter().filter_map(|name| Some((*name, streams.get(name).filter(|stream| stream.counts)?)));
        let (mut checked, mut shards) = (Vec::new(), BTreeSet::new());
        for (name, stream) in counting {
            checked.push((name, stream.base));
            shards.insert(stream.shard);
        }
        let shards: Vec<Shard> = shards.into_iter().collect();
        let slot = |shard: &Shard| shards.binary_search(shard).map_or(0, |at| i32::try_from(at + 1).unwrap_or(0));
        facts.slots = fact_shards.iter().map(slot).collect();
        Plan { outcomes, shards, streams: checked, facts }
    }
}

impl Plan<'_> {
    /// The outcomes with the places in the log, once the server has told the heads of the shards, in their order.
    pub fn placed(self, heads: &[Position]) -> Vec<GroupOutcome> {
        let heads: BTreeMap<Shard, Position> = self.shards.iter().copied().zip(heads.iter().copied()).collect();
        place(self.outcomes, &heads)
    }

    /// The epochs that the writer knows of these shards.
    pub fn epochs(&self, batch: &Batch) -> Vec<i64> {
        let known = |shard: &Shard| batch.epochs.get(usize::from(*shard)).copied().unwrap_or(0);
        self.shards.iter().map(|shard| signed(known(shard))).collect()
    }
}

/// Moves the places of committed groups behind these heads.
pub fn place(mut outcomes: Vec<GroupOutcome>, heads: &BTreeMap<Shard, Position>) -> Vec<GroupOutcome> {
    for outcome in &mut outcomes {
        if let GroupOutcome::Committed(placed) = outcome {
            for place in placed {
                place.first += heads.get(&place.shard).copied().unwrap_or(0);
            }
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use platform::log::{AppendId, Cause, NewFact, StreamAppend};

    use super::*;

    fn lamp(key: &str) -> StreamId {
        StreamId::new("lamp", key)
    }

    fn facts(key: &str, expected: Version, count: usize) -> StreamAppend {
        let fact = NewFact { type_name: "lamp.lit".into(), schema: 1, body: "{}".into() };
        StreamAppend { stream: lamp(key), expected, facts: vec![fact; count] }
    }

    fn batch(groups: Vec<Vec<StreamAppend>>) -> Batch {
        let time = jiff::Timestamp::UNIX_EPOCH;
        let group = |streams| Group { time, cause: Cause::system(), streams };
        let groups = groups.into_iter().map(group).collect();
        Batch { id: AppendId([7; 16]), time, epochs: vec![1; 64].into(), groups }
    }

    /// One letter for each group: committed, conflict, fenced.
    fn outcomes(plan: &Plan<'_>) -> String {
        let letter = |outcome: &GroupOutcome| match outcome {
            GroupOutcome::Committed(_) => 'c',
            GroupOutcome::Conflict(_) => '-',
            GroupOutcome::Fenced { .. } => 'f',
        };
        plan.outcomes.iter().map(letter).collect()
    }

    fn streams(plan: &Plan<'_>) -> Vec<(String, Version)> {
        plan.streams.iter().map(|(stream, base)| (stream.key(), *base)).collect()
    }

    fn told(versions: &[(&str, Version)], fenced: &[&str]) -> Told {
        let versions = versions.iter().map(|(key, version)| (lamp(key), *version)).collect();
        Told { versions, fenced: fenced.iter().map(|key| (lamp(key).shard(64), 2)).collect() }
    }

    #[test]
    fn a_stream_is_presumed_to_be_as_it_is_first_expected() {
        let batch =
            batch(vec![vec![facts("a", 3, 2)], vec![facts("a", 5, 1), facts("b", 0, 1)], vec![facts("a", 5, 1)]]);
        let told = Told::default();
        let plan = Plan::of(&batch, 64, &told);
        assert_eq!(outcomes(&plan), "cc-");
        assert_eq!(streams(&plan), [("a".into(), 3), ("b".into(), 0)]);
        assert_eq!(plan.facts.versions, [4, 5, 6, 1]);
    }

    #[test]
    fn what_the_server_told_makes_groups_fail_and_those_that_rest_on_them() {
        let batch = batch(vec![
            vec![facts("a", 1, 1)],
            vec![facts("a", 2, 1)],
            vec![facts("a", 2, 0), facts("b", 0, 1)],
            vec![facts("c", 0, 1)],
        ]);
        let told = told(&[("a", 2)], &[]);
        let plan = Plan::of(&batch, 64, &told);
        assert_eq!(outcomes(&plan), "---c");
        // Whether `a` has grown since makes no difference any more.
        assert_eq!(streams(&plan), [("b".into(), 0), ("c".into(), 0)]);
        let GroupOutcome::Conflict(missed) = &plan.outcomes[1] else { panic!("a conflict") };
        assert_eq!(missed[0].actual, 2);
    }

    #[test]
    fn an_assertion_that_failed_spoils_nothing() {
        let batch = batch(vec![vec![facts("a", 1, 0)], vec![facts("a", 2, 1)]]);
        let told = told(&[("a", 2)], &[]);
        let plan = Plan::of(&batch, 64, &told);
        assert_eq!(outcomes(&plan), "-c");
        assert_eq!(streams(&plan), [("a".into(), 2)]);
    }

    #[test]
    fn a_fenced_shard_is_left_alone() {
        let batch =
            batch(vec![vec![facts("b", 0, 1), facts("a", 0, 1)], vec![facts("b", 0, 1)], vec![facts("c", 0, 1)]]);
        let told = told(&[], &["a"]);
        let plan = Plan::of(&batch, 64, &told);
        assert_eq!(outcomes(&plan), "f-c", "`b` counts on a fact that was not written");
        assert!(!plan.shards.contains(&lamp("a").shard(64)));
    }

    #[test]
    fn places_count_from_the_heads() {
        let batch = batch(vec![vec![facts("a", 0, 2), facts("a.x", 0, 0)], vec![facts("a", 2, 1)]]);
        let told = Told::default();
        let plan = Plan::of(&batch, 1, &told);
        assert_eq!((plan.facts.places.as_slice(), plan.facts.slots.as_slice()), (&[1, 2, 3][..], &[1, 1, 1][..]));
        let placed = plan.placed(&[10]);
        let places: Vec<(Position, u32)> = placed
            .iter()
            .flat_map(|outcome| match outcome {
                GroupOutcome::Committed(placed) => placed.iter().map(|place| (place.first, place.count)).collect(),
                _ => Vec::new(),
            })
            .collect();
        assert_eq!(places, [(11, 2), (12, 0), (13, 1)]);
    }
}
