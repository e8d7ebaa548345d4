//! Undoing a payment, step by step, until nothing of the buyer's money is left. The table is the domain's.
//! It does not know why it is undone.

use std::convert::Infallible;

use contracts::Result;
use contracts::caller::Caller;
use contracts::payments::Settlement;
use domain::ids::OrderId;
use domain::payment::{Call, Operation, Payment, Undo};
use platform::log::executor::{Command, Decision};

use super::kinds::{PaymentKind, payment_stream};
use super::provider::{Found, Outcome};
use super::service::Payments;
use crate::machinery::{cause, refused};

/// Steps of one round; what is left then waits for the next.
const STEPS_MAX: usize = 32;

impl Payments {
    pub(super) async fn undo_payment(&self, order: &OrderId, caller: &Caller) -> Result<Settlement> {
        for _ in 0..STEPS_MAX {
            let payment = self.record_undo(order, None, caller).await?;
            let done = match payment.undo() {
                Undo::Done => return Ok(Settlement::Done),
                Undo::Record(_) => Settlement::Done,
                // Once it is written down that the payment is over, no new call asks for money; one that is on its
                // way must end first, since the provider may not know of it yet.
                _ if self.under_way.is_asked(order) => pending("the provider is still being asked for this money"),
                Undo::Find(call) => self.find_out(order, &payment, &call, caller).await?,
                Undo::Drive(call) => self.drive(order, payment, &call.request, caller).await?.0,
            };
            if done != Settlement::Done {
                return Ok(done);
            }
        }
        Ok(pending("there is more to give back than fits one round"))
    }

    /// Writes down what the table wants to have written: all steps up to the next call, in one commit. `absent` is a
    /// call of which the provider says for certain that it never saw it.
    async fn record_undo(&self, order: &OrderId, absent: Option<Call>, caller: &Caller) -> Result<Payment> {
        let stream = payment_stream(order);
        let command = Command::new("undo_payment", cause(caller), [stream.clone()], move |view| {
            let mut state = view.state::<PaymentKind>(&stream).clone();
            let mut facts: Vec<_> = absent.iter().filter_map(|call| state.absent(call)).collect();
            facts.iter().for_each(|fact| state.apply(fact, view.now));
            while let Undo::Record(fact) = state.undo() {
                state.apply(&fact, view.now);
                facts.push(fact);
            }
            Ok::<_, Infallible>(Decision::answer(state).with_all::<PaymentKind>(&stream, facts))
        });
        let committed = self.machinery.executor.run(command).await;
        committed.map(|committed| committed.answer).map_err(|error| refused(error, |never| match never {}))
    }

    async fn find_out(&self, order: &OrderId, payment: &Payment, call: &Call, caller: &Caller) -> Result<Settlement> {
        match self.find(order, payment, call).await? {
            Found::Absent => {
                self.record_undo(order, Some(call.clone()), caller).await?;
            }
            Found::Unknown { reason } | Found::Known(Outcome::Unknown { reason }) => return Ok(pending(&reason)),
            Found::Known(Outcome::ActionRequired { .. }) if call.operation != Operation::Authorize => {
                return Ok(pending("the provider has not finished"));
            }
            Found::Known(outcome) => {
                self.settle(order, call, outcome, caller).await?;
            }
        }
        Ok(Settlement::Done)
    }
}

fn pending(reason: &str) -> Settlement {
    Settlement::Pending { reason: reason.to_owned() }
}
