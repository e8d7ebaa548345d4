//! What buyers are told of an order that did not come about.
//! It does not know where they are told.

use contracts::{Error, Kind};
use domain::order::{Cancellation, Order, Status};
use serde_json::json;

/// `None`: it did, or still may.
pub fn refusal(order: &Order) -> Option<Error> {
    match order.status {
        Status::Rejected => {
            let lines = order.shortages.iter().map(
                |short| json!({"sku": short.sku.as_str(), "requested": short.requested, "available": short.available}),
            );
            let message = "there is not enough of everything; nothing was ordered and nothing was charged";
            Some(Error::conflict("insufficient_stock", message).with("lines", lines.collect::<Vec<_>>()))
        }
        Status::Cancelled | Status::Pending => match order.cancellation.as_ref()? {
            Cancellation::PaymentDeclined { code, message } => {
                let declined = Error::new(Kind::Declined, "payment_declined", message.clone());
                Some(declined.with("decline_code", code.as_str()))
            }
            Cancellation::PaymentExpired => {
                let message = "the payment was not finished in time; nothing was charged";
                Some(Error::conflict("order_cancelled", message))
            }
            Cancellation::StepFailed { .. } | Cancellation::ByStaff { .. } => {
                let message = "the order could not be completed; nothing was charged";
                Some(Error::conflict("order_cancelled", message))
            }
        },
        Status::Confirmed | Status::Completed => None,
    }
}
