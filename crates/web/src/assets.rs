//! The one stylesheet, under a name that changes when it does, so that it can be kept for ever.
//! It does not know which page uses what of it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::http::etag::ETag;

const STYLE: &str = concat!(include_str!("../assets/tokens.css"), include_str!("../assets/storefront.css"));
const FOR_EVER: &str = "public, max-age=31536000, immutable";

static NAME: LazyLock<String> =
    LazyLock::new(|| format!("style.{}.css", &ETag::of_bytes(STYLE.as_bytes()).as_str()[..16]));
static URL: LazyLock<String> = LazyLock::new(|| format!("/assets/{}", *NAME));

pub fn url() -> &'static str {
    &URL
}

pub async fn serve(Path(name): Path<String>) -> Response {
    if name != *NAME {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, FOR_EVER)], STYLE).into_response()
}
