//! The payment of one order: what was asked of a provider, what it answered, and what follows.
//! It does not talk to a provider, nor know what was bought; amounts are minor units of the payment's one currency.

mod outcome;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::ledger::Posting;
use crate::money::Currency;
use crate::seal::Sealed;

pub use outcome::{AUTHORIZATION, Authorizing, Call, Outcome};
pub use undo::{Undo, is_way_back};

/// The provider of payments that staff see to by hand: bank transfer, invoice, on delivery.
pub const MANUAL: &str = "manual";
/// How many captures and refunds one payment can have.
pub const MAX_REQUESTS: usize = 100;

/// What can be asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Authorize,
    Capture,
    Void,
    Refund,
}

impl Operation {
    pub const ALL: [Operation; 4] = [Self::Authorize, Self::Capture, Self::Void, Self::Refund];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// How a payment was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    pub order: OrderId,
    pub provider: String,
    pub amount: i64,
    pub currency: Currency,
    /// No money moves: a payment for trying things out.
    pub test: bool,
    /// What the provider gave the buyer, sealed until it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Sealed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Opened {
        opening: Opening,
    },
    /// Written before the provider is asked, so that a crash leaves a trace. `n` is part of the provider's key.
    Started {
        request: String,
        operation: Operation,
        amount: i64,
        n: u32,
    },
    /// The provider said for certain that this attempt had no effect. The next one has a new key.
    AttemptFailed {
        request: String,
        operation: Operation,
        n: u32,
        reason: String,
    },
    Authorized {
        reference: String,
        amount: i64,
    },
    ActionRequired {
        reference: String,
        url: String,
        expires_at: Timestamp,
    },
    Declined {
        code: String,
        message: String,
    },
    /// From here on nothing more is authorised; what arrives late is given back.
    Closing {},
    /// What was just written down arrived after the payment was over, and is to be given back.
    Late {},
    Captured {
        request: String,
        amount: i64,
    },
    Refunded {
        request: String,
        amount: i64,
    },
    Voided {},
    /// A capture or refund that will not be tried again.
    Failed {
        request: String,
        reason: String,
    },
    /// Staff saw the money.
    MarkedPaid {
        request: String,
        amount: i64,
    },
}

/// As the API names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Authorized,
    PartiallyCaptured,
    Captured,
    PartiallyRefunded,
    Refunded,
    Voided,
    Declined,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no payment yet")]
    NotOpened,
    #[error("at most {left} can still be captured")]
    MoreThanAuthorized { left: i64 },
    #[error("at most {left} can still be refunded")]
    MoreThanCaptured { left: i64 },
    #[error("an amount above zero is needed")]
    NotPositive,
    #[error("this payment was declined or voided")]
    Over,
    #[error("only payments that staff see to by hand are marked as paid")]
    NotManual,
    #[error("it is paid already")]
    AlreadyPaid,
    #[error("a manual payment is marked as paid, not captured")]
    MarkInstead,
    #[error("another {} is still under way", .0.as_str())]
    UnderWay(Operation),
    #[error("a payment has at most {MAX_REQUESTS} captures and refunds")]
    TooMany,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Started,
    Done,
    Failed { reason: String },
}

/// One capture, refund or void, by the name that its asker gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub operation: Operation,
    pub amount: i64,
    /// The attempt that is under way, or was the last; 1 for the first.
    pub n: u32,
    pub progress: Progress,
    /// When the first attempt began.
    pub since: Timestamp,
}

/// What the buyer must do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextAction {
    pub url: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub message: String,
}

/// The payment of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub opening: Option<Opening>,
    pub reference: Option<String>,
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    pub voided: bool,
    pub closing: bool,
    pub declined: Option<Refusal>,
    pub action: Option<NextAction>,
    /// Attempts to authorise that certainly had no effect.
    pub failed_authorizations: u32,
    /// Since when the current attempt to authorise can have been under way.
    pub authorizing_since: Option<Timestamp>,
    pub requests: BTreeMap<String, Request>,
}

