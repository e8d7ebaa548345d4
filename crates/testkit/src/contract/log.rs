//! What every log must keep.

mod shared;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use platform::log::{
    APPEND_ID_KEPT_S, AppendId, Batch, Cause, Epoch, Group, GroupOutcome, Log, MISSED_FACTS_MAX, Missed, NewFact,
    Placed, RecordedFact, Shard, ShardState, Snapshot, StreamAppend, StreamId, Version,
};
use platform::store::{StoreError, StoreResult};

use super::{Engine, cases, second};
pub use shared::shared;

pub async fn all(engine: &dyn Engine) {
    cases!(
        engine,
        [
            a_new_store_is_empty,
            groups_stand_or_fall_whole,
            a_group_sees_the_groups_before_it,
            what_rests_on_a_failed_group_fails,
            an_assertion_holds_or_conflicts,
            a_conflict_tells_what_was_missed,
            a_conflict_tells_no_more_than_the_limit,
            of_two_claims_one_wins,
            of_racing_claims_one_wins,
            positions_have_no_gaps,
            one_case_lies_in_one_shard,
            a_fenced_shard_takes_nothing,
            an_append_can_be_asked_for,
            an_append_that_did_not_happen_never_will,
            an_append_is_forgotten_after_a_day,
            streams_are_read_in_pages,
            shards_are_read_in_pages,
            the_newest_snapshot_is_kept,
            the_latest_is_the_snapshot_and_what_follows,
            any_text_can_be_a_key,
            a_fact_comes_back_as_it_was,
            a_batch_may_be_empty,
            everything_survives_reopening,
        ]
    );
}

/// Writes to a log as an executor would.
pub struct Pen {
    pub log: Arc<dyn Log>,
    pub epochs: Arc<[Epoch]>,
    next: AtomicU64,
}

impl Pen {
    pub async fn on(log: Arc<dyn Log>) -> Self {
        let shards = log.shards().await.expect("the shards");
        Self { log, epochs: shards.iter().map(|info| info.epoch).collect(), next: AtomicU64::new(1) }
    }

    /// A batch under an id that this pen has not used.
    pub fn batch(&self, time: Timestamp, groups: Vec<Group>) -> Batch {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Batch { id: AppendId(id), time, epochs: self.epochs.clone(), groups }
    }

    pub async fn append(&self, groups: Vec<Group>) -> Vec<GroupOutcome> {
        self.try_append(groups).await.expect("the store takes the batch")
    }

    pub async fn try_append(&self, groups: Vec<Group>) -> StoreResult<Vec<GroupOutcome>> {
        self.log.append(self.batch(second(0), groups)).await
    }

    /// Facts that the stream does not have yet, in a batch of their own.
    pub async fn write(&self, stream: &StreamId, expected: Version, count: usize) {
        let outcomes = self.append(vec![group([facts(stream, expected, count)])]).await;
        placed(&outcomes[0]);
    }

    async fn version(&self, stream: &StreamId) -> usize {
        self.read(stream).await.len()
    }

    async fn read(&self, stream: &StreamId) -> Vec<RecordedFact> {
        self.log.read_stream(stream, 0, usize::MAX).await.expect("the stream")
    }
}

async fn fresh_pen(engine: &dyn Engine) -> (Box<dyn super::Store>, Pen) {
    let store = engine.fresh().await;
    let pen = Pen::on(store.log()).await;
    (store, pen)
}

pub fn group(streams: impl IntoIterator<Item = StreamAppend>) -> Group {
    Group { time: second(0), cause: Cause::system(), streams: streams.into_iter().collect() }
}

pub fn facts(stream: &StreamId, expected: Version, count: usize) -> StreamAppend {
    let fact =
        |n| NewFact { type_name: "lamp.lit".into(), schema: 1, body: format!("{{\"n\":{}}}", expected + n).into() };
    StreamAppend { stream: stream.clone(), expected, facts: (1..=count as u64).map(fact).collect() }
}

pub fn assertion(stream: &StreamId, expected: Version) -> StreamAppend {
    StreamAppend { stream: stream.clone(), expected, facts: Vec::new() }
}

#[track_caller]
pub fn placed(outcome: &GroupOutcome) -> &[Placed] {
    match outcome {
        GroupOutcome::Committed(placed) => placed,
        other => panic!("expected a committed group, found {other:?}"),
    }
}

#[track_caller]
pub fn missed(outcome: &GroupOutcome) -> &[Missed] {
    match outcome {
        GroupOutcome::Conflict(missed) => missed,
        other => panic!("expected a conflict, found {other:?}"),
    }
}

