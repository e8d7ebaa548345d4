//! A rendered page as an answer: with its tag, how long it may be kept, and what it may load.
//! It does not know what is on the page.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use platform::http::etag::ETag;
use platform::http::extract::IfNoneMatch;
use platform::http::problem::Problem;

/// Nothing but our own pictures, style and script; nothing that stands in the page runs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);
/// Kept by whoever likes, and asked for again each time: the tag makes that cheap, and a changed price is seen at once.
const KEPT: HeaderValue = HeaderValue::from_static("no-cache");
/// Currency and language come from cookies, and at the first visit from the browser's own language.
const VARY: HeaderValue = HeaderValue::from_static("cookie, accept-language");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("private, no-store");

/// 200, or 304 to who has it. For pages that are the same for all who read in one language and currency.
pub fn page(known: &IfNoneMatch, page: &impl Template, lang: &str) -> Response {
    let Ok(body) = page.render() else { return unrendered() };
    let etag = ETag::of_bytes(body.as_bytes());
    known.answer(&etag, (shared_headers(lang), body))
}

/// The same as a whole answer, to be finished and kept.
pub fn whole(page: &impl Template, lang: &str) -> Response {
    let Ok(body) = page.render() else { return unrendered() };
    (shared_headers(lang), body).into_response()
}

/// A page for one visitor; nobody keeps it.
pub fn private(status: StatusCode, page: &impl Template, lang: &str) -> Response {
    let Ok(body) = page.render() else { return unrendered() };
    (status, headers(NOT_KEPT, lang), body).into_response()
}

/// A page that says no.
pub fn refusal(status: StatusCode, page: &impl Template, lang: &str) -> Response {
    private(status, page, lang)
}

/// After a form was taken: on to a page of ours, so that going back and reloading send nothing again. `to` is relative
/// to the shop's address.
pub fn see_other(to: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(to) else { return unrendered() };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, NOT_KEPT)]).into_response()
}

/// 308: the page has this address now, relative to the shop's. Asked for again each time, for addresses come back.
pub fn moved(to: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(to) else { return unrendered() };
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location), (header::CACHE_CONTROL, KEPT)]).into_response()
}

/// Leads who asks as one asks for a folder to the page: no page of ours ends so but the first.
pub fn without_last_slash(method: &Method, uri: &Uri) -> Option<Response> {
    let path = uri.path().strip_suffix('/').filter(|path| is_ours(path))?;
    let is_read = [Method::GET, Method::HEAD].contains(method);
    is_read.then(|| moved(&uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))))
}

/// Whether an address is a page of this shop, wherever the shop is.
pub fn is_ours(url: &str) -> bool {
    url.starts_with('/') && !url.starts_with("//") && !url.contains('\\') && !url.contains(char::is_control)
}

fn shared_headers(lang: &str) -> HeaderMap {
    let mut headers = headers(KEPT, lang);
    headers.insert(header::VARY, VARY);
    headers
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

fn unrendered() -> Response {
    tracing::error!("a page could not be rendered");
    Problem::internal().into_response()
}
