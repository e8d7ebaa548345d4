//! What the executor must keep on every log: one commit for many, and no answer that rests on what is not durable.
//! The kind of stream that it is tried with is a counter that cannot fall below nothing.

mod news;
mod presumption;
mod shared;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use platform::clock::ManualClock;
use platform::entropy::SeededEntropy;
use platform::log::executor::{Command, Committed, Decision, ExecuteError, Executor, Limits, RunError};
use platform::log::kind::{Kind, Kinds};
use platform::log::{Cause, Group, Log, NewFact, StreamAppend, StreamId, Version};
use platform::store::StoreError;
use serde::{Deserialize, Serialize};

use super::{Engine, Store, cases, second};
use crate::faults::{Fault, FaultyLog};
use presumption::{
    a_no_on_a_presumption_is_confirmed, a_presumption_ends_with_its_append, a_stream_that_is_new_is_not_looked_for,
    a_wrong_presumption_is_decided_again, nobody_reads_a_presumption,
};

/// On any log.
pub async fn all(engine: &dyn Engine) {
    cases!(
        engine,
        [
            what_waits_is_committed_together,
            a_command_sees_the_commands_before_it,
            just_as_many_win_as_are_allowed,
            a_no_on_facts_in_flight_waits_for_them,
            a_failed_append_changes_nothing,
            a_lost_answer_is_asked_for,
            a_lost_request_did_not_happen,
            a_full_queue_refuses,
            a_panicking_decision_harms_nobody,
            a_fact_for_a_stream_not_named_is_refused,
            many_streams_go_through_a_small_memory,
            a_state_that_grows_takes_more_memory,
            a_snapshot_shortens_the_next_reading,
            an_unknown_fact_stops_its_stream,
            a_fenced_shard_is_tried_again,
            subscribers_see_every_fact_in_order,
            what_was_counted_is_there_after_reopening,
            a_stream_that_is_new_is_not_looked_for,
            a_wrong_presumption_is_decided_again,
            a_no_on_a_presumption_is_confirmed,
            nobody_reads_a_presumption,
            a_presumption_ends_with_its_append,
        ]
    );
}

/// On a log that others write, too: two handles on it, as two nodes have them.
pub async fn shared(fresh: impl AsyncFn() -> [Arc<dyn Log>; 2]) {
    let shared_cases: [(&str, Case); 7] = [
        ("others_facts_are_taken_in", |logs| Box::pin(shared::others_facts_are_taken_in(logs))),
        ("a_no_is_confirmed", |logs| Box::pin(shared::a_no_is_confirmed(logs))),
        ("what_is_always_overtaken_is_contended", |[log, _]| {
            Box::pin(shared::what_is_always_overtaken_is_contended(log))
        }),
        ("a_strangers_fact_is_not_taken_for_our_own", |[log, _]| {
            Box::pin(shared::a_strangers_fact_is_not_taken_for_our_own(log))
        }),
        ("a_strangers_unknown_fact_fails_the_command", |[log, _]| {
            Box::pin(shared::a_strangers_unknown_fact_fails_the_command(log))
        }),
        ("two_executors_never_exceed_a_limit", |logs| Box::pin(shared::two_executors_never_exceed_a_limit(logs))),
        ("a_hot_stream_is_shared", |logs| Box::pin(shared::a_hot_stream_is_shared(logs))),
    ];
    for (name, case) in shared_cases {
        println!("{}::{name}", module_path!());
        case(fresh().await).await;
    }
}

/// What a node hears of others, on time that is paused: how soon is part of the promise.
pub async fn news(fresh: impl AsyncFn() -> [Arc<dyn Log>; 2]) {
    news::come_once_and_in_order(fresh().await).await;
    news::own_facts_are_told_at_once(fresh().await).await;
    news::states_at_hand_follow_others(fresh().await).await;
}

type Case = fn([Arc<dyn Log>; 2]) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Streams that hold a number.
pub struct Counter;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Count {
    pub number: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    Added { number: i64 },
    Taken { number: i64 },
}

impl Kind for Counter {
    const NAME: &'static str = "counter";
    const STATE_VERSION: u32 = 1;
    type State = Count;
    type Fact = Counted;

