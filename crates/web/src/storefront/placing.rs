//! An order's page before there is an order: whoever comes from its cart sees that it is being placed.
//! It does not know why that takes long; what came to nothing leads back to the cart.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use contracts::{Kind, Result};
use domain::ids::OrderId;

use super::cart::Refused;
use super::frame::{Frame, Subject};
use super::visitor::Visitor;
use super::{Storefront, cookies};
use crate::answer;

/// The code of a refusal: whoever asks has the order's token, but the order is not there.
pub const NOT_PLACED: &str = "order_not_placed";
/// When the page looks again by itself.
const LOOKS_AGAIN_AFTER_S: u32 = 1;

#[derive(Template)]
#[template(path = "storefront/placing.html")]
struct PlacingPage {
    frame: Frame,
}

impl Storefront {
    /// For whoever has the token of an order that is not there: their cart tells whether it will be.
    pub(super) async fn await_order(&self, visitor: &Visitor, order: &OrderId) -> Result<Response> {
        let ordered = match cookies::cart(visitor) {
            Some((cart, token)) => match self.services.checkout.of_cart(&cart, &token).await {
                Err(error) if error.kind == Kind::NotFound => None,
                ordered => ordered?,
            },
            None => None,
        };
        match ordered {
            Some((named, _)) if named == *order => self.look_again(visitor, order).await,
            Some((other, token)) => Ok(self.to_order(&other, &token)),
            None => Ok(Refused::Undone.answer()),
        }
    }

    async fn look_again(&self, visitor: &Visitor, order: &OrderId) -> Result<Response> {
        match self.answer_order(visitor, order).await {
            Err(error) if error.code == NOT_PLACED => {}
            answered => return answered,
        }
        let frame = self.frame(visitor, Subject::private(&cookies::order_path(order))).await?;
        let lang = frame.lang.clone();
        let mut response = answer::private(StatusCode::ACCEPTED, &PlacingPage { frame }, &lang);
        response.headers_mut().insert(header::REFRESH, HeaderValue::from(LOOKS_AGAIN_AFTER_S));
        Ok(response)
    }
}
