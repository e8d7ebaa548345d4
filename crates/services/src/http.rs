//! What all services' HTTP has in common: who calls, errors as problems, requests that come twice.
//! It does not know any route.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contracts::caller::Caller;
use contracts::staff::Staff;
use contracts::{Error, Kind};
use domain::field::FieldError;
use platform::http::etag::ETag;
use platform::http::extract::{Bearer, IfNoneMatch};
use platform::http::idempotency::{Attempt, Idempotency, KEPT_FOR, Keep, Key, Mode, Scope};
use platform::http::problem::{FieldProblem, Problem};
use platform::http::trace::RequestContext;
use platform::naming;
use serde::Serialize;

/// A shop under load may give an answer of this age instead of a fresh one.
const STALE_FOR: Duration = Duration::from_secs(60);

/// What a handler answers with when it does not do what was asked.
#[derive(Debug)]
pub struct Refusal(Problem);

pub type Answer<T> = Result<T, Refusal>;

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let Error { kind, code, message, fields, details, retry_after_s } = error;
        let fields: Vec<FieldProblem> = fields.into_iter().map(field_problem).collect();
        let base = match kind {
            Kind::Malformed => Problem::new(StatusCode::BAD_REQUEST, code, "The request cannot be read"),
            Kind::Unauthenticated => Problem::unauthenticated(),
            Kind::Declined => Problem::new(StatusCode::PAYMENT_REQUIRED, code, "The payment was declined"),
            Kind::Forbidden => Problem::new(StatusCode::FORBIDDEN, code, "This is not allowed"),
            Kind::NotFound => Problem::not_found(),
            Kind::Conflict => Problem::conflict(code, "The state of things does not allow it"),
            Kind::Stale => Problem::precondition_failed(),
            Kind::Invalid => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, "Some of this is not valid"),
            Kind::Unavailable => Problem::unavailable(retry_after_s.unwrap_or(1)),
            Kind::Internal => {
                tracing::error!(reason = message, "a request failed");
                return Self(Problem::internal());
            }
        };
        let told = base.detail(message).errors(fields);
        Self(details.into_iter().fold(told, |problem, (key, value)| problem.extra(key, value)))
    }
}

fn field_problem(error: FieldError) -> FieldProblem {
    FieldProblem::new(error.pointer, error.code, error.message)
}

impl Refusal {
    pub fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.header(name, value))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// Finds out who calls and puts a [`Caller`] among the request's extensions. A layer around all of `/api`.
pub async fn identify(
    State(staff): State<Arc<dyn Staff>>,
    bearer: Bearer,
    mut request: Request,
    next: Next,
) -> Response {
    let trace = request.extensions().get::<RequestContext>().map(|context| context.trace_id.clone());
    let mut caller = Caller { staff: None, token: bearer.0.as_deref().map(Into::into), trace };
    if let Some(token) = &bearer.0 {
        match staff.authenticate(token).await {
            Ok(Some(id)) => caller = Caller { staff: Some(id), token: None, ..caller },
            Ok(None) => {}
            Err(error) => return Refusal::from(error).into_response(),
        }
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Whoever calls.
pub struct AnyCaller(pub Caller);

impl<S: Sync> FromRequestParts<S> for AnyCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parts.extensions.get::<Caller>().cloned().unwrap_or_default()))
    }
}

/// A member of staff; anybody else is told to sign in.
pub struct StaffCaller(pub Caller);

impl<S: Sync> FromRequestParts<S> for StaffCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        if caller.is_staff() { Ok(Self(caller)) } else { Err(Problem::unauthenticated()) }
    }
}

/// Sees to it that a request that comes twice is done once.
#[derive(Clone)]
pub struct Repeats(Arc<Idempotency>);

impl Repeats {
    pub fn new(idempotency: Arc<Idempotency>) -> Self {
        Self(idempotency)
    }

    /// Runs `work` once per caller, route and key. `route` has the ids filled in: `POST /api/admin/stock/A1`.
    /// `work` is given bytes from which it derives the id of what it makes, so that a second attempt after a crash
    /// finds the first; they begin with the key's moment, if it tells one. Without a key the bytes are `fresh`, and
    /// nothing is remembered.
    pub async fn run<W, F, T>(&self, request: Repeatable<'_>, fresh: [u8; 16], work: W) -> Response
    where
        W: FnOnce([u8; 16]) -> F,
        F: Future<Output = Answer<T>>,
        T: IntoResponse,
    {
        self.run_keeping(is_kept, request, fresh, work).await
    }

    /// The same, where only some of the answers are worth keeping.
    pub async fn run_keeping<W, F, T>(&self, keep: Keep, request: Repeatable<'_>, fresh: [u8; 16], work: W) -> Response
    where
        W: FnOnce([u8; 16]) -> F,
        F: Future<Output = Answer<T>>,
        T: IntoResponse,
    {
        let Some(key) = request.key else { return work(fresh).await.into_response() };
        let caller = request.caller.actor();
        let scope = Scope { caller: &caller, route: request.route };
        let id: [u8; 32] = self.0.id(&scope, key);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&id[..16]);
        let bytes = naming::moment_of(key.as_str()).map_or(bytes, |moment| naming::begun(moment, bytes));
        let attempt = Attempt { scope, key, body_hash: request.body_hash, mode: request.mode, keep, ttl: KEPT_FOR };
        self.0.run(attempt, || async move { work(bytes).await.into_response() }).await
    }
}

/// A request that may come twice.
pub struct Repeatable<'a> {
    pub caller: &'a Caller,
    pub route: &'a str,
    pub key: Option<&'a Key>,
    pub body_hash: [u8; 32],
    pub mode: Mode,
}

/// Answers that a repetition gets again: what was done, and refusals that stay what they are.
fn is_kept(status: StatusCode, code: Option<&str>) -> bool {
    let stays = matches!(code, Some("insufficient_stock" | "price_changed"));
    status.is_success() || status == StatusCode::PAYMENT_REQUIRED || (status == StatusCode::CONFLICT && stays)
}

/// What everybody may read and keep for a while, as JSON with an `ETag`; 304 where the caller has it already.
pub fn cached<T: Serialize>(known: &IfNoneMatch, body: &T, fresh_for: Duration) -> contracts::Result<Response> {
    let body = serde_json::to_vec(body).map_err(|error| Error::internal(error.to_string()))?;
    Ok(known.answer(&ETag::of_bytes(&body), (shared_headers(fresh_for), body)))
}

/// The same as a whole answer, to be finished and kept.
pub fn whole<T: Serialize>(body: &T, fresh_for: Duration) -> contracts::Result<Response> {
    let body = serde_json::to_vec(body).map_err(|error| Error::internal(error.to_string()))?;
    Ok((shared_headers(fresh_for), body).into_response())
}

fn shared_headers(fresh_for: Duration) -> [(HeaderName, HeaderValue); 2] {
    let control = format!("public, max-age={}, stale-while-revalidate={}", fresh_for.as_secs(), STALE_FOR.as_secs());
    // Digits are no harm to a header, so this does not fail.
    let control = HeaderValue::try_from(control).unwrap_or(HeaderValue::from_static("no-cache"));
    [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CACHE_CONTROL, control)]
}
