//! Ways to pay, and what the buyer has to do.
//! It does not know how a provider is reached, only which of them this shop has.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use domain::settings::{MethodTextInput, PaymentMethodInput, Settings, SettingsInput};

use super::methods::{key_for, move_row, text_cells, texts_of, translated};
use super::section::{Applied, PAYMENTS, Saved, Tab, tabs};
use crate::admin::Admin;
use crate::admin::answer::{self, Answer};
use crate::admin::cell::Cell;
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::session::Session;
use crate::admin::typed::Typed;
use crate::admin::typed_form::TypedForm;
use crate::admin::words::{Words, fill};

/// Those that this shop may have; which of them it does have, it is asked.
const PROVIDERS: [&str; 2] = ["manual", "test"];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentRow {
    /// Of one that is there already.
    pub id: String,
    /// Chosen for a new one.
    pub key: String,
    pub provider: String,
    pub name: String,
    pub texts: BTreeMap<String, String>,
    pub instructions: String,
}

#[derive(Template)]
#[template(path = "admin/settings/payments.html")]
struct PaymentsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    form: Form,
    version: u64,
    methods: Vec<MethodView>,
    has_test: bool,
}

struct MethodView {
    place: usize,
    id: String,
    label: String,
    is_test: bool,
    key: Option<Cell>,
    name: Cell,
    texts: Vec<Cell>,
    provider: Cell,
    /// Value, label and whether it is chosen.
    providers: Vec<(String, String, bool)>,
    instructions: Cell,
    is_first: bool,
    is_last: bool,
}

pub async fn show(State(admin): State<Admin>, session: Session) -> Answer {
    let current = admin.settings_now().await?;
    let rows = rows_of(&current.settings);
    admin.payments_page(&session, rows, Form::default(), current.version, StatusCode::OK).await
}

pub async fn save(State(admin): State<Admin>, session: Session, TypedForm(typed): TypedForm) -> Answer {
    let seen = typed.text("version").parse().unwrap_or_default();
    let mut rows = read(&typed);
    let button = typed.text("do");
    if button == "methods.add" {
        rows.push(PaymentRow { provider: PROVIDERS[0].to_owned(), ..PaymentRow::default() });
        return admin.payments_page(&session, rows, Form::default(), seen, StatusCode::OK).await;
    }
    if move_row(&mut rows, button) {
        return admin.payments_page(&session, rows, Form::default(), seen, StatusCode::OK).await;
    }
    match admin.save_section(&session, PAYMENTS, seen, |input| apply(&rows, input)).await? {
        Saved::Done(response) => Ok(response),
        Saved::Again { form, version, status } => admin.payments_page(&session, rows, form, version, status).await,
    }
}

pub fn rows_of(settings: &Settings) -> Vec<PaymentRow> {
    let row = |method: &domain::settings::PaymentMethod| PaymentRow {
        id: method.id.to_string(),
        key: String::new(),
        provider: method.provider.to_string(),
        name: method.name.to_string(),
        texts: texts_of(&method.translations),
        instructions: method.instructions.as_ref().map(|note| note.as_str().replace("\r\n", "\n")).unwrap_or_default(),
    };
    settings.payment_methods.iter().map(row).collect()
}

pub fn read(typed: &Typed) -> Vec<PaymentRow> {
    let row = |row: &Typed| PaymentRow {
        id: row.text("id").to_owned(),
        key: row.text("key").to_owned(),
        provider: row.text("provider").to_owned(),
        name: row.text("name").to_owned(),
        texts: row.texts("texts"),
        instructions: row.text("instructions").to_owned(),
    };
    typed.rows("methods").into_values().map(row).collect()
}

pub fn apply(rows: &[PaymentRow], input: &mut SettingsInput) -> Applied {
    let mut applied = Applied::default();
    input.payment_methods.clear();
    applied.places.put("/payment_methods", "");
    let mut taken: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    for (place, row) in rows.iter().enumerate() {
        let (field, pointer) = (format!("methods.{place}"), format!("/payment_methods/{place}"));
        for (piece, name) in
            [("id", "key"), ("name", "name"), ("provider", "provider"), ("instructions", "instructions")]
        {
            applied.places.put(format!("{pointer}/{piece}"), format!("{field}.{name}"));
        }
        for tag in row.texts.keys() {
            applied.places.put(format!("{pointer}/translations/{tag}"), format!("{field}.texts.{tag}"));
        }
        let instructions = row.instructions.trim();
        input.payment_methods.push(PaymentMethodInput {
            id: if row.id.is_empty() {
                key_for(&row.key, &row.name, &row.provider, &mut taken)
            } else {
                row.id.clone()
            },
            provider: row.provider.clone(),
            name: row.name.clone(),
            translations: translated(&row.texts).map(|(tag, name)| (tag, MethodTextInput { name })).collect(),
            instructions: (!instructions.is_empty()).then(|| instructions.to_owned()),
        });
    }
    applied
}

impl Admin {
    async fn payments_page(
        &self,
        session: &Session,
        rows: Vec<PaymentRow>,
        form: Form,
        version: u64,
        status: StatusCode,
    ) -> Answer {
        let frame = self.settings_frame(session).await?;
        let settings = &frame.settings.settings;
        let count = rows.len();
        let view = |(place, row): (usize, &PaymentRow)| self.payment_view(session, settings, &form, place, row, count);
        let methods: Vec<MethodView> = rows.iter().enumerate().map(view).collect();
        let page = PaymentsPage {
            tabs: tabs(session.words, PAYMENTS),
            has_test: methods.iter().any(|method| method.is_test),
            methods,
            version,
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }

    fn payment_view(
        &self,
        session: &Session,
        settings: &Settings,
        form: &Form,
        place: usize,
        row: &PaymentRow,
        count: usize,
    ) -> MethodView {
        let house = session.words.house;
        let field = format!("methods.{place}");
        let cell = |name: &str, label: &str, value: &str| Cell::new(format!("{field}.{name}"), label, value).told(form);
        let number = fill(house.method_number, &[&(place + 1).to_string()]);
        let mut providers: Vec<String> = PROVIDERS
            .iter()
            .filter(|name| self.services.payments.provider(name).is_some() || **name == row.provider)
            .map(|name| (*name).to_owned())
            .collect();
        if !providers.contains(&row.provider) && !row.provider.is_empty() {
            providers.push(row.provider.clone());
        }
        let choice = |name: String| {
            let label = self.provider_label(&name, session.words);
            let is_chosen = name == row.provider;
            (name, label, is_chosen)
        };
        MethodView {
            place,
            id: row.id.clone(),
            label: if row.name.trim().is_empty() { number } else { row.name.clone() },
            is_test: self.services.payments.provider(&row.provider).map_or(row.provider == "test", |info| info.test),
            key: row.id.is_empty().then(|| cell("key", house.key, &row.key)),
            name: cell("name", house.method_name, &row.name),
            texts: text_cells(session, settings, form, &field, &row.texts),
            provider: cell("provider", house.provider, &row.provider),
            providers: providers.into_iter().map(choice).collect(),
            instructions: cell("instructions", house.instructions, &row.instructions),
            is_first: place == 0,
            is_last: place + 1 == count,
        }
    }

    fn provider_label(&self, name: &str, words: &Words) -> String {
        match (self.services.payments.provider(name), name) {
            (Some(_), "manual") => words.house.provider_manual.to_owned(),
            (Some(_), "test") => words.house.provider_test.to_owned(),
            (Some(_), name) => name.to_owned(),
            (None, name) => fill(words.house.provider_unknown, &[name]),
        }
    }
}
