//! Redis as nodes meet it: shared, slow, full, frozen, gone and back. It is a real one, each time.
//! It does not know a shop; that a shop sells on is tested with the shop.

mod presence;
mod shelf;

use std::sync::Arc;
use std::time::Duration;

use adapters::redis::{Options, Redis};
use platform::http::metrics::Registry;
use platform::http::rate::{Client, Policy, RateLimiter, Sharing, Spent};
use testkit::mart::eventually;
use testkit::redis::RedisServer;
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_millis(100);
/// Longer than anything takes that is not broken, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

fn options(server: &RedisServer) -> Options {
    Options {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: None,
        password: None,
        database: 0,
        is_encrypted: false,
        ca_file: None,
        timeout: TIMEOUT,
        prefix: "test".to_owned(),
    }
}

async fn open(options: Options) -> Redis {
    let redis = Redis::start(options).expect("settings that can work");
    assert!(redis.wait_until_up(PATIENCE).await, "{:?}", redis.trouble());
    redis
}

fn limiter(redis: &Redis, quota: u32) -> RateLimiter {
    let policy = Policy { name: "requests", quota, window: Duration::from_secs(3_600) };
    RateLimiter::new(policy).sharing(Sharing(Some(redis.buckets())))
}

const CLIENT: [Client<'static>; 1] = [Client::Key("one")];

async fn trouble(redis: &Redis, wanted: &str) {
    eventually(&format!("it says {wanted}"), PATIENCE, async || {
        redis.trouble().filter(|trouble| trouble.contains(wanted)).map(|_| ())
    })
    .await;
}

async fn well(redis: &Redis) {
    assert!(redis.wait_until_up(PATIENCE).await, "{:?}", redis.trouble());
    assert_eq!(redis.trouble(), None);
}

#[tokio::test]
async fn nodes_spend_from_one_bucket() {
    let server = RedisServer::start().await;
    let nodes = [open(options(&server)).await, open(options(&server)).await];
    let limiters: Vec<RateLimiter> = nodes.iter().map(|node| limiter(node, 5)).collect();
    let mut left = Vec::new();
    for nth in 0..5 {
        left.push(limiters[nth % 2].spend(&CLIENT).await.remaining);
    }
    assert_eq!(left, [4, 3, 2, 1, 0]);
    let refused = limiters[1].spend(&CLIENT).await;
    let retry_in = refused.retry_in.expect("the sixth of five");
    assert!((700..=720).contains(&retry_in.as_secs()), "{retry_in:?}");
    assert!((3_590..=3_600).contains(&refused.full_in.as_secs()), "{refused:?}");
    // By key, by user, by address: all or none.
    let address = Client::Address("2001:db8::7".parse().expect("an address"));
    assert!(limiters[0].spend(&[address, CLIENT[0]]).await.is_refused());
    assert_eq!(limiters[0].spend(&[address, Client::User("one")]).await.remaining, 4, "a refusal costs nothing");
    // At once, and not one too many.
    let all = futures::future::join_all((0..40).map(|nth| {
        let limiter = &limiters[nth % 2];
        async move { limiter.spend(&[Client::Key("many")]).await.is_refused() }
    }));
    assert_eq!(all.await.iter().filter(|is_refused| !*is_refused).count(), 5);
    let keys = server.ask(&["KEYS", "*"]).await;
    assert!(keys.contains("test:rate:requests:") && !keys.contains("2001"), "{keys}");
}

#[tokio::test]
async fn what_is_given_back_at_one_node_can_be_spent_at_the_other() {
    let server = RedisServer::start().await;
    let nodes = [open(options(&server)).await, open(options(&server)).await];
    let [one, other] = [limiter(&nodes[0], 3), limiter(&nodes[1], 3)];
    for _ in 0..3 {
        assert!(!one.spend(&CLIENT).await.is_refused());
    }
    assert!(other.spend(&CLIENT).await.is_refused());
    other.give_back(&CLIENT).await;
    assert!(!one.spend(&CLIENT).await.is_refused());
    assert!(one.spend(&CLIENT).await.is_refused());
    for _ in 0..5 {
        one.give_back(&CLIENT).await;
    }
    assert_eq!(server.ask(&["EXISTS", &rate_key(&server).await]).await, ":0\r\n");
    assert_eq!(other.spend(&CLIENT).await.remaining, 2, "no more than full");
}

/// Of the one bucket that was there, or nothing.
async fn rate_key(server: &RedisServer) -> String {
    let keys = server.ask(&["KEYS", "test:rate:*"]).await;
    keys.lines().find(|line| line.starts_with("test:rate:")).unwrap_or("none").to_owned()
}

/// Spends so often, and answers with how long all of it took.
async fn took(limiter: &RateLimiter, times: u32) -> (Duration, Vec<Spent>) {
    let began = Instant::now();
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(limiter.spend(&CLIENT).await);
    }
    (began.elapsed(), all)
}

