//! The conventions together, as a caller meets them, over a router with a route for each case.
//! No socket is opened; `serve` tests that.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::extract::Body;
use super::*;
use crate::entropy::SeededEntropy;

fn config() -> Config {
    Config::new(Arc::new(SeededEntropy::new(7)), Registry::new())
}

fn routes() -> Router {
    Router::new()
        .route("/things/{id}", get(|| async { Json(json!({"name": "x".repeat(3_000)})) }))
        .route("/things", post(|body: Body<Value>| async move { Json(body.value) }))
        .route("/context", get(|context: RequestContext| async move { context.trace_id.to_string() }))
        .route("/conflict", get(|| async { Problem::conflict("busy", "Busy").retry_after_s(3) }))
        .route("/panic", get(|| async { panic!("secret") as () }))
        .route("/plain", get(|| async { (StatusCode::BAD_REQUEST, "an extractor's own words") }))
        .route("/page", get(|| async { (StatusCode::NOT_FOUND, axum::response::Html("<p>none</p>")) }))
        .route("/kept", get(|| async { StatusCode::NOT_MODIFIED }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(3_600)).await }))
        .route("/health", get(|| async { "healthy" }))
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "here.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(HttpBody::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([9, 9, 9, 9], 1))));
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn get_it(router: &Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[], "").await
}

#[tokio::test(start_paused = true)]
async fn every_error_is_a_problem_that_names_its_request() {
    let router = conventions(routes(), config());
    for (method, path, status, code) in [
        (Method::GET, "/nowhere", 404, "not_found"),
        (Method::POST, "/conflict", 405, "method_not_allowed"),
        (Method::GET, "/conflict", 409, "busy"),
        (Method::GET, "/panic", 500, "internal"),
        (Method::GET, "/plain", 400, "malformed_request"),
        (Method::GET, "/things/%FF", 400, "malformed_path"),
        (Method::GET, "/things/%2", 400, "malformed_path"),
        (Method::POST, "/things", 415, "unsupported_media_type"),
        (Method::GET, "/slow", 503, "timeout"),
    ] {
        let answer = ask(&router, method, path, &[], "").await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), problem::CONTENT_TYPE, "{path}");
        let problem = answer.json();
        assert_eq!((&problem["code"], &problem["instance"]), (&json!(code), &json!(path)));
        assert_eq!(problem["trace_id"], answer.header("traceparent").split('-').nth(1).unwrap());
        assert!(!String::from_utf8(answer.body).unwrap().contains("secret"));
    }
    let refused = ask(&router, Method::POST, "/conflict", &[], "").await;
    assert_eq!(refused.header("allow"), "GET,HEAD");
    assert_eq!(get_it(&router, "/conflict").await.header("retry-after"), "3");
    let page = get_it(&router, "/page").await;
    assert_eq!((page.status, page.body.as_slice()), (404, &b"<p>none</p>"[..]));
}

#[tokio::test]
async fn a_body_has_its_limit() {
    let limits = Limits { json_body_bytes: 100, ..Limits::default() };
    let routes = routes().route(
        "/media",
        post(|body: axum::body::Bytes| async move { body.len().to_string() }).layer(limits::media_body()),
    );
    let router = conventions(routes, Config { limits, ..config() });
    let long = format!("\"{}\"", "x".repeat(200));
    let json = [("content-type", "application/json")];
    assert_eq!(ask(&router, Method::POST, "/things", &json, &long).await.status, 413);
    assert_eq!(ask(&router, Method::POST, "/media", &json, &long).await.body, b"202");
    assert_eq!(get_it(&router, &format!("/things/{}", "x".repeat(9_000))).await.status, 414);
}