    fn apply(state: &mut Count, fact: &Counted, _at: Timestamp) {
        match fact {
            Counted::Added { number } => state.number += number,
            Counted::Taken { number } => state.number -= number,
        }
    }

    /// As if the state were a list of that length.
    fn weight(state: &Count) -> usize {
        512 + usize::try_from(state.number).unwrap_or(0)
    }
}

/// Why a command said no, with the number that it saw.
#[derive(Debug, PartialEq, Eq)]
pub struct TooFew(pub i64);

type Answer = Result<Committed<i64>, RunError<TooFew>>;

fn counter(key: &str) -> StreamId {
    StreamId::new("counter", key)
}

fn add(stream: &StreamId, number: i64) -> Command<i64, TooFew> {
    let own = stream.clone();
    Command::new("add", Cause::system(), [stream.clone()], move |view| {
        let after = view.state::<Counter>(&own).number + number;
        Ok(Decision::answer(after).with::<Counter>(&own, Counted::Added { number }))
    })
}

/// Answers what is left.
fn take(stream: &StreamId, number: i64) -> Command<i64, TooFew> {
    let own = stream.clone();
    Command::new("take", Cause::system(), [stream.clone()], move |view| {
        let there = view.state::<Counter>(&own).number;
        if there < number {
            return Err(TooFew(there));
        }
        Ok(Decision::answer(there - number).with::<Counter>(&own, Counted::Taken { number }))
    })
}

struct Bench {
    executor: Executor,
    log: Arc<FaultyLog>,
    /// Keeps the store open.
    store: Option<Box<dyn Store>>,
}

impl Bench {
    async fn fresh(engine: &dyn Engine) -> Self {
        Self::limited(engine, Limits::default()).await
    }

    async fn limited(engine: &dyn Engine, limits: Limits) -> Self {
        let store = engine.fresh().await;
        let bench = Self::on(store.log(), limits, 1).await;
        Self { store: Some(store), ..bench }
    }

    async fn on(log: Arc<dyn Log>, limits: Limits, seed: u64) -> Self {
        let log = FaultyLog::over(log);
        let mut kinds = Kinds::default();
        kinds.register::<Counter>();
        let clock = Arc::new(ManualClock::starting_at(second(0)));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let executor = Executor::start(log.clone(), kinds, clock, entropy, limits).await.expect("the executor starts");
        Self { executor, log, store: None }
    }

    async fn run(&self, command: Command<i64, TooFew>) -> Answer {
        self.executor.run(command).await
    }

    async fn add(&self, stream: &StreamId, number: i64) {
        answered(self.run(add(stream, number)).await);
    }

    /// Runs it in the background; it has been decided once when this returns.
    async fn begin(&self, command: Command<i64, TooFew>) -> tokio::task::JoinHandle<Answer> {
        let decided = self.decided();
        let executor = self.executor.clone();
        let running = tokio::spawn(async move { executor.run(command).await });
        self.until(|| self.decided() > decided).await;
        running
    }

    fn decided(&self) -> u64 {
        self.executor.stats().commands.load(Ordering::Relaxed)
    }

    /// Lets everything else go on until the condition holds.
    async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            tokio::task::yield_now().await;
        }
    }

    async fn number(&self, stream: &StreamId) -> i64 {
        self.executor.read::<Counter>(stream).await.expect("the counter").0.number
    }

    async fn stored(&self, stream: &StreamId) -> usize {
        self.log.read_stream(stream, 0, usize::MAX).await.expect("the stream").len()
    }
}

#[track_caller]
fn answered(answer: Answer) -> i64 {
    match answer {
        Ok(committed) => committed.answer,
        Err(error) => panic!("expected an answer, found {error:?}"),
    }
}

#[track_caller]
fn rejected(answer: Answer) -> TooFew {
    match answer {
        Err(RunError::Rejected(reason)) => reason,
        other => panic!("expected a rejection, found {other:?}"),
    }
}

#[track_caller]
fn failed(answer: Answer) -> ExecuteError {
    match answer {
        Err(RunError::Failed(error)) => error,
        other => panic!("expected a failure, found {other:?}"),
    }
}

async fn joined(running: tokio::task::JoinHandle<Answer>) -> Answer {
    running.await.expect("the caller does not panic")
}

