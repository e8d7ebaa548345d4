//! A primary with a synchronous standby: the primary dies, the standby takes its place, and the log goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use adapters::postgres::{Options, Postgres};
use platform::documents::{Change, Checkpoint, Collection, Put, WriteBatch};
use platform::log::{GroupOutcome, StreamId};
use platform::store::StoreError;
use testkit::contract::log::{Pen, facts, group};
use testkit::contract::second;
use testkit::engines::OnPostgres;
use testkit::postgres::{Durability, Server};
use tokio::time::Instant;

/// What was acknowledged is there after the promotion, and the node finds the new primary by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_with_the_primary() {
    let primary = Arc::new(Server::start(Durability::Synced));
    let standby = Arc::new(primary.standby("standby"));
    primary.wait_for_standby("standby");
    let options = Options { url: Server::url_of(&[&primary, &standby]), ..OnPostgres::default().fresh_options() };
    let store = Postgres::connect(&options).await.expect("the primary is found");
    let pen = Pen::on(store.log()).await;

    let (is_over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let writing = async {
        let (mut written, mut first_after) = (Vec::new(), None);
        let mut nth = 0;
        while first_after.is_none() {
            nth += 1;
            let stream = StreamId::new("lamp", &format!("{nth}"));
            let was_over = is_over.load(Ordering::SeqCst);
            let batch = pen.batch(second(0), vec![group([facts(&stream, 0, 1)])]);
            let id = batch.id;
            let is_written = match pen.log.append(batch).await {
                Ok(outcomes) => matches!(outcomes[0], GroupOutcome::Committed(_)),
                Err(StoreError::Unknown(_)) => loop {
                    if let Ok(found) = pen.log.find_append(id).await {
                        break found.is_some();
                    }
                },
                Err(_) => false,
            };
            if is_written {
                written.push(stream);
                count.store(written.len(), Ordering::SeqCst);
                first_after = was_over.then(Instant::now);
            }
        }
        (written, first_after.unwrap_or_else(Instant::now))
    };
    let killing = async {
        while count.load(Ordering::SeqCst) < 100 {
            tokio::task::yield_now().await;
        }
        let servers = (primary.clone(), standby.clone());
        let failing_over = tokio::spawn(async move {
            tokio::task::block_in_place(|| {
                servers.0.kill();
                servers.1.promote();
            });
        });
        failing_over.await.expect("the standby is promoted");
        is_over.store(true, Ordering::SeqCst);
        Instant::now()
    };
    let ((written, first_after), promoted) = futures::join!(writing, killing);
    println!("{} written; the first one {:?} after the promotion", written.len(), first_after - promoted);
    for stream in &written {
        let stored = store.log().read_stream(stream, 0, 10).await.expect("the stream");
        assert_eq!(stored.len(), 1, "{stream} was acknowledged and is lost");
    }
}

/// A primary that stands still answers nobody; when it is awake again, what waited goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_stands_still_is_waited_for() {
    let server = Server::start(Durability::Forgetful);
    let options = Options { url: server.url(), ..OnPostgres::default().fresh_options() };
    let store = Postgres::connect(&options).await.expect("a new store");
    let pen = Pen::on(store.log()).await;
    let hall = StreamId::new("lamp", "hall");
    pen.write(&hall, 0, 1).await;
    server.freeze();
    let batch = pen.batch(second(0), vec![group([facts(&hall, 1, 1)])]);
    let (log, sent) = (pen.log.clone(), batch.clone());
    let mut appending = tokio::spawn(async move { log.append(sent).await });
    let early = tokio::time::timeout(Duration::from_millis(500), &mut appending).await;
    assert!(early.is_err(), "nobody cancels a commit");
    server.wake();
    let outcomes = appending.await.expect("no panic").expect("the store takes the batch");
    assert!(matches!(outcomes[0], GroupOutcome::Committed(_)));
}

