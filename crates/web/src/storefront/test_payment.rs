//! `/test-payments/{reference}`: where the test provider sends a buyer, to play one who approves or declines.
//! It does not know whether there is such a payment; the answer to the button says so.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use contracts::Error;
use platform::http::extract::{IfNoneMatch, Params};
use platform::http::problem::Problem;

use super::Pages;
use super::frame::Frame;
use super::place::Asked;
use crate::answer;

/// The longest reference, in bytes; all that the test provider makes are shorter.
const REFERENCE_MAX: usize = 100;

#[derive(Template)]
#[template(path = "storefront/test_payment.html")]
struct TestPaymentPage {
    frame: Frame,
    reference: String,
}

pub(super) async fn show(
    State(pages): State<Pages>,
    reference: Option<Path<String>>,
    asked: Result<Params<Asked>, Problem>,
    known: IfNoneMatch,
) -> Response {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let asked = Asked { category: None, cursor: None, q: None, ..asked };
    let reference = reference.map(|Path(reference)| reference).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if reference.len() > REFERENCE_MAX || !reference.bytes().all(is_plain) {
        return pages.refuse(&Error::not_found("page"), &asked).await;
    }
    match pages.frame(&asked, &format!("/test-payments/{reference}")).await {
        Ok(frame) if frame.has_test_payments => {
            let page = TestPaymentPage { frame, reference };
            answer::page(&known, &page, &page.frame.lang)
        }
        Ok(_) => pages.refuse(&Error::not_found("page"), &asked).await,
        Err(error) => pages.refuse(&error, &asked).await,
    }
}
