//! The second level of caches, in a real Redis.
//! It does not know what is cached.

use std::time::Duration;

use platform::cache::{Found, Moment, SecondLevel, SharedShelf};
use testkit::mart::eventually;
use testkit::redis::RedisServer;

use super::{PATIENCE, open, options, trouble, well};

const MINUTE: Duration = Duration::from_secs(60);

fn tags(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn missing(shelf: &dyn SharedShelf, key: &str) -> Moment {
    match shelf.get(key).await {
        Some(Found::Missing(moment)) => moment,
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test]
async fn it_keeps_what_every_shelf_must_keep() {
    let server = RedisServer::start().await;
    let (one, other) = (open(options(&server)).await.shelf(), open(options(&server)).await.shelf());
    testkit::contract::shelf::all(&*one, &*other).await;
}

/// What a node could not tell the others, outdates all that they share as soon as it can.
#[tokio::test]
async fn nothing_outdated_survives_an_outage() {
    let server = RedisServer::start().await;
    let (one, other) = (open(options(&server)).await, open(options(&server)).await);
    let (at_one, at_other) = (SecondLevel::start(one.shelf(), "x"), SecondLevel::start(other.shelf(), "x"));
    let Some(Found::Missing(began)) = at_one.get("k").await else { panic!("nothing is there yet") };
    at_one.put("k", began, b"old", MINUTE, &tags(&["t"])).await;
    assert_eq!(at_other.get("k").await, Some(Found::Value("old".into())));
    server.freeze();
    at_one.forget(["t"]);
    assert_eq!(at_one.get("k").await, None);
    trouble(&one, "no answer").await;
    server.thaw();
    well(&one).await;
    eventually("the other knows", PATIENCE, async || match at_other.get("k").await {
        Some(Found::Missing(_)) => Some(()),
        _ => None,
    })
    .await;
    eventually("all is as before", PATIENCE, async || match at_one.get("k").await {
        Some(Found::Missing(began)) => {
            at_one.put("k", began, b"new", MINUTE, &tags(&["t"])).await;
            None
        }
        Some(Found::Value(value)) => (value == "new").then_some(()),
        None => None,
    })
    .await;
    assert_eq!(at_other.get("k").await, Some(Found::Value("new".into())));
}

/// A full Redis gives what it has, and takes nothing.
#[tokio::test]
async fn a_full_shelf_takes_nothing_more() {
    let server = RedisServer::start().await;
    let redis = open(options(&server)).await;
    let shelf = redis.shelf();
    let began = missing(&*shelf, "k").await;
    assert!(shelf.put("k", began, b"v", MINUTE, &[]).await);
    let other = missing(&*shelf, "other").await;
    server.set_full(true).await;
    assert!(!shelf.put("other", other, b"v", MINUTE, &[]).await);
    assert_eq!(shelf.get("k").await, Some(Found::Value("v".into())));
    trouble(&redis, "full").await;
    server.set_full(false).await;
    well(&redis).await;
    assert!(shelf.put("other", other, b"v", MINUTE, &[]).await);
}
