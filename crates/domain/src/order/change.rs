//! What may be done to an order after it was placed, and the facts that follow: ship, deliver, capture, refund, cancel.
//! It does not know who asks; whether staff may is decided at the edge.

use jiff::Timestamp;

use super::state::Progress;
use super::{Cancellation, Error, Fact, Line, LineQuantity, MAX_ENTRIES, Order, Refund, Shipment, Status, StepKind};
use crate::ids::{LineId, RefundId, ShipmentId};
use crate::quantity::Quantity;
use crate::seal::Sealed;

/// What staff ask to be refunded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundWish {
    /// `None`: what the lines cost, or without lines all that is left.
    pub amount: Option<i64>,
    /// Empty: money only, unless `restock` asks for everything.
    pub lines: Vec<LineQuantity>,
    /// Put returned goods back on the shelf.
    pub restock: bool,
    pub reason: Option<String>,
}

impl Order {
    fn sold(&self) -> Result<(), Error> {
        match self.status {
            _ if !self.exists() => Err(Error::NotPlaced),
            _ if self.cancellation.is_some() => Err(Error::BeingCancelled),
            Status::Confirmed | Status::Completed => Ok(()),
            other => Err(Error::WrongStatus(other)),
        }
    }

    /// Units of a line that can still leave.
    pub fn shippable(&self, line: &Line) -> u32 {
        line.quantity.get().saturating_sub(self.shipped_of(&line.id) + self.withdrawn_of(&line.id))
    }

    /// Sends a parcel; without lines, everything that is left. The same shipment again changes nothing.
    pub fn ship(&self, mut shipment: Shipment) -> Result<Option<Fact>, Error> {
        self.sold()?;
        if self.shipments.iter().any(|known| known.shipment.id == shipment.id) {
            return Ok(None);
        }
        if self.shipments.len() >= MAX_ENTRIES {
            return Err(Error::Limit);
        }
        if shipment.lines.is_empty() {
            let left = self.lines().iter().filter_map(|line| part(&line.id, self.shippable(line)));
            shipment.lines = left.collect();
        }
        for (line, wanted) in folded(&shipment.lines) {
            let known = self.line(&line).ok_or_else(|| Error::UnknownLine(line.clone()))?;
            let left = self.shippable(known);
            if wanted > left {
                return Err(Error::TooMany { line, left, what: "shipped" });
            }
        }
        match shipment.lines.is_empty() {
            true => Err(Error::NothingLeft("shipped")),
            false => Ok(Some(Fact::Shipped { shipment })),
        }
    }

    /// The named shipment, or all that are on their way, arrived.
    pub fn deliver(&self, shipment: Option<&ShipmentId>) -> Result<Vec<Fact>, Error> {
        self.sold()?;
        if let Some(id) = shipment {
            let known = self.shipments.iter().find(|known| known.shipment.id == *id).ok_or(Error::UnknownShipment)?;
            return Ok(match known.delivered_at {
                Some(_) => Vec::new(),
                None => vec![Fact::Delivered { shipment: id.clone() }],
            });
        }
        if self.shipments.is_empty() {
            return Err(Error::NothingLeft("delivered"));
        }
        let on_their_way = self.shipments.iter().filter(|known| known.delivered_at.is_none());
        Ok(on_their_way.map(|known| Fact::Delivered { shipment: known.shipment.id.clone() }).collect())
    }

    /// Asks for money that was authorised. The same request again changes nothing.
    pub fn capture(&self, request: &str, amount: i64) -> Result<Option<Fact>, Error> {
        self.sold()?;
        if self.captures.contains_key(request) {
            return Ok(None);
        }
        if self.captures.len() >= MAX_ENTRIES {
            return Err(Error::Limit);
        }
        if amount <= 0 {
            return Err(Error::NotPositive);
        }
        Ok(Some(Fact::CaptureRequested { request: request.to_owned(), amount }))
    }

    /// Gives money back, and goods where lines are named. `refundable` is what was captured and not given back.
    /// The same refund again changes nothing.
    pub fn refund(&self, id: &RefundId, wish: &RefundWish, refundable: i64) -> Result<Option<Fact>, Error> {
        self.sold()?;
        if self.refunds.iter().any(|known| known.refund.id == *id) {
            return Ok(None);
        }
        if self.refunds.len() >= MAX_ENTRIES {
            return Err(Error::Limit);
        }
        let lines = match wish.lines.is_empty() && wish.restock {
            true => self.unrefunded(),
            false => wish.lines.clone(),
        };
        let mut refund = Refund {
            id: id.clone(),
            amount: 0,
            returned: Vec::new(),
            written_off: Vec::new(),
            unshipped: Vec::new(),
            reason: wish.reason.clone(),
        };
        let mut worth = 0;
        for (line, wanted) in folded(&lines) {
            let known = self.line(&line).ok_or_else(|| Error::UnknownLine(line.clone()))?;
            let refunded = self.refunded_of(&line);
            let left = known.quantity.get().saturating_sub(refunded);
            if wanted > left {
                return Err(Error::TooMany { line, left, what: "refunded" });
            }
            let unshipped = wanted.min(self.shippable(known));
            refund.unshipped.extend(part(&line, unshipped));
            let back = if wish.restock { &mut refund.returned } else { &mut refund.written_off };
            back.extend(part(&line, wanted - unshipped));
            worth += self.worth(known, refunded + wanted) - self.worth(known, refunded);
        }
        let default = if wish.lines.is_empty() { refundable } else { worth.min(refundable) };
        refund.amount = wish.amount.unwrap_or(default);
        if refundable <= 0 {
            return Err(Error::NothingLeft("refunded"));
        }
        if refund.amount <= 0 {
            return Err(Error::NotPositive);
        }
        Ok(Some(Fact::RefundRequested { refund }))
    }