#[tokio::test]
async fn a_frozen_redis_makes_few_wait_and_helps_again_when_it_thaws() {
    let server = RedisServer::start().await;
    let (one, other) = (open(options(&server)).await, open(options(&server)).await);
    let (limiter, others) = (limiter(&one, 1_000), limiter(&other, 1_000));
    took(&limiter, 10).await;
    assert_eq!(others.spend(&CLIENT).await.remaining, 989);
    server.freeze();
    let (time, spent) = took(&limiter, 200).await;
    // A few wait in vain; then nobody waits.
    assert!(time < 6 * TIMEOUT, "{time:?}");
    assert_eq!(spent.last().map(|spent| spent.remaining), Some(790), "it counts what it saw itself");
    trouble(&one, "no answer within 100 ms").await;
    server.thaw();
    well(&one).await;
    let now = limiter.spend(&CLIENT).await.remaining;
    assert!((980..=988).contains(&now), "what both spent, and not what one spent alone: {now}");
}

#[tokio::test]
async fn a_redis_that_is_gone_keeps_nobody_waiting_and_is_found_when_it_is_back() {
    let mut server = RedisServer::start().await;
    let redis = open(options(&server)).await;
    let (limiter, registry) = (limiter(&redis, 1_000), Registry::new());
    redis.show_in(&registry);
    took(&limiter, 10).await;
    server.end();
    trouble(&redis, "").await;
    let (time, spent) = took(&limiter, 100).await;
    assert!(time < TIMEOUT, "{time:?}");
    assert_eq!(spent[99].remaining, 890);
    let shown = registry.render();
    assert!(shown.contains("redis_up 0"), "{shown}");
    assert!(!shown.contains("redis_questions_total{outcome=\"unasked\"} 0"), "{shown}");
    server.run().await;
    well(&redis).await;
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 999, "it came back empty");
    assert!(registry.render().contains("redis_up 1"));
    assert!(registry.render().contains("redis_connections_total 2"));
}

#[tokio::test]
async fn a_shop_starts_without_redis_and_finds_it_later() {
    let mut server = RedisServer::start().await;
    server.end();
    let redis = Redis::start(options(&server)).expect("settings that can work");
    let limiter = limiter(&redis, 10);
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 9);
    trouble(&redis, "refused").await;
    server.run().await;
    well(&redis).await;
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 9);
}

#[tokio::test]
async fn a_full_redis_is_done_without_until_there_is_room() {
    let server = RedisServer::start().await;
    let redis = open(options(&server)).await;
    let limiter = limiter(&redis, 10);
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 9);
    server.set_full(true).await;
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 8);
    trouble(&redis, "full").await;
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 7);
    server.set_full(false).await;
    well(&redis).await;
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 8, "what Redis counted");
}

