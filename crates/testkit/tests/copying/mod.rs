//! A store copied from one engine into the other and back: the same contents, the same answers, and attempts that end
//! anywhere are gone on with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapters::postgres::{Arrival, Destined, OpenError, Options, Postgres};
use adapters::sqlite::{self, NewFile, Sqlite};
use async_trait::async_trait;
use platform::copying::{Contents, Destination, Origin, Record, contents, copy};
use platform::documents::{
    Change, Checkpoint, Collection, Documents, Entry, Expected, Put, Query, Range, WriteBatch, tuple,
};
use platform::log::{Cause, Log, NewFact, RecordedFact, ShardInfo, ShardState, StreamAppend, StreamId};
use platform::store::{StoreError, StoreResult};
use tempfile::TempDir;
use testkit::contract::log::{Pen, facts, group, placed};
use testkit::contract::second;
use testkit::engines::OnPostgres;
use testkit::mart::eventually;
use testkit::postgres::Server;

const ROOMS: Collection = Collection::derived("rooms");
const KEYS: Collection = Collection::primary("keys");
/// More than are read and written together.
const FACTS: usize = 6_000;
const DOCUMENTS: usize = 1_200;

fn put(collection: Collection, id: &str, body: &str, size: i64) -> Change {
    let entries =
        vec![Entry::new("by_size", tuple::Key::new().int(size)), Entry::new("by_id", tuple::Key::new().text(id))];
    let expires = (size % 7 == 0).then(|| second(size));
    Change::Put(Put { collection, id: id.to_owned(), body: body.into(), entries, expires })
}

