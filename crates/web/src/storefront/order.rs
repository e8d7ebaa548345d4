//! `/orders/{order}`: how an order stands, in plain words, for whoever has its token.
//! It does not know how the order got there; the page's script asks again whenever something happened.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contracts::orders::{LineView, OrderView, RefundView, ShipmentView, TotalView, Watched};
use contracts::{Kind, Result};
use domain::ids::OrderId;
use domain::money::Currency;

use super::cart::Total;
use super::frame::{Frame, Grounds, Subject};
use super::placing::NOT_PLACED;
use super::timeline::{Moment, headline, moments, when};
use super::visitor::Visitor;
use super::words::{Words, fill};
use super::{Front, Storefront, addresses, cookies};
use crate::answer;

/// The provider behind ways to pay that the buyer sees to alone.
const BY_HAND: &str = "manual";

#[derive(Template)]
#[template(path = "storefront/order.html")]
struct OrderPage {
    frame: Frame,
    number: String,
    heading: String,
    headline: &'static str,
    is_test: bool,
    /// Whether something is still about to happen.
    is_open: bool,
    is_undone: bool,
    next: Option<Next>,
    instructions: Option<String>,
    moments: Vec<Moment>,
    parcels: Vec<Parcel>,
    refunds: Vec<Refund>,
    lines: Vec<Line>,
    totals: Vec<Total>,
    total: String,
    tax_included: Option<String>,
    address: Vec<String>,
    email: Option<String>,
    shipping: Option<String>,
    payment: String,
    is_erased: bool,
    here: String,
    events: String,
}

struct Next {
    href: String,
    until: String,
}

struct Parcel {
    carrier: Option<String>,
    number: Option<String>,
    href: Option<String>,
    sent: String,
    arrived: Option<String>,
}

struct Refund {
    amount: String,
    state: &'static str,
    at: String,
}

struct Line {
    title: String,
    variant: String,
    quantity: u32,
    total: String,
}

