//! The pages that staff write: about, shipping and returns, privacy, terms, in each of the shop's languages.
//! It does not know Markdown; the service turns it into harmless HTML, for the preview as for shoppers.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use contracts::Kind;
use contracts::pages::{PageSource, PageText, SLUGS};
use domain::field::FieldError;
use domain::locale::Locale;
use domain::settings::Settings;
use futures::stream;
use platform::http::extract::Params;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::languages::own_name;
use super::lists::Pager;
use super::session::Session;
use super::words::{Words, fill};

const PATH: &str = "/admin/pages";
/// Texts of 50,000 characters in a dozen languages.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

pub fn router() -> Router<Admin> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/pages/{slug}", get(show).post(write))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[derive(Template)]
#[template(path = "admin/pages.html")]
struct ListPage {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    path: String,
    name: &'static str,
    title: Option<String>,
    languages: String,
}

#[derive(Template)]
#[template(path = "admin/page.html")]
struct EditPage {
    frame: Frame,
    form: Form,
    action: String,
    version: u64,
    texts: Vec<TextView>,
    /// Where shoppers read it, once it is written.
    in_shop: Option<String>,
}

struct TextView {
    lang: String,
    language: String,
    title: String,
    body: String,
    preview: Option<String>,
    /// What stands over the preview.
    preview_label: String,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    format: Option<String>,
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    let words = session.words;
    let mut rows = Vec::new();
    for slug in SLUGS {
        let source = admin.services.pages.source(slug).await?;
        let written = source.texts.iter().filter(|(_, text)| is_written(text));
        let languages: Vec<&str> = written.clone().map(|(locale, _)| own_name(locale.as_str())).collect();
        let title = written.map(|(_, text)| text.title.clone()).next();
        let languages = languages.join(", ");
        rows.push(Row { path: format!("{PATH}/{slug}"), name: name_of(slug, words), title, languages });
    }
    if asked.format.as_deref() == Some("csv") {
        let line = |row: Row| Ok(vec![row.name.to_owned(), row.title.unwrap_or_default(), row.languages]);
        let lines: Vec<_> = rows.into_iter().map(line).collect();
        let header = [words.office.page, words.office.title, words.office.languages];
        return Ok(csv::download("pages.csv", &header, stream::iter(lines)));
    }
    let frame = admin.frame(&session, words.frame.pages).await?;
    Ok(answer::page(&ListPage { frame, rows, pager: Pager::new(PATH, &[], None, None) }))
}

async fn show(State(admin): State<Admin>, session: Session, Path(slug): Path<String>) -> Answer {
    let source = admin.services.pages.source(&slug).await?;
    admin.written_page(&session, source, Form::default(), false, StatusCode::OK).await
}

async fn write(State(admin): State<Admin>, session: Session, Path(slug): Path<String>, mut form: Form) -> Answer {
    let there = admin.services.pages.source(&slug).await?;
    let (texts, errors) = read(&form);
    for error in errors {
        form.refuse(&error.pointer, session.words.field_message(&error));
    }
    let seen = form.value("version").parse().unwrap_or(there.version);
    let typed = PageSource { slug: slug.clone(), texts: texts.clone(), version: seen };
    if form.has_errors() {
        return admin.written_page(&session, typed, form, false, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    if form.value("do") == "preview" {
        return admin.written_page(&session, typed, form, true, StatusCode::OK).await;
    }
    // A language without any text is not kept.
    let kept = texts.into_iter().filter(|(_, text)| *text != PageText::default()).collect();
    match admin.services.pages.write(&slug, kept, seen).await {
        Ok(_) => {
            let flash = Flash::good(fill(session.words.office.page_saved, &[name_of(&slug, session.words)]));
            Ok(admin.done(&format!("{PATH}/{slug}"), &flash))
        }
        Err(error) if error.kind == Kind::Stale => {
            form.refuse("", session.words.office.changed_meanwhile);
            let typed = PageSource { version: admin.services.pages.source(&slug).await?.version, ..typed };
            admin.written_page(&session, typed, form, false, StatusCode::CONFLICT).await
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.written_page(&session, typed, form, false, status).await
        }
    }
}

impl Admin {
    async fn written_page(
        &self,
        session: &Session,
        source: PageSource,
        form: Form,
        with_preview: bool,
        status: StatusCode,
    ) -> Answer {
        let words = session.words;
        let frame = self.frame(session, name_of(&source.slug, words)).await?.below(PATH, words.frame.pages);
        let text = |locale: &Locale| {
            let text = source.texts.get(locale).cloned().unwrap_or_default();
            let language = own_name(locale.as_str()).to_owned();
            let has_body = !text.body.trim().is_empty();
            TextView {
                preview: (with_preview && has_body).then(|| self.services.pages.preview(&text.body)),
                preview_label: fill(words.office.preview_in, &[&language]),
                lang: locale.to_string(),
                title: text.title,
                body: text.body,
                language,
            }
        };
        let page = EditPage {
            texts: locales(&frame.settings.settings, &source).iter().map(text).collect(),
            in_shop: source.texts.values().any(is_written).then(|| format!("/pages/{}", source.slug)),
            action: format!("{PATH}/{}", source.slug),
            version: source.version,
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}

/// Fields are `texts.ko.title` and `texts.ko.body`.
fn read(form: &Form) -> (BTreeMap<Locale, PageText>, Vec<FieldError>) {
    let (mut texts, mut errors): (BTreeMap<Locale, PageText>, Vec<FieldError>) = Default::default();
    for name in form.names() {
        let Some((tag, piece)) = name.strip_prefix("texts.").and_then(|rest| rest.rsplit_once('.')) else { continue };
        let Ok(locale) = Locale::parse(tag) else {
            errors.push(FieldError::new("", "invalid_locale", "not a language"));
            continue;
        };
        let value = form.value(name).replace("\r\n", "\n");
        let text = texts.entry(locale).or_default();
        match piece {
            "title" => text.title = value,
            _ => text.body = value,
        }
    }
    (texts, errors)
}

/// The shop's languages, and those in which the page is written beyond them.
fn locales(settings: &Settings, source: &PageSource) -> Vec<Locale> {
    let mut locales = settings.locales.clone();
    let more: Vec<Locale> = source.texts.keys().filter(|locale| !locales.contains(locale)).cloned().collect();
    locales.extend(more);
    locales
}

fn is_written(text: &PageText) -> bool {
    !text.title.trim().is_empty() && !text.body.trim().is_empty()
}

fn name_of(slug: &str, words: &Words) -> &'static str {
    match slug {
        "about" => words.office.page_about,
        "shipping" => words.office.page_shipping,
        "privacy" => words.office.page_privacy,
        _ => words.office.page_terms,
    }
}
