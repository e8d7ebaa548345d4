//! What staff ask of an order, read and passed on: each action by one name that makes it happen once.
//! It does not decide whether the order allows it.

use std::sync::Arc;

use contracts::caller::Caller;
use contracts::orders::{LineQuantityBody, NoteBody, OrderAction, RefundBody, ShipBody};
use contracts::payments::AsOf;
use contracts::{Error, Result};
use domain::field::FieldError;
use domain::ids::{LineId, OrderId, RefundId, ShipmentId};
use domain::order::change::RefundWish;
use domain::order::{LineQuantity, Shipment};
use domain::quantity::Quantity;

use super::Orders;
use super::personal::{NOTE_MAX, check_text};

/// The longest reason, carrier, tracking number and address, in characters.
const TEXT_MAX: usize = 500;

impl Orders {
    /// Does something to an order. `bytes` name the request: ids are made of them, so that a repetition makes the same.
    ///
    /// # Errors
    /// `NotFound` · `Invalid` with the fields that are wrong · `Conflict` where the order does not allow it.
    pub async fn act(
        self: &Arc<Self>,
        id: &OrderId,
        action: OrderAction,
        bytes: [u8; 16],
        caller: &Caller,
    ) -> Result<()> {
        self.existing(id).await?;
        match action {
            OrderAction::Capture(body) => self.capture(id, &name_of_wish("capture", bytes), body.amount, caller).await,
            OrderAction::MarkPaid(body) => self.mark_paid(id, &name_of_wish("paid", bytes), body.amount, caller).await,
            OrderAction::Ship(body) => self.ship(id, read_shipment(body, bytes)?, caller).await,
            OrderAction::Deliver(body) => {
                let shipment = body.shipment.as_deref().map(ShipmentId::parse).transpose();
                let unknown = |_| Error::field("/shipment", "unknown_shipment", "there is no such shipment");
                self.deliver(id, shipment.map_err(unknown)?, caller).await
            }
            OrderAction::Refund(body) => self.refund(id, RefundId::from_bytes(bytes), read_refund(body)?, caller).await,
            OrderAction::Cancel(body) => {
                let mut errors = Vec::new();
                check_short(body.reason.as_deref(), "reason", &mut errors);
                acceptable(errors)?;
                self.cancel(id, body.reason, caller).await
            }
            OrderAction::Note(body) => self.add_note(id, &name_of_wish("note", bytes), &read_note(body)?, caller).await,
            OrderAction::Erase => self.erase(id, caller).await,
        }
    }

    /// Whether this very request was granted before, or what it asks for is so already, whoever did it.
    pub async fn has_done(&self, id: &OrderId, action: &OrderAction, bytes: [u8; 16]) -> Result<bool> {
        let order = self.existing(id).await?;
        Ok(match action {
            OrderAction::Capture(_) => order.captures.contains_key(&name_of_wish("capture", bytes)),
            OrderAction::MarkPaid(_) => {
                let payment = self.payments.payment(id, AsOf::Now).await?;
                payment.requests.contains_key(&name_of_wish("paid", bytes))
            }
            OrderAction::Ship(_) => {
                let id = ShipmentId::from_bytes(bytes);
                order.shipments.iter().any(|known| known.shipment.id == id)
            }
            OrderAction::Refund(_) => {
                let id = RefundId::from_bytes(bytes);
                order.refunds.iter().any(|known| known.refund.id == id)
            }
            OrderAction::Note(_) => {
                let request = name_of_wish("note", bytes);
                order.notes.iter().any(|known| known.request == request)
            }
            OrderAction::Deliver(body) => {
                let mut meant = order.shipments.iter().filter(|known| match &body.shipment {
                    Some(wanted) => known.shipment.id.as_str() == wanted,
                    None => true,
                });
                meant.clone().next().is_some() && meant.all(|known| known.delivered_at.is_some())
            }
            OrderAction::Cancel(_) => order.cancellation.is_some(),
            OrderAction::Erase => order.erased,
        })
    }
}

/// The name under which a wish is known to the order and to its payment.
fn name_of_wish(kind: &str, bytes: [u8; 16]) -> String {
    format!("{kind}_{}", RefundId::from_bytes(bytes).key())
}

fn read_shipment(body: ShipBody, bytes: [u8; 16]) -> Result<Shipment> {
    let ShipBody { lines, carrier, tracking_number, tracking_url } = body;
    let mut errors = Vec::new();
    let lines = read_lines(&lines, &mut errors);
    let texts = [("carrier", &carrier), ("tracking_number", &tracking_number), ("tracking_url", &tracking_url)];
    for (field, text) in texts {
        check_short(text.as_deref(), field, &mut errors);
    }
    if tracking_url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        let message = "an address begins with https:// or http://";
        errors.push(FieldError::new("/tracking_url", "invalid_url", message));
    }
    acceptable(errors)?;
    Ok(Shipment { id: ShipmentId::from_bytes(bytes), lines, carrier, tracking_number, tracking_url })
}

fn read_refund(body: RefundBody) -> Result<RefundWish> {
    let RefundBody { amount, lines, restock, reason } = body;
    let mut errors = Vec::new();
    let lines = read_lines(&lines, &mut errors);
    check_short(reason.as_deref(), "reason", &mut errors);
    acceptable(errors)?;
    Ok(RefundWish { amount, lines, restock, reason })
}

fn read_note(body: NoteBody) -> Result<String> {
    let mut errors = Vec::new();
    if body.note.trim().is_empty() {
        errors.push(FieldError::new("/note", "required", "a note says something"));
    }
    check_text(Some(&body.note), "/note", NOTE_MAX, &mut errors);
    acceptable(errors)?;
    Ok(body.note)
}

fn read_lines(lines: &[LineQuantityBody], errors: &mut Vec<FieldError>) -> Vec<LineQuantity> {
    let mut read = Vec::with_capacity(lines.len());
    if lines.len() > domain::order::MAX_LINES {
        errors.push(FieldError::new("/lines", "too_many", "more lines than an order has"));
        return read;
    }
    for (index, line) in lines.iter().enumerate() {
        let id = LineId::parse(&line.line);
        if id.is_err() {
            errors.push(FieldError::new(format!("/lines/{index}/line"), "unknown_line", "this is not a line's id"));
        }
        let quantity = u32::try_from(line.quantity).ok().and_then(|quantity| Quantity::new(quantity).ok());
        if quantity.is_none() {
            let message = "a quantity is between 1 and 1000000";
            errors.push(FieldError::new(format!("/lines/{index}/quantity"), "out_of_range", message));
        }
        if let (Ok(line), Some(quantity)) = (id, quantity) {
            read.push(LineQuantity { line, quantity });
        }
    }
    read
}

fn check_short(text: Option<&str>, field: &str, errors: &mut Vec<FieldError>) {
    check_text(text, &format!("/{field}"), TEXT_MAX, errors);
}

pub(in crate::orders) fn acceptable(errors: Vec<FieldError>) -> Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}
