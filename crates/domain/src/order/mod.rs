//! An order: what was bought, and everything that happened to it since. Its facts are its history and its process log.
//! It does not move stock or money itself; [`checkout`] says what is to be done next, and services do it.

pub mod change;
pub mod checkout;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::ids::{CartId, DraftId, LineId, OrderNumber, RefundId, ShipmentId};
use crate::locale::Locale;
use crate::money::Currency;
use crate::pricing::Total;
use crate::quantity::Quantity;
use crate::reservation::Shortage;
use crate::seal::Sealed;
use crate::sku::Sku;

pub use checkout::{Next, Step, StepKind};
pub use state::{NoteState, Order, Process, Progress, RefundState, ShipmentState};

/// The most lines that one order has.
pub const MAX_LINES: usize = 1_000;
/// The most shipments, refunds, captures or notes that one order has, each.
pub const MAX_ENTRIES: usize = 200;

/// What was bought, for how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: LineId,
    pub sku: Sku,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
    pub quantity: Quantity,
    pub unit_price: i64,
    /// The line's own discount.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount: i64,
    /// The line's share of the order's discount.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub order_discount: i64,
    /// Tax on the line; on top of `total`, or included in it where prices include tax.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tax: i64,
    /// `unit_price × quantity - discount`.
    pub total: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// How the order gets to the buyer, as it was offered when it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    pub id: String,
    pub name: String,
}

/// How the order is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentChoice {
    pub provider: String,
    /// No money moves.
    #[serde(default)]
    pub test: bool,
}

/// By which way the order came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Storefront,
    Api,
    /// Staff placed it: by phone, wholesale, or from older books.
    Draft,
}

/// An order as it was placed. Never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    pub number: OrderNumber,
    pub channel: Channel,
    pub market: String,
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    pub lines: Vec<Line>,
    /// One `subtotal`, one `total`; all but `total` add up to it.
    pub totals: Vec<Total>,
    #[serde(default)]
    pub tax_included: i64,
    pub prices_include_tax: bool,
    /// The buyer's name, e-mail and phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Shipping>,
    pub payment: PaymentChoice,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftId>,
    /// When the shop's books say it was placed; the fact's own time says when it was written down.
    pub placed_at: Timestamp,
    /// SHA-256 of the request, in hexadecimal: another body under the same key is another order.
    pub body_hash: String,
}

impl Placement {
    pub fn total(&self) -> i64 {
        self.amount(crate::pricing::TotalKind::Total)
    }

    pub fn amount(&self, kind: crate::pricing::TotalKind) -> i64 {
        self.totals.iter().find(|total| total.kind == kind).map_or(0, |total| total.amount)
    }
}

/// Why an order is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cancellation {
    /// The buyer's bank said no.
    PaymentDeclined { code: String, message: String },
    /// The buyer did not finish what the provider asked for.
    PaymentExpired,
    /// A step went wrong for good.
    StepFailed { step: StepKind, reason: String },
    /// Staff cancelled it.
    ByStaff { reason: String },
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    pub id: ShipmentId,
    pub lines: Vec<LineQuantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuantity {
    pub line: LineId,
    pub quantity: Quantity,
}

/// Money, and perhaps goods, on their way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub amount: i64,
    /// Goods that had left and are back on the shelf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<LineQuantity>,
    /// Goods that had left and do not come back on the shelf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_off: Vec<LineQuantity>,
    /// Goods that will not leave any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unshipped: Vec<LineQuantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Refund {
    pub fn moves_stock(&self) -> bool {
        !self.returned.is_empty() || !self.unshipped.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Placed {
        placement: Arc<Placement>,
    },
    Reserved {},
    Rejected {
        shortages: Vec<Shortage>,
    },
    Authorized {},
    ActionRequired {
        url: String,
        expires_at: Timestamp,
    },
    ReservationConfirmed {},
    Confirmed {},
    CancellationRequested {
        why: Cancellation,
    },
    PaymentUndone {},
    Released {},
    Cancelled {},
    CaptureRequested {
        request: String,
        amount: i64,
    },
    Captured {
        request: String,
    },
    CaptureFailed {
        request: String,
        reason: String,
    },
    Shipped {
        shipment: Shipment,
    },
    StockShipped {
        shipment: ShipmentId,
    },
    Delivered {
        shipment: ShipmentId,
    },
    RefundRequested {
        refund: Refund,
    },
    Refunded {
        refund: RefundId,
    },
    RefundFailed {
        refund: RefundId,
        reason: String,
    },
    Restocked {
        refund: RefundId,
    },
    /// `request` names the wish; notes of older versions have none.
    Noted {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        request: String,
        note: Sealed,
        by: String,
    },
    /// A step did not work; it is tried again at `retry_at`.
    StepFailed {
        step: StepKind,
        attempt: u32,
        reason: String,
        retry_at: Timestamp,
    },
    /// A step cannot go on by itself; staff decide.
    Parked {
        step: StepKind,
        reason: String,
    },
    /// Staff let a parked step be tried again.
    Resumed {},
    /// Staff say that a parked step is done, or not needed.
    StepSkipped {
        step: StepKind,
        reason: String,
    },
    /// The key to the buyer's data was destroyed.
    Erased {},
}

/// As the API names them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Pending,
    Confirmed,
    Completed,
    Cancelled,
    Rejected,
}

impl Status {
    pub const ALL: [Status; 5] = [Self::Pending, Self::Confirmed, Self::Completed, Self::Cancelled, Self::Rejected];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

/// As the API names them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfillment {
    #[default]
    Unfulfilled,
    PartiallyShipped,
    Shipped,
    Delivered,
}

/// Why an order cannot be changed like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no such order")]
    NotPlaced,
    #[error("the order is {}", .0.as_str())]
    WrongStatus(Status),
    #[error("parts of the order have been shipped; refund what comes back instead")]
    AlreadyShipped,
    #[error("the order is being cancelled")]
    BeingCancelled,
    #[error("the order has no line {0}")]
    UnknownLine(LineId),
    #[error("at most {left} of line {line} can still be {what}")]
    TooMany { line: LineId, left: u32, what: &'static str },
    #[error("nothing is left to be {0}")]
    NothingLeft(&'static str),
    #[error("there is no such shipment")]
    UnknownShipment,
    #[error("an amount above zero is needed")]
    NotPositive,
    #[error("an order has at most {MAX_ENTRIES} of these")]
    Limit,
    #[error("no step of this order is parked")]
    NotParked,
    #[error("this step cannot be skipped: {0}")]
    NotSkippable(&'static str),
    #[error("this order cannot be undone any more")]
    NotUndoable,
}
