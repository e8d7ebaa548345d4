//! The stored format holds still: what an older version wrote is read, and what is written is what it wrote.
//! The files in `golden/` are never edited. A new schema gets a new one.

use std::fmt::Write;

use platform::documents::{Change, Checkpoint, Put, Query, Range, WriteBatch};
use platform::log::{Cause, DEFAULT_SHARDS, Snapshot};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;

const GOLDEN: &str = include_str!("../../../golden/sqlite-v1.sql");

/// A little of everything that is stored.
async fn fill(store: &Sqlite) {
    let (log, documents) = (store.log(), store.documents());
    let traced = Cause {
        actor: "staff:7".into(),
        trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        command: "light".into(),
    };
    let mut first = group("hall.1", 0, "{\"watt\":40}");
    first.cause = traced;
    let mut second = group("가", 0, "{}");
    second.streams.push(StreamAppend { stream: StreamId::new("bulb", "hall.1"), expected: 0, facts: Vec::new() });
    second.streams.extend(group("hall.1", 1, "{\"watt\":60}").streams);
    log.append(batch(1, vec![first, second, group("hall.1", 0, "{}")])).await.expect("an append");
    assert!(log.find_append(batch(2, Vec::new()).id).await.expect("an answer").is_none());
    log.fence(5, ShardState::Fenced).await.expect("fencing");
    let snapshot =
        Snapshot { stream: lamp("hall.1"), version: 2, time: now(), state_version: 3, body: "{\"watt\":100}".into() };
    log.save_snapshot(snapshot).await.expect("a snapshot");
    let mut changes = vec![Change::Put(put(ROOMS, "hall", "{\"size\":1}")), Change::Put(put(ROOMS, "attic", "{}"))];
    changes.push(Change::Put(Put { expires: Some(now()), ..put(KEYS, "hall", "\"old\"") }));
    changes.push(Change::Put(put(ROOMS, "hall", "{\"size\":2}")));
    let checkpoints = vec![Checkpoint::first("rooms", 3, 9)];
    documents.write(WriteBatch { changes, checkpoints }).await.expect("a write");
}

/// The file as SQL.
fn dump(conn: &Connection) -> String {
    let mut text = String::new();
    for pragma in ["application_id", "user_version"] {
        let value: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0)).expect("a pragma");
        writeln!(text, "PRAGMA {pragma} = {value};").expect("a text grows");
    }
    let mut objects = conn
        .prepare("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")
        .expect("the schema");
    let objects = objects.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("the schema");
    let objects: Vec<(String, String, String)> = objects.map(|object| object.expect("an object")).collect();
    for (name, kind, sql) in &objects {
        writeln!(text, "{sql};").expect("a text grows");
        if kind == "table" {
            text.push_str(&rows(conn, name));
        }
    }
    text
}

fn rows(conn: &Connection, table: &str) -> String {
    let mut select = conn.prepare(&format!("SELECT * FROM {table}")).expect("a table");
    let columns = select.column_count();
    let mut rows: Vec<String> = select
        .query_map([], |row| {
            let values: Vec<String> = (0..columns).map(|n| row.get(n).map(literal)).collect::<Result<_, _>>()?;
            Ok(format!("INSERT INTO {table} VALUES ({});\n", values.join(", ")))
        })
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    if table == "shards" {
        rows.retain(|row| !row.ends_with(", 1, 0);\n") || row.contains("(0,"));
    }
    rows.concat()
}

fn literal(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        }
    }
}

#[tokio::test]
async fn what_is_written_is_golden() {
    let folder = folder();
    let options = Options { shards: DEFAULT_SHARDS, ..Options::default() };
    let store = Sqlite::open(folder.path(), &options).expect("the store opens");
    fill(&store).await;
    store.close().await.expect("it closes");
    let conn = schema::open_readable(&folder.path().join(schema::FILE_NAME), 100).expect("the file");
    let written = dump(&conn);
    assert!(written == GOLDEN, "the stored format has changed; it is now:\n{written}");
}

#[tokio::test]
async fn what_was_written_is_read() {
    let folder = folder();
    let conn = Connection::open(folder.path().join(schema::FILE_NAME)).expect("a file");
    conn.execute_batch(GOLDEN).expect("the golden file");
    // The dump leaves out all but two of the shards, which are alike.
    conn.execute_batch(
        "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 63)
        INSERT OR IGNORE INTO shards SELECT n, 1, 0 FROM n",
    )
    .expect("the shards");
    conn.close().expect("it closes");

    let store = open(folder.path());
    let (log, documents) = (store.log(), store.documents());
    let facts = log.read_stream(&lamp("hall.1"), 0, 9).await.expect("the stream");
    let bodies: Vec<&str> = facts.iter().map(|fact| &*fact.body).collect();
    assert_eq!(bodies, ["{\"watt\":40}", "{\"watt\":60}"]);
    assert_eq!((&*facts[0].type_name, facts[0].schema, facts[0].time), ("lamp.lit", 1, now()));
    assert_eq!((&*facts[0].cause.actor, &*facts[0].cause.command), ("staff:7", "light"));
    assert_eq!(facts[0].cause.trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    let in_shard = log.read_shard(lamp("가").shard(64), 0, 9).await.expect("the shard");
    assert_eq!((in_shard[0].stream.clone(), in_shard[0].position), (lamp("가"), 1));
    let outcomes = log.find_append(batch(1, Vec::new()).id).await.expect("an answer").expect("it happened");
    assert_eq!((outcomes.len(), committed(&outcomes)), (3, 2));
    assert!(log.append(batch(2, Vec::new())).await.is_err(), "it was given up");
    let fenced = log.shards().await.expect("the shards")[5];
    assert_eq!((fenced.epoch, fenced.state), (2, ShardState::Fenced));
    let snapshot = log.load_snapshot(&lamp("hall.1")).await.expect("an answer").expect("a snapshot");
    assert_eq!((snapshot.version, snapshot.state_version, &*snapshot.body), (2, 3, "{\"watt\":100}"));

    let page = documents.query(Query::new(ROOMS, "by_id", Range::all()), now()).await.expect("a page");
    let rooms: Vec<_> = page.documents.iter().map(|room| (&*room.id, room.version, &*room.body)).collect();
    assert_eq!(rooms, [("attic", 1, "{}"), ("hall", 2, "{\"size\":2}")]);
    assert_eq!(documents.get(KEYS, "hall", now()).await.expect("an answer"), None);
    assert_eq!(documents.delete_expired(now(), 9).await.expect("an answer"), 1);
    assert_eq!(documents.checkpoints("rooms").await.expect("an answer")[0].position, 9);
}
