//! What staff do to an order.
//! It does not decide whether the order allows it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::{Error, caller::Caller};
use domain::field::FieldError;
use domain::ids::{LineId, OrderId, RefundId, ShipmentId};
use domain::order::change::RefundWish;
use domain::order::{LineQuantity, Shipment};
use domain::quantity::Quantity;
use platform::http::etag::ETag;
use platform::http::extract::{Body, IfMatch, OptionalBody, Segment};
use platform::http::idempotency::{Key, Mode, Optional, Required};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Http;
use crate::http::{Answer, Repeatable, StaffCaller};
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

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    /// At most 2,000 characters.
    pub note: String,
}

/// One staff request that comes under a key, and may come again.
struct Action<'a> {
    http: &'a Http,
    caller: &'a Caller,
    id: &'a OrderId,
    name: &'static str,
    key: Option<&'a Key>,
    hash: [u8; 32],
    if_match: IfMatch,
}

impl Action<'_> {
    /// Runs `work` with the bytes that the key comes to, and answers with the order as it is then.
    async fn run(self, work: impl AsyncFnOnce([u8; 16]) -> Answer<()>) -> Response {
        let route = format!("POST /api/admin/orders/{}/{}", self.id, self.name);
        let request =
            Repeatable { caller: self.caller, route: &route, key: self.key, body_hash: self.hash, mode: Mode::Rerun };
        let (http, id) = (self.http, self.id);
        let if_match = self.if_match;
        let fresh = http.orders.fresh_bytes();
        let whole = async |bytes: [u8; 16]| -> Answer<Response> {
            if !if_match.is_missing() {
                let (_, version) = http.orders.read(id).await?;
                if_match.check(ETag::version(version))?;
            }
            http.orders.existing(id).await?;
            work(bytes).await?;
            let view = http.orders.view(id, Reader::Staff).await?;
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
        (status = 409, description = "`wrong_status` · `nothing_to_capture` · `wrong_payment`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn capture(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Required(key): Required,
    if_match: IfMatch,
    body: OptionalBody<AmountBody>,
) -> Response {
    let amount = body.value.unwrap_or_default().amount;
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "capture", key: Some(&key), hash: body.hash, if_match };
    action
        .run(async |bytes| Ok(http.orders.capture(&id, &name_of_wish("capture", bytes), amount, &caller).await?))
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
pub async fn mark_paid(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Required(key): Required,
    if_match: IfMatch,
    body: OptionalBody<AmountBody>,
) -> Response {
    let amount = body.value.unwrap_or_default().amount;
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "mark-paid", key: Some(&key), hash: body.hash, if_match };
    action.run(async |bytes| Ok(http.orders.mark_paid(&id, &name_of_wish("paid", bytes), amount, &caller).await?)).await
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
pub async fn ship(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Required(key): Required,
    if_match: IfMatch,
    body: OptionalBody<ShipBody>,
) -> Response {
    let wish = body.value.unwrap_or_default();
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "ship", key: Some(&key), hash: body.hash, if_match };
    action
        .run(async |bytes| {
            let mut errors = Vec::new();
            let lines = read_lines(&wish.lines, &mut errors);
            for (field, text) in [
                ("carrier", &wish.carrier),
                ("tracking_number", &wish.tracking_number),
                ("tracking_url", &wish.tracking_url),
            ] {
                check_short(text.as_deref(), field, &mut errors);
            }
            if wish.tracking_url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
            {
                let message = "an address begins with https:// or http://";
                errors.push(FieldError::new("/tracking_url", "invalid_url", message));
            }
            acceptable(errors)?;
            let shipment = Shipment {
                id: ShipmentId::from_bytes(bytes),
                lines,
                carrier: wish.carrier,
                tracking_number: wish.tracking_number,
                tracking_url: wish.tracking_url,
            };
            Ok(http.orders.ship(&id, shipment, &caller).await?)
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
pub async fn deliver(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Optional(key): Optional,
    if_match: IfMatch,
    body: OptionalBody<DeliverBody>,
) -> Response {
    let wish = body.value.unwrap_or_default();
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "deliver", key: key.as_ref(), hash: body.hash, if_match };
    action
        .run(async |_| {
            let parsed = wish.shipment.as_deref().map(ShipmentId::parse).transpose();
            let shipment =
                parsed.map_err(|_| Error::field("/shipment", "unknown_shipment", "there is no such shipment"))?;
            Ok(http.orders.deliver(&id, shipment, &caller).await?)
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
pub async fn refund(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Required(key): Required,
    if_match: IfMatch,
    body: OptionalBody<RefundBody>,
) -> Response {
    let wish = body.value.unwrap_or_default();
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "refund", key: Some(&key), hash: body.hash, if_match };
    action
        .run(async |bytes| {
            let mut errors = Vec::new();
            let lines = read_lines(&wish.lines, &mut errors);
            check_short(wish.reason.as_deref(), "reason", &mut errors);
            acceptable(errors)?;
            let wish = RefundWish { amount: wish.amount, lines, restock: wish.restock, reason: wish.reason };
            Ok(http.orders.refund(&id, RefundId::from_bytes(bytes), wish, &caller).await?)
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
pub async fn cancel(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Required(key): Required,
    if_match: IfMatch,
    body: OptionalBody<CancelBody>,
) -> Response {
    let reason = body.value.unwrap_or_default().reason;
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "cancel", key: Some(&key), hash: body.hash, if_match };
    action
        .run(async |_| {
            let mut errors = Vec::new();
            check_short(reason.as_deref(), "reason", &mut errors);
            acceptable(errors)?;
            let reason = reason.as_deref().unwrap_or("cancelled by staff");
            Ok(http.orders.cancel(&id, reason, &caller).await?)
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
pub async fn add_note(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Optional(key): Optional,
    if_match: IfMatch,
    body: Body<NoteBody>,
) -> Response {
    let note = body.value.note;
    let action =
        Action { http: &http, caller: &caller, id: &id, name: "notes", key: key.as_ref(), hash: body.hash, if_match };
    action
        .run(async |_| {
            let mut errors = Vec::new();
            if note.trim().is_empty() {
                errors.push(FieldError::new("/note", "required", "a note says something"));
            }
            check_text(Some(&note), "/note", NOTE_MAX, &mut errors);
            acceptable(errors)?;
            Ok(http.orders.add_note(&id, &note, &caller).await?)
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
pub async fn erase(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
) -> Answer<Json<OrderView>> {
    http.orders.erase(&id, &caller).await?;
    Ok(Json(http.orders.view(&id, Reader::Staff).await?))
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
