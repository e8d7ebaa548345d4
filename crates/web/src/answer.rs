//! A rendered page as an answer: with its tag, how long it may be kept, and what it may load.
//! It does not know what is on the page.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use platform::http::etag::ETag;
use platform::http::extract::IfNoneMatch;
use platform::http::problem::Problem;

/// Nothing but our own pictures and our own style; nothing runs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=5, stale-while-revalidate=60");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// 200, or 304 to who has it.
pub fn page(known: &IfNoneMatch, page: &impl Template, lang: &str) -> Response {
    let Ok(body) = page.render() else { return Problem::internal().into_response() };
    let etag = ETag::of_bytes(body.as_bytes());
    known.answer(&etag, (headers(KEPT, lang), body))
}

/// A page that says no.
pub fn refusal(status: StatusCode, page: &impl Template, lang: &str) -> Response {
    let Ok(body) = page.render() else { return Problem::internal().into_response() };
    (status, headers(NOT_KEPT, lang), body).into_response()
}

fn headers(kept: HeaderValue, lang: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, kept);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if let Ok(lang) = HeaderValue::try_from(lang) {
        headers.insert(header::CONTENT_LANGUAGE, lang);
    }
    headers
}
