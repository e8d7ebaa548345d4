//! Stock over HTTP, for staff: lists, levels, counting and history.
//! It does not know buyers' routes: what they see of stock is the catalogue's.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use contracts::Error;
use contracts::catalog::Catalog;
use contracts::inventory::Inventory as _;
use domain::field::FieldError;
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason};
use platform::documents::{Page, Query, Range, tuple};
use platform::http::extract::{Body, Params, Segment};
use platform::http::idempotency::{Mode, Required};
use platform::http::lists::{Cursor, Fingerprint, Limit, Listing};
use platform::log::Version;
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::movements::StockMovement;
use super::projections::{BY_SKU, LOW_BY_SKU, STOCK, StockDoc};
use super::service::Inventory;
use super::views::StockLevels;
use crate::http::{Answer, Refusal, Repeatable, Repeats, StaffCaller};
use crate::machinery::stored;
use crate::refusals::{Always, BadBody, Refused, Schemas};

static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Clone)]
struct Http {
    inventory: Arc<Inventory>,
    catalog: Arc<dyn Catalog>,
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
        .with_state(Http { inventory, catalog, repeats })
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
    let only_low = asked.low == Some(true);
    let fingerprint =
        Fingerprint::new("stock").with("sku", asked.sku.as_deref()).with("low", only_low.then_some("true"));
    let cursor = Cursor::decode_opt(asked.cursor.as_deref(), &fingerprint)?;
    let machinery = &http.inventory.machinery;
    machinery.settle_lists().await?;
    let query = Query::new(STOCK, if only_low { LOW_BY_SKU } else { BY_SKU }, beginning_with(asked.sku.as_deref()))
        .limit(asked.limit.get())
        .after(cursor.map(Cursor::after));
    let page = machinery.documents.query(query, machinery.clock.now()).await.map_err(stored)?;
    let items = shown(&page)?;
    Ok(Json(Listing::new(items, Cursor::next_of(&page), &fingerprint)))
}

fn shown(page: &Page) -> Answer<Vec<StockLevels>> {
    let mut items = Vec::with_capacity(page.documents.len());
    for document in &page.documents {
        let StockDoc { sku, stock, updated_at, .. } = document.read().map_err(stored)?;
        let sku = Sku::parse(&sku).map_err(|error| Error::internal(error.to_string()))?;
        items.push(StockLevels::of(&sku, &stock, Some(updated_at)));
    }
    Ok(items)
}

/// Texts that begin with this: the encoded text without the byte that ends it.
fn beginning_with(prefix: Option<&str>) -> Range {
    let mut from = tuple::Key::new().text(prefix.unwrap_or_default()).into_bytes();
    from.pop();
    let to = tuple::after_prefix(&from);
    Range { from, to }
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
    http.known(&sku).await?;
    Ok(Json(http.levels(&sku).await?))
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
    http.known(&sku).await?;
    http.inventory.set_policy(&sku, policy, &caller).await?;
    Ok(Json(http.levels(&sku).await?))
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
            http.known(sku).await?;
            let once = format!("http/{:032x}", u128::from_be_bytes(once));
            let adjusted = http.inventory.adjust_once(sku, &location, delta, reason, &once, caller).await?;
            let updated_at = http.inventory.counted(sku).await?.and_then(|counted| counted.updated_at);
            let levels = StockLevels::of(sku, &adjusted.stock, updated_at);
            let mut response = (StatusCode::CREATED, Json(levels)).into_response();
            if adjusted.is_repetition {
                response.headers_mut().insert(&REPLAYED, axum::http::HeaderValue::from_static("true"));
            }
            Ok::<Response, Refusal>(response)
        }
    };
    http.repeats.run(request, http.inventory.machinery.id_bytes(), work).await
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
    let fingerprint = Fingerprint::new("stock movements").with("sku", Some(sku.as_str()));
    let cursor = Cursor::decode_opt(asked.cursor.as_deref(), &fingerprint)?;
    let before: Option<Version> = cursor.and_then(|cursor| cursor.id.parse().ok());
    http.known(&sku).await?;
    let page = http.inventory.movements(&sku, before, asked.limit.get()).await?;
    let next = page.next.map(|before| Cursor { key: Vec::new(), id: before.to_string() });
    Ok(Json(Listing::new(page.movements, next, &fingerprint)))
}

impl Http {
    /// Whether stock or catalogue know this SKU; 404 when neither does.
    async fn known(&self, sku: &Sku) -> Result<(), Error> {
        if self.inventory.counted(sku).await?.is_some() {
            return Ok(());
        }
        let existing = self.catalog.existing(std::slice::from_ref(sku)).await?;
        if existing.is_empty() { Err(Error::not_found("SKU")) } else { Ok(()) }
    }

    async fn levels(&self, sku: &Sku) -> Result<StockLevels, Error> {
        let counted = self.inventory.counted(sku).await?.unwrap_or_default();
        Ok(StockLevels::of(sku, &counted.stock, counted.updated_at))
    }
}
