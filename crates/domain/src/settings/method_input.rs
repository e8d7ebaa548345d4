//! Ways to send and to pay as staff send them, and all that is wrong with them at once.
//! It does not know the rest of the settings but for the countries and currencies that a method must fit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CountrySettings, Key, MAX_ESTIMATE_DAYS, MAX_LOCALES, MethodText, PaymentMethod, Rate, ShippingMethod};
use crate::country::Country;
use crate::field::{Collector, pointer_piece, read_list, read_optional, tell_doubles, tell_unfit_amount};
use crate::locale::Locale;
use crate::money::Currency;
use crate::text::{Note, Title};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingMethodInput {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub translations: BTreeMap<String, MethodTextInput>,
    #[serde(default)]
    pub countries: Vec<String>,
    #[serde(default)]
    pub rates: Vec<RateInput>,
    #[serde(default)]
    pub estimate_days: Option<(u16, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodTextInput {
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateInput {
    pub currency: String,
    pub amount: i64,
    #[serde(default)]
    pub free_above: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethodInput {
    pub id: String,
    pub provider: String,
    pub name: String,
    #[serde(default)]
    pub translations: BTreeMap<String, MethodTextInput>,
    #[serde(default)]
    pub instructions: Option<String>,
}

impl ShippingMethodInput {
    pub(super) fn read(
        &self,
        errors: &mut Collector,
        pointer: &str,
        currencies: &[Currency],
        countries: &[CountrySettings],
    ) -> Option<ShippingMethod> {
        let id = errors.take(format!("{pointer}/id"), "invalid", Key::parse(&self.id));
        let name = errors.take(format!("{pointer}/name"), "invalid", Title::parse(&self.name));
        let translations = read_translations(errors, pointer, &self.translations);
        let countries = self.read_countries(errors, pointer, countries);
        let rates = self.read_rates(errors, pointer, currencies);
        if let Some((fewest, most)) = self.estimate_days
            && (fewest > most || most > MAX_ESTIMATE_DAYS)
        {
            let message = format!("the fewest days, then the most, at most {MAX_ESTIMATE_DAYS}");
            errors.push(format!("{pointer}/estimate_days"), "invalid", message);
        }
        Some(ShippingMethod { id: id?, name: name?, translations, countries, rates, estimate_days: self.estimate_days })
    }

    fn read_countries(&self, errors: &mut Collector, pointer: &str, ours: &[CountrySettings]) -> Vec<Country> {
        let pointer = format!("{pointer}/countries");
        if self.countries.is_empty() {
            errors.push(&pointer, "required", "must name at least one country");
        }
        let countries =
            read_list(errors, &pointer, Country::all().count(), &self.countries, "unknown_country", Country::parse);
        for (index, code) in self.countries.iter().enumerate() {
            let is_missing = Country::parse(code).is_ok_and(|sent| ours.iter().all(|ours| ours.country != sent));
            if is_missing {
                errors.push(format!("{pointer}/{index}"), "not_listed", "is not among the shop's countries");
            }
        }
        countries
    }

    fn read_rates(&self, errors: &mut Collector, pointer: &str, ours: &[Currency]) -> Vec<Rate> {
        let codes: Vec<&str> = self.rates.iter().map(|sent| sent.currency.as_str()).collect();
        tell_doubles(errors, &codes, |index| format!("{pointer}/rates/{index}/currency"));
        let mut rates = Vec::new();
        for (index, sent) in self.rates.iter().enumerate() {
            let pointer = format!("{pointer}/rates/{index}");
            tell_unfit_amount(errors, format!("{pointer}/amount"), sent.amount);
            if let Some(free_above) = sent.free_above {
                tell_unfit_amount(errors, format!("{pointer}/free_above"), free_above);
            }
            let at = format!("{pointer}/currency");
            let Some(currency) = errors.take(&at, "unknown_currency", Currency::parse(&sent.currency)) else {
                continue;
            };
            if !ours.contains(&currency) {
                errors.push(at, "not_listed", "is not among the shop's currencies");
            }
            rates.push(Rate { currency, amount: sent.amount, free_above: sent.free_above });
        }
        rates
    }
}

impl PaymentMethodInput {
    pub(super) fn read(&self, errors: &mut Collector, pointer: &str) -> Option<PaymentMethod> {
        let id = errors.take(format!("{pointer}/id"), "invalid", Key::parse(&self.id));
        let provider = errors.take(format!("{pointer}/provider"), "invalid", Key::parse(&self.provider));
        let name = errors.take(format!("{pointer}/name"), "invalid", Title::parse(&self.name));
        let translations = read_translations(errors, pointer, &self.translations);
        let at = format!("{pointer}/instructions");
        let instructions = read_optional(errors, &at, &self.instructions, "invalid", Note::parse);
        Some(PaymentMethod { id: id?, provider: provider?, name: name?, translations, instructions })
    }
}

fn read_translations(
    errors: &mut Collector,
    pointer: &str,
    sent: &BTreeMap<String, MethodTextInput>,
) -> BTreeMap<Locale, MethodText> {
    let mut translations = BTreeMap::new();
    if errors.too_many(format!("{pointer}/translations"), "translations", sent.len(), MAX_LOCALES) {
        return translations;
    }
    for (tag, text) in sent {
        let pointer = format!("{pointer}/translations/{}", pointer_piece(tag));
        let name = errors.take(format!("{pointer}/name"), "invalid", Title::parse(&text.name));
        let locale = errors.take(&pointer, "invalid_locale", Locale::parse(tag));
        let (Some(locale), Some(name)) = (locale, name) else {
            continue;
        };
        if translations.insert(locale, MethodText { name }).is_some() {
            errors.push(pointer, "duplicate", "is the same locale as another");
        }
    }
    translations
}
