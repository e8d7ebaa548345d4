//! What a caller is told when something did not work: RFC 9457 `application/problem+json`, with a stable `code`.
//! It does not know which services answer with it, and it never carries what only the log may say.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub const CONTENT_TYPE: &str = "application/problem+json";

/// One thing that is wrong with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Where: a JSON pointer (RFC 6901) into the body; for a query parameter, its name after a slash.
    pub pointer: String,
    /// Stable, snake_case.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
}

impl FieldProblem {
    pub fn new(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> FieldProblem {
        FieldProblem { pointer: pointer.into(), code: code.into(), message: message.into() }
    }
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// A relative URI that names the kind of problem: `/problems/{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of its kind.
    pub title: Cow<'static, str>,
    pub status: u16,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable, snake_case: what programs should look at.
    pub code: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// What this code tells besides, each under its own name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A problem on its way out: what is sent, and the headers that go with it.
///
/// `instance` and `trace_id` are filled in by [`super::conventions`], which finds the problem among the response's
/// extensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq)]
struct Parts {
    status: StatusCode,
    details: ProblemDetails,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Problem {
        let code = code.into();
        let details = ProblemDetails {
            kind: format!("/problems/{code}"),
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            instance: None,
            code,
            errors: Vec::new(),
            trace_id: None,
            extra: Map::new(),
        };
        Problem(Box::new(Parts { status, details, headers: Vec::new() }))
    }

    /// What happened this time, for people. Never what only the log may say.
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.0.details.detail = Some(detail.into());
        self
    }

    /// Adds one place that is wrong.
    pub fn error(
        mut self,
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Problem {
        self.0.details.errors.push(FieldProblem::new(pointer, code, message));
        self
    }

    /// Adds places that are wrong.
    pub fn errors(mut self, errors: Vec<FieldProblem>) -> Problem {
        self.0.details.errors.extend(errors);
        self
    }

    /// Adds a member of this problem's own. The standard members cannot be replaced.
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Problem {
        const STANDARD: [&str; 8] = ["type", "title", "status", "detail", "instance", "code", "errors", "trace_id"];
        let key = key.into();
        if !STANDARD.contains(&key.as_str()) {
            self.0.details.extra.insert(key, value.into());
        }
        self
    }

    /// When it makes sense to try again.
    pub fn retry_after_s(self, seconds: u32) -> Problem {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A header that goes with it; it replaces one of the same name.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.retain(|(have, _)| *have != name);
        self.0.headers.push((name, value));
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn code(&self) -> &str {
        &self.0.details.code
    }

    pub fn details(&self) -> &ProblemDetails {
        &self.0.details
    }

    /// Says which request it belongs to.
    pub fn of_request(mut self, instance: &str, trace_id: &str) -> Problem {
        self.0.details.instance = Some(instance.to_owned());
        self.0.details.trace_id = Some(trace_id.to_owned());
        self
    }

    /// A problem that was sent before, read back from its body; its headers are not in there.
    pub fn read(body: &[u8]) -> Option<Problem> {
        let details: ProblemDetails = serde_json::from_slice(body).ok()?;
        let status = StatusCode::from_u16(details.status).ok()?;
        Some(Problem(Box::new(Parts { status, details, headers: Vec::new() })))
    }

    /// The body alone.
    pub fn to_body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0.details).unwrap_or_default()
    }
}

/// The usual ones.
impl Problem {
    /// 400: it cannot be read.
    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, "The request cannot be read").detail(detail)
    }

    /// 401: who is asking?
    pub fn unauthenticated() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403
    pub fn forbidden() -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed")
    }

    /// 404, also for what this caller must not know of.
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here")
    }

    /// 405; `Allow` is added by the router.
    pub fn method_not_allowed() -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not served here")
    }

    /// 409: the state of things does not allow it.
    pub fn conflict(code: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::CONFLICT, code, title)
    }

    /// 412: `If-Match` is stale.
    pub fn precondition_failed() -> Problem {
        Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "It has changed since you read it")
    }

    /// 413
    pub fn too_large() -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large")
    }

    /// 415; `expected` is the media type that would do.
    pub fn unsupported_media_type(expected: &str) -> Problem {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body has a type that is not read here",
        )
        .detail(format!("send it as {expected}"))
    }

    /// 422: well-formed but not valid, for these reasons.
    pub fn invalid(errors: Vec<FieldProblem>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some of this is not valid").errors(errors)
    }

    /// 428: `If-Match` is missing.
    pub fn precondition_required() -> Problem {
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", "Say which version you have read")
            .detail("send the ETag that you have read as If-Match")
    }

    /// 429
    pub fn too_many(retry_after_s: u32) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests")
            .retry_after_s(retry_after_s)
    }

    /// 500, with no details: those are for the log.
    pub fn internal() -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
    }

    /// 503
    pub fn unavailable(retry_after_s: u32) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available right now")
            .retry_after_s(retry_after_s)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, Json(&self.0.details)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in &self.0.headers {
            headers.insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl utoipa::PartialSchema for Problem {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ProblemDetails::schema()
    }
}

impl ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Problem")
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        ProblemDetails::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn it_is_sent_as_the_standard_says() {
        let problem = Problem::conflict("already_done", "It is done")
            .detail("since yesterday")
            .error("/lines/0", "gone", "no longer there")
            .extra("left", 3)
            .extra("status", 200)
            .retry_after_s(7);
        let response = problem.clone().into_response();
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.extensions().get::<Problem>(), Some(&problem));
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({
                "type": "/problems/already_done", "title": "It is done", "status": 409, "detail": "since yesterday",
                "code": "already_done", "left": 3,
                "errors": [{"pointer": "/lines/0", "code": "gone", "message": "no longer there"}],
            })
        );
        assert_eq!(Problem::read(&body).unwrap().details(), problem.details());
    }

    #[test]
    fn who_is_not_signed_in_is_told_how() {
        let response = Problem::unauthenticated().into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn its_schema_is_called_problem() {
        assert_eq!(Problem::name(), "Problem");
        assert_eq!(ProblemDetails::name(), "Problem");
        let mut below = Vec::new();
        Problem::schemas(&mut below);
        assert!(below.iter().any(|(name, _)| name == "FieldProblem"));
        let schema = serde_json::to_value(<Problem as utoipa::PartialSchema>::schema()).unwrap().to_string();
        assert!(schema.contains("\"type\"") && schema.contains("trace_id") && !schema.contains("\"kind\""));
    }
}
