//! What the pages of the settings share: one section is changed, the others stay as they are at that moment.
//! It does not know any section in particular.

use axum::http::StatusCode;
use axum::response::Response;
use contracts::shop::CurrentSettings;
use contracts::{Error, Kind};
use domain::country::Country;
use domain::field::FieldError;
use domain::settings::{Settings, SettingsInput};

use crate::admin::Admin;
use crate::admin::answer::{self, Refused};
use crate::admin::flash::Flash;
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::places::Places;
use crate::admin::session::Session;
use crate::admin::words::{Words, fill};
use crate::countries;

/// The pages, in the order of their links.
pub const GENERAL: &str = "/admin/settings";
pub const COUNTRIES: &str = "/admin/settings/countries";
pub const SHIPPING: &str = "/admin/settings/shipping";
pub const PAYMENTS: &str = "/admin/settings/payments";

/// Settings as they would be sent to change nothing.
pub fn input_of(settings: &Settings) -> Result<SettingsInput, Error> {
    let value = serde_json::to_value(settings).and_then(serde_json::from_value);
    value.map_err(|error: serde_json::Error| Error::internal(error.to_string()))
}

/// What a section makes of the settings.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is wrong with what was typed, by the form's fields.
    pub errors: Vec<FieldError>,
    pub places: Places,
}

/// How an attempt to save ended.
pub enum Saved {
    Done(Response),
    /// The form is shown again.
    Again {
        form: Form,
        version: u64,
        status: StatusCode,
    },
}

/// A link to one of the settings' pages.
pub struct Tab {
    pub href: &'static str,
    pub label: &'static str,
    pub is_current: bool,
}

pub fn tabs(words: &Words, current: &str) -> Vec<Tab> {
    let house = words.house;
    let all = [
        (GENERAL, house.general),
        (COUNTRIES, house.countries),
        (SHIPPING, house.shipping),
        (PAYMENTS, house.payments),
        ("/admin/mail/settings", words.frame.mail),
        ("/admin/pages", words.frame.pages),
    ];
    all.into_iter().map(|(href, label)| Tab { href, label, is_current: href == current }).collect()
}

impl Admin {
    pub async fn settings_now(&self) -> Result<std::sync::Arc<CurrentSettings>, Refused> {
        Ok(self.services.shop.settings().await?)
    }

    pub async fn settings_frame(&self, session: &Session) -> Result<Frame, Refused> {
        Ok(self.frame(session, session.words.frame.settings).await?)
    }

    /// Puts what a section says over the settings as they are, on the version that was seen.
    pub async fn save_section(
        &self,
        session: &Session,
        path: &str,
        seen: u64,
        apply: impl FnOnce(&mut SettingsInput) -> Applied + Send,
    ) -> Result<Saved, Refused> {
        let current = self.settings_now().await?;
        let mut input = input_of(&current.settings)?;
        let Applied { mut errors, places } = apply(&mut input);
        let words = session.words;
        let located = |found: Vec<FieldError>| -> Vec<FieldError> {
            found.into_iter().map(|error| located(error, &places, &input, words)).collect()
        };
        if let Err(found) = input.validate() {
            let found: Vec<FieldError> = located(found)
                .into_iter()
                .filter(|error| errors.iter().all(|there| there.pointer != error.pointer))
                .collect();
            errors.extend(found);
        }
        if !errors.is_empty() {
            return Ok(Saved::Again {
                form: told(errors, words),
                version: seen,
                status: StatusCode::UNPROCESSABLE_ENTITY,
            });
        }
        match self.services.shop.replace_settings(input.clone(), Some(seen)).await {
            Ok(_) => Ok(Saved::Done(self.done(path, &Flash::good(words.house.saved)))),
            Err(error) if error.kind == Kind::Stale => {
                let mut form = Form::default();
                form.refuse("", words.house.changed_meanwhile);
                let version = self.settings_now().await?.version;
                Ok(Saved::Again { form, version, status: StatusCode::CONFLICT })
            }
            Err(error) if error.kind == Kind::Invalid => {
                let status = answer::status(&error);
                Ok(Saved::Again { form: told(located(error.fields), words), version: seen, status })
            }
            Err(error) => Err(Refused(error)),
        }
    }
}

fn told(errors: Vec<FieldError>, words: &Words) -> Form {
    let mut form = Form::default();
    for error in errors {
        form.refuse(&error.pointer, words.field_message(&error));
    }
    form
}

/// An error by the form's field; one that lies on another page says where.
fn located(error: FieldError, places: &Places, input: &SettingsInput, words: &Words) -> FieldError {
    let field = places.field(&error.pointer).to_owned();
    let pieces: Vec<&str> = error.pointer.split('/').collect();
    let elsewhere = match pieces.as_slice() {
        ["", "shipping_methods", method, "rates", rate, "currency"] if error.code == "not_listed" => {
            still(input, method, |method| {
                method.rates.get(rate.parse::<usize>().ok()?).map(|rate| rate.currency.clone())
            })
            .map(|(name, currency)| ("currencies", fill(words.house.still_rate, &[&name, &currency])))
        }
        ["", "shipping_methods", method, "countries", country] if error.code == "not_listed" => {
            still(input, method, |method| method.countries.get(country.parse::<usize>().ok()?).cloned())
                .map(|(name, code)| ("", fill(words.house.still_country, &[&name, &country_name(&code, words)])))
        }
        _ => None,
    };
    match elsewhere {
        // On the page of shipping itself the field is known.
        Some((at, message)) if field.is_empty() => FieldError::new(at, "still_used", message),
        _ => FieldError { pointer: field, ..error },
    }
}

fn still(
    input: &SettingsInput,
    method: &str,
    what: impl Fn(&domain::settings::ShippingMethodInput) -> Option<String>,
) -> Option<(String, String)> {
    let method = input.shipping_methods.get(method.parse::<usize>().ok()?)?;
    Some((method.name.clone(), what(method)?))
}

/// In the reader's language; the code where it is no country's.
pub fn country_name(code: &str, words: &Words) -> String {
    Country::parse(code)
        .map_or_else(|_| code.to_owned(), |country| countries::name(country, &words.locale()).to_owned())
}

/// Every country by its name, for choosing: code and name.
pub fn all_countries(words: &Words) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        Country::all().map(|country| (country.code().to_owned(), country_name(country.code(), words))).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}
