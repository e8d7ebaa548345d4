//! What an order's facts come to.
//! It decides nothing; see [`super::change`] and [`super::checkout`].

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checkout::StepKind;
use super::{Cancellation, Fact, Fulfillment, Line, LineQuantity, Placement, Refund, Shipment, Status};
use crate::ids::{LineId, ShipmentId};
use crate::payment::NextAction;
use crate::quantity::Quantity;
use crate::reservation::Shortage;
use crate::seal::Sealed;
use crate::sku::Sku;

/// An order and how far its process has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub placement: Option<Arc<Placement>>,
    pub status: Status,
    pub shortages: Vec<Shortage>,
    pub cancellation: Option<Cancellation>,
    pub captures: BTreeMap<String, CaptureState>,
    pub shipments: Vec<ShipmentState>,
    pub refunds: Vec<RefundState>,
    pub notes: Vec<NoteState>,
    pub process: Process,
    pub erased: bool,
    pub placed_fact_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// How far the process has come, and what holds it up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub reserved: bool,
    pub authorized: bool,
    pub reservation_confirmed: bool,
    pub action: Option<NextAction>,
    pub payment_undone: bool,
    pub released: bool,
    pub attempts: u32,
    pub last_failure: Option<String>,
    pub retry_at: Option<Timestamp>,
    pub parked: Option<Parking>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parking {
    pub step: StepKind,
    pub reason: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureState {
    pub amount: i64,
    pub progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Requested,
    Done,
    Failed { reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentState {
    pub shipment: Shipment,
    pub shipped_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
    /// Whether the goods have been taken off the shelf.
    pub stock_taken: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundState {
    pub refund: Refund,
    pub requested_at: Timestamp,
    pub progress: Progress,
    /// Whether the goods have been put back, where some come back.
    pub restocked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteState {
    #[serde(default)]
    pub request: String,
    pub note: Sealed,
    pub by: String,
    pub at: Timestamp,
}

impl Order {
    pub fn apply(&mut self, fact: &Fact, at: Timestamp) {
        self.updated_at = Some(at);
        match fact {
            Fact::Placed { placement } => {
                self.placement = Some(placement.clone());
                self.placed_fact_at = Some(at);
            }
            Fact::Rejected { shortages } => {
                self.status = Status::Rejected;
                self.shortages = shortages.clone();
                self.step_done(|_| ());
            }
            Fact::Reserved {} => self.step_done(|process| process.reserved = true),
            Fact::Authorized {} => self.step_done(|process| {
                process.authorized = true;
                process.action = None;
            }),
            Fact::ActionRequired { url, expires_at } => {
                let action = NextAction { url: url.clone(), expires_at: *expires_at };
                self.step_done(|process| process.action = Some(action));
            }
            Fact::ReservationConfirmed {} => self.step_done(|process| process.reservation_confirmed = true),
            Fact::Confirmed {} => {
                self.status = Status::Confirmed;
                self.step_done(|process| {
                    process.reserved = true;
                    process.authorized = true;
                    process.reservation_confirmed = true;
                    process.action = None;
                });
            }
            Fact::CancellationRequested { why } => {
                self.cancellation = Some(why.clone());
                self.step_done(|process| {
                    process.action = None;
                    process.parked = None;
                });
            }
            Fact::PaymentUndone {} => self.step_done(|process| process.payment_undone = true),
            Fact::Released {} => self.step_done(|process| process.released = true),
            Fact::Cancelled {} => {
                self.status = Status::Cancelled;
                self.step_done(|process| {
                    process.payment_undone = true;
                    process.released = true;
                });
            }
            Fact::StepFailed { attempt, reason, retry_at, .. } => {
                self.process.attempts = *attempt;
                self.process.last_failure = Some(reason.clone());
                self.process.retry_at = Some(*retry_at);
            }
            Fact::Parked { step, reason } => {
                self.process.parked = Some(Parking { step: *step, reason: reason.clone(), since: at });
            }
            Fact::Resumed {} => self.step_done(|process| process.parked = None),
            Fact::StepSkipped { step, .. } => {
                self.pass_over(*step);
                self.complete_or_reopen();
            }
            Fact::Noted { request, note, by } => {
                self.notes.push(NoteState { request: request.clone(), note: note.clone(), by: by.clone(), at });
            }
            Fact::Erased {} => self.erased = true,
            other => self.apply_after_sale(other, at),
        }
        // Another driver may have done what a step was parked for: an order that has come so far waits for nobody.
        if matches!(fact, Fact::Confirmed {} | Fact::Rejected { .. } | Fact::Cancelled {}) {
            self.process.parked = None;
        }
    }

    fn apply_after_sale(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::CaptureRequested { request, amount } => {
                let capture = CaptureState { amount: *amount, progress: Progress::Requested };
                self.captures.insert(request.clone(), capture);
            }
            Fact::Captured { request } => self.end_capture(request, Progress::Done),
            Fact::CaptureFailed { request, reason } => {
                self.end_capture(request, Progress::Failed { reason: reason.clone() });
            }
            Fact::Shipped { shipment } => self.shipments.push(ShipmentState {
                shipment: shipment.clone(),
                shipped_at: at,
                delivered_at: None,
                stock_taken: false,
            }),
            Fact::StockShipped { shipment } => {
                self.step_done(|_| ());
                self.update_shipment(shipment, |known| known.stock_taken = true);
            }
            Fact::Delivered { shipment } => self.update_shipment(shipment, |known| known.delivered_at = Some(at)),
            Fact::RefundRequested { refund } => self.refunds.push(RefundState {
                refund: refund.clone(),
                requested_at: at,
                progress: Progress::Requested,
                restocked: !refund.moves_stock(),
            }),
            Fact::Refunded { refund } => self.end_refund(refund, Progress::Done),
            Fact::RefundFailed { refund, reason } => {
                self.end_refund(refund, Progress::Failed { reason: reason.clone() });
            }
            Fact::Restocked { refund } => {
                self.step_done(|_| ());
                if let Some(known) = self.refunds.iter_mut().find(|known| known.refund.id == *refund) {
                    known.restocked = true;
                }
            }
            _ => {}
        }
        self.complete_or_reopen();
    }

    /// Completed once everything has arrived; open again where goods must leave after all, because their money did not go back.
    fn complete_or_reopen(&mut self) {
        let has_arrived = self.fulfillment() == Fulfillment::Delivered;
        self.status = match self.status {
            Status::Confirmed if has_arrived => Status::Completed,
            Status::Completed if !has_arrived => Status::Confirmed,
            other => other,
        };
    }

    /// A step that works clears what an earlier failure left.
    fn step_done(&mut self, change: impl FnOnce(&mut Process)) {
        self.process.attempts = 0;
        self.process.last_failure = None;
        self.process.retry_at = None;
        change(&mut self.process);
    }

    fn pass_over(&mut self, step: StepKind) {
        self.step_done(|process| process.parked = None);
        match step {
            StepKind::UndoPayment => self.process.payment_undone = true,
            StepKind::Release => self.process.released = true,
            StepKind::Capture => {
                let first = self.captures.values_mut().find(|capture| capture.progress == Progress::Requested);
                if let Some(capture) = first {
                    capture.progress = Progress::Failed { reason: "skipped by staff".to_owned() };
                }
            }
            StepKind::ShipStock => {
                if let Some(known) = self.shipments.iter_mut().find(|known| !known.stock_taken) {
                    known.stock_taken = true;
                }
            }
            StepKind::Refund => {
                let first = self.refunds.iter_mut().find(|known| known.progress == Progress::Requested);
                if let Some(known) = first {
                    known.progress = Progress::Failed { reason: "skipped by staff".to_owned() };
                    known.restocked = true;
                }
            }
            StepKind::Restock => {
                if let Some(known) = self.refunds.iter_mut().find(|known| !known.restocked) {
                    known.restocked = true;
                }
            }
            StepKind::Reserve | StepKind::Authorize | StepKind::ConfirmReservation => {}
        }
    }

    fn end_capture(&mut self, request: &str, progress: Progress) {
        self.step_done(|_| ());
        if let Some(capture) = self.captures.get_mut(request) {
            capture.progress = progress;
        }
    }

    fn end_refund(&mut self, refund: &crate::ids::RefundId, progress: Progress) {
        self.step_done(|_| ());
        if let Some(known) = self.refunds.iter_mut().find(|known| known.refund.id == *refund) {
            // Goods do not move for money that did not.
            known.restocked |= matches!(progress, Progress::Failed { .. });
            known.progress = progress;
        }
    }

    fn update_shipment(&mut self, id: &ShipmentId, change: impl FnOnce(&mut ShipmentState)) {
        if let Some(known) = self.shipments.iter_mut().find(|known| known.shipment.id == *id) {
            change(known);
        }
    }

    pub fn exists(&self) -> bool {
        self.placement.is_some()
    }

    pub fn lines(&self) -> &[Line] {
        self.placement.as_ref().map_or(&[], |placement| &placement.lines)
    }

    pub fn line(&self, id: &LineId) -> Option<&Line> {
        self.lines().iter().find(|line| line.id == *id)
    }

    /// SKUs and quantities, line by line.
    pub fn wanted(&self) -> Vec<(Sku, Quantity)> {
        self.lines().iter().map(|line| (line.sku.clone(), line.quantity)).collect()
    }

    /// SKUs and quantities of some lines.
    pub fn skus_of(&self, lines: &[LineQuantity]) -> Vec<(Sku, Quantity)> {
        let sku = |line: &LineQuantity| self.line(&line.line).map(|known| (known.sku.clone(), line.quantity));
        lines.iter().filter_map(sku).collect()
    }

    pub fn shipped_of(&self, line: &LineId) -> u32 {
        self.shipments.iter().map(|known| quantity_in(&known.shipment.lines, line)).sum()
    }

    /// Units that will not leave any more, because their money went back.
    pub fn withdrawn_of(&self, line: &LineId) -> u32 {
        self.standing_refunds().map(|refund| quantity_in(&refund.unshipped, line)).sum()
    }

    /// Units whose money went back, whether or not they had left.
    pub fn refunded_of(&self, line: &LineId) -> u32 {
        let of = |refund: &Refund| {
            quantity_in(&refund.unshipped, line)
                + quantity_in(&refund.returned, line)
                + quantity_in(&refund.written_off, line)
        };
        self.standing_refunds().map(of).sum()
    }

    fn standing_refunds(&self) -> impl Iterator<Item = &Refund> {
        let standing = self.refunds.iter().filter(|known| !matches!(known.progress, Progress::Failed { .. }));
        standing.map(|known| &known.refund)
    }

    pub fn fulfillment(&self) -> Fulfillment {
        let open = |line: &Line| {
            let gone = self.shipped_of(&line.id) + self.withdrawn_of(&line.id);
            line.quantity.get() > gone
        };
        if self.shipments.is_empty() {
            return Fulfillment::Unfulfilled;
        }
        if self.lines().iter().any(open) {
            return Fulfillment::PartiallyShipped;
        }
        match self.shipments.iter().all(|known| known.delivered_at.is_some()) {
            true => Fulfillment::Delivered,
            false => Fulfillment::Shipped,
        }
    }
}

fn quantity_in(lines: &[LineQuantity], line: &LineId) -> u32 {
    lines.iter().filter(|entry| entry.line == *line).map(|entry| entry.quantity.get()).sum()
}
