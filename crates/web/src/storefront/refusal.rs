//! The pages for what is not there, for what was not understood, and for when the shop cannot answer.
//! It does not know why beyond the kind of the error; the log does.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contracts::shop::CurrentSettings;
use contracts::{Error, Kind};
use domain::settings::Settings;
use platform::http::problem::Problem;

use super::frame::{Frame, Grounds, Subject};
use super::place::Place;
use super::visitor::Visitor;
use super::words::fill;
use super::{Front, Storefront};
use crate::answer;

/// Programs are answered with problems, not with pages.
const FOR_PROGRAMS: &str = "/api";
/// When a page that could not be served is asked for again by itself.
const RETRY_AFTER_S: u32 = 5;

#[derive(Template)]
#[template(path = "storefront/refusal.html")]
struct RefusalPage {
    frame: Frame,
    title: &'static str,
    text: String,
    /// Where to try again; only where that makes sense.
    again: Option<String>,
    is_about_orders: bool,
}

pub(super) async fn nothing_here(State(front): State<Front>, method: Method, uri: Uri, visitor: Visitor) -> Response {
    if is_for_programs(uri.path()) {
        return Problem::not_found().into_response();
    }
    if let Some(led) = answer::without_last_slash(&method, &uri) {
        return led;
    }
    front.refuse(&Error::not_found("page"), &visitor).await
}

/// Shows people a page where the server answered with a problem before or instead of a page of ours: when it has too
/// much to do, say. A layer around everything.
pub(crate) async fn pages_for_people(State(front): State<Front>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wants_page = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    if !wants_page || is_for_programs(request.uri().path()) {
        return next.run(request).await;
    }
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let (parts, body) = request.into_parts();
    let visitor = Visitor::of(&parts);
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let mut page = front.show_refusal(problem.status(), &visitor, is_read, false).await;
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    for (name, value) in response.headers() {
        page.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    page.headers_mut().remove(header::CONTENT_LENGTH);
    page
}

fn is_for_programs(path: &str) -> bool {
    path.strip_prefix(FOR_PROGRAMS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Storefront {
    pub(super) async fn refuse(&self, error: &Error, visitor: &Visitor) -> Response {
        if error.kind == Kind::Internal {
            tracing::error!(reason = error.message, "a page could not be made");
        }
        self.show_refusal(status(error.kind), visitor, true, false).await
    }

    /// The order is not there, or this browser may not see it.
    pub(super) async fn refuse_order(&self, visitor: &Visitor) -> Response {
        self.show_refusal(StatusCode::NOT_FOUND, visitor, true, true).await
    }

    async fn show_refusal(
        &self,
        status: StatusCode,
        visitor: &Visitor,
        can_retry: bool,
        is_about_orders: bool,
    ) -> Response {
        // A shop that cannot even say its name still says sorry.
        let grounds = self.grounds(visitor).await.unwrap_or_else(|_| Grounds {
            current: Arc::new(CurrentSettings { settings: Settings::default(), version: 0 }),
            chrome: Arc::default(),
            place: Place::of(&Settings::default(), visitor),
            origin: String::new(),
        });
        let frame = self.frame_on(&grounds, Subject::private("/"));
        let words = frame.words;
        let is_busy = status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS;
        let (title, text) = match status {
            _ if is_busy => (words.busy, fill(words.busy_text, &[("n", &RETRY_AFTER_S.to_string())])),
            status if status.is_server_error() => (words.failed, words.failed_text.to_owned()),
            StatusCode::NOT_FOUND if is_about_orders => (words.not_found, words.order_not_found_text.to_owned()),
            StatusCode::NOT_FOUND => (words.not_found, words.not_found_text.to_owned()),
            _ => (words.not_understood, words.not_understood_text.to_owned()),
        };
        let again = (is_busy && can_retry).then(|| visitor.again());
        let lang = frame.lang.clone();
        let page = RefusalPage { frame, title, text, again, is_about_orders };
        let mut response = answer::refusal(status, &page, &lang);
        if is_busy {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            // A header rather than a tag, so that one reads the page without being told of it.
            if can_retry {
                headers.insert(header::REFRESH, HeaderValue::from(RETRY_AFTER_S));
            }
        }
        response
    }
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed | Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::NotFound | Kind::Unauthenticated | Kind::Declined | Kind::Forbidden | Kind::Conflict | Kind::Stale => {
            StatusCode::NOT_FOUND
        }
    }
}