/// What a stranger writes.
fn foreign(stream: &StreamId, expected: Version, type_name: &str, body: &str) -> Group {
    let fact = NewFact { type_name: type_name.into(), schema: 1, body: body.into() };
    let streams = vec![StreamAppend { stream: stream.clone(), expected, facts: vec![fact] }];
    Group { time: second(0), cause: Cause::of("stranger"), streams }
}

async fn what_waits_is_committed_together(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    bench.log.hold();
    let mut running = vec![bench.begin(add(&counter("first"), 1)).await];
    bench.log.arrived(1).await;
    for n in 0..100 {
        running.push(bench.begin(add(&counter(&format!("c{n}")), n)).await);
    }
    bench.log.release();
    for answer in futures::future::join_all(running).await {
        answered(answer.expect("the caller does not panic"));
    }
    assert_eq!(bench.log.appends(), [1, 100]);
}

async fn a_command_sees_the_commands_before_it(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.log.hold();
    let mut running = Vec::new();
    for _ in 0..5 {
        running.push(bench.begin(add(&hall, 1)).await);
    }
    assert_eq!(bench.executor.read::<Counter>(&hall).await.expect("the counter").1, 0, "a reader sees what is durable");
    bench.log.release();
    let mut answers = Vec::new();
    for running in running {
        answers.push(answered(joined(running).await));
    }
    assert_eq!(answers, [1, 2, 3, 4, 5]);
    assert_eq!(bench.number(&hall).await, 5);
}

async fn just_as_many_win_as_are_allowed(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.add(&hall, 100).await;
    let takers = (0..1_000).map(|_| bench.run(take(&hall, 1)));
    let answers = futures::future::join_all(takers).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (100, 900));
    assert!(lost.into_iter().all(|answer| rejected(answer) == TooFew(0)));
    assert_eq!((bench.number(&hall).await, bench.stored(&hall).await), (0, 101));
}

async fn a_no_on_facts_in_flight_waits_for_them(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.add(&hall, 1).await;
    bench.log.hold();
    bench.log.next(Fault::Fail(StoreError::Unavailable("no power".into())));
    let first = bench.begin(take(&hall, 1)).await;
    bench.log.arrived(2).await;
    let second = bench.begin(take(&hall, 1)).await;
    assert!(!second.is_finished(), "the no rests on a fact that is not durable");
    bench.log.release();
    assert!(matches!(failed(joined(first).await), ExecuteError::Store(StoreError::Unavailable(_))));
    assert_eq!(answered(joined(second).await), 0, "the first did not take it after all");

    // Where the append succeeds, the no stays a no.
    bench.add(&hall, 1).await;
    bench.log.hold();
    let first = bench.begin(take(&hall, 1)).await;
    let second = bench.begin(take(&hall, 1)).await;
    bench.log.release();
    assert_eq!(answered(joined(first).await), 0);
    assert_eq!(rejected(joined(second).await), TooFew(0));
    assert_eq!(bench.number(&hall).await, 0);
}

async fn a_failed_append_changes_nothing(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let (hall, attic) = (counter("hall"), counter("attic"));
    bench.add(&hall, 5).await;
    bench.log.next(Fault::Fail(StoreError::Full("no room".into())));
    assert!(matches!(failed(bench.run(take(&hall, 5)).await), ExecuteError::Store(StoreError::Full(_))));
    assert_eq!(bench.number(&hall).await, 5);
    assert_eq!(answered(bench.run(take(&hall, 5)).await), 0);

    // What followed on other streams is decided again and committed.
    bench.log.hold();
    bench.log.next(Fault::Fail(StoreError::Unavailable("no power".into())));
    let first = bench.begin(add(&hall, 1)).await;
    let others = [bench.begin(add(&attic, 2)).await, bench.begin(add(&hall, 3)).await];
    bench.log.release();
    failed(joined(first).await);
    for other in others {
        answered(joined(other).await);
    }
    assert_eq!((bench.number(&hall).await, bench.number(&attic).await), (3, 2));
}

async fn a_lost_answer_is_asked_for(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.log.next(Fault::LoseAnswer);
    bench.log.leave_unanswered(2);
    assert_eq!(answered(bench.run(add(&hall, 3)).await), 3);
    assert_eq!(bench.stored(&hall).await, 1);
    assert_eq!(answered(bench.run(take(&hall, 1)).await), 2);
    assert_eq!(bench.executor.stats().doubts.load(Ordering::Relaxed), 1);
}

