//! Mail over HTTP, for staff: what was sent and what waits, how a mail reads, and from whom it comes.
//! It does not know how mail travels.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::mail::{Mail as _, MailKind, MailSettings, MailState, MailView};
use domain::ids::OrderId;
use domain::locale::Locale;
use platform::http::etag::ETag;
use platform::http::extract::{Body, IfMatch, IfNoneMatch, Params, Segment};
use platform::http::idempotency::{Mode, Optional};
use platform::http::lists::{Limit, Listing};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Mailroom, hex};
use crate::http::{Answer, Repeatable, Repeats, StaffCaller};
use crate::refusals::{Always, BadBody, Refused, Schemas};

/// What staff see is never kept.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

#[derive(Clone)]
struct Api {
    mail: Arc<Mailroom>,
    repeats: Repeats,
}

pub fn router(mail: Arc<Mailroom>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(list_mails))
        .routes(routes!(preview_mail))
        .routes(routes!(resend_mail))
        .routes(routes!(get_mail_settings, put_mail_settings))
        .routes(routes!(try_mail))
        .with_state(Api { mail, repeats })
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailKind)]
enum KindBody {
    Placed,
    Shipped,
    Cancelled,
    Refunded,
    /// To staff.
    NewOrder,
}

impl From<KindBody> for MailKind {
    fn from(kind: KindBody) -> Self {
        match kind {
            KindBody::Placed => Self::Placed,
            KindBody::Shipped => Self::Shipped,
            KindBody::Cancelled => Self::Cancelled,
            KindBody::Refunded => Self::Refunded,
            KindBody::NewOrder => Self::NewOrder,
        }
    }
}

impl From<MailKind> for KindBody {
    fn from(kind: MailKind) -> Self {
        match kind {
            MailKind::Placed => Self::Placed,
            MailKind::Shipped => Self::Shipped,
            MailKind::Cancelled => Self::Cancelled,
            MailKind::Refunded => Self::Refunded,
            MailKind::NewOrder => Self::NewOrder,
        }
    }
}

/// How far a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailState)]
enum StateBody {
    /// It will be sent, or tried again.
    Waiting,
    Sent,
    /// It was refused for good; it can be sent again.
    Failed,
}

impl From<StateBody> for MailState {
    fn from(state: StateBody) -> Self {
        match state {
            StateBody::Waiting => Self::Waiting,
            StateBody::Sent => Self::Sent,
            StateBody::Failed => Self::Failed,
        }
    }
}

impl From<MailState> for StateBody {
    fn from(state: MailState) -> Self {
        match state {
            MailState::Waiting => Self::Waiting,
            MailState::Sent => Self::Sent,
            MailState::Failed => Self::Failed,
        }
    }
}

/// A mail. Whose address it went to is the order's to tell.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Mail)]
struct MailBody {
    id: String,
    kind: KindBody,
    #[schema(example = "ord_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    order_id: String,
    #[schema(example = "7K3M9QXZ")]
    order_number: String,
    /// The order's language; empty where it has none.
    locale: String,
    state: StateBody,
    attempts: u32,
    /// What the server said last.
    problem: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    /// When it is tried next.
    #[schema(format = DateTime)]
    due_at: Option<String>,
}

impl From<MailView> for MailBody {
    fn from(view: MailView) -> Self {
        let text = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
        Self {
            id: view.id,
            kind: view.kind.into(),
            order_id: view.order.to_string(),
            order_number: view.order_number,
            locale: view.locale,
            state: view.state.into(),
            attempts: view.attempts,
            problem: view.problem,
            created_at: view.created_at.to_string(),
            sent_at: text(view.sent_at),
            due_at: text(view.due_at),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Mails about this order only.
    #[param(value_type = Option<String>)]
    order: Option<OrderId>,
    state: Option<StateBody>,
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
}

/// Mails, the newest first
///
/// A mail is listed for a year after it was sent.
#[utoipa::path(get, path = "/api/admin/mails", tag = "mail", security(("staff_key" = [])), params(ListParams),
    responses((status = 200, description = "A page", body = Listing<MailBody>), Refused<400>, Always))]
