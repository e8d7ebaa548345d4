//! Settings as staff send them, and all that is wrong with them at once.
//! It does not know the settings that are there: what is sent replaces them.

use serde::{Deserialize, Serialize};

use super::{
    CountrySettings, MAX_CURRENCIES, MAX_LOCALES, MAX_PAYMENT_METHODS, MAX_SHIPPING_METHODS, MAX_URL_CHARS,
    PaymentMethod, PaymentMethodInput, Settings, ShippingMethod, ShippingMethodInput,
};
use crate::address::AddressInput;
use crate::country::Country;
use crate::field::{Collector, FieldError, read_list, read_optional, tell_doubles};
use crate::locale::Locale;
use crate::money::{Currency, PPM};
use crate::text::{Email, Phone, Title};

/// What is not sent is as in an empty shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsInput {
    pub name: Option<String>,
    pub legal_name: Option<String>,
    pub address: Option<AddressInput>,
    pub registration: Option<String>,
    pub vat_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub public_url: Option<String>,
    pub time_zone: Option<String>,
    pub default_locale: Option<String>,
    pub locales: Option<Vec<String>>,
    pub currencies: Vec<String>,
    pub countries: Vec<CountryInput>,
    pub shipping_methods: Vec<ShippingMethodInput>,
    pub payment_methods: Vec<PaymentMethodInput>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountryInput {
    pub country: String,
    #[serde(default)]
    pub tax_rate_ppm: u32,
    #[serde(default)]
    pub prices_include_tax: bool,
}

impl SettingsInput {
    /// The settings, or all that is wrong, with pointers such as `/shipping_methods/0/rates/1/currency`.
    pub fn validate(&self) -> Result<Settings, Vec<FieldError>> {
        let mut errors = Collector::default();
        let e = &mut errors;
        let empty = Settings::default();
        let (default_locale, locales) = self.read_locales(e);
        let currencies =
            read_list(e, "/currencies", MAX_CURRENCIES, &self.currencies, "unknown_currency", Currency::parse);
        let countries = self.read_countries(e);
        let shipping_methods = self.read_shipping_methods(e, &currencies, &countries);
        let settings = Settings {
            name: read_optional(e, "/name", &self.name, "invalid", Title::parse),
            legal_name: read_optional(e, "/legal_name", &self.legal_name, "invalid", Title::parse),
            address: self.read_address(e),
            registration: read_optional(e, "/registration", &self.registration, "invalid", Title::parse),
            vat_id: read_optional(e, "/vat_id", &self.vat_id, "invalid", Title::parse),
            email: read_optional(e, "/email", &self.email, "invalid_email", Email::parse),
            phone: read_optional(e, "/phone", &self.phone, "invalid_phone", Phone::parse),
            public_url: read_optional(e, "/public_url", &self.public_url, "invalid_url", parse_url),
            time_zone: read_optional(e, "/time_zone", &self.time_zone, "invalid_time_zone", parse_time_zone)
                .unwrap_or(empty.time_zone),
            default_locale,
            locales,
            currencies,
            countries,
            shipping_methods,
            payment_methods: self.read_payment_methods(e),
        };
        if errors.is_empty() { Ok(settings) } else { Err(errors.into_errors()) }
    }

    fn read_address(&self, errors: &mut Collector) -> Option<crate::address::Address> {
        match self.address.as_ref()?.validate() {
            Ok(address) => Some(address),
            Err(found) => {
                errors.extend_under("/address", found);
                None
            }
        }
    }

    /// Locales that are not sent are the default one alone.
    fn read_locales(&self, errors: &mut Collector) -> (Locale, Vec<Locale>) {
        let empty = Settings::default();
        let default_locale =
            read_optional(errors, "/default_locale", &self.default_locale, "invalid_locale", Locale::parse)
                .unwrap_or(empty.default_locale);
        let Some(sent) = &self.locales else {
            return (default_locale.clone(), vec![default_locale]);
        };
        let errors_before = errors.len();
        let locales = read_list(errors, "/locales", MAX_LOCALES, sent, "invalid_locale", Locale::parse);
        if errors.len() == errors_before && !locales.contains(&default_locale) {
            errors.push("/default_locale", "not_listed", "must be among the locales");
        }
        (default_locale, locales)
    }

    fn read_countries(&self, errors: &mut Collector) -> Vec<CountrySettings> {
        let codes: Vec<&str> = self.countries.iter().map(|sent| sent.country.as_str()).collect();
        tell_doubles(errors, &codes, |index| format!("/countries/{index}/country"));
        let mut countries = Vec::new();
        for (index, sent) in self.countries.iter().enumerate() {
            let pointer = format!("/countries/{index}");
            if sent.tax_rate_ppm > PPM {
                errors.push(format!("{pointer}/tax_rate_ppm"), "too_large", format!("at most {PPM}"));
            }
            let country = errors.take(format!("{pointer}/country"), "unknown_country", Country::parse(&sent.country));
            countries.extend(country.map(|country| CountrySettings {
                country,
                tax_rate_ppm: sent.tax_rate_ppm,
                prices_include_tax: sent.prices_include_tax,
            }));
        }
        countries
    }