impl Payment {
    pub fn apply(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Opened { opening } => {
                self.opening = Some(opening.clone());
                self.authorizing_since = Some(at);
            }
            Fact::Started { request, operation, amount, n } => {
                let started =
                    Request { operation: *operation, amount: *amount, n: *n, progress: Progress::Started, since: at };
                self.requests.insert(request.clone(), started);
            }
            Fact::AttemptFailed { request, operation, n, .. } => match operation {
                Operation::Authorize => {
                    self.failed_authorizations = *n;
                    self.authorizing_since = Some(at);
                }
                _ => self.update(request, |known| {
                    known.n = n + 1;
                    known.since = at;
                }),
            },
            // What arrives after everything was given back must be given back, too.
            Fact::Authorized { reference, amount } => {
                self.reference = Some(reference.clone());
                self.authorized = *amount;
                self.voided = false;
                self.action = None;
                self.forget_token();
            }
            Fact::ActionRequired { reference, url, expires_at } => {
                self.reference = Some(reference.clone());
                self.voided = false;
                self.action = Some(NextAction { url: url.clone(), expires_at: *expires_at });
            }
            Fact::Declined { code, message } => {
                self.declined = Some(Refusal { code: code.clone(), message: message.clone() });
                self.action = None;
                self.forget_token();
            }
            Fact::Closing {} => self.closing = true,
            Fact::Late {} => {}
            Fact::Captured { request, amount } => {
                self.captured += amount;
                self.voided = false;
                self.update(request, |known| known.progress = Progress::Done);
            }
            Fact::Refunded { request, amount } => {
                self.refunded += amount;
                self.update(request, |known| known.progress = Progress::Done);
            }
            Fact::Voided {} => {
                self.voided = true;
                self.update(undo::VOID, |known| known.progress = Progress::Done);
                self.action = None;
                self.forget_token();
            }
            Fact::Failed { request, reason } => {
                self.update(request, |known| known.progress = Progress::Failed { reason: reason.clone() });
            }
            Fact::MarkedPaid { request, amount } => {
                self.captured += amount;
                let done = Request {
                    operation: Operation::Capture,
                    amount: *amount,
                    n: 1,
                    progress: Progress::Done,
                    since: at,
                };
                self.requests.insert(request.clone(), done);
            }
        }
    }

    fn update(&mut self, request: &str, change: impl FnOnce(&mut Request)) {
        if let Some(known) = self.requests.get_mut(request) {
            change(known);
        }
    }

    fn forget_token(&mut self) {
        if let Some(opening) = self.opening.as_mut() {
            opening.token = None;
        }
    }

    pub fn is_manual(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.provider == MANUAL)
    }

    /// Nobody is asked for money: staff see to it, or there is nothing to pay.
    pub fn is_without_provider(&self) -> bool {
        self.is_manual() || self.opening.as_ref().is_some_and(|opening| opening.amount == 0)
    }

    /// Nothing more is authorised or captured; what arrives all the same is given back.
    pub fn is_over(&self) -> bool {
        self.closing || self.voided || self.declined.is_some()
    }

    pub fn status(&self) -> Status {
        let amount = self.opening.as_ref().map_or(0, |opening| opening.amount);
        if self.refunded > 0 {
            return if self.refunded >= self.captured { Status::Refunded } else { Status::PartiallyRefunded };
        }
        if self.captured > 0 {
            return if self.captured >= amount { Status::Captured } else { Status::PartiallyCaptured };
        }
        if self.declined.is_some() {
            Status::Declined
        } else if self.voided {
            Status::Voided
        } else if self.authorized > 0 {
            Status::Authorized
        } else if self.opening.is_some() && amount == 0 {
            Status::Captured
        } else {
            Status::Pending
        }
    }

    /// Opening again what is open, or what was undone before it was opened, changes nothing.
    pub fn open(&self, opening: Opening) -> Option<Fact> {
        let is_news = self.opening.is_none() && !self.is_over();
        is_news.then_some(Fact::Opened { opening })
    }

    /// What can still be captured. Nothing once the payment is being closed.
    pub fn capturable(&self) -> i64 {
        if self.is_over() { 0 } else { (self.authorized - self.captured).max(0) }
    }

    pub fn refundable(&self) -> i64 {
        self.captured - self.refunded - self.under_way(Operation::Refund)
    }

    fn under_way(&self, operation: Operation) -> i64 {
        let started = self.requests.values().filter(|request| request.progress == Progress::Started);
        started.filter(|request| request.operation == operation).map(|request| request.amount).sum()
    }

    /// Begins a capture, or answers `None` when this request was begun before.
    pub fn begin_capture(&self, request: &str, amount: i64) -> Result<Option<Fact>, Error> {
        self.opening.as_ref().ok_or(Error::NotOpened)?;
        if self.requests.contains_key(request) {
            return Ok(None);
        }
        if self.is_manual() {
            return Err(Error::MarkInstead);
        }
        if self.is_over() {
            return Err(Error::Over);
        }
        if amount <= 0 {
            return Err(Error::NotPositive);
        }
        let left = self.capturable() - self.under_way(Operation::Capture);
        if amount > left {
            return Err(Error::MoreThanAuthorized { left });
        }
        self.start(request, Operation::Capture, amount)
    }

    /// Begins a refund, or answers `None` when this request was begun before.
    pub fn begin_refund(&self, request: &str, amount: i64) -> Result<Option<Fact>, Error> {
        self.opening.as_ref().ok_or(Error::NotOpened)?;
        if self.requests.contains_key(request) {
            return Ok(None);
        }
        if amount <= 0 {
            return Err(Error::NotPositive);
        }
        let left = self.refundable();
        if amount > left {
            return Err(Error::MoreThanCaptured { left });
        }
        self.start(request, Operation::Refund, amount)
    }

    fn start(&self, request: &str, operation: Operation, amount: i64) -> Result<Option<Fact>, Error> {
        if self.requests.len() >= MAX_REQUESTS {
            return Err(Error::TooMany);
        }
        Ok(Some(Fact::Started { request: request.to_owned(), operation, amount, n: 1 }))
    }

    /// Staff saw the money of a manual payment: all that is outstanding, or a part of it.
    pub fn mark_paid(&self, request: &str, amount: Option<i64>) -> Result<Option<(Fact, Posting)>, Error> {
        let opening = self.opening.as_ref().ok_or(Error::NotOpened)?;
        if self.requests.contains_key(request) {
            return Ok(None);
        }
        if !self.is_manual() {
            return Err(Error::NotManual);
        }
        if self.is_over() {
            return Err(Error::Over);
        }
        if self.requests.len() >= MAX_REQUESTS {
            return Err(Error::TooMany);
        }
        let left = opening.amount - self.captured;
        let amount = amount.unwrap_or(left);
        if left == 0 {
            return Err(Error::AlreadyPaid);
        }
        if amount <= 0 {
            return Err(Error::NotPositive);
        }
        if amount > left {
            return Err(Error::MoreThanAuthorized { left });
        }
        let fact = Fact::MarkedPaid { request: request.to_owned(), amount };
        Ok(Some((fact, Posting::payment(&opening.provider, amount, opening.currency))))
    }
}
