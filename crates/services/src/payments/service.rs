//! What can be asked of payments. The rules are the domain's, the money is the provider's; here both meet.
//! It does not know orders beyond their id.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::payments::{AccountBalance, AsOf, Authorization, OpenPayment, ProviderInfo, Settlement};
use contracts::{Error, Result};
use domain::ids::OrderId;
use domain::money::Currency;
use domain::payment::{self, Authorizing, Opening, Operation, Payment};
use futures::future::BoxFuture;
use platform::log::executor::{Command, Decision, RunError};

use super::calls::UnderWay;
use super::kinds::{LedgerKind, PaymentKind, ledger_stream, payment_stream};
use super::provider::{Found, Outcome, Provider};
use crate::machinery::{Machinery, cause, refused, stored};

/// Payments in this process.
pub struct Payments {
    pub(super) machinery: Machinery,
    pub(super) providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    pub(super) under_way: UnderWay,
}

impl Payments {
    pub fn new(machinery: Machinery, providers: Vec<Arc<dyn Provider>>) -> Self {
        let providers = providers.into_iter().map(|provider| (provider.name(), provider)).collect();
        Self { machinery, providers, under_way: UnderWay::default() }
    }

    async fn state(&self, order: &OrderId) -> Result<Arc<Payment>> {
        let read = self.machinery.executor.read::<PaymentKind>(&payment_stream(order)).await;
        read.map(|(state, _)| state).map_err(stored)
    }

    /// The payment as this node knows it: enough for whoever takes a step of it. A call that another node made meanwhile has
    /// the same key, and what comes of it is settled on the payment as it is then.
    async fn at_hand(&self, order: &OrderId) -> Result<Arc<Payment>> {
        let at_hand = self.machinery.executor.at_hand::<PaymentKind>(&payment_stream(order)).await;
        at_hand.map(|(state, _)| state).map_err(stored)
    }

    /// Whether this order's payment is this provider's.
    pub(super) async fn is_with(&self, order: &OrderId, provider: &str) -> Result<bool> {
        let payment = self.state(order).await?;
        Ok(payment.opening.as_ref().is_some_and(|opening| opening.provider == provider))
    }

    /// Begins a capture or refund, unless it was begun, and answers the payment as it is then.
    async fn begin(
        &self,
        operation: Operation,
        order: &OrderId,
        request: &str,
        amount: i64,
        caller: &Caller,
    ) -> Result<std::result::Result<Payment, payment::Error>> {
        let stream = payment_stream(order);
        let name = if operation == Operation::Capture { "capture" } else { "refund" };
        let request = request.to_owned();
        let command = Command::new(name, cause(caller), [stream.clone()], move |view| {
            let mut state = view.state::<PaymentKind>(&stream).clone();
            let begun = match operation {
                Operation::Capture => state.begin_capture(&request, amount)?,
                _ => state.begin_refund(&request, amount)?,
            };
            begun.iter().for_each(|fact| state.apply(fact, view.now));
            Ok(Decision::answer(state).with_all::<PaymentKind>(&stream, begun))
        });
        match self.machinery.executor.run(command).await {
            Ok(committed) => Ok(Ok(committed.answer)),
            Err(RunError::Rejected(rule)) => Ok(Err(rule)),
            Err(RunError::Failed(error)) => Err(crate::machinery::executed(error)),
        }
    }

    async fn move_money(
        &self,
        operation: Operation,
        order: &OrderId,
        request: &str,
        amount: i64,
        caller: &Caller,
    ) -> Result<Settlement> {
        let payment = match self.begin(operation, order, request, amount, caller).await? {
            Ok(payment) => payment,
            Err(rule) => return Ok(Settlement::Refused { reason: rule.to_string() }),
        };
        let known = payment.requests.get(request);
        if known.is_none_or(|known| known.operation != operation || known.amount != amount) {
            return Ok(Settlement::Refused { reason: "this request was made before, for something else".to_owned() });
        }
        let (settlement, settled) = self.drive(order, payment, request, caller).await?;
        if operation == Operation::Capture && settled.captured > settled.refunded {
            self.give_back(order, &settled).await;
        }
        Ok(settlement)
    }
}

#[async_trait]
impl contracts::payments::Payments for Payments {
    fn provider(&self, name: &str) -> Option<ProviderInfo> {
        self.providers.get(name)?.info()
    }

    async fn open(&self, payment: OpenPayment, caller: &Caller) -> Result<()> {
        let info = self
            .provider(&payment.provider)
            .ok_or_else(|| Error::field("/payment/provider", "unknown", "this way of paying is not offered here"))?;
        let stream = payment_stream(&payment.order);
        let OpenPayment { order, provider, amount, currency, token } = payment;
        let opening = Opening { order, provider, amount, currency, test: info.test, token };
        let presumed = stream.clone();
        let command = Command::new("open_payment", cause(caller), [stream.clone()], move |view| {
            let fact = view.state::<PaymentKind>(&stream).open(opening.clone());
            Ok::<_, Infallible>(Decision::answer(()).with_all::<PaymentKind>(&stream, fact))
        });
        let committed = self.machinery.executor.run(command.presuming_new([presumed])).await;
        committed.map(|_| ()).map_err(|error| refused(error, |never| match never {}))
    }

