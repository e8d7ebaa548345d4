//! The derived list of orders, for staff: enough to find, filter and sort them.
//! It holds nothing personal; orders are found by e-mail through their sealing keys.

use contracts::orders::OrderRowView;
use domain::order::{Cancellation, Channel, Fact, Fulfillment, Status, StepKind};
use domain::payment::{self, Status as PaymentStatus};
use jiff::Timestamp;
use platform::documents::tuple::Key;
use platform::documents::{Collection, Entry};
use platform::log::executor::CommittedFact;
use platform::projection::Projection;
use serde::{Deserialize, Serialize};

use super::OrderKind;
use super::view::name_of;

pub const ORDERS: Collection = Collection::derived("orders");
/// All but rejected ones, by the time at which they were placed.
pub const BY_TIME: &str = "time";
/// By status, then time.
pub const BY_STATUS: &str = "status";

/// One order in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    pub id: String,
    pub number: String,
    pub status: Status,
    pub channel: Channel,
    pub test: bool,
    pub currency: String,
    pub total: i64,
    pub lines: u32,
    pub units: u64,
    pub country: Option<String>,
    pub placed_at: Timestamp,
    pub updated_at: Timestamp,
    pub shipped_units: u64,
    pub withdrawn_units: u64,
    /// Refunds under way, and the units that will not leave because of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawing: Vec<(String, u64)>,
    pub shipments: u32,
    pub deliveries: u32,
    pub provider: String,
    pub money: Money,
}

/// What a payment's status follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    pub voided: bool,
    pub declined: bool,
}

impl OrderRow {
    pub fn fulfillment(&self) -> Fulfillment {
        let is_open = self.shipped_units + self.withdrawn_units < self.units;
        match self.shipments {
            0 => Fulfillment::Unfulfilled,
            _ if is_open => Fulfillment::PartiallyShipped,
            shipments if self.deliveries < shipments => Fulfillment::Shipped,
            _ => Fulfillment::Delivered,
        }
    }

    pub fn payment_status(&self) -> PaymentStatus {
        let payment = payment::Payment {
            authorized: self.money.authorized,
            captured: self.money.captured,
            refunded: self.money.refunded,
            voided: self.money.voided || self.status == Status::Rejected,
            declined: self.money.declined.then(|| payment::Refusal { code: String::new(), message: String::new() }),
            ..payment::Payment::default()
        };
        match payment.status() {
            PaymentStatus::Captured if self.money.captured < self.total => PaymentStatus::PartiallyCaptured,
            status => status,
        }
    }
}

/// A row as staff see it.
pub fn row_view(row: OrderRow) -> OrderRowView {
    OrderRowView {
        payment_status: name_of(&row.payment_status()),
        fulfillment_status: name_of(&row.fulfillment()),
        status: row.status.as_str().to_owned(),
        channel: name_of(&row.channel),
        id: row.id,
        number: row.number,
        test: row.test,
        currency: row.currency,
        total: row.total,
        lines: row.lines,
        country: row.country,
        placed_at: row.placed_at.to_string(),
        updated_at: row.updated_at.to_string(),
    }
}

pub struct OrderList;

impl Projection for OrderList {
    const NAME: &'static str = "orders";
    const VERSION: u32 = 2;
    const COLLECTION: Collection = ORDERS;
    type Doc = OrderRow;

