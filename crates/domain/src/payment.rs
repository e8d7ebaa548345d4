//! The payment of one order: what was asked of a provider, what it answered, and what follows.
//! It does not talk to a provider, nor know what was bought; amounts are minor units of the payment's one currency.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::ledger::Posting;
use crate::money::Currency;
use crate::seal::Sealed;

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
    pub requests: BTreeMap<String, Request>,
}

impl Payment {
    pub fn apply(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Opened { opening } => self.opening = Some(opening.clone()),
            Fact::Started { request, operation, amount, n } => {
                let since = self.requests.get(request).map_or(at, |known| known.since);
                let started =
                    Request { operation: *operation, amount: *amount, n: *n, progress: Progress::Started, since };
                self.requests.insert(request.clone(), started);
            }
            Fact::AttemptFailed { request, operation, n, .. } => match operation {
                Operation::Authorize => self.failed_authorizations = *n,
                _ => self.update(request, |known| known.n = n + 1),
            },
            Fact::Authorized { reference, amount } => {
                self.reference = Some(reference.clone());
                self.authorized = *amount;
                self.action = None;
                self.forget_token();
            }
            Fact::ActionRequired { reference, url, expires_at } => {
                self.reference = Some(reference.clone());
                self.action = Some(NextAction { url: url.clone(), expires_at: *expires_at });
            }
            Fact::Declined { code, message } => {
                self.declined = Some(Refusal { code: code.clone(), message: message.clone() });
                self.action = None;
                self.forget_token();
            }
            Fact::Closing {} => self.closing = true,
            Fact::Captured { request, amount } => {
                self.captured += amount;
                self.update(request, |known| known.progress = Progress::Done);
            }
            Fact::Refunded { request, amount } => {
                self.refunded += amount;
                self.update(request, |known| known.progress = Progress::Done);
            }
            Fact::Voided {} => {
                self.voided = true;
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

    pub fn status(&self) -> Status {
        let amount = self.opening.as_ref().map_or(0, |opening| opening.amount);
        if self.refunded > 0 {
            return if self.refunded >= self.captured { Status::Refunded } else { Status::PartiallyRefunded };
        }
        if self.captured > 0 {
            return if self.captured >= amount { Status::Captured } else { Status::PartiallyCaptured };
        }
        if self.voided {
            Status::Voided
        } else if self.declined.is_some() {
            Status::Declined
        } else if self.authorized > 0 {
            Status::Authorized
        } else {
            Status::Pending
        }
    }

    /// Opening again what is open changes nothing.
    pub fn open(&self, opening: Opening) -> Option<Fact> {
        self.opening.is_none().then_some(Fact::Opened { opening })
    }

    /// What can still be captured. Nothing once the payment is being closed.
    pub fn capturable(&self) -> i64 {
        if self.voided || self.closing { 0 } else { (self.authorized - self.captured).max(0) }
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
        if self.declined.is_some() || self.voided || self.closing {
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

    /// A provider did what was asked: the fact, and the posting that goes with it. `None` when it is known already.
    pub fn done(&self, request: &str) -> Option<(Fact, Posting)> {
        let known = self.requests.get(request).filter(|known| known.progress == Progress::Started)?;
        let opening = self.opening.as_ref()?;
        let (amount, currency) = (known.amount, opening.currency);
        match known.operation {
            Operation::Capture => Some((
                Fact::Captured { request: request.to_owned(), amount },
                Posting::payment(&opening.provider, amount, currency),
            )),
            Operation::Refund => Some((
                Fact::Refunded { request: request.to_owned(), amount },
                Posting::refund(&opening.provider, amount, currency),
            )),
            Operation::Authorize | Operation::Void => None,
        }
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
        if self.voided || self.closing {
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

    /// The provider authorised. `None` when that is known.
    pub fn authorized(&self, reference: &str) -> Option<Fact> {
        let opening = self.opening.as_ref()?;
        let is_news = self.authorized == 0 && !self.voided;
        is_news.then(|| Fact::Authorized { reference: reference.to_owned(), amount: opening.amount })
    }

    /// The provider declined. `None` when that is known, or too late: what was authorised stays so.
    pub fn declined(&self, code: &str, message: &str) -> Option<Fact> {
        let is_news = self.declined.is_none() && self.authorized == 0 && !self.voided;
        is_news.then(|| Fact::Declined { code: code.to_owned(), message: message.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(provider: &str) -> Opening {
        Opening {
            order: OrderId::from_bytes([1; 16]),
            provider: provider.to_owned(),
            amount: 1000,
            currency: Currency::parse("USD").unwrap(),
            test: true,
            token: Some(Sealed::new("tok")),
        }
    }

    fn given(provider: &str, facts: &[Fact]) -> Payment {
        let mut payment = Payment::default();
        payment.apply(&Fact::Opened { opening: opening(provider) }, Timestamp::UNIX_EPOCH);
        facts.iter().for_each(|fact| payment.apply(fact, Timestamp::UNIX_EPOCH));
        payment
    }

    fn authorized() -> Fact {
        Fact::Authorized { reference: "r".to_owned(), amount: 1000 }
    }

    /// Begins and finishes, as a provider that works would make it.
    fn settle(payment: &mut Payment, begun: Option<Fact>, request: &str) {
        payment.apply(&begun.unwrap(), Timestamp::UNIX_EPOCH);
        let (done, posting) = payment.done(request).unwrap();
        assert_eq!(posting.entries.iter().map(|entry| entry.amount).sum::<i64>(), 0);
        payment.apply(&done, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn statuses_follow_the_money() {
        let mut payment = given("test", &[]);
        assert_eq!(payment.status(), Status::Pending);
        payment.apply(&authorized(), Timestamp::UNIX_EPOCH);
        assert_eq!(payment.status(), Status::Authorized);
        let begun = payment.begin_capture("c1", 400).unwrap();
        settle(&mut payment, begun, "c1");
        assert_eq!(payment.status(), Status::PartiallyCaptured);
        let begun = payment.begin_capture("c2", 600).unwrap();
        settle(&mut payment, begun, "c2");
        assert_eq!(payment.status(), Status::Captured);
        let begun = payment.begin_refund("r1", 100).unwrap();
        settle(&mut payment, begun, "r1");
        assert_eq!(payment.status(), Status::PartiallyRefunded);
        let begun = payment.begin_refund("r2", 900).unwrap();
        settle(&mut payment, begun, "r2");
        assert_eq!(payment.status(), Status::Refunded);
    }

    #[test]
    fn nothing_is_captured_or_refunded_twice() {
        let mut payment = given("test", &[authorized()]);
        let begun = payment.begin_capture("c1", 1000).unwrap();
        settle(&mut payment, begun, "c1");
        assert_eq!(payment.begin_capture("c1", 1000), Ok(None));
        assert_eq!(payment.done("c1"), None);
        assert_eq!(payment.begin_capture("c2", 1), Err(Error::MoreThanAuthorized { left: 0 }));
        assert_eq!(payment.begin_refund("r1", 1001), Err(Error::MoreThanCaptured { left: 1000 }));
    }

    #[test]
    fn a_refund_under_way_counts_as_spent() {
        let mut payment = given("test", &[authorized()]);
        let begun = payment.begin_capture("c1", 1000).unwrap();
        settle(&mut payment, begun, "c1");
        let begun = payment.begin_refund("r1", 800).unwrap().unwrap();
        payment.apply(&begun, Timestamp::UNIX_EPOCH);
        assert_eq!(payment.begin_refund("r2", 300), Err(Error::MoreThanCaptured { left: 200 }));
        payment.apply(&Fact::Failed { request: "r1".to_owned(), reason: "no".to_owned() }, Timestamp::UNIX_EPOCH);
        assert_eq!(payment.refundable(), 1000);
    }

    #[test]
    fn the_token_is_forgotten_once_it_is_used() {
        let payment = given("test", &[authorized()]);
        assert_eq!(payment.opening.unwrap().token, None);
    }

    #[test]
    fn manual_payments_are_marked_by_staff() {
        let payment = given(MANUAL, &[]);
        assert_eq!(payment.begin_capture("c", 1), Err(Error::MarkInstead));
        let (fact, _) = payment.mark_paid("m", None).unwrap().unwrap();
        let paid = given(MANUAL, &[fact]);
        assert_eq!(paid.status(), Status::Captured);
        assert_eq!(paid.mark_paid("m", None), Ok(None));
        assert_eq!(paid.mark_paid("m2", None), Err(Error::AlreadyPaid));
        assert_eq!(given("test", &[]).mark_paid("m", None), Err(Error::NotManual));
    }

    #[test]
    fn a_decline_after_an_authorisation_changes_nothing() {
        assert_eq!(given("test", &[authorized()]).declined("x", "y"), None);
    }
}
