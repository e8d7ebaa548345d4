//! One order and everything that lies beside it: its reservation, its payment, its part of the books.
//! It does not know other orders, nor what lies on the shelves.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{OrderId, ShipmentId};
use domain::ledger::{self, Account};
use domain::money::Currency;
use domain::order::{self, Next, Order, Placement, Status, StepKind};
use domain::payment::{self, Payment, Undo};
use domain::pricing::TotalKind;
use domain::reservation::{self, Reservation};
use jiff::Timestamp;

/// What the facts with one order's key come to.
#[derive(Debug, Default)]
pub struct Case {
    pub order: Order,
    pub reservation: Reservation,
    pub payment: Payment,
    books: Books,
    /// Steps that staff passed over.
    skipped: BTreeSet<StepKind>,
    /// Whether the provider told of money after the payment was closed: then it is on its way back.
    is_late: bool,
}

/// What the order's postings come to, per currency.
#[derive(Debug, Default)]
struct Books {
    sales: BTreeMap<Currency, i128>,
    refunds: BTreeMap<Currency, i128>,
}

/// How far an order's process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Finished,
    Running,
    /// For the buyer, or the next attempt.
    Waiting,
    Parked,
}

impl Case {
    pub fn order_fact(&mut self, fact: &order::Fact, at: Timestamp) {
        if let order::Fact::StepSkipped { step, .. } = fact {
            self.skipped.insert(*step);
        }
        self.order.apply(fact, at);
    }

    pub fn reservation_fact(&mut self, fact: &reservation::Fact) {
        self.reservation.apply(fact);
    }

    pub fn payment_fact(&mut self, fact: &payment::Fact, at: Timestamp) {
        use payment::Fact::{ActionRequired, Authorized, Captured};
        self.is_late |=
            self.payment.is_over() && matches!(fact, Authorized { .. } | ActionRequired { .. } | Captured { .. });
        self.payment.apply(fact, at);
    }

    pub fn ledger_fact(&mut self, fact: &ledger::Fact) {
        let ledger::Fact::Posted { posting } = fact;
        for entry in &posting.entries {
            let amount = i128::from(entry.amount);
            match entry.account {
                Account::Sales => *self.books.sales.entry(posting.currency).or_default() -= amount,
                Account::Refunds => *self.books.refunds.entry(posting.currency).or_default() += amount,
                Account::Clearing(_) => {}
            }
        }
    }

    pub fn state(&self) -> State {
        // At the end of time nothing waits; what is still to be done then is not finished.
        match self.order.next(Timestamp::MAX) {
            Next::Idle => State::Finished,
            Next::Parked => State::Parked,
            _ if self.order.process.action.is_some() || self.order.process.retry_at.is_some() => State::Waiting,
            _ => State::Running,
        }
    }

    /// Whether an order that is over still has money that came late and goes back.
    pub fn owes_late_money(&self) -> bool {
        self.is_late && self.is_undone() && self.payment.undo() != Undo::Done
    }

    fn is_undone(&self) -> bool {
        matches!(self.order.status, Status::Cancelled | Status::Rejected)
    }

    /// What is wrong with the order's own totals.
    pub fn order_problems(&self, key: &str) -> Vec<String> {
        let Some(placement) = &self.order.placement else {
            // What is held for an order that never came about expires by itself.
            let holds = self.reservation.status == reservation::Status::Confirmed && !self.reservation.open.is_empty();
            let is_charged = self.payment.authorized > 0 || self.payment.captured != self.payment.refunded;
            let problem = || format!("{}: stock or money is kept for an order that was never placed", id(key));
            return (holds || is_charged).then(problem).into_iter().collect();
        };
        let mut problems = total_problems(placement);
        problems.extend(self.standing_problems());
        problems.into_iter().map(|problem| format!("{}: {problem}", id(key))).collect()
    }

