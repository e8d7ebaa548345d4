//! Draft orders over HTTP.
//! It does not price anything before a draft is completed.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::Error;
use domain::ids::DraftId;
use platform::http::etag::ETag;
use platform::http::extract::{Body, IfMatch, Params, Segment};
use platform::http::idempotency::{Mode, Optional};
use platform::http::lists::{Cursor, Fingerprint, Limit};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::Http;
use crate::http::{Answer, Repeatable, StaffCaller};
use crate::orders::drafts::listing;
use crate::orders::view::Reader;
use contracts::orders::{DraftBody, DraftView, OrderView};
use domain::order::Status;

/// A page of drafts.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Drafts {
    pub items: Vec<DraftView>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDrafts {
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Limit,
}

/// Lists drafts, the newest first.
#[utoipa::path(
    get, path = "/api/admin/draft-orders", tag = "draft orders", params(ListDrafts), security(("staff_key" = [])),
    responses((status = 200, description = "A page of drafts", body = Drafts))
)]
pub async fn list_drafts(
    State(http): State<Http>,
    _: StaffCaller,
    Params(asked): Params<ListDrafts>,
) -> Answer<Json<Drafts>> {
    let fingerprint = Fingerprint::new("draft orders");
    let cursor = Cursor::decode_opt(asked.cursor.as_deref(), &fingerprint)?;
    let (views, next) = http.orders.drafts(cursor, asked.limit.get()).await?;
    let page = listing(views, next, &fingerprint);
    Ok(Json(Drafts { items: page.items, next_cursor: page.next_cursor }))
}

/// Writes a new draft.
#[utoipa::path(
    post, path = "/api/admin/draft-orders", tag = "draft orders", security(("staff_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255)), request_body = DraftBody,
    responses((status = 201, description = "The draft", body = DraftView, headers(("ETag" = String), ("Location" = String))))
)]
pub async fn create_draft(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Optional(key): Optional,
    body: Body<DraftBody>,
) -> Response {
    let request = Repeatable {
        caller: &caller,
        route: "POST /api/admin/draft-orders",
        key: key.as_ref(),
        body_hash: body.hash,
        mode: Mode::Rerun,
    };
    let work = async |bytes: [u8; 16]| -> Answer<Response> {
        let id = DraftId::from_bytes(bytes);
        let (view, version) = http.orders.create_draft(&id, body.value).await?;
        let location = [(header::LOCATION, format!("/api/admin/draft-orders/{id}"))];
        Ok((StatusCode::CREATED, location, [(header::ETAG, ETag::version(version).header())], Json(view))
            .into_response())
    };
    http.repeats.run(request, http.orders.fresh_bytes(), work).await
}

/// Reads a draft.
#[utoipa::path(
    get, path = "/api/admin/draft-orders/{id}", tag = "draft orders", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The draft's id")),
    responses(
        (status = 200, description = "The draft", body = DraftView, headers(("ETag" = String))),
        (status = 404, description = "There is no such draft", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn read_draft(State(http): State<Http>, _: StaffCaller, Segment(id): Segment<DraftId>) -> Answer<Response> {
    let (view, version) = http.orders.draft(&id).await?;
    Ok(([(header::ETAG, ETag::version(version).header())], Json(view)).into_response())
}

/// Replaces a draft.
#[utoipa::path(
    put, path = "/api/admin/draft-orders/{id}", tag = "draft orders", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The draft's id"), ("If-Match" = String, Header, description = "The draft's ETag")),
    request_body = DraftBody,
    responses(
        (status = 200, description = "The draft", body = DraftView, headers(("ETag" = String))),
        (status = 409, description = "`draft_completed`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn replace_draft(
    State(http): State<Http>,
    _: StaffCaller,
    Segment(id): Segment<DraftId>,
    if_match: IfMatch,
    body: Body<DraftBody>,
) -> Answer<Response> {
    let (_, version) = http.orders.draft(&id).await?;
    if_match.required()?.check(ETag::version(version))?;
    let (view, version) = http.orders.replace_draft(&id, body.value, version).await?;
    Ok(([(header::ETAG, ETag::version(version).header())], Json(view)).into_response())
}

/// Throws a draft away.
#[utoipa::path(
    delete, path = "/api/admin/draft-orders/{id}", tag = "draft orders", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The draft's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`draft_completed`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete_draft(
    State(http): State<Http>,
    _: StaffCaller,
    Segment(id): Segment<DraftId>,
) -> Answer<StatusCode> {
    http.orders.delete_draft(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turns a draft into an order. Again: answers with that order.
#[utoipa::path(
    post, path = "/api/admin/draft-orders/{id}/complete", tag = "draft orders", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The draft's id"), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255)),
    responses(
        (status = 201, description = "The order", body = OrderView, headers(("Location" = String))),
        (status = 202, description = "The order is not confirmed yet", body = OrderView),
        (status = 409, description = "`insufficient_stock` with the lines and what is left · `order_cancelled`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn complete_draft(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<DraftId>,
    Optional(_): Optional,
) -> Answer<Response> {
    let (order, placed) = http.orders.complete_draft(&id, &caller).await?;
    let refused = |code: &'static str, message: &str| Error::conflict(code, message).with("order_id", order.as_str());
    match placed.order.status {
        Status::Rejected => {
            let lines = placed.order.shortages.iter().map(
                |short| json!({"sku": short.sku.as_str(), "requested": short.requested, "available": short.available}),
            );
            let error = refused("insufficient_stock", "there is not enough of everything; nothing was reserved");
            Err(error.with("lines", lines.collect::<Vec<_>>()).into())
        }
        Status::Cancelled => Err(refused("order_cancelled", "the order was cancelled; look at its events").into()),
        status => {
            let view = http.orders.view(&order, Reader::Staff).await?;
            let code = if status == Status::Pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
            let location = [(header::LOCATION, format!("/api/admin/orders/{order}"))];
            Ok((code, location, Json(view)).into_response())
        }
    }
}
