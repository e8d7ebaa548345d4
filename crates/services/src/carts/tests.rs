//! Carts as a shopper meets them over HTTP, beside a tiny shop, catalogue and inventory.
//! It does not know the real ones.

mod change;
mod order;
mod quote;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use contracts::catalog::{CategoryView, ListProducts, Listing, Media, Offer, ProductCard, ProductView, Reading};
use contracts::inventory::Reserved;
use contracts::shop::CurrentSettings;
use domain::catalog::{CategoryInput, Product, ProductInput};
use domain::ids::{ProductId, RefundId, ShipmentId};
use domain::locale::Locale;
use domain::money::Currency;
use domain::quantity::Quantity;
use domain::reservation::Reservation;
use domain::settings::SettingsInput;
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason, Stock};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::in_memory::{Client, OneKey, Reply, machinery, repeats};

/// A shop, a catalogue and an inventory, as far as carts ask them.
#[derive(Default)]
struct Mart {
    settings: Mutex<SettingsInput>,
    /// By SKU and currency.
    prices: Mutex<BTreeMap<(String, String), i64>>,
    inactive: Mutex<BTreeSet<String>>,
    stock: Mutex<BTreeMap<String, Stock>>,
}

impl Mart {
    fn price(&self, sku: &str, currency: &str, price: i64) {
        self.prices.lock().insert((sku.to_owned(), currency.to_owned()), price);
    }

    fn count(&self, sku: &str, on_hand: i64) {
        let mut stock = Stock::default();
        stock.apply(&stock.adjust(&Location::default(), on_hand, Reason::Received).unwrap());
        self.stock.lock().insert(sku.to_owned(), stock);
    }
}

#[async_trait]
impl Shop for Mart {
    async fn settings(&self) -> Result<Arc<CurrentSettings>> {
        let settings = self.settings.lock().validate().unwrap();
        Ok(Arc::new(CurrentSettings { settings, version: 1 }))
    }

    async fn replace_settings(&self, _: SettingsInput, _: Option<u64>) -> Result<Arc<CurrentSettings>> {
        unreachable!("carts do not change settings")
    }
}

#[async_trait]
impl Catalog for Mart {
    async fn offers(&self, skus: &[Sku], currency: Currency, locale: &Locale) -> Result<BTreeMap<Sku, Offer>> {
        let prices = self.prices.lock();
        let known: BTreeSet<&str> = prices.keys().map(|(sku, _)| sku.as_str()).collect();
        let offer = |sku: &Sku| Offer {
            product: ProductId::from_bytes([1; 16]),
            slug: "mug".to_owned(),
            title: format!("Mug ({locale})"),
            variant: "Large".to_owned(),
            price: prices.get(&(sku.to_string(), currency.to_string())).copied(),
            purchasable: !self.inactive.lock().contains(sku.as_str()),
            image: None,
        };
        let found = skus.iter().filter(|sku| known.contains(sku.as_str()));
        Ok(found.map(|sku| (sku.clone(), offer(sku))).collect())
    }

    async fn existing(&self, _: &[Sku]) -> Result<Vec<Sku>> {
        unreachable!()
    }

    async fn product(&self, _: &str, _: &Reading) -> Result<Arc<ProductView>> {
        unreachable!()
    }

    async fn products(&self, _: &ListProducts) -> Result<Listing<ProductCard>> {
        unreachable!()
    }

    async fn categories(&self, _: &Reading) -> Result<Vec<CategoryView>> {
        unreachable!()
    }

    async fn create_product(&self, _: ProductId, _: ProductInput, _: &Caller) -> Result<Arc<Product>> {
        unreachable!()
    }

    async fn replace_categories(&self, _: Vec<CategoryInput>, _: &Caller) -> Result<()> {
        unreachable!()
    }

    async fn store_media(&self, _: &str, _: Bytes, _: &Caller) -> Result<Media> {
        unreachable!()
    }
}