    fn unrefunded(&self) -> Vec<LineQuantity> {
        let left = |line: &Line| line.quantity.get().saturating_sub(self.refunded_of(&line.id));
        self.lines().iter().filter_map(|line| part(&line.id, left(line))).collect()
    }

    /// What `units` of a line cost the buyer, tax included; rounded down, so that all units together are exact.
    fn worth(&self, line: &Line, units: u32) -> i64 {
        let includes_tax = self.placement.as_ref().is_some_and(|placement| placement.prices_include_tax);
        let tax_on_top = if includes_tax { 0 } else { line.tax };
        let paid = i128::from(line.total - line.order_discount + tax_on_top);
        let share = paid * i128::from(units) / i128::from(line.quantity.get().max(1));
        i64::try_from(share).unwrap_or(i64::MAX)
    }

    /// Cancels before anything has left. What was paid goes back.
    pub fn cancel(&self, reason: &str) -> Result<Option<Fact>, Error> {
        match self.status {
            _ if !self.exists() => Err(Error::NotPlaced),
            Status::Cancelled => Ok(None),
            _ if self.cancellation.is_some() => Ok(None),
            _ if !self.shipments.is_empty() => Err(Error::AlreadyShipped),
            Status::Pending | Status::Confirmed => {
                let why = Cancellation::ByStaff { reason: reason.to_owned() };
                Ok(Some(Fact::CancellationRequested { why }))
            }
            other => Err(Error::WrongStatus(other)),
        }
    }

    /// Staff write something down. The same request again changes nothing.
    pub fn note(&self, request: &str, note: Sealed, by: &str) -> Result<Option<Fact>, Error> {
        match self.notes.iter().any(|known| known.request == request) {
            true => Ok(None),
            false if self.notes.len() >= MAX_ENTRIES => Err(Error::Limit),
            false => Ok(Some(Fact::Noted { request: request.to_owned(), note, by: by.to_owned() })),
        }
    }

    /// Lets a parked step, or one that waits for its next attempt, be tried at once.
    pub fn resume(&self) -> Result<Fact, Error> {
        let waits = self.process.parked.is_some() || self.process.retry_at.is_some();
        if waits { Ok(Fact::Resumed {}) } else { Err(Error::NotParked) }
    }

    /// Undoes an order whose process cannot go on.
    pub fn compensate(&self, reason: &str) -> Result<Fact, Error> {
        let is_before_sale = self.status == Status::Pending && self.cancellation.is_none();
        match is_before_sale {
            true => Ok(Fact::CancellationRequested { why: Cancellation::ByStaff { reason: reason.to_owned() } }),
            false => Err(Error::NotUndoable),
        }
    }

    /// Passes over a parked step that staff have seen to otherwise. Stock and the buyer's consent cannot be.
    pub fn skip(&self, reason: &str) -> Result<Fact, Error> {
        let parked = self.process.parked.as_ref().ok_or(Error::NotParked)?;
        match parked.step {
            StepKind::Reserve | StepKind::ConfirmReservation => {
                Err(Error::NotSkippable("without a reservation the order could be oversold"))
            }
            StepKind::Authorize => Err(Error::NotSkippable("the buyer has not agreed to pay")),
            step => Ok(Fact::StepSkipped { step, reason: reason.to_owned() }),
        }
    }

    /// Adds facts that are still news, in order, as if each had been applied before the next is looked at.
    pub fn news(&self, facts: &[Fact], now: Timestamp) -> Vec<Fact> {
        let mut state = self.clone();
        let mut news = Vec::new();
        for fact in facts {
            if state.is_news(fact) {
                state.apply(fact, now);
                news.push(fact.clone());
            }
        }
        news
    }

    /// What is still to be captured, as far as this order has asked.
    pub fn capture_requested(&self) -> i64 {
        let open = self.captures.values().filter(|capture| capture.progress == Progress::Requested);
        open.map(|capture| capture.amount).sum()
    }
}

fn part(line: &LineId, units: u32) -> Option<LineQuantity> {
    Quantity::new(units).ok().map(|quantity| LineQuantity { line: line.clone(), quantity })
}

/// Quantities per line, in the order in which lines first appear.
fn folded(lines: &[LineQuantity]) -> Vec<(LineId, u32)> {
    let mut sums: Vec<(LineId, u32)> = Vec::new();
    for entry in lines {
        match sums.iter_mut().find(|(line, _)| *line == entry.line) {
            Some((_, sum)) => *sum = sum.saturating_add(entry.quantity.get()),
            None => sums.push((entry.line.clone(), entry.quantity.get())),
        }
    }
    sums
}
