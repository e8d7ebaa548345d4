//! One order's case as the judge folds it: order, payment, reservation and ledger, and what must hold between them.
//! It does not know other orders.

use std::collections::BTreeSet;

use domain::ledger::{self, Account, Ledger};
use domain::order::{self, Order, Status as OrderStatus, StepKind};
use domain::payment::{self, Payment};
use domain::reservation::{self, Closing, Reservation, Status};
use jiff::Timestamp;

use super::{Finding, Invariant};
use crate::bank::{Bank, NAME};

/// One order, from all its streams.
#[derive(Default)]
pub struct Case {
    pub order: Order,
    pub payment: Payment,
    pub reservation: Reservation,
    pub ledger: Ledger,
    /// Steps that staff passed over.
    pub skipped: BTreeSet<StepKind>,
    /// The last fact of the order that is still to be checked against the other streams.
    concluded: std::cell::Cell<Option<Concluded>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concluded {
    Confirmed,
    Rejected,
    Cancelled,
}

fn unlawful<T>(detail: impl Into<String>) -> Result<T, Finding> {
    Err((Invariant::LawfulFacts, detail.into()))
}

impl Case {
    pub fn is_undone(&self) -> bool {
        matches!(self.order.status, OrderStatus::Cancelled | OrderStatus::Rejected)
    }

    pub fn take_order(&mut self, fact: &order::Fact, at: Timestamp) -> Result<(), Finding> {
        use order::Fact;
        let is_placed = self.order.exists();
        if matches!(fact, Fact::Placed { .. }) == is_placed {
            return unlawful(if is_placed { "it was placed before" } else { "it was never placed" });
        }
        let is_open = self.order.status == OrderStatus::Pending;
        match fact {
            Fact::Confirmed {} | Fact::Rejected { .. } if !is_open => {
                return unlawful(format!("the order is {}", self.order.status.as_str()));
            }
            Fact::Confirmed {} => self.concluded.set(Some(Concluded::Confirmed)),
            Fact::Rejected { .. } => self.concluded.set(Some(Concluded::Rejected)),
            Fact::Cancelled {} if self.order.cancellation.is_none() || self.is_undone() => {
                return unlawful(format!("the order is {}", self.order.status.as_str()));
            }
            Fact::Cancelled {} => self.concluded.set(Some(Concluded::Cancelled)),
            Fact::StepSkipped { step, .. } => {
                self.skipped.insert(*step);
            }
            Fact::Placed { .. } | Fact::Noted { .. } | Fact::Erased {} => {}
            // What became of a step that was under way when staff cancelled: the payment gives its money back, and the
            // reservation has no goods any more.
            Fact::Captured { .. }
            | Fact::CaptureFailed { .. }
            | Fact::Refunded { .. }
            | Fact::RefundFailed { .. }
            | Fact::Restocked { .. } => {}
            _ if self.is_undone() => return unlawful(format!("the order is {}", self.order.status.as_str())),
            _ => {}
        }
        self.order.apply(fact, at);
        Ok(())
    }

    pub fn take_payment(&mut self, fact: &payment::Fact, at: Timestamp) -> Result<(), Finding> {
        let is_open = self.payment.opening.is_some();
        if matches!(fact, payment::Fact::Opened { .. }) && is_open {
            return unlawful("it was opened before");
        }
        self.payment.apply(fact, at);
        Ok(())
    }

    pub fn take_reservation(&mut self, fact: &reservation::Fact) -> Result<(), Finding> {
        use reservation::Fact;
        let status = self.reservation.status;
        let is_lawful = match fact {
            Fact::Held { .. } => matches!(status, Status::None | Status::Abandoned),
            Fact::Refused { .. } => status == Status::None,
            Fact::Confirmed {} => status == Status::Held,
            Fact::Released { why: Closing::Abandoned | Closing::Expired, .. } => status == Status::Held,
            Fact::Released { why: Closing::Undone, .. } => {
                matches!(status, Status::None | Status::Held | Status::Confirmed | Status::Abandoned)
            }
            Fact::Shipped { shipment, .. } => {
                matches!(status, Status::Held | Status::Confirmed) && !self.reservation.shipments.contains(shipment)
            }
            Fact::Restocked { refund, .. } => !self.reservation.restocks.contains(refund),
        };
        if !is_lawful {
            return unlawful(format!("the reservation is {status:?}"));
        }
        self.reservation.apply(fact);
        Ok(())
    }

    pub fn take_ledger(&mut self, fact: &ledger::Fact) -> Result<(), Finding> {
        self.ledger.apply(fact);
        match self.ledger.trial_balance().values().all(|sum| *sum == 0) {
            true => Ok(()),
            false => Err((Invariant::LedgerBalances, format!("{:?}", self.ledger.trial_balance()))),
        }
    }

    /// What the provider, or the bank of manual payments, holds for the shop by the books.
    pub fn cleared(&self) -> i64 {
        let clearing = self.ledger.balances.iter().filter(|(account, _)| matches!(account, Account::Clearing(_)));
        clearing.flat_map(|(_, sums)| sums.values()).sum()
    }

    /// What must hold at the end of every group.
    pub fn check(&self, bank: &Bank) -> Result<(), Finding> {
        self.check_conclusion()?;
        let payment = &self.payment;
        let moved = payment.captured - payment.refunded;
        if self.cleared() != moved {
            let detail = format!("the books hold {}, the payment {moved}", self.cleared());
            return Err((Invariant::LedgerBalances, detail));
        }
        let Some(opening) = &payment.opening else { return Ok(()) };
        if payment.captured > opening.amount || payment.refunded > payment.captured {
            let detail =
                format!("{} captured and {} refunded of {}", payment.captured, payment.refunded, opening.amount);
            return Err((Invariant::ChargedOnce, detail));
        }
        if opening.provider == NAME && payment.authorized > 0 && !bank.has_promised(&opening.order) {
            return Err((Invariant::ConfirmedIsCovered, format!("{}: the bank promised nothing", opening.order)));
        }
        Ok(())
    }

    fn check_conclusion(&self) -> Result<(), Finding> {
        let Some(concluded) = self.concluded.take() else { return Ok(()) };
        let number = self.order.placement.as_ref().map_or("?", |placement| placement.number.as_str());
        let (payment, status) = (&self.payment, self.reservation.status);
        match concluded {
            Concluded::Confirmed => {
                let is_promised = payment.authorized > 0 || payment.is_without_provider();
                if status != Status::Confirmed || !is_promised || payment.is_over() {
                    let detail = format!(
                        "{number} is confirmed; its reservation is {status:?}, its payment {:?}",
                        payment.status()
                    );
                    return Err((Invariant::ConfirmedIsCovered, detail));
                }
            }
            Concluded::Rejected => {
                if status != Status::Refused {
                    return unlawful(format!("{number} is rejected; its reservation is {status:?}"));
                }
            }
            Concluded::Cancelled => {
                let is_closed = matches!(status, Status::Released | Status::Expired | Status::Refused);
                if !is_closed && !self.skipped.contains(&StepKind::Release) {
                    let detail = format!("{number} is cancelled; its reservation is {status:?}");
                    return Err((Invariant::UndoneHoldsNoStock, detail));
                }
                // What comes later still is given back because the payment says that it is over.
                if !payment.is_over() && !self.skipped.contains(&StepKind::UndoPayment) {
                    let detail = format!("{number} is cancelled; its payment is {:?}", payment.status());
                    return Err((Invariant::UndoneKeepsNoMoney, detail));
                }
            }
        }
        Ok(())
    }
}
