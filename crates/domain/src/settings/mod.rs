//! What a shop says of itself: its name, its money, where it sends to and what that costs.
//! It does not know products or orders, nor how a payment provider is reached.

mod input;
mod method_input;

pub use input::{CountryInput, SettingsInput};
pub use method_input::{MethodTextInput, PaymentMethodInput, RateInput, ShippingMethodInput};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::country::Country;
use crate::locale::Locale;
use crate::money::Currency;
use crate::newtype::{parsed_from_text, shown_as_text};
use crate::pricing::Tax;
use crate::text::{Email, Note, Phone, Title};

pub const MAX_LOCALES: usize = 50;
pub const MAX_CURRENCIES: usize = 50;
pub const MAX_SHIPPING_METHODS: usize = 50;
pub const MAX_PAYMENT_METHODS: usize = 20;
pub const MAX_KEY_CHARS: usize = 64;
pub const MAX_URL_CHARS: usize = 2_000;
pub const MAX_ESTIMATE_DAYS: u16 = 365;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no such method")]
    UnknownMethod,
    #[error("this method does not send to this country")]
    NotToCountry,
    #[error("this method has no rate in this currency")]
    NoRateInCurrency,
    #[error("1 to 64 of a-z, 0-9, hyphen and underscore")]
    Key,
}

