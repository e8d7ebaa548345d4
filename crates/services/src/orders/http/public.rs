//! Placing an order, and reading it with its token.
//! It does not show buyers what is for staff.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::Error;
use domain::ids::{CartId, OrderId};
use domain::order::{Channel, Status};
use platform::http::extract::{Body, Segment};
use platform::http::idempotency::{Mode, Required};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Http;
use crate::http::{Answer, AnyCaller, Refusal, Repeatable};
use crate::orders::personal::{access_token, opens};
use crate::orders::place::{PlaceOrder, Placed, WantedLine, WantedLines, WantedShipping};
use crate::orders::refusal::refusal;
use crate::orders::view::Reader;
use contracts::orders::{AddressBody, BuyerView, OrderView};

/// One line of a new order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    #[schema(example = "MUG-STN-S")]
    pub sku: String,
    /// 1 to 1,000,000.
    #[schema(example = 1)]
    pub quantity: i64,
}

/// How a new order is paid.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// A payment method's id or its provider.
    #[schema(example = "test")]
    pub provider: String,
    /// What the provider gave the buyer. Never a card number.
    #[serde(default)]
    #[schema(example = "tok_success")]
    pub token: Option<String>,
}

/// A new order: `lines`, or a cart with its token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Needed with `lines`; a cart has its own.
    #[serde(default)]
    #[schema(example = "USD")]
    pub currency: Option<String>,
    /// BCP 47: the language of titles and mail.
    #[serde(default)]
    #[schema(example = "en")]
    pub locale: Option<String>,
    /// 1 to 1,000.
    #[serde(default)]
    pub lines: Option<Vec<NewLine>>,
    #[serde(default)]
    pub cart_id: Option<String>,
    #[serde(default)]
    pub cart_token: Option<String>,
    #[serde(default)]
    pub buyer: Option<BuyerView>,
    #[serde(default)]
    pub shipping_address: Option<AddressBody>,
    #[serde(default)]
    #[schema(example = "standard")]
    pub shipping_method: Option<String>,
    pub payment: NewPayment,
    #[serde(default)]
    pub note: Option<String>,
    /// What the buyer saw, in minor units: when the total differs, nothing is ordered.
    #[serde(default)]
    pub expected_total: Option<i64>,
}

/// Places an order.
///
/// The answer carries the order as it is after at most 5 s: confirmed, refused, or still waiting (202).
#[utoipa::path(
    post, path = "/api/orders", tag = "orders",
    params(("Idempotency-Key" = String, Header, description = "Your own name for this wish; the same on a retry", min_length = 1, max_length = 255)),
    request_body = NewOrder,
    responses(
        (status = 201, description = "Confirmed", body = OrderView,
            headers(("Location" = String, description = "The order"))),
        (status = 202, description = "The provider wants the buyer (`next_action`), or has not answered yet; poll the order", body = OrderView),
        (status = 402, description = "`payment_declined`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such cart, or the token is not its token", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`insufficient_stock` with the lines and what is left · `price_changed` · `cart_already_ordered` · `order_cancelled` · `idempotency_in_flight`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn place_order(
    State(http): State<Http>,
    AnyCaller(caller): AnyCaller,
    Required(key): Required,
    body: Body<NewOrder>,
) -> Response {
    let hash = body.hash;
    // The order itself remembers its key, and what it remembers is sealed. Only a price that has changed is told again
    // from elsewhere, for then there is no order.
    let mode = if body.value.expected_total.is_some() { Mode::Replay } else { Mode::WaitOnly };
    let request = Repeatable { caller: &caller, route: "POST /api/orders", key: Some(&key), body_hash: hash, mode };
    let (who, http) = (caller.clone(), http.clone());
    let work = async |bytes: [u8; 16]| -> Answer<Response> {
        let id = OrderId::from_bytes(bytes);
        let placed = http.orders.place(wish(&id, hash, body.value)?, &who).await?;
        respond(&http, &id, placed).await
    };
    let keep = |_, code: Option<&str>| code == Some("price_changed");
    http.repeats.run_keeping(keep, request, [0; 16], work).await
}

fn wish(id: &OrderId, hash: [u8; 32], body: NewOrder) -> Answer<PlaceOrder> {
    let lines = match (body.lines, body.cart_id, body.cart_token) {
        (Some(lines), None, None) => {
            let line = |line: NewLine| WantedLine {
                sku: line.sku,
                quantity: line.quantity,
                unit_price: None,
                title: None,
                discount: 0,
            };
            WantedLines::Listed(lines.into_iter().map(line).collect())
        }
        (None, Some(id), Some(token)) => {
            let id = CartId::parse(&id).map_err(|_| Error::not_found("cart"))?;
            WantedLines::Cart { id, token }
        }
        (None, Some(_), None) => return Err(Error::field("/cart_token", "required", "a cart needs its token").into()),
        (None, None, _) => {
            return Err(Error::field("/lines", "required", "send lines, or cart_id with cart_token").into());
        }
        (Some(_), _, _) => {
            let message = "send either lines or a cart, not both";
            return Err(Error::field("/cart_id", "one_of", message).into());
        }
    };
    let is_listed = matches!(lines, WantedLines::Listed(_));
    let currency = match body.currency {
        None if is_listed => return Err(Error::field("/currency", "required", "say in which currency").into()),
        currency => currency.unwrap_or_default(),
    };
    Ok(PlaceOrder {
        id: id.clone(),
        body_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        channel: Channel::Api,
        currency,
        locale: body.locale,
        lines,
        buyer: body.buyer,
        shipping_address: body.shipping_address,
        shipping: WantedShipping::Method(body.shipping_method),
        provider: Some(body.payment.provider),
        token: body.payment.token,
        note: body.note,
        expected_total: body.expected_total,
        order_discount: 0,
        with_tax: true,
        placed_at: None,
        draft: None,
    })
}

async fn respond(http: &Http, id: &OrderId, placed: Placed) -> Answer<Response> {
    let order = &placed.order;
    if let Some(refusal) = refusal(order) {
        let refusal = refusal.with("order_id", id.as_str());
        return Err(marked(Refusal::from(refusal), placed.repeated));
    }
    let mut view = http.orders.view_placed(id, order).await?;
    view.access_token = Some(http.orders.token_of(id));
    let status = if order.status == Status::Pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let location = format!("/api/orders/{id}");
    let mut response = (status, [(header::LOCATION, location)], Json(view)).into_response();
    if placed.repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

const REPLAYED: header::HeaderName = header::HeaderName::from_static("idempotent-replayed");

fn marked(refusal: Refusal, repeated: bool) -> Refusal {
    if repeated { refusal.with_header(REPLAYED, HeaderValue::from_static("true")) } else { refusal }
}

/// Reads an order with its access token, or as staff.
#[utoipa::path(
    get, path = "/api/orders/{id}", tag = "orders",
    params(("id" = String, Path, description = "The order's id")),
    security(("order_token" = []), ("staff_key" = [])),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 404, description = "There is no such order, or the token is not its token", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn read_order(
    State(http): State<Http>,
    AnyCaller(caller): AnyCaller,
    Segment(id): Segment<OrderId>,
) -> Answer<Response> {
    let master = http.orders.master();
    let has_token = caller.token.as_ref().is_some_and(|token| opens(master, &id, token));
    if !has_token && !caller.is_staff() {
        return Err(Error::not_found("order").into());
    }
    let reader = if caller.is_staff() { Reader::Staff } else { Reader::Buyer };
    let mut view = http.orders.view(&id, reader).await?;
    view.access_token = Some(access_token(master, &id));
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}
