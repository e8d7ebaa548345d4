//! A replica as a node meets it: current, behind, paused, frozen, dead, promoted, of another cluster. It is a real one, each
//! time.

use std::sync::Arc;
use std::time::Duration;

use adapters::postgres::{Options, Postgres, Replica, Replicas};
use platform::documents::{
    Change, Checkpoint, Collection, Document, Documents, Entry, Page, Put, Query, Range, Replicas as _, Seen,
    WriteBatch, tuple,
};
use testkit::contract::{self, second};
use testkit::engines::{OnPostgres, OnReplica};
use testkit::mart::eventually;
use testkit::postgres::{Durability, Server};
use tokio::time::Instant;

const ROOMS: Collection = Collection::derived("rooms");
const BY_SIZE: &str = "by_size";
const PROJECTION: &str = "rooms@1";
/// Longer than anything takes that is not broken, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a reader notices at most when a replica has just come to a standstill: half a second, on a machine that is not busy.
const FIRST_READS_MAX: Duration = Duration::from_secs(5);

/// A primary, a replica of it, and a store that has both.
struct Pair {
    primary: Arc<Server>,
    replica: Arc<Server>,
    store: Postgres,
    documents: Arc<dyn Documents>,
    written: u64,
}

impl Pair {
    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let primary = Server::start(Durability::Forgetful);
        let replica = primary.replica();
        Self::of(primary, replica, change).await
    }

    async fn of(primary: Server, replica: Server, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = OnPostgres::default().fresh_options();
        (options.url, options.replicas, options.max_lag) = (primary.url(), vec![replica.url()], PATIENCE);
        change(&mut options);
        let store = Postgres::connect(&options).await.expect("a new store");
        let documents = store.documents();
        Self { primary: Arc::new(primary), replica: Arc::new(replica), store, documents, written: 0 }
    }

    fn replicas(&self) -> &Replicas {
        self.store.replicas().expect("one is named")
    }

    fn one(&self) -> &Replica {
        &self.replicas().all()[0]
    }

    /// The room has this size from now on; its checkpoint moves by one.
    async fn write(&mut self, size: i64) {
        let entries = vec![Entry::new(BY_SIZE, tuple::Key::new().int(size))];
        let body = size.to_string().into();
        let put = Put { collection: ROOMS, id: "hall".to_owned(), body, entries, expires: None };
        let from = (self.written > 0).then_some(self.written);
        let point = Checkpoint { from, ..Checkpoint::first(PROJECTION, 3, self.written + 1) };
        let batch = WriteBatch { changes: vec![Change::Put(put)], checkpoints: vec![point] };
        self.documents.write(batch).await.expect("it is written");
        self.written += 1;
    }

    /// What a replica shows to somebody who has seen so much.
    async fn shown(&self, written: u64) -> Option<i64> {
        let positions = if written > 0 { vec![(3, written)] } else { Vec::new() };
        let seen = Seen { projection: PROJECTION.to_owned(), positions };
        let query = Query::new(ROOMS, BY_SIZE, Range::all());
        let page: Page = self.replicas().query(&query, &seen, second(0)).await?;
        let size = |document: &Document| document.body.parse().expect("a size");
        Some(page.documents.first().map_or(0, size))
    }

    /// The same, from a replica that has come so far: on a busy machine it may miss a look and be left alone for a while.
    async fn answered(&self, written: u64) -> i64 {
        eventually("a replica answers", PATIENCE, async || self.shown(written).await).await
    }

    async fn is_in_rotation(&self) {
        eventually("it is in the rotation", PATIENCE, async || self.one().is_in_rotation().then_some(())).await;
    }

    async fn is_out(&self, because: &str) {
        eventually(because, PATIENCE, async || self.one().trouble().filter(|why| why.contains(because)).map(|_| ()))
            .await;
    }

    /// What was written so far is shown.
    async fn shows(&self, size: i64) {
        eventually("the replica shows it", PATIENCE, async || {
            (self.shown(self.written).await == Some(size)).then_some(())
        })
        .await;
    }

    /// While the replica is away each read is told so at once.
    async fn passes_at_once(&self) {
        let began = Instant::now();
        for _ in 0..200 {
            assert_eq!(self.shown(0).await, None);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_on_a_replica() {
    let primary: &'static Server = Box::leak(Box::new(Server::start(Durability::Forgetful)));
    let replica: &'static Server = Box::leak(Box::new(primary.replica()));
    contract::documents::all(&OnReplica::of(primary, replica)).await;
}

/// What is old is shown to those who may see it, and to nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_seen_more_than_a_replica_is_not_answered_by_it() {
    let mut pair = Pair::with(|_| ()).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    pair.shows(1).await;
    pair.replica.pause_replay();
    for size in 2..6 {
        pair.write(size).await;
        assert_eq!(pair.shown(pair.written).await, None, "the replica has not come so far");
        assert_eq!(pair.answered(1).await, 1, "this is the replica's, not the primary's");
        assert_eq!(pair.answered(0).await, 1);
    }
    let (reads, behind) = (pair.one().reads(), pair.one().behind());
    assert!(reads >= 8 && behind > 0, "{reads} answered, {behind} behind");
    assert!(pair.replicas().by_primary() >= 4);
    pair.replica.resume_replay();
    pair.shows(5).await;
    pair.is_in_rotation().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_too_far_behind_is_left_out_until_it_has_caught_up() {
    let mut pair = Pair::with(|options| options.max_lag = Duration::from_millis(300)).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    for round in 0..3 {
        pair.replica.pause_replay();
        pair.write(round + 2).await;
        pair.is_out("s behind, 0.3 s at most").await;
        assert!(pair.one().lag().expect("it was looked at") > Duration::from_millis(300));
        assert_eq!(pair.replicas().trouble().len(), 1);
        pair.passes_at_once().await;
        pair.replica.resume_replay();
        pair.is_in_rotation().await;
        pair.shows(round + 2).await;
        eventually("it is near", PATIENCE, async || pair.one().lag().filter(|lag| *lag < Duration::from_millis(300)))
            .await;
    }
}

/// The node was not there when the replica fell behind, and the primary stands still: nothing tells how old the replica is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_behind_before_the_node_came_is_not_read() {
    let primary = Server::start(Durability::Forgetful);
    let replica = primary.replica();
    replica.pause_replay();
    let mut pair = Pair::of(primary, replica, |_| ()).await;
    pair.write(1).await;
    pair.is_out("it is more than").await;
    for _ in 0..50 {
        assert_eq!(pair.shown(0).await, None);
    }
    pair.replica.resume_replay();
    pair.is_in_rotation().await;
    pair.shows(1).await;
}

/// It keeps its connections and says nothing: who asks first waits for a moment, and nobody after them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_replica_costs_the_first_reads_half_a_second() {
    let mut pair = Pair::with(|_| ()).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    pair.shows(1).await;
    for _ in 0..2 {
        pair.replica.freeze();
        let began = Instant::now();
        let first = futures::future::join_all((0..20).map(|_| pair.shown(0))).await;
        assert!(first.iter().all(Option::is_none), "{first:?}");
        assert!(began.elapsed() < FIRST_READS_MAX, "{:?}", began.elapsed());
        println!("the first reads waited {:?}", began.elapsed());
        pair.passes_at_once().await;
        let size = pair.written as i64 + 1;
        pair.write(size).await;
        pair.replica.wake();
        pair.is_in_rotation().await;
        pair.shows(size).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_died_comes_back_by_itself() {
    let mut pair = Pair::with(|_| ()).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    pair.shows(1).await;
    pair.replica.kill();
    let began = Instant::now();
    assert_eq!(pair.shown(0).await, None);
    assert!(began.elapsed() < FIRST_READS_MAX, "{:?}", began.elapsed());
    eventually("it is out", PATIENCE, async || (!pair.one().is_in_rotation()).then_some(())).await;
    pair.passes_at_once().await;
    pair.write(2).await;
    pair.replica.restart();
    pair.is_in_rotation().await;
    pair.shows(2).await;
}

/// Somebody promoted it by mistake: from then on it tells of a past that goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_writes_is_not_read() {
    let mut pair = Pair::with(|_| ()).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    pair.shows(1).await;
    pair.replica.promote();
    for _ in 0..50 {
        assert_eq!(pair.shown(0).await, None);
    }
    pair.is_out("it takes writes").await;
}

/// The same tables, and another shop in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_of_another_cluster_is_not_read() {
    let (primary, other) = (Server::start(Durability::Forgetful), Server::start(Durability::Forgetful));
    let replica = other.replica();
    let mut schema = String::new();
    let mut pair = Pair::of(primary, replica, |options| schema.clone_from(&options.schema)).await;
    let theirs = Options { url: other.url(), schema, ..OnPostgres::default().options };
    let _theirs = Postgres::connect(&theirs).await.expect("a store of the same name");
    pair.write(1).await;
    pair.is_out("no copy of the primary's cluster").await;
    assert_eq!(pair.shown(0).await, None);
}

