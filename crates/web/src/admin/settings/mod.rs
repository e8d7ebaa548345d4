//! The shop's settings, a page for each of their sections, and what an empty shop still needs.
//! It does not decide what settings may be; what the domain refuses stands beside its field.

mod countries;
mod general;
mod methods;
mod payments;
mod section;
mod setup;
mod shipping;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::get;

use super::Admin;

pub fn router() -> Router<Admin> {
    Router::new()
        .route(section::GENERAL, get(general::show).post(general::save))
        .route(section::COUNTRIES, get(countries::show).post(countries::save))
        .route(section::SHIPPING, get(shipping::show).post(shipping::save))
        .route(section::PAYMENTS, get(payments::show).post(payments::save))
}
