//! The inventory on a real executor and real projections, in memory: what it promises, from outside.
//! Engines have their own tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Result;
use contracts::caller::Caller;
use contracts::catalog::{
    Catalog, CategoryView, ListProducts, Listing, Media, Offer, ProductCard, ProductView, Reading,
};
use contracts::inventory::{Inventory as _, Reserved};
use domain::catalog::{CategoryInput, Product, ProductInput};
use domain::ids::{OrderId, ProductId, RefundId, ShipmentId};
use domain::locale::Locale;
use domain::money::Currency;
use domain::quantity::Quantity;
use domain::reservation::{Shortage, Status};
use domain::sku::Sku;
use domain::stock::{Level, Location, Policy, Reason};
use futures::future::join_all;
use platform::blobs::Blobs;
use platform::clock::{Clock, ManualClock};
use platform::documents::Documents;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::{Entropy, SeededEntropy};
use platform::log::executor::{Executor, Limits};
use platform::log::kind::Kinds;
use platform::log::memory::MemoryLog;
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use serde_json::{Value, json};

use super::{Inventory, http, projections, register};
use crate::in_memory::{self, Client, OneKey, Reply};
use crate::machinery::Machinery;

const SOON: Duration = Duration::from_secs(15 * 60);

struct Shop {
    inventory: Arc<Inventory>,
    clock: Arc<ManualClock>,
}

async fn shop() -> Shop {
    on(Arc::new(MemoryLog::new(64))).await
}

/// A shop that begins with what lies in `log`, as after a restart.
async fn on(log: Arc<MemoryLog>) -> Shop {
    let mut kinds = Kinds::default();
    register(&mut kinds);
    let clock = Arc::new(ManualClock::starting_at("2026-03-01T12:00:00Z".parse().unwrap()));
    let time: Arc<dyn Clock> = clock.clone();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
    let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
    let executor = Executor::start(log, kinds, time.clone(), entropy.clone(), Limits::default()).await.unwrap();
    let projector = Projector::start(&executor, &documents, &time, &projections()).await.unwrap();
    let vault = Vault::new(MasterKey::new([1; 32]), documents.clone(), time.clone(), entropy.clone());
    let blobs: Arc<dyn Blobs> = Arc::new(platform::blobs::MemoryBlobs::default());
    let machinery = Machinery { executor, documents, projector, vault, blobs, clock: time, entropy };
    Shop { inventory: Arc::new(Inventory::new(machinery)), clock }
}

impl Shop {
    async fn receive(&self, name: &str, delta: i64) {
        let once = format!("receive {name} {delta}");
        let done = self
            .inventory
            .adjust(&sku(name), &Location::default(), delta, Reason::Received, &once, &Caller::system())
            .await;
        done.unwrap();
    }

    async fn reserve(&self, order: &OrderId, lines: &[(Sku, Quantity)]) -> Reserved {
        let until = self.clock.now().checked_add(SOON).unwrap();
        self.inventory.reserve(order, lines, until, &Caller::system()).await.unwrap()
    }

    async fn total(&self, name: &str) -> Level {
        self.inventory.stock(&[sku(name)]).await.unwrap()[&sku(name)].total()
    }

    async fn status(&self, order: &OrderId) -> Status {
        self.inventory.reservation(order, None).await.unwrap().status
    }
}

fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

fn line(name: &str, quantity: u32) -> (Sku, Quantity) {
    (sku(name), Quantity::new(quantity).unwrap())
}

fn order(n: u128) -> OrderId {
    OrderId::from_bytes(n.to_be_bytes())
}

#[tokio::test(start_paused = true)]
async fn twelve_hundred_buyers_of_a_thousand_things() {
    let shop = shop().await;
    shop.receive("A", 1_000).await;
    let batches_before = shop.inventory.machinery.executor.stats().batches.load(Ordering::Relaxed);
    let orders: Vec<OrderId> = (0..1_200).map(order).collect();
    let lines = [line("A", 1)];
    let outcomes = join_all(orders.iter().map(|order| shop.reserve(order, &lines))).await;
    let held = outcomes.iter().filter(|outcome| **outcome == Reserved::Held).count();
    let none_left = Reserved::Short(vec![Shortage { sku: sku("A"), requested: 1, available: 0 }]);
    assert_eq!(held, 1_000);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == none_left).count(), 200);
    assert_eq!(shop.total("A").await, Level { on_hand: 1_000, reserved: 1_000 });
    let batches = shop.inventory.machinery.executor.stats().batches.load(Ordering::Relaxed) - batches_before;
    // The log in memory answers at once, so the committer does not wait for more; a disk gathers larger batches.
    assert!(batches <= 24, "{batches} batches");
    let again = join_all(orders.iter().map(|order| shop.reserve(order, &lines))).await;
    assert_eq!(again, outcomes, "asking again answers as the first time");
}

