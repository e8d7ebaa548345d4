//! A shop that shares what it could do without: with Redis, and when Redis is slow, full, frozen or gone.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::mart::{Mart, Plan, eventually};
use testkit::redis::RedisServer;
use tokio::time::Instant;

use crate::{CLOUDMART, PATIENCE};

/// Settings in a folder that goes away with the test.
struct Settings(TempDir);

impl Settings {
    /// With the same master key for all: nodes of one shop.
    fn new(redis: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("master.key");
        std::fs::write(&key, "5".repeat(64)).expect("a key");
        let settings = format!("master_key_file = {key:?}\n[redis]\nurl = \"{redis}\"\ntimeout_ms = 100\n{more}");
        std::fs::write(folder.path().join("shop.toml"), settings).expect("settings");
        Self(folder)
    }

    fn plan(&self) -> Plan {
        let path = self.0.path().join("shop.toml");
        Plan::empty(CLOUDMART).argument("--config").argument(path.to_string_lossy())
    }
}

async fn readiness(mart: &Mart) -> Value {
    mart.get("/health/ready").send().await.expect(200).body
}

async fn degraded(mart: &Mart, wanted: &str) {
    eventually(&format!("it says {wanted}"), PATIENCE, async || {
        let ready = readiness(mart).await;
        let told = ready["degraded"][0].as_str().unwrap_or_default().to_owned();
        (ready["status"] == "ready" && told.starts_with("redis: ") && told.contains(wanted)).then_some(())
    })
    .await;
}

async fn is_well(mart: &Mart) {
    eventually("all is well", PATIENCE, async || (readiness(mart).await == json!({"status": "ready"})).then_some(()))
        .await;
}

#[tokio::test]
async fn a_shop_sells_on_whatever_becomes_of_redis() {
    let mut server = RedisServer::start().await;
    let limits = "[http]\nrate_limit_per_minute = 100000\nrate_limit_on_loopback = true\n";
    let settings = Settings::new(&server.url(), limits);
    let mart = Mart::open_as(settings.plan()).await;
    mart.product("LAMP", 1_000, 1_000).await;
    is_well(&mart).await;
    mart.buy("LAMP", 1).await;

    server.freeze();
    for _ in 0..10 {
        let began = Instant::now();
        mart.buy("LAMP", 1).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
    degraded(&mart, "no answer within 100 ms").await;
    server.thaw();
    is_well(&mart).await;
    server.end();
    degraded(&mart, "").await;
    mart.buy("LAMP", 1).await;
    let metrics = mart.get("/metrics").send().await.expect(200);
    let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
    assert!(metrics.contains("redis_up 0") && metrics.contains("redis_questions_total{outcome=\"late\"}"), "{metrics}");
    server.run().await;
    is_well(&mart).await;
    server.set_full(true).await;
    mart.buy("LAMP", 1).await;
    degraded(&mart, "full").await;
    server.set_full(false).await;
    is_well(&mart).await;
    mart.buy("LAMP", 1).await;
    assert!(!mart.log().contains("panicked"), "{}", mart.log());
    mart.doctor().await;
}

#[tokio::test]
async fn processes_count_a_client_together() {
    let server = RedisServer::start().await;
    let limits =
        "[http]\nrate_limit_per_minute = 60\nrate_limit_staff_per_minute = 30\nrate_limit_on_loopback = true\n";
    let settings = Settings::new(&server.url(), limits);
    let (one, other) = (Mart::start(settings.plan()).await, Mart::start(settings.plan()).await);
    is_well(&one).await;
    is_well(&other).await;
    let mut passed = 0;
    let refused = loop {
        let mart = if passed % 2 == 0 { &one } else { &other };
        let answer = mart.get("/api/categories").send().await;
        if answer.status != 200 {
            break answer;
        }
        passed += 1;
        assert!(passed <= 70, "nobody counts");
    };
    // Starting up was counted, too, and time has gone by.
    assert!((20..=65).contains(&passed), "{passed}");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"requests\";q=60;w=60"));
    refused.problem(429, "too_many_requests");
    // Staff count by their key, wherever they ask.
    let mut left = Vec::new();
    for mart in [&one, &other, &one] {
        let answer = mart.staff_get("/api/admin/settings").send().await.expect(200);
        left.push(answer.header("ratelimit").unwrap_or_default().to_owned());
    }
    let counted = |text: &String| text.starts_with("\"staff\";r=2");
    assert!(left.iter().all(counted) && left[0] != left[2], "{left:?}");
}

/// What one process made, another has; what was changed, neither shows as it was.
#[tokio::test]
async fn a_product_is_made_once_for_all_and_never_shown_as_it_was() {
    let server = RedisServer::start().await;
    let settings = Settings::new(&server.url(), "");
    let mut mart = Mart::open_as(settings.plan()).await;
    is_well(&mart).await;
    let product = mart.product("LAMP", 1_000, 3).await;
    let count = async |mart: &Mart, outcome: &str| {
        let metrics = mart.get("/metrics").send().await.expect(200);
        let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
        let line = format!("cache_second_level_total{{cache=\"products\",outcome=\"{outcome}\"}} ");
        let line = metrics.lines().find_map(|shown| shown.strip_prefix(&line)).unwrap_or("none").to_owned();
        line.parse::<u64>().unwrap_or_else(|_| panic!("{outcome}: {line}"))
    };
    let path = format!("/api/products/{}", product.text("slug"));
    // An answer that was begun before all knew of the new stock stays with who made it; so it is made by a process that
    // has nothing to tell.
    assert!(mart.terminate().await.success());
    mart.restart().await;
    is_well(&mart).await;
    let first = mart.get(&path).send().await.expect(200);
    eventually("it is given to others", PATIENCE, async || (count(&mart, "put").await == 1).then_some(())).await;
    assert!(mart.terminate().await.success());
    mart.restart().await;
    is_well(&mart).await;
    let again = mart.get(&path).send().await.expect(200);
    assert_eq!((again.header("etag"), &again.body), (first.header("etag"), &first.body));
    assert_eq!(count(&mart, "hit").await, 1);
    // Sold out, and a start later still sold out.
    mart.buy("LAMP", 3).await;
    let sold_out = async |mart: &Mart| {
        let seen = mart.get(&path).send().await.expect(200);
        (seen.body["availability"] == "sold_out").then_some(())
    };
    eventually("it is sold out", PATIENCE, async || sold_out(&mart).await).await;
    assert!(mart.terminate().await.success());
    mart.restart().await;
    is_well(&mart).await;
    assert!(sold_out(&mart).await.is_some());
    mart.doctor().await;
}
