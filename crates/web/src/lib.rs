//! The pages, rendered here and readable without scripts.
//! It does not know how anything is stored or decided: it asks the services' contracts and shows what they answer.

mod storefront;

use std::sync::Arc;

use axum::Router;
use contracts::catalog::Catalog;
use contracts::shop::Shop;

/// `/`, `/p/{slug}`, `/assets/…`, and the page for what is not there. Below `/api` the latter answers with a problem.
pub fn router(catalog: Arc<dyn Catalog>, shop: Arc<dyn Shop>) -> Router {
    storefront::router(catalog, shop)
}
