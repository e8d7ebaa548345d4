//! What a visitor's browser is asked to remember, and for how long.
//! It does not know what is done with it.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use domain::ids::{CartId, OrderId};

use super::visitor::Visitor;

/// The cart and its token.
const CART: &str = "cart";
/// How many things are in it: for the page's script, because pages that all visitors share cannot say it.
const COUNT: &str = "cart_count";
/// An order's token, sent to that order's own pages only.
const ORDER: &str = "order";
pub const LOCALE: &str = "locale";
pub const CURRENCY: &str = "currency";

/// As long as a cart is kept after its last change.
const CART_DAYS: i64 = 30;
const ORDER_DAYS: i64 = 90;
const PREFERENCE_DAYS: i64 = 365;

/// Writes cookies as the shop's address allows.
#[derive(Debug, Clone, Copy)]
pub struct Jar {
    /// Whether they may travel over TLS only.
    pub is_https: bool,
}

impl Jar {
    pub fn keep_cart(self, response: &mut Response, cart: &CartId, token: &str, items: u64) {
        self.write(response, CART, format!("{cart}.{token}"), "/", CART_DAYS, true);
        self.count(response, items);
    }

    pub fn count(self, response: &mut Response, items: u64) {
        self.write(response, COUNT, items.to_string(), "/", CART_DAYS, false);
    }

    pub fn keep_order(self, response: &mut Response, order: &OrderId, token: &str) {
        self.write(response, ORDER, token.to_owned(), &order_path(order), ORDER_DAYS, true);
    }

    /// A language or a currency.
    pub fn prefer(self, response: &mut Response, name: &'static str, value: &str) {
        self.write(response, name, value.to_owned(), "/", PREFERENCE_DAYS, true);
    }

    fn write(self, response: &mut Response, name: &'static str, value: String, path: &str, days: i64, hidden: bool) {
        let cookie = Cookie::build((name, value))
            .path(path.to_owned())
            .max_age(Duration::days(days))
            .same_site(SameSite::Lax)
            .http_only(hidden)
            .secure(self.is_https);
        if let Ok(line) = HeaderValue::try_from(cookie.build().to_string()) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
    }
}

pub fn order_path(order: &OrderId) -> String {
    format!("/orders/{order}")
}

/// The visitor's cart and its token.
pub fn cart(visitor: &Visitor) -> Option<(CartId, String)> {
    let value = visitor.cookie(CART)?;
    let (cart, token) = value.split_once('.')?;
    Some((CartId::parse(cart).ok()?, token.to_owned()))
}

/// The token of the order whose page is asked for.
pub fn order_token(visitor: &Visitor) -> Option<String> {
    visitor.cookie(ORDER)
}
