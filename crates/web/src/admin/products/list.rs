//! The list of products.
//! It does not know how products are found; it asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use contracts::Listing;
use contracts::products::{ProductDesk, WantedProducts};
use domain::catalog::{Product, Status};
use domain::money::Currency;
use domain::sku::Sku;
use domain::stock::{Policy, Stock};
use futures::TryStreamExt;
use platform::http::extract::Params;
use serde::Deserialize;

use super::edit::{path_of, status_word};
use crate::admin::Admin;
use crate::admin::answer::{self, Answer};
use crate::admin::csv;
use crate::admin::frame::Frame;
use crate::admin::lists::{Choice, Pager, href};
use crate::admin::session::Session;
use crate::admin::words::fill;

const PATH: &str = "/admin/products";
const ROWS: usize = 50;
/// SKUs of one product that are asked for how many there are.
const SKUS_MAX: usize = 100;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    status: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    format: Option<String>,
}

impl Asked {
    fn status(&self) -> Option<Status> {
        match self.status.as_deref()? {
            "draft" => Some(Status::Draft),
            "active" => Some(Status::Active),
            "archived" => Some(Status::Archived),
            _ => None,
        }
    }

    fn wanted(&self, limit: usize) -> WantedProducts {
        let some =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        WantedProducts { status: self.status(), q: some(&self.q), sku: None, cursor: some(&self.cursor), limit }
    }
}

#[derive(Template)]
#[template(path = "admin/products.html")]
struct ProductsPage {
    frame: Frame,
    views: Vec<Choice>,
    q: String,
    status: String,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
}

struct Row {
    href: String,
    title: String,
    brand: Option<String>,
    picture: Option<String>,
    status: &'static str,
    is_active: bool,
    sku: String,
    price: String,
    stock: String,
    is_sold_out: bool,
}

pub async fn show(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    if asked.format.as_deref() == Some("csv") {
        return Ok(admin.products_as_csv(&session, &asked).await?);
    }
    let wanted = asked.wanted(ROWS);
    let found = find(admin.services.products.as_ref(), &wanted).await?;
    let stocks = admin.stocks(&found.items).await?;
    let words = session.words;
    let frame = admin.frame(&session, words.frame.products).await?;
    let (q, status) = (wanted.q.clone().unwrap_or_default(), asked.status.clone().unwrap_or_default());
    let filters = [("q", q.as_str()), ("status", status.as_str())];
    let pager = Pager::new(PATH, &filters, wanted.cursor.as_deref(), found.next_cursor.as_deref());
    let view = |value: &'static str, label: &'static str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        href: href(PATH, &[("q", &q), ("status", value)]),
        is_current: status == value,
    };
    let views = vec![
        view("", words.frame.all),
        view("active", words.goods.active),
        view("draft", words.goods.draft),
        view("archived", words.goods.archived),
    ];
    let rows = found.items.iter().map(|product| row(&admin, &frame, product, &stocks)).collect();
    let is_filtered = !q.is_empty() || !status.is_empty() || wanted.cursor.is_some();
    Ok(answer::page(&ProductsPage { frame, views, rows, pager, is_filtered, q, status }))
}

/// By title; what looks for one SKU finds its product first.
async fn find(desk: &dyn ProductDesk, wanted: &WantedProducts) -> contracts::Result<Listing<Product>> {
    let mut found = desk.products(wanted).await?;
    let sku = wanted.q.as_ref().filter(|_| wanted.cursor.is_none());
    if let Some(sku) = sku {
        let exact = WantedProducts { q: None, sku: Some(sku.clone()), ..wanted.clone() };
        // What is no SKU is nobody's.
        for product in desk.products(&exact).await.map(|found| found.items).unwrap_or_default() {
            found.items.retain(|there| there.id != product.id);
            found.items.insert(0, product);
        }
    }
    Ok(found)
}

fn row(admin: &Admin, frame: &Frame, product: &Product, stocks: &BTreeMap<Sku, Stock>) -> Row {
    let (content, words) = (&product.content, frame.words);
    let skus: Vec<&Sku> = content.variants.iter().map(|variant| &variant.sku).collect();
    let (stock, is_sold_out) = match left(&skus, stocks) {
        Some(left) if left <= 0 => (words.goods.sold_out.to_owned(), true),
        Some(left) => (left.to_string(), false),
        None => (words.goods.untracked.to_owned(), false),
    };
    let first = content.images.first();
    Row {
        href: path_of(&product.id),
        title: content.title.to_string(),
        brand: content.brand.as_ref().map(ToString::to_string),
        picture: first.map(|image| admin.services.products.picture_url(&image.media)),
        status: status_word(Some(content.status), words),
        is_active: product.is_for_sale(),
        sku: match skus.as_slice() {
            [one] => one.to_string(),
            many => fill(words.goods.variant_count, &[&many.len().to_string()]),
        },
        price: price(frame, product),
        stock,
        is_sold_out,
    }
}

