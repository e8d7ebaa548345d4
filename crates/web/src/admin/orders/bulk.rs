//! What is done to several orders at once, with what came of it for each.
//! It does not know the list: orders are named one by one in the address or the form.

use askama::Template;
use axum::extract::{RawQuery, State};
use contracts::Error;
use contracts::orders::{AmountBody, OrderAction, OrderRowView, OrderView};
use domain::ids::OrderId;
use futures::StreamExt;

use super::super::answer::{self, Answer, Refused};
use super::super::csv;
use super::super::flash::Flash;
use super::super::form::Form;
use super::super::frame::Frame;
use super::super::order::capturable;
use super::super::session::Session;
use super::super::words::{Words, fill};
use super::sheet::Sheet;
use super::{Admin, COLUMNS, cells, chosen};

#[derive(Template)]
#[template(path = "admin/orders/capture.html")]
struct CaptureSheet {
    frame: Frame,
    sheet: Sheet,
    orders: Vec<String>,
}

#[derive(Template)]
#[template(path = "admin/orders/results.html")]
struct ResultsPage {
    frame: Frame,
    results: Vec<Outcome>,
}

/// What came of one order.
struct Outcome {
    id: String,
    number: String,
    text: String,
    is_bad: bool,
}

/// Orders ticked in the list: `?order=…&order=…`.
pub fn ticked(session: &Session, query: Option<&str>) -> Result<Vec<OrderId>, Error> {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let ids: Vec<String> = form.all("order").map(ToOwned::to_owned).collect();
    chosen(session, ids.into_iter())
}

/// Where ticking nothing leads back to.
pub fn nothing_ticked(admin: &Admin, error: Error) -> Answer {
    match error.code.as_ref() {
        "none_selected" => Ok(admin.done("/admin/orders", &Flash::bad(error.message))),
        _ => Err(Refused(error)),
    }
}

pub async fn ask_capture(State(admin): State<Admin>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let ids = match ticked(&session, query.as_deref()) {
        Ok(ids) => ids,
        Err(error) => return nothing_ticked(&admin, error),
    };
    let words = session.words.orders;
    let mut orders = Vec::with_capacity(ids.len());
    for id in &ids {
        orders.push(admin.order(id).await?);
    }
    let due: Vec<&OrderView> = orders.iter().filter(|order| capturable(order) > 0).collect();
    let title = match due.len() {
        1 => words.bulk_capture_one.to_owned(),
        count => fill(words.bulk_capture, &[&count.to_string()]),
    };
    let frame = admin.frame(&session, title.clone()).await?.below("/admin/orders", session.words.frame.orders);
    let mut sheet = Sheet::new(&frame, "/admin/orders/capture", "/admin/orders", Form::default()).button(title);
    for order in &orders {
        let line = match capturable(order) {
            0 => fill(words.bulk_not, &[&order.number, words.nothing_to_capture]),
            amount => fill(words.bulk_capture_says, &[&frame.money_in(amount, &order.currency), &order.number]),
        };
        sheet = sheet.says(line);
    }
    let orders = due.iter().map(|order| order.id.clone()).collect();
    Ok(answer::page(&CaptureSheet { frame, sheet, orders }))
}

/// The same form again answers with the same results: each order knows what was asked of it.
pub async fn capture(State(admin): State<Admin>, session: Session, form: Form) -> Answer {
    let ids: Vec<String> = form.all("order").map(ToOwned::to_owned).collect();
    let ids = match chosen(&session, ids.into_iter()) {
        Ok(ids) => ids,
        Err(error) => return nothing_ticked(&admin, error),
    };
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    let frame = admin.frame(&session, session.words.orders.bulk_results).await?;
    let frame = frame.below("/admin/orders", session.words.frame.orders);
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        results.push(admin.capture_one(&frame, &session, &id, &once).await?);
    }
    Ok(answer::page(&ResultsPage { frame, results }))
}

impl Admin {
    async fn capture_one(
        &self,
        frame: &Frame,
        session: &Session,
        id: &OrderId,
        once: &str,
    ) -> contracts::Result<Outcome> {
        let before = self.order(id).await?;
        let all = OrderAction::Capture(AmountBody::default());
        let done = self.services.orders.act(id, all, once, &session.caller()).await;
        Ok(outcome(frame, session.words, &before, done))
    }
}

fn outcome(frame: &Frame, words: &Words, before: &OrderView, done: contracts::Result<OrderView>) -> Outcome {
    let (text, is_bad) = match done {
        Ok(after) => {
            let captured = frame.money_in(after.payment.captured, &after.currency);
            (fill(words.orders.bulk_captured, &[&captured]), false)
        }
        Err(error) => (words.message(&error), true),
    };
    Outcome { id: before.id.clone(), number: before.number.clone(), text, is_bad }
}

/// The ticked orders as CSV.
pub async fn export(State(admin): State<Admin>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let ids = match ticked(&session, query.as_deref()) {
        Ok(ids) => ids,
        Err(error) => return nothing_ticked(&admin, error),
    };
    let times = admin.frame(&session, "").await?.times;
    let orders = admin.services.orders.clone();
    let rows = futures::stream::iter(ids).then(move |id| {
        let (orders, times) = (orders.clone(), times.clone());
        async move { orders.order(&id, None).await.map(|order| cells(&times, &row(&order))) }
    });
    Ok(csv::download("orders.csv", &COLUMNS, rows))
}

fn row(order: &OrderView) -> OrderRowView {
    OrderRowView {
        id: order.id.clone(),
        number: order.number.clone(),
        status: order.status.clone(),
        payment_status: order.payment_status.clone(),
        fulfillment_status: order.fulfillment_status.clone(),
        test: order.test,
        channel: order.channel.clone(),
        currency: order.currency.clone(),
        total: order.payment.amount,
        lines: u32::try_from(order.lines.len()).unwrap_or(u32::MAX),
        country: order.shipping_address.as_ref().and_then(|address| address.country.clone()),
        placed_at: order.placed_at.clone(),
        updated_at: order.updated_at.clone(),
    }
}
