//! Preconditions and the bearer token, out of their headers.
//! It does not know what a version is of, nor whether a token is any good.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::etag::{ETag, is_etagc};
use crate::http::problem::Problem;

/// Tags in one header.
const TAGS_MAX: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    weak: bool,
    tag: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Tags {
    #[default]
    Missing,
    Any,
    List(Vec<Tag>),
}

impl Tags {
    /// All lines of the header; `None` when they are not a list of tags.
    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Tags> {
        let mut tags = Vec::new();
        let mut any = false;
        for line in headers.get_all(name) {
            let line = line.to_str().ok()?;
            if line.trim() == "*" {
                any = true;
            } else {
                parse_list(line, &mut tags)?;
            }
        }
        match (any, tags.is_empty()) {
            (true, true) => Some(Tags::Any),
            (true, false) => None,
            (false, true) => headers.get(name).is_none().then_some(Tags::Missing),
            (false, false) => Some(Tags::List(tags)),
        }
    }
}

/// `"a", W/"b"`: a tag may hold a comma, so they are read one by one.
fn parse_list(line: &str, tags: &mut Vec<Tag>) -> Option<()> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(());
        }
        let strong = rest.strip_prefix("W/");
        let (tag, after) = strong.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        let ended = after.is_empty() || after.starts_with([',', ' ', '\t']);
        if !ended || !tag.bytes().all(is_etagc) || tags.len() == TAGS_MAX {
            return None;
        }
        tags.push(Tag { weak: strong.is_some(), tag: tag.to_owned() });
        rest = after;
    }
}

/// `If-Match`: the versions on which the caller's change may be made.
#[derive(Debug, Clone, Default)]
pub struct IfMatch(Tags);

impl IfMatch {
    /// Only this version, for callers inside the house.
    pub fn version(version: impl Into<ETag>) -> IfMatch {
        let tag = version.into().as_str().to_owned();
        IfMatch(Tags::List(vec![Tag { weak: false, tag }]))
    }

    /// # Errors
    /// 428 when the header is missing.
    pub fn required(self) -> Result<IfMatch, Problem> {
        if self.0 == Tags::Missing { Err(Problem::precondition_required()) } else { Ok(self) }
    }

    pub fn is_missing(&self) -> bool {
        self.0 == Tags::Missing
    }

    /// Compares with what is there now. A missing header and `*` pass; a weak tag never does; a tag with a content
    /// coding at its end counts as the tag without.
    ///
    /// # Errors
    /// 412 when none of the tags is the current one.
    pub fn check(&self, current: impl Into<ETag>) -> Result<(), Problem> {
        let Tags::List(tags) = &self.0 else { return Ok(()) };
        let current = current.into();
        if tags.iter().any(|tag| !tag.weak && current.is_named_by(&tag.tag)) {
            return Ok(());
        }
        Err(Problem::precondition_failed().header(header::ETAG, current.header()))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let tags = Tags::of(&parts.headers, &header::IF_MATCH);
        tags.map(IfMatch)
            .ok_or_else(|| Problem::malformed("malformed_header", "If-Match is a list of entity tags in quotes, or *"))
    }
}

/// `If-None-Match`: what the caller has already. One that cannot be read counts as none.
#[derive(Debug, Clone, Default)]
pub struct IfNoneMatch(Tags);

impl IfNoneMatch {
    pub fn of(headers: &HeaderMap) -> IfNoneMatch {
        IfNoneMatch(Tags::of(headers, &header::IF_NONE_MATCH).unwrap_or_default())
    }

    /// The tag under which the caller has the current one, with the coding that it was sent in.
    fn known(&self, current: &ETag) -> Option<ETag> {
        match &self.0 {
            Tags::Missing => None,
            Tags::Any => Some(current.clone()),
            Tags::List(tags) => {
                let known = tags.iter().find(|tag| current.is_named_by(&tag.tag))?;
                ETag::parse(&known.tag)
            }
        }
    }

    pub fn matches(&self, current: &ETag) -> bool {
        self.known(current).is_some()
    }

    /// 304 when the caller has the current one; the caller adds `Cache-Control` and `Vary` as on the full answer.
    pub fn not_modified(&self, current: &ETag) -> Option<Response> {
        let known = self.known(current)?;
        Some((StatusCode::NOT_MODIFIED, [(header::ETAG, known.header())]).into_response())
    }