async fn a_lost_request_did_not_happen(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.log.next(Fault::LoseRequest);
    let answer = failed(bench.run(add(&hall, 3)).await);
    assert!(matches!(answer, ExecuteError::Store(StoreError::Unavailable(_))), "{answer:?}");
    assert_eq!((bench.number(&hall).await, bench.stored(&hall).await), (0, 0));
    assert_eq!(answered(bench.run(add(&hall, 1)).await), 1);
}

async fn a_full_queue_refuses(engine: &dyn Engine) {
    let bench = Bench::limited(engine, Limits { queue: 4, batch_groups: 2, ..Limits::default() }).await;
    let hall = counter("hall");
    bench.log.hold();
    let mut running = vec![bench.begin(add(&hall, 1)).await];
    bench.log.arrived(1).await;
    // Two are decided for the next batch, four wait.
    running.push(bench.begin(add(&hall, 1)).await);
    running.push(bench.begin(add(&hall, 1)).await);
    for waiting in 1..=4 {
        let (executor, command) = (bench.executor.clone(), add(&hall, 1));
        running.push(tokio::spawn(async move { executor.run(command).await }));
        bench.until(|| bench.executor.waiting() == waiting).await;
    }
    assert!(matches!(failed(bench.run(add(&hall, 1)).await), ExecuteError::Busy));
    bench.log.release();
    for running in running {
        answered(joined(running).await);
    }
    assert_eq!(bench.number(&hall).await, 7);
    assert_eq!(bench.log.appends(), [1, 2, 2, 2]);
    assert_eq!(bench.executor.stats().refused_busy.load(Ordering::Relaxed), 1);
}

async fn a_panicking_decision_harms_nobody(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.add(&hall, 1).await;
    let command = Command::new("stumble", Cause::system(), [hall.clone()], |_| panic!("stumbled on purpose"));
    match failed(bench.run(command).await) {
        ExecuteError::Panicked(text) => assert!(text.contains("on purpose"), "{text}"),
        other => panic!("expected a panic to be told, found {other:?}"),
    }
    assert_eq!(answered(bench.run(take(&hall, 1)).await), 0);
}

async fn a_fact_for_a_stream_not_named_is_refused(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let (hall, attic) = (counter("hall"), counter("attic"));
    let elsewhere = attic.clone();
    let command = Command::new("stray", Cause::system(), [hall.clone()], move |_| {
        Ok(Decision::answer(1).with::<Counter>(&elsewhere, Counted::Added { number: 1 }))
    });
    assert!(matches!(failed(bench.run(command).await), ExecuteError::Panicked(_)));
    assert_eq!((bench.stored(&hall).await, bench.stored(&attic).await), (0, 0));
}

async fn many_streams_go_through_a_small_memory(engine: &dyn Engine) {
    let bench = Bench::limited(engine, Limits { states_bytes: 8 << 10, ..Limits::default() }).await;
    let streams: Vec<StreamId> = (0..60).map(|n| counter(&format!("c{n}"))).collect();
    for round in 1..=3 {
        for stream in &streams {
            assert_eq!(answered(bench.run(add(stream, 1)).await), round);
        }
    }
    assert!(bench.executor.resident_bytes() <= 10 << 10, "{} bytes", bench.executor.resident_bytes());
    let reads = bench.log.stream_reads().len();
    assert!(reads > streams.len() * 2, "states were evicted and read again: {reads} reads");
    for stream in &streams {
        assert_eq!(bench.number(stream).await, 3);
    }
}

async fn a_state_that_grows_takes_more_memory(engine: &dyn Engine) {
    let bench = Bench::limited(engine, Limits { states_bytes: 64 << 10, ..Limits::default() }).await;
    let hall = counter("hall");
    bench.add(&hall, 1).await;
    let before = bench.executor.resident_bytes();
    bench.add(&hall, 10_000).await;
    assert_eq!(bench.executor.resident_bytes(), before + 10_000);
    for n in 0..20 {
        bench.add(&counter(&format!("c{n}")), 10_000).await;
    }
    assert!(bench.executor.resident_bytes() <= (64 << 10) + 11_000, "{} bytes", bench.executor.resident_bytes());
    assert_eq!(bench.number(&hall).await, 10_001);
}

