//! `/admin/sign-in` and `/admin/sign-out`.
//! It does not know passwords, nor how many failures are too many: staff's service says so.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use contracts::Kind;
use contracts::staff::Whence;
use platform::http::extract::Params;
use platform::http::problem::Problem;
use platform::http::trace::RequestContext;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::flash::Flash;
use super::form::Form;
use super::language::{self, local};
use super::session::{self, Session};
use super::words::{Words, fill};
use crate::assets;

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct SignInPage {
    words: &'static Words,
    style: &'static str,
    shop_name: String,
    to: String,
    here: String,
    email: String,
    problem: Option<String>,
    note: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    to: String,
}

pub async fn show(State(admin): State<Admin>, headers: HeaderMap, asked: Result<Params<Asked>, Problem>) -> Response {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let to = local(&asked.to);
    if let Some(token) = session::token_of(&headers)
        && let Ok(Some(_)) = admin.services.staff.authenticate(&token).await
    {
        return answer::see_other(&to);
    }
    let flash = Flash::of(&headers);
    let page = SignInPage { note: flash.clone().map(|flash| flash.text), ..admin.sign_in_page(&headers, to).await };
    let mut response = answer::page(&page);
    answer::finish(&mut response, flash.is_some(), admin.secure);
    response
}

pub async fn sign_in(State(admin): State<Admin>, context: RequestContext, headers: HeaderMap, form: Form) -> Response {
    let to = local(form.value("to"));
    // A password may begin or end with a space.
    let password = form.all("password").next().unwrap_or_default();
    let device = session::device_of(&headers);
    let from = Whence { client: context.client, device: device.as_deref() };
    let opened = match admin.services.staff_desk.sign_in(form.value("email"), password, from).await {
        Ok(opened) => session::opened(opened, admin.secure),
        Err(error) => Err(error),
    };
    match opened {
        Ok(cookies) => {
            let mut response = answer::see_other(&to);
            cookies.iter().for_each(|cookie| answer::set_cookie(&mut response, cookie));
            response
        }
        Err(error) => {
            let page = admin.sign_in_page(&headers, to).await;
            let problem = match (error.kind, error.retry_after_s) {
                (Kind::Unauthenticated, _) => page.words.frame.wrong_credentials.to_owned(),
                (Kind::Unavailable, Some(wait_s)) if error.code == "too_many_requests" => {
                    locked_out(page.words, wait_s)
                }
                _ => return answer::bare_refusal(page.words, &error),
            };
            let status = match answer::status(&error) {
                // A browser would ask for a password of its own kind.
                StatusCode::UNAUTHORIZED => StatusCode::UNPROCESSABLE_ENTITY,
                status => status,
            };
            let email = form.value("email").to_owned();
            answer::page_with(status, &SignInPage { problem: Some(problem), email, ..page })
        }
    }
}

fn locked_out(words: &Words, wait_s: u32) -> String {
    match wait_s.div_ceil(60) {
        0 | 1 => words.frame.locked_out_short.to_owned(),
        minutes => fill(words.frame.locked_out, &[&minutes.to_string()]),
    }
}

pub async fn sign_out(State(admin): State<Admin>, session: Session) -> Answer {
    admin.services.staff_desk.sign_out(&session.token).await?;
    let mut response = admin.done("/admin/sign-in", &Flash::good(session.words.frame.signed_out));
    answer::set_cookie(&mut response, &session::closed(admin.secure));
    Ok(response)
}

impl Admin {
    async fn sign_in_page(&self, headers: &HeaderMap, to: String) -> SignInPage {
        // A shop that cannot even say its name still lets its staff in.
        let name = self.services.shop.settings().await.ok().and_then(|current| current.settings.name.clone());
        SignInPage {
            words: language::of(headers),
            style: assets::ADMIN_STYLE.url(),
            shop_name: name.map_or_else(|| "CloudMart".to_owned(), |name| name.as_str().to_owned()),
            here: super::lists::href("/admin/sign-in", &[("to", &to)]),
            to,
            email: String::new(),
            problem: None,
            note: None,
        }
    }
}
