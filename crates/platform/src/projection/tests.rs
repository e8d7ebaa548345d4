//! Projections of several nodes on one store: each fact is folded once, whoever folds it, and whatever becomes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{ErasedProjection, Projection, Projector, differences};
use crate::clock::{Clock, ManualClock};
use crate::documents::memory::MemoryDocuments;
use crate::documents::{
    Change, Checkpoint, Collection, Conditional, Document, Documents, Entry, Expected, Page, Put, Query, Replicas,
    Seen, WriteBatch,
};
use crate::entropy::SeededEntropy;
use crate::log::executor::{Command, CommittedFact, Decision, Executor, Limits};
use crate::log::kind::{Kind, Kinds};
use crate::log::memory::MemoryLog;
use crate::log::{Cause, Log, Position, Shard, StreamId};
use crate::signal::Signal;
use crate::store::StoreResult;

struct Lamps;

#[derive(Default, Clone, Serialize, Deserialize)]
struct Lamp {
    lit: u64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Lit {
    Lit {},
}

impl Kind for Lamps {
    const NAME: &'static str = "lamp";
    const STATE_VERSION: u32 = 1;
    type State = Lamp;
    type Fact = Lit;

    fn apply(state: &mut Lamp, _: &Lit, _: Timestamp) {
        state.lit += 1;
    }
}

/// How often each lamp was lit: a fact that is folded twice, or left out, shows for ever.
struct Counts<const N: u8>;

macro_rules! counts {
    ($number:literal, $name:literal) => {
        impl Projection for Counts<$number> {
            const NAME: &'static str = $name;
            const VERSION: u32 = 1;
            const COLLECTION: Collection = Collection::derived($name);
            type Doc = u64;

            fn keys(&self, fact: &CommittedFact) -> Vec<String> {
                vec![fact.stream.key()]
            }

            fn fold(&self, _: &str, document: Option<u64>, _: &CommittedFact) -> Option<u64> {
                Some(document.unwrap_or(0) + 1)
            }

            fn entries(&self, _: &str, _: &u64) -> Vec<Entry> {
                Vec::new()
            }
        }
    };
}
counts!(1, "counts");
counts!(2, "more_counts");

fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    vec![Arc::new(Counts::<1>), Arc::new(Counts::<2>)]
}

/// Documents as a node reaches them that stands still now and then: what it sent before arrives after.
struct Held {
    documents: Arc<dyn Documents>,
    is_held: Signal<bool>,
    writes: AtomicU64,
    leases: AtomicU64,
}

impl Held {
    async fn passed(&self) {
        self.is_held.wait_for(|is_held| (!is_held).then_some(())).await;
    }
}

#[async_trait]
impl Documents for Held {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.passed().await;
        self.documents.write(batch).await
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        self.leases.fetch_add(1, Ordering::Relaxed);
        self.passed().await;
        self.documents.put_if(put, expected, now).await
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        self.passed().await;
        self.documents.get(collection, id, now).await
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        self.passed().await;
        self.documents.get_many(collection, ids, now).await
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        self.documents.query(query, now).await
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        self.documents.scan(collection, after, limit).await
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        self.passed().await;
        self.documents.checkpoints(projection).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        self.documents.delete_expired(now, limit).await
    }
}

struct Store {
    log: Arc<MemoryLog>,
    documents: Arc<dyn Documents>,
}

struct Node {
    executor: Executor,
    projector: Projector,
    way: Arc<Held>,
}

impl Store {
    fn new(owned_alone: bool) -> Self {
        Self { log: Arc::new(MemoryLog::with_ownership(4, owned_alone)), documents: Arc::<MemoryDocuments>::default() }
    }

    async fn node(&self, seed: u64) -> Node {
        let mut kinds = Kinds::default();
        kinds.register::<Lamps>();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let executor =
            Executor::start(self.log.clone(), kinds, clock.clone(), entropy, Limits::default()).await.unwrap();
        let (writes, leases) = (AtomicU64::new(0), AtomicU64::new(0));
        let way = Arc::new(Held { documents: self.documents.clone(), is_held: Signal::new(false), writes, leases });
        let documents: Arc<dyn Documents> = way.clone();
        let projector = Projector::start(&executor, &documents, &clock, &projections()).await.unwrap();
        Node { executor, projector, way }
    }

