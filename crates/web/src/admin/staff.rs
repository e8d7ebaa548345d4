//! Who is on the staff, and one's own password.
//! It does not know what passwords look like inside; a new one is shown once and kept nowhere.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use contracts::Error;
use contracts::staff::MemberView;
use domain::ids::StaffId;
use futures::stream;
use platform::http::extract::Params;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer, Refused};
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::lists::Pager;
use super::session::{self, Session};
use super::sheet::{PlainSheet, Sheet};
use super::words::fill;

const PATH: &str = "/admin/staff";

pub fn router() -> Router<Admin> {
    Router::new()
        .route(PATH, get(list).post(add))
        .route("/admin/staff/password", post(change_password))
        .route("/admin/staff/{id}/remove", get(ask_remove).post(remove))
        .route("/admin/staff/{id}/reset", get(ask_reset).post(reset))
}

#[derive(Template)]
#[template(path = "admin/staff.html")]
struct StaffPage {
    frame: Frame,
    /// For somebody new.
    adding: Form,
    /// For one's own password.
    own: Form,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    email: String,
    since: String,
    is_you: bool,
    path: String,
}

/// A secret, told this once.
#[derive(Template)]
#[template(path = "admin/told_once.html")]
pub struct ToldOncePage {
    pub frame: Frame,
    pub what: String,
    pub secret: String,
    pub back: &'static str,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    format: Option<String>,
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    if asked.format.as_deref() == Some("csv") {
        return Ok(as_csv(&session, admin.services.staff_desk.members().await?));
    }
    admin.staff_page(&session, Form::default(), Form::default(), StatusCode::OK).await
}

fn as_csv(session: &Session, members: Vec<MemberView>) -> Response {
    let words = session.words.office;
    let row = |member: MemberView| Ok(vec![member.id.to_string(), member.email, member.created_at.to_string()]);
    let rows: Vec<_> = members.into_iter().map(row).collect();
    csv::download("staff.csv", &[words.id, words.email, words.since], stream::iter(rows))
}

async fn add(State(admin): State<Admin>, session: Session, mut form: Form) -> Answer {
    match admin.services.staff_desk.add(form.value("email")).await {
        Ok(told) => {
            let what = fill(session.words.office.told_password, &[&told.email]);
            admin.told_once(&session, what, told.secret, PATH).await
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.staff_page(&session, form, Form::default(), status).await
        }
    }
}

async fn change_password(State(admin): State<Admin>, session: Session, form: Form) -> Answer {
    // A password may begin or end with a space.
    let typed = |name: &'static str| form.all(name).next().unwrap_or_default();
    let mut shown = Form::default();
    if typed("new") != typed("again") {
        shown.refuse("again", session.words.office.not_the_same);
        return admin.staff_page(&session, Form::default(), shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let desk = &admin.services.staff_desk;
    match desk.change_password(&session.staff, typed("old"), typed("new"), &session.token).await {
        Ok(()) => Ok(admin.done(PATH, &Flash::good(session.words.office.password_changed))),
        Err(error) => {
            let status = answer::status(&error);
            shown.take_error(error, session.words)?;
            admin.staff_page(&session, Form::default(), shown, status).await
        }
    }
}

async fn ask_remove(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let member = admin.member(&id).await?;
    admin.removal(&session, &member, Form::default(), StatusCode::OK).await
}

async fn remove(State(admin): State<Admin>, session: Session, Path(id): Path<String>, mut form: Form) -> Answer {
    let member = admin.member(&id).await?;
    match admin.services.staff_desk.remove(&member.id).await {
        Ok(()) => {
            let flash = Flash::good(fill(session.words.office.removed, &[&member.email]));
            Ok(admin.done_to(&session, &member, &flash))
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.removal(&session, &member, form, status).await
        }
    }
}

async fn ask_reset(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let member = admin.member(&id).await?;
    let words = session.words.office;
    let frame = admin.frame(&session, fill(words.reset_title, &[&member.email])).await?;
    let frame = frame.below(PATH, session.words.frame.staff);
    let sheet = Sheet::new(&frame, format!("{PATH}/{}/reset", member.id), PATH, Form::default());
    let mut sheet = sheet.says(words.reset_says_1).says(words.reset_says_2).button(words.reset);
    if member.id == session.staff {
        sheet = sheet.says(words.reset_says_yourself);
    }
    Ok(answer::page(&PlainSheet { frame, sheet }))
}

async fn reset(State(admin): State<Admin>, session: Session, Path(id): Path<String>) -> Answer {
    let member = admin.member(&id).await?;
    let told = admin.services.staff_desk.reset(&member.id).await?;
    let what = fill(session.words.office.told_password, &[&told.email]);
    admin.told_once(&session, what, told.secret, PATH).await
}

impl Admin {
    async fn member(&self, id: &str) -> Result<MemberView, Refused> {
        let id = StaffId::parse(id).map_err(|_| Error::not_found("member of staff"))?;
        Ok(self.services.staff_desk.member(&id).await?)
    }

    /// Back to the list; whoever removed themselves is signed out.
    fn done_to(&self, session: &Session, member: &MemberView, flash: &Flash) -> Response {
        if member.id != session.staff {
            return self.done(PATH, flash);
        }
        let mut response = self.done("/admin/sign-in", flash);
        answer::set_cookie(&mut response, &session::closed(self.secure));
        response
    }

    pub async fn told_once(&self, session: &Session, what: String, secret: String, back: &'static str) -> Answer {
        let frame = self.frame(session, session.words.office.told_once_title).await?;
        Ok(answer::page(&ToldOncePage { frame, what, secret, back }))
    }

    async fn removal(&self, session: &Session, member: &MemberView, form: Form, status: StatusCode) -> Answer {
        let words = session.words.office;
        let frame = self.frame(session, fill(words.remove_title, &[&member.email])).await?;
        let frame = frame.below(PATH, session.words.frame.staff);
        let mut sheet = Sheet::new(&frame, format!("{PATH}/{}/remove", member.id), PATH, form);
        if member.id == session.staff {
            sheet = sheet.says(words.remove_says_yourself);
        }
        let sheet = sheet.says(words.remove_says_1).says(words.remove_says_2).says(words.remove_says_3);
        let sheet = sheet.button(words.remove).grave();
        Ok(answer::page_with(status, &PlainSheet { frame, sheet }))
    }

    async fn staff_page(&self, session: &Session, adding: Form, own: Form, status: StatusCode) -> Answer {
        let frame = self.frame(session, session.words.frame.staff).await?;
        let row = |member: MemberView| Row {
            since: frame.times.minute(member.created_at),
            is_you: member.id == session.staff,
            path: format!("{PATH}/{}", member.id),
            email: member.email,
        };
        let rows = self.services.staff_desk.members().await?.into_iter().map(row).collect();
        let page = StaffPage { rows, adding, own, pager: Pager::new(PATH, &[], None, None), frame };
        Ok(answer::page_with(status, &page))
    }
}
