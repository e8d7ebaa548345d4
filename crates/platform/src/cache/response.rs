//! Finished answers: status, headers, bytes, tag and the compressed variant, made once and given to many.
//! It does not know what they say; only answers that are the same for everyone are kept.

mod packed;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;

use super::{Cache, Loaded, Weigh};
use crate::entropy::Entropy;
use crate::http::compress::{self, accepts_gzip, is_worth_it};
use crate::http::etag::ETag;
use crate::http::extract::IfNoneMatch;
use crate::http::guard::{self, add_vary};
use crate::http::metrics::Registry;
use crate::http::problem::Problem;

/// A larger answer is no page and no list; it fails rather than fill the memory.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a head takes, roughly.
const HEAD_BYTES: usize = 1_024;

/// Tags that are known only when the answer is made: put them among its extensions.
#[derive(Debug, Clone, Default)]
pub struct CacheTags(pub Vec<String>);

/// An answer that is all there, in each form that it is sent in.
#[derive(Debug, Clone)]
pub struct Finished {
    status: StatusCode,
    plain: Form,
    gzip: Option<Form>,
    etag: ETag,
    problem: Option<Problem>,
    tags: Vec<String>,
}

/// One content coding: with its headers, its own tag among them.
#[derive(Debug, Clone)]
struct Form {
    headers: HeaderMap,
    body: Bytes,
}