/// The shop's settings. A new shop sells in no currency and sends to no country until it is told to.
/// What was stored before a field existed is read as an empty shop's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `None` until the shop was given one.
    pub name: Option<Title>,
    pub legal_name: Option<Title>,
    pub address: Option<Address>,
    /// Its number in the register of companies.
    pub registration: Option<Title>,
    pub vat_id: Option<Title>,
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    /// Where shoppers reach it, without a slash at the end.
    pub public_url: Option<String>,
    /// An IANA name; whether such a zone exists is for those to say who have the time zone database.
    pub time_zone: String,
    pub default_locale: Locale,
    pub locales: Vec<Locale>,
    /// The first one is the default.
    pub currencies: Vec<Currency>,
    pub countries: Vec<CountrySettings>,
    pub shipping_methods: Vec<ShippingMethod>,
    pub payment_methods: Vec<PaymentMethod>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountrySettings {
    pub country: Country,
    /// Parts per million: 19 % is 190,000.
    pub tax_rate_ppm: u32,
    pub prices_include_tax: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingMethod {
    pub id: Key,
    pub name: Title,
    pub translations: BTreeMap<Locale, MethodText>,
    pub countries: Vec<Country>,
    pub rates: Vec<Rate>,
    /// The fewest and the most days that it takes.
    pub estimate_days: Option<(u16, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodText {
    pub name: Title,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub currency: Currency,
    pub amount: i64,
    /// Nothing to pay from this subtotal on, discounts taken off.
    pub free_above: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethod {
    pub id: Key,
    /// The adapter that carries it out.
    pub provider: Key,
    pub name: Title,
    pub translations: BTreeMap<Locale, MethodText>,
    /// What the buyer has to do, where the provider does not lead through it.
    pub instructions: Option<Note>,
}

/// What a method is called by programs: `standard`, `bank_transfer`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_key_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > MAX_KEY_CHARS || !text.bytes().all(is_key_byte) {
            return Err(Error::Key);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Key);
shown_as_text!(Key);

impl Default for Settings {
    fn default() -> Self {
        let english = Locale::known("en");
        Self {
            name: None,
            legal_name: None,
            address: None,
            registration: None,
            vat_id: None,
            email: None,
            phone: None,
            public_url: None,
            time_zone: "UTC".to_owned(),
            default_locale: english.clone(),
            locales: vec![english],
            currencies: Vec::new(),
            countries: Vec::new(),
            shipping_methods: Vec::new(),
            payment_methods: Vec::new(),
        }
    }
}

impl Settings {
    pub fn default_currency(&self) -> Option<Currency> {
        self.currencies.first().copied()
    }

    /// How a country taxes; `None` where the shop does not sell to it.
    pub fn tax(&self, country: Country) -> Option<Tax> {
        let settings = self.countries.iter().find(|settings| settings.country == country)?;
        Some(Tax { rate_ppm: settings.tax_rate_ppm, prices_include_tax: settings.prices_include_tax })
    }

    /// What a method costs, in minor units, for a subtotal with its discounts taken off.
    pub fn shipping(
        &self,
        method: &str,
        country: Country,
        currency: Currency,
        subtotal_after_discounts: i64,
    ) -> Result<i64, Error> {
        let method = self.shipping_method(method).ok_or(Error::UnknownMethod)?;
        if !method.countries.contains(&country) {
            return Err(Error::NotToCountry);
        }
        let rate = method.rates.iter().find(|rate| rate.currency == currency).ok_or(Error::NoRateInCurrency)?;
        Ok(rate.for_subtotal(subtotal_after_discounts))
    }

    pub fn shipping_method(&self, id: &str) -> Option<&ShippingMethod> {
        self.shipping_methods.iter().find(|method| method.id.as_str() == id)
    }

    /// The methods that send to a country and have a rate in a currency, in the shop's order.
    pub fn shipping_methods_to(&self, country: Country, currency: Currency) -> impl Iterator<Item = &ShippingMethod> {
        self.shipping_methods.iter().filter(move |method| {
            method.countries.contains(&country) && method.rates.iter().any(|rate| rate.currency == currency)
        })
    }

    /// By its id, or else the first one of a provider.
    pub fn payment_method(&self, id_or_provider: &str) -> Option<&PaymentMethod> {
        let by_id = self.payment_methods.iter().find(|method| method.id.as_str() == id_or_provider);
        by_id.or_else(|| self.payment_methods.iter().find(|method| method.provider.as_str() == id_or_provider))
    }

    /// The shop's own locale that serves a reader best: `ko-KR` is served by `ko`.
    pub fn locale_for(&self, wanted: &Locale) -> Option<&Locale> {
        wanted.fallbacks().find_map(|locale| self.locales.iter().find(|ours| **ours == locale))
    }
}

impl Rate {
    pub fn for_subtotal(&self, subtotal_after_discounts: i64) -> i64 {
        match self.free_above {
            Some(limit) if subtotal_after_discounts >= limit => 0,
            _ => self.amount,
        }
    }
}

impl ShippingMethod {
    pub fn name_in(&self, locale: &Locale) -> &Title {
        name_in(&self.name, &self.translations, locale)
    }
}

impl PaymentMethod {
    pub fn name_in(&self, locale: &Locale) -> &Title {
        name_in(&self.name, &self.translations, locale)
    }
}

fn name_in<'a>(name: &'a Title, translations: &'a BTreeMap<Locale, MethodText>, locale: &Locale) -> &'a Title {
    locale.fallbacks().find_map(|locale| translations.get(&locale)).map_or(name, |text| &text.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const SHOP: &str = r#"{
        "name": "CloudMart", "legal_name": null, "address": null, "registration": null, "vat_id": null,
        "email": "shop@example.com", "phone": null, "public_url": "https://shop.example.com/", "time_zone": "Asia/Seoul",
        "default_locale": "en", "locales": ["en", "ko"], "currencies": ["USD", "KRW"],
        "countries": [
            {"country": "US", "tax_rate_ppm": 0, "prices_include_tax": false},
            {"country": "KR", "tax_rate_ppm": 100000, "prices_include_tax": true}
        ],
        "shipping_methods": [{
            "id": "standard", "name": "Standard", "translations": {"ko": {"name": "일반"}}, "countries": ["US"],
            "rates": [{"currency": "USD", "amount": 690, "free_above": 7500}], "estimate_days": [3, 7]
        }],
        "payment_methods": [{"id": "card", "provider": "test", "name": "Test payment", "instructions": null}]
    }"#;

    fn shop() -> Settings {
        serde_json::from_str::<SettingsInput>(SHOP).unwrap().validate().unwrap()
    }

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn settings_read_back_as_they_were_stored() {
        let shop = shop();
        assert_eq!(serde_json::from_str::<Settings>(&serde_json::to_string(&shop).unwrap()).unwrap(), shop);
        let sent_back: SettingsInput = serde_json::from_str(&serde_json::to_string(&shop).unwrap()).unwrap();
        assert_eq!(sent_back.validate(), Ok(shop));
    }

    #[test]
    fn an_empty_shop_sells_nothing() {
        let empty = Settings::default();
        assert_eq!((empty.default_currency(), empty.tax(country("US"))), (None, None));
        assert_eq!(SettingsInput::default().validate(), Ok(empty));
    }

    #[test]
    fn taxes_and_methods_are_found() {
        let shop = shop();
        assert_eq!(shop.tax(country("KR")), Some(Tax { rate_ppm: 100_000, prices_include_tax: true }));
        assert_eq!(shop.tax(country("DE")), None);
        assert_eq!(shop.payment_method("card"), shop.payment_method("test"));
        assert_eq!(shop.payment_method("stripe"), None);
        assert_eq!(shop.shipping_methods[0].name_in(&Locale::parse("ko-KR").unwrap()).as_str(), "일반");
        assert_eq!(shop.locale_for(&Locale::parse("ko-KR").unwrap()).unwrap().as_str(), "ko");
        assert_eq!(shop.locale_for(&Locale::parse("fr").unwrap()), None);
    }

    #[test]
    fn shipping_costs_until_it_is_free() {
        let shop = shop();
        let (us, usd) = (country("US"), currency("USD"));
        assert_eq!(shop.shipping("standard", us, usd, 7499), Ok(690));
        assert_eq!(shop.shipping("standard", us, usd, 7500), Ok(0));
        assert_eq!(shop.shipping("drone", us, usd, 0), Err(Error::UnknownMethod));
        assert_eq!(shop.shipping("standard", country("KR"), usd, 0), Err(Error::NotToCountry));
        assert_eq!(shop.shipping("standard", us, currency("KRW"), 0), Err(Error::NoRateInCurrency));
        assert_eq!(shop.shipping_methods_to(us, usd).count(), 1);
        assert_eq!(shop.shipping_methods_to(country("KR"), usd).count(), 0);
    }
}
