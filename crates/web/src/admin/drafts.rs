//! `/admin/drafts`.
//! It does not know orders.

use axum::Router;

use super::Admin;

pub fn router() -> Router<Admin> {
    Router::new()
}
