//! What stands between a buyer and the order, in calm words, each beside the field that it is about.
//! It does not know why beyond what the services said.

use contracts::Error;
use contracts::carts::CartLineView;
use domain::country::Country;
use domain::field::FieldError;
use domain::money::Currency;
use serde_json::Value;

use super::Desk;
use crate::storefront::addresses::{self, phone_example};
use crate::storefront::words::{Words, fill};

/// One field that has to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The field's id on the page.
    pub field: String,
    /// What the page calls it.
    pub label: String,
    pub text: String,
}

/// Something that is about the whole order.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    pub title: &'static str,
    pub text: String,
    pub details: Vec<String>,
    pub leads_to_cart: bool,
}

impl Notice {
    pub fn plain(title: &'static str, text: &str) -> Self {
        Self { title, text: text.to_owned(), ..Self::default() }
    }

    /// What came of an earlier try may be told to a form that was sent again, as by going back.
    pub fn declined(error: &Error, words: &'static Words) -> Self {
        match error.details.get("repeated").and_then(Value::as_bool) {
            Some(true) => Self::plain(words.declined_before, words.declined_before_text),
            _ => Self::plain(words.declined, words.declined_text),
        }
    }

    /// With what is left of each line.
    pub fn short(error: &Error, lines: &[CartLineView], words: &'static Words) -> Self {
        let short = error.details.get("lines").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let detail = |short: &Value| {
            let sku = short.get("sku")?.as_str()?;
            let left = short.get("available")?.as_i64()?.max(0).to_string();
            let title = lines.iter().find(|line| line.sku == sku).map_or(sku, |line| line.title.as_str());
            Some(fill(words.short_line, &[("title", title), ("n", &left)]))
        };
        let details = short.iter().filter_map(detail).collect();
        Self { title: words.short, text: words.short_text.to_owned(), details, leads_to_cart: true }
    }

    pub fn total_changed(error: &Error, desk: &Desk<'_>, words: &'static Words) -> Self {
        let currency = Currency::parse(&desk.mine.view.currency).ok();
        let amount = |name: &str| {
            let amount = error.details.get(name)?.as_i64()?;
            desk.grounds.place.amount(amount, currency?)
        };
        let (old, new) = (amount("expected_total").unwrap_or_default(), amount("total").unwrap_or_default());
        Self::plain(words.total_changed, &fill(words.total_changed_text, &[("old", &old), ("new", &new)]))
    }
}

/// Each field once: the first that is wrong with it.
pub fn of_fields(errors: &[FieldError], words: &'static Words, country: Option<Country>) -> Vec<Trouble> {
    let own = country.map(|country| addresses::fields(country, words)).unwrap_or_default();
    let mut troubles: Vec<Trouble> = Vec::new();
    for error in errors {
        let (field, label) = place_of(&error.pointer, words);
        let own = own.iter().find(|own| own.name == field);
        let label = own.map_or(label, |own| own.label);
        let text = text_of(&error.code, field, words, country);
        let trouble = Trouble { field: field.to_owned(), label: label.to_owned(), text };
        if troubles.iter().all(|known| known.field != trouble.field) {
            troubles.push(trouble);
        }
    }
    troubles
}

fn place_of(pointer: &str, words: &'static Words) -> (&'static str, &'static str) {
    match pointer {
        "/buyer/email" | "/buyer" => ("email", words.email),
        "/buyer/phone" | "/shipping_address/phone" => ("phone", words.phone),
        "/buyer/name" | "/shipping_address/name" => ("name", words.name),
        "/shipping_address/line1" => ("line1", words.line1),
        "/shipping_address/line2" => ("line2", words.line2),
        "/shipping_address/city" => ("city", words.city),
        "/shipping_address/region" => ("region", words.region_province),
        "/shipping_address/postal_code" => ("postal_code", words.postal_code),
        "/shipping_address/country" | "/country" => ("country", words.country),
        "/shipping_method" => ("shipping_method", words.shipping_method),
        "/note" => ("note", words.note),
        "/terms" => ("terms", words.accept_terms),
        pointer if pointer.starts_with("/payment") => ("payment", words.payment),
        _ => ("summary", words.your_order),
    }
}

fn text_of(code: &str, field: &str, words: &'static Words, country: Option<Country>) -> String {
    let example = country.map_or("+49 30 1234567", phone_example);
    match (code, field) {
        ("required", "terms") => words.terms_needed.to_owned(),
        ("required", "shipping_method") => words.choose_shipping.to_owned(),
        ("unknown_shipping_method", _) => words.choose_shipping.to_owned(),
        (_, "payment") => words.choose_payment.to_owned(),
        ("required", _) => words.required.to_owned(),
        ("invalid_email", _) => words.bad_email.to_owned(),
        ("invalid_phone", _) => fill(words.bad_phone, &[("example", example)]),
        ("too_long", _) => words.too_long.to_owned(),
        ("card_number_refused", _) => words.card_number.to_owned(),
        ("no_shipping_to_country", _) => words.not_to_country.to_owned(),
        (_, "summary") => words.solve_problems.to_owned(),
        _ => words.bad_value.to_owned(),
    }
}
