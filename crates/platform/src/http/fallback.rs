//! What is answered when no handler answers well: no such route, no such method, a path that is none, a panic.
//! It does not know the routes. Pages bring their own fallback; an answer with a body of its own is left alone.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use super::extract::is_text;
use super::problem::Problem;

/// Refuses a path whose percent-encoding is malformed, is no UTF-8, or hides a NUL.
///
/// # Errors
/// 400 `malformed_path`
pub(super) fn check_path(path: &str) -> Result<(), Problem> {
    if path.bytes().any(|byte| byte == b'%') && !is_text(path) {
        return Err(Problem::malformed("malformed_path", "the path is not percent-encoded UTF-8 text"));
    }
    Ok(())
}

/// Makes a problem of an error that the router or an extractor of axum's answered with a bare status or plain text.
pub(super) fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.extensions().get::<Problem>().is_some() || !is_bare(response.headers()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => Problem::method_not_allowed(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(),
        StatusCode::BAD_REQUEST => Problem::malformed("malformed_request", "a part of the request cannot be read"),
        other => Problem::new(
            other,
            format!("http_{}", other.as_u16()),
            other.canonical_reason().unwrap_or("This did not work"),
        ),
    };
    let mut made = problem.into_response();
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            made.headers_mut().insert(name, value.clone());
        }
    }
    made
}

fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).is_none_or(|value| value.starts_with(b"text/plain"))
}

/// Awaits a handler; one that panics is answered with a 500 that says nothing of it. `Err` tells that it did.
pub(super) async fn catch_panic(handler: impl Future<Output = Response>) -> Result<Response, Problem> {
    AssertUnwindSafe(handler).catch_unwind().await.map_err(|panic| {
        tracing::error!(panic = message(&*panic), "a handler panicked");
        Problem::internal()
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
