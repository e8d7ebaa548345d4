//! `/admin/drafts`: orders that staff write down themselves, with their own prices, until they are orders.
//! It does not price anything, and places no order in any other way than shoppers do.

mod filling;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use contracts::orders::{DraftBody, DraftView};
use contracts::{Error, Kind};
use domain::ids::{DraftId, OrderId};
use futures::TryStreamExt;
use platform::http::extract::{Params, Segment, Segments};
use platform::http::problem::Problem;
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
use filling::{Choices, LineRow};

const ROWS: usize = 50;
const COLUMNS: [&str; 8] = ["draft", "order", "reference", "buyer", "email", "currency", "lines", "created_at"];

pub fn router() -> Router<Admin> {
    Router::new()
        .route("/admin/drafts", get(show))
        .route("/admin/drafts/new", get(blank).post(create))
        .route("/admin/drafts/{id}", get(edit).post(replace))
        .route("/admin/drafts/{id}/{deed}", get(ask).post(act))
}

#[derive(Template)]
#[template(path = "admin/drafts/list.html")]
struct DraftsPage {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    id: String,
    title: String,
    order: Option<String>,
    buyer: String,
    lines: usize,
    created_at: String,
    updated_at: String,
}

#[derive(Template)]
#[template(path = "admin/drafts/edit.html")]
struct EditPage {
    frame: Frame,
    form: Form,
    lines: Vec<LineRow>,
    choices: Choices,
    action: String,
    once: String,
    /// Of one that is written already.
    draft: Option<String>,
    order: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    cursor: Option<String>,
    format: String,
}

