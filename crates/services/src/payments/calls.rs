//! Calls to providers and what their answers come to. A durable fact precedes each call, and one follows it; the call
//! itself may be lost, sent twice or answered late.
//! It does not decide when something is tried again: the order's process does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use contracts::caller::Caller;
use contracts::payments::Settlement;
use contracts::{Error, Result};
use domain::ids::OrderId;
use domain::payment::{self, Opening, Operation, Payment, Progress, Undo};
use domain::text::looks_like_card_number;
use jiff::Timestamp;
use parking_lot::Mutex;
use platform::log::StreamId;
use platform::log::executor::{Command, Decision};
use platform::sealing;

use super::kinds::{LedgerKind, PaymentKind, ledger_stream, payment_stream};
use super::provider::{Call, Charge, Found, Key, Outcome, Provider};
use super::service::Payments;
use crate::machinery::{cause, refused, stored};

/// How long a provider may take; then nobody knows what became of the call.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Providers forget keys after a day or so: a call this old is looked for before it is sent again.
const FIND_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// Orders for which a provider is being asked for money in this process right now.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<BTreeMap<OrderId, usize>>);

struct Turn<'a> {
    under_way: &'a UnderWay,
    order: OrderId,
}

impl UnderWay {
    fn enter(&self, order: &OrderId) -> Turn<'_> {
        *self.0.lock().entry(order.clone()).or_default() += 1;
        Turn { under_way: self, order: order.clone() }
    }

    pub(super) fn is_asked(&self, order: &OrderId) -> bool {
        self.0.lock().contains_key(order)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut asked = self.under_way.0.lock();
        if let Some(count) = asked.get_mut(&self.order) {
            *count -= 1;
            if *count == 0 {
                asked.remove(&self.order);
            }
        }
    }
}

impl Payments {
    /// Sends a call, or finds out what became of it when it is old.
    pub(super) async fn ask(
        &self,
        order: &OrderId,
        payment: &Payment,
        call: &Call,
        since: Timestamp,
    ) -> Result<Outcome> {
        let opening = payment.opening.as_ref().ok_or_else(|| Error::internal("a payment without its opening"))?;
        let provider = self.provider_of(opening)?;
        let key = Key::of(order, call.clone());
        let _turn = self.under_way.enter(order);
        let age = self.machinery.clock.now().duration_since(since);
        if age.unsigned_abs() >= FIND_AFTER {
            match find(provider, &key).await {
                Found::Known(outcome) => return Ok(outcome),
                Found::Unknown { reason } => return Ok(Outcome::Unknown { reason }),
                Found::Absent => {}
            }
        }
        let token = match call.operation {
            Operation::Authorize => match self.token(opening).await? {
                Ok(token) => token,
                Err(unusable) => return Ok(unusable),
            },
            _ => None,
        };
        let amount = payment.requests.get(&call.request).map_or(opening.amount, |request| request.amount);
        let reference = payment.reference.as_deref().unwrap_or_default();
        let charge = Charge { reference, amount, currency: opening.currency };
        let sent = async {
            match call.operation {
                Operation::Authorize => {
                    provider.authorize(&key, opening.amount, opening.currency, token.as_deref()).await
                }
                Operation::Capture => provider.capture(&key, charge).await,
                Operation::Void => provider.void(&key, charge).await,
                Operation::Refund => provider.refund(&key, charge).await,
            }
        };
        let outcome = tokio::time::timeout(CALL_TIMEOUT, sent).await.unwrap_or_else(|_| Outcome::Unknown {
            reason: format!("{} did not answer within {} s", provider.name(), CALL_TIMEOUT.as_secs()),
        });
        if let Outcome::Failed { reason } | Outcome::Unknown { reason } = &outcome {
            tracing::warn!(%key, reason, "a payment provider did not do what it was asked");
        }
        Ok(outcome)
    }

    pub(super) async fn find(&self, order: &OrderId, payment: &Payment, call: &Call) -> Result<Found> {
        let opening = payment.opening.as_ref().ok_or_else(|| Error::internal("a payment without its opening"))?;
        Ok(find(self.provider_of(opening)?, &Key::of(order, call.clone())).await)
    }

    fn provider_of(&self, opening: &Opening) -> Result<&dyn Provider> {
        let known = self.providers.get(opening.provider.as_str());
        known.map(AsRef::as_ref).ok_or_else(|| {
            let message = format!("the payment provider `{}` is not set up here", opening.provider);
            Error::unavailable(message, 60)
        })
    }

