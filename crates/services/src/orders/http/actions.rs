//! What staff do to an order.
//! It does not decide whether the order allows it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::{Error, caller::Caller};
use domain::field::FieldError;
use domain::ids::{LineId, OrderId, RefundId, ShipmentId};
use domain::order::change::RefundWish;
use domain::order::{LineQuantity, Shipment};
use domain::quantity::Quantity;
use platform::http::etag::ETag;
use platform::http::extract::{IfMatch, OptionalBody, Segment};
use platform::http::idempotency::{Key, Mode, Optional, Required};
use platform::http::problem::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Http;
use crate::http::{Answer, Repeatable, StaffCaller};
use crate::orders::Orders;
use crate::orders::personal::{NOTE_MAX, check_text};
use crate::orders::view::Reader;
use crate::orders::wire::{LineQuantityBody, OrderView};

/// The longest reason, carrier, tracking number and address, in characters.
const TEXT_MAX: usize = 500;

/// An amount in minor units of the order's currency.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountBody {
    /// Without it: all that is left.
    #[serde(default)]
    pub amount: Option<i64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipBody {
    /// Without lines: everything that is left.
    #[serde(default)]
    pub lines: Vec<LineQuantityBody>,
    #[serde(default)]
    pub carrier: Option<String>,
    #[serde(default)]
    pub tracking_number: Option<String>,
    #[serde(default)]
    pub tracking_url: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverBody {
    /// Without it: every shipment that is on its way.
    #[serde(default)]
    pub shipment: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    /// Minor units. Without it: what the lines cost, or without lines all that is left.
    #[serde(default)]
    pub amount: Option<i64>,
    /// The goods whose money goes back. Units that have not left will not leave any more.
    #[serde(default)]
    pub lines: Vec<LineQuantityBody>,
    /// Put goods that came back on the shelf again.
    #[serde(default)]
    pub restock: bool,
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    /// At most 2,000 characters.
    pub note: String,
}

/// A request without anything to say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NothingBody {}

/// One staff request to one order: who asks, on which version, with which body, and under which key. A `KEYED` one must
/// have a key: money or stock moves.
pub struct Ask<T, const KEYED: bool> {
    http: Http,
    caller: Caller,
    id: OrderId,
    key: Option<Key>,
    if_match: IfMatch,
    body: T,
    hash: [u8; 32],
}

impl<T: DeserializeOwned + Default, const KEYED: bool> FromRequest<Http> for Ask<T, KEYED> {
    type Rejection = Problem;

    async fn from_request(request: Request, http: &Http) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let StaffCaller(caller) = StaffCaller::from_request_parts(&mut parts, http).await?;
        let Segment(id) = Segment::from_request_parts(&mut parts, http).await?;
        let key = match KEYED {
            true => Some(Required::from_request_parts(&mut parts, http).await?.0),
            false => Optional::from_request_parts(&mut parts, http).await?.0,
        };
        let if_match = IfMatch::from_request_parts(&mut parts, http).await?;
        let body = OptionalBody::from_request(Request::from_parts(parts, body), http).await?;
        let (hash, body) = (body.hash, body.value.unwrap_or_default());
        Ok(Self { http: http.clone(), caller, id, key, if_match, body, hash })
    }
}

/// What an action is given to work with.
struct Work<'a, T> {
    orders: &'a Arc<Orders>,
    id: &'a OrderId,
    caller: &'a Caller,
    body: T,
    /// What the key comes to: ids are made of it, so that a repetition makes the same.
    bytes: [u8; 16],
}

impl<T, const KEYED: bool> Ask<T, KEYED> {
    /// Does the work once per key, and answers with the order as it is then.
    async fn run(self, name: &str, work: impl AsyncFnOnce(Work<'_, T>) -> Answer<()>) -> Response {
        let Self { http, caller, id, key, if_match, body, hash } = self;
        let route = format!("POST /api/admin/orders/{id}/{name}");
        let request =
            Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: hash, mode: Mode::Rerun };
        let fresh = http.orders.fresh_bytes();
        let whole = async |bytes: [u8; 16]| -> Answer<Response> {
            if !if_match.is_missing() {
                let (_, version) = http.orders.read(&id).await?;
                if_match.check(ETag::version(version))?;
            }
            http.orders.existing(&id).await?;
            work(Work { orders: &http.orders, id: &id, caller: &caller, body, bytes }).await?;
            let view = http.orders.view(&id, Reader::Staff).await?;
            Ok((StatusCode::OK, Json(view)).into_response())
        };
        http.repeats.run(request, fresh, whole).await
    }
}

