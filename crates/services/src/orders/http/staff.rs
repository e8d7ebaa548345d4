//! Orders for staff: lists, one order now or at a past instant, and everything that happened to it.
//! It does not change anything.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use contracts::Error;
use domain::ids::{OrderId, OrderNumber};
use domain::order::Status;
use domain::text::Email;
use jiff::Timestamp;
use platform::http::etag::ETag;
use platform::http::extract::{Params, Segment};
use platform::http::lists::{Cursor, Fingerprint, Limit, Listing};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Http;
use super::events::event_view;
use crate::http::{Answer, StaffCaller};
use crate::orders::list::row_view;
use crate::orders::query::Wanted;
use crate::orders::view::Reader;
use contracts::orders::{EventView, OrderRowView, OrderView};

/// A page of orders.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderRows {
    pub items: Vec<OrderRowView>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListOrders {
    /// `pending`, `confirmed`, `completed`, `cancelled` or `rejected`; rejected ones are listed only when asked for.
    status: Option<String>,
    /// As an order's `payment_status`.
    payment_status: Option<String>,
    /// As an order's `fulfillment_status`.
    fulfillment_status: Option<String>,
    number: Option<String>,
    email: Option<String>,
    /// Placed at or after this instant (RFC 3339).
    #[param(format = DateTime)]
    placed_from: Option<String>,
    /// Placed before this instant (RFC 3339).
    #[param(format = DateTime)]
    placed_until: Option<String>,
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Limit,
}

/// Lists orders, the newest first.
#[utoipa::path(
    get, path = "/api/admin/orders", tag = "orders (staff)", params(ListOrders), security(("staff_key" = [])),
    responses((status = 200, description = "A page of orders", body = OrderRows))
)]
pub async fn list_orders(
    State(http): State<Http>,
    _: StaffCaller,
    Params(asked): Params<ListOrders>,
) -> Answer<Json<OrderRows>> {
    let fingerprint = Fingerprint::new("orders")
        .with("status", asked.status.as_deref())
        .with("payment_status", asked.payment_status.as_deref())
        .with("fulfillment_status", asked.fulfillment_status.as_deref())
        .with("number", asked.number.as_deref())
        .with("email", asked.email.as_deref())
        .with("placed_from", asked.placed_from.as_deref())
        .with("placed_until", asked.placed_until.as_deref());
    let cursor = Cursor::decode_opt(asked.cursor.as_deref(), &fingerprint)?;
    let status = asked.status.as_deref().map(|text| {
        Status::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| malformed("status", "no such status"))
    });
    let number = asked
        .number
        .as_deref()
        .map(|text| OrderNumber::parse(text).map_err(|error| malformed("number", &error.to_string())));
    let email =
        asked.email.as_deref().map(|text| Email::parse(text).map_err(|error| malformed("email", &error.to_string())));
    let wanted = Wanted {
        status: status.transpose()?,
        payment_status: asked.payment_status,
        fulfillment_status: asked.fulfillment_status,
        number: number.transpose()?,
        email: email.transpose()?,
        from: instant("placed_from", asked.placed_from.as_deref())?,
        until: instant("placed_until", asked.placed_until.as_deref())?,
        cursor,
        limit: asked.limit.get(),
    };
    let (rows, next) = http.orders.list(wanted).await?;
    let listing = Listing::new(rows, next, &fingerprint).map(row_view);
    Ok(Json(OrderRows { items: listing.items, next_cursor: listing.next_cursor }))
}

pub(super) fn malformed(parameter: &'static str, message: &str) -> Problem {
    Problem::malformed("malformed_query", format!("{parameter}: {message}")).error(
        format!("/{parameter}"),
        "malformed",
        message.to_owned(),
    )
}

fn instant(parameter: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let parse = |text: &str| {
        Timestamp::from_str(text).map_err(|_| malformed(parameter, "write it as in RFC 3339: 2026-11-27T08:00:00Z"))
    };
    text.map(parse).transpose()
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadAt {
    /// Shows the order as it was at this past instant (RFC 3339, facts at that very instant included).
    #[param(format = DateTime)]
    at: Option<String>,
}

/// Reads an order, now or as it was.
#[utoipa::path(
    get, path = "/api/admin/orders/{id}", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"), ReadAt),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 404, description = "There is no such order, or there was none yet", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`in_the_future`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn read_order(
    State(http): State<Http>,
    _: StaffCaller,
    Segment(id): Segment<OrderId>,
    Params(asked): Params<ReadAt>,
) -> Answer<Response> {
    let view = match instant("at", asked.at.as_deref())? {
        Some(at) => http.orders.view_at(&id, at).await?,
        None => http.orders.view(&id, Reader::Staff).await?,
    };
    let (_, version) = http.orders.read(&id).await?;
    let tag = ETag::version(version).header();
    Ok(([(header::ETAG, tag), (header::CACHE_CONTROL, "no-store".parse().map_err(internal)?)], Json(view))
        .into_response())
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

/// Everything that happened to one order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrderEvents {
    pub items: Vec<EventView>,
}

/// Reads every fact of an order, of its payment, its stock and its ledger, in the order of time.
#[utoipa::path(
    get, path = "/api/admin/orders/{id}/events", tag = "orders (staff)", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id")),
    responses(
        (status = 200, description = "The facts", body = OrderEvents),
        (status = 404, description = "There is no such order", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn read_order_events(
    State(http): State<Http>,
    _: StaffCaller,
    Segment(id): Segment<OrderId>,
) -> Answer<Json<OrderEvents>> {
    let facts = http.orders.facts_of(&id).await?;
    Ok(Json(OrderEvents { items: facts.iter().map(event_view).collect() }))
}