    /// The answer with its `ETag`, or 304 when the caller has it.
    pub fn answer(&self, current: &ETag, full: impl IntoResponse) -> Response {
        let mut full = full.into_response();
        let Some(mut short) = self.not_modified(current) else {
            full.headers_mut().insert(header::ETAG, current.header());
            return full;
        };
        for name in [header::CACHE_CONTROL, header::VARY, header::CONTENT_LOCATION, header::EXPIRES] {
            for value in full.headers().get_all(&name) {
                short.headers_mut().append(&name, value.clone());
            }
        }
        short
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(IfNoneMatch::of(&parts.headers))
    }
}

/// The token of `Authorization: Bearer …`; `None` without the header or with another scheme.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bearer(pub Option<String>);

impl Bearer {
    /// # Errors
    /// 401 when there is none.
    pub fn required(self) -> Result<String, Problem> {
        self.0.ok_or_else(Problem::unauthenticated)
    }
}

/// Never the token.
impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Bearer(…)" } else { "Bearer(none)" })
    }
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(Bearer(None)) };
        let value = value.to_str().map_err(|_| Problem::unauthenticated())?.trim();
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Bearer(None));
        }
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::unauthenticated().detail("the bearer token cannot be read"));
        }
        Ok(Bearer(Some(token.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn if_match(lines: &[&str]) -> Result<IfMatch, Problem> {
        let mut request = Request::get("/");
        for line in lines {
            request = request.header(header::IF_MATCH, *line);
        }
        IfMatch::from_request_parts(&mut request.body(()).unwrap().into_parts().0, &()).await
    }

    #[tokio::test]
    async fn only_the_current_version_may_be_changed() {
        for passing in
            [&["\"7\""][..], &["*"], &["\"1\", \"7\""], &["\"1\"", "\"7\""], &["\"7-gzip\""], &["\"7;gzip\""], &[]]
        {
            assert!(if_match(passing).await.unwrap().check(7).is_ok(), "{passing:?}");
        }
        for stale in [&["\"6\""][..], &["W/\"7\""], &["\"a,7\""], &["\"77\""]] {
            let problem = if_match(stale).await.unwrap().check(7).unwrap_err();
            assert_eq!(problem.status(), StatusCode::PRECONDITION_FAILED, "{stale:?}");
        }
        for bad in ["7", "\"7", "\"7\"\"8\"", "", "*, \"7\"", "\"7 8\""] {
            assert_eq!(if_match(&[bad]).await.unwrap_err().status(), StatusCode::BAD_REQUEST, "{bad}");
        }
        let missing = if_match(&[]).await.unwrap().required().unwrap_err();
        assert_eq!(missing.status(), StatusCode::PRECONDITION_REQUIRED);
    }

    fn if_none_match(line: &'static str) -> IfNoneMatch {
        IfNoneMatch::of(&HeaderMap::from_iter([(header::IF_NONE_MATCH, line.parse().unwrap())]))
    }

    #[test]
    fn who_has_it_is_not_sent_it_again() {
        let current = ETag::version(7);
        let full = || ([(header::CACHE_CONTROL, "max-age=5")], "whole");
        for (line, tag) in
            [("\"7\"", "\"7\""), ("W/\"7\"", "\"7\""), ("\"x\", \"7-gzip\"", "\"7-gzip\""), ("*", "\"7\"")]
        {
            let short = if_none_match(line).answer(&current, full());
            assert_eq!(short.status(), StatusCode::NOT_MODIFIED, "{line}");
            assert_eq!(short.headers()[header::ETAG], tag);
            assert_eq!(short.headers()[header::CACHE_CONTROL], "max-age=5");
        }
        for line in ["\"8\"", "7", ""] {
            let response = if_none_match(line).answer(&current, full());
            assert_eq!((response.status(), &response.headers()[header::ETAG]), (StatusCode::OK, &current.header()));
        }
    }

    #[tokio::test]
    async fn a_token_is_read_and_never_printed() {
        for (line, token) in [
            (Some("Bearer abc"), Ok(Some("abc"))),
            (Some("bearer  abc"), Ok(Some("abc"))),
            (Some("Basic abc"), Ok(None)),
            (None, Ok(None)),
            (Some("Bearer"), Err(())),
            (Some("Bearer a b"), Err(())),
        ] {
            let mut request = Request::get("/");
            if let Some(line) = line {
                request = request.header(header::AUTHORIZATION, line);
            }
            let bearer = Bearer::from_request_parts(&mut request.body(()).unwrap().into_parts().0, &()).await;
            assert!(!format!("{bearer:?}").contains("abc"));
            assert_eq!(bearer.map(|bearer| bearer.0).map_err(|_| ()), token.map(|token| token.map(str::to_owned)));
        }
    }
}
