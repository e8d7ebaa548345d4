//! What staff do to an order.
//! It does not decide whether the order allows it.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::OrderId;
use platform::http::etag::ETag;
use platform::http::extract::{IfMatch, OptionalBody, Segment};
use platform::http::idempotency::{Key, Mode, Optional, Required};
use platform::http::problem::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Http;
use crate::http::{Answer, Repeatable, StaffCaller};
use crate::orders::view::Reader;
use contracts::caller::Caller;
use contracts::orders::{AmountBody, CancelBody, DeliverBody, NoteBody, OrderAction, OrderView, RefundBody, ShipBody};

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

impl<T, const KEYED: bool> Ask<T, KEYED> {
    /// Does the work once per key, and answers with the order as it is then.
    async fn run(self, name: &str, action: impl FnOnce(T) -> OrderAction) -> Response {
        let Self { http, caller, id, key, if_match, body, hash } = self;
        let route = format!("POST /api/admin/orders/{id}/{name}");
        let request =
            Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: hash, mode: Mode::Rerun };
        let fresh = http.orders.fresh_bytes();
        let whole = async |bytes: [u8; 16]| -> Answer<Response> {
            let action = action(body);
            if !if_match.is_missing() {
                let (_, version) = http.orders.read(&id).await?;
                let is_right = if_match.check(ETag::version(version));
                // Whoever sends the same request again names the version that it was about (RFC 9110, 13.1.1).
                if is_right.is_err() && !http.orders.has_done(&id, &action, bytes).await? {
                    is_right?;
                }
            }
            http.orders.act(&id, action, bytes, &caller).await?;
            let view = http.orders.view(&id, Reader::Staff).await?;
            Ok((StatusCode::OK, Json(view)).into_response())
        };
        http.repeats.run(request, fresh, whole).await
    }
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
    ask.run("capture", OrderAction::Capture).await
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
    ask.run("mark-paid", OrderAction::MarkPaid).await
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
    ask.run("ship", OrderAction::Ship).await
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
    ask.run("deliver", OrderAction::Deliver).await
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
    ask.run("refund", OrderAction::Refund).await
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
    ask.run("cancel", OrderAction::Cancel).await
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
    ask.run("notes", OrderAction::Note).await
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
    ask.run("erase", |NothingBody {}| OrderAction::Erase).await
}
