//! `/api/carts` and `/api/quotes`. A cart answers to its token and to staff; to anybody else it is not there.
//! It does not know prices.

use std::future::Future;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::caller::Caller;
use contracts::carts::{CartView, ChangeCart, ChangeLine, CreateCart, LineBody, QuoteBody, QuoteView};
use domain::ids::{CartId, LineId};
use platform::http::etag::ETag;
use platform::http::extract::{Body, IfMatch, Segment, Segments};
use platform::http::idempotency::{Key, Mode, Optional};
use serde::Serialize;
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::StoredCart;
use super::{Access, Carts};
use crate::http::{Answer, AnyCaller, Repeatable, Repeats};
use crate::refusals::{Always, BadBody, Refused, Schemas};

/// A cart is its shopper's own.
const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

#[derive(Clone)]
struct Api {
    carts: Arc<Carts>,
    repeats: Repeats,
}

pub fn router(carts: Arc<Carts>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(create_cart))
        .routes(routes!(get_cart, change_cart, delete_cart))
        .routes(routes!(add_line))
        .routes(routes!(change_line, delete_line))
        .routes(routes!(create_quote))
        .with_state(Api { carts, repeats })
}

#[derive(Serialize, ToSchema)]
struct NewCart {
    #[serde(flatten)]
    cart: CartView,
    /// Told only now. Send it as `Authorization: Bearer …` wherever the cart is named.
    token: String,
}

/// Create a cart
#[utoipa::path(post, path = "/api/carts", tag = "carts",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255)), request_body = CreateCart, responses(
    (status = 201, body = NewCart, headers(("ETag" = String), ("Location" = String))),
    BadBody, Refused<409>, Always))]
async fn create_cart(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Optional(key): Optional,
    body: Body<CreateCart>,
) -> Response {
    // The token must not be kept with the answer, so a repetition finds the cart and makes the same token again.
    let request = Repeatable {
        caller: &caller,
        route: "POST /api/carts",
        key: key.as_ref(),
        body_hash: body.hash,
        mode: Mode::Rerun,
    };
    let (carts, is_repeatable, body) = (&api.carts, key.is_some(), &body.value);
    let work = move |bytes| async move {
        let token = if is_repeatable { carts.derived_token(bytes) } else { carts.random_token() };
        let id = CartId::from_bytes(bytes);
        let before = if is_repeatable { carts.created(&id, &token).await? } else { None };
        let (stored, cart) = match before {
            Some(before) => before,
            None => carts.create(id, &token, body).await?,
        };
        let location = [(header::LOCATION, format!("/api/carts/{}", cart.id))];
        let etag = [(header::ETAG, ETag::version(stored.version).header())];
        let new = NewCart { cart, token };
        Answer::Ok((StatusCode::CREATED, NO_STORE, location, etag, Json(new)).into_response())
    };
    api.repeats.run(request, api.carts.id_bytes(), work).await
}

/// A cart
///
/// With today's prices, and with what stands against ordering it.
#[utoipa::path(get, path = "/api/carts/{id}", tag = "carts", security(("cart_token" = []), ("staff_key" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = CartView, headers(("ETag" = String))),
    Refused<404>, Refused<422>, Always))]
async fn get_cart(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Segment(id): Segment<CartId>,
) -> Answer<Response> {
    let stored = api.carts.open(&id, Access::of(&caller)).await?;
    let view = api.carts.view(&stored).await?;
    Ok(answer((stored, view)))
}

/// Change a cart
#[utoipa::path(patch, path = "/api/carts/{id}", tag = "carts", security(("cart_token" = []), ("staff_key" = [])),
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that you have read"),
           ("Idempotency-Key" = Option<String>, Header, max_length = 255)),
    request_body = ChangeCart, responses(
    (status = 200, body = CartView, headers(("ETag" = String))),
    BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always))]
async fn change_cart(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Segment(id): Segment<CartId>,
    if_match: IfMatch,
    Optional(key): Optional,
    body: Body<ChangeCart>,
) -> Answer<Response> {
    let (carts, sent) = (&api.carts, &body.value);
    let change = Change { caller: &caller, id: &id, if_match: &if_match, key: key.as_ref(), body_hash: body.hash };
    let route = format!("PATCH /api/carts/{id}");
    api.change(change, &route, |seen| async move { carts.change(&seen, sent).await }).await
}

/// Delete a cart
#[utoipa::path(delete, path = "/api/carts/{id}", tag = "carts", security(("cart_token" = []), ("staff_key" = [])),
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that you have read")),
    responses((status = 204, description = "It is gone"),
    Refused<400>, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always))]
async fn delete_cart(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Segment(id): Segment<CartId>,
    if_match: IfMatch,
) -> Answer<StatusCode> {
    let seen = api.seen(&caller, &id, &if_match).await?;
    api.carts.delete(&seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add to a cart
///
/// A SKU that is there already gets more of it, and today's price.
#[utoipa::path(post, path = "/api/carts/{id}/lines", tag = "carts", security(("cart_token" = []), ("staff_key" = [])),
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that you have read"),
           ("Idempotency-Key" = Option<String>, Header, max_length = 255)),
    request_body = LineBody, responses(
    (status = 200, body = CartView, headers(("ETag" = String))),
    BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always))]
