//! Holds a shop to what its buyers and staff were told: orders, refusals, carts, shelves, books, and the bank's own books.
//! It changes nothing, and it does not trust what the shop says of itself where somebody else can be asked.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use parking_lot::Mutex;
use serde_json::Value;

use super::bank::{Bank, WITH_ACCOUNT};
use super::book::{Book, Cart, Order, Standing};
use super::load::{PLENTY, SCARCE};
use super::told::bought;
use crate::dice::Dice;
use crate::mart::Mart;

/// Orders of earlier rounds that are looked at whole, besides those of the last.
const SAMPLE: usize = 40;
/// Refused orders that are asked for again.
const REFUSALS: usize = 5;
/// Orders that are looked at at the same time.
const AT_ONCE: usize = 4;
/// Carts that are looked at.
const CARTS: usize = 20;

/// Everything at its end must be as it was told.
///
/// # Panics
/// At the first thing that is not.
pub async fn audit(mart: &Mart, book: &Mutex<Book>, dice: &mut Dice) {
    let listed = every_order_is_there(mart, book).await;
    shelves_agree(mart, book).await;
    books_balance(mart).await;
    let looked_at = {
        let mut book = book.lock();
        let known: Vec<String> = book.orders.keys().cloned().collect();
        let mut looked_at: BTreeSet<String> = std::mem::take(&mut book.touched);
        for _ in 0..SAMPLE.min(known.len()) {
            looked_at.insert(known[dice.index(known.len())].clone());
        }
        looked_at.retain(|id| book.orders.contains_key(id));
        looked_at
    };
    orders_are_whole(mart, book, &looked_at).await;
    refusals_stand(mart, book, &listed, dice).await;
    carts_are_there(mart, book, dice).await;
    mart.doctor().await;
}

/// Looks at every order whole, not at a sample.
pub async fn audit_all(mart: &Mart, book: &Mutex<Book>, dice: &mut Dice) {
    let all = book.lock().orders.keys().cloned().collect();
    book.lock().touched = all;
    audit(mart, book, dice).await;
}

/// By its list: each order that was acknowledged, as it must stand by now, and none that nobody wished for.
async fn every_order_is_there(mart: &Mart, book: &Mutex<Book>) -> BTreeMap<String, Value> {
    let mut listed = BTreeMap::new();
    for row in mart.staff_list("/api/admin/orders").await {
        listed.insert(row["id"].as_str().unwrap_or_default().to_owned(), row);
    }
    let mut book = book.lock();
    let (mut confirmed, mut undone) = (Vec::new(), Vec::new());
    for (id, order) in &book.orders {
        let row = listed.get(id).unwrap_or_else(|| panic!("order {} was acknowledged and is lost", order.number));
        assert_eq!(row["number"], *order.number, "{row}");
        assert_eq!(row["total"], order.total, "{row}");
        let status = row["status"].as_str().unwrap_or_default();
        let should: &[&str] = match (order.cancelled, order.confirmed) {
            (true, _) => &["cancelled"],
            (false, true) => &["confirmed", "completed"],
            // It was told to be pending: by now it is one or the other.
            (false, false) => &["confirmed", "completed", "cancelled"],
        };
        assert!(should.contains(&status), "{order:?} is {status}");
        if !order.cancelled && !order.confirmed {
            if status == "cancelled" { undone.push(id.clone()) } else { confirmed.push(id.clone()) }
        }
    }
    let refused: BTreeSet<&str> = book
        .wishes
        .values()
        .filter_map(|wish| match &wish.standing {
            Standing::Refused { order, .. } => order.as_deref(),
            _ => None,
        })
        .collect();
    for (id, row) in &listed {
        let is_known = book.orders.contains_key(id) || refused.contains(&**id) || book.others.contains(id);
        assert!(is_known, "nobody was told of this order: {row}");
    }
    for id in undone {
        book.orders.get_mut(&id).expect("it was there").cancelled = true;
        book.tally.undone_later += 1;
    }
    for id in confirmed {
        book.orders.get_mut(&id).expect("it was there").confirmed = true;
        book.to_serve.push_back(id);
    }
    listed
}

