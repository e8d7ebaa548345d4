//! A shop in a box with all its routes, as the binary serves them, and some things in it that requests can name.
//! It has no socket, fetches nothing, and its time stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use contracts::caller::Caller;
use contracts::shop::Shop as _;
use contracts::staff::{Staff, Whence};
use platform::entropy::SeededEntropy;
use platform::http::idempotency::Idempotency;
use platform::http::metrics::Registry;
use platform::http::{Config, conventions};
use platform::store::StoreResult;
use serde_json::{Value, json};
use services::http::{Repeats, identify};
use services::search::naive::NaiveIndex;
use services::search::{Neighbours, Search};
use services::transfer::{self, FetchError, Fetcher, MemorySpool, Spool, Transfer};
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;

use crate::shop::BoxedShop;

/// Who owns the shop.
pub const OWNER: &str = "owner@shop.example";
const SEED: u64 = 7;

/// A shop and its door.
pub struct Front {
    pub shop: BoxedShop,
    pub router: Router,
    pub transfer: Arc<Transfer>,
    pub spool: Arc<Pieces>,
    /// What stands for `{{name}}` in a request.
    pub names: BTreeMap<&'static str, String>,
    drawn: AtomicUsize,
}

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Files in memory that are read in pieces as small as one likes.
pub struct Pieces {
    files: MemorySpool,
    bytes_max: AtomicUsize,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { files: MemorySpool::default(), bytes_max: AtomicUsize::new(usize::MAX) }
    }
}

impl Pieces {
    pub fn read_at_most(&self, bytes: usize) {
        self.bytes_max.store(bytes.max(1), Ordering::Relaxed);
    }
}

#[async_trait]
impl Spool for Pieces {
    async fn append(&self, name: &str, piece: Bytes) -> StoreResult<()> {
        self.files.append(name, piece).await
    }

    async fn read(&self, name: &str, from: u64, bytes_max: usize) -> StoreResult<Bytes> {
        self.files.read(name, from, bytes_max.min(self.bytes_max.load(Ordering::Relaxed))).await
    }

    async fn remove(&self, name: &str) -> StoreResult<()> {
        self.files.remove(name).await
    }
}

/// Nobody is asked for pictures: inputs name all kinds of addresses.
struct Nowhere;

#[async_trait]
impl Fetcher for Nowhere {
    async fn fetch(&self, _: &str) -> Result<Bytes, FetchError> {
        Err(FetchError::Unreachable("the shop is in a box".to_owned()))
    }
}

impl Front {
    /// On a current-thread runtime with paused time.
    pub async fn open() -> Self {
        let shop = BoxedShop::open(SEED).await;
        let staff = shop.staff();
        let password = staff.create_first(OWNER).await.expect("staff").expect("the first one").secret;
        let spool = Arc::new(Pieces::default());
        let transfer = imports(&shop, &spool);
        let router = router(&shop, &staff, &transfer);
        let names = BTreeMap::from([("password", password.clone())]);
        let mut front = Self { shop, router, transfer, spool, names, drawn: AtomicUsize::new(0) };
        front.names.insert("key", staff.new_key(None).await.expect("a key").secret);
        front
            .names
            .insert("session", staff.sign_in(OWNER, &password, Whence::default()).await.expect("a session").token);
        front.furnish().await;
        front
    }

