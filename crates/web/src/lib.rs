//! The pages, rendered here and readable without scripts.
//! It does not know how anything is stored or decided: it asks the services' contracts and shows what they answer.

mod admin;
mod answer;
mod assets;
mod countries;
mod storefront;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use contracts::carts::Shopping;
use contracts::catalog::Catalog;
use contracts::inventory::StockDesk;
use contracts::mail::Mail;
use contracts::orders::{Checkout, OrderDesk};
use contracts::pages::Pages;
use contracts::payments::{Payments, TestBank};
use contracts::presence::Presence;
use contracts::products::ProductDesk;
use contracts::search::Search;
use contracts::shop::Shop;
use contracts::staff::{Staff, StaffDesk};
use contracts::statistics::Statistics;
use contracts::transfer::Transfer;
use platform::http::rate::Sharing;

/// What the pages are made from.
#[derive(Clone)]
pub struct Services {
    pub shop: Arc<dyn Shop>,
    pub pages: Arc<dyn Pages>,
    pub catalog: Arc<dyn Catalog>,
    pub search: Arc<dyn Search>,
    pub products: Arc<dyn ProductDesk>,
    pub stock: Arc<dyn StockDesk>,
    pub shopping: Arc<dyn Shopping>,
    pub checkout: Arc<dyn Checkout>,
    pub orders: Arc<dyn OrderDesk>,
    pub mail: Arc<dyn Mail>,
    pub payments: Arc<dyn Payments>,
    /// Where test payments are allowed.
    pub test_bank: Option<Arc<dyn TestBank>>,
    pub staff: Arc<dyn Staff>,
    pub staff_desk: Arc<dyn StaffDesk>,
    pub presence: Arc<dyn Presence>,
    pub transfer: Arc<dyn Transfer>,
    pub statistics: Arc<dyn Statistics>,
}

/// What the operator decides about pages.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The address under which the shop is reached from outside, such as `https://shop.example`; empty where it is not known.
    pub public_url: String,
    /// With whom it is counted how often somebody tries.
    pub limits: Sharing,
}

impl Options {
    /// Whether cookies may travel over TLS only.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// Around everything that a shop serves, the conventions of HTTP included: people are shown a page where programs are answered
/// with a problem, such as when the shop has too much to do.
pub fn for_people(router: Router, services: &Services, options: &Options) -> Router {
    storefront::for_people(router, services, options)
}

/// Every page, `/assets/…`, and the page for what is not there. Below `/api` the latter answers with a problem.
pub fn router(services: &Services, options: &Options) -> Router {
    Router::new()
        .route("/assets/{name}", get(assets::serve))
        .merge(admin::router(services, options))
        .merge(storefront::router(services, options))
}
