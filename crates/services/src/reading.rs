//! In which currency and language an answer is given: what was asked for, or the shop's own, if the shop has it at all.
//! It does not know products.

use contracts::catalog::Reading;
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::locale::Locale;
use domain::money::Currency;
use domain::settings::Settings;

/// ISO 4217 for "no currency": what is answered in a shop that has none yet.
const NO_CURRENCY: &str = "XXX";

/// A currency and a locale that the shop has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReadAs {
    /// `None` in a shop that sells in no currency yet.
    pub currency: Option<Currency>,
    pub locale: Locale,
}

impl ReadAs {
    /// A locale that the shop serves by a shorter one (`ko-KR` by `ko`) becomes that one.
    pub fn of(settings: &Settings, reading: &Reading) -> Result<Self> {
        let currency = match reading.currency {
            Some(currency) if !settings.currencies.contains(&currency) => {
                return Err(unknown_currency(currency.code()));
            }
            Some(currency) => Some(currency),
            None => settings.default_currency(),
        };
        let locale = match &reading.locale {
            Some(wanted) => settings.locale_for(wanted).ok_or_else(|| unknown_locale(wanted.as_str()))?.clone(),
            None => settings.default_locale.clone(),
        };
        Ok(Self { currency, locale })
    }

    pub fn currency_code(&self) -> &'static str {
        self.currency.map_or(NO_CURRENCY, Currency::code)
    }
}

/// Reads `?currency=` and `?locale=`; empty is as good as missing.
pub fn reading(currency: Option<&str>, locale: Option<&str>) -> Result<Reading> {
    let given = |text: &&str| !text.is_empty();
    let currency = currency.filter(given).map(|code| Currency::parse(code).map_err(|_| unknown_currency(code)));
    let locale = locale.filter(given).map(|tag| Locale::parse(tag).map_err(|_| unknown_locale(tag)));
    Ok(Reading { currency: currency.transpose()?, locale: locale.transpose()? })
}

/// A parameter of the query that is not longer than any name of its kind.
pub fn within(name: &str, text: Option<String>, chars_max: usize) -> Result<Option<String>> {
    let text = text.filter(|text| !text.is_empty());
    match &text {
        Some(long) if long.chars().count() > chars_max => {
            Err(malformed("too_long", &format!("/{name}"), format!("{name} has at most {chars_max} characters")))
        }
        _ => Ok(text),
    }
}

fn unknown_currency(code: &str) -> Error {
    malformed("unknown_currency", "/currency", format!("the shop does not sell in {}", short(code)))
}

fn unknown_locale(tag: &str) -> Error {
    malformed("unknown_locale", "/locale", format!("the shop does not speak {}", short(tag)))
}

fn malformed(code: &'static str, pointer: &str, message: String) -> Error {
    let fields = vec![FieldError::new(pointer, code, message.clone())];
    Error { fields, ..Error::new(Kind::Malformed, code, message) }
}

/// As much of it as is worth repeating.
fn short(text: &str) -> String {
    text.chars().take(20).collect()
}
