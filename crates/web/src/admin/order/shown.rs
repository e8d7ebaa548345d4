//! An order as staff's pages show it: every amount, time and status in the reader's words.
//! It does not know which page shows it, nor what may be done.

use contracts::orders::{AddressBody, LineView, OrderView, ShipmentView};
use jiff::Timestamp;

use crate::admin::frame::Frame;
use crate::admin::lists::href;
use crate::admin::words::{Words, fill};

/// The provider of payments that staff see to by hand.
pub const MANUAL: &str = "manual";

pub struct Shown {
    pub id: String,
    pub tags: Vec<Tag>,
    pub is_test: bool,
    pub placed_at: String,
    pub lines: Vec<Line>,
    pub totals: Vec<Fact>,
    pub tax_included: Option<String>,
    pub money: Vec<Fact>,
    /// How much of the total was received, in per cent, for a bar.
    pub received_percent: i64,
    pub refunds: Vec<Refund>,
    pub parcels: Vec<Parcel>,
    pub buyer: Vec<String>,
    pub buyer_email: Option<String>,
    pub address: Vec<String>,
    pub buyers_note: Option<String>,
    pub notes: Vec<Note>,
    pub details: Vec<Fact>,
    pub process: Option<Process>,
    pub cancellation: Option<String>,
    pub shortages: Vec<String>,
    pub waits_for_buyer: Option<String>,
    pub is_erased: bool,
    pub buyers_page: Option<String>,
}

/// A status, and how it is coloured: `good`, `wait`, `bad` or not at all.
#[derive(Debug, Clone)]
pub struct Tag {
    pub label: String,
    pub tone: &'static str,
}

pub struct Fact {
    pub label: String,
    pub value: String,
    pub is_total: bool,
}

pub struct Line {
    pub id: String,
    pub sku: String,
    pub title: String,
    pub variant: String,
    pub quantity: u32,
    pub price: String,
    pub discount: Option<String>,
    pub total: String,
    pub progress: Vec<String>,
    /// Units that can still leave.
    pub to_ship: u32,
    /// Units whose money has not gone back.
    pub to_refund: u32,
}

pub struct Refund {
    pub amount: String,
    pub at: String,
    pub state: String,
    pub reason: Option<String>,
    pub is_bad: bool,
}

pub struct Parcel {
    pub id: String,
    pub title: String,
    pub shipped_at: String,
    pub delivered_at: Option<String>,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub tracking_url: Option<String>,
    pub goods: Vec<String>,
}

pub struct Note {
    pub by: String,
    pub at: String,
    pub text: Option<String>,
}

pub struct Process {
    pub state: &'static str,
    pub step: Option<String>,
    pub reason: Option<String>,
    pub is_parked: bool,
    pub can_skip: bool,
    pub can_undo: bool,
}

/// Units of a line that can still leave. Money goes back for units that have not left first, so that what is
/// neither shipped nor refunded is what is left.
pub fn left_to_ship(line: &LineView) -> u32 {
    line.quantity.saturating_sub(line.shipped.saturating_add(line.refunded))
}

pub fn left_to_refund(line: &LineView) -> u32 {
    line.quantity.saturating_sub(line.refunded)
}

/// The tags of an order, the status of the whole first.
pub fn tags(words: &Words, status: &str, payment: &str, fulfillment: &str, is_test: bool) -> Vec<Tag> {
    let mut tags =
        vec![status_tag(words, status), payment_tag(words, payment), fulfillment_tag(words, status, fulfillment)];
    if is_test {
        tags.push(Tag { label: words.frame.test.to_owned(), tone: "wait" });
    }
    tags
}

pub fn status_tag(words: &Words, status: &str) -> Tag {
    let words = words.orders;
    let (label, tone) = match status {
        "pending" => (words.pending, "wait"),
        "confirmed" => (words.confirmed, ""),
        "completed" => (words.completed, "good"),
        "cancelled" => (words.cancelled, "bad"),
        "rejected" => (words.rejected, "bad"),
        other => (other, ""),
    };
    Tag { label: label.to_owned(), tone }
}

pub fn payment_tag(words: &Words, status: &str) -> Tag {
    let words = words.orders;
    let (label, tone) = match status {
        "pending" => (words.pay_pending, "wait"),
        "authorized" => (words.authorized, "wait"),
        "partially_captured" => (words.partially_captured, "wait"),
        "captured" => (words.captured, "good"),
        "partially_refunded" => (words.partially_refunded, ""),
        "refunded" => (words.refunded, ""),
        "voided" => (words.voided, ""),
        "declined" => (words.declined, "bad"),
        other => (other, ""),
    };
    Tag { label: label.to_owned(), tone }
}

