//! A shop that reads lists from a replica: nothing that is shown is older than what the reader has done, nothing is decided
//! on it, and the shop sells on whatever becomes of it.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::mart::{Answer, Mart, Plan, eventually, guest_order};
use testkit::postgres::{Durability, Server};

use crate::{CLOUDMART, PATIENCE};

/// A primary, its replica, and a mart that names both.
struct Town {
    primary: Server,
    replica: Server,
    mart: Mart,
    settings: TempDir,
}

impl Town {
    async fn open(max_lag_ms: u64) -> Self {
        let primary = Server::start(Durability::Forgetful);
        let replica = primary.replica();
        let settings = tempfile::tempdir().expect("a folder");
        let text = format!(
            "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"{}\"\nreplicas = [\"127.0.0.1:{}\"]\n\
             max_lag_ms = {max_lag_ms}\nconnections = 8\n",
            primary.url(),
            replica.port(),
        );
        let path = settings.path().join("shop.toml");
        std::fs::write(&path, text).expect("settings");
        let plan = Plan::empty(CLOUDMART).alone().argument("--config").argument(path.to_string_lossy());
        let mart = Mart::open_as(plan).await;
        Self { primary, replica, mart, settings }
    }

    async fn metric(&self, line: &str) -> f64 {
        let metrics = self.mart.get("/metrics").send().await.expect(200);
        let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
        let found = metrics.lines().find_map(|shown| shown.strip_prefix(line)?.strip_prefix(' '));
        found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {line}: {metrics}"))
    }

    /// Lists that the replica was asked for, by what became of it.
    async fn reads(&self, outcome: &str) -> f64 {
        let name = format!("127.0.0.1:{}", self.replica.port());
        self.metric(&format!("replica_reads_total{{replica=\"{name}\",outcome=\"{outcome}\"}}")).await
    }

    async fn orders(&self) -> Answer {
        self.mart.staff_get("/api/admin/orders?limit=5").send().await.expect(200)
    }

    /// Staff look at orders until the replica has answered once more.
    async fn replica_answers(&self) {
        let before = self.reads("answered").await;
        eventually("lists are read from the replica", PATIENCE, async || {
            self.orders().await;
            (self.reads("answered").await > before).then_some(())
        })
        .await;
    }

    async fn readiness(&self) -> Value {
        self.mart.get("/health/ready").send().await.expect(200).body
    }

    async fn is_well(&self) {
        eventually("all is well", PATIENCE, async || {
            (self.readiness().await == json!({"status": "ready"})).then_some(())
        })
        .await;
    }

    /// It sells, and says what it does without.
    async fn degraded(&self, because: &str) {
        let named = format!("replica 127.0.0.1:{}: ", self.replica.port());
        eventually(because, PATIENCE, async || {
            let ready = self.readiness().await;
            let told = ready["degraded"][0].as_str().unwrap_or_default().to_owned();
            (told.starts_with(&named) && told.contains(because)).then_some(())
        })
        .await;
    }

    async fn doctor(&self) {
        let path = self.settings.path().join("shop.toml");
        let (path, data) = (path.to_string_lossy(), self.mart.data());
        let told = self.mart.command(&["doctor", "--config", &path, "--data", &data.to_string_lossy()]).await;
        assert!(told.status.success(), "doctor is not content: {told}");
    }
}

