//! What is true of this engine alone; what is true of every engine is in testkit's contract suites.

mod golden;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use platform::documents::{Change, Collection, Conditional, Documents, Entry, Expected, Put, WriteBatch, tuple};
use platform::log::{AppendId, Batch, Cause, Group, GroupOutcome, NewFact, ShardState, StreamAppend, StreamId};
use platform::store::StoreError;
use tempfile::TempDir;

use super::readers::Readers;
use super::{OpenError, Options, Sqlite, backup, integrity_check, open_beside, open_read_only, schema};

const ROOMS: Collection = Collection::derived("rooms");
const KEYS: Collection = Collection::primary("keys");

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for a test")
}

fn open(dir: &Path) -> Sqlite {
    Sqlite::open(dir, &Options::default()).expect("the store opens")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_750_000_000).expect("a time")
}

fn put(collection: Collection, id: &str, body: &str) -> Put {
    let entries = vec![Entry::new("by_id", tuple::Key::new().text(id))];
    Put { collection, id: id.to_owned(), body: body.into(), entries, expires: None }
}

async fn write(documents: &dyn Documents, changes: Vec<Change>) -> Result<(), StoreError> {
    documents.write(WriteBatch { changes, checkpoints: Vec::new() }).await
}

fn lamp(key: &str) -> StreamId {
    StreamId::new("lamp", key)
}

fn group(key: &str, expected: u64, body: &str) -> Group {
    let fact = NewFact { type_name: "lamp.lit".into(), schema: 1, body: body.into() };
    let streams = vec![StreamAppend { stream: lamp(key), expected, facts: vec![fact] }];
    Group { time: now(), cause: Cause::system(), streams }
}

fn batch(id: u64, groups: Vec<Group>) -> Batch {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&id.to_be_bytes());
    Batch { id: AppendId(bytes), time: now(), epochs: [1; 64].into(), groups }
}

fn committed(outcomes: &[GroupOutcome]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, GroupOutcome::Committed(_))).count()
}

#[tokio::test]
async fn a_folder_belongs_to_one_process() {
    let folder = folder();
    let first = open(folder.path());
    let second = Sqlite::open(folder.path(), &Options::default()).err().expect("the folder is in use");
    assert!(matches!(second, OpenError::InUse(_)));
    assert!(second.to_string().contains("already running"), "{second}");
    let (log, documents) = (first.log(), first.documents());
    first.close().await.expect("it closes");
    first.close().await.expect("closing twice does no harm");
    assert!(matches!(log.append(batch(1, Vec::new())).await, Err(StoreError::Closed)));
    assert!(matches!(documents.get(KEYS, "a", now()).await, Err(StoreError::Closed)));
    open(folder.path()).close().await.expect("the lock was given back");
}

#[tokio::test]
async fn a_dropped_store_finishes_what_was_queued() {
    let folder = folder();
    let store = open(folder.path());
    let log = store.log();
    let append = tokio::spawn(async move { log.append(batch(1, vec![group("hall", 0, "{}")])).await });
    while store.stats().writer.parts.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    drop(store);
    assert_eq!(committed(&append.await.expect("no panic").expect("it is written")), 1);
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let refused = |prepare: &dyn Fn(&Path)| {
        let folder = folder();
        prepare(&folder.path().join(schema::FILE_NAME));
        Sqlite::open(folder.path(), &Options::default()).err().expect("the file is refused")
    };
    let sql = |sql: &'static str| {
        move |file: &Path| rusqlite::Connection::open(file).expect("a database").execute_batch(sql).expect("its tables")
    };
    assert!(matches!(refused(&|file| std::fs::write(file, "x".repeat(5_000)).expect("a file")), OpenError::Foreign));
    assert!(matches!(refused(&sql("CREATE TABLE a (b)")), OpenError::Foreign));
    assert!(matches!(refused(&sql("PRAGMA application_id = 5; CREATE TABLE a (b)")), OpenError::Foreign));
    let newer = refused(&|file| {
        let mut conn = schema::open_writable(file, 100).expect("a database");
        schema::prepare(&mut conn, 4).expect("its tables");
        conn.pragma_update(None, "user_version", 9).expect("a newer schema");
    });
    assert!(matches!(newer, OpenError::OtherVersion { found: 9, known: 1 }));
    assert!(newer.to_string().contains("schema 9"), "{newer}");
    assert!(matches!(open_read_only(folder().path()), Err(OpenError::Missing(_))));
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let error = Sqlite::open(&file.join("shop"), &Options::default()).err().expect("there is a file in the way");
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_stops_writes_until_there_is_room() {
    let folder = folder();
    let options = Options { file_max_bytes: Some(1 << 20), ..Options::default() };
    let store = Sqlite::open(folder.path(), &options).expect("the store opens");
    let (log, documents) = (store.log(), store.documents());
    log.append(batch(0, vec![group("hall", 0, "{}")])).await.expect("there is room");
    let body = format!("\"{}\"", "x".repeat(10_000));
    let mut written = Vec::new();
    let full = loop {
        let id = format!("{}", written.len());
        match write(documents.as_ref(), vec![Change::Put(put(ROOMS, &id, &body))]).await {
            Ok(()) => written.push(id),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full(_)), "{full}");
    assert!(written.len() > 50);
    let large = log.append(batch(1, vec![group("hall", 1, &body), group("new kind of key", 0, &body)])).await;
    assert!(matches!(large, Err(StoreError::Full(_))));
    assert!(log.find_append(batch(1, Vec::new()).id).await.is_ok(), "it can be asked for");
    assert_eq!(log.read_stream(&lamp("hall"), 0, 9).await.expect("reads go on").len(), 1);
    assert_eq!(documents.scan(ROOMS, None, 999).await.expect("reads go on").len(), written.len());

    let delete = |id: &String| Change::Delete { collection: ROOMS, id: id.clone() };
    write(documents.as_ref(), written[..20].iter().map(delete).collect()).await.expect("deleting makes room");
    let outcomes = log.append(batch(2, vec![group("hall", 1, &body)])).await.expect("there is room again");
    let GroupOutcome::Committed(placed) = &outcomes[0] else { panic!("expected a commit, found {outcomes:?}") };
    assert_eq!(placed[0].first, 2, "the head is what was committed, not what was tried");
    store.close().await.expect("it closes");
    assert_eq!(integrity_check(folder.path()).expect("a check"), Vec::<String>::new());
}

