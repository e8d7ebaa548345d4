//! `/admin/orders`: all orders, filtered, found, a page at a time; and what is done to several of them at once.
//! It does not know who bought: an e-mail address is only asked for, never shown in the list.

mod bulk;

pub use bulk::{nothing_ticked, ticked};

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contracts::orders::{OrderRowView, WantedOrders};
use contracts::{Error, Kind, Listing};
use domain::order::Status;
use futures::TryStreamExt;
use jiff::civil::Date;
use platform::http::extract::Params;
use platform::http::problem::Problem;
use serde::Deserialize;

use super::answer::{self, Answer};
use super::csv;
use super::form::Form;
use super::frame::Frame;
use super::lists::{Choice, Pager, href};
use super::order::shown::{Tag, fulfillment_tag, payment_tag, status_tag};
use super::session::Session;
use super::times::Times;
use super::words::Words;
use super::{Admin, sheet};

/// Rows that make a page worth looking at.
const ROWS_MIN: usize = 25;
/// Stretches of the list that are looked through for them; filters may leave most of a stretch out.
const STRETCHES_MAX: usize = 10;
const STRETCH: usize = 50;

pub const PAYMENTS: [&str; 8] =
    ["pending", "authorized", "partially_captured", "captured", "partially_refunded", "refunded", "voided", "declined"];
const FULFILLMENTS: [&str; 4] = ["unfulfilled", "partially_shipped", "shipped", "delivered"];

pub fn router() -> Router<Admin> {
    Router::new()
        .route("/admin/orders", get(show))
        .route("/admin/orders/export", get(bulk::export))
        .route("/admin/orders/capture", get(bulk::ask_capture).post(bulk::capture))
}

#[derive(Template)]
#[template(path = "admin/orders/list.html")]
struct OrdersPage {
    frame: Frame,
    form: Form,
    views: Vec<Choice>,
    statuses: Vec<Choice>,
    payments: Vec<Choice>,
    fulfillments: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
}

/// One order in the list.
pub struct Row {
    pub id: String,
    pub number: String,
    pub placed_at: String,
    pub status: Tag,
    pub payment: Tag,
    pub fulfillment: Tag,
    pub is_test: bool,
    pub lines: u32,
    pub country: String,
    pub total: String,
}

/// What the list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    status: String,
    payment: String,
    fulfillment: String,
    from: String,
    until: String,
    cursor: Option<String>,
    format: String,
}

impl Asked {
    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("q", &self.q),
            ("status", &self.status),
            ("payment", &self.payment),
            ("fulfillment", &self.fulfillment),
            ("from", &self.from),
            ("until", &self.until),
        ]
    }

    fn form(&self) -> Form {
        self.pairs().into_iter().fold(Form::default(), |form, (name, value)| form.with(name, value))
    }

    fn is_filtered(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// The same as services read it. Days are the shop's.
    fn wanted(&self, times: &Times) -> WantedOrders {
        let q = Some(self.q.trim()).filter(|q| !q.is_empty());
        let (email, number) = match q {
            Some(q) if q.contains('@') => (Some(q.to_owned()), None),
            Some(q) => (None, Some(q.trim_start_matches('#').to_uppercase())),
            None => (None, None),
        };
        let day = |text: &str| text.parse::<Date>().ok();
        let known = |text: &str, all: &[&str]| Some(text.to_owned()).filter(|text| all.contains(&text.as_str()));
        WantedOrders {
            status: Status::ALL.into_iter().find(|status| status.as_str() == self.status),
            payment_status: known(&self.payment, &PAYMENTS),
            fulfillment_status: known(&self.fulfillment, &FULFILLMENTS),
            number,
            email,
            from: day(&self.from).and_then(|day| times.midnight(day)),
            // To the end of that day.
            until: day(&self.until).and_then(|day| day.tomorrow().ok()).and_then(|day| times.midnight(day)),
            cursor: self.cursor.clone(),
            limit: STRETCH,
        }
    }
}

async fn show(State(admin): State<Admin>, session: Session, asked: Result<Params<Asked>, Problem>) -> Answer {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let frame = admin.frame(&session, session.words.frame.orders).await?;
    let wanted = asked.wanted(&frame.times);
    if asked.format == "csv" {
        return Ok(admin.orders_csv(&frame, wanted));
    }
    let mut form = asked.form();
    let found = match admin.orders_page(wanted).await {
        Ok(found) => found,
        // A number or an address that is none finds nothing, and the field says why.
        Err(error) if error.kind == Kind::Invalid => {
            let why =
                error.fields.first().map_or_else(|| error.message.clone(), |field| frame.words.field_message(field));
            form.refuse("q", why);
            Listing { items: Vec::new(), next_cursor: None }
        }
        Err(error) => return Err(error.into()),
    };
    let words = session.words;
    let pairs = asked.pairs();
    let page = OrdersPage {
        form,
        views: views(words, &asked),
        statuses: choices(words, Status::ALL.iter().map(|status| status.as_str()), status_tag),
        payments: choices(words, PAYMENTS.into_iter(), payment_tag),
        fulfillments: choices(words, FULFILLMENTS.into_iter(), |words, name| fulfillment_tag(words, "", name)),
        rows: found.items.iter().map(|row| shown(&frame, row)).collect(),
        pager: Pager::new("/admin/orders", &pairs, asked.cursor.as_deref(), found.next_cursor.as_deref()),
        is_filtered: asked.is_filtered(),
        frame,
    };
    Ok(answer::page(&page).into_response())
}

