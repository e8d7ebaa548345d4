//! A database that keeps writes waiting, or refuses them: what an operator is told, and that it goes on by itself.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::drill::mount::SmallDisk;
use testkit::mart::{Mart, Plan, Running, eventually, guest_order};
use testkit::postgres::{Durability, Server};

use crate::{CLOUDMART, PATIENCE};

const NOBODY: &str = "none of synchronous_standby_names ('standby') is connected; nobody follows";

fn settings(folder: &TempDir, server: &Server) -> String {
    let path = folder.path().join("shop.toml");
    let text = format!("[store]\nengine = \"postgres\"\n[postgres]\nurl = \"{}\"\nconnections = 8\n", server.url());
    std::fs::write(&path, text).expect("settings");
    path.to_string_lossy().into_owned()
}

/// A mart on a database of its own.
struct Town {
    mart: Mart,
    settings: TempDir,
    server: Server,
}

impl Town {
    async fn on(server: Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = settings(&folder, &server);
        let mart = Mart::open_as(Plan::empty(CLOUDMART).alone().argument("--config").argument(path)).await;
        mart.product("LAMP", 1_000, 100_000).await;
        Self { mart, settings: folder, server }
    }

    async fn readiness(&self) -> (u16, Value) {
        let answer = self.mart.get("/health/ready").send().await;
        (answer.status, answer.body)
    }

    /// The first reason that it gives.
    async fn says(&self, status: u16, list: &str, because: &str) {
        eventually(because, PATIENCE, async || {
            let (answered, body) = self.readiness().await;
            let told = body[list][0].as_str().unwrap_or_default().to_owned();
            (answered == status && told.contains(because)).then_some(())
        })
        .await;
    }

    async fn is_well(&self) {
        eventually("all is well", PATIENCE, async || {
            (self.readiness().await == (200, json!({"status": "ready"}))).then_some(())
        })
        .await;
    }

    async fn metric(&self, name: &str) -> f64 {
        let metrics = self.mart.get("/metrics").send().await.expect(200);
        let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
        let found = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or_else(|| panic!("no {name}: {metrics}"))
    }

    async fn doctor(&self) {
        let (path, data) = (settings(&self.settings, &self.server), self.mart.data());
        let told = self.mart.command(&["doctor", "--config", &path, "--data", &data.to_string_lossy()]).await;
        assert!(told.status.success(), "doctor is not content: {told}");
    }

    fn warnings(&self, about: &str) -> usize {
        self.mart.output().lines().filter(|line| line.contains("WARN") && line.contains(about)).count()
    }
}

/// Nobody's order is answered, and none is given up: it goes on when there is a standby again.
#[tokio::test]
async fn a_shop_says_that_it_waits_for_a_standby() {
    let primary = Server::start(Durability::Forgetful);
    let standby = primary.standby("standby");
    primary.wait_for_standby("standby");
    let mut town = Town::on(primary).await;
    town.mart.buy("LAMP", 1).await;
    town.is_well().await;

    standby.kill();
    let order = guest_order("LAMP", 1);
    let ordering = town.mart.post("/api/orders").key("while-nobody-follows").json(&order).within(PATIENCE).try_send();
    let watching = async {
        town.says(200, "degraded", NOBODY).await;
        assert_eq!(town.metric("store_waits_for_standby").await, 1.0);
        assert!(town.metric("store_write_wait_seconds").await >= 2.0);
        town.mart.get("/api/products").send().await.expect(200);
        let shown = town.mart.get("/").header("accept", "text/html").send().await;
        assert_eq!(shown.status, 200, "shoppers look around");
        standby.restart();
        town.is_well().await;
    };
    let (_, ()) = futures::join!(ordering, watching);
    // Whether or not its buyer was still there: it was placed once.
    town.mart.place("while-nobody-follows", &order).await.expect(201);
    assert_eq!(town.mart.staff_list("/api/admin/orders").await.len(), 2);
    assert_eq!(town.metric("store_waits_for_standby").await, 0.0);
    assert_eq!(town.warnings(NOBODY), 1, "{}", town.mart.log());

    // A stop does not wait for ever either.
    standby.kill();
    town.says(200, "degraded", NOBODY).await;
    assert!(town.mart.terminate().await.success());
    standby.restart();
    town.mart.restart().await;
    town.is_well().await;
    town.doctor().await;
}

/// At the keyboard, too, nobody waits without knowing for what.
#[tokio::test]
async fn a_restore_says_that_it_waits_for_a_standby() {
    let ground = tempfile::tempdir().expect("a folder");
    let mut source = Mart::open(CLOUDMART).await;
    source.product("LAMP", 1_000, 10).await;
    source.buy("LAMP", 1).await;
    assert!(source.terminate().await.success());
    let file = ground.path().join("shop.backup").to_string_lossy().into_owned();
    let (from, to) = (source.data().to_string_lossy().into_owned(), ground.path().join("data"));
    let saved = source.command(&["backup", &file, "--data", &from]).await;
    assert!(saved.status.success(), "{saved}");

    let primary = Server::start(Durability::Forgetful);
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    primary.sql("SELECT pg_reload_conf()");
    let path = settings(&ground, &primary);
    let words = ["restore", &file, "--config", &path, "--data", &to.to_string_lossy()];
    let restoring: Running = source.command_begun(&words);
    eventually("it says what it waits for", PATIENCE, async || restoring.said().contains(NOBODY).then_some(())).await;
    primary.sql("ALTER SYSTEM RESET synchronous_standby_names");
    primary.sql("SELECT pg_reload_conf()");
    let told = restoring.to_its_end(PATIENCE * 4).await;
    assert!(told.status.success() && told.out.contains("all is well"), "{told}");
    assert!(told.err.contains("writes are answered again"), "{told}");
}