fn lamp(key: &str) -> StreamId {
    StreamId::new("lamp", key)
}

async fn a_new_store_is_empty(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let shards = pen.log.shards().await.expect("the shards");
    let numbers: Vec<Shard> = shards.iter().map(|info| info.shard).collect();
    assert_eq!(numbers, (0..64).collect::<Vec<_>>());
    assert!(shards.iter().all(|info| info.head == 0 && info.epoch == 1 && info.state == ShardState::Open));
    assert!(pen.read(&lamp("hall")).await.is_empty());
    assert!(pen.log.read_shard(0, 0, 10).await.expect("the shard").is_empty());
    assert!(pen.log.read_shard(64, 0, 10).await.expect("no shard").is_empty());
    assert_eq!(pen.log.load_snapshot(&lamp("hall")).await.expect("no snapshot"), None);
}

async fn groups_stand_or_fall_whole(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let (hall, attic, cellar) = (lamp("hall"), lamp("attic"), lamp("cellar"));
    let outcomes = pen
        .append(vec![
            group([facts(&hall, 0, 2)]),
            group([facts(&attic, 0, 1), facts(&hall, 0, 1)]),
            group([facts(&cellar, 0, 3)]),
        ])
        .await;
    assert_eq!(placed(&outcomes[0])[0].count, 2);
    assert_eq!(missed(&outcomes[1]).len(), 1);
    assert_eq!(placed(&outcomes[2])[0].count, 3);
    assert_eq!(pen.version(&attic).await, 0, "half of a group was written");
    assert_eq!(pen.version(&hall).await, 2);
    assert_eq!(pen.version(&cellar).await, 3);
}

async fn a_group_sees_the_groups_before_it(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    let outcomes = pen
        .append(vec![
            group([facts(&hall, 0, 1)]),
            group([facts(&hall, 1, 2)]),
            group([assertion(&hall, 3)]),
            group([facts(&hall, 1, 1)]),
        ])
        .await;
    assert_eq!(placed(&outcomes[0])[0].first, 1);
    assert_eq!(placed(&outcomes[1])[0].first, 2);
    let asserted = placed(&outcomes[2])[0];
    assert_eq!((asserted.first, asserted.count), (3, 0), "an assertion tells the shard's head");
    assert_eq!(missed(&outcomes[3])[0].actual, 3);
    assert_eq!(pen.version(&hall).await, 3);
}

/// A stranger's fact brings `hall` to the version that the second group counted on, but with another content.
async fn what_rests_on_a_failed_group_fails(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let (hall, attic) = (lamp("hall"), lamp("attic"));
    pen.write(&hall, 0, 2).await;
    let outcomes = pen
        .append(vec![
            group([facts(&hall, 1, 1)]),
            group([facts(&hall, 2, 1)]),
            group([assertion(&hall, 2), facts(&attic, 0, 1)]),
            group([facts(&attic, 0, 1)]),
            group([facts(&lamp("cellar"), 0, 1)]),
        ])
        .await;
    assert_eq!(missed(&outcomes[0])[0].facts.len(), 1);
    let (second, third) = (&missed(&outcomes[1])[0], &missed(&outcomes[2])[0]);
    assert_eq!((second.actual, second.facts.len()), (2, 0), "decided on a fact that was never written");
    assert_eq!((third.stream.clone(), third.actual), (hall.clone(), 2));
    missed(&outcomes[3]);
    placed(&outcomes[4]);
    assert_eq!(pen.version(&hall).await, 2);
    assert_eq!(pen.version(&attic).await, 0);
    // The next batch is decided on what is, and nothing stands in its way.
    placed(&pen.append(vec![group([facts(&hall, 2, 1)])]).await[0]);
}

async fn an_assertion_holds_or_conflicts(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let (hall, attic) = (lamp("hall"), lamp("attic"));
    pen.write(&hall, 0, 1).await;
    let outcomes = pen
        .append(vec![
            group([assertion(&hall, 1)]),
            group([assertion(&attic, 0)]),
            group([assertion(&hall, 0), facts(&attic, 0, 1)]),
            group([assertion(&hall, 2)]),
        ])
        .await;
    placed(&outcomes[0]);
    placed(&outcomes[1]);
    assert_eq!(missed(&outcomes[2])[0].facts.len(), 1);
    let ahead = &missed(&outcomes[3])[0];
    assert_eq!((ahead.actual, ahead.facts.len()), (1, 0));
    assert_eq!(pen.version(&attic).await, 0);
}

