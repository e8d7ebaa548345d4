//! Connections: what is lost with one, who gets one, and that nobody keeps one for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use adapters::postgres::{Options, Postgres};
use futures::FutureExt as _;
use jiff::Timestamp;
use platform::documents::{Collection, Documents, Expected, Put};
use platform::log::executor::{ExecuteError, RunError};
use platform::log::{GroupOutcome, Log, StreamId};
use platform::store::StoreError;
use testkit::contract::executor::{Counted, Counter};
use testkit::contract::log::{Pen, facts, group, placed};
use testkit::contract::second;
use testkit::engines::OnPostgres;
use testkit::mart::eventually;
use testkit::postgres::{Server, Session};

use super::node::{count, executor};

const KEYS: Collection = Collection::primary("keys");

fn lamp(key: &str) -> StreamId {
    StreamId::new("lamp", key)
}

/// A store whose connections are told apart from those of other tests by their name.
struct Watched {
    postgres: Postgres,
    options: Options,
}

impl Watched {
    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = OnPostgres::default().fresh_options();
        options.url = format!("{}?application_name={}", options.url, options.schema);
        change(&mut options);
        Self { postgres: Postgres::connect(&options).await.expect("a new store"), options }
    }

    fn sql(&self, statement: &str) -> String {
        Server::shared().sql(statement)
    }

    /// Lets everything go on until so many of the store's sessions wait for a lock.
    async fn waiting(&self, count: usize) {
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' AND wait_event_type = 'Lock'",
            self.options.schema
        );
        while self.sql(&waiting) != count.to_string() {
            tokio::task::yield_now().await;
        }
    }

    /// Ends the sessions that wait for a lock.
    fn end_those_that_wait(&self) {
        self.sql(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = '{}' AND wait_event_type = 'Lock'",
            self.options.schema
        ));
    }

    /// Holds a table, so that whoever needs it waits.
    fn hold(&self, table: &str) -> Session {
        let mut session = Server::shared().session();
        session.run(&format!("BEGIN; LOCK TABLE {}.{table} IN ACCESS EXCLUSIVE MODE", self.options.schema));
        session
    }
}

async fn pen(log: Arc<dyn Log>) -> Pen {
    Pen::on(log).await
}

/// The append waits inside the server when its connection goes: it never happens, and nobody has to guess.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_was_cut_off_is_asked_for() {
    let store = Watched::with(|_| ()).await;
    let pen = pen(store.postgres.log()).await;
    let held = store.hold("appends");
    let batch = pen.batch(second(0), vec![group([facts(&lamp("hall"), 0, 2)])]);
    let (log, sent) = (pen.log.clone(), batch.clone());
    let appending = tokio::spawn(async move { log.append(sent).await });
    store.waiting(1).await;
    store.end_those_that_wait();
    let outcome = appending.await.expect("the append does not panic");
    assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
    drop(held);
    assert!(pen.log.find_append(batch.id).await.expect("an answer").is_none());
    assert!(pen.log.append(batch).await.is_err(), "it was said never to happen");
    pen.write(&lamp("hall"), 0, 1).await;
    assert_eq!(store.postgres.stats().appends.doubts.load(Ordering::Relaxed), 1);
}

/// The question waits for an append that is about to be written, and tells what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_waits_for_its_append() {
    let store = Watched::with(|_| ()).await;
    let pen = pen(store.postgres.log()).await;
    // The append's last step, its own row, is done; what it waits for is to be over.
    let trigger = format!(
        "CREATE FUNCTION {0}.dawdle() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_advisory_xact_lock(1, 77); RETURN NULL; END $$;
         CREATE TRIGGER dawdle AFTER INSERT ON {0}.appends FOR EACH ROW WHEN (NEW.layout IS NOT NULL)
         EXECUTE FUNCTION {0}.dawdle()",
        store.options.schema
    );
    store.sql(&trigger);
    let mut session = Server::shared().session();
    session.run("SELECT pg_advisory_lock(1, 77)");
    let batch = pen.batch(second(0), vec![group([facts(&lamp("hall"), 0, 2)])]);
    let (log, id) = (pen.log.clone(), batch.id);
    let appending = tokio::spawn(async move { log.append(batch).await });
    store.waiting(1).await;
    let log = pen.log.clone();
    let asking = tokio::spawn(async move { log.find_append(id).await });
    store.waiting(2).await;
    assert!(!asking.is_finished());
    session.run("SELECT pg_advisory_unlock(1, 77)");
    let outcomes = appending.await.expect("no panic").expect("the store takes the batch");
    let found = asking.await.expect("no panic").expect("an answer").expect("the append happened");
    assert_eq!(placed(&found[0]), placed(&outcomes[0]));
}

