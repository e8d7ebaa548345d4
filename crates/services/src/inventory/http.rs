//! Stock over HTTP, for staff: lists, levels, counting and history.
//! It does not know buyers' routes: what they see of stock is the catalogue's.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use contracts::Error;
use contracts::catalog::Catalog;
use contracts::inventory::{StockDesk as _, StockLevels, StockMovement};
use domain::field::FieldError;
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason};
use platform::http::extract::{Body, Params, Segment};
use platform::http::idempotency::{Mode, Required};
use platform::http::lists::{Limit, Listing};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::Desk;
use super::service::Inventory;
use super::views;
use crate::http::{Answer, Refusal, Repeatable, Repeats, StaffCaller};
use crate::refusals::{Always, BadBody, Refused, Schemas};

static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Clone)]
struct Http {
    desk: Desk,
    repeats: Repeats,
}

/// Staff's routes under `/api/admin/stock`.
pub fn router(inventory: Arc<Inventory>, catalog: Arc<dyn Catalog>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(list))
        .routes(routes!(levels))
        .routes(routes!(set_policy))
        .routes(routes!(adjust))
        .routes(routes!(movements))
        .with_state(Http { desk: Desk::new(inventory, catalog), repeats })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// What the SKU begins with, case-sensitive.
    sku: Option<String>,
    /// `true`: only counted SKUs of which five or fewer are available.
    low: Option<bool>,
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
}

/// The stock of every SKU that was ever counted, by name.
#[utoipa::path(
    get,
    path = "/api/admin/stock",
    tag = "stock",
    security(("staff_key" = [])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page", body = Listing<StockLevels>),
        Refused<400>, Always,
    )
)]
async fn list(
    State(http): State<Http>,
    _: StaffCaller,
    Params(asked): Params<ListQuery>,
) -> Answer<Json<Listing<StockLevels>>> {
    let (sku, cursor) = (asked.sku.as_deref(), asked.cursor.as_deref());
    let page = http.desk.levels(sku, asked.low == Some(true), cursor, asked.limit.get()).await?;
    Ok(Json(Listing { items: page.items, next_cursor: page.next_cursor }))
}

