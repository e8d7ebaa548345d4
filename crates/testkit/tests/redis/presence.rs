//! Presence in a real Redis.
//! It does not know who anybody is.

use platform::presence::{Known, Presence};
use testkit::mart::eventually;
use testkit::redis::RedisServer;
use tokio::time::Instant;

use super::{PATIENCE, TIMEOUT, open, options, trouble, well};

#[tokio::test]
async fn it_keeps_what_all_presence_must_keep() {
    let server = RedisServer::start().await;
    let (one, other) = (open(options(&server)).await.presence(), open(options(&server)).await.presence());
    testkit::contract::presence::all(&*one, &*other).await;
    // All of it goes by itself.
    let keys = server.ask(&["KEYS", "test:*"]).await;
    for key in keys.lines().filter(|line| line.starts_with("test:")) {
        assert!(!server.ask(&["PTTL", key]).await.starts_with(":-"), "{key} stays for ever");
    }
    assert!(keys.contains("test:there:") && keys.contains("test:came:"), "{keys}");
}

fn who(known: &Known<Vec<platform::presence::Present>>) -> Vec<&str> {
    known.value.iter().map(|present| present.who.as_str()).collect()
}

#[tokio::test]
async fn nobody_waits_for_a_redis_that_is_frozen_gone_or_full() {
    let mut server = RedisServer::start().await;
    let (at_one, at_other) = (open(options(&server)).await, open(options(&server)).await);
    let one = Presence::start(Some(at_one.presence()), || false);
    let other = Presence::start(Some(at_other.presence()), || false);
    let both = async || {
        one.enter("lamp", "ada", "1").await;
        let seen = other.enter("lamp", "bob", "1").await;
        one.came(1, || true);
        other.came(2, || true);
        (who(&seen) == ["ada", "bob"] && seen.is_whole && one.count().await.is_whole).then_some(())
    };
    eventually("both see each other", PATIENCE, both).await;
    eventually("both are counted", PATIENCE, async || (one.count().await.value == 2).then_some(())).await;

    server.freeze();
    let began = Instant::now();
    for _ in 0..100 {
        let seen = one.enter("lamp", "ada", "1").await;
        assert_eq!((who(&seen), seen.is_whole), (vec!["ada"], false));
        assert_eq!(one.count().await, Known { value: 1, is_whole: false });
    }
    assert!(began.elapsed() < 8 * TIMEOUT, "{:?}", began.elapsed());
    server.thaw();
    well(&at_one).await;
    well(&at_other).await;
    eventually("both see each other", PATIENCE, both).await;

    server.end();
    trouble(&at_one, "").await;
    assert_eq!(who(&one.enter("lamp", "ada", "1").await), ["ada"]);
    one.came(3, || true);
    server.run().await;
    well(&at_one).await;
    well(&at_other).await;
    eventually("both see each other", PATIENCE, both).await;
    assert!(one.count().await.value >= 2, "what it has seen itself counts, though Redis began anew");

    server.set_full(true).await;
    let seen = eventually("it is full", PATIENCE, async || {
        let seen = one.enter("other lamp", "ada", "1").await;
        (!seen.is_whole).then_some(seen)
    })
    .await;
    assert_eq!(who(&seen), ["ada"]);
    server.set_full(false).await;
    well(&at_one).await;
    eventually("both see each other", PATIENCE, both).await;
}
