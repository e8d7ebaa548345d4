//! Who asks, under which trace: W3C `traceparent` and `X-Request-Id`, in and out, and a span around each request.
//! It does not know what is asked for beyond the route's template: no query, no body, nothing personal.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use tracing::Span;

use super::problem::Problem;
use crate::entropy::{Entropy, draw};

pub static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const REQUEST_ID_CHARS_MAX: usize = 128;

/// One request's names. Handlers extract it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// 32 hex digits: the caller's trace, or a new one.
    pub trace_id: Arc<str>,
    /// 16 hex digits: this request's own span.
    pub span_id: Arc<str>,
    /// Whether the caller records its trace.
    pub sampled: bool,
    /// The caller's own, or a new one.
    pub request_id: Arc<str>,
    /// Where the request comes from; behind a trusted proxy, what it says.
    pub client: Option<IpAddr>,
}

impl RequestContext {
    /// Reads the request's head; what is missing or malformed is made anew.
    pub fn of(parts: &Parts, trusted_proxies: &[IpAddr], entropy: &dyn Entropy) -> RequestContext {
        let parent = parts.headers.get(&TRACEPARENT).and_then(|value| parse_traceparent(value.to_str().ok()?));
        // Drawn at once: each draw may be a call of the operating system.
        let random = draw::<40>(entropy);
        let (trace_id, sampled) = parent.unwrap_or_else(|| (hex(&random[..16]), true));
        RequestContext {
            trace_id,
            span_id: hex(&random[16..24]),
            sampled,
            request_id: request_id(&parts.headers).unwrap_or_else(|| hex(&random[24..])),
            client: client(parts, trusted_proxies),
        }
    }

    /// For calls that this request makes, and for its answer.
    pub fn traceparent(&self) -> String {
        let flags = if self.sampled { "-01" } else { "-00" };
        ["00-", &self.trace_id, "-", &self.span_id, flags].concat()
    }

    /// Says them in the answer.
    pub(super) fn write_to(&self, headers: &mut HeaderMap) {
        let values = [
            (&TRACEPARENT, HeaderValue::try_from(self.traceparent())),
            (&REQUEST_ID, HeaderValue::from_str(&self.request_id)),
        ];
        for (name, value) in values {
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        }
    }

    pub(super) fn span(&self, method: &Method, route: Option<&MatchedPath>) -> Span {
        tracing::info_span!(
            "request",
            %method,
            route = route.map_or("(none)", MatchedPath::as_str),
            trace_id = &*self.trace_id,
            request_id = &*self.request_id,
            status = tracing::field::Empty,
            latency_us = tracing::field::Empty,
        )
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<RequestContext>().cloned().ok_or_else(|| {
            tracing::error!("a route is served without the http conventions");
            Problem::internal()
        })
    }
}

/// The trace id and the sampled flag of `00-<trace>-<parent>-<flags>` (W3C Trace Context, level 1).
fn parse_traceparent(text: &str) -> Option<(Arc<str>, bool)> {
    let is_hex =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known_end = version != "00" || parts.next().is_none();
    let well_formed = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    if !well_formed || !known_end || version == "ff" || is_zero(trace) || is_zero(parent) {
        return None;
    }
    Some((trace.into(), u8::from_str_radix(flags, 16).ok()? & 1 == 1))
}

/// The caller's id when it can stand in a log: short, and of harmless characters.
fn request_id(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    ((1..=REQUEST_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(harmless)).then(|| id.into())
}

/// The peer; when that is a trusted proxy, the last address in `X-Forwarded-For` that is none.
fn client(parts: &Parts, trusted_proxies: &[IpAddr]) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    if !trusted_proxies.contains(&peer) {
        return Some(peer);
    }
    let lines = parts.headers.get_all(&FORWARDED_FOR).iter().rev();
    let addresses = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    let mut nearest = peer;
    for address in addresses {
        // What stands before something unreadable was written by who knows whom.
        let Some(address) = forwarded(address.trim()) else { break };
        nearest = address.to_canonical();
        if !trusted_proxies.contains(&nearest) {
            break;
        }
    }
    Some(nearest)
}

/// An address as proxies write it: some append the port, and then those of IPv6 stand in brackets.
fn forwarded(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok();
    text.parse().ok().or_else(|| Some(with_port()?.ip())).or_else(|| in_brackets().map(IpAddr::V6))
}

fn hex(bytes: &[u8]) -> Arc<str> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = vec![0; bytes.len() * 2];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    // Digits are text, so this does not fail.
    String::from_utf8(text).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::entropy::SeededEntropy;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn context(headers: &[(&str, &str)], peer: &str, trusted: &[&str]) -> RequestContext {
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let trusted: Vec<IpAddr> = trusted.iter().map(|address| address.parse().unwrap()).collect();
        RequestContext::of(&parts, &trusted, &SeededEntropy::new(1))
    }

    #[test]
    fn a_trace_goes_on_under_its_id() {
        let context = context(&[("traceparent", PARENT)], "::1", &[]);
        assert_eq!(&*context.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(context.traceparent().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(context.traceparent().ends_with("-01") && !context.traceparent().contains("00f067aa0ba902b7"));
        assert!(parse_traceparent(&context.traceparent()).is_some());
    }

    #[test]
    fn a_malformed_parent_begins_a_new_trace() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
        assert!(parse_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-x").is_some());
    }

    #[test]
    fn a_sane_request_id_is_kept() {
        assert_eq!(&*context(&[("x-request-id", "abc-1")], "::1", &[]).request_id, "abc-1");
        for bad in ["a b", "", "<script>", "x".repeat(129).as_str()] {
            let made = context(&[("x-request-id", bad)], "::1", &[]).request_id;
            assert_eq!(made.len(), 32, "{bad}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let said = [("x-forwarded-for", "6.6.6.6, 9.9.9.9, 10.0.0.2")];
        let client = |peer, trusted: &[&str]| context(&said, peer, trusted).client.unwrap().to_string();
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.1"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &["10.0.0.1", "10.0.0.2"]), "9.9.9.9");
        assert_eq!(client("::ffff:10.0.0.1", &["10.0.0.1", "10.0.0.2"]), "9.9.9.9");
        assert_eq!(context(&[("x-forwarded-for", "1.1.1.1, x")], "::1", &["::1"]).client.unwrap().to_string(), "::1");
    }

    #[test]
    fn a_proxy_may_say_the_port_too() {
        for (said, client) in [
            ("198.51.100.77:4431", "198.51.100.77"),
            ("[2001:db8::1]:4431", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("6.6.6.6, [::ffff:9.9.9.9]:80", "9.9.9.9"),
            ("9.9.9.9:1 ,10.0.0.2:443", "9.9.9.9"),
            // What is no address ends the list; nearer than that is only the proxy.
            ("9.9.9.9:port", "10.0.0.1"),
            ("9.9.9.9:99999", "10.0.0.1"),
            ("[9.9.9.9]", "10.0.0.1"),
            ("[2001:db8::1", "10.0.0.1"),
        ] {
            let context = context(&[("x-forwarded-for", said)], "10.0.0.1", &["10.0.0.1", "10.0.0.2"]);
            assert_eq!(context.client.unwrap().to_string(), client, "{said}");
        }
    }
}