/// How many can be sold of all variants that are counted; `None` where none is.
fn left(skus: &[&Sku], stocks: &BTreeMap<Sku, Stock>) -> Option<i64> {
    let counted = skus.iter().filter_map(|sku| stocks.get(*sku)).filter(|stock| stock.policy != Policy::Untracked);
    counted.map(|stock| stock.total().available()).reduce(i64::saturating_add)
}

/// From the lowest to the highest, in the shop's first currency that it has a price in.
fn price(frame: &Frame, product: &Product) -> String {
    let currencies = frame.settings.settings.currencies.iter().copied();
    let own = product.content.variants.iter().flat_map(|variant| &variant.prices).map(|price| price.currency());
    let mut ranges = currencies.chain(own).filter_map(|currency| product.content.price_range_in(currency));
    match ranges.next() {
        Some((lowest, highest)) if lowest == highest => frame.money(lowest.amount(), lowest.currency()),
        Some((lowest, highest)) => {
            let money = |money: domain::money::Money| frame.money(money.amount(), money.currency());
            format!("{} – {}", money(lowest), money(highest))
        }
        None => frame.words.goods.not_in_currency.to_owned(),
    }
}

impl Admin {
    async fn stocks(&self, products: &[Product]) -> contracts::Result<BTreeMap<Sku, Stock>> {
        let of = |product: &Product| {
            product.content.variants.iter().take(SKUS_MAX).map(|variant| variant.sku.clone()).collect::<Vec<_>>()
        };
        let skus: Vec<Sku> = products.iter().flat_map(of).collect();
        self.services.stock.stock_of(&skus).await
    }

    /// A line for each variant.
    async fn products_as_csv(&self, session: &Session, asked: &Asked) -> contracts::Result<axum::response::Response> {
        let words = session.words.goods;
        let currencies: Vec<Currency> = self.services.shop.settings().await?.settings.currencies.clone();
        let prices: Vec<String> = currencies.iter().map(|currency| format!("{} {currency}", words.price)).collect();
        let mut header =
            vec![words.id, words.title, words.status, words.slug, words.brand, words.sku, words.gtin, words.stock];
        header.extend(prices.iter().map(String::as_str));
        let desk: Arc<dyn ProductDesk> = self.services.products.clone();
        let wanted = asked.wanted(csv::ROWS_AT_A_TIME);
        let fetch = move |cursor| {
            let (desk, wanted) = (desk.clone(), WantedProducts { cursor, ..wanted.clone() });
            async move { desk.products(&wanted).await }
        };
        let (admin, words) = (self.clone(), session.words);
        let lines = csv::all(fetch).and_then(move |product: Product| {
            let (admin, currencies) = (admin.clone(), currencies.clone());
            async move {
                // Lists do not know barcodes.
                let product = admin.services.products.product(&product.id).await?;
                let skus: Vec<Sku> = product.content.variants.iter().map(|variant| variant.sku.clone()).collect();
                let stocks = admin.services.stock.stock_of(&skus).await?;
                let lines = product.content.variants.iter().map(|variant| {
                    let stock = stocks.get(&variant.sku).filter(|stock| stock.policy != Policy::Untracked);
                    let mut cells = vec![
                        product.id.to_string(),
                        product.content.title.to_string(),
                        status_word(Some(product.content.status), words).to_owned(),
                        product.content.slug.to_string(),
                        product.content.brand.as_ref().map(ToString::to_string).unwrap_or_default(),
                        variant.sku.to_string(),
                        variant.gtin.as_ref().map(ToString::to_string).unwrap_or_default(),
                        stock.map(|stock| stock.total().available().to_string()).unwrap_or_default(),
                    ];
                    let price = |currency: &Currency| {
                        let price = variant.price_in(*currency);
                        price
                            .map(|price| crate::admin::amounts::amount_text(price.amount(), *currency))
                            .unwrap_or_default()
                    };
                    cells.extend(currencies.iter().map(price));
                    Ok(cells)
                });
                Ok(futures::stream::iter(lines.collect::<Vec<_>>()))
            }
        });
        Ok(csv::download("products.csv", &header, lines.try_flatten()))
    }
}
