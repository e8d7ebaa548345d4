//! What a buyer wrote on the checkout's page, and what of it has to be looked at again.
//! It does not know totals, nor whether the shop sends anywhere: the services say that.

use contracts::carts::CartView;
use contracts::orders::{AddressBody, BuyCart, BuyerView};
use domain::address::AddressInput;
use domain::country::Country;
use domain::field::FieldError;
use domain::locale::Locale;
use domain::money::MAX_AMOUNT;
use domain::settings::Settings;
use domain::text::{Email, Phone};

use super::page::PaymentChoice;
use super::troubles::{self, Trouble};
use crate::storefront::addresses;
use crate::storefront::cart::Mine;
use crate::storefront::form::Fields;
use crate::storefront::frame::Grounds;
use crate::storefront::words::Words;

/// As it was written.
#[derive(Clone, Default)]
pub struct Written {
    pub cart: String,
    pub once: String,
    pub email: String,
    pub name: String,
    pub phone: String,
    pub country: Option<Country>,
    pub line1: String,
    pub line2: String,
    pub city: String,
    pub region: String,
    pub postal_code: String,
    pub shipping_method: Option<String>,
    /// One of the page's payment choices.
    pub payment: String,
    pub note: String,
    pub accepts_terms: bool,
    /// Of the page that was shown; `None` where no page of ours shows such a total.
    pub expected_total: Option<i64>,
}

impl Written {
    /// Before anything was written.
    pub fn first(grounds: &Grounds, cart: &CartView) -> Self {
        let settings = &grounds.current.settings;
        let known = cart.country.as_deref().and_then(|code| Country::parse(code).ok());
        Self { country: known.or_else(|| likely_country(settings, &grounds.place.locale)), ..Self::default() }
    }

    pub fn read(fields: &Fields, settings: &Settings) -> Self {
        let text = |name: &str| fields.text(name).to_owned();
        let country = Country::parse(fields.text("country")).ok();
        let total = fields.text("expected_total").parse::<i64>().ok();
        Self {
            cart: text("cart"),
            once: text("once"),
            email: text("email"),
            name: text("name"),
            phone: text("phone"),
            country: country.filter(|country| settings.tax(*country).is_some()),
            line1: text("line1"),
            line2: text("line2"),
            city: text("city"),
            region: text("region"),
            postal_code: text("postal_code"),
            shipping_method: fields.given("shipping_method"),
            payment: text("payment"),
            note: text("note").replace("\r\n", "\n"),
            accepts_terms: !fields.text("terms").is_empty(),
            expected_total: total.filter(|total| (0..=MAX_AMOUNT).contains(total)),
        }
    }

    pub fn value(&self, name: &str) -> &str {
        match name {
            "line1" => &self.line1,
            "line2" => &self.line2,
            "city" => &self.city,
            "region" => &self.region,
            "postal_code" => &self.postal_code,
            _ => "",
        }
    }

    /// Everything that can be seen to be wrong before the order is tried, in the order of the page.
    pub fn troubles(&self, words: &'static Words, choices: &[PaymentChoice]) -> Vec<Trouble> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, code: &'static str| errors.push(FieldError::new(pointer, code, ""));
        if self.email.is_empty() {
            wrong("/buyer/email", "required");
        } else if Email::parse(&self.email).is_err() {
            wrong("/buyer/email", "invalid_email");
        }
        if !self.phone.is_empty() && Phone::parse(&addresses::international(&self.phone, self.country)).is_err() {
            wrong("/buyer/phone", "invalid_phone");
        }
        if self.name.is_empty() {
            wrong("/shipping_address/name", "required");
        }
        if let Err(found) = AddressInput::from(AddressBody { phone: None, ..self.address() }).validate() {
            errors.extend(found.into_iter().map(|error| error.under("/shipping_address")));
        }
        let mut wrong = |pointer: &str, code: &'static str| errors.push(FieldError::new(pointer, code, ""));
        if self.region.is_empty() && self.country.is_some_and(Country::region_required) {
            wrong("/shipping_address/region", "required");
        }
        if self.shipping_method.is_none() {
            wrong("/shipping_method", "required");
        }
        if choices.iter().all(|choice| choice.value != self.payment) {
            wrong("/payment/provider", "required");
        }
        if !self.accepts_terms {
            wrong("/terms", "required");
        }
        troubles::of_fields(&errors, words, self.country)
    }

    /// `locale`: in which the order's titles and mail are written.
    pub fn wish(&self, mine: &Mine, expected_total: i64, locale: &Locale) -> BuyCart {
        let (method, token) = self.payment.split_once('/').unwrap_or((&self.payment, ""));
        BuyCart {
            cart: mine.id.clone(),
            cart_token: mine.token.clone(),
            // Whoever goes back after a declined card and chooses another one means another try.
            once: format!("{} {}", self.once, self.payment),
            buyer: BuyerView { email: given(&self.email), name: given(&self.name), phone: self.phone() },
            shipping_address: self.address(),
            shipping_method: self.shipping_method.clone(),
            payment_method: given(method),
            payment_token: given(token),
            note: given(&self.note),
            locale: locale.to_string(),
            expected_total,
        }
    }

    fn phone(&self) -> Option<String> {
        given(&addresses::international(&self.phone, self.country))
    }

    fn address(&self) -> AddressBody {
        AddressBody {
            name: given(&self.name),
            line1: given(&self.line1),
            line2: given(&self.line2),
            city: given(&self.city),
            region: given(&self.region),
            postal_code: given(&self.postal_code),
            country: self.country.map(|country| country.code().to_owned()),
            phone: self.phone(),
        }
    }
}

fn given(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Where somebody who reads this language lives, as far as the shop sends there; else where the shop itself is.
fn likely_country(settings: &Settings, locale: &Locale) -> Option<Country> {
    let region = locale.as_str().rsplit_once('-').map(|(_, region)| region);
    let of_language = match locale.language() {
        "ko" => Some("KR"),
        "ja" => Some("JP"),
        "de" => Some("DE"),
        "fr" => Some("FR"),
        "it" => Some("IT"),
        "es" => Some("ES"),
        _ => None,
    };
    let sold_to = |country: &Country| settings.tax(*country).is_some();
    let named = region.or(of_language).and_then(|code| Country::parse(code).ok());
    let own = settings.address.as_ref().map(domain::address::Address::country);
    let first = settings.countries.first().map(|known| known.country);
    named.filter(sold_to).or(first).or(own.filter(sold_to))
}