async fn list_mails(
    State(api): State<Api>,
    _: StaffCaller,
    Params(asked): Params<ListParams>,
) -> Answer<Json<Listing<MailBody>>> {
    let state = asked.state.map(MailState::from);
    let page = api.mail.mails(asked.order.as_ref(), state, asked.cursor.as_deref(), asked.limit.get()).await?;
    let items = page.items.into_iter().map(MailBody::from).collect();
    Ok(Json(Listing { items, next_cursor: page.next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PreviewParams {
    kind: KindBody,
    /// About this order; about a made-up one unless told.
    #[param(value_type = Option<String>)]
    order: Option<OrderId>,
    /// BCP 47; the order's unless told. Mails are written in English and Korean.
    #[param(value_type = Option<String>)]
    locale: Option<Locale>,
}

/// A mail as it reads.
#[derive(Serialize, ToSchema)]
#[schema(as = MailPreview)]
struct PreviewBody {
    /// Empty while nobody can write: then mail waits.
    from: String,
    to: String,
    subject: String,
    text: String,
    html: String,
}

/// How a mail reads
///
/// 409 `order_erased`, or `nothing_to_tell` where nothing was shipped or refunded.
#[utoipa::path(get, path = "/api/admin/mails/preview", tag = "mail", security(("staff_key" = [])),
    params(PreviewParams), responses((status = 200, description = "The mail", body = PreviewBody),
    Refused<400>, Refused<404>, Refused<409>, Always))]
async fn preview_mail(
    State(api): State<Api>,
    _: StaffCaller,
    Params(asked): Params<PreviewParams>,
) -> Answer<Response> {
    let preview = api.mail.preview(asked.kind.into(), asked.order.as_ref(), asked.locale.as_ref()).await?;
    let contracts::mail::MailPreview { from, to, subject, text, html } = preview;
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(PreviewBody { from, to, subject, text, html })).into_response())
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailAgain)]
struct AgainBody {
    kind: KindBody,
}

/// Send a mail again
///
/// As the order is now; of shipments and refunds, about the last one. It goes out even if its kind is muted. 409: `order_erased`,
/// `nothing_to_tell`, or `no_address` where there is nobody to write to.
#[utoipa::path(post, path = "/api/admin/orders/{id}/mails", tag = "mail", security(("staff_key" = [])),
    params(("id" = String, Path, description = "The order's id"),
           ("Idempotency-Key" = Option<String>, Header, max_length = 255)),
    request_body = AgainBody,
    responses((status = 202, description = "It is on its way", body = MailBody),
    Refused<404>, Refused<409>, BadBody, Always))]
async fn resend_mail(
    State(api): State<Api>,
    StaffCaller(caller): StaffCaller,
    Segment(id): Segment<OrderId>,
    Optional(key): Optional,
    body: Body<AgainBody>,
) -> Response {
    let route = format!("POST /api/admin/orders/{id}/mails");
    let request =
        Repeatable { caller: &caller, route: &route, key: key.as_ref(), body_hash: body.hash, mode: Mode::Replay };
    let work = |once: [u8; 16]| {
        let (api, caller, kind) = (&api, &caller, body.value.kind);
        async move {
            let mail = api.mail.resend(kind.into(), &id, &hex(&once), caller).await?;
            Ok((StatusCode::ACCEPTED, Json(MailBody::from(mail))))
        }
    };
    api.repeats.run(request, api.mail.fresh(), work).await
}

/// From whom mail comes, and who of the staff is told.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MailSettings)]
struct SettingsBody {
    /// The shop's name unless told.
    #[schema(max_length = 200)]
    from_name: Option<String>,
    /// The address that the shop tells its buyers unless told; without either, mail by SMTP waits.
    #[schema(example = "orders@shop.example")]
    from_address: Option<String>,
    /// The address that the shop tells its buyers unless told.
    reply_to: Option<String>,
    /// Who is told of new orders.
    #[schema(max_items = 20)]
    staff: Vec<String>,
    /// Kinds that are not sent.
    muted: Vec<KindBody>,
}