/// A folder with a store of everything that there can be.
async fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(folder.path(), &sqlite::Options { shards: 4, ..Default::default() }).expect("a new store");
    let pen = Pen::on(store.log()).await;
    let lamp = |key: &str| StreamId::new("lamp", key);
    for first in 0..FACTS / 100 {
        let streams = (0..50).map(|nth| facts(&lamp(&format!("{first}-{nth}")), 0, 2));
        pen.append(vec![group(streams)]).await;
    }
    let odd = |body: &str| NewFact { type_name: "lamp.went_out".into(), schema: 7, body: body.into() };
    let mut strange = group([StreamAppend {
        stream: lamp("가 🫖"),
        expected: 0,
        facts: vec![odd(r#"{ "b" : 1e2, "a":"\u0000" }"#), odd("[1.50]")],
    }]);
    strange.time = second(-5);
    strange.cause = Cause::of("staff:stf_1").traced(Some("not a trace id".into()));
    strange.cause.command = "put out".into();
    placed(&pen.append(vec![strange]).await[0]);
    pen.log.fence(3, ShardState::Fenced).await.expect("a shard is fenced");
    pen.log.fence(3, ShardState::Open).await.expect("and opened");

    let documents = store.documents();
    let mut changes: Vec<Change> = (0..DOCUMENTS)
        .map(|n| put(if n % 2 == 0 { ROOMS } else { KEYS }, &format!("room-{n}"), &format!("{{\"n\": {n}}}"), n as i64))
        .collect();
    for (nth, body) in [
        r#"{"z":1,"a":{"y":[1e2,-0.0,1.50,123456789012345678]}}"#,
        r#""\ud83e""#,
        r#""a\u0000b""#,
        "\"é\"",
        r#"[null,1e400,1.5e-7,-0.1e1]"#,
    ]
    .into_iter()
    .enumerate()
    {
        changes.push(put(KEYS, &format!("odd-{nth}\0\u{1}"), body, -3));
    }
    changes.push(put(KEYS, "", "[]", 1));
    let checkpoints = (0..4).map(|shard| Checkpoint::first("rooms:1", shard, 20 + u64::from(shard))).collect();
    documents.write(WriteBatch { changes, checkpoints }).await.expect("documents are written");
    for _ in 0..3 {
        let again = vec![put(KEYS, "room-1", "{\"again\":true}", 5)];
        documents.write(WriteBatch { changes: again, checkpoints: Vec::new() }).await.expect("a document is written");
    }
    store.close().await.expect("the store closes");
    folder
}

async fn contents_of(origin: &dyn Origin) -> Contents {
    contents(origin, |_| ()).await.expect("the contents")
}

async fn begin(options: &Options, folder: &TempDir) -> Result<Arrival, OpenError> {
    let origin = sqlite::open_read_only(folder.path()).expect("the folder's store").origin();
    let shards = origin.shards().await.expect("the shards");
    Arrival::begin(Destined::reach(options).await?, &shards, &contents_of(origin.as_ref()).await.digest()).await
}

/// What a shop reads, from either engine.
async fn answers(log: &dyn Log, documents: &dyn Documents) -> String {
    let mut told = String::new();
    for key in ["3-7", "가 🫖"] {
        let facts = log.read_stream(&StreamId::new("lamp", key), 0, 10).await.expect("a stream");
        assert_eq!(facts.len(), 2);
        told.push_str(&format!("{facts:?}\n"));
    }
    for (collection, descending) in [(ROOMS, false), (KEYS, true)] {
        let mut query = Query::new(collection, "by_size", Range::all()).limit(40);
        query.descending = descending;
        let page = documents.query(query, second(9)).await.expect("a page");
        let ids: Vec<_> = page.documents.iter().map(|document| (&document.id, document.version)).collect();
        told.push_str(&format!("{ids:?}\n"));
    }
    let again = documents.get(KEYS, "room-1", second(0)).await.expect("an answer").expect("a document");
    assert_eq!(again.version, 4);
    told.push_str(&format!("{:?}\n", documents.checkpoints("rooms:1").await.expect("checkpoints")));
    told
}

#[tokio::test]
async fn there_and_back_again() {
    let folder = folder().await;
    let options = OnPostgres::default().fresh_options();
    let here = sqlite::open_read_only(folder.path()).expect("the folder's store");
    let sum = contents_of(here.origin().as_ref()).await;
    assert!(sum.count() as usize > FACTS + DOCUMENTS, "{sum}");

    let arrival = begin(&options, &folder).await.expect("an empty schema");
    copy(here.origin().as_ref(), &arrival, |_| ()).await.expect("a copy");
    assert_eq!(contents_of(arrival.origin()).await, sum);
    arrival.finish().await.expect("it is complete");
    let there = Postgres::connect(&options).await.expect("a store");
    let expected = answers(here.log().as_ref(), here.documents().as_ref()).await;
    assert_eq!(answers(there.log().as_ref(), there.documents().as_ref()).await, expected);
    let shards = there.log().shards().await.expect("the shards");
    assert_eq!((shards.len(), shards[3].epoch), (4, 3), "as many as before, under their epochs");

    // While it is written to.
    let moment = there.at_one_moment().expect("a moment");
    assert_eq!(contents_of(moment.origin().as_ref()).await, sum);
    let pen = Pen::on(there.log()).await;
    pen.write(&StreamId::new("lamp", "new"), 0, 5).await;
    pen.write(&StreamId::new("lamp", "3-7"), 2, 1).await;
    let back = tempfile::tempdir().expect("a folder");
    let file = NewFile::create(back.path(), &moment.origin().shards().await.expect("the shards")).expect("a new file");
    copy(moment.origin().as_ref(), &file, |_| ()).await.expect("a copy");
    file.finish().await.expect("it is whole");
    assert!(moment.is_one());
    assert_eq!(sqlite::integrity_check(back.path()).expect("a check"), [] as [String; 0]);
    let again = sqlite::open_read_only(back.path()).expect("the copy");
    assert_eq!(contents_of(again.origin().as_ref()).await, sum);
    assert_eq!(answers(again.log().as_ref(), again.documents().as_ref()).await, expected);
    drop(again);
    let opened = Sqlite::open(back.path(), &sqlite::Options::default()).expect("a shop opens it");
    Pen::on(opened.log()).await.write(&StreamId::new("lamp", "new"), 0, 1).await;
    let kept = opened.documents().get(KEYS, "room-1", second(0)).await.expect("an answer").expect("a document");
    let changed = Put { collection: KEYS, id: kept.id, body: "1".into(), entries: Vec::new(), expires: None };
    opened.documents().put_if(changed, Expected::Version(4), second(0)).await.expect("its version is known");
    opened.close().await.expect("it closes");
}

/// Breaks after so many writes, one of which may have been done all the same.
struct Breaking<'a> {
    arrival: &'a Arrival,
    left: AtomicUsize,
    is_done_all_the_same: bool,
}