    /// Puts some of everything into the shop.
    async fn furnish(&mut self) {
        let product = json!({
            "title": "Mug", "slug": "mug", "status": "active", "description_html": "<p>To <b>drink</b> from</p>",
            "categories": [], "attributes": {"stuff": "clay"}, "options": [{"name": "Size", "values": ["S", "L"]}],
            "variants": [
                {"sku": "MUG-S", "options": {"Size": "S"}, "prices": [{"amount": 1_250, "currency": "EUR"}]},
                {"sku": "MUG-L", "options": {"Size": "L"}, "prices": [{"amount": 1_450, "currency": "EUR"}]}],
        });
        let product = self.made("/api/admin/products", product).await;
        self.name("product", &product["id"]);
        let delta = json!({"delta": 1_000_000, "reason": "received"});
        self.made("/api/admin/stock/MUG-S/adjustments", delta).await;
        let cart = json!({"currency": "EUR", "lines": [{"sku": "MUG-S", "quantity": 2}]});
        let cart = self.made("/api/carts", cart).await;
        self.name("cart", &cart["id"]);
        self.name("cart_token", &cart["token"]);
        self.name("line", &cart["lines"][0]["id"]);
        let order = json!({
            "currency": "EUR", "lines": [{"sku": "MUG-S", "quantity": 3}],
            "buyer": {"email": "ada@example.com", "name": "Ada Example"},
            "shipping_address": {"line1": "Main street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
            "shipping_method": "standard", "payment": {"provider": "test", "token": "tok_success"},
        });
        let bought = self.made("/api/orders", order.clone()).await;
        self.name("order", &bought["id"]);
        self.name("number", &bought["number"]);
        self.name("order_token", &bought["access_token"]);
        self.name("order_line", &bought["lines"][0]["id"]);
        let spare = self.made("/api/orders", order.clone()).await;
        self.name("spare", &spare["id"]);
        let spare = json!({"title": "Spare", "variants": [{"sku": "SPARE", "prices": []}]});
        let spare = self.made("/api/admin/products", spare).await;
        self.name("spare_product", &spare["id"]);
        let mut waiting = order;
        waiting["payment"]["token"] = "tok_action".into();
        let waiting = self.made("/api/orders", waiting).await;
        self.name("waiting", &waiting["id"]);
        let bank = waiting["next_action"]["url"].as_str().and_then(|url| url.rsplit('/').next());
        self.name("reference", &bank.expect("the bank's window").into());
        let draft = json!({"currency": "EUR", "lines": [{"sku": "MUG-S", "quantity": 3, "unit_price": 5}]});
        let draft = self.made("/api/admin/draft-orders", draft).await;
        self.name("draft", &draft["id"]);
        let settings = self.shop.shop.settings().await.expect("settings");
        self.names.insert("settings_version", settings.version.to_string());
    }

    /// A text that was not there before.
    pub fn fresh(&self) -> String {
        format!("fresh-{}", self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    fn name(&mut self, name: &'static str, value: &Value) {
        let value = value.as_str().unwrap_or_else(|| panic!("no {name}: {value}"));
        self.names.insert(name, value.to_owned());
    }

    /// Sends JSON as staff; it must be taken.
    async fn made(&self, path: &str, body: Value) -> Value {
        let bearer = format!("Bearer {}", self.names["key"]);
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", bearer)
            .header("idempotency-key", self.fresh())
            .body(Body::from(body.to_string()))
            .expect("a request");
        let reply = self.send(request).await;
        assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.json());
        reply.json()
    }

    /// The whole answer. One that never ends, such as an order's events, is read for as long as it says something.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let is_endless = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = match is_endless {
            true => Bytes::new(),
            false => to_bytes(body, usize::MAX).await.expect("a whole answer"),
        };
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub fn staff() -> Caller {
        Caller::system()
    }
}

fn imports(shop: &BoxedShop, spool: &Arc<Pieces>) -> Arc<Transfer> {
    Transfer::new(transfer::Parts {
        machinery: shop.machinery.clone(),
        shop: shop.shop.clone(),
        catalog: shop.catalog.clone(),
        book: shop.catalog.clone(),
        inventory: shop.inventory.clone(),
        spool: spool.clone(),
        fetcher: Arc::new(Nowhere),
    })
}

/// Every route but those that tell of the process itself.
fn router(shop: &BoxedShop, staff: &Arc<services::staff::Staff>, transfer: &Arc<Transfer>) -> Router {
    let pages = page_services(shop, staff, transfer);
    let options = web::Options::default();
    let (api, _) = api(shop, staff, transfer).split_for_parts();
    let known: Arc<dyn Staff> = staff.clone();
    let api = api.layer(axum::middleware::from_fn_with_state(known, identify));
    let config = Config::new(Arc::new(SeededEntropy::new(11)), Registry::new());
    let inner = conventions(Router::new().merge(api).merge(web::router(&pages, &options)), config);
    web::for_people(inner, &pages, &options)
}

fn api(shop: &BoxedShop, staff: &Arc<services::staff::Staff>, transfer: &Arc<Transfer>) -> OpenApiRouter {
    let secret = shop.machinery.vault.master().hash("idempotency keys", &[]);
    let idempotency = Idempotency::new(shop.machinery.documents.clone(), shop.machinery.clock.clone(), &secret);
    let repeats = Repeats::new(Arc::new(idempotency));
    let repeats = || repeats.clone();
    let found = Neighbours {
        shop: shop.shop.clone(),
        lists: shop.catalog.clone(),
        shelves: shop.catalog.clone(),
        inventory: shop.inventory.clone(),
    };
    let search = Search::start(&shop.machinery, found, Arc::new(NaiveIndex::default()));
    OpenApiRouter::new()
        .merge(services::shop::http::router(shop.shop.clone(), repeats()))
        .merge(services::staff::http::router(staff.clone(), repeats()))
        .merge(services::catalog::http::router(shop.catalog.clone(), repeats()))
        .merge(services::search::http::router(search))
        .merge(services::inventory::http::router(shop.inventory.clone(), shop.catalog.clone(), repeats()))
        .merge(services::carts::http::router(shop.carts.clone(), repeats()))
        .merge(services::payments::http::router(shop.payments.clone(), shop.orders.clone(), Some(shop.bank())))
        .merge(services::orders::http::router(shop.orders.clone(), repeats()))
        .merge(services::statistics::http::router(shop.statistics()))
        .merge(services::transfer::http::router(transfer.clone(), repeats()))
        .merge(services::mail::http::router(shop.mail.clone(), repeats()))
}

fn page_services(shop: &BoxedShop, staff: &Arc<services::staff::Staff>, transfer: &Arc<Transfer>) -> web::Services {
    web::Services {
        shop: shop.shop.clone(),
        pages: shop.pages(),
        catalog: shop.catalog.clone(),
        search: shop.catalog.clone(),
        products: shop.catalog.clone(),
        stock: shop.stock_desk(),
        shopping: shop.carts.clone(),
        checkout: shop.counter(),
        orders: shop.order_desk(),
        mail: shop.mail.clone(),
        payments: shop.payments.clone(),
        test_bank: Some(shop.bank_window()),
        staff: staff.clone(),
        staff_desk: staff.clone(),
        presence: shop.presence(),
        statistics: shop.statistics(),
        transfer: transfer.clone(),
    }
}