pub(super) async fn show(State(front): State<Front>, order: Option<Path<String>>, visitor: Visitor) -> Response {
    let Some(order) = order.and_then(|Path(order)| OrderId::parse(&order).ok()) else {
        return front.refuse_order(&visitor).await;
    };
    let answered = match front.answer_order(&visitor, &order).await {
        Err(error) if error.code == NOT_PLACED => front.await_order(&visitor, &order).await,
        answered => answered,
    };
    match answered {
        Ok(response) => response,
        Err(error) if error.kind == Kind::NotFound => front.refuse_order(&visitor).await,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    pub(super) async fn answer_order(&self, visitor: &Visitor, order: &OrderId) -> Result<Response> {
        // The link of a mail brings the token, which must not stay where others read it over the shoulder.
        if let Some(token) = visitor.asked("token") {
            self.services.checkout.watch(order, token).await?;
            let grounds = self.grounds(visitor).await?;
            let mut response = answer::see_other(&cookies::order_path(order));
            self.jar.keep_order(&mut response, order, token);
            grounds.place.remember(visitor, self.jar, &mut response);
            return Ok(response);
        }
        let token = cookies::order_token(visitor).unwrap_or_default();
        let watched = self.services.checkout.watch(order, &token).await?;
        let grounds = self.grounds(visitor).await?;
        let path = cookies::order_path(order);
        let frame = self.frame_on(&grounds, Subject::private(&path));
        let lang = frame.lang.clone();
        Ok(answer::private(StatusCode::OK, &page(frame, &grounds, &watched, path), &lang))
    }
}

fn page(frame: Frame, grounds: &Grounds, watched: &Watched, path: String) -> OrderPage {
    let (words, place, order) = (frame.words, &grounds.place, &watched.order);
    let currency = Currency::parse(&order.currency).ok();
    let price = |amount: i64| currency.and_then(|currency| place.amount(amount, currency)).unwrap_or_default();
    let zone = grounds.current.settings.time_zone.as_str();
    let time = |at: &str| at.parse().map(|at| when(at, zone, &place.locale)).unwrap_or_default();
    let is_undone = matches!(order.status.as_str(), "cancelled" | "rejected");
    let name = order.buyer.as_ref().and_then(|buyer| buyer.name.clone());
    let heading = match (&name, is_undone) {
        (_, true) => fill(words.order, &[("number", &order.number)]),
        (Some(name), _) => fill(words.thank_you_name, &[("name", name)]),
        (None, _) => words.thank_you.to_owned(),
    };
    let is_pending = order.status == "pending";
    let next = order.next_action.as_ref().filter(|_| is_pending);
    OrderPage {
        number: order.number.clone(),
        heading,
        headline: headline(order, words),
        is_test: order.test,
        is_open: is_pending,
        is_undone,
        next: next.map(|next| Next { href: next.url.clone(), until: time(&next.expires_at) }),
        instructions: instructions(order, grounds),
        moments: moments(&watched.milestones, zone, &place.locale, words),
        parcels: order.shipments.iter().map(|parcel| show_parcel(parcel, &time)).collect(),
        refunds: order.refunds.iter().map(|refund| show_refund(refund, &price, &time, words)).collect(),
        lines: order.lines.iter().map(|line| show_line(line, &price)).collect(),
        totals: order.totals.iter().filter_map(|total| show_total(total, &price, words)).collect(),
        total: order
            .totals
            .iter()
            .find(|total| total.kind == "total")
            .map(|total| price(total.amount))
            .unwrap_or_default(),
        tax_included: Some(order.tax_included).filter(|tax| *tax > 0).map(price),
        address: address(order, grounds),
        email: order.buyer.as_ref().and_then(|buyer| buyer.email.clone()),
        shipping: order.shipping_method.as_ref().map(|method| method.name.clone()),
        payment: payment_name(order, grounds, words),
        is_erased: order.erased,
        events: super::place::address(&format!("{path}/events"), [("revision", watched.revision.as_str())]),
        here: path,
        frame,
    }
}

/// What the buyer has to do, while the shop waits for money that no provider brings.
fn instructions(order: &OrderView, grounds: &Grounds) -> Option<String> {
    let payment = &order.payment;
    let is_waiting = payment.provider == BY_HAND && payment.captured < payment.amount;
    let is_wanted = is_waiting && !matches!(order.status.as_str(), "cancelled" | "rejected");
    let method = grounds.current.settings.payment_method(&payment.provider).filter(|_| is_wanted)?;
    method.instructions.as_ref().map(|note| note.as_str().to_owned())
}

fn payment_name(order: &OrderView, grounds: &Grounds, words: &Words) -> String {
    let method = grounds.current.settings.payment_method(&order.payment.provider);
    method.map_or(words.payment.to_owned(), |method| method.name_in(&grounds.place.locale).to_string())
}

fn address(order: &OrderView, grounds: &Grounds) -> Vec<String> {
    let Some(address) = &order.shipping_address else { return Vec::new() };
    let lines = addresses::lines(address, &grounds.place.locale);
    address.name.iter().cloned().chain(lines).collect()
}

fn show_parcel(parcel: &ShipmentView, time: &impl Fn(&str) -> String) -> Parcel {
    let is_web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
    Parcel {
        carrier: parcel.carrier.clone(),
        number: parcel.tracking_number.clone(),
        href: parcel.tracking_url.as_ref().filter(is_web).cloned(),
        sent: time(&parcel.shipped_at),
        arrived: parcel.delivered_at.as_deref().map(time),
    }
}

fn show_refund(
    refund: &RefundView,
    price: &impl Fn(i64) -> String,
    time: &impl Fn(&str) -> String,
    words: &'static Words,
) -> Refund {
    let state = match refund.status.as_str() {
        "done" => words.refund_done,
        "failed" => words.refund_failed,
        _ => words.refund_requested,
    };
    Refund { amount: price(refund.amount), state, at: time(&refund.requested_at) }
}

fn show_line(line: &LineView, price: &impl Fn(i64) -> String) -> Line {
    Line { title: line.title.clone(), variant: line.variant.clone(), quantity: line.quantity, total: price(line.total) }
}

fn show_total(total: &TotalView, price: &impl Fn(i64) -> String, words: &'static Words) -> Option<Total> {
    let label = match total.kind.as_str() {
        "subtotal" => words.subtotal,
        "items_discount" | "discount" => words.discount,
        "fulfillment" => words.shipping,
        "tax" => words.tax,
        "fee" => words.fee,
        _ => return None,
    };
    let is_free = total.kind == "fulfillment" && total.amount == 0;
    Some(Total { label, amount: if is_free { words.free.to_owned() } else { price(total.amount) } })
}