async fn a_conflict_tells_what_was_missed(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let (hall, attic) = (lamp("hall"), lamp("attic"));
    pen.write(&hall, 0, 3).await;
    pen.write(&attic, 0, 1).await;
    let outcomes = pen.append(vec![group([facts(&hall, 1, 1), facts(&attic, 1, 1), facts(&lamp("x"), 5, 1)])]).await;
    let conflicts = missed(&outcomes[0]);
    assert_eq!(conflicts.len(), 2, "a stream at its expected version is no conflict");
    assert_eq!(conflicts[0].stream, hall);
    assert_eq!(conflicts[0].facts, pen.read(&hall).await[1..]);
    assert_eq!((conflicts[1].actual, conflicts[1].facts.len()), (0, 0));
}

async fn a_conflict_tells_no_more_than_the_limit(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    pen.write(&hall, 0, MISSED_FACTS_MAX + 10).await;
    let outcomes = pen.append(vec![group([facts(&hall, 0, 1)])]).await;
    let conflict = &missed(&outcomes[0])[0];
    assert_eq!(conflict.actual, MISSED_FACTS_MAX as Version + 10);
    assert_eq!(conflict.facts, pen.read(&hall).await[..MISSED_FACTS_MAX]);
}

async fn of_two_claims_one_wins(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let claim = StreamId::new("claim", "name-hall");
    let outcomes = pen
        .append(vec![
            group([facts(&claim, 0, 1), facts(&lamp("a"), 0, 1)]),
            group([facts(&claim, 0, 1), facts(&lamp("b"), 0, 1)]),
        ])
        .await;
    placed(&outcomes[0]);
    assert_eq!(missed(&outcomes[1])[0].stream, claim);
    assert_eq!(pen.version(&lamp("b")).await, 0);
}

async fn of_racing_claims_one_wins(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let claim = StreamId::new("claim", "name-hall");
    let racers = (0..16).map(|n| {
        let (pen, own) = (&pen, lamp(&format!("racer {n}")));
        let group = group([facts(&own, 0, 1), facts(&claim, 0, 1)]);
        async move { pen.append(vec![group]).await.remove(0) }
    });
    let outcomes = futures::future::join_all(racers).await;
    let winners = outcomes.iter().filter(|outcome| matches!(outcome, GroupOutcome::Committed(_))).count();
    assert_eq!(winners, 1);
    assert_eq!(pen.version(&claim).await, 1);
}

async fn positions_have_no_gaps(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let writers = (0..8).map(|writer| {
        let pen = &pen;
        async move {
            let own = lamp(&format!("own {writer}"));
            let mut told = Vec::new();
            for round in 0..12 {
                let shared = lamp(&format!("shared {round}"));
                let groups = vec![
                    group([facts(&own, round * 2, 2), facts(&lamp(&format!("{writer} in {round}")), 0, 1)]),
                    group([facts(&shared, 0, 1)]),
                ];
                let outcomes = pen.append(groups).await;
                told.extend(placed(&outcomes[0]).to_vec());
                if let GroupOutcome::Committed(placed) = &outcomes[1] {
                    told.extend(placed.clone());
                }
            }
            told
        }
    });
    let told: Vec<Placed> = futures::future::join_all(writers).await.concat();
    let mut places: BTreeSet<(Shard, u64)> = BTreeSet::new();
    for place in &told {
        for nth in 0..u64::from(place.count) {
            assert!(places.insert((place.shard, place.first + nth)), "one place was given to two facts");
        }
    }
    assert_eq!(places.len(), 8 * 12 * 3 + 12);
    for info in pen.log.shards().await.expect("the shards") {
        let stored = pen.log.read_shard(info.shard, 0, usize::MAX).await.expect("the shard");
        let positions: Vec<u64> = stored.iter().map(|fact| fact.position).collect();
        assert_eq!(positions, (1..=info.head).collect::<Vec<_>>(), "shard {} has gaps", info.shard);
        assert!(stored.iter().all(|fact| places.contains(&(info.shard, fact.position))));
    }
}

