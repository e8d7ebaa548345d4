//! Drives an order's process: asks the table for the next step, makes one contract call, notes what came of it.
//! It does not decide what is next; `domain::order::checkout` does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::inventory::Reserved;
use contracts::payments::{AsOf, Authorization, Settlement};
use contracts::{Error, Kind, Result};
use domain::ids::OrderId;
use domain::order::checkout::Verdict;
use domain::order::checkout::condensed;
use domain::order::{Cancellation, Fact, Next, Order, Status, Step, StepKind};
use domain::quantity::Quantity;
use domain::sku::Sku;
use jiff::Timestamp;
use platform::entropy::draw;
use platform::log::executor::{Command, Decision, RunError};

use super::{OrderKind, Orders, stream};
use crate::machinery::{cause, refused};

/// A driver waits this long for the next attempt itself; for a longer pause the sweeper comes back.
const PATIENCE: Duration = Duration::from_secs(3);
/// One drive takes no more steps than this; a well-formed process has fewer.
const STEPS_MAX: u32 = 500;

/// What came of a step.
enum Outcome {
    Facts(Vec<Fact>),
    /// It may work later.
    Failed(String),
    /// It will not work; staff must look.
    Stuck(String),
}

impl Orders {
    /// Drives an order in a task of its own, and waits for it a bounded time: the order goes on when the caller
    /// does not. Answers with the order as it is then. `learned` is what came of steps that were taken already.
    pub(super) async fn drive_for_a_while(
        self: &Arc<Self>,
        id: &OrderId,
        learned: Vec<Fact>,
        caller: &Caller,
    ) -> Result<Arc<Order>> {
        let (orders, order, who) = (self.clone(), id.clone(), caller.clone());
        let drive = tokio::spawn(async move { orders.drive(&order, learned, &who).await });
        match tokio::time::timeout(self.limits.payment_wait, drive).await {
            Ok(Ok(driven)) => driven,
            Ok(Err(_)) => Err(Error::internal(format!("driving {id} failed"))),
            Err(_) => Ok(self.read(id).await?.0),
        }
    }

    /// Takes steps until the order is done, or waits for the buyer, for a later attempt, or for staff. The order at hand
    /// will do: a step that another node has taken meanwhile is not done twice, and what came of it is noted on the order as
    /// it is then.
    pub(super) async fn drive(&self, id: &OrderId, mut learned: Vec<Fact>, caller: &Caller) -> Result<Arc<Order>> {
        let mut steps = 0;
        loop {
            let durable = self.at_hand(id).await?;
            let mut order = Order::clone(&durable);
            let now = self.machinery.clock.now();
            let mut facts: Vec<Fact> = order.news(&std::mem::take(&mut learned), now);
            facts.iter().for_each(|fact| order.apply(fact, now));
            let turned_back = facts.iter().any(turns_back);
            let paused = loop {
                if turned_back {
                    break None;
                }
                steps += 1;
                if steps > STEPS_MAX {
                    return Err(Error::internal(format!("the process of {id} does not come to an end")));
                }
                let now = self.machinery.clock.now();
                let (news, pause) = self.advance_once(id, &order, now, caller).await?;
                if news.is_empty() {
                    break pause;
                }
                let turns_back = news.iter().any(turns_back);
                for fact in news {
                    order.apply(&fact, now);
                    facts.push(fact);
                }
                if pause.is_some() || turns_back {
                    break pause;
                }
            };
            if facts.is_empty() && paused.is_none() {
                return Ok(durable);
            }
            self.note(id, condensed(facts), caller).await?;
            let durable = self.at_hand(id).await?;
            self.after(&durable, id).await;
            match paused {
                Some(pause) if pause <= PATIENCE => tokio::time::sleep(pause).await,
                Some(_) => return Ok(durable),
                None if matches!(durable.next(self.machinery.clock.now()), Next::Do(_) | Next::Conclude(_)) => {}
                None => return Ok(durable),
            }
        }
    }

