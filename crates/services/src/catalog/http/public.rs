//! What everybody may read: one product, and the categories. Lists of products are found by search.
//! It does not know drafts or archived products: to shoppers they do not exist.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contracts::catalog::{Catalog as _, CategoryView, ProductView};
use platform::http::edge::Again;
use platform::http::extract::{IfNoneMatch, Params, Segment};
use platform::http::lists::Listing;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Desk;
use crate::http::{Answer, cached};
use crate::reading::reading;
use crate::refusals::{Always, Refused};

const CATEGORIES_FRESH_FOR: Duration = Duration::from_secs(60);

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
    headers: HeaderMap,
) -> Answer<Response> {
    let reading = reading(params.currency.as_deref(), params.locale.as_deref())?;
    let (shop, settings) = (desk.catalog.shop.clone(), desk.catalog.shop.settings().await?);
    let answer = desk.catalog.answer(&id, &reading).await?;
    let finished = answer.finished.clone();
    let mut response = finished.respond(&headers);
    let again = Again::new(finished, &headers, &[], move || answer.is_current() && shop.is_current(&settings));
    response.extensions_mut().insert(again);
    Ok(response)
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