/// The settings, and where mail goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailSettingsView)]
struct SettingsView {
    from_name: Option<String>,
    from_address: Option<String>,
    reply_to: Option<String>,
    staff: Vec<String>,
    muted: Vec<KindBody>,
    /// The operator's choice: a folder, or a server's name and port.
    transport: String,
}

/// Mail settings
#[utoipa::path(get, path = "/api/admin/mail-settings", tag = "mail", security(("staff_key" = [])),
    responses((status = 200, body = SettingsView, headers(("ETag" = String))),
    (status = 304, description = "You have the current ones"), Always))]
async fn get_mail_settings(State(api): State<Api>, _: StaffCaller, if_none_match: IfNoneMatch) -> Answer<Response> {
    let (settings, version) = api.mail.settings().await?;
    Ok(if_none_match.answer(&ETag::version(version), answer(&api, settings, version)))
}

/// Replace the mail settings
///
/// What is not sent is empty. Send the `ETag` that you have read as `If-Match`.
#[utoipa::path(put, path = "/api/admin/mail-settings", tag = "mail", security(("staff_key" = [])),
    params(("If-Match" = String, Header, description = "The ETag that you have read")),
    request_body = SettingsBody,
    responses((status = 200, body = SettingsView, headers(("ETag" = String))),
    BadBody, Refused<412>, Refused<428>, Always))]
async fn put_mail_settings(
    State(api): State<Api>,
    _: StaffCaller,
    if_match: IfMatch,
    body: Body<SettingsBody>,
) -> Answer<Response> {
    let if_match = if_match.required()?;
    let (_, seen) = api.mail.settings().await?;
    if_match.check(seen)?;
    let SettingsBody { from_name, from_address, reply_to, staff, muted } = body.value;
    let muted = muted.into_iter().map(MailKind::from).collect();
    let wanted = MailSettings { from_name, from_address, reply_to, staff, muted };
    api.mail.replace_settings(wanted, seen).await?;
    let (settings, version) = api.mail.settings().await?;
    Ok(answer(&api, settings, version))
}

fn answer(api: &Api, settings: MailSettings, version: u64) -> Response {
    let MailSettings { from_name, from_address, reply_to, staff, muted } = settings;
    let muted = muted.into_iter().map(KindBody::from).collect();
    let view = SettingsView { from_name, from_address, reply_to, staff, muted, transport: api.mail.transport() };
    let headers = [(header::ETAG, ETag::version(version).header()), (header::CACHE_CONTROL, NO_STORE)];
    (headers, Json(view)).into_response()
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailTrial)]
struct TrialBody {
    #[schema(example = "owner@shop.example")]
    to: String,
}

/// Try mail out
///
/// Sends a made-up mail at once. 409 `mail_not_taken` tells what the server said, `no_sender` that nobody can write.
#[utoipa::path(post, path = "/api/admin/mail-settings/try", tag = "mail", security(("staff_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255)),
    request_body = TrialBody,
    responses((status = 204, description = "The server took it"), Refused<409>, BadBody, Always))]
async fn try_mail(
    State(api): State<Api>,
    StaffCaller(caller): StaffCaller,
    Optional(key): Optional,
    body: Body<TrialBody>,
) -> Response {
    let request = Repeatable {
        caller: &caller,
        route: "POST /api/admin/mail-settings/try",
        key: key.as_ref(),
        body_hash: body.hash,
        mode: Mode::Replay,
    };
    let work = |_| async {
        api.mail.try_out(&body.value.to).await?;
        Ok(StatusCode::NO_CONTENT)
    };
    api.repeats.run(request, [0; 16], work).await
}