#[tokio::test]
async fn a_trace_comes_in_and_goes_out() {
    let router = conventions(routes(), config());
    let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer = ask(&router, Method::GET, "/context", &[parent, ("x-request-id", "mine")], "").await;
    assert_eq!(answer.body, b"4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(answer.header("x-request-id"), "mine");
    assert!(answer.header("traceparent").starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    let (first, second) = (get_it(&router, "/context").await, get_it(&router, "/context").await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn browsers_are_made_careful() {
    let guard = Guard::new(&["https://friend.example".to_owned()], &[]).unwrap();
    let router = conventions(routes(), Config { guard, ..config() });
    let friend = ("origin", "https://friend.example");
    let answer = ask(&router, Method::GET, "/context", &[friend], "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://friend.example");
    assert_eq!((answer.header("vary"), answer.header("x-content-type-options")), ("Origin", "nosniff"));
    let preflight = [friend, ("access-control-request-method", "POST")];
    assert_eq!(ask(&router, Method::OPTIONS, "/things", &preflight, "").await.status, 204);
    let evil = [("origin", "https://evil.example"), ("content-type", "application/json")];
    let refused = ask(&router, Method::POST, "/things", &evil, "{}").await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("cross_site_request")));
    assert_eq!(refused.header("access-control-allow-origin"), "");
    assert!(get_it(&router, "/page").await.header("content-security-policy").contains("frame-ancestors 'self'"));
    assert!(get_it(&router, "/context").await.header("content-security-policy").contains("default-src 'none'"));
    // What a browser has kept goes on having the policy that it came with.
    assert_eq!(get_it(&router, "/kept").await.header("content-security-policy"), "");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_too_often_waits() {
    let policy = rate::Policy { name: "default", quota: 2, window: Duration::from_secs(60) };
    let exempt: IsExempt = Arc::new(|parts| {
        let is_staff = parts.headers.contains_key("x-staff");
        Box::pin(async move { is_staff })
    });
    let config = Config { rate: Some(RateLimiter::new(policy)), rate_exempt: exempt, ..config() };
    let registry = Arc::clone(&config.metrics);
    let router = conventions(routes(), config);
    assert_eq!(get_it(&router, "/context").await.header("ratelimit"), "\"default\";r=1;t=30");
    assert_eq!(get_it(&router, "/context").await.status, 200);
    let refused = get_it(&router, "/context").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "30"));
    assert_eq!(refused.header("ratelimit-policy"), "\"default\";q=2;w=60");
    assert_eq!(ask(&router, Method::GET, "/context", &[("x-staff", "")], "").await.status, 200);
    assert_eq!(get_it(&router, "/health").await.status, 200);
    assert!(registry.render().contains("http_requests_rate_limited_total 1"));
}

#[tokio::test(start_paused = true)]
async fn too_much_at_once_is_shed_but_probes_are_answered() {
    let limits = Limits { in_flight: 1, ..Limits::default() };
    let config = Config { limits, ..config() };
    let registry = Arc::clone(&config.metrics);
    let router = conventions(routes(), config);
    let (slow, (shed, probe)) = tokio::join!(get_it(&router, "/slow"), async {
        tokio::task::yield_now().await;
        assert!(registry.render().contains("http_requests_in_flight 1\n"));
        (get_it(&router, "/context").await, get_it(&router, "/health").await)
    });
    assert_eq!((shed.status, &shed.json()["code"]), (503, &json!("overloaded")));
    assert_eq!((shed.header("retry-after"), probe.status), ("1", 200));
    assert_eq!(&slow.json()["code"], "timeout");
    assert_eq!(get_it(&router, "/context").await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_by_template() {
    let config = config();
    let registry = Arc::clone(&config.metrics);
    let router = conventions(routes(), config);
    get_it(&router, "/things/1?secret=1").await;
    get_it(&router, "/things/2").await;
    get_it(&router, "/nowhere/secret").await;
    let text = registry.render();
    assert!(text.contains("http_requests_total{method=\"GET\",route=\"/things/{id}\",status=\"2xx\"} 2"), "{text}");
    assert!(text.contains("http_requests_total{method=\"GET\",route=\"(none)\",status=\"4xx\"} 1"), "{text}");
    assert!(!text.contains("secret"));
}

#[tokio::test]
async fn long_answers_are_compressed() {
    let router = conventions(routes(), config());
    let answer = ask(&router, Method::GET, "/things/1", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let problem = ask(&router, Method::GET, "/conflict", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(problem.json()["code"], "busy");
}
