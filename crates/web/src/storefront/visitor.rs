//! What a request tells of who is visiting: what they ask for, what their browser remembers, which languages they read.
//! It does not know the shop: whether it has such a language or currency is for others to say.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use contracts::caller::Caller;
use cookie::Cookie;
use domain::locale::Locale;
use platform::http::problem::Problem;
use platform::http::trace::RequestContext;

/// Parameters that are read of one address.
const PAIRS_MAX: usize = 200;
/// Languages that are read of one `Accept-Language`.
const LANGUAGES_MAX: usize = 20;
/// A longer host is none.
const HOST_CHARS_MAX: usize = 255;

/// Whoever asks.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub headers: HeaderMap,
    /// `None` where the connection's other end is not known.
    pub client: Option<IpAddr>,
    uri: Uri,
    pairs: Vec<(String, String)>,
    trace: Option<Arc<str>>,
    span: Option<Arc<str>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RequestContext { client, trace_id, span_id, .. } = RequestContext::from_request_parts(parts, state).await?;
        Ok(Self { client, trace: Some(trace_id), span: Some(span_id), ..Self::of(parts) })
    }
}

impl Visitor {
    /// Without the names that the request was given.
    pub fn of(parts: &Parts) -> Self {
        Self {
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            client: None,
            pairs: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
            trace: None,
            span: None,
        }
    }

    /// The address that was asked for, relative to the shop's.
    pub fn again(&self) -> String {
        self.uri.path_and_query().map_or("/", |asked| asked.as_str()).to_owned()
    }

    /// What stands in the address under this name; empty is as good as missing.
    pub fn asked<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut named = self.pairs.iter().filter(|(known, value)| known == name && !value.is_empty());
        named.next().map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.pairs.iter().filter(move |(known, value)| known == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// Every pair of the address whose name begins so, with the rest of the name.
    pub fn all_under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
        cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    /// The languages that the browser asks for, the best first.
    pub fn languages(&self) -> Vec<Locale> {
        let line = self.headers.get(header::ACCEPT_LANGUAGE).and_then(|line| line.to_str().ok()).unwrap_or_default();
        let mut weighed: Vec<(u16, Locale)> = line.split(',').take(LANGUAGES_MAX).filter_map(weighed).collect();
        weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        weighed.into_iter().map(|(_, locale)| locale).collect()
    }

    /// As the browser names the shop; `None` where that is no host.
    pub fn host(&self) -> Option<&str> {
        let host = self.headers.get(header::HOST)?.to_str().ok()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        (host.len() <= HOST_CHARS_MAX && !host.is_empty() && host.bytes().all(is_plain)).then_some(host)
    }

    /// A name that no other request has: what a form that is shown now will be known by.
    pub fn fresh_name(&self) -> String {
        self.span.as_deref().unwrap_or_default().to_owned()
    }

    pub fn caller(&self) -> Caller {
        Caller { trace: self.trace.clone(), ..Caller::default() }
    }
}

/// A form or a query, without what holds a NUL.
pub fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(encoded).take(PAIRS_MAX);
    let pairs = pairs.filter(|(name, value)| !name.contains('\0') && !value.contains('\0'));
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// `ko-KR;q=0.9`; the weight in thousandths. What is not wanted, or is no language, is none.
fn weighed(offer: &str) -> Option<(u16, Locale)> {
    let (tag, weight) = offer.split_once(';').unwrap_or((offer, ""));
    let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok())?;
    let locale = Locale::parse(tag.trim()).ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1,000")]
    let thousandths = (weight.clamp(0.0, 1.0) * 1_000.0) as u16;
    (thousandths > 0).then_some((thousandths, locale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_weighed() {
        let read = |line: &str| -> Vec<String> {
            let mut all: Vec<_> = line.split(',').filter_map(weighed).collect();
            all.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
            all.into_iter().map(|(_, locale)| locale.to_string()).collect()
        };
        assert_eq!(read("en;q=0.5, ko-KR, ko;q=0.9"), ["ko-KR", "ko", "en"]);
        assert!(read("*, x, en;q=0, de;q=x").is_empty());
    }
}
