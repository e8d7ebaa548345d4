//! Which problems each kind of operation can answer with, for the API's description.
//! It does not make any.

use std::collections::BTreeMap;

use platform::http::problem::{CONTENT_TYPE, Problem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

type Responses = BTreeMap<String, RefOr<Response>>;

/// Of public reads.
pub struct OfReading;
/// Of staff's reads.
pub struct OfStaffReading;
/// Of what staff create.
pub struct OfCreating;
/// Of what staff change, under `If-Match`.
pub struct OfChanging;

impl IntoResponses for OfReading {
    fn responses() -> Responses {
        problems(&[400, 404, 429, 503])
    }
}

impl IntoResponses for OfStaffReading {
    fn responses() -> Responses {
        problems(&[400, 401, 404, 429, 503])
    }
}

impl IntoResponses for OfCreating {
    fn responses() -> Responses {
        problems(&[400, 401, 409, 413, 415, 422, 429, 503])
    }
}

impl IntoResponses for OfChanging {
    fn responses() -> Responses {
        problems(&[400, 401, 404, 409, 412, 413, 415, 422, 428, 429, 503])
    }
}

fn problems(statuses: &[u16]) -> Responses {
    statuses.iter().map(|status| (status.to_string(), RefOr::T(problem(*status)))).collect()
}

fn problem(status: u16) -> Response {
    let description = match status {
        400 => "It cannot be read: malformed JSON, a wrong type, an unknown currency, locale or cursor.",
        401 => "Not signed in as staff.",
        404 => "There is no such thing, or not for this caller.",
        409 => "A SKU or slug is another product's (`sku_taken`, `slug_taken`), or the same request is still running.",
        412 => "It was changed since the version in `If-Match`.",
        413 => "The body is too large.",
        415 => "The body has a type that is not read here.",
        422 => "Well-formed, but not valid; `errors` say where and why.",
        428 => "`If-Match` is missing.",
        429 => "Too many requests; `Retry-After` says when to come back.",
        _ => "Not available right now; `Retry-After` says when to come back.",
    };
    let schema = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content(CONTENT_TYPE, content).build()
}