fn given_to_postgres(folder: &Path) {
    let done = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(done.is_ok_and(|status| status.success()), "whoever may mount may do this");
}

#[tokio::test]
async fn a_shop_says_that_its_database_is_full_and_knows_by_itself_when_it_is_not() {
    let ground = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(ground.path().join("disk"), "64m") else {
        return println!("no right to mount: not tried");
    };
    let tables = disk.path("tables");
    std::fs::create_dir(&tables).expect("a folder");
    [ground.path(), &ground.path().join("disk"), &tables].into_iter().for_each(given_to_postgres);
    let server = Server::start(Durability::Forgetful);
    server.sql(&format!("CREATE TABLESPACE small LOCATION '{}'", tables.display()));
    server.sql("ALTER DATABASE postgres SET default_tablespace = small");
    let town = Town::on(server).await;
    town.mart.buy("LAMP", 1).await;
    town.is_well().await;

    for round in 0..2 {
        let ballast = disk.fill();
        let mut tried = 0;
        eventually("an order is refused", PATIENCE, async || {
            tried += 1;
            let answer = town.mart.place(&format!("{round}-{tried}"), &guest_order("LAMP", 1)).await;
            assert!([201, 503].contains(&answer.status), "{answer}");
            (answer.status == 503).then_some(())
        })
        .await;
        town.says(503, "missing", "disk is full").await;
        assert_eq!(town.metric("store_refuses_writes").await, 1.0);
        town.mart.get("/api/products").send().await.expect(200);
        std::fs::remove_file(&ballast).expect("room again");
        town.is_well().await;
        assert_eq!(town.metric("store_refuses_writes").await, 0.0);
        for tried in 1..=tried {
            town.mart.place(&format!("{round}-{tried}"), &guest_order("LAMP", 1)).await.expect(201);
        }
    }
    town.doctor().await;
}

#[tokio::test]
async fn a_shop_says_that_its_database_takes_no_writes() {
    let town = Town::on(Server::start(Durability::Forgetful)).await;
    town.mart.buy("LAMP", 1).await;
    town.is_well().await;
    town.server.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    town.server.sql("SELECT pg_reload_conf()");
    eventually("an order is refused", PATIENCE, async || {
        (town.mart.place("meanwhile", &guest_order("LAMP", 1)).await.status == 503).then_some(())
    })
    .await;
    town.says(503, "missing", "takes no writes").await;
    town.mart.get("/api/products").send().await.expect(200);
    town.server.sql("ALTER SYSTEM RESET default_transaction_read_only");
    town.server.sql("SELECT pg_reload_conf()");
    town.is_well().await;
    town.mart.place("meanwhile", &guest_order("LAMP", 1)).await.expect(201);
    town.doctor().await;
}

/// What some connections were left idle by, others need; the server takes no more.
#[tokio::test]
async fn a_shop_sells_on_with_the_few_connections_that_it_gets() {
    let mut town = Town::on(Server::start(Durability::Synced)).await;
    town.mart.buy("LAMP", 1).await;
    // It may have eight, and those that read and those that write conditionally take all that are left.
    town.server.sql("ALTER SYSTEM SET max_connections = 6");
    town.server.kill();
    town.server.restart();
    let looks = (0..40).map(|_| town.mart.staff_get("/api/admin/orders").send());
    futures::future::join_all(looks).await;
    let orders: Vec<String> = (0..10).map(|nth| format!("one-of-many-{nth}")).collect();
    let order = guest_order("LAMP", 1);
    let placed = futures::future::join_all(orders.iter().map(|key| town.mart.place(key, &order))).await;
    placed.into_iter().for_each(|answer| drop(answer.expect(201)));
    town.is_well().await;
    // It needs connections, too.
    assert!(town.mart.terminate().await.success());
    town.doctor().await;
}

/// A node that stops of itself has nothing to warn of.
#[tokio::test]
async fn a_stop_says_stopped_and_nothing_after_it() {
    let mut town = Town::on(Server::start(Durability::Forgetful)).await;
    for _ in 0..5 {
        town.mart.buy("LAMP", 1).await;
        assert!(town.mart.terminate().await.success());
        let output = town.mart.output();
        let (_, stopping) = output.split_once("stopping: ").expect("it says that it stops");
        let last = stopping.lines().last().unwrap_or_default();
        assert!(last.ends_with("stopped") && !stopping.contains("WARN"), "{output}");
        town.mart.restart().await;
    }
}
