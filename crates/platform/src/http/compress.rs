//! Compresses answers on their way out: gzip, for text over 1 KiB, with a tag of its own.
//! It does not know what it compresses, and leaves alone what is compressed, streamed as events, or tells a range.

use axum::http::{HeaderMap, HeaderValue, Response, header};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use super::etag::ETag;

/// A smaller body gains nothing.
pub const BYTES_MIN: u64 = 1_024;

/// Most of what the highest level saves, for a fraction of its time.
const LEVEL: i32 = 4;

/// What shrinks. Events are not in it: they must arrive at once.
const TYPES: [&str; 9] = [
    "application/json",
    "application/problem+json",
    "application/javascript",
    "application/xml",
    "image/svg+xml",
    "text/html",
    "text/css",
    "text/javascript",
    "text/plain",
];

/// Whether an answer with these headers is worth compressing, its size aside.
pub(crate) fn is_worth_it(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Whether the caller takes gzip: named, or by `*`, and not with a weight of zero.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for offer in lines.flat_map(|line| line.split(',')) {
        let (coding, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0));
        let coding = coding.trim();
        if ["gzip", "x-gzip"].iter().any(|known| coding.eq_ignore_ascii_case(known)) {
            return weight > 0.0;
        }
        if coding == "*" {
            any = Some(weight > 0.0);
        }
    }
    any.unwrap_or(false)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct WorthIt;

impl Predicate for WorthIt {
    fn should_compress<B: axum::body::HttpBody>(&self, response: &Response<B>) -> bool {
        is_worth_it(response.headers()) && SizeAbove::new(BYTES_MIN).should_compress(response)
    }
}

pub(super) fn layer() -> CompressionLayer<WorthIt> {
    CompressionLayer::new().quality(CompressionLevel::Precise(LEVEL)).compress_when(WorthIt)
}

/// A strong tag names bytes, so the compressed ones get their own.
pub(super) fn tag<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip")
        && let Some(plain) = headers.get(header::ETAG).and_then(plain_tag)
    {
        headers.insert(header::ETAG, plain.coded("gzip").header());
    }
    response
}

/// A strong tag without a coding.
fn plain_tag(value: &HeaderValue) -> Option<ETag> {
    let tag = value.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    if tag.ends_with("-gzip") { None } else { ETag::parse(tag) }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::{ServiceBuilder, ServiceExt};

    use super::*;

    fn accepts(line: &str) -> bool {
        accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, line.parse().unwrap())]))
    }

    #[test]
    fn gzip_must_be_wanted() {
        assert!(accepts("gzip") && accepts("br;q=1, GZIP;q=0.5") && accepts("*") && accepts("deflate, gzip"));
        assert!(!accepts("") && !accepts("br") && !accepts("gzip;q=0, *") && !accepts("*;q=0"));
    }

    async fn ask(content_type: &'static str, bytes: usize, accept: &'static str) -> axum::response::Response {
        let answer =
            move || async move { ([(header::CONTENT_TYPE, content_type), (header::ETAG, "\"7\"")], "x".repeat(bytes)) };
        let router =
            Router::new().route("/", get(answer)).layer(ServiceBuilder::new().map_response(tag).layer(layer()));
        let request = Request::get("/").header(header::ACCEPT_ENCODING, accept).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn text_is_compressed_under_its_own_tag() {
        let response = ask("application/json; charset=utf-8", 5_000, "gzip, br").await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[header::ETAG], "\"7-gzip\"");
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(body.len() < 200 && body.starts_with(&[0x1f, 0x8b]));
    }

    #[tokio::test]
    async fn the_rest_is_left_alone() {
        for (content_type, bytes, accept) in [
            ("application/json", 100, "gzip"),
            ("application/json", 5_000, "br"),
            ("text/event-stream", 5_000, "gzip"),
            ("image/png", 5_000, "gzip"),
        ] {
            let response = ask(content_type, bytes, accept).await;
            assert!(!response.headers().contains_key(header::CONTENT_ENCODING), "{content_type}");
            assert_eq!(response.headers()[header::ETAG], "\"7\"");
        }
    }
}
