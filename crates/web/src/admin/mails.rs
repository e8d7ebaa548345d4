//! Mail: what was sent and what waits, how it reads, and from whom it comes.
//! It does not know how mail travels, nor the buyers' addresses but where one mail is read.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contracts::mail::{Mail, MailKind, MailPreview, MailSettings, MailState, MailView};
use contracts::{Error, Kind};
use domain::ids::OrderId;
use domain::locale::Locale;
use futures::TryStreamExt;
use platform::http::extract::Params;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer, Refused};
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::lists::{Choice, Pager, href};
use super::session::Session;
use super::sheet::{PlainSheet, Sheet};
use super::words::{Words, fill};

const PATH: &str = "/admin/mail";
const ROWS: usize = 50;
const KINDS: [MailKind; 5] =
    [MailKind::Placed, MailKind::Shipped, MailKind::Cancelled, MailKind::Refunded, MailKind::NewOrder];
/// A letter carries its style in its elements, as mail programs want it. It is no page of ours: nothing runs in it, nothing
/// is loaded, and its origin is nobody's.
const LETTER_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'");

pub fn router() -> Router<Admin> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/mail/settings", get(show_settings).post(write_settings))
        .route("/admin/mail/try", axum::routing::post(try_out))
        .route("/admin/mail/read", get(read))
        .route("/admin/mail/letter", get(letter))
        .route("/admin/mail/resend", get(ask_resend).post(resend))
}

#[derive(Template)]
#[template(path = "admin/mails.html")]
struct ListPage {
    frame: Frame,
    views: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
    transport: String,
    has_sender: bool,
    order: String,
}

struct Row {
    kind: &'static str,
    order_number: String,
    order_href: String,
    read: String,
    resend: String,
    state: &'static str,
    state_class: &'static str,
    problem: Option<String>,
    at: String,
    due: Option<String>,
    attempts: u32,
    locale: String,
}

#[derive(Template)]
#[template(path = "admin/mail_settings.html")]
struct SettingsPage {
    frame: Frame,
    form: Form,
    trying: Form,
    version: u64,
    transport: String,
    muted: Vec<Mute>,
    samples: Vec<Choice>,
}

struct Mute {
    value: &'static str,
    label: &'static str,
    is_muted: bool,
}

#[derive(Template)]
#[template(path = "admin/mail_read.html")]
struct ReadPage {
    frame: Frame,
    mail: MailPreview,
    letter: String,
    languages: Vec<Choice>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Asked {
    state: Option<String>,
    order: Option<String>,
    kind: Option<String>,
    locale: Option<String>,
    number: Option<String>,
    cursor: Option<String>,
    format: Option<String>,
}

impl Asked {
    fn state(&self) -> Option<MailState> {
        match self.state.as_deref()? {
            "waiting" => Some(MailState::Waiting),
            "sent" => Some(MailState::Sent),
            "failed" => Some(MailState::Failed),
            _ => None,
        }
    }

    fn order(&self) -> Result<Option<OrderId>, Error> {
        let order = self.order.as_deref().filter(|text| !text.is_empty());
        order.map(|id| OrderId::parse(id).map_err(|_| Error::not_found("order"))).transpose()
    }

    fn kind(&self) -> Result<MailKind, Error> {
        let kind = self.kind.as_deref().unwrap_or_default();
        KINDS.into_iter().find(|known| value_of(*known) == kind).ok_or_else(|| Error::not_found("kind of mail"))
    }

    fn locale(&self) -> Option<Locale> {
        Locale::parse(self.locale.as_deref()?).ok()
    }

    async fn mail(&self, admin: &Admin) -> Result<MailPreview, Error> {
        admin.services.mail.preview(self.kind()?, self.order()?.as_ref(), self.locale().as_ref()).await
    }
}

async fn list(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    let (order, state) = (asked.order()?, asked.state());
    if asked.format.as_deref() == Some("csv") {
        return Ok(as_csv(&admin, &session, order, state));
    }
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let mail = &admin.services.mail;
    let listing = mail.mails(order.as_ref(), state, cursor, ROWS).await?;
    let (settings, _) = mail.settings().await?;
    let words = session.words;
    let frame = admin.frame(&session, words.frame.mail).await?;
    let order = order.map(|order| order.to_string()).unwrap_or_default();
    let wanted = asked.state.clone().unwrap_or_default();
    let view = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        href: href(PATH, &[("state", value), ("order", &order)]),
        is_current: wanted == value,
    };
    let office = words.office;
    let page = ListPage {
        views: vec![
            view("", office.all_mail),
            view("waiting", office.waiting),
            view("sent", office.sent),
            view("failed", office.failed),
        ],
        rows: listing.items.iter().map(|mail| row(&frame, mail)).collect(),
        pager: Pager::new(PATH, &[("state", &wanted), ("order", &order)], cursor, listing.next_cursor.as_deref()),
        transport: fill(office.transport, &[&mail.transport()]),
        has_sender: settings.from_address.is_some(),
        order,
        frame,
    };
    Ok(answer::page(&page))
}

