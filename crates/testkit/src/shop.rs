//! A shop in a box: every service on in-memory engines, one seed, and time that stands still until it is waited for.
//! It serves no socket and knows no staff; requests go straight to the routers, as whoever the test says.

use std::sync::Arc;
use std::time::Duration;

use adapters::fetch::{Allows, HttpFetcher};
use adapters::payments::{Manual, Options, TestProvider};
use adapters::pictures::Workshop;
use adapters::spool::FolderSpool;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use contracts::caller::Caller;
use contracts::catalog::Catalog as _;
use contracts::inventory::Inventory as _;
use contracts::shop::Shop as _;
use domain::ids::{ProductId, StaffId};
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use platform::blobs::MemoryBlobs;
use platform::clock::{Clock, ManualClock};
use platform::documents::Documents;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::{Entropy, SeededEntropy};
use platform::http::idempotency::Idempotency;
use platform::log::executor::{Executor, Limits};
use platform::log::memory::MemoryLog;
use platform::log::{DEFAULT_SHARDS, Log};
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use serde_json::{Value, json};
use services::carts::Carts;
use services::catalog::Catalog;
use services::http::Repeats;
use services::inventory::{self, Inventory};
use services::machinery::Machinery;
use services::mail::{self, Mailroom};
use services::orders::{self, Counter, Neighbours, Orders};
use services::payments::{BankWindow, Notices, Payments, run_test_bank};
pub use services::presence::Presence;
use services::shop::{Shop, WrittenPages};
use services::staff::{self, PasswordHasher, Staff};
use services::statistics::Statistics;
use services::transfer::{self, Transfer};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::postbox::Postbox;

/// When every box opens.
const OPENS_AT: &str = "2026-11-27T00:00:00Z";

/// So many that no test waits for it.
const MAILS_PER_SECOND: u32 = 1_000;
/// How often a box is looked at while it comes to rest.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// A running shop.
pub struct BoxedShop {
    pub log: Arc<MemoryLog>,
    pub machinery: Machinery,
    /// Can be put forward alone, so that days pass without every timer in between.
    pub clock: Arc<ManualClock>,
    pub orders: Arc<Orders>,
    pub inventory: Arc<Inventory>,
    pub payments: Arc<Payments>,
    pub shop: Arc<Shop>,
    pub catalog: Arc<Catalog>,
    pub carts: Arc<Carts>,
    /// Follows and sends when a test says so.
    pub mail: Arc<Mailroom>,
    pub postbox: Arc<Postbox>,
    bank: Arc<TestProvider>,
    router: Router,
    folder: TempDir,
}

impl BoxedShop {
    /// Opens a shop on the current runtime, which must be a current-thread one with paused time if two boxes with
    /// one seed are to do the same.
    pub async fn open(seed: u64) -> Self {
        Self::stocked(Self::open_empty(seed).await).await
    }

    /// The same on a store that other nodes write, too.
    pub async fn open_among_others(seed: u64) -> Self {
        Self::stocked(Self::open_on(MemoryLog::with_ownership(DEFAULT_SHARDS, false), seed).await).await
    }

    async fn stocked(shop: Self) -> Self {
        stock(&shop.shop, &shop.catalog, &shop.inventory).await;
        shop.machinery.settle_lists().await.expect("the log answers");
        shop
    }

    /// A shop that was told nothing and has nothing to sell.
    pub async fn open_empty(seed: u64) -> Self {
        Self::open_on(MemoryLog::new(DEFAULT_SHARDS), seed).await
    }