#[tokio::test]
async fn parts_share_a_transaction_and_fail_alone() {
    let folder = folder();
    let store = open(folder.path());
    let (log, documents) = (store.log(), store.documents());
    log.append(batch(0, vec![group("hall", 0, "{}")])).await.expect("an append");
    let puts = (0..200).map(|n| {
        let documents = documents.clone();
        async move { write(documents.as_ref(), vec![Change::Put(put(ROOMS, &n.to_string(), "{}"))]).await }
    });
    let appends = (0..200).map(|n| {
        let (log, key) = (log.clone(), format!("new {n}"));
        // Every other append uses an id that was used before.
        async move { log.append(batch(if n % 2 == 0 { 0 } else { n }, vec![group(&key, 0, "{}")])).await }
    });
    let writing = async { tokio::join!(all(puts), all(appends)) };
    let (puts, appends) = writing.await;
    assert!(puts.iter().all(Result::is_ok));
    for (n, append) in appends.iter().enumerate() {
        let stored = log.read_stream(&lamp(&format!("new {n}")), 0, 9).await.expect("a stream").len();
        assert_eq!((append.is_ok(), stored), (n % 2 == 1, n % 2));
    }
    let stats = &store.stats().writer;
    let (transactions, parts) = (stats.transactions.load(Ordering::Relaxed), stats.parts.load(Ordering::Relaxed));
    assert_eq!(parts, 401);
    assert!(transactions < 100, "{transactions} transactions for {parts} parts");
    assert_eq!(stats.failed_parts.load(Ordering::Relaxed), 100);
    store.close().await.expect("it closes");
    assert_eq!(integrity_check(folder.path()).expect("a check"), Vec::<String>::new());
}

/// Runs tasks at the same time.
async fn all<T: Send + 'static>(tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let running: Vec<_> = tasks.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in running {
        done.push(task.await.expect("no panic"));
    }
    done
}

/// What was answered is in the files, though nothing was closed.
#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let (folder, copy) = (folder(), folder());
    let store = open(folder.path());
    for n in 0..20 {
        store.log().append(batch(n, vec![group("hall", n, "{}")])).await.expect("an append");
    }
    write(store.documents().as_ref(), vec![Change::Put(put(KEYS, "a", "1"))]).await.expect("a write");
    for file in ["shop.db", "shop.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).expect("a copy");
    }
    let again = open(copy.path());
    assert_eq!(again.log().read_stream(&lamp("hall"), 0, 99).await.expect("the stream").len(), 20);
    assert!(again.documents().get(KEYS, "a", now()).await.expect("an answer").is_some());
    assert!(again.log().find_append(batch(19, Vec::new()).id).await.expect("an answer").is_some());
}