    /// One step: the facts that came of it, and how long to wait before the next, if at all.
    async fn advance_once(
        &self,
        id: &OrderId,
        order: &Order,
        now: Timestamp,
        caller: &Caller,
    ) -> Result<(Vec<Fact>, Option<Duration>)> {
        match order.next(now) {
            Next::Conclude(fact) => Ok((vec![fact], None)),
            Next::Idle | Next::Parked => Ok((Vec::new(), None)),
            Next::AwaitRetry(at) => Ok((Vec::new(), Some(until(now, at)))),
            Next::AwaitBuyer(_) => Ok((self.heard_from_buyer(id).await?, None)),
            Next::Do(step) => match self.perform(id, order, &step, caller).await {
                Ok(Outcome::Facts(facts)) => Ok((facts, None)),
                Ok(Outcome::Stuck(reason)) => Ok((vec![Fact::Parked { step: step.kind(), reason }], None)),
                Ok(Outcome::Failed(reason)) => Ok(self.after_failure(order, step.kind(), reason, now)),
                Err(error) if error.kind == Kind::Unavailable => {
                    Ok(self.after_failure(order, step.kind(), error.message, now))
                }
                Err(error) => Ok((vec![Fact::Parked { step: step.kind(), reason: error.message }], None)),
            },
        }
    }

    fn after_failure(
        &self,
        order: &Order,
        step: StepKind,
        reason: String,
        now: Timestamp,
    ) -> (Vec<Fact>, Option<Duration>) {
        match order.after_failure(step) {
            Verdict::Retry(pause) => {
                // Up to half as long again, so that those who failed together do not come back together.
                let [chance] = draw::<1>(self.machinery.entropy.as_ref());
                let pause = pause + pause * u32::from(chance) / 512;
                let retry_at = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
                let attempt = order.process.attempts + 1;
                (vec![Fact::StepFailed { step, attempt, reason, retry_at }], Some(pause))
            }
            Verdict::Undo => {
                let why = Cancellation::StepFailed { step, reason };
                (vec![Fact::CancellationRequested { why }], None)
            }
            Verdict::Park => (vec![Fact::Parked { step, reason }], None),
        }
    }

    async fn heard_from_buyer(&self, id: &OrderId) -> Result<Vec<Fact>> {
        let payment = self.payments.payment(id, AsOf::Now).await?;
        if payment.authorized > 0 {
            return Ok(vec![Fact::Authorized {}]);
        }
        Ok(match payment.declined {
            Some(refusal) => {
                let why = Cancellation::PaymentDeclined { code: refusal.code, message: refusal.message };
                vec![Fact::CancellationRequested { why }]
            }
            None => Vec::new(),
        })
    }

    async fn perform(&self, id: &OrderId, order: &Order, step: &Step, caller: &Caller) -> Result<Outcome> {
        let done = |fact: Fact| Ok(Outcome::Facts(vec![fact]));
        let give_up = |step: StepKind, reason: &str| {
            let why = Cancellation::StepFailed { step, reason: reason.to_owned() };
            Ok(Outcome::Facts(vec![Fact::CancellationRequested { why }]))
        };
        match step {
            Step::Reserve => done(self.reserve(id, &order.wanted(), caller).await?),
            Step::Authorize => self.authorize(id, caller).await,
            Step::ConfirmReservation => match self.inventory.confirm(id, caller).await? {
                true => done(Fact::ReservationConfirmed {}),
                false => give_up(StepKind::ConfirmReservation, "the reservation expired"),
            },
            Step::UndoPayment => match self.payments.undo(id, caller).await? {
                Settlement::Done => done(Fact::PaymentUndone {}),
                Settlement::Refused { reason } => Ok(Outcome::Stuck(reason)),
                Settlement::Pending { reason } => Ok(Outcome::Failed(reason)),
            },
            Step::Release => {
                self.inventory.release(id, caller).await?;
                done(Fact::Released {})
            }
            Step::Capture { request, amount } => match self.payments.capture(id, request, *amount, caller).await? {
                Settlement::Done => done(Fact::Captured { request: request.clone() }),
                Settlement::Refused { reason } => done(Fact::CaptureFailed { request: request.clone(), reason }),
                Settlement::Pending { reason } => Ok(Outcome::Failed(reason)),
            },
            Step::ShipStock { shipment } => {
                self.inventory.ship(id, &shipment.id, &order.skus_of(&shipment.lines), caller).await?;
                done(Fact::StockShipped { shipment: shipment.id.clone() })
            }
            Step::Refund { refund } => {
                match self.payments.refund(id, refund.id.as_str(), refund.amount, caller).await? {
                    Settlement::Done => done(Fact::Refunded { refund: refund.id.clone() }),
                    Settlement::Refused { reason } => done(Fact::RefundFailed { refund: refund.id.clone(), reason }),
                    Settlement::Pending { reason } => Ok(Outcome::Failed(reason)),
                }
            }
            Step::Restock { refund } => {
                let (returned, unshipped) = (order.skus_of(&refund.returned), order.skus_of(&refund.unshipped));
                self.inventory.restock(id, &refund.id, &returned, &unshipped, caller).await?;
                done(Fact::Restocked { refund: refund.id.clone() })
            }
        }
    }