async fn one_case_lies_in_one_shard(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let streams = [lamp("hall"), StreamId::new("bulb", "hall"), StreamId::with_sub("bulb", "hall", "2")];
    let outcomes = pen.append(vec![group(streams.iter().map(|stream| facts(stream, 0, 2)))]).await;
    let placed = placed(&outcomes[0]);
    let shard = streams[0].shard(64);
    assert_eq!(
        placed.iter().map(|place| (place.shard, place.first)).collect::<Vec<_>>(),
        [(shard, 1), (shard, 3), (shard, 5)]
    );
    let stored = pen.log.read_shard(shard, 0, 10).await.expect("the shard");
    let in_order: Vec<_> = stored.iter().map(|fact| (fact.stream.clone(), fact.version)).collect();
    let expected: Vec<_> = streams.iter().flat_map(|stream| [(stream.clone(), 1), (stream.clone(), 2)]).collect();
    assert_eq!(in_order, expected);
    assert_eq!(pen.version(&streams[1]).await, 2, "a stream and its sub-stream are two");
}

async fn a_fenced_shard_takes_nothing(engine: &dyn Engine) {
    let (_store, mut pen) = fresh_pen(engine).await;
    let (hall, other) = (lamp("hall"), lamp("other"));
    let shard = hall.shard(64);
    assert_ne!(shard, other.shard(64));
    pen.write(&hall, 0, 1).await;
    assert_eq!(pen.log.fence(shard, ShardState::Fenced).await.expect("fencing"), 2);

    let both = || vec![group([facts(&other, 0, 1), facts(&hall, 1, 1)]), group([facts(&lamp("third"), 0, 1)])];
    let outcomes = pen.append(both()).await;
    assert!(matches!(outcomes[0], GroupOutcome::Fenced { shard: at, epoch: 2 } if at == shard));
    placed(&outcomes[1]);
    assert_eq!(pen.version(&other).await, 0);

    // Knowing the epoch does not help as long as the shard is fenced.
    pen = Pen { next: AtomicU64::new(1_000), ..Pen::on(pen.log).await };
    assert!(matches!(pen.append(both()).await[0], GroupOutcome::Fenced { epoch: 2, .. }));

    assert_eq!(pen.log.fence(shard, ShardState::Open).await.expect("opening"), 3);
    assert!(matches!(pen.append(both()).await[0], GroupOutcome::Fenced { epoch: 3, .. }), "an older epoch");
    pen = Pen { next: AtomicU64::new(2_000), ..Pen::on(pen.log).await };
    placed(&pen.append(both()).await[0]);
    let info = pen.log.shards().await.expect("the shards")[usize::from(shard)];
    assert_eq!((info.epoch, info.state, info.head), (3, ShardState::Open, 2));
    assert!(pen.log.fence(64, ShardState::Open).await.is_err());
}

async fn an_append_can_be_asked_for(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    pen.log.fence(lamp("attic").shard(64), ShardState::Fenced).await.expect("fencing");
    let groups = vec![
        group([facts(&hall, 0, 2), assertion(&lamp("cellar"), 0)]),
        group([facts(&hall, 0, 1)]),
        group([facts(&lamp("attic"), 0, 1)]),
    ];
    let batch = pen.batch(second(0), groups);
    let outcomes = pen.log.append(batch.clone()).await.expect("the store takes the batch");
    let found = pen.log.find_append(batch.id).await.expect("an answer").expect("the append happened");
    assert_eq!(placed(&found[0]), placed(&outcomes[0]));
    let conflict = &missed(&found[1])[0];
    assert_eq!((conflict.stream.clone(), conflict.actual, conflict.facts.len()), (hall.clone(), 2, 0));
    assert!(matches!(found[2], GroupOutcome::Fenced { epoch: 2, .. }));

    let again = pen.log.append(batch).await;
    assert!(matches!(again, Err(StoreError::Corrupt(_))), "an append id was used twice");
    assert_eq!(pen.version(&hall).await, 2);
}

async fn an_append_that_did_not_happen_never_will(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    let late = pen.batch(second(0), vec![group([facts(&hall, 0, 1)])]);
    assert!(pen.log.find_append(late.id).await.expect("an answer").is_none());
    pen.write(&lamp("other"), 0, 1).await;
    assert!(pen.log.append(late.clone()).await.is_err(), "it was said never to happen");
    assert_eq!(pen.version(&hall).await, 0);
    assert!(pen.log.find_append(late.id).await.expect("an answer").is_none());
    pen.write(&hall, 0, 1).await;
}