/// How many there are of one SKU.
#[utoipa::path(
    get,
    path = "/api/admin/stock/{sku}",
    tag = "stock",
    security(("staff_key" = [])),
    params(("sku" = String, Path, description = "The SKU, exactly as written")),
    responses(
        (status = 200, description = "Its stock", body = StockLevels),
        Refused<404>, Always,
    )
)]
async fn levels(State(http): State<Http>, _: StaffCaller, Segment(sku): Segment<Sku>) -> Answer<Json<StockLevels>> {
    Ok(Json(http.desk.level(&sku).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StockPolicyChange)]
struct PolicyBody {
    /// `reserve`, `track_only` or `untracked`.
    #[schema(example = "reserve")]
    policy: String,
}

/// Says how a SKU's stock bears on selling it.
#[utoipa::path(
    put,
    path = "/api/admin/stock/{sku}/policy",
    tag = "stock",
    security(("staff_key" = [])),
    params(("sku" = String, Path, description = "The SKU, exactly as written")),
    request_body = PolicyBody,
    responses(
        (status = 200, description = "Its stock", body = StockLevels),
        Refused<404>, BadBody, Always,
    )
)]
async fn set_policy(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(sku): Segment<Sku>,
    body: Body<PolicyBody>,
) -> Answer<Json<StockLevels>> {
    let policy = Policy::parse(&body.value.policy);
    let policy = policy.ok_or_else(|| Error::field("/policy", "unknown", "reserve, track_only or untracked"))?;
    Ok(Json(http.desk.choose_policy(&sku, policy, &caller).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StockAdjustment)]
struct AdjustmentBody {
    /// How many more, or fewer when below zero.
    #[schema(example = 100)]
    delta: i64,
    /// `received`, `correction`, `damaged`, `lost`, `returned` or `found`.
    #[schema(example = "received")]
    reason: String,
    /// `main` unless told.
    #[serde(default)]
    #[schema(example = "main")]
    location: Option<String>,
}

impl AdjustmentBody {
    fn parse(&self) -> Result<(Location, i64, Reason), Error> {
        let mut errors = Vec::new();
        if self.delta == 0 {
            errors.push(FieldError::new("/delta", "zero", "a change by 0 changes nothing"));
        }
        let reason = Reason::parse(&self.reason);
        if reason.is_none() {
            let known = Reason::ALL.map(Reason::as_str).join(", ");
            errors.push(FieldError::new("/reason", "unknown", format!("one of {known}")));
        }
        let location = self.location.as_deref().map_or_else(|| Ok(Location::default()), Location::parse);
        if let Err(error) = &location {
            errors.push(FieldError::new("/location", "invalid", error.to_string()));
        }
        match (reason, location) {
            (Some(reason), Ok(location)) if errors.is_empty() => Ok((location, self.delta, reason)),
            _ => Err(Error::invalid(errors)),
        }
    }
}

/// Counts more or fewer, exactly once per `Idempotency-Key`.
///
/// 409 `below_reserved` when fewer would be left than are reserved.
#[utoipa::path(
    post,
    path = "/api/admin/stock/{sku}/adjustments",
    tag = "stock",
    security(("staff_key" = [])),
    params(
        ("sku" = String, Path, description = "The SKU, exactly as written"),
        ("Idempotency-Key" = String, Header, description = "Your own name for this change; the same on a retry", min_length = 1, max_length = 255),
    ),
    request_body = AdjustmentBody,
    responses(
        (status = 201, description = "Its stock after the change", body = StockLevels),
        Refused<404>, Refused<409>, BadBody, Always,
    )
)]
async fn adjust(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segment(sku): Segment<Sku>,
    Required(key): Required,
    body: Body<AdjustmentBody>,
) -> Response {
    let route = format!("POST /api/admin/stock/{sku}/adjustments");
    let request = Repeatable {
        caller: &caller,
        route: &route,
        key: Some(&key),
        body_hash: body.hash,
        // The claim beside the stock remembers more than that the key was used.
        mode: Mode::WaitOnly,
    };
    let work = |once: [u8; 16]| {
        let (http, sku, caller) = (&http, &sku, &caller);
        async move {
            let (location, delta, reason) = body.value.parse()?;
            http.desk.known(sku).await?;
            let once = format!("http/{:032x}", u128::from_be_bytes(once));
            let adjusted = http.desk.inventory.adjust_once(sku, &location, delta, reason, &once, caller).await?;
            let updated_at = http.desk.inventory.counted(sku).await?.and_then(|counted| counted.updated_at);
            let levels = views::levels(sku, &adjusted.stock, updated_at);
            let mut response = (StatusCode::CREATED, Json(levels)).into_response();
            if adjusted.is_repetition {
                response.headers_mut().insert(&REPLAYED, axum::http::HeaderValue::from_static("true"));
            }
            Ok::<Response, Refusal>(response)
        }
    };
    http.repeats.run(request, http.desk.inventory.machinery.id_bytes(), work).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MovementsQuery {
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
}

/// What happened to a SKU's stock, the newest first.
#[utoipa::path(
    get,
    path = "/api/admin/stock/{sku}/movements",
    tag = "stock",
    security(("staff_key" = [])),
    params(("sku" = String, Path, description = "The SKU, exactly as written"), MovementsQuery),
    responses(
        (status = 200, description = "A page", body = Listing<StockMovement>),
        Refused<400>, Refused<404>, Always,
    )
)]
async fn movements(
    State(http): State<Http>,
    _: StaffCaller,
    Segment(sku): Segment<Sku>,
    Params(asked): Params<MovementsQuery>,
) -> Answer<Json<Listing<StockMovement>>> {
    let page = http.desk.movements(&sku, asked.cursor.as_deref(), asked.limit.get()).await?;
    Ok(Json(Listing { items: page.items, next_cursor: page.next_cursor }))
}