fn row(frame: &Frame, mail: &MailView) -> Row {
    let office = frame.words.office;
    let (state, state_class) = match mail.state {
        MailState::Waiting => (office.waiting, "wait"),
        MailState::Sent => (office.sent, "good"),
        MailState::Failed => (office.failed, "bad"),
    };
    let order = mail.order.to_string();
    let asked = [("kind", value_of(mail.kind)), ("order", order.as_str())];
    Row {
        kind: word_of(mail.kind, frame.words),
        order_number: mail.order_number.clone(),
        order_href: format!("/admin/orders/{order}"),
        read: href("/admin/mail/read", &asked),
        resend: href("/admin/mail/resend", &[asked[0], asked[1], ("number", &mail.order_number)]),
        state,
        state_class,
        problem: mail.problem.clone(),
        at: frame.times.minute(mail.sent_at.unwrap_or(mail.created_at)),
        due: mail.due_at.map(|at| frame.times.minute(at)),
        attempts: mail.attempts,
        locale: mail.locale.clone(),
    }
}

fn as_csv(admin: &Admin, session: &Session, order: Option<OrderId>, state: Option<MailState>) -> Response {
    let (words, office) = (session.words, session.words.office);
    let mail: Arc<dyn Mail> = admin.services.mail.clone();
    let fetch = move |cursor: Option<String>| {
        let (mail, order) = (mail.clone(), order.clone());
        async move { mail.mails(order.as_ref(), state, cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
    };
    let rows = csv::all(fetch).map_ok(move |mail: MailView| {
        let state = match mail.state {
            MailState::Waiting => words.office.waiting,
            MailState::Sent => words.office.sent,
            MailState::Failed => words.office.failed,
        };
        vec![
            mail.order_number.clone(),
            word_of(mail.kind, words).to_owned(),
            mail.locale.clone(),
            state.to_owned(),
            mail.attempts.to_string(),
            mail.created_at.to_string(),
            mail.sent_at.map(|at| at.to_string()).unwrap_or_default(),
            mail.problem.clone().unwrap_or_default(),
        ]
    });
    let header = [
        office.order,
        office.kind,
        office.language,
        office.state,
        office.attempts,
        office.written_at,
        office.sent_at,
        office.said,
    ];
    csv::download("mail.csv", &header, rows)
}

async fn show_settings(State(admin): State<Admin>, session: Session) -> Answer {
    let (settings, version) = admin.services.mail.settings().await?;
    admin
        .mail_settings_page(&session, form_of(&settings), Form::default(), settings.muted, version, StatusCode::OK)
        .await
}

fn form_of(settings: &MailSettings) -> Form {
    Form::default()
        .with("from_name", settings.from_name.clone().unwrap_or_default())
        .with("from_address", settings.from_address.clone().unwrap_or_default())
        .with("reply_to", settings.reply_to.clone().unwrap_or_default())
        .with("staff", settings.staff.join("\n"))
}

fn settings_of(form: &Form) -> MailSettings {
    MailSettings {
        from_name: form.text("from_name"),
        from_address: form.text("from_address"),
        reply_to: form.text("reply_to"),
        staff: form
            .value("staff")
            .split(['\n', ','])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        muted: KINDS.into_iter().filter(|kind| form.all("muted").any(|value| value == value_of(*kind))).collect(),
    }
}

async fn write_settings(State(admin): State<Admin>, session: Session, mut form: Form) -> Answer {
    let wanted = settings_of(&form);
    let muted = wanted.muted.clone();
    let seen = form.value("version").parse().unwrap_or_default();
    match admin.services.mail.replace_settings(wanted, seen).await {
        Ok(_) => Ok(admin.done("/admin/mail/settings", &Flash::good(session.words.office.settings_saved))),
        Err(error) if error.kind == Kind::Stale => {
            form.refuse("", session.words.office.changed_meanwhile);
            let (_, version) = admin.services.mail.settings().await?;
            admin.mail_settings_page(&session, form, Form::default(), muted, version, StatusCode::CONFLICT).await
        }
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            // One of several addresses is wrong: it is told at the list of them.
            let in_list = form.wrongs().into_iter().find(|wrong| wrong.field.starts_with("staff."));
            if let Some(wrong) = in_list {
                form.refuse("staff", wrong.text);
            }
            admin.mail_settings_page(&session, form, Form::default(), muted, seen, status).await
        }
    }
}

async fn try_out(State(admin): State<Admin>, session: Session, mut form: Form) -> Answer {
    match admin.services.mail.try_out(form.value("to")).await {
        Ok(()) => Ok(admin.done("/admin/mail/settings", &Flash::good(session.words.office.tried))),
        Err(error) if error.kind == Kind::Internal => Err(Refused(error)),
        Err(error) => {
            let status = answer::status(&error);
            form.refuse("to", fill(session.words.office.not_tried, &[&error.message]));
            let (settings, version) = admin.services.mail.settings().await?;
            admin.mail_settings_page(&session, form_of(&settings), form, settings.muted, version, status).await
        }
    }
}

async fn read(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    let mail = asked.mail(&admin).await?;
    let words = session.words;
    let title = word_of(asked.kind()?, words);
    let frame = admin.frame(&session, title).await?.below(PATH, words.frame.mail);
    let asked_for = |tag: &str| {
        let kind = asked.kind.as_deref().unwrap_or_default();
        vec![("kind", kind.to_owned()), ("order", asked.order.clone().unwrap_or_default()), ("locale", tag.to_owned())]
    };
    let link = |path: &str, tag: &str| {
        let asked = asked_for(tag);
        let pairs: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
        href(path, &pairs)
    };
    let current = asked.locale.clone().unwrap_or_default();
    let language = |locale: &Locale| Choice {
        value: locale.to_string(),
        label: super::languages::own_name(locale.as_str()).to_owned(),
        href: link("/admin/mail/read", locale.as_str()),
        is_current: current == locale.as_str(),
    };
    let languages = frame.settings.settings.locales.iter().map(language).collect();
    let letter = link("/admin/mail/letter", &current);
    Ok(answer::page(&ReadPage { frame, mail, letter, languages }))
}

async fn letter(State(admin): State<Admin>, _: Session, Params(asked): Params<Asked>) -> Answer {
    let mail = asked.mail(&admin).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, LETTER_POLICY),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, mail.html).into_response())
}

