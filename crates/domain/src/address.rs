//! Where something is sent, or who is billed.
//! It does not know whether such a place exists, nor whether the shop sends there.

use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::field::{Collector, FieldError};
use crate::text::Phone;

/// The longest line of an address, in characters.
pub const MAX_ADDRESS_CHARS: usize = 200;

/// A postal address that has what its country needs. Personal: it is sealed before it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AddressInput", into = "AddressInput")]
pub struct Address {
    name: Option<String>,
    line1: String,
    line2: Option<String>,
    city: String,
    region: Option<String>,
    postal_code: Option<String>,
    country: Country,
    phone: Option<Phone>,
}

/// An address as somebody sent it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressInput {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub line1: Option<String>,
    #[serde(default)]
    pub line2: Option<String>,
    #[serde(default)]
    pub city: Option<String>,
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub postal_code: Option<String>,
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
}

/// What is wrong with an address that was read whole; the edge reads an `AddressInput` and names the fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not an address: {0}")]
    Invalid(String),
}

impl AddressInput {
    /// The address, or all that is wrong, with pointers such as `/city`.
    pub fn validate(&self) -> Result<Address, Vec<FieldError>> {
        let mut errors = Collector::default();
        let name = optional(&mut errors, "/name", &self.name);
        let line1 = required(&mut errors, "/line1", &self.line1);
        let line2 = optional(&mut errors, "/line2", &self.line2);
        let city = required(&mut errors, "/city", &self.city);
        let region = optional(&mut errors, "/region", &self.region);
        let country = required(&mut errors, "/country", &self.country)
            .and_then(|code| errors.take("/country", "unknown_country", Country::parse(&code)));
        let needs_postal_code = country.is_some_and(Country::has_postal_code);
        let postal_code = if needs_postal_code {
            required(&mut errors, "/postal_code", &self.postal_code)
        } else {
            optional(&mut errors, "/postal_code", &self.postal_code)
        };
        let phone = optional(&mut errors, "/phone", &self.phone)
            .and_then(|phone| errors.take("/phone", "invalid_phone", Phone::parse(&phone)));
        match (line1, city, country) {
            (Some(line1), Some(city), Some(country)) if errors.is_empty() => {
                Ok(Address { name, line1, line2, city, region, postal_code, country, phone })
            }
            _ => Err(errors.into_errors()),
        }
    }
}

impl Address {
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub fn line1(&self) -> &str {
        &self.line1
    }

    pub fn line2(&self) -> Option<&str> {
        self.line2.as_deref()
    }

    pub fn city(&self) -> &str {
        &self.city
    }

    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub fn postal_code(&self) -> Option<&str> {
        self.postal_code.as_deref()
    }

    pub fn country(&self) -> Country {
        self.country
    }

    pub fn phone(&self) -> Option<&Phone> {
        self.phone.as_ref()
    }

    /// With the buyer's name where none was given.
    pub fn or_named(mut self, buyer: &str) -> Self {
        if self.name.is_none() && !buyer.trim().is_empty() {
            self.name = Some(buyer.trim().chars().take(MAX_ADDRESS_CHARS).collect());
        }
        self
    }
}

impl TryFrom<AddressInput> for Address {
    type Error = Error;

    fn try_from(input: AddressInput) -> Result<Self, Error> {
        input.validate().map_err(|errors| {
            let reasons: Vec<String> =
                errors.into_iter().map(|error| format!("{} {}", error.pointer, error.message)).collect();
            Error::Invalid(reasons.join(", "))
        })
    }
}

impl From<Address> for AddressInput {
    fn from(address: Address) -> AddressInput {
        AddressInput {
            name: address.name,
            line1: Some(address.line1),
            line2: address.line2,
            city: Some(address.city),
            region: address.region,
            postal_code: address.postal_code,
            country: Some(address.country.code().to_owned()),
            phone: address.phone.map(String::from),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({}, …)", self.country)
    }
}

impl std::fmt::Debug for AddressInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AddressInput(…)")
    }
}

fn required(errors: &mut Collector, pointer: &str, value: &Option<String>) -> Option<String> {
    let text = value.as_deref().unwrap_or_default().trim();
    if text.is_empty() {
        errors.push(pointer, "required", "is required");
        return None;
    }
    optional(errors, pointer, value)
}

fn optional(errors: &mut Collector, pointer: &str, value: &Option<String>) -> Option<String> {
    let text = value.as_deref()?.trim();
    if text.is_empty() || errors.too_long(pointer, text, MAX_ADDRESS_CHARS) {
        return None;
    }
    if text.chars().any(char::is_control) {
        errors.push(pointer, "invalid", "must not contain control characters");
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seoul() -> AddressInput {
        serde_json::from_str(
            r#"{"name":"Kim","line1":"1 Sejong-daero","line2":" ","city":"Seoul","postal_code":"04524","country":"KR","phone":"+82 2 120 0000"}"#,
        )
        .unwrap()
    }

    fn codes(input: &AddressInput) -> Vec<(String, String)> {
        let errors = input.validate().expect_err("an error");
        errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn a_good_address_is_tidied_and_reads_back() {
        let address = seoul().validate().unwrap();
        assert_eq!(address.line2(), None);
        assert_eq!(address.phone().unwrap().as_str(), "+8221200000");
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
        assert_eq!(format!("{address:?}"), "Address(KR, …)");
    }

    #[test]
    fn all_that_is_missing_is_told() {
        let pair = |pointer: &str| (pointer.to_owned(), "required".to_owned());
        assert_eq!(codes(&AddressInput::default()), [pair("/line1"), pair("/city"), pair("/country")]);
        assert_eq!(codes(&AddressInput { postal_code: None, ..seoul() }), [pair("/postal_code")]);
    }

    #[test]
    fn some_countries_have_no_postal_code() {
        let input = AddressInput { postal_code: None, country: Some("HK".to_owned()), ..seoul() };
        assert_eq!(input.validate().unwrap().postal_code(), None);
    }

    #[test]
    fn limits_and_forms_are_checked() {
        let input = AddressInput {
            line2: Some("x".repeat(201)),
            region: Some("a\nb".to_owned()),
            country: Some("UK".to_owned()),
            phone: Some("12".to_owned()),
            ..seoul()
        };
        let told: Vec<String> = codes(&input).into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
        assert_eq!(told, ["/line2 too_long", "/region invalid", "/country unknown_country", "/phone invalid_phone"]);
    }

    #[test]
    fn the_name_defaults_to_the_buyers() {
        let address = AddressInput { name: None, ..seoul() }.validate().unwrap().or_named("Lee");
        assert_eq!(address.name(), Some("Lee"));
        assert_eq!(seoul().validate().unwrap().or_named("Lee").name(), Some("Kim"));
    }
}
