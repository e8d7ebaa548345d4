//! Where the shop sells to, and what tax is taken there.
//! It does not know how tax is computed.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use domain::settings::{CountryInput, Settings, SettingsInput};

use super::section::{Applied, COUNTRIES, Saved, Tab, all_countries, country_name, tabs};
use crate::admin::Admin;
use crate::admin::amounts::{rate_text, read_rate};
use crate::admin::answer::{self, Answer};
use crate::admin::cell::Cell;
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::session::Session;
use crate::admin::typed::Typed;
use crate::admin::typed_form::TypedForm;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountryRow {
    pub country: String,
    pub rate: String,
    pub is_included: bool,
}

#[derive(Template)]
#[template(path = "admin/settings/countries.html")]
struct CountriesPage {
    frame: Frame,
    tabs: Vec<Tab>,
    form: Form,
    version: u64,
    rows: Vec<RowView>,
    /// For one more.
    new_country: Cell,
    new_rate: Cell,
    new_is_included: bool,
    countries: Vec<(String, String)>,
}

struct RowView {
    place: usize,
    code: String,
    name: String,
    rate: Cell,
    is_included: bool,
    error: Option<String>,
}

pub async fn show(State(admin): State<Admin>, session: Session) -> Answer {
    let current = admin.settings_now().await?;
    let rows = rows_of(&current.settings);
    admin.countries_page(&session, rows, CountryRow::default(), Form::default(), current.version, StatusCode::OK).await
}

pub async fn save(State(admin): State<Admin>, session: Session, TypedForm(typed): TypedForm) -> Answer {
    let seen = typed.text("version").parse().unwrap_or_default();
    let (mut rows, new) = read(&typed);
    let button = typed.text("do");
    if let Some(number) = button.strip_prefix("countries.").and_then(|rest| rest.strip_suffix(".remove")) {
        if let Some(number) = number.parse().ok().filter(|number| *number < rows.len()) {
            rows.remove(number);
        }
        return admin.countries_page(&session, rows, new, Form::default(), seen, StatusCode::OK).await;
    }
    let mut all = rows.clone();
    if !new.country.is_empty() {
        all.push(new.clone());
    }
    match admin.save_section(&session, COUNTRIES, seen, |input| apply(&all, rows.len(), input)).await? {
        Saved::Done(response) => Ok(response),
        Saved::Again { form, version, status } => {
            admin.countries_page(&session, rows, new, form, version, status).await
        }
    }
}

pub fn rows_of(settings: &Settings) -> Vec<CountryRow> {
    let row = |there: &domain::settings::CountrySettings| CountryRow {
        country: there.country.code().to_owned(),
        rate: rate_text(there.tax_rate_ppm),
        is_included: there.prices_include_tax,
    };
    settings.countries.iter().map(row).collect()
}

/// The rows, and the one for one more.
pub fn read(typed: &Typed) -> (Vec<CountryRow>, CountryRow) {
    let row = |typed: &Typed| CountryRow {
        country: typed.text("country").to_owned(),
        rate: typed.text("rate").to_owned(),
        is_included: typed.is_on("included"),
    };
    (typed.rows("countries").into_values().map(row).collect(), row(typed.at("new")))
}

/// Rows from `known` on are new ones.
pub fn apply(rows: &[CountryRow], known: usize, input: &mut SettingsInput) -> Applied {
    let mut applied = Applied::default();
    input.countries.clear();
    for (place, row) in rows.iter().enumerate() {
        let field = if place < known { format!("countries.{place}") } else { "new".to_owned() };
        let pointer = format!("/countries/{place}");
        applied.places.put(format!("{pointer}/country"), format!("{field}.country"));
        applied.places.put(format!("{pointer}/tax_rate_ppm"), format!("{field}.rate"));
        let typed = if row.rate.trim().is_empty() { "0" } else { &row.rate };
        let rate = read_rate(&format!("{field}.rate"), typed);
        let tax_rate_ppm = rate.map_err(|error| applied.errors.push(error)).unwrap_or_default();
        let (country, prices_include_tax) = (row.country.clone(), row.is_included);
        input.countries.push(CountryInput { country, tax_rate_ppm, prices_include_tax });
    }
    applied
}

impl Admin {
    async fn countries_page(
        &self,
        session: &Session,
        rows: Vec<CountryRow>,
        new: CountryRow,
        form: Form,
        version: u64,
        status: StatusCode,
    ) -> Answer {
        let house = session.words.house;
        let view = |(place, row): (usize, &CountryRow)| {
            let name = country_name(&row.country, session.words);
            let label = format!("{}, {name}", house.tax_rate);
            RowView {
                place,
                code: row.country.clone(),
                rate: Cell::new(format!("countries.{place}.rate"), label, &row.rate).told(&form),
                is_included: row.is_included,
                error: form.error(&format!("countries.{place}.country")).map(str::to_owned),
                name,
            }
        };
        let page = CountriesPage {
            tabs: tabs(session.words, COUNTRIES),
            rows: rows.iter().enumerate().map(view).collect(),
            new_country: Cell::new("new.country", house.country, &new.country).told(&form),
            new_rate: Cell::new("new.rate", house.tax_rate, &new.rate).told(&form),
            new_is_included: new.is_included,
            countries: all_countries(session.words),
            version,
            form,
            frame: self.settings_frame(session).await?,
        };
        Ok(answer::page_with(status, &page))
    }
}
