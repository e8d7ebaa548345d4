//! `/api/admin/sessions` and `/api/admin/keys`.
//! It does not know how secrets are made or kept.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contracts::Error;
use contracts::staff::Whence;
use domain::ids::KeyId;
use domain::text::Title;
use platform::http::extract::{Bearer, Body, Params, Segment};
use platform::http::idempotency::{Mode, Optional};
use platform::http::lists::{Cursor, Fingerprint, Limit, Listing};
use platform::http::problem::Problem;
use platform::http::trace::RequestContext;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::secrets::StoredKey;
use super::{Staff, TOO_MANY_ATTEMPTS};
use crate::http::{Answer, Refusal, Repeatable, Repeats, StaffCaller};
use crate::machinery::stored;
use crate::refusals::{Always, BadBody, Refused, Schemas};

/// No cache may keep a secret.
const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

#[derive(Clone)]
struct Api {
    staff: Arc<Staff>,
    repeats: Repeats,
}

pub fn router(staff: Arc<Staff>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(list_keys, create_key))
        .routes(routes!(delete_key))
        .with_state(Api { staff, repeats })
}

#[derive(Deserialize, ToSchema)]
struct SignIn {
    #[schema(example = "owner@example.com")]
    email: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
struct Session {
    /// Send it as `Authorization: Bearer …`.
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Sign in
///
/// After ten failures within a quarter of an hour an e-mail address has to wait, where they came from.
#[utoipa::path(post, path = "/api/admin/sessions", tag = "staff", request_body = SignIn, responses(
    (status = 201, body = Session),
    (status = 401, body = Problem, content_type = "application/problem+json",
        description = "E-mail and password do not go together"),
    (status = 429, body = Problem, content_type = "application/problem+json",
        description = "Too many failed sign-ins with this e-mail address from here", headers(("Retry-After" = u32))),
    BadBody, Refused<500>, Refused<503>))]
async fn sign_in(
    State(api): State<Api>,
    context: Option<Extension<RequestContext>>,
    body: Body<SignIn>,
) -> Answer<Response> {
    let from = Whence { client: context.and_then(|Extension(context)| context.client), device: None };
    let session = api.staff.sign_in(&body.value.email, &body.value.password, from).await.map_err(refuse_sign_in)?;
    let session = Session { token: session.token, expires_at: session.expires_at.to_string() };
    Ok((StatusCode::CREATED, NO_STORE, Json(session)).into_response())
}

fn refuse_sign_in(error: Error) -> Refusal {
    if error.code == TOO_MANY_ATTEMPTS {
        return Problem::too_many(error.retry_after_s.unwrap_or(1)).detail(error.message).into();
    }
    error.into()
}

/// Sign out
#[utoipa::path(delete, path = "/api/admin/sessions/current", tag = "staff", security(("staff_key" = [])), responses(
    (status = 204, description = "The session has ended"),
    (status = 404, body = Problem, content_type = "application/problem+json",
        description = "This request was signed with a key, not with a session"),
    Always))]
async fn sign_out(State(api): State<Api>, StaffCaller(_): StaffCaller, bearer: Bearer) -> Answer<StatusCode> {
    if api.staff.end_session(&bearer.required()?).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found().detail("this request was signed with a key, not with a session").into())
    }
}

#[derive(Serialize, ToSchema)]
struct ApiKey {
    #[schema(example = "key_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    id: String,
    name: String,
    /// The id of the member of staff that it acts for.
    staff: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// In UTC; null while it was not used.
    #[schema(format = Date)]
    last_used_on: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct NewApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// Told only now. Send it as `Authorization: Bearer …`.
    secret: String,
}

#[derive(Deserialize, ToSchema)]
struct CreateKey {
    /// What it is for.
    #[schema(example = "warehouse", max_length = 200)]
    name: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
}

/// API keys
///
/// Newest first; never the secrets.
#[utoipa::path(get, path = "/api/admin/keys", tag = "staff", security(("staff_key" = [])), params(ListParams), responses(
    (status = 200, body = Listing<ApiKey>), Refused<400>, Always))]
async fn list_keys(
    State(api): State<Api>,
    StaffCaller(_): StaffCaller,
    Params(params): Params<ListParams>,
) -> Answer<Response> {
    let fingerprint = Fingerprint::new("api_keys");
    let after = Cursor::decode_opt(params.cursor.as_deref(), &fingerprint)?.map(Cursor::after);
    let page = api.staff.keys(after, params.limit.get()).await?;
    let next = Cursor::next_of(&page);
    let keys = page.documents.into_iter().map(|document| Ok(view(document.id.clone(), document.read()?)));
    let keys = keys.collect::<Result<Vec<_>, _>>().map_err(stored)?;
    Ok((NO_STORE, Json(Listing::new(keys, next, &fingerprint))).into_response())
}

/// Create an API key
///
/// Its secret is told in this answer and never again.
#[utoipa::path(post, path = "/api/admin/keys", tag = "staff", security(("staff_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255)), request_body = CreateKey, responses(
    (status = 201, body = NewApiKey), BadBody, Refused<409>, Always))]
async fn create_key(
    State(api): State<Api>,
    StaffCaller(caller): StaffCaller,
    Optional(idempotency_key): Optional,
    body: Body<CreateKey>,
) -> Response {
    // The secret must not be kept with the answer, so a repetition makes the same key again.
    let request = Repeatable {
        caller: &caller,
        route: "POST /api/admin/keys",
        key: idempotency_key.as_ref(),
        body_hash: body.hash,
        mode: Mode::Rerun,
    };
    let is_repeatable = idempotency_key.is_some();
    let (api, name, owner) = (&api, &body.value.name, &caller.staff);
    let work = move |bytes| async move {
        let name = Title::parse(name).map_err(|error| Error::field("/name", "invalid", error.to_string()))?;
        let owner = owner.as_ref().ok_or_else(Problem::unauthenticated)?;
        let secret = if is_repeatable { api.staff.derived_key(bytes) } else { api.staff.random_key() };
        let (id, key) = api.staff.keep_key(&secret, owner, name.as_str()).await?;
        let new = NewApiKey { key: view(id.to_string(), key), secret };
        Answer::Ok((StatusCode::CREATED, NO_STORE, Json(new)).into_response())
    };
    api.repeats.run(request, [0; 16], work).await
}

/// Remove an API key
///
/// It stops working within a second, everywhere.
#[utoipa::path(delete, path = "/api/admin/keys/{id}", tag = "staff", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The key's id, not its secret")), responses(
    (status = 204, description = "It is removed"), Refused<404>, Always))]
async fn delete_key(
    State(api): State<Api>,
    StaffCaller(_): StaffCaller,
    Segment(id): Segment<KeyId>,
) -> Answer<StatusCode> {
    if api.staff.remove_key(&id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found().into()) }
}

fn view(id: String, key: StoredKey) -> ApiKey {
    ApiKey {
        id,
        name: key.name,
        staff: key.staff.to_string(),
        created_at: key.created_at.to_string(),
        last_used_on: key.last_used.map(|day| day.to_string()),
    }
}