/// The replica stands still in the past and is not left out for it: whatever anybody did is seen at once all the same.
#[tokio::test]
async fn nobody_is_shown_less_than_they_did() {
    let town = Town::open(600_000).await;
    let mart = &town.mart;
    let product = mart.product("LAMP", 1_000, 8).await;
    let (id, slug) = (product.text("id"), product.text("slug"));
    let public = format!("/api/products/{slug}");
    let own = format!("/api/admin/products/{id}");
    mart.buy("LAMP", 1).await;
    town.is_well().await;
    town.replica_answers().await;
    // Finished answers are at hand, too.
    assert_eq!(mart.get(&public).send().await.expect(200).body["availability"], "in_stock");

    town.replica.pause_replay();
    for round in 1..=5_i64 {
        let order = mart.buy("LAMP", 1).await.text("id");
        let listed = town.orders().await;
        assert_eq!(listed.items()[0]["id"], order, "round {round}: {listed}");
        let levels = mart.staff_get("/api/admin/stock?sku=LAMP").send().await.expect(200);
        assert_eq!(levels.items()[0]["reserved"], round + 1, "round {round}: {levels}");

        let price = 1_000 + round;
        let tag = mart.staff_get(&own).send().await.expect(200).header("etag").expect("a tag").to_owned();
        let variants = json!([{"sku": "LAMP", "prices": [{"currency": "USD", "amount": price}]}]);
        let title = format!("Lamp number {round}");
        let patch = json!({"title": title, "variants": variants});
        mart.staff(Method::PATCH, &own).if_match(&tag).json(&patch).send().await.expect(200);
        let shown = mart.get(&public).send().await.expect(200);
        assert_eq!(shown.body["variants"][0]["price"], price, "round {round}: {shown}");
        let page = mart.get(&format!("/p/{slug}")).header("accept", "text/html").send().await.expect(200);
        assert!(String::from_utf8_lossy(&page.bytes).contains(&title), "round {round}");
        let listed = mart.staff_get("/api/admin/products").send().await.expect(200);
        assert_eq!(listed.items()[0]["title"], title, "round {round}: {listed}");
    }
    assert!(town.reads("behind").await > 0.0, "the replica was asked, and passed over");
    assert!(town.metric("replica_reads_by_primary_total").await >= 10.0);
    // Two are left, whatever the replica knows of it.
    mart.place("three", &guest_order("LAMP", 3)).await.problem(409, "insufficient_stock");
    mart.buy("LAMP", 2).await;
    mart.place("one-more", &guest_order("LAMP", 1)).await.problem(409, "insufficient_stock");
    eventually("it is shown as sold out", PATIENCE, async || {
        let shown = mart.get(&public).send().await.expect(200);
        (shown.body["availability"] == "sold_out").then_some(())
    })
    .await;
    assert_eq!(town.readiness().await, json!({"status": "ready"}));

    town.replica.resume_replay();
    town.replica_answers().await;
    town.doctor().await;
}

#[tokio::test]
async fn a_shop_sells_on_whatever_becomes_of_a_replica() {
    let town = Town::open(500).await;
    town.mart.product("LAMP", 1_000, 1_000).await;
    town.is_well().await;
    town.replica_answers().await;
    let sells = async || {
        let order = town.mart.buy("LAMP", 1).await.text("id");
        assert_eq!(town.orders().await.items()[0]["id"], order);
    };
    let in_rotation = format!("replica_in_rotation{{replica=\"127.0.0.1:{}\"}}", town.replica.port());
    let lag = format!("replica_lag_seconds{{replica=\"127.0.0.1:{}\"}}", town.replica.port());
    assert_eq!(town.metric(&in_rotation).await, 1.0);

    town.replica.pause_replay();
    sells().await;
    town.degraded("s behind, 0.5 s at most").await;
    assert_eq!(town.metric(&in_rotation).await, 0.0);
    assert!(town.metric(&lag).await > 0.5);
    sells().await;
    town.replica.resume_replay();
    town.is_well().await;
    town.replica_answers().await;

    town.replica.freeze();
    for _ in 0..5 {
        sells().await;
    }
    town.degraded("").await;
    town.replica.wake();
    town.is_well().await;
    town.replica_answers().await;

    town.replica.kill();
    sells().await;
    town.degraded("").await;
    town.replica.restart();
    town.is_well().await;
    town.replica_answers().await;
    town.replica.wait_for_all_of(&town.primary);
    assert!(!town.mart.log().contains("panicked"), "{}", town.mart.log());
    town.doctor().await;
}

/// Staff look at lists while orders flow: each sees what was confirmed before they asked, and the replica has its share.
#[tokio::test]
async fn lists_come_from_the_replica_while_orders_flow() {
    const BUYERS: usize = 4;
    const LOOKS: usize = 60;
    let town = Town::open(5_000).await;
    let mart = &town.mart;
    mart.product("LAMP", 1_000, 100_000).await;
    town.is_well().await;
    town.replica_answers().await;
    let (before, passed) = (town.reads("answered").await, town.metric("replica_reads_by_primary_total").await);
    let is_over = AtomicBool::new(false);
    let buying = async || {
        let mut bought = 0;
        while !is_over.load(Ordering::Relaxed) {
            mart.buy("LAMP", 1).await;
            bought += 1;
        }
        bought
    };
    let looking = async {
        for _ in 0..LOOKS {
            let order = mart.buy("LAMP", 1).await;
            let number = order.text("number");
            let listed = mart.staff_get(&format!("/api/admin/orders?number={number}")).send().await.expect(200);
            assert_eq!(listed.items()[0]["id"], order.text("id"), "{listed}");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let ((), bought) = futures::join!(looking, futures::future::join_all((0..BUYERS).map(|_| buying())));
    let (answered, by_primary) = (town.reads("answered").await, town.metric("replica_reads_by_primary_total").await);
    let (answered, by_primary) = (answered - before, by_primary - passed);
    println!("{bought:?} bought meanwhile; of the lists, the replica answered {answered}, the primary {by_primary}");
    assert!(answered + by_primary >= LOOKS as f64);
    assert!(answered > 0.0, "the replica is never far enough");
    town.doctor().await;
}
