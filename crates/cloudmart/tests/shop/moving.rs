//! Moving house: a folder's shop into PostgreSQL, backups from there, and back into either.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::mart::{Answer, Mart, Output, Plan, eventually, guest_order, run_to_its_end, settings};
use testkit::postgres::{Server, Session};

use crate::start::png;
use crate::{CLOUDMART, PATIENCE};

/// A copy of a little shop, on a busy machine.
const COMMAND_LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What is to be found again.
struct Life {
    order: Answer,
    shipped: Answer,
    cart: Answer,
    picture: String,
    product: Answer,
    lists: Vec<(&'static str, Vec<Value>)>,
    books: Value,
}

const LISTS: [&str; 4] = ["/api/admin/orders", "/api/admin/products", "/api/admin/stock", "/api/admin/keys"];

/// A little of everything.
async fn live(mart: &Mart) -> Life {
    let uploaded = mart.staff_post("/api/admin/media").raw("image/png", png()).send().await.expect(201);
    let variant = json!({"sku": "POT", "prices": [{"amount": 1_999, "currency": "USD"}]});
    let pot =
        json!({"title": "A pot", "images": [{"media": uploaded.text("id"), "alt": "a pot"}], "variants": [variant]});
    mart.staff_post("/api/admin/products").json(&pot).send().await.expect(201);
    mart.receive("POT", 50).await;
    mart.product("LAMP", 1_000, 100).await;
    let order = mart.place("a-key-of-the-buyer", &guest_order("POT", 2)).await.expect(201);
    let shipped = mart.buy("LAMP", 1).await;
    mart.act(&shipped.text("id"), "capture", &json!({})).await.expect(200);
    mart.act(&shipped.text("id"), "ship", &json!({})).await.expect(200);
    let shipped = mart.order(&shipped.text("id")).await;
    for _ in 0..20 {
        mart.buy("LAMP", 1).await;
    }
    let lines = json!({"currency": "USD", "country": "US", "lines": [{"sku": "LAMP", "quantity": 3}]});
    let cart = mart.post("/api/carts").json(&lines).send().await.expect(201);
    let product = mart.get("/api/products/a-pot").send().await.expect(200);
    let picture = product.body["images"][0]["url"].as_str().expect("a picture").to_owned();
    let mut lists = Vec::new();
    for path in LISTS {
        lists.push((path, mart.staff_list(path).await));
    }
    let books = mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200).body;
    Life { order, shipped, cart, picture, product, lists, books }
}

impl Life {
    async fn goes_on(&self, mart: &Mart) {
        for (path, before) in &self.lists {
            assert_eq!(mart.staff_list(path).await, *before, "{path}");
        }
        assert_eq!(mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200).body, self.books);
        let kept = mart.order(&self.order.text("id")).await;
        assert_eq!(kept.body["number"], self.order.body["number"]);
        assert_eq!(kept.body["buyer"]["name"], "Ada Lovelace", "keys came along");
        let again = mart.place("a-key-of-the-buyer", &guest_order("POT", 2)).await.expect(201);
        assert!(again.is_replayed() && again.text("id") == self.order.text("id"), "it was placed before: {again}");
        assert_eq!(mart.order(&self.shipped.text("id")).await.body, self.shipped.body);
        let path = format!("/api/carts/{}", self.cart.text("id"));
        let token = self.cart.text("token");
        let cart = mart.get(&path).bearer(&token).send().await.expect(200);
        assert_eq!(cart.header("etag"), self.cart.header("etag"), "under its version");
        let more = json!({"quantity": 4});
        let line = cart.body["lines"][0]["id"].as_str().unwrap_or("LAMP").to_owned();
        let changed = mart.ask(Method::PUT, &format!("{path}/lines/{line}")).bearer(&token);
        let changed = changed.if_match(cart.header("etag").expect("a tag")).json(&more).send().await;
        assert!(changed.status < 500, "{changed}");
        assert_eq!(mart.get(&self.picture).send().await.expect(200).bytes, png());
        let product = mart.get("/api/products/a-pot").send().await.expect(200);
        assert_eq!(product.body["variants"], self.product.body["variants"], "prices");
        let found = eventually("it is found", PATIENCE, async || {
            let found = mart.get("/api/products?q=pot").send().await.expect(200);
            (!found.items().is_empty()).then_some(found)
        });
        assert_eq!(found.await.items()[0]["slug"], "a-pot");
        let act = mart.act(&self.order.text("id"), "capture", &json!({})).await;
        act.expect(200);
        mart.buy("POT", 1).await;
    }
}

