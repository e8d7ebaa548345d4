//! Who is signed in: the session's cookie, and the gate before every page but those for signing in.
//! It does not know passwords; staff's service says whose session it is.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use contracts::Error;
use contracts::caller::Caller;
use contracts::staff::NewSession;
use cookie::{Cookie, SameSite};
use domain::ids::StaffId;
use platform::http::problem::Problem;
use platform::http::trace::RequestContext;

use super::answer::{self, Refused};
use super::flash::Flash;
use super::words::Words;
use super::{Admin, ROOT, language};

/// The session's token.
const COOKIE: &str = "admin_session";
/// Stays when the session ends: it opens nothing.
const DEVICE: &str = "admin_device";
const DEVICE_KEPT: cookie::time::Duration = cookie::time::Duration::days(400);

/// A signed-in member of staff and what their browser asks for.
#[derive(Clone)]
pub struct Session {
    pub staff: StaffId,
    pub token: Arc<str>,
    pub words: &'static Words,
    /// The path and query that were asked for.
    pub here: Arc<str>,
    pub flash: Option<Flash>,
    /// Names the forms of this page, so that each is carried out once however often it is sent.
    pub once: Arc<str>,
    trace: Arc<str>,
}

impl Session {
    /// In whose name things are done.
    pub fn caller(&self) -> Caller {
        Caller { staff: Some(self.staff.clone()), token: None, trace: Some(self.trace.clone()) }
    }

    /// The path that was asked for, without its query.
    pub fn path(&self) -> &str {
        self.here.split('?').next().unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Session>().cloned().ok_or_else(Problem::unauthenticated)
    }
}

/// Lets staff through, and sends everybody else to sign in. Errors of the pages behind get a page here.
pub async fn require(
    State(admin): State<Admin>,
    context: RequestContext,
    mut request: Request,
    next: Next,
) -> Response {
    let here: Arc<str> = request.uri().path_and_query().map_or("", |asked| asked.as_str()).into();
    let words = language::of(request.headers());
    let Some(token) = token_of(request.headers()) else { return to_sign_in(&request, &here) };
    let staff = match admin.services.staff.authenticate(&token).await {
        Ok(Some(staff)) => staff,
        Ok(None) => return to_sign_in(&request, &here),
        Err(error) => return answer::bare_refusal(words, &error),
    };
    let session = Session {
        staff,
        token: token.into(),
        words,
        here,
        flash: Flash::of(request.headers()),
        once: format!("{}{}", context.span_id, context.trace_id).into(),
        trace: context.trace_id.clone(),
    };
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    if let Some(Refused(error)) = response.extensions_mut().remove::<Refused>() {
        response = admin.refuse(&session, &error).await;
    }
    answer::finish(&mut response, session.flash.is_some(), admin.secure);
    response
}

/// A page to come back to is told; what was to be changed is lost, for nobody knows yet who asks.
fn to_sign_in(request: &Request, here: &str) -> Response {
    let to = if request.method() == Method::GET { here } else { ROOT };
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
    answer::see_other(&format!("/admin/sign-in?{query}"))
}

pub fn token_of(headers: &HeaderMap) -> Option<String> {
    cookie_of(headers, COOKIE).filter(|token| !token.is_empty())
}

/// A cookie's value as the browser sent it.
pub fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = sent.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// `Lax`, not `Strict`: a link in a mail to staff must find them signed in. A link changes nothing, and whatever changes
/// something is refused when it comes from another site.
pub fn cookie(name: &'static str, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build((name, value)).path(ROOT).http_only(true).same_site(SameSite::Lax).secure(secure).build()
}

/// The session's token for as long as it is good, and what tells this browser from strangers for as long as browsers keep
/// anything.
pub fn opened(session: NewSession, secure: bool) -> Result<[Cookie<'static>; 2], Error> {
    let expires = cookie::time::OffsetDateTime::from_unix_timestamp(session.expires_at.as_second());
    let mut token = cookie(COOKIE, session.token, secure);
    token.set_expires(expires.map_err(|error| Error::internal(error.to_string()))?);
    let mut device = cookie(DEVICE, session.device, secure);
    device.set_max_age(DEVICE_KEPT);
    Ok([token, device])
}

/// What the browser was given to keep when somebody signed in on it before.
pub fn device_of(headers: &HeaderMap) -> Option<String> {
    cookie_of(headers, DEVICE)
}

pub fn closed(secure: bool) -> Cookie<'static> {
    gone(COOKIE, secure)
}

/// Makes a browser forget a cookie.
pub fn gone(name: &'static str, secure: bool) -> Cookie<'static> {
    let mut cookie = cookie(name, String::new(), secure);
    cookie.make_removal();
    cookie
}
