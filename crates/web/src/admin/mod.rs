//! The shop as staff see it: what stands around every page, and the pages.
//! It does not know shoppers' pages, nor how anything is decided; every button asks a contract.

mod answer;
mod csv;
mod flash;
mod form;
mod frame;
mod language;
mod lists;
mod seen;
mod session;
mod sheet;
mod sign_in;
mod times;
mod words;

mod dashboard;
mod drafts;
mod order;
mod orders;
mod presence;
mod print;
mod processes;

mod amounts;
mod cell;
mod languages;
mod places;
mod typed;
mod typed_form;

mod categories;
mod imports;
mod keys;
mod mails;
mod products;
mod settings;
mod staff;
mod stock;
mod written;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};

use crate::{Options, Services};

/// Where staff's pages begin; cookies do not leave it.
const ROOT: &str = "/admin";

/// What every page is made from.
#[derive(Clone)]
struct Admin {
    services: Services,
    /// Whether cookies may travel over TLS only.
    secure: bool,
    seen: seen::Seen,
}

pub fn router(services: &Services, options: &Options) -> Router {
    let admin = Admin { services: services.clone(), secure: options.is_https(), seen: seen::Seen::default() };
    let everyone = Router::new()
        .route("/admin/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/admin/language", post(language::choose));
    let staff = Router::new()
        .route("/admin/sign-out", post(sign_in::sign_out))
        .merge(dashboard::router())
        .merge(presence::router())
        .merge(orders::router())
        .merge(order::router())
        .merge(print::router())
        .merge(drafts::router())
        .merge(processes::router())
        .merge(products::router())
        .merge(categories::router())
        .merge(stock::router())
        .merge(staff::router())
        .merge(keys::router())
        .merge(written::router())
        .merge(settings::router())
        .merge(imports::router())
        .merge(mails::router())
        .route("/admin/{*rest}", any(answer::nothing_here))
        .layer(middleware::from_fn_with_state(admin.clone(), session::require));
    everyone.merge(staff).with_state(admin)
}

#[cfg(test)]
mod tests;