    /// What an order in this status must have, and must not have.
    fn standing_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut must = |is_so: bool, problem: &str| {
            if !is_so {
                problems.push(problem.to_owned());
            }
        };
        let is_being_undone = self.order.cancellation.is_some();
        match self.order.status {
            Status::Confirmed | Status::Completed if !is_being_undone => {
                let reserved = self.reservation.status == reservation::Status::Confirmed;
                must(reserved, "it is confirmed, but its stock is not reserved for good");
                let payment = &self.payment;
                let is_paid = payment.authorized > 0 || payment.captured > 0 || payment.is_without_provider();
                must(is_paid, "it is confirmed, but its payment was never authorised");
                let is_declined = payment.status() == payment::Status::Declined;
                must(!is_declined, "it is confirmed, but its payment was declined");
            }
            Status::Cancelled | Status::Rejected => {
                let holds = !self.reservation.open.is_empty();
                must(!holds || self.skipped.contains(&StepKind::Release), "it was undone, but still holds stock");
                let is_paid = match self.order.status {
                    Status::Rejected => self.payment.authorized > 0 || self.payment.captured > self.payment.refunded,
                    _ => self.payment.undo() != Undo::Done,
                };
                let is_known = self.is_late || self.skipped.contains(&StepKind::UndoPayment);
                must(!is_paid || is_known, "it was undone, but still holds the buyer's money");
            }
            _ => {}
        }
        let is_gone = |shipment: &order::ShipmentState| self.reservation.shipments.contains(&shipment.shipment.id);
        let unshipped = self.order.shipments.iter().any(|shipment| shipment.stock_taken && !is_gone(shipment));
        must(!unshipped || self.skipped.contains(&StepKind::ShipStock), "a parcel left without leaving the shelf");
        let sent = |id: &ShipmentId| self.order.shipments.iter().any(|shipment| shipment.shipment.id == *id);
        must(self.reservation.shipments.iter().all(sent), "goods left the shelf without a parcel");
        problems
    }

    /// What is wrong with the payment, and between the payment and the books.
    pub fn payment_problems(&self, key: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let payment = &self.payment;
        if let Some(opening) = &payment.opening {
            if let Some(placement) = &self.order.placement
                && (opening.amount, opening.currency) != (placement.total(), placement.currency)
            {
                let (total, currency) = (placement.total(), placement.currency);
                let (amount, paid_in) = (opening.amount, opening.currency);
                problems.push(format!("the payment is {amount} {paid_in}, the order {total} {currency}"));
            }
            let promised = if payment.is_manual() { opening.amount } else { payment.authorized };
            if payment.captured > promised {
                problems.push(format!("{} captured, but only {promised} authorised", payment.captured));
            }
            if payment.authorized > opening.amount {
                problems.push(format!("{} authorised, but only {} asked for", payment.authorized, opening.amount));
            }
        } else if payment.captured != 0 || payment.refunded != 0 {
            problems.push("money moved on a payment that was never opened".to_owned());
        }
        if payment.refunded > payment.captured {
            problems.push(format!("{} refunded, but only {} captured", payment.refunded, payment.captured));
        }
        self.book_problems(&mut problems);
        problems.into_iter().map(|problem| format!("{}: {problem}", id(key))).collect()
    }

    fn book_problems(&self, problems: &mut Vec<String>) {
        let currency = self.payment.opening.as_ref().map(|opening| opening.currency);
        for (what, booked, moved) in [
            ("captured", &self.books.sales, self.payment.captured),
            ("refunded", &self.books.refunds, self.payment.refunded),
        ] {
            let here = currency.and_then(|currency| booked.get(&currency)).copied().unwrap_or(0);
            if here != i128::from(moved) {
                problems.push(format!("{moved} {what}, but {here} in the books"));
            }
            let elsewhere = booked.iter().any(|(other, amount)| Some(*other) != currency && *amount != 0);
            if elsewhere {
                problems.push(format!("what was {what} is booked in a currency that is not the payment's"));
            }
        }
    }
}

/// One subtotal, one total, entries that add up, and lines that come to them.
fn total_problems(placement: &Placement) -> Vec<String> {
    let mut problems = Vec::new();
    for (kind, name) in [(TotalKind::Subtotal, "subtotal"), (TotalKind::Total, "total")] {
        let entries = placement.totals.iter().filter(|entry| entry.kind == kind).count();
        if entries != 1 {
            problems.push(format!("{entries} entries of type {name} instead of one"));
        }
    }
    let sum_of = |kind: TotalKind| -> i128 {
        placement.totals.iter().filter(|entry| entry.kind == kind).map(|entry| i128::from(entry.amount)).sum()
    };
    let others = placement.totals.iter().filter(|entry| entry.kind != TotalKind::Total);
    let others: i128 = others.map(|entry| i128::from(entry.amount)).sum();
    let mut must = |what: &str, is: i128, should: i128| {
        if is != should {
            problems.push(format!("{what} come to {should}, but {is} is written"));
        }
    };
    must("the entries", sum_of(TotalKind::Total), others);
    let lines = &placement.lines;
    let whole = |line: &order::Line| i128::from(line.unit_price) * i128::from(line.quantity.get());
    must("the lines", sum_of(TotalKind::Subtotal), lines.iter().map(whole).sum());
    let discounts: i128 = lines.iter().map(|line| i128::from(line.discount)).sum();
    must("the lines' discounts", -sum_of(TotalKind::ItemsDiscount), discounts);
    let shares: i128 = lines.iter().map(|line| i128::from(line.order_discount)).sum();
    must("the lines' shares of the discount", -sum_of(TotalKind::Discount), shares);
    // Shipping is taxed, too, and its tax is on no line.
    if sum_of(TotalKind::Fulfillment) == 0 {
        let tax: i128 = lines.iter().map(|line| i128::from(line.tax)).sum();
        must("the lines' taxes", sum_of(TotalKind::Tax) + i128::from(placement.tax_included), tax);
    }
    for line in lines {
        must(
            &format!("line {}: price, quantity and discount", line.id),
            i128::from(line.total),
            whole(line) - i128::from(line.discount),
        );
    }
    problems
}

/// The order's id, as staff know it.
fn id(key: &str) -> String {
    OrderId::from_key(key).map_or_else(|_| format!("order {key}"), |id| id.to_string())
}
