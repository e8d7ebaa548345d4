//! Ways to send, where to, and what they cost.
//! It does not know carriers.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use domain::field::FieldError;
use domain::money::Currency;
use domain::settings::{MethodTextInput, RateInput, Settings, SettingsInput, ShippingMethodInput};

use super::methods::{key_for, move_row, texts_of, translated};
use super::section::{Applied, SHIPPING, Saved, Tab, country_name, tabs};
use crate::admin::Admin;
use crate::admin::amounts::{amount_text, read_amount};
use crate::admin::answer::{self, Answer};
use crate::admin::cell::Cell;
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::session::Session;
use crate::admin::typed::Typed;
use crate::admin::typed_form::TypedForm;
use crate::admin::words::fill;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShippingRow {
    /// Of one that is there already.
    pub id: String,
    /// Chosen for a new one.
    pub key: String,
    pub name: String,
    pub texts: BTreeMap<String, String>,
    pub countries: Vec<String>,
    /// By currency.
    pub amounts: BTreeMap<String, String>,
    pub free_above: BTreeMap<String, String>,
    pub days_from: String,
    pub days_to: String,
}

#[derive(Template)]
#[template(path = "admin/settings/shipping.html")]
struct ShippingPage {
    frame: Frame,
    tabs: Vec<Tab>,
    form: Form,
    version: u64,
    methods: Vec<MethodView>,
    has_countries: bool,
    has_currencies: bool,
}

struct MethodView {
    place: usize,
    id: String,
    label: String,
    key: Option<Cell>,
    name: Cell,
    texts: Vec<Cell>,
    countries: Vec<(String, String, bool)>,
    countries_error: Option<String>,
    rates: Vec<(Cell, Cell)>,
    days_from: Cell,
    days_to: Cell,
    is_first: bool,
    is_last: bool,
}

pub async fn show(State(admin): State<Admin>, session: Session) -> Answer {
    let current = admin.settings_now().await?;
    let rows = rows_of(&current.settings);
    admin.shipping_page(&session, rows, Form::default(), current.version, StatusCode::OK).await
}

pub async fn save(State(admin): State<Admin>, session: Session, TypedForm(typed): TypedForm) -> Answer {
    let seen = typed.text("version").parse().unwrap_or_default();
    let mut rows = read(&typed);
    let button = typed.text("do");
    if button == "methods.add" {
        let settings = admin.settings_now().await?;
        let countries = settings.settings.countries.iter().map(|there| there.country.code().to_owned()).collect();
        rows.push(ShippingRow { countries, ..ShippingRow::default() });
        return admin.shipping_page(&session, rows, Form::default(), seen, StatusCode::OK).await;
    }
    if move_row(&mut rows, button) {
        return admin.shipping_page(&session, rows, Form::default(), seen, StatusCode::OK).await;
    }
    match admin.save_section(&session, SHIPPING, seen, |input| apply(&rows, input)).await? {
        Saved::Done(response) => Ok(response),
        Saved::Again { form, version, status } => admin.shipping_page(&session, rows, form, version, status).await,
    }
}

pub fn rows_of(settings: &Settings) -> Vec<ShippingRow> {
    let row = |method: &domain::settings::ShippingMethod| {
        let amounts =
            method.rates.iter().map(|rate| (rate.currency.code().to_owned(), amount_text(rate.amount, rate.currency)));
        let free = method
            .rates
            .iter()
            .filter_map(|rate| Some((rate.currency.code().to_owned(), amount_text(rate.free_above?, rate.currency))));
        ShippingRow {
            id: method.id.to_string(),
            key: String::new(),
            name: method.name.to_string(),
            texts: texts_of(&method.translations),
            countries: method.countries.iter().map(|country| country.code().to_owned()).collect(),
            amounts: amounts.collect(),
            free_above: free.collect(),
            days_from: method.estimate_days.map(|(from, _)| from.to_string()).unwrap_or_default(),
            days_to: method.estimate_days.map(|(_, to)| to.to_string()).unwrap_or_default(),
        }
    };
    settings.shipping_methods.iter().map(row).collect()
}

pub fn read(typed: &Typed) -> Vec<ShippingRow> {
    let row = |row: &Typed| ShippingRow {
        id: row.text("id").to_owned(),
        key: row.text("key").to_owned(),
        name: row.text("name").to_owned(),
        texts: row.texts("texts"),
        countries: row.list("countries").to_vec(),
        amounts: row.texts("amounts"),
        free_above: row.texts("free_above"),
        days_from: row.text("days_from").to_owned(),
        days_to: row.text("days_to").to_owned(),
    };
    typed.rows("methods").into_values().map(row).collect()
}

