//! Who may ask from where: CORS by an allow-list, cross-site requests refused, and the headers that make browsers careful.
//! It does not know users or sessions, and needs no token in a page: browsers say where a request comes from.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent, \
     X-Request-Id",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, Traceparent, X-Request-Id",
);
const PREFLIGHT_MAX_AGE_S: u32 = 600;

/// Nothing is to be loaded by, and nobody is to frame, an answer that is no page.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const PAGE_POLICY: HeaderValue = HeaderValue::from_static("frame-ancestors 'self'");

/// What is no origin: `scheme://host[:port]`, without a path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no origin: write it as https://host or http://host:port")]
pub struct BadOrigin(String);

/// Where requests may come from.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<String>,
    own: Vec<String>,
}

impl Guard {
    /// `allowed`: other sites whose scripts may call. `own`: this server's public addresses, needed only where a proxy
    /// in front changes `Host`.
    pub fn new(allowed: &[String], own: &[String]) -> Result<Guard, BadOrigin> {
        let parse = |origins: &[String]| origins.iter().map(|origin| parse_origin(origin)).collect::<Result<_, _>>();
        Ok(Guard { allowed: parse(allowed)?, own: parse(own)? })
    }

    fn allows(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }

    /// Refuses what changes something on behalf of another site.
    ///
    /// A browser cannot be made to lie in `Sec-Fetch-Site` and `Origin`; what is no browser sends neither and passes.
    ///
    /// # Errors
    /// 403 `cross_site_request`
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Problem> {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
        if safe || self.is_own_or_allowed(parts) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "cross_site_request", "Another site may not ask for this"))
    }

    fn is_own_or_allowed(&self, parts: &Parts) -> bool {
        let site = text(&parts.headers, &SEC_FETCH_SITE);
        let origin = text(&parts.headers, &header::ORIGIN);
        match (site, origin) {
            (Some("same-origin" | "none"), _) | (None, None) => true,
            (Some(_), None) => false,
            (_, Some(origin)) => self.allows(origin) || self.is_own(origin, parts),
        }
    }

    fn is_own(&self, origin: &str, parts: &Parts) -> bool {
        if self.own.iter().any(|own| own.eq_ignore_ascii_case(origin)) {
            return true;
        }
        // Behind TLS that ends at a proxy the scheme is not known here, so hosts are compared.
        let host = text(&parts.headers, &header::HOST).or(parts.uri.authority().map(|authority| authority.as_str()));
        let Some((scheme, origin_host)) = origin.split_once("://") else { return false };
        let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        let bare = |host: &str| host.strip_suffix(default_port).unwrap_or(host).to_ascii_lowercase();
        host.is_some_and(|host| bare(host) == bare(origin_host))
    }

    /// The answer to a browser that asks before it calls from another site.
    pub(super) fn preflight(&self, parts: &Parts) -> Option<Response> {
        let asks = parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if parts.method != Method::OPTIONS || !asks {
            return None;
        }
        let origin = text(&parts.headers, &header::ORIGIN)?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        // Without these the browser goes no further.
        if self.allows(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_MAX_AGE_S));
        }
        Some(response)
    }

    /// Lets the scripts of an allowed site read the answer. Cookies are never for them.
    pub(super) fn write_cors(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.allowed.is_empty() {
            return;
        }
        add_vary(headers, "Origin");
        let Some(origin) = origin.filter(|origin| origin.to_str().is_ok_and(|origin| self.allows(origin))) else {
            return;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
}

/// Makes browsers careful with an answer; what the handler has set stays. `304 Not Modified` says nothing: its headers
/// would replace those of the page that the browser has kept.
pub(super) fn secure(response: &mut Response<Body>) {
    if response.status() == StatusCode::NOT_MODIFIED {
        return;
    }
    secure_headers(response.headers_mut());
}

/// The same for the headers of a full answer.
pub(crate) fn secure_headers(headers: &mut HeaderMap) {
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let (policy, framing) = if is_page { (PAGE_POLICY, "SAMEORIGIN") } else { (DATA_POLICY, "DENY") };
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static(framing)),
    ] {
        headers.entry(name).or_insert(value);
    }
}

/// Adds to `Vary` what is not in it yet.
pub(crate) fn add_vary(headers: &mut HeaderMap, name: &'static str) {
    let known = headers.get_all(header::VARY).iter().filter_map(|value| value.to_str().ok());
    let mut names = known.flat_map(|value| value.split(',')).map(str::trim);
    if !names.any(|have| have == "*" || have.eq_ignore_ascii_case(name)) {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn parse_origin(text: &str) -> Result<String, BadOrigin> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fine = |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', ' ', ',']) && host.is_ascii();
    match host {
        Some(host) if fine(host) => Ok(text.to_ascii_lowercase()),
        _ => Err(BadOrigin(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn guard() -> Guard {
        Guard::new(&["https://friend.example".to_owned()], &["https://shown.example".to_owned()]).unwrap()
    }

    fn parts(method: Method, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/x").header(header::HOST, "here.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_our_own_pages_and_friends_may_change_things() {
        let same_site = ("sec-fetch-site", "same-site");
        let cross = ("sec-fetch-site", "cross-site");
        for passing in [
            &[][..],
            &[("authorization", "Bearer x")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://other.example")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://here.example")],
            &[("origin", "http://HERE.example:80")],
            &[("origin", "https://shown.example"), cross],
            &[("origin", "https://friend.example"), cross],
        ] {
            assert_eq!(guard().check(&parts(Method::POST, passing)), Ok(()), "{passing:?}");
        }
        for refused in [
            &[cross][..],
            &[same_site],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "https://evil.example"), cross],
            &[("origin", "https://here.example.evil.example")],
            &[("origin", "https://here.example:8443")],
            &[("origin", "https://sub.here.example"), same_site],
        ] {
            let problem = guard().check(&parts(Method::DELETE, refused)).unwrap_err();
            assert_eq!(problem.code(), "cross_site_request", "{refused:?}");
        }
        assert!(guard().check(&parts(Method::GET, &[cross])).is_ok());
    }

    #[test]
    fn only_friends_get_cors() {
        let asks = |origin| {
            let headers = [("origin", origin), ("access-control-request-method", "PUT")];
            let parts = parts(Method::OPTIONS, &headers);
            let mut response = guard().preflight(&parts).unwrap();
            guard().write_cors(parts.headers.get(header::ORIGIN), response.headers_mut());
            response
        };
        let friend = asks("https://friend.example");
        assert_eq!(friend.status(), StatusCode::NO_CONTENT);
        assert_eq!(friend.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://friend.example");
        assert!(friend.headers().contains_key(header::ACCESS_CONTROL_ALLOW_METHODS));
        assert!(!friend.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let stranger = asks("https://evil.example");
        assert!(!stranger.headers().keys().any(|name| name.as_str().starts_with("access-control")));
        assert!(guard().preflight(&parts(Method::OPTIONS, &[("origin", "https://friend.example")])).is_none());
        let mut headers = HeaderMap::new();
        Guard::default().write_cors(None, &mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn an_origin_has_no_path() {
        for bad in ["*", "friend.example", "https://", "https://friend.example/", "ftp://friend.example"] {
            assert_eq!(Guard::new(&[bad.to_owned()], &[]).unwrap_err(), BadOrigin(bad.to_owned()));
        }
    }
}
