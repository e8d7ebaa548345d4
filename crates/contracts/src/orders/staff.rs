//! Orders as staff list and steer them.
//! It does not know pages.

use domain::order::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::LineQuantityBody;

/// An order in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderRowView {
    pub id: String,
    pub number: String,
    pub status: String,
    pub payment_status: String,
    pub fulfillment_status: String,
    pub test: bool,
    pub channel: String,
    pub currency: String,
    pub total: i64,
    pub lines: u32,
    pub country: Option<String>,
    #[schema(format = DateTime)]
    pub placed_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// One fact.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// The stream that it belongs to.
    #[schema(example = "order-06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub stream: String,
    /// Its place in the stream, from 1.
    pub version: u64,
    #[serde(rename = "type")]
    #[schema(example = "order.placed")]
    pub kind: String,
    pub schema: u16,
    #[schema(format = DateTime)]
    pub time: String,
    /// `guest`, `system` or `staff:…`.
    pub actor: String,
    /// The command that decided it.
    pub command: String,
    /// The trace of the request, if there was one.
    pub trace_id: Option<String>,
    /// What the fact says. Personal data in it is sealed.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// A process that is not at its end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    pub order_id: String,
    pub number: Option<String>,
    /// `running` or `parked`.
    pub state: String,
    /// The step that failed last.
    pub step: Option<String>,
    pub attempts: u32,
    pub reason: Option<String>,
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// When it is looked at next, if nobody is faster.
    #[schema(format = DateTime)]
    pub due_at: Option<String>,
    pub test: bool,
}

/// What staff can do with a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessOrder {
    /// Try the step again at once.
    Retry,
    /// Undo the order.
    Compensate,
    /// Go on without the step.
    Skip,
}

/// Which processes to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessState {
    Running,
    Parked,
}

/// Which orders to list. Rejected ones are listed only when asked for.
#[derive(Debug, Clone, Default)]
pub struct WantedOrders {
    pub status: Option<Status>,
    /// As `payment_status` of [`OrderRowView`].
    pub payment_status: Option<String>,
    /// As `fulfillment_status` of [`OrderRowView`].
    pub fulfillment_status: Option<String>,
    pub number: Option<String>,
    pub email: Option<String>,
    /// Placed at or after.
    pub from: Option<Timestamp>,
    /// Placed before.
    pub until: Option<Timestamp>,
    pub cursor: Option<String>,
    /// 1 to 100.
    pub limit: usize,
}

/// What staff can do to an order.
#[derive(Clone)]
pub enum OrderAction {
    Capture(AmountBody),
    MarkPaid(AmountBody),
    Ship(ShipBody),
    Deliver(DeliverBody),
    Refund(RefundBody),
    Cancel(CancelBody),
    Note(NoteBody),
    /// Makes the buyer's data unreadable for ever.
    Erase,
}

/// An amount in minor units of the order's currency.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountBody {
    /// Without it: all that is left.
    #[serde(default)]
    pub amount: Option<i64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipBody {
    /// Without lines: everything that is left.
    #[serde(default)]
    pub lines: Vec<LineQuantityBody>,
    #[serde(default)]
    pub carrier: Option<String>,
    #[serde(default)]
    pub tracking_number: Option<String>,
    #[serde(default)]
    pub tracking_url: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverBody {
    /// Without it: every shipment that is on its way.
    #[serde(default)]
    pub shipment: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    /// Minor units. Without it: what the lines cost, or without lines all that is left.
    #[serde(default)]
    pub amount: Option<i64>,
    /// The goods whose money goes back. Units that have not left will not leave any more.
    #[serde(default)]
    pub lines: Vec<LineQuantityBody>,
    /// Put goods that came back on the shelf again.
    #[serde(default)]
    pub restock: bool,
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    /// At most 2,000 characters.
    pub note: String,
}