pub fn apply(rows: &[ShippingRow], input: &mut SettingsInput) -> Applied {
    let mut applied = Applied::default();
    let before = std::mem::take(&mut input.shipping_methods);
    let mut taken: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    applied.places.put("/shipping_methods", "");
    for (place, row) in rows.iter().enumerate() {
        let (field, pointer) = (format!("methods.{place}"), format!("/shipping_methods/{place}"));
        let places = &mut applied.places;
        for (piece, name) in
            [("id", "key"), ("name", "name"), ("countries", "countries"), ("estimate_days", "days_from")]
        {
            places.put(format!("{pointer}/{piece}"), format!("{field}.{name}"));
        }
        places.put(&pointer, format!("{field}.name"));
        for tag in row.texts.keys() {
            places.put(format!("{pointer}/translations/{tag}"), format!("{field}.texts.{tag}"));
        }
        let old = before.iter().find(|method| method.id == row.id);
        let old_codes: Vec<&str> =
            old.map(|old| old.rates.iter().map(|rate| rate.currency.as_str()).collect()).unwrap_or_default();
        let old_countries: Vec<&String> = old.map(|old| old.countries.iter().collect()).unwrap_or_default();
        let mut countries = row.countries.clone();
        // In the order that they had, so that a form that nobody changed changes nothing.
        countries.sort_by_key(|code| old_countries.iter().position(|old| *old == code).unwrap_or(old_countries.len()));
        let method = ShippingMethodInput {
            id: if row.id.is_empty() { key_for(&row.key, &row.name, "shipping", &mut taken) } else { row.id.clone() },
            name: row.name.clone(),
            translations: translated(&row.texts).map(|(tag, name)| (tag, MethodTextInput { name })).collect(),
            countries,
            rates: rates(row, &old_codes, &field, &pointer, &mut applied),
            estimate_days: days(row, &field, &mut applied.errors),
        };
        input.shipping_methods.push(method);
    }
    applied
}

fn rates(row: &ShippingRow, old: &[&str], field: &str, pointer: &str, applied: &mut Applied) -> Vec<RateInput> {
    let mut typed: Vec<(&String, &String)> = row.amounts.iter().filter(|(_, text)| !text.trim().is_empty()).collect();
    typed.sort_by_key(|(code, _)| old.iter().position(|old| old == code).unwrap_or(old.len()));
    let mut rates = Vec::new();
    for (code, text) in typed {
        let Ok(currency) = Currency::parse(code) else { continue };
        let at = format!("{field}.amounts.{code}");
        applied.places.put(format!("{pointer}/rates/{}", rates.len()), &at);
        let mut read = |field: &str, text: &str| {
            read_amount(field, text, currency).map_err(|error| applied.errors.push(error)).ok()
        };
        let amount = read(&at, text);
        let free = row.free_above.get(code).filter(|text| !text.trim().is_empty());
        let free_above = free.and_then(|text| read(&format!("{field}.free_above.{code}"), text));
        applied.places.put(format!("{pointer}/rates/{}/free_above", rates.len()), format!("{field}.free_above.{code}"));
        rates.push(RateInput { currency: code.clone(), amount: amount.unwrap_or_default(), free_above });
    }
    rates
}

fn days(row: &ShippingRow, field: &str, errors: &mut Vec<FieldError>) -> Option<(u16, u16)> {
    let (from, to) = (row.days_from.trim(), row.days_to.trim());
    if from.is_empty() && to.is_empty() {
        return None;
    }
    let mut read = |name: &str, text: &str| {
        let wrong =
            || FieldError::new(format!("{field}.{name}"), "invalid_days", "a whole number of days; both or neither");
        text.parse::<u16>().map_err(|_| errors.push(wrong())).ok()
    };
    let (from, to) = (read("days_from", from), read("days_to", to));
    from.zip(to)
}

impl Admin {
    async fn shipping_page(
        &self,
        session: &Session,
        rows: Vec<ShippingRow>,
        form: Form,
        version: u64,
        status: StatusCode,
    ) -> Answer {
        let frame = self.settings_frame(session).await?;
        let settings = &frame.settings.settings;
        let count = rows.len();
        let views =
            rows.iter().enumerate().map(|(place, row)| view(session, settings, &form, place, row, count)).collect();
        let page = ShippingPage {
            tabs: tabs(session.words, SHIPPING),
            methods: views,
            has_countries: !settings.countries.is_empty(),
            has_currencies: !settings.currencies.is_empty(),
            version,
            form,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}

fn view(
    session: &Session,
    settings: &Settings,
    form: &Form,
    place: usize,
    row: &ShippingRow,
    count: usize,
) -> MethodView {
    let (words, house) = (session.words, session.words.house);
    let field = format!("methods.{place}");
    let cell = |name: &str, label: String, value: &str| Cell::new(format!("{field}.{name}"), label, value).told(form);
    let number = fill(house.method_number, &[&(place + 1).to_string()]);
    let ours = settings.countries.iter().map(|there| there.country.code().to_owned());
    let country = |code: String| {
        let is_chosen = row.countries.contains(&code);
        (country_name(&code, words), is_chosen, code)
    };
    let rate = |currency: &Currency| {
        let code = currency.code();
        let text = |texts: &BTreeMap<String, String>| texts.get(code).cloned().unwrap_or_default();
        let amount = cell(&format!("amounts.{code}"), fill(house.rate_in, &[code]), &text(&row.amounts));
        let free = cell(&format!("free_above.{code}"), fill(house.free_above_in, &[code]), &text(&row.free_above));
        (amount, free)
    };
    MethodView {
        place,
        id: row.id.clone(),
        label: if row.name.trim().is_empty() { number } else { row.name.clone() },
        key: row.id.is_empty().then(|| cell("key", house.key.to_owned(), &row.key)),
        name: cell("name", house.method_name.to_owned(), &row.name),
        texts: super::methods::text_cells(session, settings, form, &field, &row.texts),
        countries: ours.map(country).map(|(name, is_chosen, code)| (code, name, is_chosen)).collect(),
        countries_error: form.error(&format!("{field}.countries")).map(str::to_owned),
        rates: settings.currencies.iter().map(rate).collect(),
        days_from: cell("days_from", house.days_from.to_owned(), &row.days_from),
        days_to: cell("days_to", house.days_to.to_owned(), &row.days_to),
        is_first: place == 0,
        is_last: place + 1 == count,
    }
}