    async fn open_on(log: MemoryLog, seed: u64) -> Self {
        let log = Arc::new(log);
        let folder = TempDir::new().expect("a folder");
        let clock = Arc::new(ManualClock::starting_at(OPENS_AT.parse().expect("a time")));
        let machinery = machinery(log.clone(), Arc::default(), clock.clone(), seed).await;
        let shop = Arc::new(Shop::new(&machinery));
        let inventory = Arc::new(Inventory::new(machinery.clone()));
        let workshop = Workshop::start().expect("a thread");
        let catalog = Catalog::new(machinery.clone(), shop.clone(), inventory.clone(), Arc::new(workshop));
        let carts = Arc::new(Carts::new(&machinery, shop.clone(), catalog.clone(), inventory.clone()));
        let bank = Arc::new(TestProvider::new(
            machinery.documents.clone(),
            machinery.clock.clone(),
            machinery.vault.master().clone(),
            Options { allowed: true, shop_url: String::new() },
        ));
        let payments = Arc::new(Payments::new(machinery.clone(), vec![Arc::new(Manual), bank.clone()]));
        let neighbours = Neighbours {
            shop: shop.clone(),
            catalog: catalog.clone(),
            inventory: inventory.clone(),
            payments: payments.clone(),
            carts: carts.clone(),
        };
        let orders = Orders::new(machinery.clone(), neighbours, orders::Limits::default());
        tokio::spawn(orders.clone().run_sweeper());
        tokio::spawn(inventory.clone().run_sweeper());
        tokio::spawn(payments.clone().run_sweeper());
        tokio::spawn(run_test_bank(Arc::new(Notices::new(payments.clone(), orders.clone())), bank.clone()));
        let secret = machinery.vault.master().hash("idempotency keys", &[]);
        let idempotency = Idempotency::new(machinery.documents.clone(), machinery.clock.clone(), &secret);
        let repeats = Repeats::new(Arc::new(idempotency));
        let (router, _) = orders::http::router(orders.clone(), repeats).split_for_parts();
        let postbox = Arc::new(Postbox::default());
        let mail = mailroom(&machinery, &shop, &orders, &postbox);
        mail.begin().await.expect("a place in the log");
        Self {
            log,
            machinery,
            clock,
            orders,
            inventory,
            payments,
            shop,
            catalog,
            carts,
            mail,
            postbox,
            bank,
            router,
            folder,
        }
    }

    /// What shoppers reach of the orders.
    pub fn counter(&self) -> Arc<Counter> {
        Arc::new(Counter::new(self.orders.clone()))
    }

    /// What staff reach of the orders.
    pub fn order_desk(&self) -> Arc<orders::Desk> {
        Arc::new(orders::Desk::new(self.orders.clone()))
    }

    pub fn stock_desk(&self) -> Arc<inventory::Desk> {
        Arc::new(inventory::Desk::new(self.inventory.clone(), self.catalog.clone()))
    }

    pub fn pages(&self) -> Arc<WrittenPages> {
        Arc::new(WrittenPages::new(&self.machinery, self.shop.clone()))
    }

    /// Where buyers approve or decline test payments.
    pub fn bank_window(&self) -> Arc<BankWindow> {
        let notices = Arc::new(Notices::new(self.payments.clone(), self.orders.clone()));
        Arc::new(BankWindow::new(self.bank.clone(), notices))
    }

    /// The bank behind test payments.
    pub fn bank(&self) -> Arc<TestProvider> {
        self.bank.clone()
    }

    /// Staff, whose passwords are not worth hiding here. Each call answers with another one over the same members.
    pub fn staff(&self) -> Arc<Staff> {
        Arc::new(Staff::new(staff::Parts::of(&self.machinery), Arc::new(PlainHasher), None).expect("staff"))
    }

    /// Who is where, as a node that is alone knows it. Each call answers with another one, which knows nobody yet.
    pub fn presence(&self) -> Arc<Presence> {
        let known = platform::presence::Presence::start(None, || true);
        let Machinery { vault, clock, .. } = &self.machinery;
        Arc::new(Presence::new(known, vault.master().clone(), clock.clone()))
    }

    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::new(Statistics::new(&self.machinery, self.shop.clone()))
    }

    /// Imports and exports, with a folder of their own for as long as the box is open.
    pub fn transfer(&self) -> Arc<Transfer> {
        // Another box, or another client of this process, may have chosen it already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let spool = FolderSpool::open(self.folder.path()).expect("a folder");
        // Another test of this process may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let fetcher = HttpFetcher::new(Allows::default()).expect("a client");
        Transfer::new(transfer::Parts {
            machinery: self.machinery.clone(),
            shop: self.shop.clone(),
            catalog: self.catalog.clone(),
            book: self.catalog.clone(),
            inventory: self.inventory.clone(),
            spool: Arc::new(spool),
            fetcher: Arc::new(fetcher),
        })
    }

    /// The mailroom of another node, which sees the same store, and has the duties that this one leaves.
    pub async fn mail_of_another_node(&self, seed: u64) -> Arc<Mailroom> {
        let Machinery { documents, vault, blobs, clock, .. } = self.machinery.clone();
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let log: Arc<dyn Log> = self.log.clone();
        let started = Executor::start(log, services::kinds(), clock.clone(), entropy.clone(), Limits::default()).await;
        let executor = started.expect("an executor");
        let projector = Projector::start(&executor, &documents, &clock, &services::projections()).await;
        let projector = projector.expect("projections");
        let machinery = Machinery { executor, documents, projector, vault, blobs, clock, entropy };
        mailroom(&machinery, &self.shop, &self.orders, &self.postbox)
    }

    /// The mailroom as it is after a restart: it knows what was kept, and nothing else.
    pub fn mail_after_restart(&self) -> Arc<Mailroom> {
        mailroom(&self.machinery, &self.shop, &self.orders, &self.postbox)
    }

    /// Sends a JSON request as a guest, or as staff; answers status and body.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Value,
        as_staff: bool,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let staff = as_staff.then(|| StaffId::from_bytes([1; 16]));
        let caller = Caller { staff, ..Caller::default() };
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = request.extension(caller).body(body).expect("a request");
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a whole answer");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Waits until no order's process is open, at most `limit` of the box's own time.
    pub async fn comes_to_rest(&self, limit: Duration) -> bool {
        let rest = async {
            loop {
                let (tasks, _) = self.orders.tasks(None, None, 1).await.expect("a list");
                if tasks.is_empty() {
                    return;
                }
                tokio::time::sleep(LOOKS_EVERY).await;
            }
        };
        tokio::time::timeout(limit, rest).await.is_ok()
    }

    /// Places an order as a guest.
    pub async fn buy(&self, key: &str, lines: &[(&str, u32)], token: &str) -> (u16, Value) {
        let lines: Vec<Value> = lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let body = json!({
            "currency": "EUR",
            "lines": lines,
            "buyer": {"email": "ada@example.com", "name": "Ada Example"},
            "shipping_address": {"line1": "Main street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
            "shipping_method": "standard",
            "payment": {"provider": "test", "token": token},
        });
        self.send(Method::POST, "/api/orders", Some(key), body, false).await
    }
}

