//! stub
pub fn router(
    _c: std::sync::Arc<dyn contracts::catalog::Catalog>,
    _s: std::sync::Arc<dyn contracts::shop::Shop>,
) -> axum::Router {
    axum::Router::new()
}