    /// An order and its payment share their key, and so their shard.
    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        match fact.stream.kind() {
            "order" | "payment" => vec![fact.stream.key()],
            _ => Vec::new(),
        }
    }

    fn fold(&self, id: &str, document: Option<OrderRow>, event: &CommittedFact) -> Option<OrderRow> {
        if let Some(Fact::Placed { placement }) = event.of::<OrderKind>() {
            return Some(OrderRow {
                id: format!("ord_{id}"),
                number: placement.number.to_string(),
                status: Status::Pending,
                channel: placement.channel,
                test: placement.payment.test,
                currency: placement.currency.code().to_owned(),
                total: placement.total(),
                lines: u32::try_from(placement.lines.len()).unwrap_or(u32::MAX),
                units: placement.lines.iter().map(|line| u64::from(line.quantity.get())).sum(),
                country: placement.country.map(|country| country.code().to_owned()),
                placed_at: placement.placed_at,
                updated_at: event.time,
                shipped_units: 0,
                withdrawn_units: 0,
                withdrawing: Vec::new(),
                shipments: 0,
                deliveries: 0,
                provider: placement.payment.provider.clone(),
                money: Money::default(),
            });
        }
        // A payment is opened before its order is placed; that much the order says itself.
        let mut row = document?;
        row.updated_at = event.time;
        match event.of::<OrderKind>() {
            Some(fact) => row.note(fact),
            None => row.note_payment(event.fact.downcast_ref::<payment::Fact>()?),
        }
        Some(row)
    }

    fn entries(&self, _id: &str, row: &OrderRow) -> Vec<Entry> {
        let mut entries = vec![Entry::new(BY_STATUS, Key::new().text(row.status.as_str()).time(row.placed_at))];
        if row.status != Status::Rejected {
            entries.push(Entry::new(BY_TIME, Key::new().time(row.placed_at)));
        }
        entries
    }
}

impl OrderRow {
    fn note(&mut self, fact: &Fact) {
        let units = |lines: &[domain::order::LineQuantity]| -> u64 {
            lines.iter().map(|line| u64::from(line.quantity.get())).sum()
        };
        match fact {
            Fact::Confirmed {} => self.status = Status::Confirmed,
            Fact::Rejected { .. } => self.status = Status::Rejected,
            Fact::Cancelled {} => self.status = Status::Cancelled,
            Fact::CancellationRequested { why: Cancellation::PaymentDeclined { .. } } => self.money.declined = true,
            Fact::Shipped { shipment } => {
                self.shipments += 1;
                self.shipped_units += units(&shipment.lines);
            }
            Fact::Delivered { .. } => self.deliveries += 1,
            Fact::RefundRequested { refund } => {
                self.withdrawn_units += units(&refund.unshipped);
                self.withdrawing.push((refund.id.to_string(), units(&refund.unshipped)));
            }
            Fact::Refunded { refund } => self.withdrawing.retain(|(id, _)| id != refund.as_str()),
            Fact::RefundFailed { refund, .. } => self.leave_after_all(refund.as_str()),
            Fact::StepSkipped { step: StepKind::Refund, .. } => {
                if let Some((first, _)) = self.withdrawing.first().cloned() {
                    self.leave_after_all(&first);
                }
            }
            _ => {}
        }
        let has_arrived = self.fulfillment() == Fulfillment::Delivered;
        self.status = match self.status {
            Status::Confirmed if has_arrived => Status::Completed,
            Status::Completed if !has_arrived => Status::Confirmed,
            other => other,
        };
    }

    /// A refund failed: what it would have kept from leaving can leave.
    fn leave_after_all(&mut self, refund: &str) {
        let kept: u64 = self.withdrawing.iter().filter(|(id, _)| id == refund).map(|(_, units)| units).sum();
        self.withdrawn_units -= kept;
        self.withdrawing.retain(|(id, _)| id != refund);
    }

    fn note_payment(&mut self, fact: &payment::Fact) {
        match fact {
            payment::Fact::Authorized { amount, .. } => self.money.authorized = *amount,
            payment::Fact::Captured { amount, .. } | payment::Fact::MarkedPaid { amount, .. } => {
                self.money.captured += amount;
            }
            payment::Fact::Refunded { amount, .. } => self.money.refunded += amount,
            payment::Fact::Voided {} => self.money.voided = true,
            payment::Fact::Declined { .. } => self.money.declined = true,
            _ => {}
        }
    }
}
