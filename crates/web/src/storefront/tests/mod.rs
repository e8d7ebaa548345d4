//! The storefront as a browser meets it: requests against the router of a shop in a box, the conventions of HTTP around it.
//! It does not run scripts; what they do is tested where there is a real browser.

mod browser;
mod buying;
mod carts;
mod finding;
mod hostile;
mod looking;
mod orders;
mod placing;
mod reading;
mod safety;

use std::sync::Arc;

use contracts::caller::Caller;
use contracts::catalog::Catalog as _;
use contracts::inventory::Inventory as _;
use contracts::products::ProductDesk;
use contracts::shop::Shop as _;
use domain::ids::ProductId;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use platform::entropy::SeededEntropy;
use platform::http::metrics::Registry;
use platform::http::{Config, Conventions, Site};
use serde_json::{Value, json};
use testkit::shop::BoxedShop;

use crate::{Options, Services, for_people, router};
use browser::Browser;

/// A shop in English and Korean that sells in euros and won, to Germany, Korea and the United States.
pub struct Shop {
    pub boxed: BoxedShop,
    site: Site,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    pub async fn open_with(options: Options) -> Self {
        let boxed = BoxedShop::open(7).await;
        let settings = serde_json::from_value(settings()).unwrap();
        boxed.shop.replace_settings(settings, None).await.unwrap();
        let services = services(&boxed);
        let config = Config::new(Arc::new(SeededEntropy::new(11)), Arc::new(Registry::default()));
        let conventions = Conventions::new(config);
        let routes = conventions.around(router(&services, &options));
        let shop = Self { site: Site::new(for_people(routes, &services, &options), conventions), boxed };
        shop.sell(10, mug()).await;
        shop.receive("MUG-S", 5).await;
        shop.receive("MUG-L", 5).await;
        shop
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.site.clone())
    }

    /// Adds a product; `n` makes its id.
    pub async fn sell(&self, n: u8, product: Value) {
        let product = serde_json::from_value(product).unwrap();
        let id = ProductId::from_bytes([n; 16]);
        self.boxed.catalog.create_product(id, product, &Caller::system()).await.unwrap();
        self.boxed.machinery.settle_lists().await.unwrap();
    }

    /// Writes a product anew.
    pub async fn change(&self, n: u8, product: Value) {
        let id = ProductId::from_bytes([n; 16]);
        let desk: &dyn ProductDesk = self.boxed.catalog.as_ref();
        let seen = desk.product(&id).await.unwrap().version;
        let product = serde_json::from_value(product).unwrap();
        desk.replace(&id, product, seen, &Caller::system()).await.unwrap();
    }

    pub async fn receive(&self, sku: &str, quantity: i64) {
        let parsed = Sku::parse(sku).unwrap();
        let request = format!("{sku} {quantity}");
        let reason = if quantity < 0 { Reason::Lost } else { Reason::Received };
        let (shelf, caller) = (Location::default(), Caller::system());
        self.boxed.inventory.adjust(&parsed, &shelf, quantity, reason, &request, &caller).await.unwrap();
    }
}

fn services(boxed: &BoxedShop) -> Services {
    let staff = boxed.staff();
    Services {
        shop: boxed.shop.clone(),
        pages: boxed.pages(),
        catalog: boxed.catalog.clone(),
        search: boxed.catalog.clone(),
        products: boxed.catalog.clone(),
        stock: boxed.stock_desk(),
        shopping: boxed.carts.clone(),
        checkout: boxed.counter(),
        orders: boxed.order_desk(),
        mail: boxed.mail.clone(),
        payments: boxed.payments.clone(),
        test_bank: Some(boxed.bank_window()),
        staff: staff.clone(),
        staff_desk: staff,
        presence: boxed.presence(),
        statistics: boxed.statistics(),
        transfer: boxed.transfer(),
    }
}

fn settings() -> Value {
    json!({
        "name": "Box & Sons", "legal_name": "Box GmbH", "email": "box@example.com", "vat_id": "DE123",
        "address": {"line1": "Kistenweg 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
        "default_locale": "en", "locales": ["en", "ko"], "currencies": ["EUR", "KRW"], "time_zone": "Europe/Berlin",
        "countries": [
            {"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true},
            {"country": "KR", "tax_rate_ppm": 100_000, "prices_include_tax": true},
            {"country": "US", "tax_rate_ppm": 0, "prices_include_tax": false}],
        "shipping_methods": [
            {"id": "standard", "name": "Standard", "translations": {"ko": {"name": "일반 배송"}},
             "countries": ["DE", "KR", "US"], "estimate_days": [3, 7],
             "rates": [{"currency": "EUR", "amount": 490, "free_above": null}, {"currency": "KRW", "amount": 3000, "free_above": null}]},
            {"id": "express", "name": "Express", "countries": ["DE"],
             "rates": [{"currency": "EUR", "amount": 1490, "free_above": null}]}],
        "payment_methods": [{"id": "card", "provider": "test", "name": "Card"},
            {"id": "bank", "provider": "manual", "name": "Bank transfer", "instructions": "Send it to account 7."}],
    })
}

/// A mug in two sizes.
pub fn mug() -> Value {
    let variant = |sku: &str, size: &str, euros: i64, won: i64| {
        json!({"sku": sku, "options": {"Size": size},
            "prices": [{"amount": euros, "currency": "EUR"}, {"amount": won, "currency": "KRW"}]})
    };
    json!({
        "slug": "mug", "title": "Stone mug", "description": "Heavy.\n\nHolds tea.", "brand": "Kiln",
        "options": [{"name": "Size", "values": ["Small", "Large"]}],
        "variants": [variant("MUG-S", "Small", 2_400, 34_000), variant("MUG-L", "Large", 3_200, 45_000)],
        "translations": {"ko": {"title": "돌 머그", "options": {"Size": {"name": "크기", "values": {"Small": "작은 것", "Large": "큰 것"}}}}},
    })
}

/// A wish to buy as the checkout's form sends it, beside its hidden fields.
pub const BERLIN: [(&str, &str); 9] = [
    ("email", "ada@example.com"),
    ("name", "Ada Example"),
    ("country", "DE"),
    ("line1", "Main street 1"),
    ("postal_code", "10115"),
    ("city", "Berlin"),
    ("shipping_method", "standard"),
    ("payment", "card/tok_success"),
    ("terms", "yes"),
];