/// After a failover the replica follows the new primary, and so do those who look how far it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_read_until_it_is_promoted() {
    let primary = Server::start(Durability::Forgetful);
    let standby = primary.standby("standby");
    primary.wait_for_standby("standby");
    let url = Server::url_of(&[&primary, &standby]);
    let change = |options: &mut Options| (options.url, options.wait) = (url, Duration::from_secs(20));
    let mut pair = Pair::of(primary, standby, change).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    pair.shows(1).await;
    pair.primary.kill();
    pair.replica.promote();
    pair.write(2).await;
    pair.is_out("it takes writes").await;
    assert_eq!(pair.shown(0).await, None);
}

/// Lists go on whatever becomes of replicas: of two, the other one answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_the_other_one_answers() {
    let primary = Server::start(Durability::Forgetful);
    let (first, other) = (primary.replica(), primary.standby("other"));
    let mut pair = Pair::of(primary, first, |options| options.replicas.push(other.url())).await;
    let both = |pair: &Pair| pair.replicas().all().iter().all(|replica| replica.is_in_rotation()).then_some(());
    pair.write(1).await;
    eventually("both are in the rotation", PATIENCE, async || both(&pair)).await;
    other.wait_for_all_of(&pair.primary);
    pair.replica.wait_for_all_of(&pair.primary);
    for _ in 0..20 {
        assert_eq!(pair.answered(1).await, 1);
    }
    let reads: Vec<u64> = pair.replicas().all().iter().map(|replica| replica.reads()).collect();
    assert!(reads.iter().all(|reads| *reads >= 5), "both answer: {reads:?}");
    other.pause_replay();
    pair.write(2).await;
    pair.replica.wait_for_all_of(&pair.primary);
    for _ in 0..20 {
        assert_eq!(pair.answered(2).await, 2, "the one that has come so far answers");
    }
    pair.replica.kill();
    eventually("it is out", PATIENCE, async || (!pair.one().is_in_rotation()).then_some(())).await;
    assert_eq!((pair.shown(2).await, pair.answered(1).await), (None, 1));
}

/// What a replica has to replay may hold up a read on it; the read is then another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long_on_a_replica_is_given_up() {
    let mut pair = Pair::with(|_| ()).await;
    pair.write(1).await;
    pair.is_in_rotation().await;
    pair.shows(1).await;
    // An exclusive lock that is replayed keeps readers waiting until it is given back.
    let schema = pair.primary.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shop\\_%'");
    let mut session = pair.primary.session();
    session.run(&format!("BEGIN; LOCK TABLE {schema}.entries IN ACCESS EXCLUSIVE MODE; SELECT pg_switch_wal()"));
    pair.replica.wait_for_all_of(&pair.primary);
    let began = Instant::now();
    eventually("a read waits too long there", PATIENCE, async || pair.shown(1).await.is_none().then_some(())).await;
    assert!(began.elapsed() < PATIENCE);
    assert!(pair.one().failures() > 0);
    session.run("COMMIT");
    pair.shows(1).await;
}
