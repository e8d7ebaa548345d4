//! The process of an order as a table: given what has happened, the next step; and what undoes each step.
//! It does not perform steps, and it does not know who does.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::Progress;
use super::{Cancellation, Fact, Order, Refund, Shipment, Status};

/// How long a step that somebody drives may take before a sweeper looks after it.
pub const GRACE: Duration = Duration::from_secs(10);
/// First and longest pause between two attempts of a step.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15 * 60));
/// After this many failures in a row a step is given up: undone where that is possible, else parked.
const MAX_ATTEMPTS: u32 = 8;

/// The kinds of steps, for people and for facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    Reserve,
    Authorize,
    ConfirmReservation,
    UndoPayment,
    Release,
    Capture,
    ShipStock,
    Refund,
    Restock,
}

impl StepKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Authorize => "authorize",
            Self::ConfirmReservation => "confirm_reservation",
            Self::UndoPayment => "undo_payment",
            Self::Release => "release",
            Self::Capture => "capture",
            Self::ShipStock => "ship_stock",
            Self::Refund => "refund",
            Self::Restock => "restock",
        }
    }

    /// The step that takes this one back.
    pub fn undone_by(self) -> Option<StepKind> {
        match self {
            Self::Reserve | Self::ConfirmReservation => Some(Self::Release),
            Self::Authorize | Self::Capture => Some(Self::UndoPayment),
            Self::ShipStock => Some(Self::Restock),
            Self::UndoPayment | Self::Release | Self::Refund | Self::Restock => None,
        }
    }
}

/// One thing to do, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Hold all lines, or none.
    Reserve,
    Authorize,
    ConfirmReservation,
    /// Void what is authorised, refund what is captured, refuse what comes late.
    UndoPayment,
    Release,
    Capture {
        request: String,
        amount: i64,
    },
    ShipStock {
        shipment: Shipment,
    },
    Refund {
        refund: Refund,
    },
    Restock {
        refund: Refund,
    },
}

impl Step {
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Reserve => StepKind::Reserve,
            Self::Authorize => StepKind::Authorize,
            Self::ConfirmReservation => StepKind::ConfirmReservation,
            Self::UndoPayment => StepKind::UndoPayment,
            Self::Release => StepKind::Release,
            Self::Capture { .. } => StepKind::Capture,
            Self::ShipStock { .. } => StepKind::ShipStock,
            Self::Refund { .. } => StepKind::Refund,
            Self::Restock { .. } => StepKind::Restock,
        }
    }
}

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Do(Step),
    /// Nothing is left to do but to say so.
    Conclude(Fact),
    /// The buyer is asked to do something, until then.
    AwaitBuyer(Timestamp),
    /// A step failed and is tried again then.
    AwaitRetry(Timestamp),
    /// Staff decide.
    Parked,
    Idle,
}

/// What to do about a step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// After this pause, give or take what the caller adds by chance.
    Retry(Duration),
    Undo,
    Park,
}

impl Order {
    pub fn next(&self, now: Timestamp) -> Next {
        if self.process.parked.is_some() {
            return Next::Parked;
        }
        if let Some(retry_at) = self.process.retry_at.filter(|retry_at| *retry_at > now) {
            return Next::AwaitRetry(retry_at);
        }
        match self.status {
            _ if !self.exists() => Next::Idle,
            Status::Rejected | Status::Cancelled => Next::Idle,
            _ if self.cancellation.is_some() => self.next_to_undo(),
            Status::Pending => self.next_to_confirm(now),
            Status::Confirmed | Status::Completed => self.next_after_sale(),
        }
    }

    fn next_to_confirm(&self, now: Timestamp) -> Next {
        let process = &self.process;
        if !process.reserved {
            return Next::Do(Step::Reserve);
        }
        if let Some(action) = &process.action {
            return match action.expires_at > now {
                true => Next::AwaitBuyer(action.expires_at),
                false => Next::Conclude(Fact::CancellationRequested { why: Cancellation::PaymentExpired }),
            };
        }
        if !process.authorized {
            return Next::Do(Step::Authorize);
        }
        if !process.reservation_confirmed {
            return Next::Do(Step::ConfirmReservation);
        }
        Next::Conclude(Fact::Confirmed {})
    }

    fn next_to_undo(&self) -> Next {
        if !self.process.payment_undone {
            return Next::Do(Step::UndoPayment);
        }
        if !self.process.released {
            return Next::Do(Step::Release);
        }
        Next::Conclude(Fact::Cancelled {})
    }