    /// Every document is what its facts come to, and nothing is behind.
    async fn check(&self, node: &Node) {
        assert!(node.projector.wait_for_heads(Duration::from_secs(10)).await.unwrap());
        let (log, kinds): (&dyn Log, _) = (self.log.as_ref(), node.executor.kinds());
        for projection in projections() {
            let found = differences(projection.as_ref(), log, kinds, self.documents.as_ref()).await.unwrap();
            assert_eq!(found, [], "{}", projection.name());
        }
        assert!(node.projector.lags().await.unwrap().iter().all(|lag| lag.facts == 0 && lag.stopped.is_none()));
    }
}

impl Node {
    async fn light(&self, key: &str) -> Vec<(Shard, Position)> {
        let stream = StreamId::new("lamp", key);
        let own = stream.clone();
        let command = Command::<(), ()>::new("light", Cause::system(), [stream], move |_| {
            Ok(Decision::answer(()).with::<Lamps>(&own, Lit::Lit {}))
        });
        self.executor.run(command).await.unwrap().positions
    }

    async fn light_many(&self, count: u64) {
        for n in 0..count {
            self.light(&format!("l{}", n % 7)).await;
        }
    }

    fn duties(&self) -> usize {
        self.projector.leases().held().len()
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn nodes_share_the_folding_and_both_see_what_comes_of_it() {
    let store = Store::new(false);
    let (one, two) = (store.node(1).await, store.node(2).await);
    for _ in 0..20 {
        futures::join!(one.light_many(30), two.light_many(30));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    store.check(&one).await;
    store.check(&two).await;
    assert_eq!((one.duties(), two.duties()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_elsewhere_sees_it_within_fifty_milliseconds() {
    let store = Store::new(false);
    let (one, two) = (store.node(1).await, store.node(2).await);
    pass(5).await;
    for round in 0..40 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let positions = writer.light("hall").await;
        let asked = Instant::now();
        assert!(reader.projector.wait_for(&positions, Duration::from_secs(5)).await);
        assert!(asked.elapsed() <= Duration::from_millis(50), "round {round}: {:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_a_node_dies_the_other_folds_on_within_five_seconds() {
    let store = Store::new(false);
    let one = store.node(1).await;
    one.light_many(50).await;
    store.check(&one).await;
    let two = store.node(2).await;
    pass(3).await;
    assert_eq!((one.duties(), two.duties()), (1, 1));
    drop(one);
    let died = Instant::now();
    let positions = two.light("hall").await;
    assert!(two.projector.wait_for(&positions, Duration::from_secs(60)).await);
    assert!(died.elapsed() <= Duration::from_secs(5), "{:?}", died.elapsed());
    store.check(&two).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_wakes_with_a_write_in_its_hands_changes_nothing() {
    let store = Store::new(false);
    let one = store.node(1).await;
    one.light_many(20).await;
    store.check(&one).await;
    // Its next batches are on their way when it stops.
    one.way.is_held.change(|is_held| *is_held = true);
    let written = one.way.writes.load(Ordering::Relaxed);
    one.light_many(10).await;
    while one.way.writes.load(Ordering::Relaxed) < written + 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let two = store.node(2).await;
    pass(6).await;
    assert_eq!((one.duties(), two.duties()), (0, 2), "the other one took over");
    two.light_many(33).await;
    store.check(&two).await;
    one.way.is_held.change(|is_held| *is_held = false);
    one.light_many(5).await;
    pass(10).await;
    store.check(&two).await;
    store.check(&one).await;
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_not_cleared_by_one_who_comes_late() {
    let store = Store::new(false);
    let one = store.node(1).await;
    one.way.is_held.change(|is_held| *is_held = true);
    pass(1).await;
    let two = store.node(2).await;
    two.light_many(9).await;
    store.check(&two).await;
    one.way.is_held.change(|is_held| *is_held = false);
    pass(5).await;
    store.check(&one).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_of_the_store_took_is_folded_again_though_nothing_happens() {
    let store = Store::new(false);
    let one = store.node(1).await;
    one.light_many(20).await;
    store.check(&one).await;
    for projection in projections() {
        let name = super::checkpoint_name(projection.as_ref());
        let checkpoints = store.documents.checkpoints(&name).await.unwrap();
        let checkpoints = checkpoints.into_iter().map(|point| point.moved_to(0)).collect();
        let changes = vec![Change::Clear { collection: projection.collection() }];
        store.documents.write(WriteBatch { changes, checkpoints }).await.unwrap();
    }
    pass(3).await;
    store.check(&one).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_keeps_leases_on_a_store_of_its_own() {
    let store = Store::new(true);
    let one = store.node(1).await;
    one.light_many(10).await;
    store.check(&one).await;
    pass(30).await;
    assert_eq!(one.way.leases.load(Ordering::Relaxed), 0);
    assert_eq!(one.projector.leases().nodes(), 1);
}

/// A copy of the documents as they were when it was last made.
#[derive(Default)]
struct Copied {
    documents: parking_lot::Mutex<Arc<MemoryDocuments>>,
    answers: AtomicU64,
}

impl Copied {
    async fn make(&self, of: &dyn Documents) {
        let copy = Arc::new(MemoryDocuments::default());
        for projection in projections() {
            let collection = projection.collection();
            let documents = of.scan(collection, None, usize::MAX).await.unwrap();
            let put = |Document { id, body, .. }| {
                Change::Put(Put { collection, id, body, entries: Vec::new(), expires: None })
            };
            let checkpoints = of.checkpoints(&super::checkpoint_name(projection.as_ref())).await.unwrap();
            let first = |point: Checkpoint| Checkpoint { from: None, ..point };
            let changes = documents.into_iter().map(put).collect();
            let checkpoints = checkpoints.into_iter().map(first).collect();
            copy.write(WriteBatch { changes, checkpoints }).await.unwrap();
        }
        *self.documents.lock() = copy;
    }

    async fn come_so_far(&self, seen: &Seen) -> Option<Arc<MemoryDocuments>> {
        let copy = self.documents.lock().clone();
        let checkpoints = copy.checkpoints(&seen.projection).await.unwrap();
        let has = |(shard, position): &(Shard, Position)| {
            checkpoints.iter().any(|point| point.shard == *shard && point.position >= *position)
        };
        if !seen.positions.iter().all(has) {
            return None;
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
        Some(copy)
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Replicas for Copied {
    async fn get_many(&self, of: Collection, ids: &[String], seen: &Seen, now: Timestamp) -> Option<Vec<Document>> {
        self.come_so_far(seen).await?.get_many(of, ids, now).await.ok()
    }

    async fn query(&self, query: &Query, seen: &Seen, now: Timestamp) -> Option<Page> {
        self.come_so_far(seen).await?.query(query.clone(), now).await.ok()
    }

    async fn scan(&self, of: Collection, after: Option<&str>, limit: usize, seen: &Seen) -> Option<Vec<Document>> {
        self.come_so_far(seen).await?.scan(of, after, limit).await.ok()
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_shown_less_than_this_node_has_seen() {
    let store = Store::new(false);
    let copy = Arc::new(Copied::default());
    let Node { executor, projector, way } = store.node(1).await;
    let one = Node { executor, projector: projector.showing(copy.clone()), way };
    let other = store.node(2).await;
    let lists = one.projector.lists();
    let hall = async || {
        let found = lists.get_many(Counts::<1>::COLLECTION, &["hall".to_owned()], Timestamp::MIN).await.unwrap();
        found.first().map_or(0, |document| document.read::<u64>().unwrap())
    };
    for round in 1..=20 {
        let node = if round % 2 == 0 { &one } else { &other };
        let positions = node.light("hall").await;
        assert!(one.projector.wait_for(&positions, Duration::from_secs(5)).await);
        let answers = copy.answers();
        assert_eq!(hall().await, round, "the copy has not come so far");
        assert_eq!(copy.answers(), answers);
        copy.make(store.documents.as_ref()).await;
        assert_eq!(hall().await, round);
        assert_eq!(copy.answers(), answers + 1, "the copy has come so far");
    }
    // What is nobody's history has no checkpoint, and is never read from a copy.
    let answers = copy.answers();
    let leases = lists.scan(Collection::primary("leases"), None, 9).await.unwrap();
    assert_eq!((leases.len(), copy.answers()), (1, answers));
}
