//! Answers: made anew, and given out of a cache. `cargo bench --workspace --bench answers`
//! Requests go straight to the router; sockets and HTTP's own framing are not in it.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use axum::response::{IntoResponse as _, Response};
use contracts::catalog::{Catalog as _, Reading};
use criterion::{Criterion, criterion_group, criterion_main};
use platform::cache::{Cache, Weigh};
use platform::entropy::SeededEntropy;
use platform::http::{Finished, Given};
use testkit::fuzz::Front;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What is asked of the whole router, as a visitor or as staff.
const ASKED: [(&str, &str, bool); 8] = [
    ("product JSON, cached", "/api/products/mug", false),
    ("product page, cached", "/p/mug", false),
    ("product page, rendered", "/p/mug?o1=S", false),
    ("list page, rendered", "/search?q=mug", false),
    ("list JSON", "/api/products?q=mug&facets=true", false),
    ("cart page, empty", "/cart", false),
    ("staff: list of orders, page", "/admin/orders", true),
    ("staff: an order, JSON", "/api/admin/orders/{{order}}", true),
];

fn ask(front: &Front, path: &str, as_staff: bool) -> Request<Body> {
    let mut request = Request::get(path.replace("{{order}}", &front.names["order"])).header("host", "shop.example");
    if as_staff {
        request = request
            .header("authorization", format!("Bearer {}", front.names["key"]))
            .header("cookie", format!("admin_session={}", front.names["session"]));
    }
    request.body(Body::empty()).expect("a request")
}

fn answers(bench: &mut Criterion) {
    let runtime = runtime();
    let front = runtime.block_on(Front::open());
    let mut group = bench.benchmark_group("answer");
    for (name, path, as_staff) in ASKED {
        let reply = runtime.block_on(front.send(ask(&front, path, as_staff)));
        assert!(reply.status.is_success(), "{path}: {}", reply.status);
        group.bench_function(name, |b| b.iter(|| runtime.block_on(front.send(ask(&front, path, as_staff)))));
    }
    group.finish();
}

/// From a product as services tell it to bytes, with tag and compressed variant.
fn finish(bench: &mut Criterion) {
    let runtime = runtime();
    let front = runtime.block_on(Front::open());
    let view = runtime.block_on(front.shop.catalog.product("mug", &Reading::default())).expect("a product");
    let json = || -> Response { axum::Json(view.as_ref()).into_response() };
    let mut group = bench.benchmark_group("render");
    group.bench_function("product JSON", |b| b.iter(|| serde_json::to_vec(black_box(view.as_ref()))));
    group.bench_function("product JSON, finished", |b| b.iter(|| runtime.block_on(Finished::of(json()))));
    let finished = runtime.block_on(Finished::of(json()));
    let (plain, mut gzip) = (HeaderMap::new(), HeaderMap::new());
    gzip.insert("accept-encoding", "gzip".parse().expect("a value"));
    group.bench_function("respond", |b| b.iter(|| finished.respond(black_box(&plain))));
    group.bench_function("respond, compressed", |b| b.iter(|| finished.respond(black_box(&gzip))));
    group.finish();
}

#[derive(Clone)]
struct Page(Arc<str>);

impl Weigh for Page {
    fn weight(&self) -> usize {
        self.0.len()
    }
}

fn cache(bench: &mut Criterion) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let runtime = runtime();
    let cache: Cache<Page> = Cache::new(32 << 20, Arc::new(SeededEntropy::new(1)));
    let load = || async { Ok::<_, ()>(Page("x".repeat(1_024).into())) };
    for n in 0..1_000 {
        runtime.block_on(cache.get_or_load(&format!("product-{n}"), HOUR, &["products"], load)).expect("a page");
    }
    let mut group = bench.benchmark_group("cache");
    group.bench_function("hit", |b| b.iter(|| cache.get(black_box("product-500"))));
    group.bench_function("hit, or load", |b| {
        b.iter(|| runtime.block_on(cache.get_or_load(black_box("product-500"), HOUR, &["products"], load)));
    });
    group.bench_function("miss", |b| b.iter(|| cache.get(black_box("nothing"))));
    group.finish();
}

/// What it takes for each page that somebody is shown, an answer of the edge, too.
fn visitors(bench: &mut Criterion) {
    let runtime = runtime();
    let _entered = runtime.enter();
    let front = runtime.block_on(Front::open());
    let presence = front.shop.presence();
    let mut answer = Response::new(Body::empty());
    answer.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().expect("a value"));
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".parse().expect("a value");
    let (method, uri) = (Method::GET, "/p/mug".parse().expect("an address"));
    let given = |client| Given { method: &method, uri: &uri, client: Some(client), agent: &agent, answer: &answer };
    let mut group = bench.benchmark_group("visitors");
    let same = IpAddr::from([192, 0, 2, 1]);
    group.bench_function("noted, again", |b| b.iter(|| presence.saw(black_box(&given(same)))));
    let mut nth = 0_u32;
    group.bench_function("noted, for the first time", |b| {
        b.iter(|| {
            nth = (nth + 1) % 50_000;
            presence.saw(black_box(&given(IpAddr::from((nth | 0x0a00_0000).to_be_bytes()))));
        });
    });
    group.finish();
}

criterion_group!(benches, answers, finish, cache, visitors);
criterion_main!(benches);