async fn show(State(admin): State<Admin>, session: Session, asked: Result<Params<Asked>, Problem>) -> Answer {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let orders = admin.services.orders.clone();
    if asked.format == "csv" {
        let rows = csv::all(move |cursor| {
            let orders = orders.clone();
            async move { orders.drafts(cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
        });
        return Ok(csv::download("drafts.csv", &COLUMNS, rows.map_ok(|draft| cells(&draft))));
    }
    let drafts = orders.drafts(asked.cursor.as_deref(), ROWS).await?;
    let frame = admin.frame(&session, session.words.frame.drafts).await?;
    let page = DraftsPage {
        rows: drafts.items.iter().map(|draft| row(&frame, draft)).collect(),
        pager: Pager::new("/admin/drafts", &[], asked.cursor.as_deref(), drafts.next_cursor.as_deref()),
        frame,
    };
    Ok(answer::page(&page))
}

fn row(frame: &Frame, draft: &DraftView) -> Row {
    let buyer = draft.draft.buyer.as_ref();
    let buyer = buyer.and_then(|buyer| buyer.name.clone().or_else(|| buyer.email.clone()));
    Row {
        id: draft.id.clone(),
        title: title(frame, draft),
        order: draft.order_id.clone(),
        buyer: buyer.unwrap_or_default(),
        lines: draft.draft.lines.len(),
        created_at: frame.times.of_text(&draft.created_at),
        updated_at: frame.times.of_text(&draft.updated_at),
    }
}

/// Its own number, or when it was written.
fn title(frame: &Frame, draft: &DraftView) -> String {
    let created = || format!("{} · {}", frame.words.drafts.draft, frame.times.of_text(&draft.created_at));
    draft.draft.reference.clone().unwrap_or_else(created)
}

fn cells(draft: &DraftView) -> Vec<String> {
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let buyer = draft.draft.buyer.as_ref();
    vec![
        draft.id.clone(),
        text(draft.order_id.as_ref()),
        text(draft.draft.reference.as_ref()),
        text(buyer.and_then(|buyer| buyer.name.as_ref())),
        text(buyer.and_then(|buyer| buyer.email.as_ref())),
        draft.draft.currency.clone(),
        draft.draft.lines.len().to_string(),
        draft.created_at.clone(),
    ]
}

/// What a new draft begins with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begin {
    /// A draft to copy.
    from: Option<String>,
    /// An order to copy.
    order: Option<String>,
}

async fn blank(State(admin): State<Admin>, session: Session, begin: Result<Params<Begin>, Problem>) -> Answer {
    let begin = begin.map(|Params(begin)| begin).unwrap_or_default();
    let form = if let Some(draft) = begin.from {
        let id = DraftId::parse(&draft).map_err(|_| Error::not_found("draft order"))?;
        let (view, _) = admin.services.orders.draft(&id).await?;
        filling::form_of(&DraftBody { placed_at: None, reference: None, ..view.draft })
    } else if let Some(order) = begin.order {
        let id = OrderId::parse(&order).map_err(|_| Error::not_found("order"))?;
        filling::form_of(&filling::copy_of(&admin.order(&id).await?))
    } else {
        Form::default()
    };
    admin.edit_page(&session, form, None, StatusCode::OK).await
}

async fn create(State(admin): State<Admin>, session: Session, form: Form) -> Answer {
    let mut form = filling::compact(&form);
    if form.is_set("add") {
        return admin.edit_page(&session, form, None, StatusCode::OK).await;
    }
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    let Some(body) = filling::body_of(&mut form, session.words) else {
        return admin.edit_page(&session, form, None, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    match admin.services.orders.create_draft(body, &once).await {
        Ok(draft) => Ok(admin.done(&format!("/admin/drafts/{}", draft.id), &Flash::good(session.words.drafts.saved))),
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.edit_page(&session, form, None, status).await
        }
    }
}

async fn edit(State(admin): State<Admin>, session: Session, id: Result<Segment<DraftId>, Problem>) -> Answer {
    let (view, version) = admin.services.orders.draft(&id_of(id)?).await?;
    let form = filling::form_of(&view.draft).with("seen", version.to_string());
    admin.edit_page(&session, form, Some(&view), StatusCode::OK).await
}

async fn replace(
    State(admin): State<Admin>,
    session: Session,
    id: Result<Segment<DraftId>, Problem>,
    form: Form,
) -> Answer {
    let id = id_of(id)?;
    let (view, version) = admin.services.orders.draft(&id).await?;
    let mut form = filling::compact(&form);
    if form.is_set("add") {
        return admin.edit_page(&session, form, Some(&view), StatusCode::OK).await;
    }
    let Some(body) = filling::body_of(&mut form, session.words) else {
        return admin.edit_page(&session, form, Some(&view), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let seen = form.value("seen").parse().unwrap_or(0);
    match admin.services.orders.replace_draft(&id, body, seen).await {
        Ok(_) => Ok(admin.done(&format!("/admin/drafts/{id}"), &Flash::good(session.words.drafts.saved))),
        Err(error) if error.kind == Kind::Stale => {
            form.refuse("", session.words.drafts.changed_meanwhile);
            let form = form.with("seen", version.to_string());
            admin.edit_page(&session, form, Some(&view), StatusCode::PRECONDITION_FAILED).await
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.edit_page(&session, form, Some(&view), status).await
        }
    }
}

fn id_of(id: Result<Segment<DraftId>, Problem>) -> contracts::Result<DraftId> {
    id.map(|Segment(id)| id).map_err(|_| Error::not_found("draft order"))
}

type Names = Result<Segments<DraftId, String>, Problem>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Complete,
    Delete,
}

fn read(names: Names) -> contracts::Result<(DraftId, Deed)> {
    let Segments(id, deed) = names.map_err(|_| Error::not_found("draft order"))?;
    match deed.as_str() {
        "complete" => Ok((id, Deed::Complete)),
        "delete" => Ok((id, Deed::Delete)),
        _ => Err(Error::not_found("deed")),
    }
}

async fn ask(State(admin): State<Admin>, session: Session, names: Names) -> Answer {
    let (id, deed) = read(names)?;
    let (view, _) = admin.services.orders.draft(&id).await?;
    admin.draft_sheet(&session, &view, deed, Form::default(), StatusCode::OK).await
}

async fn act(State(admin): State<Admin>, session: Session, names: Names, mut form: Form) -> Answer {
    let (id, deed) = read(names)?;
    let orders = &admin.services.orders;
    let words = session.words.drafts;
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    let done = match deed {
        Deed::Complete => orders
            .complete_draft(&id, &session.caller())
            .await
            .map(|order| admin.done(&format!("/admin/orders/{}", order.id), &Flash::good(words.completed))),
        Deed::Delete if !admin.seen.first(&once) => Ok(answer::see_other("/admin/drafts")),
        Deed::Delete => {
            let deleted = orders.delete_draft(&id).await;
            deleted
                .inspect_err(|_| admin.seen.forget(&once))
                .map(|()| admin.done("/admin/drafts", &Flash::good(words.deleted)))
        }
    };
    match done {
        Ok(response) => Ok(response),
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            let (view, _) = orders.draft(&id).await?;
            admin.draft_sheet(&session, &view, deed, form, status).await
        }
    }
}

impl Admin {
    async fn edit_page(&self, session: &Session, form: Form, view: Option<&DraftView>, status: StatusCode) -> Answer {
        let words = session.words.drafts;
        let frame = self.frame(session, if view.is_some() { words.edit } else { words.new }).await?;
        let mut frame = frame.below("/admin/drafts", session.words.frame.drafts);
        if let Some(view) = view {
            frame.title = title(&frame, view);
        }
        let page = EditPage {
            lines: filling::line_rows(&form, session.words),
            choices: Choices::of(&frame),
            action: view.map_or_else(|| "/admin/drafts/new".to_owned(), |view| format!("/admin/drafts/{}", view.id)),
            once: form.text("once").unwrap_or_else(|| frame.once.to_string()),
            draft: view.map(|view| view.id.clone()),
            order: view.and_then(|view| view.order_id.clone()),
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }

    async fn draft_sheet(
        &self,
        session: &Session,
        view: &DraftView,
        deed: Deed,
        form: Form,
        status: StatusCode,
    ) -> Answer {
        let words = session.words.drafts;
        let (name, button) = match deed {
            Deed::Complete => ("complete", words.complete),
            Deed::Delete => ("delete", words.delete),
        };
        let frame = self.frame(session, button).await?;
        let back = format!("/admin/drafts/{}", view.id);
        let above = title(&frame, view);
        let frame = frame.below("/admin/drafts", session.words.frame.drafts).below(back.clone(), above);
        let sheet = Sheet::new(&frame, format!("{back}/{name}"), back, form).button(button);
        let sheet = match deed {
            Deed::Complete => {
                let count = view.draft.lines.len().to_string();
                let sheet = sheet.says(fill(words.says_complete, &[&count])).says(words.says_complete_prices);
                sheet.says(words.says_complete_manual).says(words.says_complete_mail)
            }
            Deed::Delete => sheet.says(words.says_delete).says(words.says_delete_final).grave(),
        };
        let response: Response = answer::page_with(status, &PlainSheet { frame, sheet });
        Ok(response)
    }
}
