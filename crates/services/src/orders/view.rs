//! What an order looks like: its own facts, its payment and its personal data put together.
//! It does not know who asks; the edge decides what they may see.

use contracts::payments::AsOf;
use contracts::{Error, Result};
use domain::ids::OrderId;
use domain::order::{Cancellation, Next, Order, Placement, Status};
use domain::payment::Payment;
use jiff::Timestamp;
use platform::sealing::{self, DataKey};

use super::personal::{access_token, open, open_text, unsealed};
use super::{OrderKind, Orders, stream};
use crate::machinery::stored;
use contracts::orders::{
    BuyerView, CancellationView, LineQuantityBody, LineView, NextActionView, NoteView, OrderView, PaymentView,
    ProcessView, RefundView, ShipmentView, ShippingView, ShortageView,
};

/// How many facts of a stream are read at once for a look into the past.
const READ_CHUNK: usize = 1_000;

/// For whom an order is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Buyer,
    Staff,
}

/// The snake-case name that serde gives a plain enum.
pub(super) fn name_of(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

impl Orders {
    /// An order as it is now.
    ///
    /// # Errors
    /// `NotFound`
    pub async fn view(&self, id: &OrderId, reader: Reader) -> Result<OrderView> {
        let ((order, _), payment) = futures::try_join!(self.read(id), self.payments.payment(id, AsOf::Now))?;
        self.assemble(id, &order, &payment, reader).await
    }

    /// An order as it was when it was placed just now, for its buyer.
    pub(super) async fn view_placed(&self, id: &OrderId, order: &Order) -> Result<OrderView> {
        let payment = self.payments.payment(id, AsOf::OwnWrites).await?;
        self.assemble(id, order, &payment, Reader::Buyer).await
    }

    /// An order as it was at a past instant, facts at that very instant included.
    ///
    /// # Errors
    /// `NotFound` before its first fact · `Invalid` for an instant that is still to come.
    pub async fn view_at(&self, id: &OrderId, at: Timestamp) -> Result<OrderView> {
        if at > self.machinery.clock.now() {
            return Err(Error::field("/at", "in_the_future", "this instant is still to come"));
        }
        let mut facts = Vec::new();
        loop {
            let after = facts.len() as u64;
            let read = self.machinery.executor.log().read_stream(&stream(id), after, READ_CHUNK).await;
            let read = read.map_err(stored)?;
            let is_last = read.len() < READ_CHUNK;
            facts.extend(read);
            if is_last {
                break;
            }
        }
        let folded = self.machinery.executor.kinds().fold::<OrderKind>(&facts, Some(at));
        let order = folded.map_err(|error| Error::internal(error.to_string()))?;
        let payment = self.payments.payment(id, AsOf::Instant(at)).await?;
        self.assemble(id, &order, &payment, Reader::Staff).await
    }

    pub(super) async fn assemble(
        &self,
        id: &OrderId,
        order: &Order,
        payment: &Payment,
        reader: Reader,
    ) -> Result<OrderView> {
        let placement = order.placement.as_ref().ok_or_else(|| Error::not_found("order"))?;
        let key = match self.machinery.vault.key(id.as_str()).await {
            Ok(key) => Some(key),
            Err(sealing::Error::Erased) => None,
            Err(error) => return Err(unsealed(error)),
        };
        let key = key.as_ref();
        let buyer: Option<BuyerView> = open(key, placement.buyer.as_ref())?;
        let is_staff = reader == Reader::Staff;
        let now = self.machinery.clock.now();
        let next_action = order.process.action.as_ref().filter(|_| order.status == Status::Pending);
        Ok(OrderView {
            id: id.to_string(),
            number: placement.number.to_string(),
            status: name_of(&order.status),
            payment_status: payment_status(order, payment),
            fulfillment_status: name_of(&order.fulfillment()),
            test: placement.payment.test,
            channel: name_of(&placement.channel),
            market: placement.market.clone(),
            currency: placement.currency.code().to_owned(),
            locale: placement.locale.as_ref().map(|locale| locale.as_str().to_owned()),
            lines: lines(order),
            totals: placement.totals.iter().map(Into::into).collect(),
            tax_included: placement.tax_included,
            buyer,
            shipping_address: open(key, placement.shipping_address.as_ref())?,
            shipping_method: placement
                .shipping
                .as_ref()
                .map(|shipping| ShippingView { id: shipping.id.clone(), name: shipping.name.clone() }),
            payment: payment_view(placement, payment),
            shipments: shipments(order, key),
            refunds: refunds(order, key),
            note: open(key, placement.note.as_ref())?,
            staff_notes: if is_staff { notes(order, key)? } else { Vec::new() },
            next_action: next_action
                .map(|action| NextActionView { url: action.url.clone(), expires_at: action.expires_at.to_string() }),
            shortages: order
                .shortages
                .iter()
                .map(|short| ShortageView {
                    sku: short.sku.as_str().to_owned(),
                    requested: short.requested,
                    available: short.available,
                })
                .collect(),
            cancellation: order.cancellation.as_ref().map(|why| cancellation(why, key)),
            process: is_staff.then(|| process(order, now)),
            erased: order.erased || (key.is_none() && placement.buyer.is_some()),
            placed_at: placement.placed_at.to_string(),
            recorded_at: order.placed_fact_at.unwrap_or(placement.placed_at).to_string(),
            updated_at: order.updated_at.unwrap_or(placement.placed_at).to_string(),
            access_token: is_staff.then(|| access_token(self.machinery.vault.master(), id)),
        })
    }
}

/// A payment of an order that was refused for stock was never asked for.
fn payment_status(order: &Order, payment: &Payment) -> String {
    match order.status {
        Status::Rejected => "voided".to_owned(),
        _ => name_of(&payment.status()),
    }
}

fn lines(order: &Order) -> Vec<LineView> {
    let view = |line: &domain::order::Line| LineView {
        id: line.id.to_string(),
        sku: line.sku.as_str().to_owned(),
        title: line.title.clone(),
        variant: line.variant.clone(),
        quantity: line.quantity.get(),
        unit_price: line.unit_price,
        discount: line.discount,
        tax: line.tax,
        total: line.total,
        shipped: order.shipped_of(&line.id),
        refunded: order.refunded_of(&line.id),
    };
    order.lines().iter().map(view).collect()
}

fn payment_view(placement: &Placement, payment: &Payment) -> PaymentView {
    PaymentView {
        provider: placement.payment.provider.clone(),
        test: placement.payment.test,
        amount: placement.total(),
        authorized: payment.authorized,
        captured: payment.captured,
        refunded: payment.refunded,
    }
}

fn shipments(order: &Order, key: Option<&DataKey>) -> Vec<ShipmentView> {
    let quantities = |lines: &[domain::order::LineQuantity]| {
        let body = |line: &domain::order::LineQuantity| LineQuantityBody {
            line: line.line.to_string(),
            quantity: i64::from(line.quantity),
        };
        lines.iter().map(body).collect()
    };
    let view = |known: &domain::order::ShipmentState| ShipmentView {
        id: known.shipment.id.to_string(),
        lines: quantities(&known.shipment.lines),
        carrier: known.shipment.carrier.clone(),
        tracking_number: known.shipment.tracking_number.as_deref().and_then(|text| open_text(key, text)),
        tracking_url: known.shipment.tracking_url.as_deref().and_then(|text| open_text(key, text)),
        shipped_at: known.shipped_at.to_string(),
        delivered_at: known.delivered_at.map(|at| at.to_string()),
    };
    order.shipments.iter().map(view).collect()
}

fn refunds(order: &Order, key: Option<&DataKey>) -> Vec<RefundView> {
    use domain::order::Progress;
    let view = |known: &domain::order::RefundState| {
        let (status, failure) = match &known.progress {
            Progress::Requested => ("requested", None),
            Progress::Done => ("done", None),
            Progress::Failed { reason } => ("failed", Some(reason.clone())),
        };
        RefundView {
            id: known.refund.id.to_string(),
            amount: known.refund.amount,
            status: status.to_owned(),
            reason: known.refund.reason.as_deref().and_then(|text| open_text(key, text)),
            failure,
            requested_at: known.requested_at.to_string(),
        }
    };
    order.refunds.iter().map(view).collect()
}

fn notes(order: &Order, key: Option<&DataKey>) -> Result<Vec<NoteView>> {
    let view = |known: &domain::order::NoteState| {
        Ok(NoteView { by: known.by.clone(), at: known.at.to_string(), note: open(key, Some(&known.note))? })
    };
    order.notes.iter().map(view).collect()
}

fn cancellation(why: &Cancellation, key: Option<&DataKey>) -> CancellationView {
    let (code, message) = match why {
        Cancellation::PaymentDeclined { code, message } => ("payment_declined", format!("{message} ({code})")),
        Cancellation::PaymentExpired => ("payment_expired", "the payment was not finished in time".to_owned()),
        Cancellation::StepFailed { step, reason } => ("step_failed", format!("{}: {reason}", step.as_str())),
        Cancellation::ByStaff { reason } => ("by_staff", open_text(key, reason).unwrap_or_default()),
    };
    CancellationView { code: code.to_owned(), message }
}

fn process(order: &Order, now: Timestamp) -> ProcessView {
    let (state, step) = match order.next(now) {
        Next::Do(step) => ("running", Some(step.kind())),
        Next::Conclude(_) => ("running", None),
        Next::AwaitBuyer(_) | Next::AwaitRetry(_) => ("waiting", None),
        Next::Parked => ("parked", order.process.parked.as_ref().map(|parked| parked.step)),
        Next::Idle => ("idle", None),
    };
    let parked = order.process.parked.as_ref().map(|parked| parked.reason.clone());
    ProcessView {
        state: state.to_owned(),
        step: step.map(|step| step.as_str().to_owned()),
        attempts: order.process.attempts,
        reason: parked.or_else(|| order.process.last_failure.clone()),
    }
}