/// A folder for everything of a test, in which one mart at a time runs.
struct Ground(TempDir);

impl Ground {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where the shop lives that moves.
    fn from(&self) -> String {
        text(&self.path("data"))
    }

    async fn open(&self) -> Mart {
        Mart::open_as(self.plan()).await
    }

    fn plan(&self) -> Plan {
        Plan::empty(CLOUDMART).alone().data(self.path("data"))
    }

    async fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(CLOUDMART);
        command.args(words).current_dir(self.0.path());
        run_to_its_end(command, COMMAND_LIMIT).await
    }

    /// A new place in PostgreSQL.
    async fn place(&self, name: &str) -> Place<'_> {
        #[expect(clippy::disallowed_methods, reason = "a server starts while other tests go on")]
        let server = tokio::task::spawn_blocking(Server::shared).await.expect("PostgreSQL starts");
        let schema = Server::new_schema();
        let (config, data) = (self.path(&format!("{name}.toml")), self.path(name));
        let settings = format!(
            "media = \"{}\"\n[store]\nengine = \"postgres\"\n[postgres]\nurl = \"{}\"\nschema = \"{schema}\"\nconnections = 8\n",
            text(&self.path(&format!("{name}-media"))),
            server.url(),
        );
        std::fs::write(&config, settings).expect("settings");
        Place { ground: self, server, schema, config, data }
    }
}

struct Place<'g> {
    ground: &'g Ground,
    server: &'static Server,
    schema: String,
    config: PathBuf,
    data: PathBuf,
}