async fn an_append_is_forgotten_after_a_day(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let batch = |time, key: &str| pen.batch(time, vec![group([facts(&lamp(key), 0, 1)])]);
    let (first, second_day) = (batch(second(0), "a"), batch(second(APPEND_ID_KEPT_S - 1), "b"));
    let (after, id) = (batch(second(APPEND_ID_KEPT_S), "c"), first.id);
    for kept in [first, second_day] {
        pen.log.append(kept).await.expect("the store takes the batch");
        assert!(pen.log.find_append(id).await.expect("an answer").is_some());
    }
    pen.log.append(after.clone()).await.expect("the store takes the batch");
    assert!(pen.log.find_append(id).await.expect("an answer").is_none());
    assert!(pen.log.find_append(after.id).await.expect("an answer").is_some());
}

async fn streams_are_read_in_pages(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    pen.write(&hall, 0, 7).await;
    let read = |after, limit| pen.log.read_stream(&hall, after, limit);
    let versions = |facts: Vec<RecordedFact>| facts.iter().map(|fact| fact.version).collect::<Vec<_>>();
    assert_eq!(versions(read(0, 3).await.expect("a page")), [1, 2, 3]);
    assert_eq!(versions(read(3, 3).await.expect("a page")), [4, 5, 6]);
    assert_eq!(versions(read(6, 3).await.expect("a page")), [7]);
    assert!(read(7, 3).await.expect("a page").is_empty());
    assert!(read(u64::MAX, 3).await.expect("a page").is_empty());
    assert!(read(0, 0).await.expect("a page").is_empty());
    let bodies: Vec<_> = read(0, 9).await.expect("a page").into_iter().map(|fact| fact.body).collect();
    assert_eq!(&*bodies[6], "{\"n\":7}");
}

async fn shards_are_read_in_pages(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    let shard = hall.shard(64);
    pen.write(&hall, 0, 5).await;
    pen.write(&StreamId::new("bulb", "hall"), 0, 2).await;
    let mut seen = Vec::new();
    loop {
        let page = pen.log.read_shard(shard, seen.len() as u64, 3).await.expect("a page");
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|fact| fact.position));
    }
    assert_eq!(seen, (1..=7).collect::<Vec<_>>());
    // Neighbouring shards do not show.
    assert!(pen.log.read_shard(shard, 7, 10).await.expect("a page").is_empty());
    assert!(pen.log.read_shard(shard - 1, 0, 10).await.expect("a page").is_empty());
}

async fn the_newest_snapshot_is_kept(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let snapshot = |key: &str, version: Version, body: &str| Snapshot {
        stream: lamp(key),
        version,
        time: second(9),
        state_version: 3,
        body: body.into(),
    };
    let kept = async |key: &str| pen.log.load_snapshot(&lamp(key)).await.expect("an answer");
    for (version, body) in [(5, "five"), (4, "older"), (5, "as old")] {
        pen.log.save_snapshot(snapshot("hall", version, body)).await.expect("a snapshot is saved");
        assert_eq!(kept("hall").await, Some(snapshot("hall", 5, "five")));
    }
    pen.log.save_snapshot(snapshot("hall", 6, "six")).await.expect("a snapshot is saved");
    pen.log.save_snapshot(snapshot("attic", 1, "one")).await.expect("a snapshot is saved");
    assert_eq!(kept("hall").await, Some(snapshot("hall", 6, "six")));
    assert_eq!(kept("attic").await, Some(snapshot("attic", 1, "one")));
    assert_eq!(kept("cellar").await, None);
    assert_eq!(pen.log.load_snapshot(&StreamId::new("bulb", "hall")).await.expect("an answer"), None);
}

async fn the_latest_is_the_snapshot_and_what_follows(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    let latest = async |limit| {
        let (snapshot, facts) = pen.log.read_latest(&hall, limit).await.expect("an answer");
        (snapshot.map(|snapshot| snapshot.version), facts.iter().map(|fact| fact.version).collect::<Vec<_>>())
    };
    assert_eq!(latest(9).await, (None, vec![]));
    pen.write(&hall, 0, 5).await;
    assert_eq!(latest(9).await, (None, vec![1, 2, 3, 4, 5]));
    let snapshot = Snapshot { stream: hall.clone(), version: 3, time: second(0), state_version: 1, body: "{}".into() };
    pen.log.save_snapshot(snapshot).await.expect("a snapshot is saved");
    assert_eq!(latest(9).await, (Some(3), vec![4, 5]));
    assert_eq!(latest(1).await, (Some(3), vec![4]));
}

