//! `/admin/orders/{id}`: one order, everything that happened to it, and what can be done; now, or as it was.
//! It does not know how anything is done: deeds go to the orders' desk.

mod deeds;
mod doing;
mod mails;
mod sheets;
pub mod shown;
mod timeline;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use contracts::orders::OrderView;
use contracts::presence::Thing;
use contracts::{Error, Kind};
use domain::ids::OrderId;
use jiff::Timestamp;
use platform::http::extract::{Params, Segment};
use platform::http::problem::Problem;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::frame::Frame;
use super::presence::Beside;
use super::session::Session;
use super::words::fill;
use super::words::orders::Phrases;
pub use deeds::capturable;
use deeds::{Deed, Offer};
use mails::SentMail;
pub use sheets::plain;
use shown::Shown;
use timeline::Happening;

/// With this fact an order begins to be.
const PLACED: &str = "order.placed";

pub fn router() -> Router<Admin> {
    Router::new()
        .route("/admin/orders/{id}", get(show))
        .route("/admin/orders/{id}/{deed}", get(doing::ask).post(doing::act))
}

#[derive(Template)]
#[template(path = "admin/order/page.html")]
struct OrderPage {
    frame: Frame,
    beside: Beside,
    order: Shown,
    offers: Vec<Offer>,
    mails: Vec<SentMail>,
    can_note: bool,
    can_erase: bool,
    /// When the page shows the past: which moment.
    past: Option<String>,
    happenings: Vec<Happening>,
    /// The fact that the slider stands at, from 1, and the first one at which there is an order.
    here: usize,
    first: usize,
}

#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    at: Option<String>,
}

async fn show(
    State(admin): State<Admin>,
    session: Session,
    id: Result<Segment<OrderId>, Problem>,
    asked: Result<Params<Asked>, Problem>,
) -> Answer {
    let id = id_of(id)?;
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let at = asked.at.as_deref().map(str::parse::<Timestamp>).transpose();
    let at = at.map_err(|_| Error::new(Kind::Malformed, "invalid_time", "this is no moment"))?;
    let order = admin.services.orders.order(&id, at).await?;
    let events = admin.services.orders.events(&id).await?;
    let names = admin.names().await?;
    let title = fill(session.words.orders.order_number, &[&order.number]);
    let frame = admin.frame(&session, title).await?.below("/admin/orders", session.words.frame.orders);
    let happenings = timeline::timeline(&frame, &order.id, &events, asked.at.as_deref(), &names);
    let is_now = at.is_none();
    let mails = if is_now { admin.mails_of(&frame, &id).await? } else { Vec::new() };
    let offers = if is_now { deeds::offers(session.words, &order) } else { Vec::new() };
    let page = OrderPage {
        beside: admin.beside(&session, &frame.times, &Thing::Order(id)).await?,
        offers,
        mails,
        can_note: is_now && Deed::Note.is_allowed(&order),
        can_erase: is_now && Deed::Erase.is_allowed(&order),
        past: at.map(|at| fill(session.words.orders.past, &[&frame.times.exact(at)])),
        here: happenings.iter().find(|happening| happening.is_here).map_or(happenings.len(), |here| here.index),
        first: happenings.iter().find(|happening| happening.kind == PLACED).map_or(1, |placed| placed.index),
        order: shown::shown(&frame, &order, |actor| names.of(session.words, actor)),
        happenings,
        frame,
    };
    Ok(answer::page(&page).into_response())
}

/// What is no order's id names no order.
pub fn id_of(id: Result<Segment<OrderId>, Problem>) -> contracts::Result<OrderId> {
    id.map(|Segment(id)| id).map_err(|_| Error::not_found("order"))
}

impl Admin {
    pub async fn order(&self, id: &OrderId) -> contracts::Result<OrderView> {
        self.services.orders.order(id, None).await
    }
}