    async fn authorize(
        &self,
        order: &OrderId,
        when_granted: BoxFuture<'_, ()>,
        caller: &Caller,
    ) -> Result<Authorization> {
        let payment = self.at_hand(order).await?;
        let (call, outcome) = match payment.authorizing() {
            Authorizing::Ask { call, since } => {
                let outcome = self.ask(order, &payment, &call, since).await?;
                (call, outcome)
            }
            // Its notice may be lost, so that only the provider knows.
            Authorizing::Waits { call, .. } => match self.find(order, &payment, &call).await? {
                Found::Known(outcome) => (call, outcome),
                Found::Absent | Found::Unknown { .. } => return Ok(authorization(&payment, None)),
            },
            Authorizing::Granted | Authorizing::Declined(_) | Authorizing::Over => {
                return Ok(authorization(&payment, None));
            }
        };
        let settled = match &outcome {
            Outcome::Unknown { .. } => self.state(order).await?,
            Outcome::Done { .. } => {
                let settling = self.settle(order, &call, outcome.clone(), caller);
                Arc::new(futures::join!(settling, when_granted).0?)
            }
            _ => Arc::new(self.settle(order, &call, outcome.clone(), caller).await?),
        };
        if matches!(outcome, Outcome::Done { .. } | Outcome::ActionRequired { .. }) {
            self.give_back(order, &settled).await;
        }
        Ok(authorization(&settled, Some(outcome)))
    }

    async fn capture(&self, order: &OrderId, request: &str, amount: i64, caller: &Caller) -> Result<Settlement> {
        self.move_money(Operation::Capture, order, request, amount, caller).await
    }

    async fn refund(&self, order: &OrderId, request: &str, amount: i64, caller: &Caller) -> Result<Settlement> {
        self.move_money(Operation::Refund, order, request, amount, caller).await
    }

    async fn undo(&self, order: &OrderId, caller: &Caller) -> Result<Settlement> {
        self.undo_payment(order, caller).await
    }

    async fn mark_paid(&self, order: &OrderId, request: &str, amount: Option<i64>, caller: &Caller) -> Result<Payment> {
        let (payment, ledger) = (payment_stream(order), ledger_stream(order));
        let streams = [payment.clone(), ledger.clone()];
        let request = request.to_owned();
        let command = Command::new("mark_paid", cause(caller), streams, move |view| {
            let mut state = view.state::<PaymentKind>(&payment).clone();
            let Some((fact, posting)) = state.mark_paid(&request, amount)? else { return Ok(Decision::answer(state)) };
            state.apply(&fact, view.now);
            let decision = Decision::answer(state).with::<PaymentKind>(&payment, fact);
            Ok(decision.with::<LedgerKind>(&ledger, domain::ledger::Fact::Posted { posting }))
        });
        let committed = self.machinery.executor.run(command).await;
        committed.map(|committed| committed.answer).map_err(|error| refused(error, not_marked))
    }

    async fn payment(&self, order: &OrderId, as_of: AsOf) -> Result<Payment> {
        let at = match as_of {
            AsOf::OwnWrites => return self.at_hand(order).await.map(Arc::unwrap_or_clone),
            AsOf::Now => None,
            AsOf::Instant(at) => Some(at),
        };
        self.machinery.state_at::<PaymentKind>(&payment_stream(order), at).await
    }

    async fn trial_balance(&self) -> Result<(Vec<AccountBalance>, BTreeMap<Currency, i64>)> {
        self.balance().await
    }
}

/// What a payment's state says to whoever wants it authorised; `answered` where the state cannot tell.
fn authorization(payment: &Payment, answered: Option<Outcome>) -> Authorization {
    match payment.authorizing() {
        Authorizing::Granted => Authorization::Granted,
        Authorizing::Declined(refusal) => Authorization::Declined { code: refusal.code, message: refusal.message },
        Authorizing::Over => Authorization::Over { reason: over(payment).to_owned() },
        Authorizing::Waits { action, .. } => {
            Authorization::ActionRequired { url: action.url, expires_at: action.expires_at }
        }
        Authorizing::Ask { .. } => match answered {
            Some(Outcome::Failed { reason }) => Authorization::Failed { reason },
            Some(Outcome::Unknown { reason }) => Authorization::Unknown { reason },
            _ => Authorization::Unknown { reason: "the payment has changed meanwhile".to_owned() },
        },
    }
}

fn over(payment: &Payment) -> &'static str {
    if payment.opening.is_none() { "the payment was never opened" } else { "the payment is closed" }
}

fn not_marked(error: payment::Error) -> Error {
    let message = error.to_string();
    match error {
        payment::Error::NotOpened => Error::not_found("payment"),
        payment::Error::NotManual => Error::conflict("not_manual", message),
        payment::Error::AlreadyPaid => Error::conflict("already_paid", message),
        payment::Error::NotPositive => Error::field("/amount", "not_positive", message),
        payment::Error::MoreThanAuthorized { left } => {
            Error::conflict("more_than_outstanding", message).with("left", left)
        }
        _ => Error::conflict("payment_over", message),
    }
}