impl Place<'_> {
    fn arguments(&self, words: &[&str]) -> Vec<String> {
        let at = ["--config".to_owned(), text(&self.config), "--data".to_owned(), text(&self.data)];
        words.iter().map(|word| (*word).to_owned()).chain(at).collect()
    }

    async fn run(&self, words: &[&str]) -> Output {
        let arguments = self.arguments(words);
        self.ground.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Moves the shop of the ground's folder here.
    async fn migrate(&self) -> Output {
        self.run(&["migrate-store", "--from", &self.ground.from()]).await
    }

    async fn serve(&self) -> Mart {
        let plan = Plan::empty(CLOUDMART).alone().data(&self.data).argument("--config").argument(text(&self.config));
        Mart::start(plan).await
    }

    async fn is_well(&self) {
        well(&self.run(&["doctor"]).await);
    }

    /// `{}` stands for the schema.
    fn sql(&self, statement: &str) -> String {
        self.server.sql(&statement.replace("{}", &self.schema))
    }

    /// Nobody else writes into a table while this is held.
    fn hold(&self, table: &str) -> Session {
        let mut session = self.server.session();
        session.run(&format!("BEGIN; LOCK TABLE {}.{table} IN EXCLUSIVE MODE", self.schema));
        session
    }

    /// Begins to move, and kills it as soon as it waits for what somebody holds.
    async fn killed_at(&self, table: &str) {
        let held = self.hold(table);
        let mut moving = Command::new(CLOUDMART)
            .args(self.arguments(&["migrate-store", "--from", &self.ground.from()]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let waits = format!("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass('{{}}.{table}')");
        eventually("it waits", PATIENCE, async || {
            assert!(moving.try_wait().expect("its state").is_none(), "it ended before {table}");
            (!self.sql(&waits).is_empty()).then_some(())
        })
        .await;
        moving.kill().expect("it is killed");
        moving.wait().expect("it has ended");
        drop(held);
    }
}

fn well(told: &Output) {
    assert!(told.status.success() && told.text().contains("all is well"), "{told}");
}

fn refused(told: &Output, because: &str) {
    assert!(!told.status.success() && told.text().contains(because), "expected `{because}`: {told}");
    assert!(!told.text().contains("panicked"), "{told}");
}

#[tokio::test]
async fn a_folder_s_shop_moves_into_a_database() {
    let ground = Ground::new();
    let place = ground.place("there").await;
    let mut mart = ground.open().await;
    let life = live(&mart).await;
    refused(&place.migrate().await, "stop it first");
    let key = std::fs::read_to_string(mart.data().join("master.key")).expect("the key");
    assert!(mart.terminate().await.success());
    refused(&ground.run(&["migrate-store", "--from", &ground.from()]).await, "say where the shop moves");
    refused(&place.run(&["migrate-store", "--from", "nowhere"]).await, "no shop in nowhere");

    let told = place.migrate().await;
    well(&told);
    assert!(told.text().contains("facts of shard 0") && told.text().contains("documents: carts"), "{told}");
    assert!(!told.text().contains(key.trim()), "the key is never shown");
    assert_eq!(std::fs::read_to_string(place.data.join("master.key")).expect("it came along"), key);
    mart.spawn();
    assert!(!mart.ended().await.success(), "two shops would sell the same");
    assert!(mart.output().contains("has moved"), "{}", mart.output());
    drop(mart);
    let again = place.migrate().await;
    well(&again);
    assert!(again.text().contains("had been moved"), "{again}");

    let there = place.serve().await;
    life.goes_on(&there).await;
    place.is_well().await;

    // What is erased there is gone there.
    let id = life.order.text("id");
    let keys = "SELECT count(*) FROM {}.documents WHERE collection = 'sealing_keys'";
    let before = place.sql(keys);
    there.staff_post(&format!("/api/admin/orders/{id}/erase")).send().await.expect(200);
    assert_ne!(place.sql(keys), before, "its key is gone");
    drop(there);
    let other = life.shipped.text("id");
    let erased = place.run(&["erase", &other]).await;
    assert!(erased.status.success(), "{erased}");
    let there = place.serve().await;
    for id in [id, other] {
        let order = there.order(&id).await;
        assert_eq!((&order.body["erased"], &order.body["buyer"]), (&json!(true), &Value::Null), "{order}");
    }
    place.is_well().await;
}

#[tokio::test]
async fn a_move_that_was_killed_anywhere_goes_on() {
    let ground = Ground::new();
    let place = ground.place("there").await;
    let mut mart = ground.open().await;
    let life = live(&mart).await;
    assert!(mart.terminate().await.success());
    drop(mart);
    // Somebody looked at the new place before, which makes its tables.
    place.is_well().await;
    for table in ["facts", "documents", "checkpoints"] {
        place.killed_at(table).await;
        refused(&place.run(&["serve", "--listen", "127.0.0.1:0"]).await, "copy again to complete it");
    }
    // From the moment before the database can be served, the folder cannot.
    let moved = ground.path("data").join("moved");
    assert!(!moved.exists());
    let first = "FROM {}.facts WHERE shard = 0 AND position = 1";
    let kept = place.sql(&format!("SELECT body::text {first}"));
    place.sql("UPDATE {}.facts SET body = '{\"forged\":true}' WHERE shard = 0 AND position = 1");
    refused(&place.migrate().await, "facts of shard 0: as many, but not the same");
    assert!(!moved.exists() && place.sql("SELECT format FROM {}.meta") == "0");
    let schema = &place.schema;
    // The body may hold `{}` itself.
    place.server.sql(&format!("UPDATE {schema}.facts SET body = $body${kept}$body$ WHERE shard = 0 AND position = 1"));
    place.killed_at("meta").await;
    assert!(moved.exists());
    well(&place.migrate().await);
    let there = place.serve().await;
    life.goes_on(&there).await;
    place.is_well().await;
}

/// A folder may be large, and whoever moves it wants to know at once that the new place will not do.
#[tokio::test]
async fn the_new_place_is_looked_at_before_the_folder() {
    let ground = Ground::new();
    let taken = ground.place("taken").await;
    drop(taken.serve().await);
    let mut mart = ground.open().await;
    assert!(mart.terminate().await.success());
    let file = text(&ground.path("shop.backup"));
    well(&ground.run(&["doctor", "--data", &ground.from()]).await);
    let saved = ground.run(&["backup", &file, "--data", &ground.from()]).await;
    assert!(saved.status.success(), "{saved}");
    // Neither could be read to its end.
    let spoilt = std::fs::read(ground.path("data").join("shop.db")).expect("the database");
    std::fs::write(ground.path("data").join("shop.db"), &spoilt[..spoilt.len() / 2]).expect("half of it");
    let backup = std::fs::read(&file).expect("the backup");
    std::fs::write(&file, &backup[..backup.len() / 2]).expect("half of it");
    refused(&taken.migrate().await, "holds a shop already");
    refused(&taken.run(&["restore", &file]).await, "holds a shop already");
    let nowhere = ["migrate-store", "--from", &ground.from(), "--to", "postgres://cloudmart@127.0.0.1:1/cloudmart"];
    refused(&ground.run(&nowhere).await, "PostgreSQL cannot be reached");
    let free = ground.place("free").await;
    refused(&free.migrate().await, "malformed");
    assert_eq!(free.sql("SELECT count(*) FROM pg_namespace WHERE nspname = '{}'"), "0", "nothing was made there");
}

#[tokio::test]
async fn two_shops_are_not_mixed() {
    let ground = Ground::new();
    let taken = ground.place("taken").await;
    drop(taken.serve().await);
    let mut mart = ground.open().await;
    mart.product("LAMP", 1_000, 10).await;
    mart.buy("LAMP", 1).await;
    assert!(mart.terminate().await.success());
    refused(&taken.migrate().await, "holds a shop already");

    let place = ground.place("there").await;
    std::fs::create_dir_all(&place.data).expect("a folder");
    std::fs::copy(taken.data.join("master.key"), place.data.join("master.key")).expect("another shop's key");
    refused(&place.migrate().await, "master key");
    std::fs::remove_file(place.data.join("master.key")).expect("that key");
    place.is_well().await;
    place.killed_at("documents").await;
    // The shop sells on, and so it is another one than the one that was half moved.
    mart.restart().await;
    mart.buy("LAMP", 1).await;
    assert!(mart.terminate().await.success());
    refused(&place.migrate().await, "or of this one as it was before");
    place.sql("DROP SCHEMA {} CASCADE");
    well(&place.migrate().await);
}

/// Without a file for a cluster, as on a laptop: the folder is still the node's own, with its key and its pictures.
#[tokio::test]
async fn a_laptop_s_shop_moves_with_one_line() {
    let ground = Ground::new();
    let mut mart = ground.open().await;
    let life = live(&mart).await;
    assert!(mart.terminate().await.success());
    drop(mart);
    let place = ground.place("unused").await;
    let (config, from, url) = (text(&ground.path("schema.toml")), ground.from(), place.server.url());
    std::fs::write(&config, format!("[postgres]\nschema = \"{}\"\nconnections = 8\n", place.schema)).expect("settings");
    let words = ["migrate-store", "--from", &from, "--to", &url, "--config", &config, "--data", &from];
    well(&ground.run(&words).await);
    std::fs::write(
        &config,
        format!("store.engine = \"postgres\"\npostgres.url = \"{url}\"\npostgres.schema = \"{}\"\n", place.schema),
    )
    .expect("settings");
    let there = Mart::start(ground.plan().argument("--config").argument(&config)).await;
    life.goes_on(&there).await;
    place.is_well().await;
}

#[tokio::test]
async fn a_backup_of_a_database_under_load_is_a_whole_shop_anywhere() {
    use futures::StreamExt as _;
    let ground = Ground::new();
    let place = ground.place("first").await;
    let mart = place.serve().await;
    mart.put_settings(&settings()).await;
    let life = live(&mart).await;
    let file = text(&ground.path("shop.backup"));
    let words = ["backup", file.as_str()];
    {
        let order = guest_order("LAMP", 1);
        let keys: Vec<String> = (0..60).map(|buyer| format!("buyer-{buyer}")).collect();
        let mut load = futures::stream::iter(&keys).map(|key| mart.place(key, &order)).buffer_unordered(8);
        for _ in 0..5 {
            load.next().await.expect("an answer").expect(201);
        }
        let (saved, rest) = futures::join!(place.run(&words), load.collect::<Vec<_>>());
        assert!(saved.status.success(), "{saved}");
        for answer in rest {
            answer.expect(201);
        }
    }
    place.is_well().await;
    refused(&place.run(&words).await, "exists already");
    drop(mart);

    // Into another database, and into a folder.
    let second = ground.place("second").await;
    well(&second.run(&["restore", &file]).await);
    let again = second.run(&["restore", &file]).await;
    assert!(again.status.success() && again.text().contains("Nothing was changed"), "{again}");
    refused(&place.run(&["restore", &file]).await, "holds a shop already");
    lives_in(&second.serve().await, &life).await;
    second.is_well().await;
    well(&ground.run(&["restore", &file, "--data", &ground.from()]).await);
    lives_in(&Mart::start(ground.plan()).await, &life).await;
    well(&ground.run(&["doctor", "--data", &ground.from()]).await);
}

async fn lives_in(copy: &Mart, life: &Life) {
    let kept = copy.order(&life.order.text("id")).await;
    assert_eq!(kept.body["buyer"]["name"], "Ada Lovelace", "keys are in the backup");
    assert_eq!(copy.get(&life.picture).send().await.expect(200).bytes, png());
    let orders = copy.staff_list("/api/admin/orders").await.len();
    assert!(orders >= 27, "{orders}");
    copy.buy("POT", 1).await;
}