async fn ask_resend(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>) -> Answer {
    admin.resend_page(&session, &asked, Form::default(), StatusCode::OK).await
}

async fn resend(State(admin): State<Admin>, session: Session, Params(asked): Params<Asked>, mut form: Form) -> Answer {
    let order = asked.order()?.ok_or_else(|| Error::not_found("order"))?;
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    match admin.services.mail.resend(asked.kind()?, &order, &once, &session.caller()).await {
        Ok(_) => Ok(admin.done(PATH, &Flash::good(session.words.office.resent))),
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            admin.resend_page(&session, &asked, form, status).await
        }
    }
}

impl Admin {
    async fn resend_page(&self, session: &Session, asked: &Asked, form: Form, status: StatusCode) -> Answer {
        let (kind, order) = (asked.kind()?, asked.order()?.ok_or_else(|| Error::not_found("order"))?);
        let office = session.words.office;
        let frame = self.frame(session, office.resend_title).await?.below(PATH, session.words.frame.mail);
        let number = asked.number.clone().unwrap_or_else(|| order.to_string());
        let asked = [("kind", value_of(kind)), ("order", order.as_str()), ("number", number.as_str())];
        let says = if kind == MailKind::NewOrder { office.resend_says_staff } else { office.resend_says_1 };
        let sheet = Sheet::new(&frame, href("/admin/mail/resend", &asked), PATH, form).says(fill(says, &[&number]));
        let sheet = sheet.button(office.resend);
        Ok(answer::page_with(status, &PlainSheet { frame, sheet }))
    }

    async fn mail_settings_page(
        &self,
        session: &Session,
        form: Form,
        trying: Form,
        muted: Vec<MailKind>,
        version: u64,
        status: StatusCode,
    ) -> Answer {
        let words = session.words;
        let frame = self.frame(session, words.office.mail_settings).await?.below(PATH, words.frame.mail);
        let mute = |kind: MailKind| Mute {
            value: value_of(kind),
            label: word_of(kind, words),
            is_muted: muted.contains(&kind),
        };
        let sample = |kind: MailKind| Choice {
            value: String::new(),
            label: word_of(kind, words).to_owned(),
            href: href("/admin/mail/read", &[("kind", value_of(kind))]),
            is_current: false,
        };
        let page = SettingsPage {
            transport: fill(words.office.transport, &[&self.services.mail.transport()]),
            muted: KINDS.map(mute).into_iter().collect(),
            samples: KINDS.map(sample).into_iter().collect(),
            form,
            trying,
            version,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}

fn value_of(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Placed => "placed",
        MailKind::Shipped => "shipped",
        MailKind::Cancelled => "cancelled",
        MailKind::Refunded => "refunded",
        MailKind::NewOrder => "new_order",
    }
}

fn word_of(kind: MailKind, words: &Words) -> &'static str {
    match kind {
        MailKind::Placed => words.office.kind_placed,
        MailKind::Shipped => words.office.kind_shipped,
        MailKind::Cancelled => words.office.kind_cancelled,
        MailKind::Refunded => words.office.kind_refunded,
        MailKind::NewOrder => words.office.kind_new_order,
    }
}
