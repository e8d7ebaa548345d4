//! Prepares the shop: its currency, a product for each stock code, and the goods that the invoices take.
//! It does not place orders. Products are made as drafts: staff can sell them, and the storefront stays as it was.

use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};

use super::book::Goods;
use super::key;
use super::rows::CURRENCY;
use crate::client::{Answer, Ask, Error, Shop};
use crate::progress::Progress;

/// Stock codes that are seen to at once.
const AT_ONCE: usize = 8;
/// How often the settings are read again because somebody else changed them.
const SETTINGS_ATTEMPTS: usize = 5;

/// What was done for the goods.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filled {
    pub created: u64,
    pub found: u64,
    /// Units received now; those that an earlier replay received are not counted.
    pub received: i64,
    /// Stock code and reason.
    pub failed: Vec<(String, String)>,
}

/// Sees to it that the shop sells in the file's currency. All other settings stay as they are.
pub async fn offer_currency(shop: &Shop) -> Result<(), Error> {
    let path = ["api", "admin", "settings"];
    for attempt in 1..=SETTINGS_ATTEMPTS {
        let current = shop.expect(&Ask::get(&path), &[200]).await?;
        let mut currencies = current.body["currencies"].as_array().cloned().unwrap_or_default();
        if currencies.iter().any(|currency| currency == CURRENCY) {
            return Ok(());
        }
        currencies.push(Value::from(CURRENCY));
        let patch = json!({ "currencies": currencies });
        let if_match = current.etag.as_deref();
        let ask = Ask { method: reqwest::Method::PATCH, if_match, body: Some(&patch), ..Ask::get(&path) };
        let changed = shop.ask(&ask).await?;
        match changed.status {
            200 => return Ok(()),
            412 if attempt < SETTINGS_ATTEMPTS => {}
            _ => return Err(shop.refused(&ask, &changed)),
        }
    }
    Ok(())
}

/// What became of one stock code.
enum Done {
    Filled { is_new: bool, received: i64 },
    Refused(String),
}

/// Makes the products that are missing, and receives the goods.
pub async fn fill(shop: &Shop, goods: &[Goods], progress: &mut Progress) -> Result<Filled, Error> {
    let mut filled = Filled::default();
    let work = goods.iter().map(|one| async move { (one, fill_one(shop, one).await) });
    let mut work = stream::iter(work).buffer_unordered(AT_ONCE);
    while let Some((one, done)) = work.next().await {
        match done? {
            Done::Filled { is_new, received } => {
                filled.created += u64::from(is_new);
                filled.found += u64::from(!is_new);
                filled.received += received;
            }
            Done::Refused(reason) => filled.failed.push((one.sku.to_string(), reason)),
        }
        progress.step();
    }
    filled.failed.sort();
    Ok(filled)
}

async fn fill_one(shop: &Shop, goods: &Goods) -> Result<Done, Error> {
    let sku = goods.sku.as_str();
    let stock_path = ["api", "admin", "stock", sku];
    let known = shop.expect(&Ask::get(&stock_path), &[200, 404]).await?;
    let mut is_new = false;
    if known.status == 404 {
        match create(shop, goods).await? {
            // Another replay, at the same time.
            Ok(answer) if answer.status == 409 => {}
            Ok(_) => is_new = true,
            Err(reason) => return Ok(Done::Refused(reason)),
        }
    }
    let key = key("stock", &uses(goods).iter().map(String::as_str).collect::<Vec<_>>());
    let body = json!({ "delta": goods.units, "reason": "received" });
    let path = ["api", "admin", "stock", sku, "adjustments"];
    let ask = Ask::post(&path, &key, Some(&body));
    let answer = shop.ask(&ask).await?;
    match shop.judged(&ask, &answer, &[201])? {
        Some(reason) => Ok(Done::Refused(reason)),
        None => Ok(Done::Filled { is_new, received: if answer.is_repetition { 0 } else { goods.units } }),
    }
}

async fn create(shop: &Shop, goods: &Goods) -> Result<Result<Answer, String>, Error> {
    let sku = goods.sku.as_str();
    let body = json!({
        "title": goods.title,
        "status": "draft",
        "variants": [{ "sku": sku, "prices": [{ "amount": goods.price, "currency": CURRENCY }] }],
    });
    let key = key("product", &[sku, &body.to_string()]);
    let ask = Ask::post(&["api", "admin", "products"], &key, Some(&body));
    let answer = shop.ask(&ask).await?;
    if answer.status == 409 && answer.code() == "sku_taken" {
        return Ok(Ok(answer));
    }
    Ok(match shop.judged(&ask, &answer, &[201])? {
        Some(reason) => Err(reason),
        None => Ok(answer),
    })
}

/// The stock code and all that is taken of it: goods for another file are other goods.
fn uses(goods: &Goods) -> Vec<String> {
    let each = goods.uses.iter().flat_map(|(invoice, units)| [invoice.clone(), units.to_string()]);
    std::iter::once(goods.sku.to_string()).chain(each).collect()
}
