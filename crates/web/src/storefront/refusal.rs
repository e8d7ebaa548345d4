//! The page for what is not there, and for when the shop cannot answer.
//! It does not know why beyond the kind of the error; the log does.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use contracts::{Error, Kind};
use domain::settings::Settings;
use platform::http::extract::Params;
use platform::http::problem::Problem;

use super::Pages;
use super::frame::Frame;
use super::place::Asked;
use crate::answer;

/// Programs are answered with problems, not with pages.
const FOR_PROGRAMS: &str = "/api";

#[derive(Template)]
#[template(path = "storefront/refusal.html")]
struct RefusalPage {
    frame: Frame,
    title: &'static str,
    text: &'static str,
}

pub(super) async fn nothing_here(
    State(pages): State<Pages>,
    asked: Result<Params<Asked>, Problem>,
    uri: Uri,
) -> Response {
    let below = uri.path().strip_prefix(FOR_PROGRAMS);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Problem::not_found().into_response();
    }
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    pages.refuse(&Error::not_found("page"), &asked).await
}

impl Pages {
    pub(super) async fn refuse(&self, error: &Error, asked: &Asked) -> Response {
        let settings = self.shop.settings().await.map(|current| current.settings.clone());
        // A shop that cannot even say its name still says sorry.
        let settings = settings.unwrap_or_else(|_| Settings::default());
        let asked = Asked { category: None, q: None, cursor: None, ..asked.clone() };
        let frame = Frame::of(&settings, &asked, "/");
        let status = status(error.kind);
        let words = frame.words;
        let (title, text) = match status.is_server_error() {
            true => (words.not_available, words.not_available_text),
            false => (words.not_found, words.not_found_text),
        };
        let lang = frame.lang.clone();
        answer::refusal(status, &RefusalPage { frame, title, text }, &lang)
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