/// What is cancelled waits for no parcel.
pub fn fulfillment_tag(words: &Words, order: &str, fulfillment: &str) -> Tag {
    let words = words.orders;
    let is_over = matches!(order, "cancelled" | "rejected");
    let (label, tone) = match fulfillment {
        "unfulfilled" => (words.unfulfilled, "wait"),
        "partially_shipped" => (words.partially_shipped, "wait"),
        "shipped" => (words.shipped, ""),
        "delivered" => (words.delivered, "good"),
        other => (other, ""),
    };
    Tag { label: label.to_owned(), tone: if is_over { "" } else { tone } }
}

/// `name_of`: what an actor such as `staff:…` is called.
pub fn shown(frame: &Frame, order: &OrderView, name_of: impl Fn(&str) -> String) -> Shown {
    let words = frame.words.orders;
    let money = |amount: i64| frame.money_in(amount, &order.currency);
    let time = |at: &str| frame.times.of_text(at);
    Shown {
        id: order.id.clone(),
        tags: tags(frame.words, &order.status, &order.payment_status, &order.fulfillment_status, order.test),
        is_test: order.test,
        placed_at: time(&order.placed_at),
        lines: order.lines.iter().map(|line| shown_line(words, line, &money)).collect(),
        totals: totals(words, order, &money),
        tax_included: Some(order.tax_included)
            .filter(|tax| *tax != 0)
            .map(|tax| fill(words.tax_included, &[&money(tax)])),
        money: payment(words, order, &money),
        received_percent: percent(order.payment.captured, order.payment.amount),
        refunds: refunds(words, order, &money, &time),
        parcels: order
            .shipments
            .iter()
            .enumerate()
            .map(|(n, parcel)| shown_parcel(words, order, n, parcel, &time))
            .collect(),
        buyer: buyer(order),
        buyer_email: order.buyer.as_ref().and_then(|buyer| buyer.email.clone()),
        address: order.shipping_address.as_ref().map(address_lines).unwrap_or_default(),
        buyers_note: order.note.clone(),
        notes: order
            .staff_notes
            .iter()
            .map(|note| Note { by: name_of(&note.by), at: time(&note.at), text: note.note.clone() })
            .collect(),
        details: details(words, order, &time),
        process: process(frame.words, order),
        cancellation: order.cancellation.as_ref().map(|why| why.message.clone()),
        shortages: order
            .shortages
            .iter()
            .map(|short| {
                fill(words.shortage, &[&short.sku, &short.requested.to_string(), &short.available.to_string()])
            })
            .collect(),
        waits_for_buyer: order.next_action.as_ref().map(|next| fill(words.waits_for_buyer, &[&time(&next.expires_at)])),
        is_erased: order.erased,
        buyers_page: order
            .access_token
            .as_ref()
            .map(|token| href(&format!("/orders/{}", order.id), &[("token", token.as_str())])),
    }
}

