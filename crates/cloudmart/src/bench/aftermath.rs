//! Before and after a load of orders: the first order, which shows whether any can be placed; what got no answer, asked
//! for again under its key as a careful buyer would; and what the shop's books say then.
//! It does not judge.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::goods::OwnProduct;
use super::load::Sales;
use super::question;
use super::script::Script;
use super::verdict::Books;
use super::wire::{self, Line, Lost, Request};
use crate::client::{self, Shop};
use crate::numbers::grouped;

/// The turn of the first order; no load gets that far.
pub const FIRST: u64 = u64::MAX;
/// Orders that are read of the shop's list.
const ORDERS_READ_MAX: usize = 200_000;
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
    eprintln!("bench: asking again for {} orders that have no answer for good", grouped(asked as u64));
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
        "{} had no answer for good and were asked for again under their keys: {} were accepted, {} remain unknown",
        crate::doctor::count(asked as u64, "order"),
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
        let mut request = Request::get(path);
        request.bearer = Some(token.clone());
        let page = question::read(line, &request).await?;
        for row in page["items"].as_array().into_iter().flatten() {
            let text = |member: &str| row[member].as_str().unwrap_or_default().to_owned();
            orders.insert(text("id"), (text("status"), text("payment_status")));
        }
        match page["next_cursor"].as_str() {
            Some(_) if orders.len() >= ORDERS_READ_MAX => return Ok(Books { shelves, orders, is_cut: true }),
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(Books { shelves, orders, is_cut: false }),
        }
    }
}
