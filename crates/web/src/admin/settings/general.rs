//! The shop's name, who runs it, its languages and currencies.
//! It does not know where it sells to.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use domain::address::AddressInput;
use domain::locale::Locale;
use domain::settings::{Settings, SettingsInput};

use super::section::{Applied, GENERAL, Saved, Tab, all_countries, tabs};
use super::setup::Setup;
use crate::admin::Admin;
use crate::admin::answer::{self, Answer};
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::languages::{KNOWN, own_name};
use crate::admin::session::Session;

/// Texts of the settings that are no more than that.
const TEXTS: [&str; 8] = ["name", "legal_name", "registration", "vat_id", "email", "phone", "public_url", "time_zone"];
const ADDRESS: [&str; 8] = ["name", "line1", "line2", "city", "region", "postal_code", "country", "phone"];

#[derive(Template)]
#[template(path = "admin/settings/general.html")]
struct GeneralPage {
    frame: Frame,
    tabs: Vec<Tab>,
    form: Form,
    version: u64,
    languages: Vec<Language>,
    zones: Vec<String>,
    countries: Vec<(String, String)>,
    setup: Option<Setup>,
}

struct Language {
    tag: String,
    name: String,
    is_spoken: bool,
    is_own: bool,
}

pub async fn show(State(admin): State<Admin>, session: Session) -> Answer {
    let current = admin.settings_now().await?;
    let form = form_of(&current.settings);
    admin.general_page(&session, form, current.version, StatusCode::OK).await
}

pub async fn save(State(admin): State<Admin>, session: Session, form: Form) -> Answer {
    let seen = form.value("version").parse().unwrap_or_default();
    match admin.save_section(&session, GENERAL, seen, |input| apply(&form, input)).await? {
        Saved::Done(response) => Ok(response),
        Saved::Again { form: told, version, status } => {
            let form = with_errors(form, &told);
            admin.general_page(&session, form, version, status).await
        }
    }
}

/// What was typed, with what is wrong.
fn with_errors(mut form: Form, told: &Form) -> Form {
    for wrong in told.wrongs() {
        form.refuse(&wrong.field, wrong.text);
    }
    form
}

/// The fields as they stand for settings.
pub fn form_of(settings: &Settings) -> Form {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut form = Form::default()
        .with("name", text(settings.name.as_ref().map(|name| name.as_str())))
        .with("legal_name", text(settings.legal_name.as_ref().map(|name| name.as_str())))
        .with("registration", text(settings.registration.as_ref().map(|number| number.as_str())))
        .with("vat_id", text(settings.vat_id.as_ref().map(|number| number.as_str())))
        .with("email", text(settings.email.as_ref().map(|email| email.as_str())))
        .with("phone", text(settings.phone.as_ref().map(|phone| phone.as_str())))
        .with("public_url", text(settings.public_url.as_deref()))
        .with("time_zone", settings.time_zone.as_str())
        .with("default_locale", settings.default_locale.as_str());
    let codes: Vec<&str> = settings.currencies.iter().map(|currency| currency.code()).collect();
    form.set("currencies", codes.join(", "));
    for locale in &settings.locales {
        form.push("locales", locale.as_str());
    }
    if let Some(address) = &settings.address {
        let address = AddressInput::from(address.clone());
        let pieces = [
            address.name,
            address.line1,
            address.line2,
            address.city,
            address.region,
            address.postal_code,
            address.country,
            address.phone,
        ];
        for (name, piece) in ADDRESS.into_iter().zip(pieces) {
            form.set(&format!("address.{name}"), piece.unwrap_or_default());
        }
    }
    form
}

/// Puts the fields over the settings.
pub fn apply(form: &Form, input: &mut SettingsInput) -> Applied {
    let mut applied = Applied::default();
    for name in TEXTS.into_iter().chain(["default_locale", "locales", "currencies"]) {
        applied.places.put(format!("/{name}"), name);
    }
    for name in ADDRESS {
        applied.places.put(format!("/address/{name}"), format!("address.{name}"));
    }
    input.name = form.text("name");
    input.legal_name = form.text("legal_name");
    input.registration = form.text("registration");
    input.vat_id = form.text("vat_id");
    input.email = form.text("email");
    input.phone = form.text("phone");
    input.public_url = form.text("public_url");
    input.time_zone = form.text("time_zone");
    input.currencies = listed(form.value("currencies")).map(str::to_uppercase).collect();
    let (own, locales) = locales(form, input.locales.as_deref().unwrap_or_default());
    input.default_locale = own;
    input.locales = Some(locales);
    let piece = |name: &str| form.text(&format!("address.{name}"));
    let [name, line1, line2, city, region, postal_code, country, phone] = ADDRESS.map(piece);
    let address = AddressInput { name, line1, line2, city, region, postal_code, country, phone };
    // A country alone is no address: a form may have one chosen already.
    let is_begun = address != AddressInput { country: address.country.clone(), ..AddressInput::default() };
    input.address = is_begun.then_some(address);
    applied
}

/// The shop's own language, and all of them: those that were there in their order, then the others.
fn locales(form: &Form, before: &[String]) -> (Option<String>, Vec<String>) {
    let tidy = |tag: &str| Locale::parse(tag).map_or_else(|_| tag.to_owned(), |locale| locale.to_string());
    let own = form.text("default_locale").map(|tag| tidy(&tag));
    let ticked = form.all("locales").flat_map(listed);
    let mut wanted: Vec<String> = ticked.chain(listed(form.value("more_locales"))).map(tidy).collect();
    wanted.extend(own.clone());
    let mut locales: Vec<String> = before.iter().filter(|tag| wanted.contains(tag)).cloned().collect();
    for tag in wanted {
        if !locales.contains(&tag) {
            locales.push(tag);
        }
    }
    (own, locales)
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', ';', '\n']).map(str::trim).filter(|piece| !piece.is_empty())
}

impl Admin {
    async fn general_page(&self, session: &Session, form: Form, version: u64, status: StatusCode) -> Answer {
        let frame = self.settings_frame(session).await?;
        let spoken: Vec<String> = form.all("locales").map(str::to_owned).collect();
        let own = form.value("default_locale").to_owned();
        let mut tags: Vec<String> = KNOWN.iter().map(|tag| (*tag).to_owned()).collect();
        tags.extend(
            spoken.iter().chain([&own]).filter(|tag| !KNOWN.contains(&tag.as_str()) && !tag.is_empty()).cloned(),
        );
        tags.dedup();
        let language = |tag: String| Language {
            name: own_name(&tag).to_owned(),
            is_spoken: spoken.contains(&tag) || tag == own,
            is_own: tag == own,
            tag,
        };
        let mut languages: Vec<Language> = tags.into_iter().map(language).collect();
        languages.sort_by_key(|language| !language.is_spoken);
        let setup = self.setup(session).await?;
        let page = GeneralPage {
            tabs: tabs(session.words, GENERAL),
            languages,
            zones: jiff::tz::db()
                .available()
                .map(|zone| zone.to_string())
                .filter(|zone| zone.contains('/') || zone == "UTC")
                .collect(),
            countries: all_countries(session.words),
            setup: (!setup.is_done()).then_some(setup),
            form,
            version,
            frame,
        };
        Ok(answer::page_with(status, &page))
    }
}