    /// The buyer's token, opened just before it is used; or what a token that cannot be used comes to.
    async fn token(&self, opening: &Opening) -> Result<std::result::Result<Option<String>, Outcome>> {
        let Some(sealed) = &opening.token else { return Ok(Ok(None)) };
        let opened = match self.machinery.vault.key(opening.order.as_str()).await {
            Ok(key) => key.open(sealed.as_str()),
            Err(error) => Err(error),
        };
        match opened {
            Ok(token) if looks_like_card_number(&token) => {
                Ok(Err(unusable("card_number_refused", "a card's number is never taken; send the provider's token")))
            }
            Ok(token) => Ok(Ok(Some(token))),
            Err(sealing::Error::Erased) => Ok(Err(unusable("token_erased", "the buyer's data was erased"))),
            Err(sealing::Error::Store(error)) => Err(stored(error)),
            Err(error @ sealing::Error::Unreadable) => Err(Error::internal(error.to_string())),
        }
    }

    /// Writes down what an answer comes to, with its posting. Answers the payment as it is then.
    pub(super) async fn settle(
        &self,
        order: &OrderId,
        call: &Call,
        outcome: Outcome,
        caller: &Caller,
    ) -> Result<Payment> {
        let (stream, ledger) = (payment_stream(order), ledger_stream(order));
        let moves_money = matches!(call.operation, Operation::Capture | Operation::Refund);
        let streams: Vec<StreamId> =
            if moves_money { vec![stream.clone(), ledger.clone()] } else { vec![stream.clone()] };
        let call = call.clone();
        let command = Command::new("settle_payment", cause(caller), streams, move |view| {
            let mut state = view.state::<PaymentKind>(&stream).clone();
            let Some((fact, posting)) = state.settle(&call, &outcome) else { return Ok(Decision::answer(state)) };
            let mark = state.is_late(&fact).then_some(payment::Fact::Late {});
            state.apply(&fact, view.now);
            let posted = posting.map(|posting| domain::ledger::Fact::Posted { posting });
            let decision =
                Decision::answer(state).with_all::<PaymentKind>(&stream, [Some(fact), mark].into_iter().flatten());
            Ok::<_, Infallible>(decision.with_all::<LedgerKind>(&ledger, posted))
        });
        let committed = self.machinery.executor.run(command).await;
        committed.map(|committed| committed.answer).map_err(|error| refused(error, |never| match never {}))
    }

    /// Drives a request that was begun to its end, as far as it goes. Answers the payment as it is then, too.
    pub(super) async fn drive(
        &self,
        order: &OrderId,
        payment: Payment,
        name: &str,
        caller: &Caller,
    ) -> Result<(Settlement, Payment)> {
        let Some(request) = payment.requests.get(name).filter(|known| known.progress == Progress::Started) else {
            return Ok((settlement(&payment, name, ""), payment));
        };
        let call = request.call(name);
        let outcome = self.ask(order, &payment, &call, request.since).await?;
        let reason = match &outcome {
            Outcome::Failed { reason } | Outcome::Unknown { reason } => reason.clone(),
            _ => "the provider has not finished".to_owned(),
        };
        let settled = self.settle(order, &call, outcome, caller).await?;
        Ok((settlement(&settled, name, &reason), settled))
    }

    /// Gives back what came after the payment was over. A sweeper sees to what cannot be given back at once.
    pub(super) async fn give_back(&self, order: &OrderId, payment: &Payment) -> Settlement {
        if !payment.is_over() || payment.undo() == Undo::Done {
            return Settlement::Done;
        }
        tracing::info!(%order, "money for a payment that is over is given back");
        self.undo_payment(order, &Caller::system()).await.unwrap_or_else(|error| {
            tracing::warn!(%order, %error, "money could not be given back yet");
            Settlement::Pending { reason: error.message }
        })
    }
}

async fn find(provider: &dyn Provider, key: &Key) -> Found {
    let found = tokio::time::timeout(CALL_TIMEOUT, provider.find(key)).await;
    found.unwrap_or_else(|_| Found::Unknown { reason: format!("{} did not answer in time", provider.name()) })
}

fn unusable(code: &str, message: &str) -> Outcome {
    Outcome::Declined { code: code.to_owned(), message: message.to_owned() }
}

/// How a request stands.
fn settlement(payment: &Payment, name: &str, pending: &str) -> Settlement {
    match payment.requests.get(name).map(|request| &request.progress) {
        Some(Progress::Done) => Settlement::Done,
        Some(Progress::Failed { reason }) => Settlement::Refused { reason: reason.clone() },
        Some(Progress::Started) => Settlement::Pending { reason: pending.to_owned() },
        None => Settlement::Refused { reason: "there is no such request".to_owned() },
    }
}
