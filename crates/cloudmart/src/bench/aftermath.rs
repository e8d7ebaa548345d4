//! Before and after a load of orders: the first order, which shows whether any can be placed; what got no answer, asked
//! for again under its key as a careful buyer would; and what the shop's books say then.
//! It does not judge.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::goods::OwnProduct;
use super::load::Sales;
use super::question;
use super::script::{self, Script};
use super::verdict::{Books, Others};
use super::wire::{self, Line, Lost, Request};
use crate::client::{self, Shop};
use crate::doctor::{count, were};
use crate::numbers::grouped;

/// The turn of the first order; no load gets that far.
pub const FIRST: u64 = u64::MAX;
/// Orders that are read of the shop's list.
const ORDERS_READ_MAX: usize = 200_000;
/// Of these, orders of others that are read one by one.
const OTHERS_READ_MAX: usize = 2_000;
/// How often an order without an answer is asked for again, and the first pause between; it doubles.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How long orders are asked for again; a shop that is gone does not come back for it.
const AGAIN_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the shop takes no orders: {status} {detail}")]
    NoOrders { status: u16, detail: String },
    #[error(transparent)]
    Gone(#[from] wire::Error),
    #[error(transparent)]
    Question(#[from] question::Error),
    #[error(transparent)]
    Shop(#[from] client::Error),
}

/// The order that shows that orders can be placed.
pub struct First {
    pub id: String,
    /// In the shop's own time.
    pub placed_at: String,
}

pub async fn first_order(line: &mut Line, script: &Script) -> Result<First, Error> {
    let said = question::ask(line, &script.order(FIRST)).await?;
    match (said.status, said.body["id"].as_str(), said.body["placed_at"].as_str()) {
        (201, Some(id), Some(at)) => Ok(First { id: id.to_owned(), placed_at: at.to_owned() }),
        (status, ..) => Err(Error::NoOrders { status, detail: said.detail() }),
    }
}

/// Asks for every order that is open until the shop says for good what became of it. Answers with what to tell of it.
pub async fn ask_again(line: &mut Line, script: &Script, sales: &mut Sales) -> Option<String> {
    let open = std::mem::take(&mut sales.open);
    if open.is_empty() {
        return None;
    }
    let (asked, accepted) = (open.len(), sales.accepted.len());
    eprintln!("bench: asking again, as {} never answered for good", were(asked as u64, "order"));
    let deadline = Instant::now() + AGAIN_LIMIT;
    let mut is_there = true;
    for (turn, why) in open {
        if is_there && Instant::now() < deadline {
            settle(line, script, sales, turn).await;
            // Whoever was asked so often and is not there will not be there for the next one.
            is_there =
                sales.open.last().is_none_or(|(last, why)| *last != turn || *why != Lost::NoConnection.to_string());
        } else {
            sales.open.push((turn, why));
        }
    }
    let (confirmed, unknown) = (sales.accepted.len() - accepted, sales.open.len());
    Some(format!(
        "{} not answered for good, and asked for again by key: {} accepted, {} still not known",
        were(asked as u64, "order"),
        grouped(confirmed as u64),
        grouped(unknown as u64)
    ))
}

async fn settle(line: &mut Line, script: &Script, sales: &mut Sales, turn: u64) {
    let request = script.order(turn);
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=ATTEMPTS {
        match line.exchange(&request).await {
            Ok(answer) => sales.take(turn, answer.status, &answer.body),
            Err(lost) => sales.open.push((turn, lost.to_string())),
        }
        let is_open = sales.open.last().is_some_and(|(last, _)| *last == turn);
        if !is_open {
            return;
        }
        if attempt < ATTEMPTS {
            sales.open.pop();
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

/// The stock of the own product, and the orders that were placed since.
pub async fn read_books(
    line: &mut Line,
    shop: &Shop,
    product: &OwnProduct,
    token: &Arc<str>,
    since: &str,
) -> Result<Books, Error> {
    eprintln!("bench: reading the shop's books");
    let shelves = product.shelves(shop).await?;
    let (mut orders, mut cursor) = (HashMap::new(), String::new());
    loop {
        let path = format!("/api/admin/orders?limit=100&placed_from={since}{cursor}");
        let page = question::read(line, &by_staff(path, token)).await?;
        for row in page["items"].as_array().into_iter().flatten() {
            let text = |member: &str| row[member].as_str().unwrap_or_default().to_owned();
            orders.insert(text("id"), (text("status"), text("payment_status")));
        }
        match page["next_cursor"].as_str() {
            Some(_) if orders.len() >= ORDERS_READ_MAX => {
                return Ok(Books { shelves, orders, is_cut: true, others: Others::default() });
            }
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(Books { shelves, orders, is_cut: false, others: Others::default() }),
        }
    }
}

/// Among the orders in the books, what others than the load's own buyers ordered of its SKUs and did not give back.
pub async fn read_others(
    line: &mut Line,
    books: &Books,
    sales: &Sales,
    product: &OwnProduct,
    token: &Arc<str>,
) -> Result<Others, Error> {
    let accepted: HashSet<&str> = sales.accepted.iter().map(|(id, _)| &**id).collect();
    let is_alive = |status: &str| matches!(status, "pending" | "confirmed" | "completed");
    let strange =
        |(id, (status, _)): &(&String, &(String, String))| is_alive(status) && !accepted.contains(id.as_str());
    let strange: Vec<&String> = books.orders.iter().filter(strange).map(|(id, _)| id).collect();
    eprintln!("bench: looking who else bought, in {}", count(strange.len() as u64, "order"));
    let mut others = Others { are_cut: books.is_cut || strange.len() > OTHERS_READ_MAX, ..Others::default() };
    for id in strange.into_iter().take(OTHERS_READ_MAX) {
        let order = question::read(line, &by_staff(format!("/api/admin/orders/{id}"), token)).await?;
        if !order["buyer"]["email"].as_str().is_some_and(script::is_own) {
            others.take(&order, &product.skus);
        }
    }
    Ok(others)
}

fn by_staff(path: String, token: &Arc<str>) -> Request {
    Request { bearer: Some(token.clone()), ..Request::get(path) }
}
