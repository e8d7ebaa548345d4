//! What a load needs of the shop, and what it leaves there: products to look at, and for orders a product of its own.
//! It does not put any load on. What it made it takes away again as far as a shop lets anything be taken away: the product
//! is archived and its remaining stock counted out; orders stay, for a shop never forgets one.

use std::collections::BTreeSet;

use platform::clock::{Clock as _, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use super::question::{self, read};
use super::script::{Checkout, Ground};
use super::wire::{Line, Request};
use crate::client::{self, Ask, Shop};

/// Products that are looked at: more only make the generator's own memory larger.
const PRODUCTS_MAX: usize = 1_000;
const PAGE: usize = 100;
/// Products whose SKUs go into carts.
const CART_PRODUCTS: usize = 50;
/// Shorter words find too much.
const WORD_CHARS: usize = 3;
/// What one piece costs, in minor units.
const PRICE: i64 = 1_999;
/// Countries whose addresses the load knows how to write, first.
const KNOWN_COUNTRIES: [&str; 4] = ["DE", "US", "KR", "JP"];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Shop(#[from] client::Error),
    #[error(transparent)]
    Question(#[from] question::Error),
    #[error("this shop has nothing to look at; load the sample shop, or import products")]
    NoProducts,
    #[error("nothing in this shop is in stock, so nothing can be put into a cart")]
    NothingInStock,
    #[error("this shop takes no test payments, and a load must not move money: {0}")]
    NoTestPayments(&'static str),
    #[error("this shop ships nowhere in {0}; staff say where and for how much in its settings")]
    NoShipping(String),
    #[error("the shop sells in no currency yet; staff say which in its settings")]
    NoCurrency,
}

/// What the shop tells everybody, and the currency that it sells in unless told.
pub async fn look_at_shop(line: &mut Line) -> Result<(Value, String), Error> {
    let shop = read(line, &Request::get("/api/shop")).await?;
    let currency = shop["default_currency"].as_str().ok_or(Error::NoCurrency)?.to_owned();
    Ok((shop, currency))
}

/// What there is to look at. Nothing is made.
pub async fn look_around(line: &mut Line) -> Result<Ground, Error> {
    let (_, currency) = look_at_shop(line).await?;
    let mut ground = Ground { currency, ..Ground::default() };
    let mut words = BTreeSet::new();
    let mut cursor = String::new();
    while ground.slugs.len() < PRODUCTS_MAX {
        let path = format!("/api/products?limit={PAGE}&currency={}{cursor}", ground.currency);
        let page = read(line, &Request::get(path)).await?;
        for product in page["items"].as_array().into_iter().flatten() {
            ground.slugs.extend(product["slug"].as_str().map(ToOwned::to_owned));
            let title = product["title"].as_str().unwrap_or_default().to_lowercase();
            let is_word =
                |word: &&str| word.len() >= WORD_CHARS && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
            words.extend(title.split(' ').filter(is_word).map(ToOwned::to_owned));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ground.words = words.into_iter().collect();
    if ground.slugs.is_empty() || ground.words.is_empty() { Err(Error::NoProducts) } else { Ok(ground) }
}

/// SKUs that can be put into a cart. A cart holds nothing back, so these are the shop's own.
pub async fn look_for_stock(line: &mut Line, ground: &Ground) -> Result<Vec<String>, Error> {
    let mut skus = Vec::new();
    for slug in ground.slugs.iter().take(CART_PRODUCTS) {
        let path = format!("/api/products/{slug}?currency={}", ground.currency);
        let product = read(line, &Request::get(path)).await?;
        let variants = product["variants"].as_array().into_iter().flatten();
        let can_be_bought = |variant: &&Value| variant["availability"] != "sold_out" && variant["price"].is_i64();
        skus.extend(
            variants.filter(can_be_bought).filter_map(|variant| variant["sku"].as_str().map(ToOwned::to_owned)),
        );
    }
    if skus.is_empty() { Err(Error::NothingInStock) } else { Ok(skus) }
}

/// How an order is placed in this shop: where it goes, how, and with which payment that moves no money.
pub async fn look_at_checkout(line: &mut Line, run: &str, skus: u32) -> Result<(String, Checkout), Error> {
    let (shop, currency) = look_at_shop(line).await?;
    let listed = |member: &str| shop[member].as_array().cloned().unwrap_or_default();
    let is_test = |method: &&Value| method["provider"] == "test";
    let payments = listed("payment_methods");
    let payment = payments.iter().find(is_test).and_then(|method| method["id"].as_str());
    let payment_method = payment.map(ToOwned::to_owned).ok_or(Error::NoTestPayments(
        "a shop offers them on this machine's own address, or with --allow-test-payments, and where its settings name them",
    ))?;
    let Some((country, shipping_method)) = shipping(&listed("shipping_methods"), &currency) else {
        return Err(Error::NoShipping(currency));
    };
    let skus = (0..skus).map(|number| format!("BENCH-{run}-{number:02}")).collect();
    let began = SystemClock.now();
    Ok((currency, Checkout { skus, run: run.to_owned(), began, country, shipping_method, payment_method }))
}

/// To which country an order can go in this currency, and by which method.
fn shipping(methods: &[Value], currency: &str) -> Option<(String, String)> {
    methods.iter().find_map(|method| {
        let rates = method["rates"].as_array()?;
        rates.iter().any(|rate| rate["currency"] == *currency).then_some(())?;
        let countries = method["countries"].as_array()?;
        let is_there = |country: &&str| countries.iter().any(|there| there == *country);
        let country = KNOWN_COUNTRIES.into_iter().find(is_there).or_else(|| countries.first()?.as_str())?;
        Some((country.to_owned(), method["id"].as_str()?.to_owned()))
    })
}

/// A product made for one run, and how many of each SKU were put on its shelf.
#[derive(Debug)]
pub struct OwnProduct {
    id: String,
    pub skus: Vec<String>,
    pub given: i64,
}

/// A SKU's stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    pub sku: String,
    pub given: i64,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
}

impl OwnProduct {
    /// Makes it, with so many pieces of each SKU.
    pub async fn make(shop: &Shop, checkout: &Checkout, currency: &str, given: i64) -> Result<Self, client::Error> {
        let Checkout { skus, run, .. } = checkout;
        let numbers: Vec<String> = (0..skus.len()).map(|number| number.to_string()).collect();
        let variant = |(sku, number): (&String, &String)| json!({"sku": sku, "options": {"N": number}, "prices": [{"amount": PRICE, "currency": currency}]});
        let variants: Vec<Value> = skus.iter().zip(&numbers).map(variant).collect();
        let body = json!({
            "title": format!("Load test {run}"),
            "slug": format!("bench-{run}"),
            "description": "Made by cloudmart bench; archived when it is done.",
            "options": [{"name": "N", "values": numbers}],
            "variants": variants,
        });
        let key = format!("bench-{run}-product");
        let made = shop.expect(&Ask::post(&["api", "admin", "products"], &key, Some(&body)), &[201]).await?;
        let id = made.body["id"].as_str().unwrap_or_default().to_owned();
        let product = Self { id, skus: skus.clone(), given };
        match product.fill(shop).await {
            Ok(()) => Ok(product),
            Err(error) => {
                // Nothing half made stays on sale; what stood in the way is worth more than whether this worked, too.
                let _ = product.put_away(shop).await;
                Err(error)
            }
        }
    }

    async fn fill(&self, shop: &Shop) -> Result<(), client::Error> {
        for sku in &self.skus {
            self.count(shop, sku, self.given, "received").await?;
        }
        Ok(())
    }

    /// The address of its page.
    pub fn slug(run: &str) -> String {
        format!("bench-{run}")
    }

    async fn count(&self, shop: &Shop, sku: &str, delta: i64, reason: &str) -> Result<(), client::Error> {
        let body = json!({"delta": delta, "reason": reason});
        let key = format!("{}-{sku}-{reason}", self.id);
        let path = ["api", "admin", "stock", sku, "adjustments"];
        shop.expect(&Ask::post(&path, &key, Some(&body)), &[201]).await.map(|_| ())
    }

    pub async fn shelves(&self, shop: &Shop) -> Result<Vec<Shelf>, client::Error> {
        let mut shelves = Vec::new();
        for sku in &self.skus {
            let path = ["api", "admin", "stock", sku];
            let told = shop.expect(&Ask::get(&path), &[200]).await?.body;
            let count = |member: &str| told[member].as_i64().unwrap_or(i64::MIN);
            shelves.push(Shelf {
                sku: sku.clone(),
                given: self.given,
                on_hand: count("on_hand"),
                reserved: count("reserved"),
                available: count("available"),
            });
        }
        Ok(shelves)
    }

    /// Takes it off the shop's pages, and what was not sold off its shelf.
    pub async fn put_away(&self, shop: &Shop) -> Result<(), client::Error> {
        let path = ["api", "admin", "products", &self.id];
        let seen = shop.expect(&Ask::get(&path), &[200]).await?;
        let path = ["api", "admin", "products", &self.id, "archive"];
        let key = format!("{}-archive", self.id);
        let ask = Ask { method: Method::POST, key: Some(&key), if_match: seen.etag.as_deref(), ..Ask::get(&path) };
        shop.expect(&ask, &[200]).await?;
        for shelf in self.shelves(shop).await?.into_iter().filter(|shelf| shelf.available > 0) {
            self.count(shop, &shelf.sku, -shelf.available, "correction").await?;
        }
        Ok(())
    }
}