    fn next_after_sale(&self) -> Next {
        if let Some(known) = self.shipments.iter().find(|known| !known.stock_taken) {
            return Next::Do(Step::ShipStock { shipment: known.shipment.clone() });
        }
        let capture = self.captures.iter().find(|(_, capture)| capture.progress == Progress::Requested);
        if let Some((request, capture)) = capture {
            return Next::Do(Step::Capture { request: request.clone(), amount: capture.amount });
        }
        if let Some(known) = self.refunds.iter().find(|known| known.progress == Progress::Requested) {
            return Next::Do(Step::Refund { refund: known.refund.clone() });
        }
        if let Some(known) = self.refunds.iter().find(|known| !known.restocked) {
            return Next::Do(Step::Restock { refund: known.refund.clone() });
        }
        Next::Idle
    }

    /// When a sweeper should look, if nobody has finished by then. `None` when there is nothing to do.
    pub fn due_at(&self, last_fact_at: Timestamp) -> Option<Timestamp> {
        match self.next(Timestamp::MAX) {
            Next::Idle | Next::Parked => None,
            _ => {
                let action = self.process.action.as_ref().map(|action| action.expires_at);
                let waits_for = self.process.retry_at.or(action);
                Some(waits_for.unwrap_or_else(|| last_fact_at.saturating_add(GRACE).unwrap_or(Timestamp::MAX)))
            }
        }
    }

    /// Whether a fact that a driver wants to write is still news. Two drivers at once are harmless because of this.
    pub fn is_news(&self, fact: &Fact) -> bool {
        let process = &self.process;
        let is_open = self.status == Status::Pending && self.cancellation.is_none();
        let is_being_undone = self.cancellation.is_some() && self.status != Status::Cancelled;
        match fact {
            Fact::Reserved {} => is_open && !process.reserved,
            Fact::Rejected { .. } => is_open && !process.reserved,
            Fact::Authorized {} => is_open && !process.authorized,
            Fact::ActionRequired { .. } => is_open && !process.authorized && process.action.is_none(),
            Fact::ReservationConfirmed {} => is_open && !process.reservation_confirmed,
            Fact::Confirmed {} => is_open,
            Fact::CancellationRequested { why } => match why {
                Cancellation::ByStaff { .. } => self.cancellation.is_none(),
                _ => is_open,
            },
            Fact::PaymentUndone {} => is_being_undone && !process.payment_undone,
            Fact::Released {} => is_being_undone && !process.released,
            Fact::Cancelled {} => is_being_undone,
            Fact::Captured { request } | Fact::CaptureFailed { request, .. } => {
                self.captures.get(request).is_some_and(|capture| capture.progress == Progress::Requested)
            }
            Fact::StockShipped { shipment } => {
                self.shipments.iter().any(|known| known.shipment.id == *shipment && !known.stock_taken)
            }
            Fact::Refunded { refund } | Fact::RefundFailed { refund, .. } => {
                let mut known = self.refunds.iter().filter(|known| known.refund.id == *refund);
                known.any(|known| known.progress == Progress::Requested)
            }
            Fact::Restocked { refund } => {
                self.refunds.iter().any(|known| known.refund.id == *refund && !known.restocked)
            }
            Fact::StepFailed { step, attempt, .. } => self.waits_for(*step) && *attempt == process.attempts + 1,
            Fact::Parked { step, .. } => self.waits_for(*step),
            _ => true,
        }
    }

    /// Whether this step is the next, now or when its pause is over. Of another, somebody else has seen to it meanwhile.
    fn waits_for(&self, step: StepKind) -> bool {
        matches!(self.next(Timestamp::MAX), Next::Do(next) if next.kind() == step)
    }

    /// What follows from one more failure of a step.
    pub fn after_failure(&self, step: StepKind) -> Verdict {
        let failures = self.process.attempts + 1;
        if failures < MAX_ATTEMPTS {
            let doubled = BACKOFF.0.saturating_mul(1 << (failures - 1).min(20));
            return Verdict::Retry(doubled.min(BACKOFF.1));
        }
        let is_before_sale = self.status == Status::Pending && self.cancellation.is_none();
        if is_before_sale && step.undone_by().is_some() { Verdict::Undo } else { Verdict::Park }
    }
}

/// Leaves out the steps on the way where an order went straight through: `confirmed` says that they worked.
pub fn condensed(facts: Vec<Fact>) -> Vec<Fact> {
    let straight_through = facts.iter().any(|fact| matches!(fact, Fact::Confirmed {}));
    let is_implied =
        |fact: &Fact| matches!(fact, Fact::Reserved {} | Fact::Authorized {} | Fact::ReservationConfirmed {});
    facts.into_iter().filter(|fact| !(straight_through && is_implied(fact))).collect()
}
