//! How a payment is undone, as a table: given what is known, the next step, until nothing of the buyer's money is left.
//! It does not perform steps; what arrives late makes the table begin anew.

use super::{Call, Fact, Operation, Payment, Progress, Request};

/// The name of the request that voids what is authorised.
pub(super) const VOID: &str = "void";
/// Refunds that undo a payment are numbered: `undo-1`, `undo-2`.
const UNDO: &str = "undo-";
/// Why a capture is given up.
pub(super) const CLOSED: &str = "the payment was closed before it was captured";

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// Nothing is left.
    Done,
    /// Write this down first.
    Record(Fact),
    /// Nobody knows what became of this call: the provider tells.
    Find(Call),
    /// This call was begun and is to be driven to its end.
    Drive(Call),
}

/// Whether a request was made by the table, to give money back.
pub fn is_way_back(request: &str) -> bool {
    request == VOID || request.starts_with(UNDO)
}

impl Payment {
    pub fn undo(&self) -> Undo {
        let is_held = self.authorized > 0 || self.captured > 0 || self.action.is_some();
        if self.declined.is_some() && !is_held {
            return Undo::Done;
        }
        if !self.closing {
            return Undo::Record(Fact::Closing {});
        }
        if self.opening.is_none() {
            return if self.voided { Undo::Done } else { Undo::Record(Fact::Voided {}) };
        }
        if let Some((name, request)) = self.begun(Operation::Capture) {
            return Undo::Find(request.call(name));
        }
        if let Some((name, request)) = self.begun(Operation::Refund) {
            return Undo::Drive(request.call(name));
        }
        if self.captured > self.refunded {
            return Undo::Record(self.start_undo_refund());
        }
        if self.voided {
            return Undo::Done;
        }
        if self.is_without_provider() {
            return Undo::Record(Fact::Voided {});
        }
        if !is_held {
            return Undo::Find(self.authorization());
        }
        if self.authorized <= self.captured && self.action.is_none() {
            return Undo::Record(Fact::Voided {});
        }
        match self.begun(Operation::Void) {
            Some((name, request)) => Undo::Drive(request.call(name)),
            None => Undo::Record(self.start_void()),
        }
    }

    /// A request that was begun and whose end is not known.
    fn begun(&self, operation: Operation) -> Option<(&String, &Request)> {
        let mut begun = self.requests.iter().filter(|(_, request)| request.progress == Progress::Started);
        begun.find(|(_, request)| request.operation == operation)
    }

    fn start_undo_refund(&self) -> Fact {
        let earlier = self.requests.keys().filter(|name| name.starts_with(UNDO)).count();
        let amount = self.captured - self.refunded;
        Fact::Started { request: format!("{UNDO}{}", earlier + 1), operation: Operation::Refund, amount, n: 1 }
    }

    fn start_void(&self) -> Fact {
        let n = self.requests.get(VOID).map_or(1, |known| known.n + 1);
        let amount = (self.authorized - self.captured).max(0);
        Fact::Started { request: VOID.to_owned(), operation: Operation::Void, amount, n }
    }
}

impl Request {
    /// The call that drives this request.
    pub fn call(&self, name: &str) -> Call {
        Call { operation: self.operation, request: name.to_owned(), n: self.n }
    }
}