impl Admin {
    /// A page of orders that is not short only because filters left most of a stretch out.
    async fn orders_page(&self, mut wanted: WantedOrders) -> contracts::Result<Listing<OrderRowView>> {
        let mut items = Vec::new();
        for _ in 0..STRETCHES_MAX {
            let Listing { items: more, next_cursor } = self.services.orders.orders(&wanted).await?;
            items.extend(more);
            wanted.cursor = next_cursor;
            if items.len() >= ROWS_MIN || wanted.cursor.is_none() {
                break;
            }
        }
        Ok(Listing { items, next_cursor: wanted.cursor })
    }

    fn orders_csv(&self, frame: &Frame, wanted: WantedOrders) -> Response {
        let orders = self.services.orders.clone();
        let rows = csv::all(move |cursor| {
            let (orders, wanted) =
                (orders.clone(), WantedOrders { cursor, limit: csv::ROWS_AT_A_TIME, ..wanted.clone() });
            async move { orders.orders(&wanted).await }
        });
        let times = frame.times.clone();
        csv::download("orders.csv", &COLUMNS, rows.map_ok(move |row| cells(&times, &row)))
    }
}

const COLUMNS: [&str; 12] = [
    "number",
    "placed_at",
    "placed_here",
    "status",
    "payment_status",
    "fulfillment_status",
    "test",
    "channel",
    "currency",
    "total",
    "lines",
    "country",
];

fn cells(times: &Times, row: &OrderRowView) -> Vec<String> {
    vec![
        row.number.clone(),
        row.placed_at.clone(),
        times.of_text(&row.placed_at),
        row.status.clone(),
        row.payment_status.clone(),
        row.fulfillment_status.clone(),
        row.test.to_string(),
        row.channel.clone(),
        row.currency.clone(),
        super::order::plain(row.total, &row.currency),
        row.lines.to_string(),
        row.country.clone().unwrap_or_default(),
    ]
}

pub fn shown(frame: &Frame, row: &OrderRowView) -> Row {
    Row {
        id: row.id.clone(),
        number: row.number.clone(),
        placed_at: frame.times.of_text(&row.placed_at),
        status: status_tag(frame.words, &row.status),
        payment: payment_tag(frame.words, &row.payment_status),
        fulfillment: fulfillment_tag(frame.words, &row.status, &row.fulfillment_status),
        is_test: row.test,
        lines: row.lines,
        country: row.country.clone().unwrap_or_default(),
        total: frame.money_in(row.total, &row.currency),
    }
}

/// What is asked for most often, one click away.
fn views(words: &Words, asked: &Asked) -> Vec<Choice> {
    let words = words.orders;
    let all: [(&str, [(&str, &str); 3]); 6] = [
        (words.all_orders, [("status", ""), ("payment", ""), ("fulfillment", "")]),
        (words.to_ship, [("status", "confirmed"), ("payment", ""), ("fulfillment", "unfulfilled")]),
        (words.to_capture, [("status", ""), ("payment", "authorized"), ("fulfillment", "")]),
        (words.unpaid, [("status", "confirmed"), ("payment", "pending"), ("fulfillment", "")]),
        (words.completed, [("status", "completed"), ("payment", ""), ("fulfillment", "")]),
        (words.cancelled, [("status", "cancelled"), ("payment", ""), ("fulfillment", "")]),
    ];
    let pairs = asked.pairs();
    let choice = |(label, wanted): &(&str, [(&str, &str); 3])| Choice {
        value: String::new(),
        label: (*label).to_owned(),
        href: href("/admin/orders", wanted),
        is_current: pairs.iter().all(|(name, value)| {
            wanted.iter().find(|(known, _)| known == name).map_or(value.is_empty(), |(_, wanted)| value == wanted)
        }),
    };
    all.iter().map(choice).collect()
}

fn choices<'a>(words: &Words, values: impl Iterator<Item = &'a str>, tag: impl Fn(&Words, &str) -> Tag) -> Vec<Choice> {
    let choice =
        |value: &str, label: String| Choice { value: value.to_owned(), label, href: String::new(), is_current: false };
    let all = choice("", words.frame.all.to_owned());
    std::iter::once(all).chain(values.map(|value| choice(value, tag(words, value).label))).collect()
}

/// Orders that were ticked, at most a page's worth and as they were ticked.
fn chosen(session: &Session, values: impl Iterator<Item = String>) -> Result<Vec<domain::ids::OrderId>, Error> {
    let ids: Result<Vec<_>, _> = values.take(CHOSEN_MAX).map(|id| domain::ids::OrderId::parse(&id)).collect();
    match ids {
        Ok(ids) if !ids.is_empty() => Ok(ids),
        Ok(_) => Err(Error::conflict("none_selected", session.words.orders.none_selected)),
        Err(_) => Err(Error::not_found("order")),
    }
}

/// More than a page shows.
const CHOSEN_MAX: usize = 200;