/// Lines, totals, buyer, money and parcels, and what the bank says of the money.
async fn orders_are_whole(mart: &Mart, book: &Mutex<Book>, ids: &BTreeSet<String>) {
    let bank = Bank::of(mart).await;
    let looked_at = ids.iter().map(|id| order_is_whole(mart, book, &bank, id));
    futures::stream::iter(looked_at).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

async fn order_is_whole(mart: &Mart, book: &Mutex<Book>, bank: &Bank, id: &str) {
    let told = mart.order(id).await;
    let order = book.lock().orders[id].clone();
    assert_eq!(told.body["number"], *order.number, "{told}");
    assert_eq!(told.body["totals"], order.totals, "{told}");
    assert_eq!(told.body["buyer"]["email"], *order.email, "{told}");
    assert_eq!(bought(&told.body["lines"]), bought(&order.lines), "{told}");
    let payment = &told.body["payment"];
    let sums = (payment["captured"].as_i64(), payment["refunded"].as_i64());
    assert_eq!(sums, (Some(order.captured), Some(order.refunded)), "captured and refunded: {told}");
    let parcels = told.body["shipments"].as_array().map(Vec::len);
    assert_eq!(parcels, Some(usize::from(order.shipped)), "{told}");
    if WITH_ACCOUNT.contains(&&*order.token) {
        the_bank_agrees(bank, id, &order).await;
    }
}

async fn the_bank_agrees(bank: &Bank, id: &str, order: &Order) {
    let statement = bank.statement(id).await;
    let charged = (statement.captured, statement.refunded);
    assert_eq!(charged, (order.captured, order.refunded), "the card of {} was charged otherwise", order.number);
    // Whose order came to nothing may never have been asked.
    let is_once = statement.authorizations == 1 || order.cancelled && statement.authorizations == 0;
    assert!(is_once, "{order:?}: {statement:?}");
    let held = if order.cancelled { 0 } else { order.total - order.captured };
    assert_eq!(statement.held, held, "what the card promises for {}: {statement:?}", order.number);
}

/// What was refused stays refused, and whoever asks again is refused for the same reason.
async fn refusals_stand(mart: &Mart, book: &Mutex<Book>, listed: &BTreeMap<String, Value>, dice: &mut Dice) {
    let mut refused = Vec::new();
    for (key, wish) in &book.lock().wishes {
        let Standing::Refused { status, code, order } = &wish.standing else { continue };
        // Rejected ones are not listed.
        if let Some(row) = order.as_ref().and_then(|id| listed.get(id)) {
            assert_eq!(row["status"], "cancelled", "refused as {status} {code}: {row}");
        }
        refused.push((key.clone(), wish.body.clone(), *status, code.clone()));
    }
    for _ in 0..REFUSALS.min(refused.len()) {
        let (key, body, status, code) = &refused[dice.index(refused.len())];
        mart.place(key, body).await.problem(*status, code);
    }
}

async fn shelves_agree(mart: &Mart, book: &Mutex<Book>) {
    for sku in PLENTY.iter().chain(&SCARCE) {
        let (on_hand, reserved) = book.lock().shelf(sku);
        let told = mart.stock(sku).await;
        assert_eq!(told, (on_hand, reserved, on_hand - reserved), "{sku}: on hand, reserved, available");
        assert!(on_hand >= reserved, "{sku} was oversold");
    }
}

async fn books_balance(mart: &Mart) {
    let balance = mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200);
    let amount = |account: &Value, side: &str| account[side].as_i64().unwrap_or_else(|| panic!("no {side}: {balance}"));
    let accounts = balance.body["accounts"].as_array().unwrap_or_else(|| panic!("no accounts: {balance}"));
    let sum: i64 = accounts.iter().map(|account| amount(account, "debit") - amount(account, "credit")).sum();
    assert_eq!(sum, 0, "the books do not balance: {balance}");
}

async fn carts_are_there(mart: &Mart, book: &Mutex<Book>, dice: &mut Dice) {
    let ids: Vec<String> = book.lock().carts.keys().cloned().collect();
    for _ in 0..CARTS.min(ids.len()) {
        let id = &ids[dice.index(ids.len())];
        let cart = book.lock().carts[id].clone();
        let told = mart.get(&format!("/api/carts/{id}")).bearer(&cart.token).send().await.expect(200);
        let order = cart.wish.as_ref().and_then(|key| match &book.lock().wishes[key].standing {
            Standing::Placed(id) => Some(id.clone()),
            _ => None,
        });
        let is_open = order.as_ref().is_none_or(|id| book.lock().orders[id].cancelled);
        if is_open {
            assert_eq!(told.body["order_id"], Value::Null, "{told}");
            let lines = quantities(&told.body["lines"]);
            assert!(is_as_left(&cart, &lines), "left with {cart:?}: {told}");
        } else {
            assert_eq!(told.body["order_id"].as_str(), order.as_deref(), "{told}");
        }
    }
}

fn is_as_left(cart: &Cart, lines: &BTreeMap<String, i64>) -> bool {
    let Some((sku, quantity)) = &cart.maybe else { return *lines == cart.lines };
    let mut with_it = cart.lines.clone();
    *with_it.entry(sku.clone()).or_default() += quantity;
    *lines == cart.lines || *lines == with_it
}

fn quantities(lines: &Value) -> BTreeMap<String, i64> {
    let mut quantities = BTreeMap::new();
    for line in lines.as_array().into_iter().flatten() {
        let sku = line["sku"].as_str().unwrap_or_default().to_owned();
        *quantities.entry(sku).or_insert(0) += line["quantity"].as_i64().unwrap_or(0);
    }
    quantities
}
