//! The shop that most tests sell in: its settings, its goods, its guests.
//! It does not start anything.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Mart, eventually};

/// Prices exclude tax in the US and Japan, include it in Germany and Korea; currencies have 0, 2 and 3 digits.
pub fn settings() -> Value {
    let rate = |currency: &str, amount: i64, free_above: i64| json!({"currency": currency, "amount": amount, "free_above": free_above});
    json!({
        "name": "The Test Shop",
        "legal_name": "Test Shop Ltd",
        "email": "shop@example.com",
        "time_zone": "Europe/Berlin",
        "default_locale": "en",
        "locales": ["en", "ko"],
        "currencies": ["USD", "EUR", "KRW", "KWD", "JPY"],
        "countries": [
            {"country": "US", "tax_rate_ppm": 88_750, "prices_include_tax": false},
            {"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true},
            {"country": "KR", "tax_rate_ppm": 100_000, "prices_include_tax": true},
            {"country": "KW", "tax_rate_ppm": 0, "prices_include_tax": false},
            {"country": "JP", "tax_rate_ppm": 100_000, "prices_include_tax": false},
            {"country": "IE", "tax_rate_ppm": 230_000, "prices_include_tax": true},
        ],
        "shipping_methods": [{
            "id": "standard",
            "name": "Standard",
            "translations": {"ko": {"name": "일반 배송"}},
            "countries": ["US", "DE", "KR", "KW", "JP"],
            "rates": [
                rate("USD", 595, 100_000), rate("EUR", 490, 100_000), rate("KRW", 3_000, 500_000),
                rate("KWD", 1_250, 1_000_000), rate("JPY", 700, 100_000),
            ],
            "estimate_days": [2, 5],
        }],
        "payment_methods": [
            {"id": "test", "provider": "test", "name": "Test card"},
            {"id": "manual", "provider": "manual", "name": "Bank transfer"},
        ],
    })
}

/// One line for the United States, paid with a test token that works.
pub fn guest_order(sku: &str, quantity: i64) -> Value {
    json!({
        "currency": "USD",
        "lines": [{"sku": sku, "quantity": quantity}],
        "buyer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "shipping_address": {"line1": "12 St James's Square", "city": "New York", "region": "NY", "postal_code": "10001", "country": "US"},
        "shipping_method": "standard",
        "payment": {"provider": "test", "token": "tok_success"},
    })
}

/// The same document with one place changed; the place is made where there is none.
pub fn with(mut document: Value, pointer: &str, value: impl Into<Value>) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}"));
    match parent {
        Value::Array(items) => items[member.parse::<usize>().expect("an index")] = value.into(),
        other => other[member] = value.into(),
    }
    document
}

/// What one node knows, another knows after this, on a busy machine, too.
const AGREED_WITHIN: Duration = Duration::from_secs(10);

impl Mart {
    /// Replaces the settings, whatever they are.
    pub async fn put_settings(&self, settings: &Value) -> Answer {
        let seen = self.staff_get("/api/admin/settings").send().await.expect(200);
        let tag = seen.header("etag").expect("a tag").to_owned();
        let put = self.staff(Method::PUT, "/api/admin/settings").if_match(&tag).json(settings).send().await.expect(200);
        self.nodes_agree().await;
        put
    }

    pub async fn patch_settings(&self, patch: &Value) -> Answer {
        let patched = self.staff(Method::PATCH, "/api/admin/settings").json(patch).send().await.expect(200);
        self.nodes_agree().await;
        patched
    }

    /// Each node believes in settings for half a second; this waits until all of them tell shoppers the same.
    async fn nodes_agree(&self) {
        let [first, second] = self.addresses();
        if first == second {
            return;
        }
        let told = async |address| {
            let asked = self.client.get(format!("http://{address}/api/shop")).send().await.ok()?;
            asked.bytes().await.ok()
        };
        eventually("both nodes have the same settings", AGREED_WITHIN, async || {
            let (one, other) = (told(first).await?, told(second).await?);
            (one == other).then_some(())
        })
        .await;
    }

    /// A product with one variant, its price in US dollars, and so many on the shelf.
    pub async fn product(&self, sku: &str, price: i64, stock: i64) -> Answer {
        let product = self.product_in(sku, &[("USD", price)]).await;
        if stock != 0 {
            self.receive(sku, stock).await;
        }
        product
    }

    /// A product with one variant, and nothing on the shelf.
    pub async fn product_in(&self, sku: &str, prices: &[(&str, i64)]) -> Answer {
        let price = |(currency, amount): &(&str, i64)| json!({"currency": currency, "amount": amount});
        let prices: Vec<Value> = prices.iter().map(price).collect();
        let product = json!({"title": format!("A thing called {sku}"), "variants": [{"sku": sku, "prices": prices}]});
        self.staff_post("/api/admin/products").json(&product).send().await.expect(201)
    }

    pub async fn receive(&self, sku: &str, count: i64) -> Answer {
        self.adjust(sku, count, "received").await.expect(201)
    }

    pub async fn adjust(&self, sku: &str, delta: i64, reason: &str) -> Answer {
        let path = format!("/api/admin/stock/{sku}/adjustments");
        self.staff_post(&path).json(&json!({"delta": delta, "reason": reason})).send().await
    }

    /// On hand, reserved and available.
    pub async fn stock(&self, sku: &str) -> (i64, i64, i64) {
        let levels = self.staff_get(&format!("/api/admin/stock/{sku}")).send().await.expect(200);
        let count = |member: &str| levels.body[member].as_i64().unwrap_or_else(|| panic!("no {member}: {levels}"));
        (count("on_hand"), count("reserved"), count("available"))
    }

    /// Places an order as a guest.
    pub async fn place(&self, key: &str, order: &Value) -> Answer {
        self.post("/api/orders").key(key).json(order).send().await
    }

    /// Places an order that must be confirmed.
    pub async fn buy(&self, sku: &str, quantity: i64) -> Answer {
        self.place(&self.fresh_key(), &guest_order(sku, quantity)).await.expect(201)
    }

    /// An order as staff see it.
    pub async fn order(&self, id: &str) -> Answer {
        self.staff_get(&format!("/api/admin/orders/{id}")).send().await.expect(200)
    }

    /// What staff do to an order, under a key of its own.
    pub async fn act(&self, id: &str, action: &str, body: &Value) -> Answer {
        self.staff_post(&format!("/api/admin/orders/{id}/{action}")).json(body).send().await
    }

    /// The facts of an order, its payment and its stock.
    pub async fn events_of(&self, id: &str) -> Vec<Value> {
        let events = self.staff_get(&format!("/api/admin/orders/{id}/events")).send().await.expect(200);
        events.items().to_vec()
    }
}
