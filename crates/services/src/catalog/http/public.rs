//! What everybody may read: products, one product, categories.
//! It does not know drafts or archived products: to shoppers they do not exist.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use contracts::catalog::{Catalog as _, CategoryView, ListProducts, ProductCard, ProductView, Sort};
use contracts::{Error, Result};
use domain::text::{MAX_SLUG_CHARS, MAX_TITLE_CHARS};
use platform::http::etag::ETag;
use platform::http::extract::{IfNoneMatch, Params, Segment};
use platform::http::lists::{Limit, Listing};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::Desk;
use crate::catalog::reading::{reading, within};
use crate::http::Answer;
use crate::refusals::{Always, Refused};

/// Short, because availability is part of it; a shop under load may give an older one meanwhile.
const PRODUCTS_FRESH_FOR: Duration = Duration::from_secs(5);
const CATEGORIES_FRESH_FOR: Duration = Duration::from_secs(60);
const STALE_FOR: Duration = Duration::from_secs(60);

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Part of a title in any language, without regard to case.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Slug of a category; products under its descendants are listed, too.
    #[param(max_length = 100)]
    category: Option<String>,
    /// By price, products without one in the currency are left out. By title, the shop's own language counts.
    #[serde(default)]
    #[param(inline, required = false)]
    sort: Sort,
    /// ISO 4217; the shop's first unless told.
    #[param(example = "EUR")]
    currency: Option<String>,
    /// BCP 47; the shop's default unless told.
    #[param(example = "en")]
    locale: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
}

/// Lists what is for sale.
///
/// A page can be short, even empty, and still have a next one: go on until `next_cursor` is null.
#[utoipa::path(get, path = "/api/products", tag = "catalog", params(ListParams), responses(
    (status = 200, description = "A page of products.", body = Listing<ProductCard>),
    (status = 304, description = "Not changed since the answer whose `ETag` was sent as `If-None-Match`."),
    Refused<400>, Always,
))]
pub(super) async fn list_products(
    State(desk): State<Arc<Desk>>,
    Params(params): Params<ListParams>,
    known: IfNoneMatch,
) -> Answer<Response> {
    let ListParams { q, category, sort, currency, locale, cursor, limit } = params;
    let reading = reading(currency.as_deref(), locale.as_deref())?;
    let category = within("category", category, MAX_SLUG_CHARS)?;
    let q = within("q", q, MAX_TITLE_CHARS)?;
    let query = ListProducts { reading, category, q, sort, cursor, limit: limit.get() };
    let contracts::catalog::Listing { items, next_cursor } = desk.catalog.products(&query).await?;
    Ok(cached(&known, &Listing { items, next_cursor }, PRODUCTS_FRESH_FOR)?)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadParams {
    /// ISO 4217; the shop's first unless told.
    #[param(example = "EUR")]
    currency: Option<String>,
    /// BCP 47; the shop's default unless told.
    #[param(example = "en")]
    locale: Option<String>,
}

/// One product that is for sale.
#[utoipa::path(get, path = "/api/products/{id}", tag = "catalog",
    params(("id" = String, Path, description = "Its id or its slug."), ReadParams),
    responses(
        (status = 200, description = "The product.", body = ProductView),
        (status = 304, description = "Not changed since the answer whose `ETag` was sent as `If-None-Match`."),
        Refused<400>, Refused<404>, Always,
))]
pub(super) async fn get_product(
    State(desk): State<Arc<Desk>>,
    Segment(id): Segment<String>,
    Params(params): Params<ReadParams>,
    known: IfNoneMatch,
) -> Answer<Response> {
    let reading = reading(params.currency.as_deref(), params.locale.as_deref())?;
    let answer = desk.catalog.answer(&id, &reading).await?;
    Ok(json(&known, &answer.etag, answer.body.clone(), PRODUCTS_FRESH_FOR))
}

/// All categories, parents before children.
#[utoipa::path(get, path = "/api/categories", tag = "catalog", params(ReadParams), responses(
    (status = 200, description = "All categories.", body = Listing<CategoryView>),
    (status = 304, description = "Not changed since the answer whose `ETag` was sent as `If-None-Match`."),
    Refused<400>, Always,
))]
pub(super) async fn list_categories(
    State(desk): State<Arc<Desk>>,
    Params(params): Params<ReadParams>,
    known: IfNoneMatch,
) -> Answer<Response> {
    let reading = reading(params.currency.as_deref(), params.locale.as_deref())?;
    let categories = desk.catalog.categories(&reading).await?;
    Ok(cached(&known, &Listing::whole(categories), CATEGORIES_FRESH_FOR)?)
}

fn cached<T: Serialize>(known: &IfNoneMatch, body: &T, fresh_for: Duration) -> Result<Response> {
    let body = serde_json::to_vec(body).map_err(|error| Error::internal(error.to_string()))?;
    Ok(json(known, &ETag::of_bytes(&body), body.into(), fresh_for))
}

fn json(known: &IfNoneMatch, etag: &ETag, body: Bytes, fresh_for: Duration) -> Response {
    let control = format!("public, max-age={}, stale-while-revalidate={}", fresh_for.as_secs(), STALE_FOR.as_secs());
    let Ok(control) = HeaderValue::try_from(control) else { return Problem::internal().into_response() };
    let json = HeaderValue::from_static("application/json");
    known.answer(etag, ([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, control)], body))
}