impl Breaking<'_> {
    async fn attempt(&self, write: impl Future<Output = StoreResult<()>>) -> StoreResult<()> {
        let broken = StoreError::Unknown("the plug was pulled".into());
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => write.await,
            Err(_) if self.is_done_all_the_same => write.await.and(Err(broken)),
            Err(_) => Err(broken),
        }
    }
}

#[async_trait]
impl Destination for Breaking<'_> {
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        Destination::shards(self.arrival).await
    }

    async fn last_record(&self) -> StoreResult<Option<(String, String)>> {
        self.arrival.last_record().await
    }

    async fn add_facts(&self, facts: &[RecordedFact]) -> StoreResult<()> {
        self.attempt(self.arrival.add_facts(facts)).await
    }

    async fn add_records(&self, records: &[Record]) -> StoreResult<()> {
        self.attempt(self.arrival.add_records(records)).await
    }

    async fn set_checkpoints(&self, checkpoints: &[Checkpoint]) -> StoreResult<()> {
        self.attempt(self.arrival.set_checkpoints(checkpoints)).await
    }
}

#[tokio::test]
async fn what_was_broken_off_anywhere_is_gone_on_with() {
    let folder = folder().await;
    let here = sqlite::open_read_only(folder.path()).expect("the folder's store");
    let sum = contents_of(here.origin().as_ref()).await;
    for is_done_all_the_same in [false, true] {
        let options = OnPostgres::default().fresh_options();
        let mut attempts = 0;
        loop {
            let arrival = begin(&options, &folder).await.expect("what an earlier attempt left");
            assert!(!arrival.is_complete());
            let refused = Postgres::connect(&options).await.err().expect("nobody serves a half");
            assert!(matches!(refused, OpenError::Incomplete(_)), "{refused}");
            let left = AtomicUsize::new(usize::from(!is_done_all_the_same));
            let breaking = Breaking { arrival: &arrival, left, is_done_all_the_same };
            attempts += 1;
            assert!(attempts < 100, "it does not get on");
            let broken = copy(here.origin().as_ref(), &breaking, |_| ()).await.is_err();
            if !broken || (is_done_all_the_same && contents_of(arrival.origin()).await == sum) {
                assert_eq!(contents_of(arrival.origin()).await, sum);
                arrival.finish().await.expect("it is complete");
                break;
            }
        }
        assert!(attempts > 8, "{attempts}");
        assert!(begin(&options, &folder).await.expect("it is told").is_complete());
        Postgres::connect(&options).await.expect("a store");
    }
}

#[tokio::test]
async fn another_store_is_not_mixed_in() {
    let (one, other) = (folder().await, folder().await);
    {
        let store = Sqlite::open(other.path(), &sqlite::Options::default()).expect("a store");
        let changes = vec![put(KEYS, "another", "{}", 1)];
        store.documents().write(WriteBatch { changes, checkpoints: Vec::new() }).await.expect("one more");
        store.close().await.expect("it closes");
    }
    let options = OnPostgres::default().fresh_options();
    // One that only looked leaves empty tables of another number of shards.
    Postgres::connect(&options).await.expect("a new store").close().await.expect("it closes");
    let arrival = begin(&options, &one).await.expect("nothing is there");
    drop(arrival);
    let refused = begin(&options, &other).await.err().expect("a refusal");
    assert!(matches!(refused, OpenError::IncompleteOther(_)), "{refused}");
    let arrival = begin(&options, &one).await.expect("a part of the same");
    let here = sqlite::open_read_only(one.path()).expect("the folder's store");
    copy(here.origin().as_ref(), &arrival, |_| ()).await.expect("a copy");
    arrival.finish().await.expect("it is complete");
    let refused = begin(&options, &other).await.err().expect("a refusal");
    assert!(matches!(refused, OpenError::Used(_)), "{refused}");

    let served = OnPostgres::default().fresh_options();
    let store = Postgres::connect(&served).await.expect("a new store");
    Pen::on(store.log()).await.write(&StreamId::new("lamp", "hall"), 0, 1).await;
    let refused = begin(&served, &one).await.err().expect("a refusal");
    assert!(matches!(refused, OpenError::Used(_)), "{refused}");
    let foreign = OnPostgres::default().fresh_options();
    Server::shared().sql(&format!("CREATE SCHEMA {0}; CREATE TABLE {0}.wares (name text)", foreign.schema));
    assert!(matches!(begin(&foreign, &one).await.err(), Some(OpenError::Foreign(_))));
    Server::shared().sql(&format!("CREATE TABLE {}.meta (key text)", foreign.schema));
    assert!(matches!(begin(&foreign, &one).await.err(), Some(OpenError::Foreign(_))));
}