/// Keeps passwords as they are: a real hasher would take a thread and a second.
struct PlainHasher;

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &str, _: [u8; 16]) -> contracts::Result<String> {
        Ok(password.to_owned())
    }

    async fn verify(&self, password: &str, hash: &str) -> contracts::Result<bool> {
        Ok(password == hash)
    }
}

fn mailroom(machinery: &Machinery, shop: &Arc<Shop>, orders: &Arc<Orders>, postbox: &Arc<Postbox>) -> Arc<Mailroom> {
    let desk = Arc::new(orders::Desk::new(orders.clone()));
    let options = mail::Options {
        public_url: None,
        listen_url: "http://127.0.0.1:8080".to_owned(),
        per_second: MAILS_PER_SECOND,
    };
    Mailroom::new(machinery.clone(), shop.clone(), desk, postbox.clone(), options)
}

async fn machinery(
    log: Arc<MemoryLog>,
    documents: Arc<MemoryDocuments>,
    clock: Arc<ManualClock>,
    seed: u64,
) -> Machinery {
    let clock: Arc<dyn Clock> = clock;
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    let documents: Arc<dyn Documents> = documents;
    let port: Arc<dyn Log> = log;
    let started = Executor::start(port, services::kinds(), clock.clone(), entropy.clone(), Limits::default()).await;
    let executor = started.expect("an executor");
    let projector = Projector::start(&executor, &documents, &clock, &services::projections()).await;
    let projector = projector.expect("projections");
    let master = MasterKey::generate(entropy.as_ref());
    let vault = Vault::new(master, documents.clone(), clock.clone(), entropy.clone());
    Machinery { executor, documents, projector, vault, blobs: Arc::new(MemoryBlobs::default()), clock, entropy }
}

/// Two products in EUR: `A` with 20 on hand and `B` with 1,000.
async fn stock(shop: &Shop, catalog: &Catalog, inventory: &Inventory) {
    let caller = Caller::system();
    let settings = json!({
        "name": "Box", "default_locale": "en", "locales": ["en", "ko"], "currencies": ["EUR"], "time_zone": "UTC",
        "countries": [{"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true}],
        "shipping_methods": [{"id": "standard", "name": "Standard", "countries": ["DE"],
            "rates": [{"currency": "EUR", "amount": 490, "free_above": null}]}],
        "payment_methods": [{"id": "test", "provider": "test", "name": "Test"},
            {"id": "bank", "provider": "manual", "name": "Bank transfer"}],
    });
    let settings = serde_json::from_value(settings).expect("settings");
    shop.replace_settings(settings, None).await.expect("settings are taken");
    for (n, name, on_hand) in [(1, "A", 20), (2, "B", 1_000)] {
        let product =
            json!({"title": name, "variants": [{"sku": name, "prices": [{"amount": 1_999, "currency": "EUR"}]}]});
        let product = serde_json::from_value(product).expect("a product");
        catalog.create_product(ProductId::from_bytes([n; 16]), product, &caller).await.expect("a product is taken");
        let sku = Sku::parse(name).expect("a SKU");
        let received = inventory.adjust(&sku, &Location::default(), on_hand, Reason::Received, name, &caller).await;
        received.expect("stock is taken");
    }
}