/// Callers that go away in the middle harm nobody, and what they asked for is not cancelled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_go_away() {
    let store = Watched::with(|options| (options.readers, options.writers) = (1, 1)).await;
    let pen = pen(store.postgres.log()).await;
    let held = store.hold("facts");
    let hall = lamp("hall");
    for _ in 0..3 {
        let reading = pen.log.read_stream(&hall, 0, 10);
        let gone = tokio::time::timeout(Duration::from_millis(20), reading).await;
        assert!(gone.is_err(), "the table is held");
    }
    let batch = pen.batch(second(0), vec![group([facts(&lamp("hall"), 0, 1)])]);
    let (log, sent) = (pen.log.clone(), batch.clone());
    let appending = tokio::spawn(async move { log.append(sent).await });
    store.waiting(2).await;
    appending.abort();
    drop(held);
    // Whoever asked what became of it before its last step would keep it from taking that.
    let is_written = async || (pen.log.read_stream(&hall, 0, 10).await.expect("the stream").len() == 1).then_some(());
    eventually("it is not cancelled", Duration::from_secs(20), is_written).await;
    let found = pen.log.find_append(batch.id).await.expect("an answer").expect("it is known");
    assert!(matches!(found[0], GroupOutcome::Committed(_)));
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'", store.options.schema);
    assert_eq!(store.sql(&sessions), "3", "one that reads, one that writes and one that appends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_ever() {
    let store = Watched::with(|options| {
        options.readers = 1;
        options.wait = Duration::from_millis(200);
        options.read_max = Duration::from_millis(600);
    })
    .await;
    let pen = pen(store.postgres.log()).await;
    let held = store.hold("facts");
    let log = pen.log.clone();
    let reading = tokio::spawn(async move { log.read_stream(&lamp("hall"), 0, 10).await });
    store.waiting(1).await;
    let refused = pen.log.read_shard(0, 0, 10).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(said)) if said.contains("in use")), "{refused:?}");
    let late = reading.await.expect("no panic");
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "a read takes no longer than it may: {late:?}");
    drop(held);
    assert!(pen.log.read_stream(&lamp("hall"), 0, 10).await.expect("the stream").is_empty());
}