impl Finished {
    /// Collects an answer, tags it by its bytes if it has no tag, and compresses it if that is worth it.
    pub async fn of(response: Response) -> Finished {
        let (mut parts, body) = response.into_parts();
        let body = match axum::body::to_bytes(body, BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, bytes_max = BODY_BYTES_MAX, "an answer could not be collected");
                return Finished::failed();
            }
        };
        let own_tag = parts
            .headers
            .remove(header::ETAG)
            .and_then(|tag| ETag::parse(tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?));
        parts.headers.remove(header::CONTENT_LENGTH);
        let compressible = !parts.headers.contains_key(header::CONTENT_ENCODING) && is_worth_it(&parts.headers);
        let etag = own_tag.unwrap_or_else(|| ETag::of_bytes(&body));
        let compressed = if compressible { compressed(&body) } else { None };
        guard::secure_headers(&mut parts.headers);
        if compressed.is_some() {
            add_vary(&mut parts.headers, "accept-encoding");
        }
        if parts.status == StatusCode::OK {
            parts.headers.insert(header::ETAG, etag.header());
        }
        let gzip = compressed.map(|body| {
            let mut headers = parts.headers.clone();
            headers.insert(header::ETAG, etag.coded("gzip").header());
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Form { headers, body }
        });
        Finished {
            status: parts.status,
            plain: Form { headers: parts.headers, body },
            gzip,
            etag,
            problem: parts.extensions.remove(),
            tags: parts.extensions.remove().map(|CacheTags(tags)| tags).unwrap_or_default(),
        }
    }

    fn failed() -> Finished {
        let problem = Problem::internal();
        let content_type = HeaderValue::from_static(crate::http::problem::CONTENT_TYPE);
        Finished {
            status: problem.status(),
            plain: Form {
                headers: HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]),
                body: problem.to_body().into(),
            },
            gzip: None,
            etag: ETag::of_bytes(&[]),
            problem: Some(problem),
            tags: Vec::new(),
        }
    }

    pub fn etag(&self) -> &ETag {
        &self.etag
    }

    /// Of the body as it is, not compressed.
    pub fn body_bytes(&self) -> usize {
        self.plain.body.len()
    }

    fn says(&self, directive: &str) -> bool {
        let lines = self.plain.headers.get_all(header::CACHE_CONTROL);
        let control = lines.iter().filter_map(|value| value.to_str().ok());
        control.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case(directive))
    }

    /// Whether it may be given to others: not with a cookie, not when it says that it is private.
    fn may_be_shared(&self) -> bool {
        !self.plain.headers.contains_key(header::SET_COOKIE) && !self.says("private")
    }

    pub(crate) fn may_be_kept(&self) -> bool {
        self.status == StatusCode::OK && self.may_be_shared() && !self.says("no-store")
    }

    /// For one caller: compressed if that is wanted, 304 if the caller has it already.
    pub fn respond(&self, asked: &HeaderMap) -> Response {
        if self.status == StatusCode::OK
            && let Some(mut short) = IfNoneMatch::of(asked).not_modified(&self.etag)
        {
            for name in [header::CACHE_CONTROL, header::CONTENT_LOCATION, header::EXPIRES, header::VARY] {
                copy(&self.plain.headers, &name, short.headers_mut());
            }
            return short;
        }
        let gzip = self.gzip.as_ref().filter(|_| self.status == StatusCode::OK && accepts_gzip(asked));
        let Form { headers, body } = gzip.unwrap_or(&self.plain);
        let mut response = Response::new(Body::from(body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers.clone();
        if let Some(problem) = &self.problem {
            response.extensions_mut().insert(problem.clone());
        }
        response
    }
}

impl Weigh for Arc<Finished> {
    fn weight(&self) -> usize {
        let gzip = self.gzip.as_ref().map_or(0, |form| form.body.len() + HEAD_BYTES);
        self.body_bytes() + HEAD_BYTES + gzip
    }
}

fn copy(from: &HeaderMap, name: &HeaderName, to: &mut HeaderMap) {
    for value in from.get_all(name) {
        to.append(name, value.clone());
    }
}

/// `None` when it is small or does not shrink.
fn compressed(body: &[u8]) -> Option<Bytes> {
    if (body.len() as u64) < compress::BYTES_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    encoder.write_all(body).ok()?;
    let gzip = encoder.finish().ok()?;
    (gzip.len() < body.len()).then(|| gzip.into())
}

/// Why an answer is given but not kept.
#[derive(Clone)]
enum NotKept {
    Shared(Arc<Finished>),
    /// One caller's own.
    Private,
}

/// Finished answers by key.
pub struct ResponseCache(Arc<Cache<Arc<Finished>>>);

impl ResponseCache {
    pub fn new(bytes_max: usize, entropy: Arc<dyn Entropy>) -> ResponseCache {
        ResponseCache(Arc::new(Cache::new(bytes_max, entropy)))
    }

    /// The answer kept under `key` (which names all that it depends on: path, parameters, language), or what `render`
    /// makes, under these tags and those it finds ([`CacheTags`]). Kept is a 200 without a cookie that does not call
    /// itself private or not to be stored; another answer is given to those who wait for it, and one with a cookie only
    /// to its own caller.
    pub async fn respond<F, Fut>(
        &self,
        key: &str,
        ttl: Duration,
        tags: &[&str],
        asked: &HeaderMap,
        render: F,
    ) -> Response
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Response>,
    {
        let own = Mutex::new(None);
        let found = self.0.get_or_load_with(key, || async {
            let finished = Arc::new(Finished::of(render().await).await);
            if finished.may_be_kept() {
                let tags = tags.iter().map(|tag| (*tag).to_owned()).chain(finished.tags.iter().cloned()).collect();
                return Ok(Loaded { value: finished, ttl, tags });
            }
            if finished.may_be_shared() {
                return Err(NotKept::Shared(finished));
            }
            *own.lock() = Some(finished);
            Err(NotKept::Private)
        });
        match found.await {
            Ok(finished) | Err(NotKept::Shared(finished)) => finished.respond(asked),
            Err(NotKept::Private) => match own.into_inner() {
                Some(finished) => finished.respond(asked),
                None => render().await,
            },
        }
    }

    /// See [`Cache::invalidate`].
    pub fn invalidate<T: AsRef<str>>(&self, tags: impl IntoIterator<Item = T>) {
        self.0.invalidate(tags);
    }

    pub fn clear(&self) {
        self.0.clear();
    }

    pub fn stats(&self) -> super::StatsNow {
        self.0.stats()
    }

    pub fn show_in(&self, registry: &Registry, name: &str) {
        self.0.show_in(registry, name);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::response::{Html, IntoResponse};

    use super::*;
    use crate::entropy::SeededEntropy;

    struct Desk {
        cache: ResponseCache,
        rendered: AtomicUsize,
    }

    impl Desk {
        fn new() -> Desk {
            let cache = ResponseCache::new(1 << 20, Arc::new(SeededEntropy::new(1)));
            Desk { cache, rendered: AtomicUsize::new(0) }
        }

        async fn ask(&self, asked: &[(HeaderName, &str)], render: impl Fn() -> Response) -> Response {
            let asked = asked.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            let rendered = || async {
                self.rendered.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                render()
            };
            self.cache.respond("/", Duration::from_secs(60), &["all"], &asked, rendered).await
        }
    }

    fn page() -> Response {
        let tags = axum::Extension(CacheTags(vec!["found".to_owned()]));
        ([(header::CACHE_CONTROL, "max-age=5")], tags, Html("x".repeat(5_000))).into_response()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_made_once_and_given_in_every_form() {
        let desk = Desk::new();
        let plain = desk.ask(&[], page).await;
        let gzip = desk.ask(&[(header::ACCEPT_ENCODING, "gzip")], page).await;
        let tag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
        let gzip_tag = gzip.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(gzip_tag, format!("\"{}-gzip\"", tag.trim_matches('"')));
        for known in [&tag, &gzip_tag] {
            let short = desk.ask(&[(header::IF_NONE_MATCH, known)], page).await;
            assert_eq!(short.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(short.headers()[header::ETAG], known.as_str());
            assert_eq!(short.headers()[header::CACHE_CONTROL], "max-age=5");
            assert_eq!(short.headers()[header::VARY], "accept-encoding");
        }
        assert_eq!(gzip.headers()[header::CONTENT_ENCODING], "gzip");
        let body = axum::body::to_bytes(gzip.into_body(), usize::MAX).await.unwrap();
        assert!(body.len() < 200);
        assert_eq!(desk.rendered.load(Ordering::Relaxed), 1);
        for (nth, tag) in ["all", "found"].into_iter().enumerate() {
            desk.cache.invalidate([tag]);
            desk.ask(&[], page).await;
            assert_eq!(desk.rendered.load(Ordering::Relaxed), nth + 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cookie_is_for_one_caller() {
        let desk = Desk::new();
        let nth = AtomicUsize::new(0);
        let private = || {
            let cookie = format!("nth={}", nth.fetch_add(1, Ordering::Relaxed));
            ([(header::SET_COOKIE, cookie)], "yours").into_response()
        };
        let (one, other) = tokio::join!(desk.ask(&[], private), desk.ask(&[], private));
        assert_ne!(one.headers()[header::SET_COOKIE], other.headers()[header::SET_COOKIE]);
        assert_eq!(desk.cache.stats().entries, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_shared_but_not_kept() {
        let desk = Desk::new();
        let missing = || Problem::not_found().into_response();
        let (one, other) = tokio::join!(desk.ask(&[], missing), desk.ask(&[], missing));
        assert_eq!((one.status(), other.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        assert_eq!(one.extensions().get::<Problem>(), Some(&Problem::not_found()));
        assert_eq!(desk.rendered.load(Ordering::Relaxed), 1);
        assert_eq!(desk.cache.stats().entries, 0);
    }
}