/// A primary that became a replica is left alone, though not asked all the time, until it takes what is written again.
#[tokio::test]
async fn a_redis_that_may_only_be_read_is_done_without() {
    let server = RedisServer::start().await;
    let redis = open(options(&server)).await;
    let (limiter, registry) = (limiter(&redis, 1_000), Registry::new());
    redis.show_in(&registry);
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 999);
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
    trouble(&redis, "READONLY").await;
    assert_eq!(limiter.spend(&CLIENT).await.remaining, 998);
    let began = Instant::now();
    eventually("it was tried six times", PATIENCE, async || {
        let shown = registry.render();
        let tried = shown.lines().find_map(|line| line.strip_prefix("redis_connections_total "))?;
        (tried.parse::<u32>().ok()? > 6).then_some(())
    })
    .await;
    assert!(began.elapsed() > Duration::from_millis(400), "{:?}", began.elapsed());
    server.ask(&["REPLICAOF", "NO", "ONE"]).await;
    well(&redis).await;
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_taught_again() {
    let server = RedisServer::start().await;
    let redis = open(options(&server)).await;
    let limiter = limiter(&redis, 10);
    limiter.spend(&CLIENT).await;
    server.ask(&["SCRIPT", "FLUSH"]).await;
    limiter.spend(&CLIENT).await;
    eventually("it is asked again", PATIENCE, async || {
        let seen = server.ask(&["SCRIPT", "LOAD", "return 1"]).await;
        (seen.starts_with('$') && redis.trouble().is_none()).then_some(())
    })
    .await;
    well(&redis).await;
    let spent = limiter.spend(&CLIENT).await;
    assert!((6..=8).contains(&spent.remaining), "{spent:?}");
}

/// Whoever goes away in the middle of a question takes nobody's answer along.
#[tokio::test]
async fn giving_up_leaves_nothing_behind() {
    let server = RedisServer::start().await;
    let redis = open(options(&server)).await;
    let limiter = Arc::new(limiter(&redis, 100_000));
    for round in 0..200_u64 {
        let quick = Duration::from_micros(round * 3);
        let _ = tokio::time::timeout(quick, limiter.spend(&[Client::Key("impatient")])).await;
        let key = format!("patient-{round}");
        assert_eq!(limiter.spend(&[Client::Key(&key)]).await.remaining, 99_999);
    }
    assert_eq!(redis.trouble(), None);
}

#[tokio::test]
async fn a_password_is_asked_for_and_never_told() {
    let server = RedisServer::start_with(&["--requirepass", "hush-hush"]).await;
    let with = |password: Option<&str>| Options { password: password.map(ToOwned::to_owned), ..options(&server) };
    let redis = open(with(Some("hush-hush"))).await;
    assert_eq!(limiter(&redis, 10).spend(&CLIENT).await.remaining, 9);
    for wrong in [None, Some("hush-hash")] {
        let redis = Redis::start(with(wrong)).expect("settings that can work");
        trouble(&redis, "uthentication").await;
        let told = format!("{:?} {:?}", redis.trouble(), with(wrong));
        assert!(!told.contains("hush"), "{told}");
    }
}

#[tokio::test]
async fn it_is_spoken_to_in_secret() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = RedisServer::start_encrypted().await;
    let encrypted = |host: &str, ca_file: Option<std::path::PathBuf>| Options {
        host: host.to_owned(),
        is_encrypted: true,
        ca_file,
        timeout: Duration::from_millis(500),
        ..options(&server)
    };
    let redis = open(encrypted("localhost", Some(server.authority()))).await;
    assert_eq!(limiter(&redis, 10).spend(&CLIENT).await.remaining, 9);
    for (host, authority) in [("localhost", None), ("127.0.0.1", Some(server.authority()))] {
        let redis = Redis::start(encrypted(host, authority)).expect("settings that can work");
        trouble(&redis, "certificate").await;
        assert!(!redis.wait_until_up(TIMEOUT).await);
    }
    assert!(Redis::start(encrypted("localhost", Some("/none".into()))).is_err());
}