#[tokio::test]
async fn an_inspection_sees_one_moment() {
    let folder = folder();
    let store = open(folder.path());
    store.log().append(batch(1, vec![group("hall", 0, "{}")])).await.expect("an append");
    write(store.documents().as_ref(), vec![Change::Put(put(KEYS, "a", "1"))]).await.expect("a write");
    let inspection = open_read_only(folder.path()).expect("it opens beside the running shop");
    store.log().append(batch(2, vec![group("hall", 1, "{}")])).await.expect("an append");
    write(store.documents().as_ref(), vec![Change::Put(put(KEYS, "b", "1"))]).await.expect("a write");
    let (log, documents) = (inspection.log(), inspection.documents());
    assert_eq!(log.read_stream(&lamp("hall"), 0, 9).await.expect("the stream").len(), 1);
    assert_eq!(documents.scan(KEYS, None, 9).await.expect("a page").len(), 1);
    let both = ["a".to_owned(), "b".to_owned()];
    assert_eq!(documents.get_many(KEYS, &both, now()).await.expect("an answer").len(), 1);
    assert_eq!(log.shards().await.expect("the shards").iter().map(|info| info.head).sum::<u64>(), 1);
    assert!(log.find_append(batch(2, Vec::new()).id).await.expect("an answer").is_none());

    assert!(log.append(batch(3, Vec::new())).await.is_err());
    assert!(log.fence(0, ShardState::Open).await.is_err());
    assert!(write(documents.as_ref(), Vec::new()).await.is_err());
    assert!(documents.put_if(put(KEYS, "c", "1"), Expected::Absent, now()).await.is_err());
    assert!(documents.delete_expired(now(), 1).await.is_err());
    drop((inspection, log, documents));
    assert_eq!(integrity_check(folder.path()).expect("a check beside the running shop"), Vec::<String>::new());
}

#[tokio::test]
async fn primary_documents_are_written_beside_a_running_shop() {
    let folder = folder();
    let store = open(folder.path());
    let beside = open_beside(folder.path()).expect("it opens beside the running shop");
    let (ours, theirs) = (store.documents(), beside.documents());
    write(ours.as_ref(), vec![Change::Put(put(KEYS, "a", "1"))]).await.expect("a write");
    for n in 0..10 {
        // Each brings names that the other has not seen.
        let names = [format!("theirs{n}").leak(), format!("ours{n}").leak()].map(|name| Collection::primary(name));
        write(theirs.as_ref(), vec![Change::Put(put(names[0], "x", "1"))]).await.expect("a write");
        write(ours.as_ref(), vec![Change::Put(put(names[1], "x", "2"))]).await.expect("a write");
        write(ours.as_ref(), vec![Change::Put(put(names[0], "y", "2"))]).await.expect("a write");
        assert_eq!(ours.scan(names[0], None, 9).await.expect("a page").len(), 2);
        assert_eq!(theirs.scan(names[1], None, 9).await.expect("a page").len(), 1);
    }
    let answer = theirs.put_if(put(KEYS, "a", "2"), Expected::Version(1), now()).await.expect("an answer");
    assert_eq!(answer, Conditional::Written(2));
    let answer = ours.put_if(put(KEYS, "a", "3"), Expected::Version(1), now()).await.expect("an answer");
    assert!(matches!(answer, Conditional::Differs(Some(there)) if there.version == 2));

    assert!(write(theirs.as_ref(), vec![Change::Put(put(ROOMS, "a", "1"))]).await.is_err());
    assert!(theirs.put_if(put(ROOMS, "a", "1"), Expected::Absent, now()).await.is_err());
    assert!(theirs.delete_expired(now(), 1).await.is_err());
    beside.close().await.expect("it closes");
    store.close().await.expect("it closes");
    assert_eq!(integrity_check(folder.path()).expect("a check"), Vec::<String>::new());
}

#[tokio::test]
async fn erased_bytes_vanish_from_the_files() {
    let folder = folder();
    let store = open(folder.path());
    let documents = store.documents();
    let needle = |n: usize| format!("needle-{:x}-{n}", u64::MAX / 7);
    let filler = |n: usize| put(KEYS, &format!("filler {n}"), &format!("\"{}\"", "y".repeat(n * 37 % 900)));
    // Among others and of many sizes, so that pages are split and cells are moved about before they are deleted.
    let mut secrets = Vec::new();
    for n in 0..300 {
        let id = format!("{n:03} {}", needle(n));
        let body = format!("\"{}\"", needle(n).repeat(1 + n * 13 % 400));
        let secret = Put { id: id.clone(), ..put(KEYS, &needle(n), &body) };
        write(documents.as_ref(), vec![Change::Put(filler(n)), Change::Put(secret)]).await.expect("a write");
        secrets.push(id);
    }
    for n in 0..300 {
        write(documents.as_ref(), vec![Change::Put(filler(n + 150))]).await.expect("a write");
    }
    assert!(holds(folder.path(), "needle-") > 0);
    for id in &secrets[..150] {
        let delete = vec![Change::Delete { collection: KEYS, id: id.clone() }];
        write(documents.as_ref(), delete).await.expect("a write");
    }
    let overwrite = |id: &String| Change::Put(Put { id: id.clone(), ..put(KEYS, "plain", "1") });
    write(documents.as_ref(), secrets[150..].iter().map(overwrite).collect()).await.expect("a write");
    let delete = |id: &String| Change::Delete { collection: KEYS, id: id.clone() };
    write(documents.as_ref(), secrets[150..].iter().map(delete).collect()).await.expect("a write");
    store.purge().await.expect("the files are purged");
    assert_eq!(holds(folder.path(), "needle-"), 0, "erased bytes are still in the files");
    assert!(holds(folder.path(), "filler 9") > 0);
}

