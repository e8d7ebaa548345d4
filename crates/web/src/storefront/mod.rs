//! The shop as shoppers see it: looking around, filling a cart, buying, and following an order.
//! It does not know how anything is decided: it asks the services, and says in plain words what they answered.

mod addresses;
mod cards;
mod cart;
mod checkout;
mod choice;
mod cookies;
mod crawlers;
mod events;
mod facets;
mod find_order;
mod form;
mod frame;
mod home;
mod kept;
mod listing;
mod order;
mod place;
mod placing;
mod preferences;
mod product;
mod refusal;
mod structured;
mod test_payment;
mod timeline;
mod visitor;
mod words;
mod written;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::{Options, Services, countries};
use cookies::Jar;

/// What every page is made from.
struct Storefront {
    services: Services,
    options: Options,
    jar: Jar,
    chromes: frame::Chromes,
    kept: kept::KeptPages,
    moments: kept::Moments,
    streams: events::Streams,
    tries: find_order::Tries,
    map: crawlers::Map,
}

type Front = Arc<Storefront>;

fn front(services: &Services, options: &Options) -> Front {
    Arc::new(Storefront {
        services: services.clone(),
        options: options.clone(),
        jar: Jar { is_https: options.is_https() },
        chromes: frame::Chromes::default(),
        kept: kept::KeptPages::default(),
        moments: kept::Moments::default(),
        streams: events::Streams::default(),
        tries: find_order::Tries::new(&options.limits),
        map: crawlers::Map::default(),
    })
}

/// The router with pages where it would answer people with problems.
pub fn for_people(router: Router, services: &Services, options: &Options) -> Router {
    let front = front(services, options);
    router.layer(middleware::from_fn_with_state(front, refusal::pages_for_people))
}

pub fn router(services: &Services, options: &Options) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/c/{slug}", get(listing::category))
        .route("/search", get(listing::search))
        .route("/p/{slug}", get(product::show))
        .route("/cart", get(cart::show))
        .route("/cart/lines", post(cart::add))
        .route("/cart/lines/{line}", post(cart::change))
        .route("/checkout", get(checkout::show).post(checkout::take))
        .route("/orders/{order}", get(order::show))
        .route("/orders/{order}/events", get(events::stream))
        .route("/find-order", get(find_order::show).post(find_order::take))
        .route("/test-payments/{reference}", get(test_payment::show).post(test_payment::take))
        .route("/pages/{slug}", get(written::show))
        .route("/preferences", post(preferences::take))
        .route("/robots.txt", get(crawlers::robots))
        .route("/sitemap.xml", get(crawlers::index))
        .route("/sitemaps/{name}", get(crawlers::map))
        .route("/favicon.ico", get(crate::assets::old_icon))
        .fallback(refusal::nothing_here)
        .with_state(front(services, options))
}
