//! What staff's pages answer with: a page that nobody keeps, a way to the next page, a refusal that has a page of its own.
//! It does not know what is on a page.

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::{Error, Kind};
use cookie::Cookie;
use platform::http::problem::Problem;

use super::Admin;
use super::flash::Flash;
use super::frame::Frame;
use super::session::Session;
use super::words::Words;
use crate::answer::without_last_slash;

/// Nothing but our own pictures, style and script; the script asks nobody else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What a handler answers with: `?` on a contract's error shows the page that says so.
pub type Answer = Result<Response, Refused>;

/// An error on its way to its page.
#[derive(Debug, Clone)]
pub struct Refused(pub Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// 200.
pub fn page(page: &impl Template) -> Response {
    page_with(StatusCode::OK, page)
}

/// The same form again with what is wrong, or the question before the deed.
pub fn page_with(status: StatusCode, page: &impl Template) -> Response {
    let Ok(body) = page.render() else { return Problem::internal().into_response() };
    (status, headers(), body).into_response()
}

/// 303: what was sent is done; going back or reloading does not send it again.
pub fn see_other(to: &str) -> Response {
    let location = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static(super::ROOT));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, NO_STORE)]).into_response()
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl Admin {
    /// 303 to a page that says once what was done.
    pub fn done(&self, to: &str, flash: &Flash) -> Response {
        let mut response = see_other(to);
        set_cookie(&mut response, &flash.cookie(self.secure));
        response
    }

    /// The page of an error.
    pub async fn refuse(&self, session: &Session, error: &Error) -> Response {
        let (title, text) = told(session.words, error);
        match self.frame(session, title).await {
            Ok(frame) => page_with(status(error), &RefusalPage { frame, text }),
            Err(_) => bare_refusal(session.words, error),
        }
    }
}

pub async fn nothing_here(request: Request) -> Answer {
    match without_last_slash(request.method(), request.uri()) {
        Some(led) => Ok(led),
        None => Err(Error::not_found("page").into()),
    }
}

/// Where not even the frame can be shown.
pub fn bare_refusal(words: &'static Words, error: &Error) -> Response {
    let (title, text) = told(words, error);
    page_with(status(error), &BareRefusalPage { words, title, text, style: crate::assets::ADMIN_STYLE.url() })
}

#[derive(Template)]
#[template(path = "admin/refusal.html")]
struct RefusalPage {
    frame: Frame,
    text: String,
}

#[derive(Template)]
#[template(path = "admin/bare_refusal.html")]
struct BareRefusalPage {
    words: &'static Words,
    title: &'static str,
    text: String,
    style: &'static str,
}

/// A title, and what to do about it.
fn told(words: &'static Words, error: &Error) -> (&'static str, String) {
    match error.kind {
        Kind::NotFound => (words.frame.nothing_here, words.frame.nothing_here_text.to_owned()),
        Kind::Internal => {
            tracing::error!(reason = error.message, "a page failed");
            (words.frame.our_fault, words.frame.our_fault_text.to_owned())
        }
        Kind::Unavailable => (words.frame.not_now, words.frame.not_now_text.to_owned()),
        _ => (words.frame.not_done, words.message(error)),
    }
}

pub fn status(error: &Error) -> StatusCode {
    match error.kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Declined => StatusCode::PAYMENT_REQUIRED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unavailable if error.code == "too_many_requests" => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Sees to it that no page is kept, and that what is said once is said once.
pub fn finish(response: &mut Response, had_flash: bool, secure: bool) {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    let sets_cookies = response.headers().contains_key(header::SET_COOKIE);
    if had_flash && response.status() == StatusCode::OK && !sets_cookies {
        set_cookie(response, &Flash::shown(secure));
    }
}

pub fn set_cookie(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, NO_STORE),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ])
}
