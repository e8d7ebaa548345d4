//! Importing products from a file, with its progress and the rows to look at; exporting all of them.
//! It does not know file formats beyond their names.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use contracts::transfer::{
    Chunks, Format, ImportOrder, Operation, OperationKind, OperationState, RowProblem, Severity,
};
use contracts::{Error, Kind};
use domain::ids::OperationId;
use domain::money::Currency;
use futures::{StreamExt, stream};
use platform::http::extract::Params;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::Admin;
use super::answer::{self, Answer, Refused};
use super::csv;
use super::form::Form;
use super::frame::Frame;
use super::lists::{Choice, Pager, href};
use super::session::Session;
use super::words::{Words, fill};

const PATH: &str = "/admin/import";
const ROWS: usize = 20;
/// A text field of the form, at most.
const TEXT_BYTES_MAX: usize = 1_000;

pub fn router() -> Router<Admin> {
    // How large a file may be, the importer says, who never holds all of it.
    let start = Router::new().route(PATH, get(list).post(start)).layer(DefaultBodyLimit::disable());
    Router::new().route("/admin/import/export", get(export)).route("/admin/import/{id}", get(show)).merge(start)
}

#[derive(Template)]
#[template(path = "admin/imports.html")]
struct ListPage {
    frame: Frame,
    form: Form,
    once: String,
    currencies: Vec<String>,
    exports: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    path: String,
    what: String,
    state: &'static str,
    state_class: &'static str,
    at: String,
    created: u64,
    updated: u64,
    failed: u64,
}

#[derive(Template)]
#[template(path = "admin/import.html")]
struct OperationPage {
    frame: Frame,
    operation: Operation,
    path: String,
    is_running: bool,
    is_done: bool,
    percent: u64,
    state: &'static str,
    state_class: &'static str,
    at: String,
    problems: Vec<ProblemRow>,
    shown: Option<String>,
    csv: String,
    has_pictures: bool,
}

struct ProblemRow {
    line: String,
    severity: &'static str,
    is_error: bool,
    column: String,
    message: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    cursor: Option<String>,
    format: Option<String>,
    currency: Option<String>,
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    if asked.format.as_deref() == Some("csv") {
        return Ok(imports_as_csv(&admin, &session));
    }
    let form = Form::default().with("dry_run", "on");
    admin.imports_page(&session, asked.cursor.as_deref(), form, StatusCode::OK).await
}

fn imports_as_csv(admin: &Admin, session: &Session) -> Response {
    let (words, transfer) = (session.words, admin.services.transfer.clone());
    let fetch = move |cursor: Option<String>| {
        let transfer = transfer.clone();
        async move { transfer.operations(cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
    };
    let rows = csv::all(fetch).map(move |operation| {
        let operation = operation?;
        let counts = operation.products;
        Ok(vec![
            operation.id.clone(),
            what(&operation, words),
            state(operation.state, words).0.to_owned(),
            operation.created_at.clone(),
            operation.rows.to_string(),
            counts.created.to_string(),
            counts.updated.to_string(),
            counts.unchanged.to_string(),
            counts.failed.to_string(),
        ])
    });
    let shelves = words.shelves;
    let header = [
        words.office.id,
        shelves.kind,
        shelves.state,
        shelves.started,
        shelves.rows_read,
        shelves.products_created,
        shelves.products_updated,
        shelves.products_unchanged,
        shelves.products_failed,
    ];
    csv::download("imports.csv", &header, rows)
}

/// Takes the fields before the file, then hands the file on as it arrives.
async fn start(State(admin): State<Admin>, session: Session, mut body: Multipart) -> Answer {
    let mut form = Form::default();
    while let Some(field) = body.next_field().await.map_err(torn)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            let value = field.text().await.map_err(torn)?;
            if value.len() <= TEXT_BYTES_MAX && !value.contains('\0') {
                form.set(&name, value);
            }
            continue;
        }
        let file_name = field.file_name().unwrap_or_default().to_owned();
        if file_name.is_empty() {
            break;
        }
        let Some(format) = format_of(&form, &file_name) else {
            form.refuse("format", session.words.shelves.unknown_format);
            return admin.imports_page(&session, None, form, StatusCode::UNPROCESSABLE_ENTITY).await;
        };
        let order = ImportOrder {
            format,
            currency: form.text("currency").and_then(|code| Currency::parse(&code).ok()),
            dry_run: form.is_set("dry_run"),
            fetch_images: form.is_set("fetch_images"),
        };
        return admin.start_import(&session, form, order, field).await;
    }
    form.refuse("file", session.words.shelves.no_file);
    admin.imports_page(&session, None, form, StatusCode::UNPROCESSABLE_ENTITY).await
}

