//! The index follows the log: what is written is found, what is lost is made up for, and a sale writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contracts::caller::Caller;
use contracts::catalog::Catalog as _;
use contracts::inventory::Inventory as _;
use contracts::search::{Search as _, Wanted};
use domain::ids::ProductId;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use platform::store::{StoreError, StoreResult};
use serde_json::{Value, json};
use services::search::index::{Changes, Hits, Index, Positions, Query};
use services::search::naive::NaiveIndex;
use services::search::{Neighbours, Search};
use testkit::shop::BoxedShop;
use tower::ServiceExt as _;

const LONG: Duration = Duration::from_secs(60);

/// An index that counts its writes, and fails them while it is told to.
#[derive(Default)]
struct Watched {
    index: NaiveIndex,
    writes: AtomicU64,
    fails: AtomicBool,
}

#[async_trait]
impl Index for Watched {
    async fn positions(&self) -> StoreResult<Positions> {
        self.index.positions().await
    }

    async fn write(&self, changes: Changes) -> StoreResult<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("told so".to_owned()));
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.index.write(changes).await
    }

    async fn in_stock(&self, ids: &[ProductId]) -> StoreResult<BTreeMap<ProductId, bool>> {
        self.index.in_stock(ids).await
    }

    async fn clear(&self) -> StoreResult<()> {
        self.index.clear().await
    }

    async fn count(&self) -> StoreResult<u64> {
        self.index.count().await
    }

    async fn find(&self, query: Query) -> StoreResult<Hits> {
        self.index.find(query).await
    }
}

struct Place {
    shop: BoxedShop,
    index: Arc<Watched>,
    search: Arc<Search>,
}

impl Place {
    async fn open() -> Self {
        let shop = BoxedShop::open(1).await;
        let index = Arc::new(Watched::default());
        let search = start(&shop, index.clone());
        let place = Self { shop, index, search };
        place.settle().await;
        place
    }

    async fn settle(&self) {
        assert!(self.search.wait_for_heads(LONG).await.expect("the log answers"), "{:?}", self.search.lag().await);
    }

    async fn create(&self, n: u8, product: Value) {
        let input = serde_json::from_value(product).expect("a product");
        let id = ProductId::from_bytes([n; 16]);
        self.shop.catalog.create_product(id, input, &Caller::system()).await.expect("a product is taken");
    }

    async fn receive(&self, sku: &str, delta: i64, once: &str) {
        let (sku, main) = (Sku::parse(sku).expect("a SKU"), Location::default());
        let reason = if delta > 0 { Reason::Received } else { Reason::Lost };
        let adjusted = self.shop.inventory.adjust(&sku, &main, delta, reason, once, &Caller::system()).await;
        adjusted.expect("stock is taken");
    }