async fn a_snapshot_shortens_the_next_reading(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    let adding = (0..450).map(|_| bench.run(add(&hall, 1)));
    for answer in futures::future::join_all(adding).await {
        answered(answer);
    }
    bench.add(&hall, 1).await;
    while bench.log.load_snapshot(&hall).await.expect("an answer").is_none() {
        tokio::task::yield_now().await;
    }
    let next = Bench::on(bench.log.clone(), Limits::default(), 2).await;
    assert_eq!(answered(next.run(add(&hall, 1)).await), 452);
    let [(stream, after)] = next.log.stream_reads().try_into().expect("one read");
    assert_eq!(stream, hall);
    assert!((200..=451).contains(&after), "it was read from version {after}");
}

async fn an_unknown_fact_stops_its_stream(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let (hall, attic) = (counter("hall"), counter("attic"));
    let pen = super::log::Pen::on(bench.log.clone()).await;
    pen.append(vec![foreign(&hall, 0, "counter.exploded", "{}")]).await;
    match failed(bench.run(add(&hall, 1)).await) {
        ExecuteError::Store(StoreError::Corrupt(text)) => assert!(text.contains("counter.exploded"), "{text}"),
        other => panic!("expected the unknown fact to be told, found {other:?}"),
    }
    assert!(matches!(bench.executor.read::<Counter>(&hall).await, Err(StoreError::Corrupt(_))));
    assert_eq!(bench.stored(&hall).await, 1, "nothing was written on top of what is not understood");
    bench.add(&attic, 1).await;
    let unknown = StreamId::new("gauge", "hall");
    assert!(matches!(failed(bench.run(add(&unknown, 1)).await), ExecuteError::Store(StoreError::Corrupt(_))));
}

async fn a_fenced_shard_is_tried_again(engine: &dyn Engine) {
    let bench = Bench::limited(engine, Limits { contended_ms: 0, ..Limits::default() }).await;
    let hall = counter("hall");
    bench.add(&hall, 1).await;
    bench.log.fence(hall.shard(64), platform::log::ShardState::Open).await.expect("fencing");
    assert_eq!(answered(bench.run(add(&hall, 1)).await), 2, "the new epoch is learnt from the answer");
    bench.log.fence(hall.shard(64), platform::log::ShardState::Fenced).await.expect("fencing");
    assert!(matches!(failed(bench.run(add(&hall, 1)).await), ExecuteError::Contended));
    assert_eq!(bench.stored(&hall).await, 2);
}

async fn subscribers_see_every_fact_in_order(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let mut facts = bench.executor.subscribe(1_000);
    let streams: Vec<StreamId> = (0..4).map(|n| counter(&format!("c{n}"))).collect();
    let adding = (0..80).map(|n| bench.run(add(&streams[n % 4], 1)));
    let positions: Vec<_> = futures::future::join_all(adding).await.into_iter().map(Result::ok).collect();
    assert!(positions.iter().all(Option::is_some));
    let mut seen = Vec::new();
    while let Ok(batch) = facts.try_recv() {
        seen.extend(batch.iter().cloned());
    }
    assert_eq!(seen.len(), 80);
    for stream in &streams {
        let own: Vec<_> = seen.iter().filter(|fact| fact.stream == *stream).collect();
        let stored = bench.log.read_stream(stream, 0, 100).await.expect("the stream");
        assert_eq!(
            own.iter().map(|fact| (fact.version, fact.position, fact.cause.clone())).collect::<Vec<_>>(),
            stored.iter().map(|fact| (fact.version, fact.position, fact.cause.clone())).collect::<Vec<_>>()
        );
        assert!(own.iter().all(|fact| matches!(fact.of::<Counter>(), Some(Counted::Added { number: 1 }))));
    }
}

async fn what_was_counted_is_there_after_reopening(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let hall = counter("hall");
    bench.add(&hall, 41).await;
    let Bench { executor, log, store } = bench;
    drop((executor, log));
    let Some(store) = store.expect("a store").reopened().await else { return };
    let bench = Bench::on(store.log(), Limits::default(), 2).await;
    assert_eq!(answered(bench.run(add(&hall, 1)).await), 42);
}
