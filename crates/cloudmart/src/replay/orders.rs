//! Places each invoice: a draft with the invoice's own lines and prices, completed, and marked as paid.
//! It does not add up the file; it tells what the shop answered.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::book::{Invoice, Sums};
use super::key;
use super::rows::CURRENCY;
use crate::client::{Answer, Ask, Error, Shop};
use crate::progress::Progress;

/// Invoices under way at once. They are begun in the file's order.
const AT_ONCE: usize = 4;
/// How long an order that is not confirmed at once is waited for, and how often it is looked at.
const CONFIRM_WAIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What the shop sold.
#[derive(Debug, Default)]
pub struct Sold {
    pub placed: u64,
    /// Placed by an earlier replay.
    pub found: u64,
    /// As the shop answered.
    pub sums: Sums,
    /// Invoice and reason.
    pub failed: Vec<(String, String)>,
}

/// What is read of an order.
#[derive(Debug, Deserialize)]
struct Order {
    id: String,
    status: String,
    payment_status: String,
    lines: Vec<OrderLine>,
    totals: Vec<Total>,
}

#[derive(Debug, Deserialize)]
struct OrderLine {
    quantity: u32,
    unit_price: i64,
}

#[derive(Debug, Deserialize)]
struct Total {
    #[serde(rename = "type")]
    kind: String,
    amount: i64,
}

/// One invoice that became an order.
struct Placed {
    is_new: bool,
    sums: Sums,
}

/// Why one invoice did not become a paid order, and others go on.
enum Trouble {
    Told(String),
    Shop(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Shop(error)
    }
}

pub async fn place(shop: &Shop, invoices: &[Invoice], progress: &mut Progress) -> Result<Sold, Error> {
    let mut sold = Sold::default();
    let work = invoices.iter().map(|invoice| async move { (invoice, place_one(shop, invoice).await) });
    let mut work = stream::iter(work).buffered(AT_ONCE);
    while let Some((invoice, done)) = work.next().await {
        match done {
            Ok(Placed { is_new, sums }) => {
                sold.placed += u64::from(is_new);
                sold.found += u64::from(!is_new);
                sold.sums.orders += 1;
                sold.sums.lines += sums.lines;
                sold.sums.units += sums.units;
                sold.sums.revenue += sums.revenue;
            }
            Err(Trouble::Told(reason)) => sold.failed.push((invoice.number.clone(), reason)),
            Err(Trouble::Shop(error)) => return Err(error),
        }
        progress.step();
    }
    Ok(sold)
}

async fn place_one(shop: &Shop, invoice: &Invoice) -> Result<Placed, Trouble> {
    let body = draft(invoice);
    let content = body.to_string();
    let draft_key = key("order", &[&invoice.number, &content]);
    let ask = Ask::post(&["api", "admin", "draft-orders"], &draft_key, Some(&body));
    let written = done(shop, &ask, &[201]).await?;
    let id = written.body["id"].as_str().unwrap_or_default();
    let is_new = written.body["order_id"].is_null();

    let complete_key = key("complete", &[&invoice.number, &content]);
    let path = ["api", "admin", "draft-orders", id, "complete"];
    let order = read(&done(shop, &Ask::post(&path, &complete_key, None), &[201, 202]).await?)?;
    let order = confirmed(shop, order).await?;
    check(invoice, &order)?;

    if order.payment_status != "captured" {
        let paid_key = key("paid", &[&invoice.number, &content]);
        let path = ["api", "admin", "orders", &order.id, "mark-paid"];
        let paid = read(&done(shop, &Ask::post(&path, &paid_key, None), &[200]).await?)?;
        if paid.payment_status != "captured" {
            return Err(Trouble::Told(format!("its payment is {} after it was marked as paid", paid.payment_status)));
        }
    }
    Ok(Placed { is_new, sums: sums(&order) })
}

fn draft(invoice: &Invoice) -> Value {
    let lines: Vec<Value> = invoice
        .lines
        .iter()
        .map(|line| {
            let mut told = json!({ "sku": line.sku, "quantity": line.quantity.get(), "unit_price": line.unit_price });
            // Without words of its own the line shows the product's.
            if !line.title.is_empty() {
                told["title"] = Value::from(line.title.chars().take(TITLE_CHARS_MAX).collect::<String>());
            }
            told
        })
        .collect();
    json!({
        "currency": CURRENCY,
        "lines": lines,
        "shipping_amount": 0,
        "payment_provider": "manual",
        "placed_at": invoice.at.to_string(),
        "reference": invoice.number,
        "note": note(invoice),
    })
}

