//! Staff's pages as a browser without scripts meets them: requests against the router of a shop in a box.
//! It does not know a browser; what scripts do is tested where there is one.

mod beside;
mod deeds;
mod drafts;
mod filled;
mod gate;
mod goods;
mod hostile;
mod house;
mod numbers;
mod orders;
mod past;
mod people;
mod shelves;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use contracts::staff::Staff as _;
use parking_lot::Mutex;
use platform::entropy::SeededEntropy;
use platform::http::metrics::Registry;
use platform::http::{Config, conventions};
use serde_json::{Value, json};
use testkit::shop::{BoxedShop, Presence};
use tower::ServiceExt;

use crate::{Options, Services};

const EMAIL: &str = "owner@shop.example";

/// A shop and a browser that staff sit at.
struct Office {
    shop: BoxedShop,
    services: Services,
    /// The same that the pages ask.
    presence: Arc<Presence>,
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    password: String,
}

/// What came back.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Page {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it leads.
    fn location(&self) -> &str {
        self.header(header::LOCATION)
    }

    fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&begin).unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Office {
    /// Nobody is signed in.
    async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    async fn open_with(options: Options) -> Self {
        Self::of(BoxedShop::open(7).await, options).await
    }

    /// The owner is signed in to a shop that was told nothing yet.
    async fn empty() -> Self {
        let office = Self::of(BoxedShop::open_empty(7).await, Options::default()).await;
        office.enter().await;
        office
    }

    async fn of(shop: BoxedShop, options: Options) -> Self {
        let staff = shop.staff();
        let password = staff.create_first(EMAIL).await.unwrap().unwrap().secret;
        let presence = shop.presence();
        let services = Services {
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
            staff_desk: staff,
            presence: presence.clone(),
            statistics: shop.statistics(),
            transfer: shop.transfer(),
        };
        let config = Config::new(Arc::new(SeededEntropy::new(3)), Arc::new(Registry::default()));
        let router = conventions(crate::router(&services, &options), config);
        Self { shop, services, presence, router, cookies: Mutex::default(), password }
    }

    /// The owner is signed in.
    async fn signed_in() -> Self {
        let office = Self::open().await;
        office.enter().await;
        office
    }

    async fn enter(&self) {
        let page = self.post("/admin/sign-in", &[("email", EMAIL), ("password", &self.password)]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/admin"));
    }

    async fn get(&self, path: &str) -> Page {
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(request, body).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: String) -> Page {
        self.send_bytes(request, body.into_bytes()).await
    }

    async fn send_bytes(&self, request: axum::http::request::Builder, body: Vec<u8>) -> Page {
        let cookies: Vec<String> = self.cookies.lock().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") {
                self.cookies.lock().remove(name);
            } else {
                self.cookies.lock().insert(name.to_owned(), value.to_owned());
            }
        }
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, body }
    }

    /// Does a deed on an order's page: asks, and sends what the question's page holds with these fields.
    async fn deed(&self, order: &str, deed: &str, fields: &[(&str, &str)]) -> Page {
        let path = format!("/admin/orders/{order}/{deed}");
        let question = self.get(&path).await;
        assert_eq!(question.status, StatusCode::OK, "{deed}: {}", question.location());
        let once = question.hidden("once");
        self.post(&path, &[&[("once", once.as_str())], fields].concat()).await
    }

    /// A guest orders this many of `A`, at 19.99 each and 4.90 for shipping.
    async fn buy(&self, key: &str, quantity: u32) -> String {
        let (status, order) = self.shop.buy(key, &[("A", quantity)], "tok_success").await;
        assert_eq!(status, 201, "{order}");
        order["id"].as_str().unwrap().to_owned()
    }

    /// The same, to be paid by bank transfer, by whoever and wherever.
    async fn buy_as(&self, key: &str, name: &str, line1: &str, note: &str) -> String {
        let body = json!({
            "currency": "EUR",
            "lines": [{"sku": "A", "quantity": 1}],
            "buyer": {"email": "ada@example.com", "name": name},
            "shipping_address": {"line1": line1, "city": "Berlin", "postal_code": "10115", "country": "DE"},
            "shipping_method": "standard",
            "payment": {"provider": "manual"},
            "note": note,
        });
        let (status, order) = self.shop.send(axum::http::Method::POST, "/api/orders", Some(key), body, false).await;
        assert_eq!(status, 201, "{order}");
        order["id"].as_str().unwrap().to_owned()
    }

    /// The order as the API tells it to staff.
    async fn order(&self, id: &str) -> Value {
        let path = format!("/api/admin/orders/{id}");
        self.shop.send(axum::http::Method::GET, &path, None, Value::Null, true).await.1
    }

    /// What is on hand and what is reserved of `A`.
    async fn stock(&self) -> (i64, i64) {
        let levels = self.services.stock.level(&domain::sku::Sku::parse("A").unwrap()).await.unwrap();
        (levels.on_hand, levels.reserved)
    }
}