#[tokio::test]
async fn whatever_is_changed_is_found() {
    let folder = folder().await;
    let options = OnPostgres::default().fresh_options();
    let here = sqlite::open_read_only(folder.path()).expect("the folder's store");
    let sum = contents_of(here.origin().as_ref()).await;
    let arrival = begin(&options, &folder).await.expect("an empty schema");
    copy(here.origin().as_ref(), &arrival, |_| ()).await.expect("a copy");
    let schema = &options.schema;
    for (part, change, back) in [
        (
            "facts of shard 0",
            "facts SET actor = 'me' WHERE shard = 0 AND position = 2",
            "facts SET actor = 'system' WHERE actor = 'me'",
        ),
        (
            "facts of shard 1",
            "facts SET body = '{\"n\": 1}' WHERE shard = 1 AND body::text = '{\"n\":1}'",
            "facts SET body = '{\"n\":1}' WHERE body::text = '{\"n\": 1}'",
        ),
        (
            "documents: keys",
            "documents SET version = 5 WHERE id = 'room-1'",
            "documents SET version = 4 WHERE id = 'room-1'",
        ),
        (
            "documents: rooms",
            "documents SET body = '{\"n\": 3}' WHERE id = 'room-2'",
            "documents SET body = '{\"n\": 2}' WHERE id = 'room-2'",
        ),
        ("documents: rooms", "entries SET key = '\\x05' WHERE id = 'room-4' AND idx = 'by_id'", ""),
    ] {
        Server::shared().sql(&format!("UPDATE {schema}.{change}"));
        let found = sum.differences(&contents_of(arrival.origin()).await);
        assert_eq!(found, [format!("{part}: as many, but not the same")], "{change}");
        if !back.is_empty() {
            Server::shared().sql(&format!("UPDATE {schema}.{back}"));
            assert_eq!(contents_of(arrival.origin()).await, sum, "{back}");
        }
    }
    Server::shared().sql(&format!(
        "DELETE FROM {schema}.entries WHERE id = 'room-4'; DELETE FROM {schema}.documents WHERE id = 'room-4'"
    ));
    let found = sum.differences(&contents_of(arrival.origin()).await);
    assert!(matches!(&found[..], [one] if one.starts_with("documents: rooms: ")), "{found:?}");
    Server::shared().sql(&format!("DELETE FROM {schema}.documents WHERE id = 'room-6'"));
    assert!(contents(arrival.origin(), |_| ()).await.is_err(), "an index entry without its document");
}

/// Two attempts at once would mix; the second waits a while for the first, which may be dead.
#[tokio::test]
async fn one_attempt_at_a_time() {
    let folder = folder().await;
    let options = OnPostgres::default().fresh_options();
    let first = begin(&options, &folder).await.expect("an empty schema");
    let (second, _) = tokio::join!(begin(&options, &folder), async {
        let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4294967294 AND NOT granted";
        eventually("the second waits", Duration::from_secs(9), async || {
            (!Server::shared().sql(waits).is_empty()).then_some(())
        })
        .await;
        drop(first);
    });
    second.expect("the first was dead");
}