fn shown_line(words: &super::Phrases, line: &LineView, money: &impl Fn(i64) -> String) -> Line {
    let mut progress = Vec::new();
    if line.shipped > 0 {
        progress.push(fill(words.shipped_of, &[&line.shipped.to_string(), &line.quantity.to_string()]));
    }
    if line.refunded > 0 {
        progress.push(fill(words.refunded_units, &[&line.refunded.to_string()]));
    }
    Line {
        id: line.id.clone(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        variant: line.variant.clone(),
        quantity: line.quantity,
        price: money(line.unit_price),
        discount: Some(line.discount).filter(|discount| *discount != 0).map(|discount| money(-discount)),
        total: money(line.total),
        progress,
        to_ship: left_to_ship(line),
        to_refund: left_to_refund(line),
    }
}

fn totals(words: &super::Phrases, order: &OrderView, money: &impl Fn(i64) -> String) -> Vec<Fact> {
    let label = |kind: &str| match kind {
        "subtotal" => words.subtotal,
        "items_discount" => words.items_discount,
        "discount" => words.order_discount,
        "fulfillment" => words.shipping,
        "tax" => words.tax,
        "fee" => words.fee,
        _ => words.total,
    };
    let fact = |total: &contracts::orders::TotalView| Fact {
        label: label(&total.kind).to_owned(),
        value: money(total.amount),
        is_total: total.kind == "total",
    };
    order.totals.iter().map(fact).collect()
}

fn payment(words: &super::Phrases, order: &OrderView, money: &impl Fn(i64) -> String) -> Vec<Fact> {
    let payment = &order.payment;
    let is_manual = payment.provider == MANUAL;
    let received = if is_manual { words.is_received } else { words.is_captured };
    let mut facts = vec![(words.by, payment.provider.clone()), (words.to_pay, money(payment.amount))];
    if payment.authorized != 0 && !is_manual {
        facts.push((words.is_authorized, money(payment.authorized)));
    }
    facts.push((received, money(payment.captured)));
    if payment.refunded != 0 {
        facts.push((words.is_refunded, money(payment.refunded)));
    }
    let is_open = order.cancellation.is_none() && order.status != "rejected";
    if is_open && payment.captured < payment.amount {
        facts.push((words.outstanding, money(payment.amount - payment.captured)));
    }
    let fact = |(label, value): (&str, String)| Fact { label: label.to_owned(), value, is_total: false };
    facts.into_iter().map(fact).collect()
}

fn percent(part: i64, whole: i64) -> i64 {
    if whole <= 0 { 0 } else { (i128::from(part) * 100 / i128::from(whole)).clamp(0, 100) as i64 }
}

fn refunds(
    words: &super::Phrases,
    order: &OrderView,
    money: &impl Fn(i64) -> String,
    time: &impl Fn(&str) -> String,
) -> Vec<Refund> {
    let refund = |refund: &contracts::orders::RefundView| Refund {
        amount: money(refund.amount),
        at: time(&refund.requested_at),
        state: match refund.status.as_str() {
            "requested" => words.refund_requested.to_owned(),
            "done" => words.refund_done.to_owned(),
            _ => fill(words.refund_failed, &[refund.failure.as_deref().unwrap_or_default()]),
        },
        reason: refund.reason.clone(),
        is_bad: refund.status == "failed",
    };
    order.refunds.iter().map(refund).collect()
}

fn shown_parcel(
    words: &super::Phrases,
    order: &OrderView,
    index: usize,
    parcel: &ShipmentView,
    time: &impl Fn(&str) -> String,
) -> Parcel {
    let goods = parcel.lines.iter().filter_map(|part| {
        let line = order.lines.iter().find(|line| line.id == part.line)?;
        Some(format!("{} × {}", part.quantity, line.title))
    });
    Parcel {
        id: parcel.id.clone(),
        title: fill(words.parcel, &[&(index + 1).to_string()]),
        shipped_at: time(&parcel.shipped_at),
        delivered_at: parcel.delivered_at.as_deref().map(time),
        carrier: parcel.carrier.clone(),
        tracking_number: parcel.tracking_number.clone(),
        tracking_url: parcel
            .tracking_url
            .clone()
            .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        goods: goods.collect(),
    }
}

fn buyer(order: &OrderView) -> Vec<String> {
    let Some(buyer) = &order.buyer else { return Vec::new() };
    [&buyer.name, &buyer.phone].into_iter().flatten().cloned().collect()
}

/// As it is written on a parcel.
pub fn address_lines(address: &AddressBody) -> Vec<String> {
    let place = [&address.postal_code, &address.city, &address.region];
    let place: Vec<&str> = place.into_iter().flatten().map(String::as_str).collect();
    let lines = [
        address.name.clone(),
        address.line1.clone(),
        address.line2.clone(),
        Some(place.join(" ")),
        address.country.clone(),
        address.phone.clone(),
    ];
    lines.into_iter().flatten().filter(|line| !line.is_empty()).collect()
}

fn details(words: &super::Phrases, order: &OrderView, time: &impl Fn(&str) -> String) -> Vec<Fact> {
    let channel = match order.channel.as_str() {
        "storefront" => words.storefront,
        "api" => words.api,
        "draft" => words.draft,
        other => other,
    };
    let mut facts = vec![(words.placed, time(&order.placed_at)), (words.channel, channel.to_owned())];
    let minute = |at: &str| at.parse().map(|at: Timestamp| at.as_second() / 60).ok();
    if minute(&order.recorded_at) != minute(&order.placed_at) {
        facts.push((words.recorded, time(&order.recorded_at)));
    }
    if let Some(method) = &order.shipping_method {
        facts.push((words.ship_by, method.name.clone()));
    }
    if let Some(locale) = &order.locale {
        facts.push((words.language_of_buyer, locale.clone()));
    }
    facts.into_iter().map(|(label, value)| Fact { label: label.to_owned(), value, is_total: false }).collect()
}

/// Steps that hold stock, or ask the buyer, cannot be passed over.
pub fn can_skip(order: &OrderView) -> bool {
    let parked = order.process.as_ref().filter(|process| process.state == "parked");
    let step = parked.and_then(|process| process.step.as_deref());
    step.is_some_and(|step| !matches!(step, "reserve" | "authorize" | "confirm_reservation"))
}

/// Only what is not sold yet is undone as a whole.
pub fn can_undo(order: &OrderView) -> bool {
    order.status == "pending" && order.cancellation.is_none()
}

fn process(words: &Words, order: &OrderView) -> Option<Process> {
    let process = order.process.as_ref()?;
    let state = match process.state.as_str() {
        "running" => words.orders.process_running,
        "waiting" => words.orders.process_waiting,
        "parked" => words.orders.process_parked,
        _ => words.orders.process_idle,
    };
    Some(Process {
        state,
        step: process.step.as_deref().map(|step| words.happening(step)),
        reason: process.reason.clone(),
        is_parked: process.state == "parked",
        can_skip: can_skip(order),
        can_undo: can_undo(order),
    })
}
