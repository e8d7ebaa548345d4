//! What staff do to an order: capture, mark paid, ship, deliver, refund, cancel, note; and to a process that is parked.
//! It does not decide whether the order allows it; the domain does.

use std::sync::Arc;

use contracts::caller::Caller;
use contracts::orders::ProcessOrder;
use contracts::payments::AsOf;
use contracts::{Error, Kind, Result};
use domain::ids::{OrderId, RefundId, ShipmentId};
use domain::order::change::RefundWish;
use domain::order::{self, Fact, Order, Shipment};
use platform::log::executor::{Command, Decision};
use platform::sealing::DataKey;

use super::personal::{seal, seal_text, unsealed};
use super::{OrderKind, Orders, stream};
use crate::machinery::{cause, refused};

/// The reason where staff give none.
const BY_STAFF: &str = "by staff";

impl Orders {
    /// Captures what is authorised, or a part of it. `request` names the wish: the same one again changes nothing.
    pub async fn capture(
        self: &Arc<Self>,
        id: &OrderId,
        request: &str,
        amount: Option<i64>,
        caller: &Caller,
    ) -> Result<()> {
        let (order, _) = self.read(id).await?;
        if !order.captures.contains_key(request) {
            let payment = self.payments.payment(id, AsOf::Now).await?;
            let left = payment.capturable() - order.capture_requested();
            let amount = amount.unwrap_or(left);
            if payment.is_manual() {
                return Err(translate_payment(&domain::payment::Error::MarkInstead));
            }
            if left <= 0 {
                return Err(Error::conflict("nothing_to_capture", "nothing is left to be captured"));
            }
            if amount > left {
                return Err(Error::field("/amount", "too_much", format!("at most {left} can be captured")));
            }
            let request = request.to_owned();
            self.change(id, "orders.capture", caller, move |order| order.capture(&request, amount).map(one)).await?;
        }
        let order = self.drive_for_a_while(id, Vec::new(), caller).await?;
        match order.captures.get(request).map(|capture| &capture.progress) {
            Some(order::Progress::Failed { reason }) => Err(Error::conflict("capture_failed", reason.clone())),
            _ => Ok(()),
        }
    }

    /// Staff saw the money of a manual payment.
    pub async fn mark_paid(&self, id: &OrderId, request: &str, amount: Option<i64>, caller: &Caller) -> Result<()> {
        self.existing(id).await?;
        self.payments.mark_paid(id, request, amount, caller).await.map(|_| ())
    }

    /// Sends a parcel. The same shipment again changes nothing.
    pub async fn ship(self: &Arc<Self>, id: &OrderId, mut shipment: Shipment, caller: &Caller) -> Result<()> {
        shipment.tracking_number = self.sealed(id, shipment.tracking_number).await?;
        shipment.tracking_url = self.sealed(id, shipment.tracking_url).await?;
        self.change(id, "orders.ship", caller, move |order| order.ship(shipment.clone()).map(one)).await?;
        self.drive_for_a_while(id, Vec::new(), caller).await.map(|_| ())
    }

    /// A shipment, or all of them, arrived.
    pub async fn deliver(&self, id: &OrderId, shipment: Option<ShipmentId>, caller: &Caller) -> Result<()> {
        self.change(id, "orders.deliver", caller, move |order| order.deliver(shipment.as_ref())).await
    }

    /// Gives money back. The same refund again changes nothing.
    pub async fn refund(
        self: &Arc<Self>,
        id: &OrderId,
        refund: RefundId,
        wish: RefundWish,
        caller: &Caller,
    ) -> Result<()> {
        let (order, _) = self.read(id).await?;
        if !order.refunds.iter().any(|known| known.refund.id == refund) {
            let payment = self.payments.payment(id, AsOf::Now).await?;
            let requested = order.refunds.iter().filter(|known| known.progress == order::Progress::Requested);
            let begun = |known: &&order::RefundState| payment.requests.contains_key(known.refund.id.as_str());
            let waiting: i64 = requested.filter(|known| !begun(known)).map(|known| known.refund.amount).sum();
            let refundable = payment.refundable() - waiting;
            if wish.amount.is_some_and(|amount| amount > refundable) {
                return Err(Error::field("/amount", "too_much", format!("at most {refundable} can be refunded")));
            }
            let wish = RefundWish { reason: self.sealed(id, wish.reason).await?, ..wish };
            let refund = refund.clone();
            let change = move |order: &Order| order.refund(&refund, &wish, refundable).map(one);
            self.change(id, "orders.refund", caller, change).await?;
        }
        let order = self.drive_for_a_while(id, Vec::new(), caller).await?;
        match order.refunds.iter().find(|known| known.refund.id == refund).map(|known| &known.progress) {
            Some(order::Progress::Failed { reason }) => Err(Error::conflict("refund_failed", reason.clone())),
            _ => Ok(()),
        }
    }

    /// Cancels before anything has left; what was paid goes back.
    pub async fn cancel(self: &Arc<Self>, id: &OrderId, reason: Option<String>, caller: &Caller) -> Result<()> {
        let reason = self.sealed(id, reason).await?.unwrap_or_else(|| BY_STAFF.to_owned());
        self.change(id, "orders.cancel", caller, move |order| order.cancel(&reason).map(one)).await?;
        self.drive_for_a_while(id, Vec::new(), caller).await.map(|_| ())
    }

