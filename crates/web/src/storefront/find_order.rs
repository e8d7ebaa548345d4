//! `/find-order`: leads to an order by its number and its buyer's e-mail address.
//! It does not tell which of the two was wrong, and not to somebody who tries too often.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use contracts::{Error, Kind, Result};
use domain::ids::OrderNumber;
use domain::text::Email;
use platform::http::rate::{Client, Policy, RateLimiter, Sharing};

use super::form::Fields;
use super::frame::{Frame, Subject};
use super::visitor::Visitor;
use super::words::fill;
use super::{Front, Storefront};
use crate::answer;

const PATH: &str = "/find-order";
/// Of one address, and of one order number, in a quarter of an hour.
const TRIES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Who tried how often.
pub struct Tries {
    by_address: RateLimiter,
    by_number: RateLimiter,
}

impl Tries {
    /// Counted together with whoever shares the limits.
    pub fn new(sharing: &Sharing) -> Self {
        let limiter = |name| RateLimiter::new(Policy { name, quota: TRIES, window: WINDOW }).sharing(sharing.clone());
        Self { by_address: limiter("find-order"), by_number: limiter("find-order-number") }
    }
}

#[derive(Template)]
#[template(path = "storefront/find_order.html")]
struct FindOrderPage {
    frame: Frame,
    number: String,
    email: String,
    error: Option<String>,
}

pub(super) async fn show(State(front): State<Front>, visitor: Visitor) -> Response {
    front.find_order_page(&visitor, &Fields::default(), None, StatusCode::OK).await
}

pub(super) async fn take(State(front): State<Front>, visitor: Visitor, fields: Fields) -> Response {
    if let Some(wait) = front.tries.too_many(&visitor, fields.text("number")).await {
        return front.too_many_tries(&visitor, &fields, wait).await;
    }
    match front.find_order(&fields).await {
        Ok(response) => response,
        Err(error) if error.kind == Kind::NotFound => {
            let words = |frame: &Frame| frame.words.no_such_order.to_owned();
            front.find_order_page(&visitor, &fields, Some(&words), StatusCode::NOT_FOUND).await
        }
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Tries {
    /// How long to wait, when this was one too many.
    async fn too_many(&self, visitor: &Visitor, number: &str) -> Option<Duration> {
        if let Some(client) = visitor.client
            && let Some(wait) = self.by_address.spend(&[Client::Address(client)]).await.retry_in
        {
            return Some(wait);
        }
        let number = OrderNumber::parse(&plain(number)).map_or_else(|_| number.to_owned(), |number| number.to_string());
        self.by_number.spend(&[Client::Key(&number)]).await.retry_in
    }
}

impl Storefront {
    async fn find_order(&self, fields: &Fields) -> Result<Response> {
        let number = OrderNumber::parse(&plain(fields.text("number"))).map_err(|_| Error::not_found("order"))?;
        let email = Email::parse(fields.text("email")).map_err(|_| Error::not_found("order"))?;
        let (order, token) = self.services.checkout.find(&number, &email).await?;
        let mut response = answer::see_other(&super::cookies::order_path(&order));
        self.jar.keep_order(&mut response, &order, &token);
        Ok(response)
    }

    async fn too_many_tries(&self, visitor: &Visitor, fields: &Fields, wait: Duration) -> Response {
        let minutes = wait.as_secs().div_ceil(60).max(1).to_string();
        let words = |frame: &Frame| fill(frame.words.too_many_tries, &[("n", &minutes)]);
        let mut response = self.find_order_page(visitor, fields, Some(&words), StatusCode::TOO_MANY_REQUESTS).await;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        response
    }

    async fn find_order_page(
        &self,
        visitor: &Visitor,
        fields: &Fields,
        error: Option<&(dyn Fn(&Frame) -> String + Sync)>,
        status: StatusCode,
    ) -> Response {
        match self.frame(visitor, Subject::private(PATH)).await {
            Ok(frame) => {
                let lang = frame.lang.clone();
                let (number, email) = (fields.text("number").to_owned(), fields.text("email").to_owned());
                let error = error.map(|error| error(&frame));
                answer::private(status, &FindOrderPage { frame, number, email, error }, &lang)
            }
            Err(error) => self.refuse(&error, visitor).await,
        }
    }
}

/// A number as people copy it: with spaces or a sign before it.
fn plain(number: &str) -> String {
    number.chars().filter(|char| char.is_alphanumeric()).collect()
}
