//! What can be done to an order, as far as a page can tell: each deed is offered only where the order allows it.
//! It decides nothing: the order's own rules have the last word when a deed is sent.

use contracts::orders::OrderView;

use super::shown::{MANUAL, left_to_ship};
use crate::admin::words::Words;

/// Something that staff do to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Ship,
    Capture,
    MarkPaid,
    Deliver,
    Refund,
    Cancel,
    Note,
    Erase,
}

impl Deed {
    const ALL: [Deed; 8] =
        [Self::Ship, Self::Capture, Self::MarkPaid, Self::Deliver, Self::Refund, Self::Cancel, Self::Note, Self::Erase];

    /// The last piece of its address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ship => "ship",
            Self::Capture => "capture",
            Self::MarkPaid => "mark-paid",
            Self::Deliver => "deliver",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Note => "note",
            Self::Erase => "erase",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.name() == name)
    }

    pub fn label(self, words: &Words) -> &'static str {
        let words = words.orders;
        match self {
            Self::Ship => words.ship,
            Self::Capture => words.capture,
            Self::MarkPaid => words.mark_paid,
            Self::Deliver => words.deliver,
            Self::Refund => words.refund,
            Self::Cancel => words.cancel_order,
            Self::Note => words.add_note,
            Self::Erase => words.erase,
        }
    }

    /// It cannot be taken back.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::Cancel | Self::Erase | Self::Refund)
    }

    /// Whether the order allows it, as far as the view tells.
    pub fn is_allowed(self, order: &OrderView) -> bool {
        let is_undone = order.cancellation.is_some();
        let is_sold = !is_undone && matches!(order.status.as_str(), "confirmed" | "completed");
        match self {
            Self::Ship => is_sold && order.lines.iter().any(|line| left_to_ship(line) > 0),
            Self::Capture => is_sold && capturable(order) > 0,
            Self::MarkPaid => is_sold && order.payment.provider == MANUAL && outstanding(order) > 0,
            Self::Deliver => is_sold && order.shipments.iter().any(|parcel| parcel.delivered_at.is_none()),
            Self::Refund => is_sold && refundable(order) > 0,
            Self::Cancel => {
                !is_undone && order.shipments.is_empty() && matches!(order.status.as_str(), "pending" | "confirmed")
            }
            Self::Note => !order.erased,
            Self::Erase => !order.erased && order.process.as_ref().is_some_and(|process| process.state == "idle"),
        }
    }
}

/// What was authorised and not yet taken.
pub fn capturable(order: &OrderView) -> i64 {
    let payment = &order.payment;
    let is_over = matches!(order.payment_status.as_str(), "voided" | "declined");
    if is_over || payment.provider == MANUAL { 0 } else { (payment.authorized - payment.captured).max(0) }
}

pub fn outstanding(order: &OrderView) -> i64 {
    (order.payment.amount - order.payment.captured).max(0)
}

/// What was received and is not on its way back.
pub fn refundable(order: &OrderView) -> i64 {
    let requested = order.refunds.iter().filter(|refund| refund.status == "requested");
    let under_way: i64 = requested.map(|refund| refund.amount).sum();
    order.payment.captured - order.payment.refunded - under_way
}

/// A deed on the order's page.
pub struct Offer {
    pub label: &'static str,
    pub href: String,
    pub is_grave: bool,
    pub is_next: bool,
}

/// The deeds that the order allows; the first one that takes it on is the next step. Notes and erasing have their own
/// places on the page.
pub fn offers(words: &Words, order: &OrderView) -> Vec<Offer> {
    let all = [Deed::Ship, Deed::Capture, Deed::MarkPaid, Deed::Deliver, Deed::Refund, Deed::Cancel];
    let allowed: Vec<Deed> = all.into_iter().filter(|deed| deed.is_allowed(order)).collect();
    let next = allowed.iter().copied().find(|deed| !deed.is_grave());
    let offer = |deed: Deed| Offer {
        label: deed.label(words),
        href: format!("/admin/orders/{}/{}", order.id, deed.name()),
        is_grave: deed.is_grave(),
        is_next: next == Some(deed),
    };
    // The next step stands last, at the far right.
    let (next, others): (Vec<Deed>, Vec<Deed>) = allowed.into_iter().partition(|deed| next == Some(*deed));
    others.into_iter().rev().chain(next).map(offer).collect()
}
