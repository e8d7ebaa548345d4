//! The shop as shoppers see it.
//! It does not know carts yet: these pages only show what there is.

mod catalogue;
mod frame;
mod place;
mod product;
mod refusal;
mod test_payment;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use contracts::catalog::Catalog;
use contracts::shop::Shop;

use crate::{Options, Services};

/// What every page is made from.
#[derive(Clone)]
struct Pages {
    catalog: Arc<dyn Catalog>,
    shop: Arc<dyn Shop>,
}

pub fn router(services: &Services, _options: &Options) -> Router {
    let Services { catalog, shop, .. } = services.clone();
    Router::new()
        .route("/", get(catalogue::show))
        .route("/p/{slug}", get(product::show))
        .route("/test-payments/{reference}", get(test_payment::show))
        .fallback(refusal::nothing_here)
        .with_state(Pages { catalog, shop })
}