/// Cuts every connection of a store, again and again.
struct Cutting {
    is_over: Arc<AtomicBool>,
    cuts: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Cutting {
    fn of(store: &Watched) -> Self {
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
            store.options.schema
        );
        let (is_over, cuts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let watched = (is_over.clone(), cuts.clone());
        let task = tokio::spawn(async move {
            while !watched.0.load(Ordering::SeqCst) {
                tokio::task::block_in_place(|| Server::shared().sql(&cut));
                watched.1.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { is_over, cuts, task }
    }

    fn count(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }

    async fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.task.await.expect("cutting ends");
    }
}

/// Whoever has no answer can ask, and the answer is the truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing() {
    let store = Watched::with(|_| ()).await;
    let pen = pen(store.postgres.log()).await;
    let cutting = Cutting::of(&store);
    let (mut version, mut doubts) = (0, 0);
    let hall = lamp("hall");
    while cutting.count() < 20 || version < 60 {
        let batch = pen.batch(second(0), vec![group([facts(&hall, version, 2)])]);
        let id = batch.id;
        let is_written = match pen.log.append(batch).await {
            Ok(outcomes) => placed(&outcomes[0]).len() == 1,
            Err(StoreError::Unknown(_)) => {
                doubts += 1;
                let found = loop {
                    if let Ok(found) = pen.log.find_append(id).await {
                        break found;
                    }
                };
                found.is_some_and(|outcomes| matches!(outcomes[0], GroupOutcome::Committed(_)))
            }
            Err(StoreError::Unavailable(_)) => false,
            Err(other) => panic!("{other}"),
        };
        version += if is_written { 2 } else { 0 };
    }
    println!("{} cuts, {doubts} doubts, version {version}", cutting.count());
    cutting.end().await;
    let stored = pen.log.read_stream(&hall, 0, usize::MAX).await.expect("the stream");
    assert_eq!(stored.len() as u64, version);
    assert!(stored.iter().zip(1..).all(|(fact, nth)| fact.version == nth && fact.position == nth));
}

/// Two nodes sell the same goods while their connections are cut: what was sold and what is left is what there was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_with_cut_connections_sell_nothing_twice() {
    const GOODS: i64 = 20_000;
    let store = Watched::with(|_| ()).await;
    let other = Postgres::connect(&store.options).await.expect("a second node");
    let nodes = [executor(store.postgres.log(), 1, 1_000).await, executor(other.log(), 2, 1_000).await];
    let hall = StreamId::new("counter", "hall");
    let add = count(&hall, |_| Some(Counted::Added { number: GOODS }));
    assert!(nodes[0].run(add).await.is_ok());

    let cutting = Cutting::of(&store);
    let (mut sold, mut failed) = (0, 0);
    while cutting.count() < 20 {
        let take = || count(&hall, |there| (there > 0).then_some(Counted::Taken { number: 1 }));
        let crowd = (0..40).map(|n| nodes[n % 2].run(take()));
        for answer in futures::future::join_all(crowd).await {
            match answer {
                Ok(_) => sold += 1,
                // It did not happen: the executor asked before it said so.
                Err(RunError::Failed(ExecuteError::Store(StoreError::Unavailable(_)) | ExecuteError::Contended)) => {
                    failed += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    println!("{} cuts, {sold} sold, {failed} failed", cutting.count());
    cutting.end().await;
    for node in &nodes {
        let (left, _) = node.read::<Counter>(&hall).await.expect("the counter");
        assert_eq!(left.number + sold, GOODS);
    }
}

/// One statement carries many carts; what one of them holds is no reason for the others to fail.
/// As in a buffer whose owner waits for something else: what was begun and is not looked at keeps no connection.
#[tokio::test]
async fn reads_that_nobody_looks_at_keep_nobody_waiting() {
    let watched = Watched::with(|options| (options.readers, options.wait) = (2, Duration::from_secs(20))).await;
    let (log, documents) = (watched.postgres.log(), watched.postgres.documents());
    let (lamp, ids) = (lamp("hall"), vec!["a".to_owned()]);
    let mut begun = Vec::new();
    for _ in 0..20 {
        begun.push(log.read_stream(&lamp, 0, 9).map(drop).boxed());
        begun.push(log.shards().map(drop).boxed());
        begun.push(documents.get(KEYS, "a", second(0)).map(drop).boxed());
        begun.push(documents.get_many(KEYS, &ids, second(0)).map(drop).boxed());
        begun.push(documents.scan(KEYS, None, 9).map(drop).boxed());
    }
    for read in &mut begun {
        assert!(read.now_or_never().is_none(), "it asks the server");
    }
    assert!(log.read_latest(&lamp, 9).await.expect("an answer").1.is_empty());
    assert_eq!(documents.get(KEYS, "a", second(0)).await.expect("an answer"), None);
    futures::future::join_all(begun).await;
}

#[tokio::test]
async fn carts_that_are_gathered_are_answered_each_by_itself() {
    let store = Watched::with(|_| ()).await;
    let documents: Arc<dyn Documents> = store.postgres.documents();
    let put = |n: usize| Put {
        collection: KEYS,
        id: format!("{n:04}"),
        body: match n % 4 {
            0 => r#"{"name":"\u0000"}"#.into(),
            // No number that PostgreSQL knows.
            1 => "{\"n\":1e999999}".into(),
            _ => format!("{{\"n\":{n}}}").into(),
        },
        entries: Vec::new(),
        expires: None,
    };
    let now = Timestamp::UNIX_EPOCH;
    let asked = (0..600).map(|n| documents.put_if(put(n / 2), Expected::Absent, now));
    let answers = futures::future::join_all(asked).await;
    for (answer, n) in answers.iter().zip(0..) {
        let is_written = matches!(answer, Ok(platform::documents::Conditional::Written(1)));
        assert_eq!(is_written, n % 2 == 0, "{n}: {answer:?}");
    }
    for n in 0..300 {
        let kept = documents.get(KEYS, &format!("{n:04}"), now).await.expect("an answer").expect("the document");
        if n % 4 < 2 {
            assert_eq!(kept.body, put(n).body);
        }
    }
}
