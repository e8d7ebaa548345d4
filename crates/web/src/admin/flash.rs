//! What a page says once, after something was done on the page before.
//! It holds nothing personal: it travels in a cookie of a minute's life, and is shown as text, whatever it says.

use axum::http::HeaderMap;
use cookie::Cookie;
use cookie::time::Duration;

use super::session;

const COOKIE: &str = "admin_flash";
/// Long enough for the next page, short enough not to turn up on another day.
const KEPT: Duration = Duration::seconds(60);
/// In characters; what a cookie surely carries, four bytes and three percent signs each.
const TEXT_MAX: usize = 250;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    pub is_bad: bool,
    pub text: String,
}

impl Flash {
    pub fn good(text: impl Into<String>) -> Self {
        Self { is_bad: false, text: text.into() }
    }

    pub fn bad(text: impl Into<String>) -> Self {
        Self { is_bad: true, text: text.into() }
    }

    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = session::cookie_of(headers, COOKIE)?;
        let mut pairs = form_urlencoded::parse(value.as_bytes());
        let (kind, text) = pairs.next()?;
        let text: String = text.chars().take(TEXT_MAX).collect();
        Some(Self { is_bad: kind == "bad", text })
    }

    pub fn cookie(&self, secure: bool) -> Cookie<'static> {
        let kind = if self.is_bad { "bad" } else { "good" };
        let text: String = self.text.chars().take(TEXT_MAX).collect();
        let value = form_urlencoded::Serializer::new(String::new()).append_pair(kind, &text).finish();
        let mut cookie = session::cookie(COOKIE, value, secure);
        cookie.set_max_age(KEPT);
        cookie
    }

    pub fn shown(secure: bool) -> Cookie<'static> {
        session::gone(COOKIE, secure)
    }
}