fn format_of(form: &Form, file_name: &str) -> Option<Format> {
    let ending = file_name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let by_name = match ending.as_str() {
        "csv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    };
    Format::parse(form.value("format")).or(by_name)
}

async fn show(
    State(admin): State<Admin>,
    session: Session,
    Path(id): Path<String>,
    Params(asked): Params<Asked>,
) -> Answer {
    let id = OperationId::parse(&id).map_err(|_| Error::not_found("import"))?;
    let operation = admin.services.transfer.operation(&id).await?;
    if asked.format.as_deref() == Some("csv") {
        return Ok(problems_as_csv(&session, operation));
    }
    let (words, shelves) = (session.words, session.words.shelves);
    let frame = admin.frame(&session, what(&operation, words)).await?.below(PATH, words.frame.import);
    let (state, state_class) = state(operation.state, words);
    let all = operation.errors + operation.warnings;
    let shown = operation.problems.len();
    let is_cut = u64::try_from(shown).is_ok_and(|shown| shown < all);
    let page = OperationPage {
        path: format!("{PATH}/{id}"),
        is_running: operation.state == OperationState::Running,
        is_done: operation.state == OperationState::Done,
        percent: (operation.progress.done.saturating_mul(100))
            .checked_div(operation.progress.total)
            .unwrap_or(0)
            .min(100),
        state,
        state_class,
        at: frame.times.of_text(&operation.created_at),
        problems: operation.problems.iter().map(|problem| problem_row(problem, words)).collect(),
        shown: is_cut.then(|| fill(shelves.first_problems, &[&shown.to_string(), &all.to_string()])),
        csv: href(&format!("{PATH}/{id}"), &[("format", "csv")]),
        has_pictures: operation.pictures.fetched + operation.pictures.failed > 0,
        operation,
        frame,
    };
    Ok(answer::page(&page))
}

fn problems_as_csv(session: &Session, operation: Operation) -> Response {
    let (words, shelves) = (session.words, session.words.shelves);
    let row = |problem: RowProblem| {
        let row = problem_row(&problem, words);
        Ok(vec![row.line, row.severity.to_owned(), row.column, problem.code, row.message, row.value])
    };
    let rows: Vec<_> = operation.problems.into_iter().map(row).collect();
    let header = [shelves.line, shelves.severity, shelves.column, shelves.kind, shelves.problem, shelves.there];
    csv::download("import-problems.csv", &header, stream::iter(rows))
}

fn problem_row(problem: &RowProblem, words: &'static Words) -> ProblemRow {
    let is_error = problem.severity == Severity::Error;
    ProblemRow {
        line: if problem.line == 0 { String::new() } else { problem.line.to_string() },
        severity: if is_error { words.shelves.not_taken } else { words.shelves.partly },
        is_error,
        column: problem.column.clone().unwrap_or_default(),
        message: words.field_message(&domain::field::FieldError::new(
            "",
            problem.code.as_str(),
            problem.message.as_str(),
        )),
        value: problem.value.clone().unwrap_or_default(),
    }
}

/// The whole catalogue as a file, piece by piece.
async fn export(State(admin): State<Admin>, _: Session, Params(asked): Params<Asked>) -> Answer {
    let format = Format::parse(asked.format.as_deref().unwrap_or("csv")).ok_or_else(|| Error::not_found("format"))?;
    let currency = asked.currency.as_deref().and_then(|code| Currency::parse(code).ok());
    let chunks = admin.services.transfer.export(format, currency).await?;
    let name = format!("attachment; filename=\"products.{}\"", format.as_str());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

impl Admin {
    async fn start_import(&self, session: &Session, mut form: Form, order: ImportOrder, field: Field<'_>) -> Answer {
        let id = form.text("once").as_deref().and_then(operation_id);
        let (sender, receiver) = mpsc::channel(1);
        let chunks = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
        let chunks: Chunks = chunks.boxed();
        let caller = session.caller();
        let started = self.services.transfer.start_import(id, order, chunks, &caller);
        let (operation, ()) = futures::join!(started, pass_on(field, sender));
        match operation {
            Ok(operation) => Ok(answer::see_other(&format!("{PATH}/{}", operation.id))),
            Err(error) => {
                let status = answer::status(&error);
                form.take_error(error, session.words)?;
                self.imports_page(session, None, form, status).await
            }
        }
    }

    async fn imports_page(&self, session: &Session, cursor: Option<&str>, form: Form, status: StatusCode) -> Answer {
        let words = session.words;
        let cursor = cursor.filter(|cursor| !cursor.is_empty());
        let listing = self.services.transfer.operations(cursor, ROWS).await?;
        let frame = self.frame(session, words.frame.import).await?;
        let row = |operation: &Operation| {
            let (state, state_class) = state(operation.state, words);
            Row {
                path: format!("{PATH}/{}", operation.id),
                what: what(operation, words),
                state,
                state_class,
                at: frame.times.of_text(&operation.created_at),
                created: operation.products.created,
                updated: operation.products.updated,
                failed: operation.products.failed,
            }
        };
        let export = |format: &str, label: &str| Choice {
            value: format.to_owned(),
            label: label.to_owned(),
            href: href("/admin/import/export", &[("format", format)]),
            is_current: false,
        };
        let page = ListPage {
            once: session.once.to_string(),
            currencies: frame.settings.settings.currencies.iter().map(ToString::to_string).collect(),
            exports: vec![export("csv", words.shelves.export_csv), export("jsonl", words.shelves.export_jsonl)],
            rows: listing.items.iter().map(row).collect(),
            pager: Pager::new(PATH, &[], cursor, listing.next_cursor.as_deref()),
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}

/// The file goes through a channel, because the importer keeps it and the request does not let go of its body.
async fn pass_on(mut field: Field<'_>, sender: mpsc::Sender<Result<Bytes, Error>>) {
    loop {
        let chunk = match field.chunk().await {
            Ok(Some(chunk)) => Ok(chunk),
            Ok(None) => return,
            Err(error) => Err(torn(error).0),
        };
        let is_last = chunk.is_err();
        if sender.send(chunk).await.is_err() || is_last {
            return;
        }
    }
}

/// The same attempt is the same import, however often its form is sent.
fn operation_id(once: &str) -> Option<OperationId> {
    let bits = u128::from_str_radix(once.get(..32)?, 16).ok()?;
    Some(OperationId::from_bytes(bits.to_be_bytes()))
}

fn what(operation: &Operation, words: &Words) -> String {
    let format = operation.format.map_or("", Format::as_str).to_uppercase();
    match (operation.kind, operation.dry_run) {
        (OperationKind::FetchImages, _) => words.shelves.fetching.to_owned(),
        (OperationKind::ImportProducts, true) => fill(words.shelves.trial_of, &[&format]),
        (OperationKind::ImportProducts, false) => fill(words.shelves.import_of, &[&format]),
    }
}

fn state(state: OperationState, words: &Words) -> (&'static str, &'static str) {
    match state {
        OperationState::Running => (words.shelves.running, "wait"),
        OperationState::Done => (words.shelves.done, "good"),
        OperationState::Failed => (words.shelves.failed, "bad"),
        OperationState::Interrupted => (words.shelves.interrupted, "bad"),
    }
}

fn torn(error: axum::extract::multipart::MultipartError) -> Refused {
    Refused(Error::new(Kind::Malformed, "malformed_form", error.body_text()))
}
