//! What a provider answered, and what follows for the payment: at most one fact, and the posting that goes with it.
//! It does not ask providers, nor decide when they are asked again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fact, NextAction, Operation, Payment, Progress, Refusal, undo};
use crate::ledger::Posting;

/// What became of one call to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done {
        reference: String,
    },
    /// For good.
    Declined {
        code: String,
        message: String,
    },
    /// The buyer must do something first.
    ActionRequired {
        reference: String,
        url: String,
        expires_at: Timestamp,
    },
    /// Certainly without effect. It may be tried again, under another key.
    Failed {
        reason: String,
    },
    /// It may have happened. The same call under the same key tells.
    Unknown {
        reason: String,
    },
}

/// One call to a provider, as its key names it: the same call is the same wish, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub operation: Operation,
    /// The name that its asker gave it.
    pub request: String,
    /// Rises only after a certain failure.
    pub n: u32,
}

/// How far the authorisation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorizing {
    /// Promised, or there is nobody to ask.
    Granted,
    Declined(Refusal),
    /// Closed, or never opened.
    Over,
    /// The buyer was asked to do something; the provider knows whether it was done.
    Waits {
        action: NextAction,
        call: Call,
    },
    /// The provider is to be asked, or asked again.
    Ask {
        call: Call,
        since: Timestamp,
    },
}

/// The name of the one authorisation that a payment has.
pub const AUTHORIZATION: &str = "order";

impl Payment {
    pub fn authorizing(&self) -> Authorizing {
        let Some(since) = self.authorizing_since.filter(|_| self.opening.is_some()) else { return Authorizing::Over };
        if let Some(refusal) = &self.declined {
            return Authorizing::Declined(refusal.clone());
        }
        if self.is_over() {
            return Authorizing::Over;
        }
        if self.authorized > 0 || self.is_without_provider() {
            return Authorizing::Granted;
        }
        let call = self.authorization();
        match &self.action {
            Some(action) => Authorizing::Waits { action: action.clone(), call },
            None => Authorizing::Ask { call, since },
        }
    }

    /// The attempt to authorise that is under way, or would be next.
    pub(super) fn authorization(&self) -> Call {
        let n = self.failed_authorizations + 1;
        Call { operation: Operation::Authorize, request: AUTHORIZATION.to_owned(), n }
    }

    /// What follows from an answer. `None` when it is no news: answers come twice, late and out of order.
    pub fn settle(&self, call: &Call, outcome: &Outcome) -> Option<(Fact, Option<Posting>)> {
        match call.operation {
            Operation::Authorize => self.settle_authorization(call, outcome).map(|fact| (fact, None)),
            Operation::Capture | Operation::Refund => match outcome {
                Outcome::Done { .. } => self.done(call),
                _ => self.not_done(call, outcome).map(|fact| (fact, None)),
            },
            Operation::Void => match outcome {
                Outcome::Done { .. } => self.is_current(call).then_some((Fact::Voided {}, None)),
                _ => self.not_done(call, outcome).map(|fact| (fact, None)),
            },
        }
    }

    /// Whether a fact that [`Payment::settle`] answered came too late, so that its money is to be given back.
    pub fn is_late(&self, fact: &Fact) -> bool {
        let holds_money = matches!(fact, Fact::Authorized { .. } | Fact::ActionRequired { .. } | Fact::Captured { .. });
        holds_money && self.is_over()
    }

    /// An authorisation counts whenever it comes: on a payment that is over it must be known to be given back.
    fn settle_authorization(&self, call: &Call, outcome: &Outcome) -> Option<Fact> {
        let opening = self.opening.as_ref()?;
        let is_open = self.authorized == 0;
        let is_current = call.n > self.failed_authorizations && self.declined.is_none() && !self.voided;
        match outcome {
            Outcome::Done { reference } => {
                is_open.then(|| Fact::Authorized { reference: reference.clone(), amount: opening.amount })
            }
            Outcome::ActionRequired { reference, url, expires_at } => {
                let action = NextAction { url: url.clone(), expires_at: *expires_at };
                let is_news = is_open && self.action.as_ref() != Some(&action);
                is_news.then(|| Fact::ActionRequired {
                    reference: reference.clone(),
                    url: action.url,
                    expires_at: action.expires_at,
                })
            }
            Outcome::Declined { code, message } => {
                (is_open && is_current).then(|| Fact::Declined { code: code.clone(), message: message.clone() })
            }
            Outcome::Failed { reason } => (is_open && is_current).then(|| attempt_failed(call, reason)),
            Outcome::Unknown { .. } => None,
        }
    }

    /// Money moved. That is also news of a request that was given up before the answer came.
    fn done(&self, call: &Call) -> Option<(Fact, Option<Posting>)> {
        let known = self.requests.get(&call.request)?;
        if known.operation != call.operation || known.progress == Progress::Done {
            return None;
        }
        let opening = self.opening.as_ref()?;
        let (request, amount) = (call.request.clone(), known.amount);
        Some(match known.operation {
            Operation::Refund => {
                let posting = Posting::refund(&opening.provider, amount, opening.currency);
                (Fact::Refunded { request, amount }, Some(posting))
            }
            _ => {
                let posting = Posting::payment(&opening.provider, amount, opening.currency);
                (Fact::Captured { request, amount }, Some(posting))
            }
        })
    }

    fn not_done(&self, call: &Call, outcome: &Outcome) -> Option<Fact> {
        if !self.is_current(call) {
            return None;
        }
        match outcome {
            Outcome::Declined { code, message } => {
                Some(Fact::Failed { request: call.request.clone(), reason: format!("{code}: {message}") })
            }
            Outcome::Failed { reason } => Some(attempt_failed(call, reason)),
            Outcome::Done { .. } | Outcome::ActionRequired { .. } | Outcome::Unknown { .. } => None,
        }
    }

    fn is_current(&self, call: &Call) -> bool {
        let known = self.requests.get(&call.request);
        known.is_some_and(|known| {
            known.operation == call.operation && known.n == call.n && known.progress == Progress::Started
        })
    }

    /// The provider says for certain that it never saw this call of a payment that is being closed.
    pub fn absent(&self, call: &Call) -> Option<Fact> {
        if !self.closing {
            return None;
        }
        match call.operation {
            Operation::Authorize if self.authorized == 0 && self.action.is_none() && !self.voided => {
                Some(Fact::Voided {})
            }
            Operation::Capture if self.is_current(call) => {
                Some(Fact::Failed { request: call.request.clone(), reason: undo::CLOSED.to_owned() })
            }
            _ => None,
        }
    }
}

fn attempt_failed(call: &Call, reason: &str) -> Fact {
    Fact::AttemptFailed {
        request: call.request.clone(),
        operation: call.operation,
        n: call.n,
        reason: reason.to_owned(),
    }
}