async fn add_line(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Segment(id): Segment<CartId>,
    if_match: IfMatch,
    Optional(key): Optional,
    body: Body<LineBody>,
) -> Answer<Response> {
    let (carts, sent) = (&api.carts, &body.value);
    let change = Change { caller: &caller, id: &id, if_match: &if_match, key: key.as_ref(), body_hash: body.hash };
    let route = format!("POST /api/carts/{id}/lines");
    api.change(change, &route, |seen| async move { carts.add_line(&seen, sent).await }).await
}

/// Change a line
#[utoipa::path(patch, path = "/api/carts/{id}/lines/{line}", tag = "carts", security(("cart_token" = []), ("staff_key" = [])),
    params(("id" = String, Path), ("line" = String, Path),
           ("If-Match" = String, Header, description = "The ETag that you have read"),
           ("Idempotency-Key" = Option<String>, Header, max_length = 255)),
    request_body = ChangeLine, responses(
    (status = 200, body = CartView, headers(("ETag" = String))),
    BadBody, Refused<404>, Refused<409>, Refused<412>, Refused<428>, Always))]
async fn change_line(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Segments(id, line): Segments<CartId, LineId>,
    if_match: IfMatch,
    Optional(key): Optional,
    body: Body<ChangeLine>,
) -> Answer<Response> {
    let (carts, line, sent) = (&api.carts, &line, &body.value);
    let change = Change { caller: &caller, id: &id, if_match: &if_match, key: key.as_ref(), body_hash: body.hash };
    let route = format!("PATCH /api/carts/{id}/lines/{line}");
    api.change(change, &route, |seen| async move { carts.change_line(&seen, line, sent).await }).await
}

/// Remove a line
#[utoipa::path(delete, path = "/api/carts/{id}/lines/{line}", tag = "carts", security(("cart_token" = []), ("staff_key" = [])),
    params(("id" = String, Path), ("line" = String, Path),
           ("If-Match" = String, Header, description = "The ETag that you have read")), responses(
    (status = 200, body = CartView, headers(("ETag" = String))),
    Refused<400>, Refused<404>, Refused<409>, Refused<412>, Refused<422>, Refused<428>, Always))]
async fn delete_line(
    State(api): State<Api>,
    AnyCaller(caller): AnyCaller,
    Segments(id, line): Segments<CartId, LineId>,
    if_match: IfMatch,
) -> Answer<Response> {
    let seen = api.seen(&caller, &id, &if_match).await?;
    Ok(answer(api.carts.remove_line(&seen, &line).await?))
}

/// Quote
///
/// What lines or a cart would come to if they were ordered now, to the same unit.
#[utoipa::path(post, path = "/api/quotes", tag = "carts", request_body = QuoteBody, responses(
    (status = 200, body = QuoteView), BadBody, Refused<404>, Always))]
async fn create_quote(State(api): State<Api>, AnyCaller(caller): AnyCaller, body: Body<QuoteBody>) -> Answer<Response> {
    let quote = api.carts.quote(&body.value, Access::of(&caller)).await?;
    Ok((NO_STORE, Json(quote)).into_response())
}

/// A request to change a cart.
struct Change<'a> {
    caller: &'a Caller,
    id: &'a CartId,
    if_match: &'a IfMatch,
    key: Option<&'a Key>,
    body_hash: [u8; 32],
}

impl Api {
    /// The cart, of the version that the caller has seen.
    async fn seen(&self, caller: &Caller, id: &CartId, if_match: &IfMatch) -> Answer<StoredCart> {
        let stored = self.carts.open(id, Access::of(caller)).await?;
        if_match.clone().required()?.check(stored.version)?;
        Ok(stored)
    }

    async fn change<W, F>(&self, change: Change<'_>, route: &str, work: W) -> Answer<Response>
    where
        W: FnOnce(StoredCart) -> F,
        F: Future<Output = contracts::Result<(StoredCart, CartView)>>,
    {
        let Change { caller, id, if_match, key, body_hash } = change;
        if key.is_some() {
            // What is kept under a key is told only to who may see the cart.
            self.carts.open(id, Access::of(caller)).await?;
        }
        let request = Repeatable { caller, route, key, body_hash, mode: Mode::Replay };
        let run = |_| async {
            let seen = self.seen(caller, id, if_match).await?;
            Ok(answer(work(seen).await?))
        };
        Ok(self.repeats.run(request, [0; 16], run).await)
    }
}

fn answer((stored, view): (StoredCart, CartView)) -> Response {
    let etag = [(header::ETAG, ETag::version(stored.version).header())];
    (NO_STORE, etag, Json(view)).into_response()
}
