//! Refusals in the OpenAPI description: one line at a handler declares a status with its problem body.
//! It does not know when a handler refuses; only what it then looks like.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use platform::http::problem::{self, FieldProblem, Problem};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};

/// `Refused<404>` among the `responses(…)` of `#[utoipa::path]`.
pub struct Refused<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Refused<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of(&[STATUS])
    }
}

/// What every route can answer: an unreadable token, too many requests, our own faults.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of(&[401, 429, 500, 503])
    }
}

/// What every route with a JSON body can answer: unreadable, too large, of another type, not valid.
pub struct BadBody;

impl IntoResponses for BadBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of(&[400, 413, 415, 422])
    }
}

/// The schemas that refusals refer to; a router that declares any begins with it.
#[derive(OpenApi)]
#[openapi(components(schemas(Problem, FieldProblem)))]
pub struct Schemas;

fn of(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    statuses.iter().map(|status| (status.to_string(), RefOr::T(response(*status)))).collect()
}

fn response(status: u16) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(describe(status)).content(problem::CONTENT_TYPE, content).build()
}

fn describe(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read",
        401 => "Sign in first, or the token cannot be read",
        404 => "There is nothing here, or not for this caller",
        409 => "The state of things does not allow it",
        412 => "It has changed since you read it",
        413 => "The body is too large",
        415 => "The body has a type that is not read here",
        422 => "Some of this is not valid; `errors` says what",
        428 => "Say in `If-Match` which version you have read",
        429 => "Too many requests",
        500 => "Something went wrong on our side",
        503 => "Not available right now; try again",
        _ => StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Refused"),
    }
}
