//! The edge as callers meet it: in front of a route that counts how often it is asked.
//! No socket is opened; `serve` tests that.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{Request, StatusCode};
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use super::*;
use crate::entropy::SeededEntropy;
use crate::http::metrics::Registry;
use crate::http::rate::{Bucket, Level, Policy, RateLimiter, SharedBuckets, Sharing};
use crate::http::{Config, Conventions, Site};

const ASPECTS: [Aspect; 2] = [Aspect::Header(&header::HOST), Aspect::Cookie("locale")];

#[derive(Default)]
struct Desk {
    asked: AtomicUsize,
    is_outdated: AtomicBool,
}

struct Shop {
    desk: Arc<Desk>,
    site: Site,
    metrics: Arc<Registry>,
}

impl Shop {
    fn new(change: impl FnOnce(&mut Config)) -> Shop {
        let (desk, metrics) = (Arc::new(Desk::default()), Registry::new());
        let mut config = Config::new(Arc::new(SeededEntropy::new(7)), metrics.clone());
        change(&mut config);
        let conventions = Conventions::new(config);
        let routes = Router::new().route("/p/{slug}", get(page).post(page)).with_state(desk.clone());
        Shop { desk, site: Site::new(conventions.around(routes), conventions), metrics }
    }

    async fn ask(&self, method: Method, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().method(method).uri("/p/lamp?a=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = ConnectInfo(SocketAddr::from(([9, 9, 9, 9], 1)));
        self.site.answer(request.extension(peer).body(Body::empty()).unwrap()).await
    }

    async fn read(&self, headers: &[(&str, &str)]) -> Response {
        self.ask(Method::GET, headers).await
    }

    fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::Relaxed)
    }
}