/// What a draft's line takes.
const TITLE_CHARS_MAX: usize = 200;

/// There is no address to put the country into.
fn note(invoice: &Invoice) -> Option<String> {
    let customer = invoice.customer.as_ref().map(|customer| format!("Customer {customer}"));
    let country = invoice.country.map(|country| country.code().to_owned());
    let parts: Vec<String> = customer.into_iter().chain(country).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The answer, where it is one of these. Other refusals concern this invoice alone, unless the key is refused.
async fn done(shop: &Shop, ask: &Ask<'_>, statuses: &[u16]) -> Result<Answer, Trouble> {
    let answer = shop.ask(ask).await?;
    match shop.judged(ask, &answer, statuses)? {
        None => Ok(answer),
        Some(reason) => Err(Trouble::Told(reason)),
    }
}

fn read(answer: &Answer) -> Result<Order, Trouble> {
    Order::deserialize(&answer.body).map_err(|error| Trouble::Told(format!("the shop's order cannot be read: {error}")))
}

/// Waits for an order that is not confirmed yet.
async fn confirmed(shop: &Shop, mut order: Order) -> Result<Order, Trouble> {
    let deadline = Instant::now() + CONFIRM_WAIT;
    while order.status == "pending" && Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
        let path = ["api", "admin", "orders", &order.id];
        let next = read(&done(shop, &Ask::get(&path), &[200]).await?)?;
        order = next;
    }
    match order.status.as_str() {
        "confirmed" | "completed" => Ok(order),
        other => Err(Trouble::Told(format!("order {} is {other}", order.id))),
    }
}

/// An order has the invoice's lines, one by one, and nothing on top.
fn check(invoice: &Invoice, order: &Order) -> Result<(), Trouble> {
    let wanted = invoice.lines.iter().map(|line| (line.quantity.get(), line.unit_price));
    if !wanted.eq(order.lines.iter().map(|line| (line.quantity, line.unit_price))) {
        return Err(Trouble::Told(format!("order {} has other lines than the invoice", order.id)));
    }
    if amount(order, "subtotal") != amount(order, "total") {
        return Err(Trouble::Told(format!("order {} has tax or shipping on top", order.id)));
    }
    Ok(())
}

fn sums(order: &Order) -> Sums {
    let units = order.lines.iter().map(|line| u64::from(line.quantity)).sum();
    Sums { orders: 1, lines: order.lines.len() as u64, units, revenue: i128::from(amount(order, "subtotal")) }
}

fn amount(order: &Order, kind: &str) -> i64 {
    order.totals.iter().filter(|total| total.kind == kind).map(|total| total.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::book::Book;

    fn invoice() -> Invoice {
        let head = "InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country\n";
        let rows = "7;A;cup;2;1/12/2010 08:26;1,25;9;EIRE\n7;A;;1;1/12/2010 08:26;2;9;EIRE\n";
        Book::read(format!("{head}{rows}").as_bytes()).unwrap().invoices.remove(0)
    }

    #[test]
    fn a_draft_is_the_invoice_line_by_line() {
        let expected = json!({
            "currency": "GBP",
            "lines": [
                { "sku": "A", "quantity": 2, "unit_price": 125, "title": "cup" },
                { "sku": "A", "quantity": 1, "unit_price": 200 },
            ],
            "shipping_amount": 0, "payment_provider": "manual",
            "placed_at": "2010-12-01T08:26:00Z", "reference": "7", "note": "Customer 9, IE",
        });
        assert_eq!(draft(&invoice()), expected);
    }

    #[test]
    fn an_order_with_other_lines_or_something_on_top_is_told() {
        let order = |quantity: u32, total: i64| {
            let answer = json!({
                "id": "ord_1", "status": "confirmed", "payment_status": "pending",
                "lines": [{ "quantity": 2, "unit_price": 125 }, { "quantity": quantity, "unit_price": 200 }],
                "totals": [{ "type": "subtotal", "amount": 450 }, { "type": "total", "amount": total }],
            });
            Order::deserialize(answer).unwrap()
        };
        assert!(check(&invoice(), &order(1, 450)).is_ok());
        assert!(check(&invoice(), &order(2, 450)).is_err());
        assert!(check(&invoice(), &order(1, 540)).is_err());
        assert_eq!(sums(&order(1, 450)), Sums { orders: 1, lines: 2, units: 3, revenue: 450 });
    }
}
