//! Requests of all kinds against all routes: nothing panics, nobody is told that the shop is broken, a program is answered
//! with a problem, and no page shows as markup what somebody sent.
//! It does not know what a route does.
//!
//! An input is written as HTTP clients of editors write requests, so that seeds can be read:
//!
//! ```text
//! POST /api/orders/{{order}}
//! as: staff
//! content-type: application/json
//!
//! {"note": "call back"}
//! ###
//! GET /api/shop
//! ```

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, Uri, header};
use platform::http::problem::Problem;

use super::front::{Front, Reply};
use super::world::in_the_shop;

const NEXT: &str = "\n###\n";
/// Another text each time: most keys are used once.
const FRESH: &str = "{{fresh}}";
const REQUESTS_MAX: usize = 6;
/// No answer takes longer, in the shop's own time.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
/// What no page may show as markup.
const MARKUP: &str = "<x-fuzz";

/// Requests of one input, one after the other.
pub fn requests(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    in_the_shop(async |front: &Front| {
        for request in text.split(NEXT).take(REQUESTS_MAX) {
            let named = with_names(request, front).replace(FRESH, &front.fresh());
            if let Some((path, request)) = read(&named, front) {
                let shown = format!("{} {path}", request.method());
                let reply = tokio::time::timeout(ANSWER_LIMIT, front.send(request)).await;
                let reply = reply.unwrap_or_else(|_| panic!("{shown} is not answered"));
                check(&path, &reply, shown.starts_with("HEAD "));
            }
        }
    });
}

/// Puts what the shop holds in the place of its names.
fn with_names(request: &str, front: &Front) -> String {
    if !request.contains("{{") {
        return request.to_owned();
    }
    let named = |text: String, (name, value): (&&str, &String)| text.replace(&format!("{{{{{name}}}}}"), value);
    front.names.iter().fold(request.to_owned(), named)
}

/// `None` for what no server would take for a request.
fn read(text: &str, front: &Front) -> Option<(String, Request<Body>)> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.trim_start().lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let uri: Uri = target.trim().parse().ok()?;
    let path = uri.path().to_owned();
    let mut request = Request::builder().method(method).uri(uri).header(header::HOST, "shop.example");
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        request = match (name, value) {
            ("as", "staff") => request
                .header(header::AUTHORIZATION, format!("Bearer {}", front.names["key"]))
                .header(header::COOKIE, format!("admin_session={}", front.names["session"])),
            _ => request.header(name, value),
        };
    }
    Some((path, request.body(Body::from(body.to_owned())).ok()?))
}

fn check(path: &str, reply: &Reply, is_head: bool) {
    let Reply { status, headers, body } = reply;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let told = || String::from_utf8_lossy(body).chars().take(2_000).collect::<String>();
    // Pictures are worked on by a thread, for which this shop's time does not wait.
    let is_busy = *status == StatusCode::SERVICE_UNAVAILABLE && headers.contains_key(header::RETRY_AFTER);
    assert!(!status.is_server_error() || is_busy, "{path}: {status} {}", told());
    let is_api = path == "/api" || path.starts_with("/api/");
    if is_api && !is_head && (status.is_client_error() || status.is_server_error()) {
        let problem = Problem::read(body);
        assert!(kind == "application/problem+json" && problem.is_some(), "{path}: {status} {kind} {}", told());
        assert_eq!(problem.map(|problem| problem.status()), Some(*status), "{path}: {}", told());
    }
    if kind == "application/json" && !body.is_empty() {
        assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok(), "{path}: {}", told());
    }
    if kind.starts_with("text/html") {
        let page = String::from_utf8_lossy(body).to_lowercase();
        assert!(!page.contains(MARKUP), "{path} shows what was sent as markup: {page}");
    }
}