#[async_trait]
impl Inventory for Mart {
    async fn stock(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>> {
        let stock = self.stock.lock();
        Ok(skus.iter().map(|sku| (sku.clone(), stock.get(sku.as_str()).cloned().unwrap_or_default())).collect())
    }

    async fn reserve(&self, _: &OrderId, _: &[(Sku, Quantity)], _: Timestamp, _: &Caller) -> Result<Reserved> {
        unreachable!()
    }

    async fn confirm(&self, _: &OrderId, _: &Caller) -> Result<bool> {
        unreachable!()
    }

    async fn release(&self, _: &OrderId, _: &Caller) -> Result<()> {
        unreachable!()
    }

    async fn unconfirmed(&self, _: Timestamp) -> Result<Vec<OrderId>> {
        unreachable!()
    }

    async fn abandon(&self, _: &OrderId, _: &Caller) -> Result<bool> {
        unreachable!()
    }

    async fn ship(&self, _: &OrderId, _: &ShipmentId, _: &[(Sku, Quantity)], _: &Caller) -> Result<()> {
        unreachable!()
    }

    async fn restock(
        &self,
        _: &OrderId,
        _: &RefundId,
        _: &[(Sku, Quantity)],
        _: &[(Sku, Quantity)],
        _: &Caller,
    ) -> Result<()> {
        unreachable!()
    }

    async fn adjust(&self, _: &Sku, _: &Location, _: i64, _: Reason, _: &str, _: &Caller) -> Result<Stock> {
        unreachable!()
    }

    async fn set_policy(&self, _: &Sku, _: Policy, _: &Caller) -> Result<Stock> {
        unreachable!()
    }

    async fn reservation(&self, _: &OrderId, _: Option<Timestamp>) -> Result<Reservation> {
        unreachable!()
    }
}

struct Counter {
    client: Client,
    carts: Arc<Carts>,
    mart: Arc<Mart>,
    machinery: Machinery,
}

/// A shopper's own cart: where it is and what opens it.
#[derive(Clone)]
struct Mine {
    id: String,
    bearer: String,
}

async fn counter() -> Counter {
    let machinery = machinery().await;
    let mart = Arc::new(Mart::default());
    *mart.settings.lock() = serde_json::from_value(json!({
        "locales": ["en", "de"], "currencies": ["USD", "EUR", "JPY", "KRW", "KWD"],
        "countries": [
            {"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true},
            {"country": "JP", "tax_rate_ppm": 100_000, "prices_include_tax": true},
            {"country": "KW"}, {"country": "US", "tax_rate_ppm": 82_500}
        ],
        "shipping_methods": [{
            "id": "standard", "name": "Standard", "countries": ["US", "DE"], "estimate_days": [3, 7],
            "rates": [{"currency": "USD", "amount": 690, "free_above": 7500}, {"currency": "EUR", "amount": 490}]
        }]
    }))
    .unwrap();
    for (sku, currency, price) in [
        ("A1", "USD", 1_299),
        ("A1", "EUR", 1_199),
        ("A1", "JPY", 1_980),
        ("A1", "KRW", 19_800),
        ("A1", "KWD", 4_250),
        ("B2", "USD", 500),
    ] {
        mart.price(sku, currency, price);
    }
    mart.count("A1", 100);
    mart.count("B2", 3);
    let carts = Arc::new(Carts::new(&machinery, mart.clone(), mart.clone(), mart.clone()));
    let client = Client::new(http::router(carts.clone(), repeats(&machinery)), Arc::new(OneKey));
    Counter { client, carts, mart, machinery }
}

impl Counter {
    async fn create(&self, body: Value) -> Reply {
        self.client.send("POST /api/carts", &[], body).await
    }

    /// A new cart in dollars.
    async fn cart(&self, lines: Value) -> (Mine, Reply) {
        let created = self.create(json!({"currency": "USD", "lines": lines})).await;
        assert_eq!(created.status.as_u16(), 201, "{:?}", created.body);
        let text = |name: &str| created.body[name].as_str().unwrap().to_owned();
        (Mine { id: text("id"), bearer: format!("Bearer {}", text("token")) }, created)
    }

    /// `request` is `PATCH /lines/…`, below the cart.
    async fn ask(&self, mine: &Mine, request: &str, if_match: &str, body: Value) -> Reply {
        let (method, path) = request.split_once(' ').unwrap();
        let request = format!("{method} /api/carts/{}{path}", mine.id);
        let mut headers = vec![("authorization", mine.bearer.as_str())];
        if !if_match.is_empty() {
            headers.push(("if-match", if_match));
        }
        self.client.send(&request, &headers, body).await
    }

    async fn look(&self, mine: &Mine) -> Reply {
        self.ask(mine, "GET ", "", Value::Null).await
    }
}

fn totals(reply: &Reply) -> Vec<(&str, i64)> {
    let totals = reply.body["totals"].as_array().unwrap().iter();
    totals.map(|total| (total["type"].as_str().unwrap(), total["amount"].as_i64().unwrap())).collect()
}

fn problem_codes(reply: &Reply) -> Vec<&str> {
    reply.body["problems"].as_array().unwrap().iter().map(|problem| problem["code"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cart_is_created_and_seen_with_its_token_only() {
    let counter = counter().await;
    let (mine, created) = counter.cart(json!([{"sku": "A1", "quantity": 2}, {"sku": "A1", "quantity": 1}])).await;
    assert_eq!(created.header("location"), format!("/api/carts/{}", mine.id));
    assert_eq!((created.header("etag"), created.header("cache-control")), ("\"1\"", "no-store"));
    let line = &created.body["lines"][0];
    assert_eq!((&line["quantity"], &line["unit_price"], &line["total"]), (&json!(3), &json!(1299), &json!(3897)));
    assert_eq!(
        (&line["title"], &line["slug"], &line["availability"]),
        (&json!("Mug (en)"), &json!("mug"), &json!("in_stock"))
    );
    assert_eq!((&created.body["item_count"], &created.body["order_id"]), (&json!(3), &Value::Null));
    assert_eq!(totals(&created), [("subtotal", 3897), ("total", 3897)]);
    assert_eq!(created.body["expires_at"], json!("2027-02-14T08:00:00Z"));

    let seen = counter.look(&mine).await;
    assert_eq!((seen.status.as_u16(), seen.header("etag"), &seen.body["token"]), (200, "\"1\"", &Value::Null));
    for bearer in ["", "Bearer wrong", "Basic x"] {
        let other = counter.look(&Mine { bearer: bearer.to_owned(), ..mine.clone() }).await;
        assert_eq!(other.problem(), (404, "not_found"), "{bearer}");
    }
    let staff = Mine { bearer: "Bearer staff".to_owned(), ..mine.clone() };
    assert_eq!(counter.look(&staff).await.status.as_u16(), 200);
    for id in ["crt_00000000000000000000000000", "x", "%00", "%F0%9F%9B%92"] {
        let none = counter.look(&Mine { id: id.to_owned(), ..mine.clone() }).await;
        assert_eq!(none.problem(), (404, "not_found"), "{id}");
    }
    let body = counter.machinery.documents.scan(CARTS, None, 1).await.unwrap()[0].body.clone();
    assert!(!body.contains(&mine.bearer["Bearer ".len()..]));
}

#[tokio::test(start_paused = true)]
async fn a_cart_is_forgotten_after_a_month() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([])).await;
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    tokio::time::advance(29 * day).await;
    let kept = counter.ask(&mine, "POST /lines", "\"1\"", json!({"sku": "A1", "quantity": 1})).await;
    assert_eq!(kept.status.as_u16(), 200);
    tokio::time::advance(29 * day).await;
    assert_eq!(counter.look(&mine).await.status.as_u16(), 200);
    tokio::time::advance(day).await;
    assert_eq!(counter.look(&mine).await.status.as_u16(), 404);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_wrong_with_a_new_cart_is_told() {
    let counter = counter().await;
    let wrong = counter
        .create(json!({"currency": "XXX", "locale": "!", "country": "UK",
            "lines": [{"sku": "", "quantity": 0}, {"sku": "A1", "quantity": 10_000_000}]}))
        .await;
    assert_eq!(wrong.problem(), (422, "invalid"));
    assert_eq!(
        wrong.errors(),
        [
            "/currency unknown_currency",
            "/locale invalid_locale",
            "/country unknown_country",
            "/lines/0/sku invalid_sku",
            "/lines/0/quantity out_of_range",
            "/lines/1/quantity out_of_range",
        ]
    );
    counter.mart.inactive.lock().insert("B2".to_owned());
    counter.mart.price("EURO", "EUR", 1);
    let lines = json!([{"sku": "🛒", "quantity": 1}, {"sku": "B2", "quantity": 1}, {"sku": "EURO", "quantity": 1},
        {"sku": "A1", "quantity": 1_000_000}, {"sku": "A1", "quantity": 1}]);
    let unsold = counter.create(json!({"currency": "USD", "lines": lines})).await;
    let expected = [
        "/lines/0/sku unknown_sku",
        "/lines/1/sku not_for_sale",
        "/currency no_price_in_currency",
        "/lines/4/quantity out_of_range",
    ];
    assert_eq!(unsold.errors(), expected);
    assert_eq!(counter.create(json!({"currency": "CHF"})).await.errors(), ["/currency no_price_in_currency"]);
    let abroad = counter.create(json!({"currency": "USD", "country": "FR"})).await;
    assert_eq!(abroad.errors(), ["/country no_shipping_to_country"]);
    let many: Vec<Value> = (0..201).map(|n| json!({"sku": format!("S{n}"), "quantity": 1})).collect();
    assert_eq!(counter.create(json!({"currency": "USD", "lines": many})).await.errors(), ["/lines too_many"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_malformed() {
    let counter = counter().await;
    for (body, pointer) in [
        (r#"{"currency": 5}"#, "/currency wrong_type"),
        (r#"{}"#, "/currency missing"),
        (r#"{"currency": "USD", "lines": {}}"#, "/lines wrong_type"),
        (r#"{"currency": "USD", "lines": [{"sku": "A1", "quantity": 1.5}]}"#, "/lines/0/quantity wrong_type"),
        (r#"{"currency": "USD", "lines": [{"sku": "A1", "quantity": "1"}]}"#, "/lines/0/quantity wrong_type"),
        (r#"{"currency": "USD", "lines": [{"sku": "A\u0000", "quantity": 1}]}"#, "/lines/0/sku nul"),
    ] {
        let refused = counter.client.send_text("POST /api/carts", &[], body.to_owned()).await;
        assert_eq!(
            (refused.problem(), refused.errors()),
            ((400, "malformed_body"), vec![pointer.to_owned()]),
            "{body}"
        );
    }
    let huge = r#"{"currency": "USD", "lines": [{"sku": "A1", "quantity": 99999999999999999999}]}"#;
    assert_eq!(counter.client.send_text("POST /api/carts", &[], huge.to_owned()).await.problem().0, 400);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_makes_one_cart() {
    let counter = counter().await;
    let headers = [("idempotency-key", "k1")];
    let body = json!({"currency": "USD", "lines": [{"sku": "A1", "quantity": 1}]});
    let first = counter.client.send("POST /api/carts", &headers, body.clone()).await;
    counter.mart.inactive.lock().insert("A1".to_owned());
    let again = counter.client.send("POST /api/carts", &headers, body).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&again.body["id"], &again.body["token"]), (&first.body["id"], &first.body["token"]));
    let other = counter.client.send("POST /api/carts", &headers, json!({"currency": "EUR"})).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    let records = counter.machinery.documents.scan(platform::http::idempotency::COLLECTION, None, 9).await.unwrap();
    assert!(records.iter().all(|record| !record.body.contains(first.body["token"].as_str().unwrap())));
    let (one, two) = (counter.cart(json!([])).await.0, counter.cart(json!([])).await.0);
    assert!(one.id != two.id && one.bearer != two.bearer);
}