async fn page(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let times = desk.asked.fetch_add(1, Ordering::Relaxed);
    let text = Html(format!("{times} {}", "x".repeat(3_000)));
    let finished = Arc::new(Finished::of(([(header::CACHE_CONTROL, "no-cache")], text).into_response()).await);
    let mut response = finished.respond(&headers);
    let again = Again::new(finished, &headers, &ASPECTS, move || !desk.is_outdated.load(Ordering::Relaxed));
    response.extensions_mut().insert(again);
    response
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_again_while_it_holds() {
    let shop = Shop::new(|_| {});
    let (first, second) = (shop.read(&[]).await, shop.read(&[]).await);
    assert_eq!(shop.asked(), 1);
    assert_ne!(first.headers()["x-request-id"], second.headers()["x-request-id"]);
    for name in ["etag", "content-type", "cache-control", "content-security-policy", "x-frame-options", "vary"] {
        assert_eq!(first.headers()[name], second.headers()[name]);
    }
    let tag = second.headers()["etag"].to_str().unwrap();
    let gzip = shop.read(&[("accept-encoding", "gzip")]).await;
    assert_eq!(gzip.headers()["content-encoding"], "gzip");
    let short = shop.read(&[("if-none-match", tag)]).await;
    assert_eq!((short.status(), shop.asked()), (StatusCode::NOT_MODIFIED, 1));
    let body = to_bytes(second.into_body(), usize::MAX).await.unwrap();
    assert!(body.starts_with(b"0 xxx"));
    shop.desk.is_outdated.store(true, Ordering::Relaxed);
    shop.read(&[]).await;
    shop.read(&[]).await;
    assert_eq!(shop.asked(), 3);
    let text = shop.metrics.render();
    for line in [
        "http_requests_total{method=\"GET\",route=\"/p/{slug}\",status=\"2xx\"} 5",
        "http_requests_total{method=\"GET\",route=\"/p/{slug}\",status=\"3xx\"} 1",
        "http_requests_from_edge_total 3",
        "http_requests_in_flight 0",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_depends_on_must_be_the_same() {
    let shop = Shop::new(|_| {});
    let korean = [("host", "a"), ("cookie", "cart=1; locale=ko")];
    shop.read(&korean).await;
    shop.read(&[("host", "a"), ("cookie", "locale=ko; cart=2"), ("accept", "text/html")]).await;
    assert_eq!(shop.asked(), 1);
    for (nth, other) in [
        vec![("host", "b"), ("cookie", "locale=ko")],
        vec![("host", "a"), ("cookie", "locale=en")],
        vec![("host", "a"), ("cookie", "xlocale=ko")],
        vec![("host", "a"), ("cookie", "locale=ko"), ("cookie", "locale=en")],
    ]
    .into_iter()
    .enumerate()
    {
        shop.read(&other).await;
        shop.read(&other).await;
        assert_eq!(shop.asked(), nth + 2, "{other:?}");
    }
    shop.read(&korean).await;
    assert_eq!(shop.asked(), 5);
}

#[tokio::test(start_paused = true)]
async fn only_plain_reads_are_answered() {
    let shop = Shop::new(|_| {});
    shop.read(&[]).await;
    shop.ask(Method::HEAD, &[]).await;
    shop.ask(Method::POST, &[]).await;
    shop.read(&[("authorization", "Bearer x")]).await;
    shop.read(&[("content-length", "0")]).await;
    assert_eq!(shop.asked(), 5);
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_refused_here_too() {
    let policy = Policy { name: "requests", quota: 3, window: Duration::from_secs(60) };
    let shop = Shop::new(|config| config.rate = Some(RateLimiter::new(policy)));
    let mut left = Vec::new();
    for _ in 0..3 {
        let answer = shop.read(&[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        left.push(answer.headers()["ratelimit"].to_str().unwrap().to_owned());
    }
    assert_eq!(left, ["\"requests\";r=2;t=20", "\"requests\";r=1;t=40", "\"requests\";r=0;t=60"]);
    let refused = shop.read(&[]).await;
    assert_eq!((refused.status(), shop.asked()), (StatusCode::TOO_MANY_REQUESTS, 1));
    assert_eq!(refused.headers()["retry-after"], "20");
}

/// Two for each client, wherever they are asked for.
#[derive(Default)]
struct Others(parking_lot::Mutex<HashMap<String, u64>>);

#[async_trait::async_trait]
impl SharedBuckets for Others {
    async fn take(&self, buckets: &[Bucket]) -> Option<Vec<Level>> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut counts = self.0.lock();
        let levels = buckets.iter().map(|bucket| {
            let count = counts.entry(bucket.key.clone()).or_default();
            *count += 1;
            Level {
                full_in: Duration::from_secs(20 * *count),
                retry_in: (*count > 2).then_some(Duration::from_secs(9)),
            }
        });
        Some(levels.collect())
    }

    async fn give_back(&self, _: &[Bucket]) {}
}

#[tokio::test(start_paused = true)]
async fn shops_that_count_together_refuse_together_here_too() {
    let policy = Policy { name: "requests", quota: 3, window: Duration::from_secs(60) };
    let others: Arc<dyn SharedBuckets> = Arc::new(Others::default());
    let shop = || {
        let limiter = RateLimiter::new(policy).sharing(Sharing(Some(others.clone())));
        Shop::new(|config| config.rate = Some(limiter))
    };
    let (one, other) = (shop(), shop());
    let first = one.read(&[]).await;
    assert_eq!(first.headers()["ratelimit"], "\"requests\";r=2;t=20");
    assert_eq!(one.read(&[]).await.headers()["ratelimit"], "\"requests\";r=1;t=40");
    assert_eq!(one.asked(), 1, "the second came from the edge");
    for shop in [&one, &other] {
        let refused = shop.read(&[]).await;
        assert_eq!(
            (refused.status(), &refused.headers()["retry-after"]),
            (StatusCode::TOO_MANY_REQUESTS, &"9".parse().unwrap())
        );
    }
    assert_eq!((one.asked(), other.asked()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let edge = Edge::default();
    let finished = Arc::new(Finished::of("x".repeat(100).into_response()).await);
    let keep = |address: String, language: &str| {
        let asked = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, language.parse().unwrap())]);
        let aspects = [Aspect::Header(&header::ACCEPT_LANGUAGE)];
        edge.keep(&address.parse().unwrap(), None, Again::new(finished.clone(), &asked, &aspects, || true));
    };
    for n in 0..ADDRESSES_MAX * 2 {
        keep(format!("/{n}"), "en");
    }
    for n in 0..VARIANTS_MAX * 2 {
        keep("/one".to_owned(), &format!("x-{n}"));
        keep("/one".to_owned(), "x-0");
    }
    let generations = edge.0.read();
    assert!(generations.young.len() + generations.old.len() <= ADDRESSES_MAX);
    assert_eq!(generations.young["/one"].len(), VARIANTS_MAX);
    let all = generations.young.values().flatten();
    assert_eq!(generations.young_bytes, all.map(|kept| kept.weight()).sum::<usize>());
}