    /// Staff write something down. The same request again changes nothing.
    pub async fn add_note(&self, id: &OrderId, request: &str, note: &str, caller: &Caller) -> Result<()> {
        self.existing(id).await?;
        let key = self.open_key(id).await?;
        let (request, note, by) = (request.to_owned(), seal(&key, &note)?, caller.actor());
        let change = move |order: &Order| order.note(&request, note.clone(), &by).map(one);
        self.change(id, "orders.note", caller, change).await
    }

    /// Takes a process on that cannot go on by itself.
    pub async fn direct(
        self: &Arc<Self>,
        id: &OrderId,
        what: ProcessOrder,
        reason: Option<String>,
        caller: &Caller,
    ) -> Result<()> {
        let reason = self.sealed(id, reason).await?.unwrap_or_else(|| BY_STAFF.to_owned());
        self.change(id, "orders.direct", caller, move |order| {
            let fact = match what {
                ProcessOrder::Retry => order.resume(),
                ProcessOrder::Compensate => order.compensate(&reason),
                ProcessOrder::Skip => order.skip(&reason),
            };
            fact.map(|fact| vec![fact])
        })
        .await?;
        self.drive_for_a_while(id, Vec::new(), caller).await.map(|_| ())
    }

    /// The key that seals what is written about an order.
    async fn open_key(&self, id: &OrderId) -> Result<DataKey> {
        self.machinery.vault.key(id.as_str()).await.map_err(|error| match error {
            platform::sealing::Error::Erased => {
                Error::conflict("order_erased", "the order was erased; nothing more can be written down about it")
            }
            other => unsealed(other),
        })
    }

    async fn sealed(&self, id: &OrderId, text: Option<String>) -> Result<Option<String>> {
        match text {
            Some(text) => Ok(Some(seal_text(&self.open_key(id).await?, &text))),
            None => Ok(None),
        }
    }

    /// Makes the buyer's data unreadable for ever, everywhere. What was sold, for how much, stays.
    pub async fn erase(&self, id: &OrderId, caller: &Caller) -> Result<()> {
        let (order, _) = self.read(id).await?;
        if !order.exists() {
            return Err(Error::not_found("order"));
        }
        let is_open = !matches!(order.next(self.machinery.clock.now()), order::Next::Idle);
        if is_open {
            let message = "the order is still being worked on; cancel it or let it finish first";
            return Err(Error::conflict("order_in_progress", message));
        }
        self.machinery.vault.destroy(id.as_str()).await.map_err(unsealed)?;
        self.change(id, "orders.erase", caller, |order| {
            Ok(if order.erased { Vec::new() } else { vec![Fact::Erased {}] })
        })
        .await
    }

    /// # Errors
    /// `NotFound`
    pub(super) async fn existing(&self, id: &OrderId) -> Result<Arc<Order>> {
        let (order, _) = self.read(id).await?;
        if order.exists() { Ok(order) } else { Err(Error::not_found("order")) }
    }

    async fn change(
        &self,
        id: &OrderId,
        name: &'static str,
        caller: &Caller,
        decide: impl Fn(&Order) -> std::result::Result<Vec<Fact>, order::Error> + Send + Sync + 'static,
    ) -> Result<()> {
        let order = stream(id);
        let command = Command::new(name, cause(caller), [order.clone()], move |view| {
            let facts = decide(view.state::<OrderKind>(&order))?;
            Ok::<_, order::Error>(Decision::answer(()).with_all::<OrderKind>(&order, facts))
        });
        let ran = self.machinery.executor.run(command).await;
        ran.map(|_| ()).map_err(|error| refused(error, |refusal| translate(&refusal)))
    }
}

fn one(fact: Option<Fact>) -> Vec<Fact> {
    fact.into_iter().collect()
}

/// What a refusal of the domain means to a caller.
fn translate(error: &order::Error) -> Error {
    use order::Error as Refusal;
    let conflict = |code: &'static str| Error::conflict(code, error.to_string());
    match error {
        Refusal::NotPlaced => Error::not_found("order"),
        Refusal::WrongStatus(status) => conflict("wrong_status").with("status", status.as_str()),
        Refusal::AlreadyShipped => conflict("already_shipped"),
        Refusal::BeingCancelled => conflict("being_cancelled"),
        Refusal::NothingLeft(_) => conflict("nothing_left"),
        Refusal::Limit => conflict("too_many"),
        Refusal::NotParked => conflict("not_parked"),
        Refusal::NotSkippable(_) => conflict("not_skippable"),
        Refusal::NotUndoable => conflict("not_undoable"),
        Refusal::UnknownLine(_) => Error::field("/lines", "unknown_line", error.to_string()),
        Refusal::TooMany { .. } => Error::field("/lines", "too_many", error.to_string()),
        Refusal::UnknownShipment => Error::field("/shipment", "unknown_shipment", error.to_string()),
        Refusal::NotPositive => Error::field("/amount", "out_of_range", error.to_string()),
    }
}

fn translate_payment(error: &domain::payment::Error) -> Error {
    Error::new(Kind::Conflict, "wrong_payment", error.to_string())
}
