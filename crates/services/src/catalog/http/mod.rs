//! The catalogue over HTTP: what shoppers read, what staff change, and the pictures.
//! It does not know rules: forms become the domain's inputs, and what the service refuses becomes a problem.

mod forms;
mod object;
mod patch;
mod pictures;
mod public;
mod resources;
mod staff;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::Catalog;
use super::media::MEDIA_BYTES_MAX;
use crate::http::Repeats;
use crate::refusals::Schemas;

/// A product with 2,000 variants, or 1,000 categories, with room for their texts.
const FORM_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a form puts around a picture.
const MULTIPART_BYTES_MAX: usize = 64 * 1024;

/// What the routes work with.
struct Desk {
    catalog: Arc<Catalog>,
    repeats: Repeats,
}

/// `/api/products/{id}`, `/api/categories`, `/api/admin/{products,categories,media}` and, outside the API, `/media/{name}`.
pub fn router(catalog: Arc<Catalog>, repeats: Repeats) -> OpenApiRouter {
    let forms = || DefaultBodyLimit::max(FORM_BYTES_MAX);
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(public::get_product))
        .routes(routes!(public::list_categories))
        .routes(routes!(staff::list_products, staff::create_product).layer(forms()))
        .routes(routes!(staff::get_product, staff::replace_product, staff::patch_product).layer(forms()))
        .routes(routes!(staff::archive_product))
        .routes(routes!(staff::restore_product))
        .routes(routes!(staff::get_categories, staff::replace_categories).layer(forms()))
        .routes(routes!(pictures::upload).layer(DefaultBodyLimit::max(MEDIA_BYTES_MAX + MULTIPART_BYTES_MAX)))
        .route("/media/{name}", get(pictures::serve))
        .with_state(Arc::new(Desk { catalog, repeats }))
}
