//! API keys: for programs that work in a member's name.
//! It does not know what they are used for.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use contracts::Error;
use contracts::staff::{KeyView, StaffDesk};
use domain::ids::{KeyId, StaffId};
use futures::TryStreamExt;
use platform::http::extract::Params;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::lists::Pager;
use super::session::Session;
use super::sheet::{PlainSheet, Sheet};
use super::words::fill;

const PATH: &str = "/admin/keys";
const ROWS: usize = 50;

pub fn router() -> Router<Admin> {
    Router::new().route(PATH, get(list).post(create)).route("/admin/keys/{id}/remove", get(ask_remove).post(remove))
}

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct KeysPage {
    frame: Frame,
    form: Form,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    name: String,
    owner: String,
    since: String,
    last_used: String,
    path: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Asked {
    cursor: Option<String>,
    format: Option<String>,
    name: Option<String>,
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    if asked.format.as_deref() == Some("csv") {
        return as_csv(&admin, &session).await;
    }
    admin.keys_page(&session, asked.cursor.as_deref(), Form::default(), StatusCode::OK).await
}

async fn as_csv(admin: &Admin, session: &Session) -> Answer {
    let words = session.words.office;
    let owners = admin.owners().await?;
    let desk: Arc<dyn StaffDesk> = admin.services.staff_desk.clone();
    let fetch = move |cursor: Option<String>| {
        let desk = desk.clone();
        async move { desk.keys(cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
    };
    let rows = csv::all(fetch).map_ok(move |key: KeyView| {
        let owner = owners.get(&key.staff).cloned().unwrap_or_default();
        let used = key.last_used_on.map(|day| day.to_string()).unwrap_or_default();
        vec![key.id.to_string(), key.name, owner, key.created_at.to_string(), used]
    });
    let header = [words.id, words.key_name, words.owner, words.since, words.last_used];
    Ok::<Response, _>(csv::download("api-keys.csv", &header, rows))
}

async fn create(State(admin): State<Admin>, session: Session, mut form: Form) -> Answer {
    match admin.services.staff_desk.create_key(&session.staff, form.value("name")).await {
        Ok((key, secret)) => {
            let what = fill(session.words.office.told_key, &[&key.name]);
            admin.told_once(&session, what, secret, PATH).await
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.keys_page(&session, None, form, status).await
        }
    }
}

async fn ask_remove(
    State(admin): State<Admin>,
    session: Session,
    Path(id): Path<String>,
    Params(asked): Params<Asked>,
) -> Answer {
    let id = read_id(&id)?;
    let words = session.words.office;
    let name = asked.name.unwrap_or_else(|| id.to_string());
    let frame = admin.frame(&session, fill(words.remove_key_title, &[&name])).await?;
    let frame = frame.below(PATH, session.words.frame.keys);
    let action = super::lists::href(&format!("{PATH}/{id}/remove"), &[("name", &name)]);
    let sheet = Sheet::new(&frame, action, PATH, Form::default()).says(words.remove_key_says);
    let sheet = sheet.button(words.remove).grave();
    Ok(answer::page(&PlainSheet { frame, sheet }))
}

async fn remove(
    State(admin): State<Admin>,
    session: Session,
    Path(id): Path<String>,
    Params(asked): Params<Asked>,
) -> Answer {
    let id = read_id(&id)?;
    admin.services.staff_desk.remove_key(&id).await?;
    let name = asked.name.unwrap_or_else(|| id.to_string());
    let flash = Flash::good(fill(session.words.office.key_removed, &[&name]));
    Ok(admin.done(PATH, &flash))
}

fn read_id(id: &str) -> Result<KeyId, Error> {
    KeyId::parse(id).map_err(|_| Error::not_found("API key"))
}

impl Admin {
    /// E-mail addresses of the staff.
    async fn owners(&self) -> Result<BTreeMap<StaffId, String>, Error> {
        Ok(self.services.staff_desk.members().await?.into_iter().map(|member| (member.id, member.email)).collect())
    }

    async fn keys_page(&self, session: &Session, cursor: Option<&str>, form: Form, status: StatusCode) -> Answer {
        let words = session.words;
        let listing = self.services.staff_desk.keys(cursor, ROWS).await?;
        let owners = self.owners().await?;
        let frame = self.frame(session, words.frame.keys).await?;
        let row = |key: KeyView| Row {
            owner: owners.get(&key.staff).cloned().unwrap_or_default(),
            since: frame.times.minute(key.created_at),
            last_used: key.last_used_on.map_or_else(|| words.office.never.to_owned(), |day| frame.times.date(day)),
            path: super::lists::href(&format!("{PATH}/{}/remove", key.id), &[("name", &key.name)]),
            name: key.name,
        };
        let rows = listing.items.into_iter().map(row).collect();
        let pager = Pager::new(PATH, &[], cursor, listing.next_cursor.as_deref());
        Ok(answer::page_with(status, &KeysPage { rows, pager, form, frame }))
    }
}
