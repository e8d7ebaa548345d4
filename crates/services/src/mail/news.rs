//! Which facts of an order its buyer, or staff, are written to about.
//! It does not know addresses, nor what a mail says.

use contracts::mail::MailKind;
use contracts::orders::OrderView;
use domain::order::Fact;
use jiff::{Timestamp, ToSpan};

/// Of an order that was placed this much earlier than it was written down, nobody is told: it comes from older books, and
/// its buyer was told then.
const FROM_OLD_BOOKS_H: i64 = 48;

/// Something to write about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Mail {
        kind: MailKind,
        /// A shipment or a refund.
        about: Option<String>,
    },
    /// Nobody may be written to any more, and copies are destroyed.
    Erased,
}

/// Fact types that may be news; all others need not even be decoded.
pub fn may_be_news(type_name: &str) -> bool {
    matches!(type_name, "order.confirmed" | "order.shipped" | "order.cancelled" | "order.refunded" | "order.erased")
}

/// A buyer whose order was never confirmed sees on the page what went wrong, and gets no mail: `was_confirmed` says whether
/// it had been.
pub fn of(fact: &Fact, was_confirmed: bool) -> Vec<News> {
    let mail = |kind, about| News::Mail { kind, about };
    match fact {
        Fact::Confirmed {} => vec![mail(MailKind::Placed, None), mail(MailKind::NewOrder, None)],
        Fact::Shipped { shipment } => vec![mail(MailKind::Shipped, Some(shipment.id.to_string()))],
        Fact::Cancelled {} if was_confirmed => vec![mail(MailKind::Cancelled, None)],
        Fact::Refunded { refund } => vec![mail(MailKind::Refunded, Some(refund.to_string()))],
        Fact::Erased {} => vec![News::Erased],
        _ => Vec::new(),
    }
}

/// Whether anybody is told about this order by a mail of this kind.
pub fn is_told(kind: MailKind, order: &OrderView) -> bool {
    if order.erased || is_from_old_books(order) {
        return false;
    }
    match kind {
        // Whoever of the staff wrote the order down knows of it.
        MailKind::NewOrder => order.channel != "draft",
        _ => order.buyer.as_ref().is_some_and(|buyer| buyer.email.is_some()),
    }
}

fn is_from_old_books(order: &OrderView) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let (Some(placed), Some(recorded)) = (time(&order.placed_at), time(&order.recorded_at)) else { return false };
    placed.checked_add(FROM_OLD_BOOKS_H.hours()).is_ok_and(|then| then < recorded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buyer_is_told_of_what_matters_to_them_and_of_nothing_else() {
        let kinds = |fact: &Fact, was_confirmed| -> Vec<MailKind> {
            let mails = of(fact, was_confirmed).into_iter();
            mails.filter_map(|news| if let News::Mail { kind, .. } = news { Some(kind) } else { None }).collect()
        };
        assert_eq!(kinds(&Fact::Confirmed {}, false), [MailKind::Placed, MailKind::NewOrder]);
        assert_eq!(kinds(&Fact::Cancelled {}, true), [MailKind::Cancelled]);
        assert_eq!(kinds(&Fact::Cancelled {}, false), [], "the page told them");
        assert_eq!(kinds(&Fact::Rejected { shortages: Vec::new() }, false), []);
        assert_eq!(of(&Fact::Erased {}, true), [News::Erased]);
    }

    #[test]
    fn every_type_that_is_news_is_looked_at() {
        for name in ["confirmed", "shipped", "cancelled", "refunded", "erased"] {
            assert!(may_be_news(&format!("order.{name}")));
        }
        assert!(!may_be_news("order.placed") && !may_be_news("payment.refunded"));
    }
}
