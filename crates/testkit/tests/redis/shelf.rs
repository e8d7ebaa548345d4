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
async fn values_are_shared_until_one_of_their_tags_is_forgotten() {
    let server = RedisServer::start().await;
    let (one, other) = (open(options(&server)).await.shelf(), open(options(&server)).await.shelf());
    let began = missing(&*one, "k").await;
    let value = b"\0\xff\r\nbytes\n".as_slice();
    assert!(one.put("k", began, value, MINUTE, &tags(&["a", "b c"])).await);
    assert_eq!(other.get("k").await, Some(Found::Value(value.into())));
    assert!(other.forget(&tags(&["unknown"])).await);
    assert_eq!(one.get("k").await, Some(Found::Value(value.into())));
    assert!(other.forget(&tags(&["b c"])).await);
    let late = missing(&*one, "k").await;
    assert!(late.0 > began.0);
    // Begun before somebody forgot, put after it: it stays out.
    assert!(!one.put("k", began, value, MINUTE, &tags(&["b c"])).await);
    assert!(one.put("k", late, value, MINUTE, &tags(&["b c"])).await);
    assert!(one.forget_all().await);
    missing(&*other, "k").await;
    assert!(!one.put("k", late, value, MINUTE, &[]).await);
    let short = missing(&*one, "k").await;
    assert!(one.put("k", short, value, Duration::from_millis(20), &[]).await);
    eventually("its time is over", PATIENCE, async || {
        matches!(one.get("k").await, Some(Found::Missing(_))).then_some(())
    })
    .await;
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