#[tokio::test(start_paused = true)]
async fn crossing_orders_do_not_lock_each_other_out() {
    let shop = shop().await;
    shop.receive("A", 50).await;
    shop.receive("B", 50).await;
    let (there, back) = ([line("A", 1), line("B", 1)], [line("B", 1), line("A", 1)]);
    let orders: Vec<OrderId> = (0..120).map(order).collect();
    let reserve = |(n, order)| shop.reserve(order, if n % 2 == 0 { &there } else { &back });
    let outcomes = join_all(orders.iter().enumerate().map(reserve)).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reserved::Held).count(), 50);
    assert_eq!((shop.total("A").await, shop.total("B").await.reserved), (Level { on_hand: 50, reserved: 50 }, 50));
}

#[tokio::test(start_paused = true)]
async fn two_nodes_on_one_store_do_not_oversell() {
    let log = Arc::new(MemoryLog::with_ownership(64, false));
    let (one, two) = (on(log.clone()).await, on(log).await);
    one.receive("A", 30).await;
    let orders: Vec<OrderId> = (0..60).map(order).collect();
    let lines = [line("A", 1)];
    let outcomes = join_all(orders.iter().enumerate().map(|(n, order)| {
        let node = if n % 2 == 0 { &one } else { &two };
        let until = node.clock.now().checked_add(SOON).unwrap();
        let lines = &lines;
        async move {
            // A node that is refused as contended is asked again, as the order's process does.
            loop {
                match node.inventory.reserve(order, lines, until, &Caller::system()).await {
                    Ok(reserved) => return reserved,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reserved::Held).count(), 30);
    assert_eq!(two.total("A").await, Level { on_hand: 30, reserved: 30 });
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_thousand_skus_is_one_commit() {
    let shop = shop().await;
    let lines: Vec<(Sku, Quantity)> = (0..1_000).map(|n| line(&format!("S{n}"), 2)).collect();
    join_all((0..1_000).map(|n| {
        let shop = &shop;
        async move { shop.receive(&format!("S{n}"), 3).await }
    }))
    .await;
    let batches = || shop.inventory.machinery.executor.stats().batches.load(Ordering::Relaxed);
    let before = batches();
    assert_eq!(shop.reserve(&order(1), &lines).await, Reserved::Held);
    assert_eq!(batches() - before, 1);
    let Reserved::Short(shortages) = shop.reserve(&order(2), &lines).await else { panic!("there is not enough") };
    assert_eq!(shortages.len(), 1_000);
    shop.inventory.release(&order(1), &Caller::system()).await.unwrap();
    assert_eq!(shop.total("S999").await, Level { on_hand: 3, reserved: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_count_is_changed_once_per_name() {
    let log = Arc::new(MemoryLog::new(64));
    let shop = on(log.clone()).await;
    let (a, main, caller) = (sku("A"), Location::default(), Caller::system());
    let adjust = || shop.inventory.adjust(&a, &main, 5, Reason::Found, "same", &caller);
    let stocks = join_all((0..10).map(|_| adjust())).await;
    assert!(stocks.iter().all(|stock| stock.as_ref().unwrap().total().on_hand == 5));
    shop.inventory.adjust(&a, &main, 1, Reason::Found, "other", &caller).await.unwrap();
    assert_eq!(adjust().await.unwrap().total().on_hand, 5, "a repetition answers as the first time");
    let reused = shop.inventory.adjust(&a, &main, 6, Reason::Found, "same", &caller).await.unwrap_err();
    assert_eq!(reused.code, "idempotency_key_reused");
    let restarted = on(log).await;
    let repeated = restarted.inventory.adjust(&a, &main, 5, Reason::Found, "same", &caller).await;
    assert_eq!(repeated.unwrap().total().on_hand, 5);
    assert_eq!(restarted.total("A").await.on_hand, 6);
}

#[tokio::test(start_paused = true)]
async fn a_late_reserve_is_refused_after_a_release() {
    let shop = shop().await;
    shop.receive("A", 5).await;
    shop.inventory.release(&order(1), &Caller::system()).await.unwrap();
    assert_eq!(shop.reserve(&order(1), &[line("A", 1)]).await, Reserved::Closed);
    assert_eq!(shop.reserve(&order(2), &[line("A", 2)]).await, Reserved::Held);
    shop.inventory.release(&order(2), &Caller::system()).await.unwrap();
    shop.inventory.release(&order(2), &Caller::system()).await.unwrap();
    assert_eq!(shop.reserve(&order(2), &[line("A", 2)]).await, Reserved::Closed);
    assert!(!shop.inventory.confirm(&order(2), &Caller::system()).await.unwrap());
    assert_eq!(shop.total("A").await, Level { on_hand: 5, reserved: 0 });
}

#[tokio::test(start_paused = true)]
async fn what_nobody_confirms_is_given_back_in_time() {
    let shop = shop().await;
    shop.receive("A", 500).await;
    for n in 0..250 {
        shop.reserve(&order(n), &[line("A", 1)]).await;
    }
    assert!(shop.inventory.confirm(&order(0), &Caller::system()).await.unwrap());
    shop.inventory.machinery.settle_lists().await.unwrap();
    assert_eq!(shop.inventory.sweep().await.unwrap(), 0);
    shop.clock.advance(SOON);
    let sweepers = join_all([shop.inventory.sweep(), shop.inventory.sweep()]).await;
    assert_eq!(sweepers.into_iter().map(Result::unwrap).sum::<usize>(), 249, "two sweepers are harmless");
    assert_eq!((shop.status(&order(0)).await, shop.status(&order(1)).await), (Status::Confirmed, Status::Expired));
    assert_eq!(shop.total("A").await, Level { on_hand: 500, reserved: 1 });
    assert!(!shop.inventory.confirm(&order(1), &Caller::system()).await.unwrap());
    shop.inventory.machinery.settle_lists().await.unwrap();
    assert_eq!(shop.inventory.sweep().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_runs_by_itself() {
    let shop = shop().await;
    shop.receive("A", 1).await;
    shop.reserve(&order(1), &[line("A", 1)]).await;
    let sweeper = tokio::spawn(shop.inventory.clone().run_sweeper());
    tokio::time::sleep(SOON + Duration::from_secs(10)).await;
    assert_eq!(shop.status(&order(1)).await, Status::Expired);
    sweeper.abort();
}

#[tokio::test(start_paused = true)]
async fn goods_leave_and_come_back_once() {
    let shop = shop().await;
    shop.receive("A", 5).await;
    let (caller, parcel, refund) = (Caller::system(), ShipmentId::from_bytes([2; 16]), RefundId::from_bytes([3; 16]));
    shop.reserve(&order(1), &[line("A", 3)]).await;
    let reserved_at = shop.clock.now();
    shop.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        shop.inventory.ship(&order(1), &parcel, &[line("A", 2)], &caller).await.unwrap();
    }
    assert_eq!(shop.total("A").await, Level { on_hand: 3, reserved: 1 });
    let second = ShipmentId::from_bytes([4; 16]);
    let too_much = shop.inventory.ship(&order(1), &second, &[line("A", 2)], &caller).await.unwrap_err();
    assert_eq!(too_much.code, "more_than_held");
    for _ in 0..2 {
        let (back, never_left) = ([line("A", 1)], [line("A", 1)]);
        shop.inventory.restock(&order(1), &refund, &back, &never_left, &caller).await.unwrap();
    }
    assert_eq!(shop.total("A").await, Level { on_hand: 4, reserved: 0 });
    let then = shop.inventory.reservation(&order(1), Some(reserved_at)).await.unwrap();
    assert_eq!((then.open[0].quantity, then.shipped.len()), (3, 0));
}

/// Knows `KNOWN` and nothing else.
struct OneProduct;

#[async_trait]
impl Catalog for OneProduct {
    async fn offers(&self, _: &[Sku], _: Currency, _: &Locale) -> Result<BTreeMap<Sku, Offer>> {
        Ok(BTreeMap::new())
    }

    async fn existing(&self, skus: &[Sku]) -> Result<Vec<Sku>> {
        Ok(skus.iter().filter(|sku| sku.as_str() == "KNOWN/1").cloned().collect())
    }

    async fn product(&self, _: &str, _: &Reading) -> Result<Arc<ProductView>> {
        Err(contracts::Error::not_found("product"))
    }

    async fn products(&self, _: &ListProducts) -> Result<Listing<ProductCard>> {
        Ok(Listing { items: Vec::new(), next_cursor: None })
    }

    async fn categories(&self, _: &Reading) -> Result<Vec<CategoryView>> {
        Ok(Vec::new())
    }

    async fn create_product(&self, _: ProductId, _: ProductInput, _: &Caller) -> Result<Arc<Product>> {
        Err(contracts::Error::not_found("product"))
    }

    async fn replace_categories(&self, _: Vec<CategoryInput>, _: &Caller) -> Result<()> {
        Ok(())
    }

    async fn store_media(&self, _: &str, _: Bytes, _: &Caller) -> Result<Media> {
        Err(contracts::Error::not_found("picture"))
    }
}

fn api(shop: &Shop) -> Client {
    let repeats = in_memory::repeats(&shop.inventory.machinery);
    Client::new(http::router(shop.inventory.clone(), Arc::new(OneProduct), repeats), Arc::new(OneKey))
}

const STAFF: (&str, &str) = ("authorization", "Bearer staff");

async fn get(api: &Client, path: &str) -> Reply {
    api.send(&format!("GET {path}"), &[STAFF], Value::Null).await
}

async fn adjust(api: &Client, key: &str, body: Value) -> Reply {
    let request = "POST /api/admin/stock/KNOWN%2F1/adjustments";
    api.send(request, &[STAFF, ("idempotency-key", key)], body).await
}

#[tokio::test(start_paused = true)]
async fn staff_count_over_http() {
    let shop = shop().await;
    let api = api(&shop);
    assert_eq!(get(&api, "/api/admin/stock/NOBODY").await.problem(), (404, "not_found"));
    assert_eq!(api.send("GET /api/admin/stock", &[], Value::Null).await.problem(), (401, "unauthenticated"));
    let nothing = json!({"sku": "KNOWN/1", "policy": "reserve", "on_hand": 0, "reserved": 0, "available": 0,
        "locations": [], "updated_at": null});
    assert_eq!(get(&api, "/api/admin/stock/KNOWN%2F1").await.body, nothing);
    for replayed in ["", "true"] {
        let reply = adjust(&api, "k1", json!({"delta": 100, "reason": "received"})).await;
        assert_eq!((reply.status.as_u16(), reply.header("idempotent-replayed")), (201, replayed));
        assert_eq!((&reply.body["on_hand"], &reply.body["available"]), (&json!(100), &json!(100)));
        assert_eq!(reply.body["locations"][0]["location"], "main");
    }
    let reused = adjust(&api, "k1", json!({"delta": 99, "reason": "received"})).await;
    assert_eq!(reused.problem(), (422, "idempotency_key_reused"));

    shop.reserve(&order(1), &[line("KNOWN/1", 40)]).await;
    let below = adjust(&api, "k2", json!({"delta": -61, "reason": "damaged"})).await;
    assert_eq!((below.problem(), &below.body["reserved"]), ((409, "below_reserved"), &json!(40)));
    let invalid = adjust(&api, "k3", json!({"delta": 0, "reason": "because", "location": "Main"})).await;
    assert_eq!(invalid.errors(), ["/delta zero", "/reason unknown", "/location invalid"]);
    assert_eq!(adjust(&api, "k4", json!({"delta": "1", "reason": "found"})).await.problem().0, 400);
    assert_eq!(adjust(&api, "k5", json!({"delta": i64::MAX, "reason": "found"})).await.problem().0, 422);
    let body = json!({"delta": 1, "reason": "found"});
    let without_key = api.send("POST /api/admin/stock/KNOWN%2F1/adjustments", &[STAFF], body).await;
    assert_eq!(without_key.problem(), (400, "idempotency_key_required"));

    let set_policy = "PUT /api/admin/stock/KNOWN%2F1/policy";
    let policy = api.send(set_policy, &[STAFF], json!({"policy": "track_only"})).await;
    assert_eq!(policy.body["policy"], "track_only");
    assert_eq!(api.send(set_policy, &[STAFF], json!({"policy": "free"})).await.errors(), ["/policy unknown"]);

    let path = "/api/admin/stock/KNOWN%2F1/movements?limit=2";
    let page = get(&api, path).await.body;
    assert_eq!(all(&page, "type"), ["policy_set", "reserved"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = get(&api, &format!("{path}&cursor={cursor}")).await.body;
    assert_eq!((all(&page, "type"), &page["next_cursor"]), (vec!["adjusted".to_owned()], &Value::Null));
}

/// One field of every item of a page.
fn all(page: &Value, field: &str) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn staff_list_stock_by_name() {
    let shop = shop().await;
    for (name, count) in [("B-2", 3), ("A-1", 100), ("A-10", 5), ("A-2", 7), ("a-1", 1)] {
        shop.receive(name, count).await;
    }
    shop.inventory.set_policy(&sku("a-1"), Policy::Untracked, &Caller::system()).await.unwrap();
    let api = api(&shop);
    let page = get(&api, "/api/admin/stock").await.body;
    assert_eq!(all(&page, "sku"), ["A-1", "A-10", "A-2", "B-2", "a-1"]);
    let page = get(&api, "/api/admin/stock?sku=A-1&limit=1").await.body;
    assert_eq!(all(&page, "sku"), ["A-1"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = get(&api, &format!("/api/admin/stock?sku=A-1&limit=1&cursor={cursor}")).await.body;
    assert_eq!(all(&page, "sku"), ["A-10"]);
    let page = get(&api, "/api/admin/stock?low=true").await.body;
    assert_eq!(all(&page, "sku"), ["A-10", "B-2"], "what is not counted is never low");
    assert_eq!(get(&api, "/api/admin/stock?low=maybe").await.problem().0, 400);
}