    fn read_shipping_methods(
        &self,
        errors: &mut Collector,
        currencies: &[Currency],
        countries: &[CountrySettings],
    ) -> Vec<ShippingMethod> {
        if errors.too_many("/shipping_methods", "methods", self.shipping_methods.len(), MAX_SHIPPING_METHODS) {
            return Vec::new();
        }
        let ids: Vec<&str> = self.shipping_methods.iter().map(|sent| sent.id.as_str()).collect();
        tell_doubles(errors, &ids, |index| format!("/shipping_methods/{index}/id"));
        let read = |(index, sent): (usize, &ShippingMethodInput)| {
            sent.read(errors, &format!("/shipping_methods/{index}"), currencies, countries)
        };
        self.shipping_methods.iter().enumerate().filter_map(read).collect()
    }

    fn read_payment_methods(&self, errors: &mut Collector) -> Vec<PaymentMethod> {
        if errors.too_many("/payment_methods", "methods", self.payment_methods.len(), MAX_PAYMENT_METHODS) {
            return Vec::new();
        }
        let ids: Vec<&str> = self.payment_methods.iter().map(|sent| sent.id.as_str()).collect();
        tell_doubles(errors, &ids, |index| format!("/payment_methods/{index}/id"));
        let read =
            |(index, sent): (usize, &PaymentMethodInput)| sent.read(errors, &format!("/payment_methods/{index}"));
        self.payment_methods.iter().enumerate().filter_map(read).collect()
    }
}

/// A web address that paths can be appended to.
fn parse_url(text: &str) -> Result<String, &'static str> {
    let error = "must be a web address such as https://shop.example.com";
    let url = text.trim().trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or(error)?;
    let is_bad = |char: char| char.is_whitespace() || char.is_control() || "?#@\\\"<>".contains(char);
    if url.len() > MAX_URL_CHARS || rest.is_empty() || rest.starts_with(['/', ':']) || rest.contains(is_bad) {
        return Err(error);
    }
    Ok(url.to_owned())
}

fn parse_time_zone(text: &str) -> Result<String, &'static str> {
    let is_piece = |piece: &str| {
        piece.starts_with(|char: char| char.is_ascii_alphabetic())
            && piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
    };
    let zone = text.trim();
    if zone.len() > 64 || !zone.split('/').all(is_piece) {
        return Err("must be the IANA name of a time zone such as Europe/Berlin");
    }
    Ok(zone.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::SHOP;
    use super::super::{MethodTextInput, RateInput};
    use super::*;

    fn told(change: impl FnOnce(&mut SettingsInput)) -> Vec<String> {
        let mut input: SettingsInput = serde_json::from_str(SHOP).unwrap();
        change(&mut input);
        let errors = input.validate().expect_err("errors");
        errors.into_iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn urls_and_zones_are_tidied() {
        let input: SettingsInput = serde_json::from_str(SHOP).unwrap();
        assert_eq!(input.validate().unwrap().public_url.as_deref(), Some("https://shop.example.com"));
        for text in
            ["shop.example.com", "https://", "ftp://x", "https:///x", "https://a b", "https://a?b", "javascript:x"]
        {
            assert!(parse_url(text).is_err(), "{text}");
        }
        for text in ["UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert!(parse_time_zone(text).is_ok(), "{text}");
        }
        for text in ["Asia//Seoul", "/UTC", "+09:00", "../etc", "Seoul Time"] {
            assert!(parse_time_zone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let told = told(|input| {
            input.email = Some("nobody".to_owned());
            input.address = Some(AddressInput { country: Some("KR".to_owned()), ..AddressInput::default() });
            input.currencies.push("USD".to_owned());
            input.currencies.push("XXX".to_owned());
            input.countries[0].tax_rate_ppm = 1_000_001;
            input.countries[1].country = "UK".to_owned();
            input.default_locale = Some("fr".to_owned());
        });
        assert_eq!(
            told,
            [
                "/default_locale not_listed",
                "/currencies/2 duplicate",
                "/currencies/3 unknown_currency",
                "/countries/0/tax_rate_ppm too_large",
                "/countries/1/country unknown_country",
                "/address/line1 required",
                "/address/city required",
                "/address/postal_code required",
                "/email invalid_email",
            ]
        );
    }

    #[test]
    fn methods_fit_the_rest_of_the_shop() {
        let told = told(|input| {
            let mut second = input.shipping_methods[0].clone();
            second.countries = vec!["DE".to_owned(), "UK".to_owned()];
            second.rates[0].amount = -1;
            second.rates.push(RateInput { currency: "EUR".to_owned(), amount: 1, free_above: Some(-1) });
            second.rates.push(RateInput { currency: "EUR".to_owned(), amount: 1, free_above: None });
            second.estimate_days = Some((7, 3));
            second.translations.insert("nowhere".to_owned(), MethodTextInput { name: " ".to_owned() });
            input.shipping_methods.push(second);
            input.payment_methods.push(input.payment_methods[0].clone());
            input.payment_methods[1].provider = "No Spaces".to_owned();
        });
        let method = "/shipping_methods/1";
        assert_eq!(
            told,
            [
                format!("{method}/id duplicate"),
                format!("{method}/translations/nowhere/name invalid"),
                format!("{method}/translations/nowhere invalid_locale"),
                format!("{method}/countries/1 unknown_country"),
                format!("{method}/countries/0 not_listed"),
                format!("{method}/rates/2/currency duplicate"),
                format!("{method}/rates/0/amount negative"),
                format!("{method}/rates/1/free_above negative"),
                format!("{method}/rates/1/currency not_listed"),
                format!("{method}/rates/2/currency not_listed"),
                format!("{method}/estimate_days invalid"),
                "/payment_methods/1/id duplicate".to_owned(),
                "/payment_methods/1/provider invalid".to_owned(),
            ]
        );
    }
}
