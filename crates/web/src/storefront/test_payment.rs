//! `/test-payments/{reference}`: where the test provider sends a buyer, to play one who approves or declines.
//! It does not know whether there is such a payment; pressing a button tells.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contracts::{Error, Result};

use super::form::Fields;
use super::frame::{Frame, Subject};
use super::visitor::Visitor;
use super::{Front, Storefront, cookies};
use crate::answer;

/// The longest reference, in bytes; all that the test provider makes are shorter.
const REFERENCE_MAX: usize = 100;

#[derive(Template)]
#[template(path = "storefront/test_payment.html")]
struct TestPaymentPage {
    frame: Frame,
    reference: String,
}

pub(super) async fn show(State(front): State<Front>, reference: Option<Path<String>>, visitor: Visitor) -> Response {
    match front.test_payment_page(&visitor, reference.map(|Path(reference)| reference)).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

/// The buyer decided; on to the order.
pub(super) async fn take(
    State(front): State<Front>,
    reference: Option<Path<String>>,
    visitor: Visitor,
    fields: Fields,
) -> Response {
    let reference = reference.map(|Path(reference)| reference);
    match front.play_at_bank(reference, fields.text("decision") == "approve").await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    async fn test_payment_page(&self, visitor: &Visitor, reference: Option<String>) -> Result<Response> {
        let reference = checked(reference)?;
        if self.services.test_bank.is_none() {
            return Err(Error::not_found("page"));
        }
        let path = format!("/test-payments/{reference}");
        let frame = self.frame(visitor, Subject::private(&path)).await?;
        let lang = frame.lang.clone();
        Ok(answer::private(StatusCode::OK, &TestPaymentPage { frame, reference }, &lang))
    }

    async fn play_at_bank(&self, reference: Option<String>, approve: bool) -> Result<Response> {
        let reference = checked(reference)?;
        let bank = self.services.test_bank.as_ref().ok_or_else(|| Error::not_found("page"))?;
        let order = bank.play(&reference, approve).await?;
        Ok(answer::see_other(&cookies::order_path(&order)))
    }
}

fn checked(reference: Option<String>) -> Result<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let reference = reference.filter(|reference| reference.len() <= REFERENCE_MAX && reference.bytes().all(is_plain));
    reference.ok_or_else(|| Error::not_found("page"))
}