/// How often a text occurs in the raw files of a folder.
fn holds(folder: &Path, text: &str) -> usize {
    let files = std::fs::read_dir(folder).expect("the folder");
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let bytes = std::fs::read(entry.expect("a file").path()).expect("its bytes");
        bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    };
    files.map(count).sum()
}

#[tokio::test]
async fn a_backup_is_one_moment_of_a_selling_shop() {
    let folder = folder();
    let store = open(folder.path());
    let body = format!("\"{}\"", "x".repeat(3_000));
    for n in 0..40 {
        let groups = (0..50).map(|k| group(&format!("{n} {k}"), 0, &body)).collect();
        store.log().append(batch(n, groups)).await.expect("an append");
    }
    let (log, documents) = (store.log(), store.documents());
    let selling = tokio::spawn(async move {
        for n in 100.. {
            let appended = log.append(batch(n, vec![group("hall", n - 100, "{}")])).await;
            let change = vec![Change::Put(put(KEYS, "count", &(n - 99).to_string()))];
            if appended.is_err() || write(documents.as_ref(), change).await.is_err() {
                break;
            }
        }
    });
    let (from, target) = (folder.path().to_owned(), folder.path().join("backup.db"));
    let to = target.clone();
    let (size, told) = crate::blocking::on_a_thread(move || {
        let mut told = Vec::new();
        let size = backup(&from, &to, |done, total| told.push((done, total))).expect("a backup");
        assert!(backup(&from, &to, |_, _| ()).is_err(), "an older backup is not overwritten");
        (size, told)
    })
    .await
    .expect("no panic");
    assert_eq!(size, std::fs::metadata(&target).expect("the file").len());
    assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
    assert!(told.last().is_some_and(|(done, total)| done == total));
    store.close().await.expect("it closes");
    selling.await.expect("no panic");

    let restored = folder.path().join("restored");
    std::fs::create_dir(&restored).expect("a folder");
    std::fs::rename(target, restored.join("shop.db")).expect("the backup in its place");
    assert_eq!(integrity_check(&restored).expect("a check"), Vec::<String>::new());
    let store = open(&restored);
    let facts = store.log().read_stream(&lamp("hall"), 0, usize::MAX).await.expect("the stream").len() as u64;
    let count = store.documents().get(KEYS, "count", now()).await.expect("an answer");
    let count: u64 = count.map_or(0, |count| count.read().expect("a number"));
    assert!(facts == count || facts == count + 1, "{facts} facts and a count of {count} are no moment of the shop");
    store.log().append(batch(9_999_999, vec![group("hall", facts, "{}")])).await.expect("the shop goes on");
}

#[tokio::test]
async fn the_wal_is_kept_small() {
    let folder = folder();
    let options = Options { wal_checkpoint_bytes: 256 << 10, wal_restart_bytes: 1 << 20, ..Options::default() };
    let store = Sqlite::open(folder.path(), &options).expect("the store opens");
    let body = format!("\"{}\"", "x".repeat(20_000));
    let mut largest = 0;
    for n in 0..1_000 {
        let change = vec![Change::Put(put(KEYS, &(n % 10).to_string(), &body))];
        write(store.documents().as_ref(), change).await.expect("a write");
        largest = largest.max(std::fs::metadata(folder.path().join("shop.db-wal")).expect("the WAL").len());
    }
    let checkpoints = &store.stats().checkpoints;
    assert!(checkpoints.passive.load(Ordering::Relaxed) > 3);
    assert!(largest < 6 << 20, "the WAL grew to {largest} bytes");
    store.close().await.expect("it closes");
    let left = std::fs::metadata(folder.path().join("shop.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_read_that_takes_too_long_ends() {
    let readers = Readers::start(vec![rusqlite::Connection::open_in_memory().expect("a connection")], Duration::ZERO)
        .expect("the threads start");
    let endless = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n";
    let answer = readers.run(move |reader| Ok(reader.conn.query_row(endless, [], |row| row.get::<_, i64>(0))?)).await;
    let Err(StoreError::Unavailable(text)) = answer else { panic!("expected an end, found {answer:?}") };
    assert!(text.contains("too long"), "{text}");
    let short = readers.run(|reader| Ok(reader.conn.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?)).await;
    assert_eq!(short.expect("the next read is answered"), 1);
}