/// The name under which a wish is known to the order and to its payment.
fn name_of_wish(kind: &str, bytes: [u8; 16]) -> String {
    format!("{kind}_{}", RefundId::from_bytes(bytes).key())
}

/// Captures what is authorised, or a part of it.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/capture", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body(content = Option<AmountBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "`wrong_status` · `nothing_to_capture` · `wrong_payment` · `capture_failed`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn capture(ask: Ask<AmountBody, true>) -> Response {
    ask.run("capture", async |work| {
        let request = name_of_wish("capture", work.bytes);
        Ok(work.orders.capture(work.id, &request, work.body.amount, work.caller).await?)
    })
    .await
}

/// Notes that the money of a manual payment has come.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/mark-paid", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body(content = Option<AmountBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "It is paid already, or not a manual payment", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn mark_paid(ask: Ask<AmountBody, true>) -> Response {
    ask.run("mark-paid", async |work| {
        let request = name_of_wish("paid", work.bytes);
        Ok(work.orders.mark_paid(work.id, &request, work.body.amount, work.caller).await?)
    })
    .await
}

/// Sends a parcel with some or all of what is left.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/ship", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body(content = Option<ShipBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "`wrong_status` · `nothing_left`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn ship(ask: Ask<ShipBody, true>) -> Response {
    ask.run("ship", async |work| {
        let ShipBody { lines, carrier, tracking_number, tracking_url } = work.body;
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
        let id = ShipmentId::from_bytes(work.bytes);
        let shipment = Shipment { id, lines, carrier, tracking_number, tracking_url };
        Ok(work.orders.ship(work.id, shipment, work.caller).await?)
    })
    .await
}

/// Notes that a shipment, or all of them, arrived.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/deliver", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id")),
    request_body(content = Option<DeliverBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "`wrong_status` · `nothing_left`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn deliver(ask: Ask<DeliverBody, false>) -> Response {
    ask.run("deliver", async |work| {
        let parsed = work.body.shipment.as_deref().map(ShipmentId::parse).transpose();
        let shipment =
            parsed.map_err(|_| Error::field("/shipment", "unknown_shipment", "there is no such shipment"))?;
        Ok(work.orders.deliver(work.id, shipment, work.caller).await?)
    })
    .await
}

/// Gives money back, and goods where lines are named.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/refund", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body(content = Option<RefundBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "`wrong_status` · `nothing_left`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn refund(ask: Ask<RefundBody, true>) -> Response {
    ask.run("refund", async |work| {
        let RefundBody { amount, lines, restock, reason } = work.body;
        let mut errors = Vec::new();
        let lines = read_lines(&lines, &mut errors);
        check_short(reason.as_deref(), "reason", &mut errors);
        acceptable(errors)?;
        let wish = RefundWish { amount, lines, restock, reason };
        Ok(work.orders.refund(work.id, RefundId::from_bytes(work.bytes), wish, work.caller).await?)
    })
    .await
}

/// Cancels an order of which nothing has left. What was paid goes back.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/cancel", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body(content = Option<CancelBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "`wrong_status` · `already_shipped`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(ask: Ask<CancelBody, true>) -> Response {
    ask.run("cancel", async |work| {
        let mut errors = Vec::new();
        check_short(work.body.reason.as_deref(), "reason", &mut errors);
        acceptable(errors)?;
        Ok(work.orders.cancel(work.id, work.body.reason, work.caller).await?)
    })
    .await
}

/// Writes something down that only staff see.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/notes", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id")), request_body = NoteBody,
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 409, description = "`order_erased` · `too_many`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn add_note(ask: Ask<NoteBody, false>) -> Response {
    ask.run("notes", async |work| {
        let note = work.body.note;
        let mut errors = Vec::new();
        if note.trim().is_empty() {
            errors.push(FieldError::new("/note", "required", "a note says something"));
        }
        check_text(Some(&note), "/note", NOTE_MAX, &mut errors);
        acceptable(errors)?;
        Ok(work.orders.add_note(work.id, &note, work.caller).await?)
    })
    .await
}

/// Makes the buyer's data unreadable for ever. What was sold, for how much, stays.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/erase", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id")),
    responses(
        (status = 200, description = "The order, without its buyer", body = OrderView),
        (status = 409, description = "`order_in_progress`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn erase(ask: Ask<NothingBody, false>) -> Response {
    ask.run("erase", async |work| Ok(work.orders.erase(work.id, work.caller).await?)).await
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

pub(super) fn acceptable(errors: Vec<FieldError>) -> Result<(), Error> {
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}
