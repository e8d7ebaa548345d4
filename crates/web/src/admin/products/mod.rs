//! Products as staff write them: the list, the form, the pictures.
//! It does not know which SKUs are taken, nor how shoppers see a product.

mod edit;
mod form;
mod list;
mod matrix;
mod preview;

mod put_away;
mod reading;
mod rows;
mod sent;
mod view;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use super::Admin;

pub fn router() -> Router<Admin> {
    let forms = Router::new()
        .route("/admin/products/new", get(edit::new).post(edit::create))
        .route("/admin/products/{id}", get(edit::show).post(edit::change))
        .layer(DefaultBodyLimit::max(sent::BODY_BYTES_MAX));
    Router::new()
        .route("/admin/products", get(list::show))
        .route("/admin/products/{id}/copy", get(edit::copy))
        .route("/admin/products/{id}/preview", get(preview::show))
        .route("/admin/products/{id}/archive", get(put_away::ask_archive).post(put_away::archive))
        .route("/admin/products/{id}/restore", get(put_away::ask_restore).post(put_away::restore))
        .merge(forms)
}
