//! The API's description: what the routes say of themselves, completed by what the conventions add to every route.
//! It does not know what a route does.

use serde_json::json;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, schema,
};
use utoipa::{PartialSchema, ToSchema};

use platform::http::problem::{FieldProblem, ProblemDetails};

const DESCRIPTION: &str = "The API of a CloudMart shop. Amounts are integers in minor units. Errors are problems \
(RFC 9457) with a stable `code`. Staff send their API key as a bearer token. `Idempotency-Key` is accepted on every \
POST and PATCH, and required where money or stock moves; key and body are compared byte for byte. Best is a UUID of version 7: what comes about is named by the \
key's time then, which keeps large shops fast.";

/// Adds what the conventions add to every route: their problems, security schemes, title and licence.
pub fn complete(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("CloudMart")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert("Problem".to_owned(), ProblemDetails::schema());
    components.schemas.insert(FieldProblem::name().into_owned(), FieldProblem::schema());
    for (name, description) in [
        ("staff_key", "A staff API key or session token."),
        ("order_token", "An order's access_token."),
        ("cart_token", "A cart's token."),
    ] {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        components.security_schemes.insert(name.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    }
    for (path, item) in &mut document.paths.paths {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        for operation in operations.into_iter().flatten() {
            add_problems(path, operation);
            name_apart(path, operation);
        }
    }
    document
}

/// Generators of clients need every operation to have a name of its own, and staff read orders, too.
fn name_apart(path: &str, operation: &mut Operation) {
    if path.starts_with("/api/admin/") {
        operation.operation_id = operation.operation_id.take().map(|id| format!("staff_{id}"));
    }
}

fn add_problems(path: &str, operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let has = |location: &ParameterIn, name: Option<&str>| {
        let inline = parameters.iter().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        });
        inline.into_iter().any(|parameter| {
            parameter.parameter_in == *location && name.is_none_or(|name| parameter.name.eq_ignore_ascii_case(name))
        })
    };
    let mut problems = vec![
        ("400", "The request cannot be read"),
        ("403", "Not allowed, or on behalf of another site"),
        ("414", "The address is too long"),
        ("429", "Too many requests; see Retry-After"),
        ("503", "The shop cannot answer right now; see Retry-After"),
    ];
    if path.starts_with("/api/admin") {
        problems.push(("401", "Sign in first"));
    }
    if has(&ParameterIn::Path, None) || path.starts_with("/api/admin") {
        problems.push(("404", "There is no such thing"));
    }
    if has_body {
        problems.push(("413", "The body is too large"));
        problems.push(("415", "The body has a type that is not read here"));
        problems.push(("422", "Well-formed, but not valid"));
    }
    if has(&ParameterIn::Header, Some("Idempotency-Key")) {
        problems.push(("409", "`idempotency_in_flight`: the same request is still running"));
        problems.push(("422", "`idempotency_key_reused`: the key came with another body"));
    }
    if has(&ParameterIn::Header, Some("If-Match")) || path.starts_with("/api/admin/orders") {
        problems.push(("412", "It has changed since you read it"));
        problems.push(("428", "Say which version you have read"));
    }
    for (status, description) in problems {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
    }
}

fn problem(description: &str) -> Response {
    let schema: RefOr<schema::Schema> = Ref::from_schema_name("Problem").into();
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .example(Some(json!({"type": "/problems/not_found", "title": "There is nothing here", "status": 404, "code": "not_found"})))
        .build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