async fn any_text_can_be_a_key(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let keys =
        ["a.b", "a%2Eb", "100%", "with space", "dash-ed", "-", "quote'd \"x\"", "nul\0nul", "가방 🫖", "A", "a", "_"];
    let long = "x".repeat(2_000);
    let streams: Vec<StreamId> = keys.iter().copied().chain([long.as_str()]).map(lamp).collect();
    for stream in &streams {
        pen.write(stream, 0, 1).await;
    }
    for (stream, key) in streams.iter().zip(keys) {
        let stored = pen.read(stream).await;
        assert_eq!(stored.len(), 1, "{stream} ran into another stream");
        assert_eq!((&stored[0].stream, stored[0].stream.key().as_str()), (stream, key));
        let in_shard = pen.log.read_shard(stored[0].shard, stored[0].position - 1, 1).await.expect("a page");
        assert_eq!(in_shard, stored);
    }
}

async fn a_fact_comes_back_as_it_was(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    let traced = |trace: Option<&str>, command: &str| Cause {
        actor: "staff:가".into(),
        trace: trace.map(Into::into),
        command: command.into(),
    };
    let causes = [
        traced(None, ""),
        traced(Some("4bf92f3577b34da6a3ce929d0e0e4736"), "light"),
        traced(Some("4BF92F3577B34DA6A3CE929D0E0E4736"), "light"),
        traced(Some("4bf92f3577b34da6a3ce929d0e0e473"), "light"),
        traced(Some(""), "put out"),
        Cause::default(),
    ];
    let long = format!("\"{}\"", "x".repeat(100_000));
    let bodies =
        ["{}", "{\"a\":\"가 \\u0000 \\\" 🫖\"}", "[1.50, 1e400]", " {\"b\":1, \"a\":2,\"a\":3} ", "null", &long];
    let times = ["1969-12-31T23:59:59.999999Z", "2025-06-15T12:00:00.000001Z", "9000-01-01T00:00:00Z"];
    let times = times.iter().cycle().map(|time| time.parse::<Timestamp>().expect("a time"));
    for (((cause, body), time), expected) in causes.into_iter().zip(bodies).zip(times).zip(0..) {
        let fact = NewFact { type_name: "lamp.lit".into(), schema: u16::MAX, body: body.into() };
        let streams = vec![StreamAppend { stream: hall.clone(), expected, facts: vec![fact] }];
        let outcomes = pen.append(vec![Group { time, cause: cause.clone(), streams }]).await;
        let place = placed(&outcomes[0])[0];
        let stored = pen.log.read_stream(&hall, expected, 1).await.expect("the fact");
        let written = RecordedFact {
            shard: hall.shard(64),
            position: place.first,
            stream: hall.clone(),
            version: expected + 1,
            type_name: "lamp.lit".into(),
            schema: u16::MAX,
            time,
            cause,
            body: body.into(),
        };
        assert_eq!(stored, [written]);
    }
}

async fn a_batch_may_be_empty(engine: &dyn Engine) {
    let (_store, pen) = fresh_pen(engine).await;
    assert!(pen.append(Vec::new()).await.is_empty());
    let outcomes = pen.append(vec![group([])]).await;
    assert!(placed(&outcomes[0]).is_empty());
}

async fn everything_survives_reopening(engine: &dyn Engine) {
    let (store, pen) = fresh_pen(engine).await;
    let hall = lamp("hall");
    let snapshot = Snapshot { stream: hall.clone(), version: 2, time: second(1), state_version: 1, body: "{}".into() };
    let batch = pen.batch(second(5), vec![group([facts(&hall, 0, 3)])]);
    let id = batch.id;
    pen.log.append(batch).await.expect("the store takes the batch");
    pen.log.save_snapshot(snapshot.clone()).await.expect("a snapshot is saved");
    pen.log.fence(0, ShardState::Fenced).await.expect("fencing");
    let (before, shards) = (pen.read(&hall).await, pen.log.shards().await.expect("the shards"));
    drop(pen);

    let Some(store) = store.reopened().await else { return };
    let pen = Pen { next: AtomicU64::new(1_000), ..Pen::on(store.log()).await };
    assert_eq!(pen.read(&hall).await, before);
    assert_eq!(pen.log.shards().await.expect("the shards"), shards);
    assert_eq!(pen.log.load_snapshot(&hall).await.expect("an answer"), Some(snapshot));
    assert!(pen.log.find_append(id).await.expect("an answer").is_some());
    let outcomes = pen.append(vec![group([facts(&hall, 0, 1)]), group([facts(&lamp("attic"), 0, 1)])]).await;
    assert_eq!(missed(&outcomes[0])[0].facts, before);
    placed(&outcomes[1]);
    pen.write(&hall, 3, 1).await;
    assert_eq!(pen.read(&hall).await[3].position, before[2].position + 1);
}