    /// Slugs.
    async fn found(&self, wanted: Wanted) -> Vec<String> {
        let found = self.search.find(&Wanted { limit: 100, ..wanted }).await.expect("an answer");
        found.items.into_iter().map(|card| card.slug).collect()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let (router, _) = services::search::http::router(self.search.clone()).split_for_parts();
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let Ok(response) = router.oneshot(request).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a whole answer");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn start(shop: &BoxedShop, index: Arc<Watched>) -> Arc<Search> {
    let neighbours = Neighbours {
        shop: shop.shop.clone(),
        lists: shop.catalog.clone(),
        shelves: shop.catalog.clone(),
        inventory: shop.inventory.clone(),
    };
    Search::start(&shop.machinery, neighbours, index)
}

fn named(q: &str) -> Wanted {
    Wanted { q: Some(q.to_owned()), ..Wanted::default() }
}

fn lamp(sku: &str) -> Value {
    json!({"title": format!("Lamp {sku}"), "categories": ["desk-lamps"], "brand": "Banu",
        "attributes": {"material": "Oak"},
        "variants": [{"sku": sku, "prices": [{"amount": 4_900, "currency": "EUR"}]}]})
}

#[tokio::test(start_paused = true)]
async fn what_was_there_and_what_comes_is_found() {
    let place = Place::open().await;
    assert_eq!(place.found(Wanted::default()).await, ["a", "b"]);
    place.create(7, lamp("L1")).await;
    place.settle().await;
    assert_eq!(place.found(named("lamp")).await, ["lamp-l1"]);
    let categories = json!([{"slug": "light", "title": "Light", "translations": {"ko": {"title": "조명"}}},
        {"slug": "desk-lamps", "title": "For desks", "parent": "light"}]);
    let categories = serde_json::from_value(categories).expect("categories");
    place.shop.catalog.replace_categories(categories, &Caller::system()).await.expect("a tree");
    // A tree that changes is heard of at once and writes nothing.
    let writes = place.index.writes.load(Ordering::Relaxed);
    for q in ["조명", "light", "desks", "oak", "banu", "l1"] {
        assert_eq!(place.found(named(q)).await, ["lamp-l1"], "{q}");
    }
    let under = Wanted { category: Some("light".to_owned()), ..Wanted::default() };
    assert_eq!(place.found(under).await, ["lamp-l1"]);
    place.settle().await;
    assert_eq!(place.index.writes.load(Ordering::Relaxed), writes);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_sold_out_or_back_is_written() {
    let place = Place::open().await;
    place.create(7, lamp("L1")).await;
    place.settle().await;
    let in_stock = || Wanted { only_in_stock: true, ..named("lamp") };
    assert_eq!(place.found(in_stock()).await, [] as [&str; 0]);
    let mut writes = place.index.writes.load(Ordering::Relaxed);
    for (delta, is_in_stock, is_written) in
        [(5, true, true), (-2, true, false), (40, true, false), (-43, false, true), (1, true, true)]
    {
        place.receive("L1", delta, &format!("once {delta}")).await;
        place.settle().await;
        assert_eq!(place.found(in_stock()).await.len(), usize::from(is_in_stock), "{delta}");
        writes += u64::from(is_written);
        assert_eq!(place.index.writes.load(Ordering::Relaxed), writes, "{delta}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_was_behind_or_is_not_ours_is_brought_along() {
    let mut place = Place::open().await;
    // Nothing can be written for a while; what was committed meanwhile is found afterwards.
    place.index.fails.store(true, Ordering::Relaxed);
    place.create(7, lamp("L1")).await;
    let lag = async || place.search.lag().await.expect("the log answers");
    testkit::mart::eventually("the failure is told", LONG, async || lag().await.failure).await;
    assert!(lag().await.facts > 0);
    place.index.fails.store(false, Ordering::Relaxed);
    place.settle().await;
    assert_eq!((place.found(named("lamp")).await, lag().await.failure), (vec!["lamp-l1".to_owned()], None));
    // Another start, on what the index held before some facts, and on another shop's index.
    let held = place.index.index.positions().await.expect("positions");
    let before: Positions = held.iter().map(|(shard, position)| (*shard, position / 2)).collect();
    let ahead: Positions = held.iter().map(|(shard, position)| (*shard, position + 1)).collect();
    for positions in [before, ahead] {
        let gone = vec![ProductId::from_bytes([7; 16])];
        place.index.index.write(Changes { gone, positions, ..Changes::default() }).await.expect("a write");
        place.search = start(&place.shop, place.index.clone());
        place.settle().await;
        assert_eq!(place.found(named("lamp")).await, ["lamp-l1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_answer_before_the_index_does() {
    let mut place = Place::open().await;
    let index = Arc::new(Watched { fails: AtomicBool::new(true), ..Watched::default() });
    place.search = start(&place.shop, index.clone());
    place.shop.machinery.settle_lists().await.expect("the log answers");
    let (status, listed) = place.get("/api/products?facets=true").await;
    assert_eq!((status, listed["items"].as_array().map(Vec::len), &listed["facets"]), (200, Some(2), &Value::Null));
    let (status, problem) = place.get("/api/products?brand=Banu").await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("unavailable")));
    index.fails.store(false, Ordering::Relaxed);
    place.settle().await;
    let (status, listed) = place.get("/api/products?facets=true").await;
    assert_eq!((status, &listed["total"], &listed["facets"]["in_stock"]), (200, &json!(2), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn parameters_mean_what_they_say_or_are_refused() {
    let place = Place::open().await;
    place.create(7, lamp("L1")).await;
    place.settle().await;
    for (query, slugs) in [
        ("brand=Banu", vec!["lamp-l1"]),
        ("brand=Banu&brand=Other&attr.material=Oak&attr.material=Ash", vec!["lamp-l1"]),
        ("attr.material=Ash", vec![]),
        ("price_min=2000&price_max=", vec!["lamp-l1"]),
        ("price_max=1999", vec!["a", "b"]),
        ("in_stock=true&sort=title", vec!["a", "b"]),
        ("q=lamp&sort=relevance&unknown=1", vec!["lamp-l1"]),
        ("q=%E2%80%A6", vec![]),
        ("category=desk-lamps", vec!["lamp-l1"]),
    ] {
        let (status, found) = place.get(&format!("/api/products?{query}")).await;
        let items = found["items"].as_array().cloned().unwrap_or_default();
        let found: Vec<&str> = items.iter().filter_map(|card| card["slug"].as_str()).collect();
        assert_eq!((status, found), (200, slugs), "{query}");
    }
    let (_, first) = place.get("/api/products?limit=1&sort=title").await;
    let cursor = first["next_cursor"].as_str().expect("a next page").to_owned();
    assert_eq!(place.get(&format!("/api/products?limit=5&sort=title&cursor={cursor}")).await.0, 200);
    let many: String = (0..51).map(|n| format!("brand={n}&")).collect();
    for (query, code) in [
        (format!("sort=newest&cursor={cursor}"), "bad_cursor"),
        (format!("sort=title&brand=Banu&cursor={cursor}"), "bad_cursor"),
        ("cursor=x".to_owned(), "bad_cursor"),
        (format!("q={}", "x".repeat(201)), "too_long"),
        ("limit=0".to_owned(), "malformed_query"),
        ("limit=101".to_owned(), "malformed_query"),
        ("sort=best".to_owned(), "malformed_query"),
        ("in_stock=maybe".to_owned(), "malformed_query"),
        ("q=%00".to_owned(), "malformed_query"),
        ("price_min=-1".to_owned(), "invalid_amount"),
        ("price_max=cheap".to_owned(), "invalid_amount"),
        ("currency=USD".to_owned(), "unknown_currency"),
        ("locale=xx-yy-zz".to_owned(), "unknown_locale"),
        (many, "too_many"),
    ] {
        let (status, problem) = place.get(&format!("/api/products?{query}")).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{query}");
    }
}