/// It keeps its connections and its machine answers for it; but there is another one by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_stands_still_is_left_for_another() {
    let primary = Server::start(Durability::Forgetful);
    let standby = primary.standby("standby");
    primary.wait_for_standby("standby");
    let url = Server::url_of(&[&primary, &standby]);
    let options = Options { url, wait: Duration::from_secs(1), ..OnPostgres::default().fresh_options() };
    let store = Postgres::connect(&options).await.expect("the primary is found");
    let pen = Pen::on(store.log()).await;
    let hall = StreamId::new("lamp", "hall");
    pen.write(&hall, 0, 1).await;
    pen.write(&hall, 1, 1).await;
    // What is done behind an append's back must have given its connection back, and the last append its own after it: one
    // that finds none would wait for the new primary, and one without the statement would send nothing.
    while store.stats().writers.lent.load(Ordering::Relaxed) > 0 {
        tokio::task::yield_now().await;
    }
    pen.write(&hall, 2, 1).await;
    primary.freeze();
    let batch = pen.batch(second(0), vec![group([facts(&hall, 3, 1)])]);
    let (log, sent) = (pen.log.clone(), batch.clone());
    let appending = tokio::spawn(async move { log.append(sent).await });
    let log = pen.log.clone();
    let reading = tokio::spawn(async move { log.read_stream(&StreamId::new("lamp", "hall"), 0, 10).await });
    standby.promote();
    let outcome = appending.await.expect("no panic");
    assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
    assert!(pen.log.find_append(batch.id).await.expect("an answer").is_none());
    assert_eq!(reading.await.expect("no panic").expect("the new one is read").len(), 3);
    pen.write(&hall, 3, 1).await;
    // The old one is awake again and believes that nothing happened; nobody reads there.
    primary.wake();
    pen.write(&hall, 4, 1).await;
    for _ in 0..20 {
        assert_eq!(pen.log.read_stream(&hall, 0, 10).await.expect("the stream").len(), 5);
    }
}

/// A crash of the server takes the connections, and nothing that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashed_is_found_again() {
    let server = Server::start(Durability::Synced);
    let options = Options { url: server.url(), ..OnPostgres::default().fresh_options() };
    let store = Postgres::connect(&options).await.expect("a new store");
    let pen = Pen::on(store.log()).await;
    let hall = StreamId::new("lamp", "hall");
    for crash in 0..3 {
        for version in crash * 5..(crash + 1) * 5 {
            pen.write(&hall, version, 1).await;
        }
        server.kill();
        server.restart();
        let stored = pen.log.read_stream(&hall, 0, 100).await.expect("the stream");
        assert_eq!(stored.len() as u64, (crash + 1) * 5);
    }
}

/// A list follows from facts, which are safe already; a key or a cart follows from nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_nobody_can_make_again_waits_for_the_standby() {
    const ROOMS: Collection = Collection::derived("rooms");
    const KEYS: Collection = Collection::primary("keys");
    let primary = Server::start(Durability::Synced);
    let standby = primary.standby("standby");
    let options = Options { url: primary.url(), ..OnPostgres::default().fresh_options() };
    let documents = Postgres::connect(&options).await.expect("the primary is found").documents();
    primary.wait_for_standby("standby");
    let batch = |collection, position| WriteBatch {
        changes: vec![Change::Put(Put {
            collection,
            id: "a".to_owned(),
            body: "{}".into(),
            entries: Vec::new(),
            expires: None,
        })],
        checkpoints: vec![Checkpoint::first(collection.name, position, 1)],
    };
    documents.write(batch(KEYS, 0)).await.expect("both have it");
    standby.freeze();
    let (other, waits) = (documents.clone(), batch(KEYS, 1));
    let waiting = tokio::spawn(async move { other.write(waits).await });
    for shard in 0..8 {
        let written = tokio::time::timeout(Duration::from_secs(20), documents.write(batch(ROOMS, shard))).await;
        written.expect("it waits for nobody").expect("it is written");
    }
    assert!(!waiting.is_finished(), "only the primary has the key");
    standby.wake();
    waiting.await.expect("no panic").expect("both have it");
}
