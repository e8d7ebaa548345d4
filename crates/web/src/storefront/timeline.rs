//! What happened to an order, told to its buyer.
//! It does not know facts: milestones are what of them a buyer is told.

use contracts::orders::{Milestone, MilestoneKind, OrderView};
use domain::locale::Locale;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::words::Words;

/// Something that happened, and when.
pub struct Moment {
    pub text: &'static str,
    pub at: String,
    /// For machines.
    pub datetime: String,
}

pub fn moments(milestones: &[Milestone], zone: &str, locale: &Locale, words: &'static Words) -> Vec<Moment> {
    let moment = |milestone: &Milestone| Moment {
        text: told(milestone.kind, words),
        at: when(milestone.at, zone, locale),
        datetime: milestone.at.to_string(),
    };
    milestones.iter().map(moment).collect()
}

fn told(kind: MilestoneKind, words: &'static Words) -> &'static str {
    match kind {
        MilestoneKind::Placed => words.placed,
        MilestoneKind::Authorized => words.authorized,
        MilestoneKind::Confirmed => words.confirmed,
        MilestoneKind::Declined => words.payment_declined,
        MilestoneKind::Rejected => words.rejected,
        MilestoneKind::Paid => words.paid,
        MilestoneKind::Shipped => words.shipped,
        MilestoneKind::Delivered => words.delivered,
        MilestoneKind::Refunded => words.refunded,
        MilestoneKind::Cancelled => words.cancelled,
    }
}

/// How the order stands, in one sentence.
pub fn headline(order: &OrderView, words: &'static Words) -> &'static str {
    match order.status.as_str() {
        "pending" if order.next_action.is_some() => words.state_action,
        "pending" => words.state_pending,
        "rejected" => words.state_rejected,
        "cancelled" => match order.cancellation.as_ref().map(|why| why.code.as_str()) {
            Some("payment_declined") => words.state_declined,
            Some("payment_expired") => words.state_expired,
            _ => words.state_cancelled,
        },
        _ if order.payment_status == "refunded" => words.state_refunded,
        _ => match order.fulfillment_status.as_str() {
            "delivered" => words.state_delivered,
            "shipped" => words.state_shipped,
            "partially_shipped" => words.state_partly_shipped,
            _ if order.payment_status == "pending" => words.state_unpaid,
            _ => words.state_confirmed,
        },
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// In the shop's own time, as it is read here.
pub fn when(at: Timestamp, zone: &str, locale: &Locale) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at: DateTime = at.to_zoned(zone).datetime();
    match locale.language() {
        "ko" => format!("{}년 {}월 {}일 {:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute()),
        _ => {
            let month = usize::try_from(at.month()).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
            let month = month.copied().unwrap_or_default();
            format!("{} {month} {}, {:02}:{:02}", at.day(), at.year(), at.hour(), at.minute())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_shops_own() {
        let at: Timestamp = "2026-12-31T23:30:00Z".parse().unwrap();
        let locale = |tag| Locale::parse(tag).unwrap();
        assert_eq!(when(at, "Europe/Berlin", &locale("en")), "1 January 2027, 00:30");
        assert_eq!(when(at, "Asia/Seoul", &locale("ko")), "2027년 1월 1일 08:30");
        assert_eq!(when(at, "Nowhere/Land", &locale("en")), "31 December 2026, 23:30");
    }
}
