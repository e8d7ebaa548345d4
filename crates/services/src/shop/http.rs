//! `/api/shop` for everybody, `/api/admin/settings` for staff.
//! It does not know how settings are kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::shop::{CurrentSettings, Shop as _};
use domain::locale::Locale;
use platform::http::etag::ETag;
use platform::http::extract::{Body, IfMatch, IfNoneMatch, Params};
use platform::http::idempotency::{Mode, Optional};
use platform::http::problem::Problem;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shop;
use super::public::ShopView;
use super::views::SettingsBody;
use crate::http::{Answer, Repeatable, Repeats, StaffCaller};
use crate::refusals::{Always, BadBody, Refused, Schemas};

/// What shoppers see may be a minute old, and an hour old while it is fetched anew.
const CACHE: &str = "public, max-age=60, stale-while-revalidate=3600";
/// What staff see is never kept.
const NO_STORE: &str = "no-store";

#[derive(Clone)]
struct Api {
    shop: Arc<Shop>,
    repeats: Repeats,
}

pub fn router(shop: Arc<Shop>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(get_shop))
        .routes(routes!(get_settings, put_settings, patch_settings))
        .with_state(Api { shop, repeats })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ShopParams {
    /// One of the shop's languages; its default unless told.
    locale: Option<String>,
}

/// The shop
///
/// Its name and legal identity, its languages and currencies, where it sends to and how one pays.
#[utoipa::path(get, path = "/api/shop", tag = "shop", params(ShopParams), responses(
    (status = 200, body = ShopView, headers(("ETag" = String), ("Cache-Control" = String))),
    (status = 304, description = "You have the current one"), Refused<400>, Always))]
async fn get_shop(
    State(api): State<Api>,
    Params(params): Params<ShopParams>,
    if_none_match: IfNoneMatch,
) -> Answer<Response> {
    let current = api.shop.settings().await?;
    let settings = &current.settings;
    let locale = match params.locale.as_deref().filter(|text| !text.is_empty()) {
        None => &settings.default_locale,
        Some(text) => {
            let wanted = Locale::parse(text).ok();
            wanted.and_then(|wanted| settings.locale_for(&wanted)).ok_or_else(unknown_locale)?
        }
    };
    let body = serde_json::to_vec(&ShopView::of(settings, locale))
        .map_err(|error| contracts::Error::internal(error.to_string()))?;
    let etag = ETag::of_bytes(&body);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, CACHE)];
    Ok(if_none_match.answer(&etag, (headers, body)))
}

fn unknown_locale() -> Problem {
    Problem::malformed("unknown_locale", "locale: not one of the shop's languages").error(
        "/locale",
        "unknown_locale",
        "is not one of the shop's languages",
    )
}

/// Settings
#[utoipa::path(get, path = "/api/admin/settings", tag = "settings", security(("staff_key" = [])), responses(
    (status = 200, body = SettingsBody, headers(("ETag" = String))),
    (status = 304, description = "You have the current ones"), Always))]
async fn get_settings(
    State(api): State<Api>,
    StaffCaller(_): StaffCaller,
    if_none_match: IfNoneMatch,
) -> Answer<Response> {
    let current = api.shop.stored_settings().await?;
    Ok(if_none_match.answer(&ETag::version(current.version), answer(&current)?))
}

/// Replace the settings
///
/// What is not sent is as in an empty shop. Send the `ETag` that you have read as `If-Match`; that of a shop that was
/// never told anything is `"0"`.
#[utoipa::path(put, path = "/api/admin/settings", tag = "settings", security(("staff_key" = [])),
    params(("If-Match" = String, Header, description = "The ETag that you have read")),
    request_body = SettingsBody, responses(
    (status = 200, body = SettingsBody, headers(("ETag" = String))),
    BadBody, Refused<412>, Refused<428>, Always))]
async fn put_settings(
    State(api): State<Api>,
    StaffCaller(_): StaffCaller,
    if_match: IfMatch,
    body: Body<SettingsBody>,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let seen = api.shop.stored_settings().await?;
    if_match.check(seen.version)?;
    let replaced = api.shop.replace_settings(body.value.input()?, Some(seen.version)).await?;
    answer(&replaced)
}

/// Change some settings
///
/// A JSON Merge Patch (RFC 7396): members that are sent replace what is there, `null` empties, lists are replaced
/// whole. `If-Match` is honoured.
#[utoipa::path(patch, path = "/api/admin/settings", tag = "settings", security(("staff_key" = [])),
    params(("If-Match" = Option<String>, Header, description = "The ETag that you have read"),
           ("Idempotency-Key" = Option<String>, Header, max_length = 255)),
    request_body(content((SettingsBody = "application/merge-patch+json"), (SettingsBody = "application/json"))),
    responses((status = 200, body = SettingsBody, headers(("ETag" = String))),
    BadBody, Refused<409>, Refused<412>, Always))]
async fn patch_settings(
    State(api): State<Api>,
    StaffCaller(caller): StaffCaller,
    if_match: IfMatch,
    Optional(key): Optional,
    body: Body<Map<String, Value>>,
) -> Response {
    let request = Repeatable {
        caller: &caller,
        route: "PATCH /api/admin/settings",
        key: key.as_ref(),
        body_hash: body.hash,
        mode: Mode::Replay,
    };
    let patch = Value::Object(body.value);
    api.repeats.run(request, [0; 16], |_| async move { patched(&api.shop, &if_match, &patch).await }).await
}

async fn patched(shop: &Shop, if_match: &IfMatch, patch: &Value) -> Answer<Response> {
    let seen = shop.stored_settings().await?;
    if_match.check(seen.version)?;
    let expected = (!if_match.is_missing()).then_some(seen.version);
    // Types are judged first, on what was seen, so that a wrong one is 400 with its pointer.
    read_body(merged(&seen.settings, patch)?).await?;
    let next = |settings: &_| {
        let body: SettingsBody = serde_json::from_value(merged(settings, patch)?)
            .map_err(|error| contracts::Error::new(contracts::Kind::Malformed, "malformed_body", error.to_string()))?;
        super::read(&body.input()?)
    };
    let changed = shop.change(expected, next).await?;
    answer(&changed)
}

fn merged(settings: &domain::settings::Settings, patch: &Value) -> contracts::Result<Value> {
    let mut merged = serde_json::to_value(settings).map_err(|error| contracts::Error::internal(error.to_string()))?;
    merge(&mut merged, patch);
    Ok(merged)
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Reads JSON with the same answers as if it had come as a body.
async fn read_body(value: Value) -> Result<SettingsBody, Problem> {
    let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
    let request = request.body(value.to_string().into()).map_err(|_| Problem::internal())?;
    Body::from_request(request, &()).await.map(|body| body.value)
}

fn answer(current: &CurrentSettings) -> Answer<Response> {
    let headers = [
        (header::ETAG, ETag::version(current.version).header()),
        (header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE)),
    ];
    Ok((StatusCode::OK, headers, Json(SettingsBody::of(&current.settings)?)).into_response())
}