    /// Holds all of it or nothing, and says what that means to the order. It expires when no order comes about.
    pub(super) async fn reserve(&self, id: &OrderId, wanted: &[(Sku, Quantity)], caller: &Caller) -> Result<Fact> {
        let ttl = self.limits.reservation_ttl;
        let expires_at = self.machinery.clock.now().saturating_add(ttl).unwrap_or(Timestamp::MAX);
        Ok(match self.inventory.reserve(id, wanted, expires_at, caller).await? {
            Reserved::Held => Fact::Reserved {},
            Reserved::Short(shortages) => Fact::Rejected { shortages },
            Reserved::Closed => {
                let reason = "the reservation was given back meanwhile".to_owned();
                Fact::CancellationRequested { why: Cancellation::StepFailed { step: StepKind::Reserve, reason } }
            }
        })
    }

    /// Asks for the money, and confirms the reservation while the promise is written down. The order is durable, so its
    /// process gives the stock back, should it come to nothing. What is not confirmed here is a step of its own, next.
    async fn authorize(&self, id: &OrderId, caller: &Caller) -> Result<Outcome> {
        let cancelled = |why: Cancellation| Outcome::Facts(vec![Fact::CancellationRequested { why }]);
        let mut confirmed = None;
        let confirming = async { confirmed = self.inventory.confirm(id, caller).await.ok() };
        let authorization = self.payments.authorize(id, Box::pin(confirming), caller).await?;
        let reservation = (confirmed == Some(true)).then_some(Fact::ReservationConfirmed {});
        Ok(match authorization {
            Authorization::Granted => Outcome::Facts(std::iter::once(Fact::Authorized {}).chain(reservation).collect()),
            Authorization::ActionRequired { url, expires_at } => {
                Outcome::Facts(vec![Fact::ActionRequired { url, expires_at }])
            }
            Authorization::Declined { code, message } => cancelled(Cancellation::PaymentDeclined { code, message }),
            Authorization::Over { reason } => cancelled(Cancellation::StepFailed { step: StepKind::Authorize, reason }),
            Authorization::Failed { reason } | Authorization::Unknown { reason } => Outcome::Failed(reason),
        })
    }

    /// Writes what is still news to the order.
    pub(super) async fn note(&self, id: &OrderId, facts: Vec<Fact>, caller: &Caller) -> Result<()> {
        let order = stream(id);
        let command = Command::new("orders.drive", cause(caller), [order.clone()], move |view| {
            let news = view.state::<OrderKind>(&order).news(&facts, view.now);
            Ok::<_, Error>(Decision::answer(()).with_all::<OrderKind>(&order, news))
        });
        let ran = self.machinery.executor.run(command).await;
        ran.map(|_| ()).map_err(|error: RunError<Error>| refused(error, |rejection| rejection))
    }

    /// What an undone order leaves to be opened again.
    pub(super) async fn after(&self, order: &Order, id: &OrderId) {
        let is_undone = matches!(order.status, Status::Rejected | Status::Cancelled);
        if let Some(cart) = order.placement.as_ref().and_then(|placement| placement.cart.as_ref())
            && is_undone
        {
            self.let_go_of_cart(cart, id).await;
        }
    }
}

/// Undoing begins only when the reason for it is durable: after a crash, what was undone tells no reason.
fn turns_back(fact: &Fact) -> bool {
    matches!(fact, Fact::CancellationRequested { .. })
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

#[async_trait]
impl contracts::orders::Orders for Orders {
    async fn advance(&self, order: &OrderId) -> Result<()> {
        self.drive(order, Vec::new(), &Caller::system()).await.map(|_| ())
    }
}
