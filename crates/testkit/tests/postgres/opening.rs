//! Opening a store: who makes it, and which ones are refused.

use std::time::Duration;

use adapters::postgres::{OpenError, Options, Postgres};
use platform::documents::{Change, Collection, Put, WriteBatch};
use platform::log::{GroupOutcome, StreamId};
use testkit::contract::log::{Pen, facts, group};
use testkit::engines::OnPostgres;
use testkit::postgres::Server;

#[tokio::test]
async fn of_nodes_that_start_at_once_one_makes_the_store() {
    let options = OnPostgres::default().fresh_options();
    let nodes = futures::future::join_all((0..6).map(|_| Postgres::connect(&options))).await;
    for node in nodes {
        let pen = Pen::on(node.expect("every node opens the store").log()).await;
        assert_eq!(pen.epochs.len(), 64);
    }
    let other = Options { shards: 8, ..options };
    let shards = Postgres::connect(&other).await.expect("the store opens").log().shards().await.expect("the shards");
    assert_eq!(shards.len(), 64, "a store keeps its own number of shards");
}

#[tokio::test]
async fn a_store_of_another_version_is_refused() {
    let options = OnPostgres::default().fresh_options();
    Postgres::connect(&options).await.expect("a new store").close().await.expect("it closes");
    Server::shared().sql(&format!("UPDATE {}.meta SET format = 2", options.schema));
    let refused = Postgres::connect(&options).await.err().expect("a refusal");
    assert!(matches!(refused, OpenError::OtherVersion { found: 2, known: 1 }), "{refused}");
}

#[tokio::test]
async fn a_store_of_an_older_release_gets_the_functions_that_it_lacks() {
    const ROOMS: Collection = Collection::derived("rooms");
    let options = OnPostgres::default().fresh_options();
    Postgres::connect(&options).await.expect("a new store").close().await.expect("it closes");
    let function = format!("{}.write_documents_v2", options.schema);
    Server::shared().sql(&format!("ALTER FUNCTION {function} RENAME TO write_documents_v1"));
    let store = Postgres::connect(&options).await.expect("the store opens");
    let (id, body) = ("a".to_owned(), "{}".into());
    let changes = vec![Change::Put(Put { collection: ROOMS, id, body, entries: Vec::new(), expires: None })];
    store.documents().write(WriteBatch { changes, checkpoints: Vec::new() }).await.expect("it is written");
    let older = format!("SELECT to_regproc('{}.write_documents_v1') IS NOT NULL", options.schema);
    assert_eq!(Server::shared().sql(&older), "t", "nodes of the older release have theirs");
}

#[tokio::test]
async fn a_schema_of_something_else_is_refused() {
    let options = OnPostgres::default().fresh_options();
    let schema = &options.schema;
    Server::shared().sql(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.wares (name text)"));
    let refused = Postgres::connect(&options).await.err().expect("a refusal");
    assert!(matches!(refused, OpenError::Foreign(_)), "{refused}");
    // Others have a table of that name, too.
    for meta in [
        "meta (key text, value text)",
        "meta (format text, shards text); INSERT INTO {schema}.meta VALUES ('a', 'b')",
        "meta (format integer, shards integer)",
        "meta (format integer, shards integer); INSERT INTO {schema}.meta VALUES (1, 16), (1, 16)",
    ] {
        let meta = meta.replace("{schema}", schema);
        Server::shared().sql(&format!("CREATE TABLE {schema}.{meta}"));
        let refused = Postgres::connect(&options).await.err().expect("a refusal").to_string();
        assert!(refused.contains(&**schema) && refused.ends_with("; name another schema"), "{meta}: {refused}");
        Server::shared().sql(&format!("DROP TABLE {schema}.meta"));
    }
    // An empty one, which an administrator made for us, is taken.
    Server::shared().sql(&format!("DROP TABLE {schema}.wares"));
    Postgres::connect(&options).await.expect("a new store");
}

#[tokio::test]
async fn who_cannot_be_reached_is_told() {
    let engine = OnPostgres::default();
    let wait = Duration::from_millis(300);
    let closed = Options { url: "postgres://postgres@127.0.0.1:1/postgres".into(), wait, ..engine.fresh_options() };
    assert!(matches!(Postgres::connect(&closed).await.err(), Some(OpenError::Unreachable(_))));
    let url = engine.server.url().replace("/postgres", "/nothing").replace("//nothing", "//postgres");
    let missing = Options { url, ..engine.fresh_options() };
    let refused = Postgres::connect(&missing).await.err().expect("a refusal");
    assert!(refused.to_string().contains("does not exist"), "{refused}");
}

/// Two shops in one database do not see each other, nor wait for each other.
#[tokio::test]
async fn two_stores_share_a_database() {
    let engine = OnPostgres::default();
    let hall = StreamId::new("lamp", "hall");
    for _ in 0..2 {
        let store = Postgres::connect(&engine.fresh_options()).await.expect("a new store");
        let outcomes = Pen::on(store.log()).await.append(vec![group([facts(&hall, 0, 1)])]).await;
        assert!(matches!(outcomes[0], GroupOutcome::Committed(_)));
    }
}

#[tokio::test]
async fn connections_are_encrypted_and_the_server_is_known() {
    let (server, authority) = Server::encrypted();
    let (_, stranger) = Server::encrypted();
    let options = |ca: Option<String>| Options { url: server.url(), ca, wait: Duration::from_millis(500), ..fresh() };
    let plain = Postgres::connect(&options(None)).await.err().expect("a refusal");
    assert!(plain.to_string().contains("no encryption"), "{plain}");
    let unknown = Postgres::connect(&options(Some(stranger))).await.err().expect("a refusal");
    assert!(matches!(unknown, OpenError::Unreachable(_)), "{unknown}");
    let store = Postgres::connect(&options(Some(authority))).await.expect("a new store");
    Pen::on(store.log()).await.write(&StreamId::new("lamp", "hall"), 0, 1).await;
}

fn fresh() -> Options {
    OnPostgres::default().fresh_options()
}
