//! The style and the script of staff's pages, under names that change when they do, so that they can be kept for ever.
//! It does not know which page uses what of them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::http::etag::ETag;

const STYLE: &str = concat!(include_str!("../../assets/tokens.css"), include_str!("../../assets/admin.css"));
const SCRIPT: &str = include_str!("../../assets/admin.js");
const FOR_EVER: &str = "public, max-age=31536000, immutable";

static STYLE_URL: LazyLock<String> = LazyLock::new(|| url("css", STYLE));
static SCRIPT_URL: LazyLock<String> = LazyLock::new(|| url("js", SCRIPT));

fn url(end: &str, text: &str) -> String {
    format!("/admin/assets/admin.{}.{end}", &ETag::of_bytes(text.as_bytes()).as_str()[..16])
}

pub fn style() -> &'static str {
    &STYLE_URL
}

pub fn script() -> &'static str {
    &SCRIPT_URL
}

pub async fn serve(Path(name): Path<String>) -> Response {
    let is = |url: &str| url.strip_prefix("/admin/assets/") == Some(name.as_str());
    let (kind, text) = match () {
        () if is(style()) => ("text/css; charset=utf-8", STYLE),
        () if is(script()) => ("text/javascript; charset=utf-8", SCRIPT),
        () => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER)], text).into_response()
}
