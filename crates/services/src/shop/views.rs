//! Settings as staff send and see them. Amounts are minor units; what is not sent is as in an empty shop.
//! It does not know which values are valid; the domain says so.

use std::collections::BTreeMap;

use contracts::{Error, Result};
use domain::settings::{Settings, SettingsInput};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Settings)]
pub struct SettingsBody {
    #[schema(example = "CloudMart")]
    pub name: Option<String>,
    pub legal_name: Option<String>,
    pub address: Option<AddressBody>,
    /// Its number in the register of companies.
    pub registration: Option<String>,
    pub vat_id: Option<String>,
    pub email: Option<String>,
    /// E.164
    pub phone: Option<String>,
    /// Where shoppers reach it.
    #[schema(example = "https://shop.example.com")]
    pub public_url: Option<String>,
    /// An IANA name; UTC unless told.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// `en` unless told.
    #[schema(example = "en")]
    pub default_locale: Option<String>,
    /// The default one alone unless told.
    pub locales: Option<Vec<String>>,
    /// The first one is the default.
    #[schema(example = json!(["EUR", "USD"]))]
    pub currencies: Vec<String>,
    pub countries: Vec<CountryBody>,
    pub shipping_methods: Vec<ShippingMethodBody>,
    pub payment_methods: Vec<PaymentMethodBody>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ShopAddress)]
pub struct AddressBody {
    pub name: Option<String>,
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2
    pub country: Option<String>,
    pub phone: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CountrySettings)]
pub struct CountryBody {
    /// ISO 3166-1 alpha-2
    #[schema(example = "DE")]
    pub country: String,
    /// Parts per million: 19 % is 190000.
    #[serde(default)]
    #[schema(maximum = 1_000_000, example = 190_000)]
    pub tax_rate_ppm: u32,
    /// Whether listed prices include the tax.
    #[serde(default)]
    pub prices_include_tax: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShippingMethod)]
pub struct ShippingMethodBody {
    #[schema(example = "standard")]
    pub id: String,
    pub name: String,
    /// By locale.
    #[serde(default)]
    pub translations: BTreeMap<String, MethodTextBody>,
    #[serde(default)]
    pub countries: Vec<String>,
    #[serde(default)]
    pub rates: Vec<RateBody>,
    /// The fewest and the most days that it takes.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u16>>, min_items = 2, max_items = 2)]
    pub estimate_days: Option<(u16, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MethodText)]
pub struct MethodTextBody {
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShippingRate)]
pub struct RateBody {
    pub currency: String,
    /// Minor units.
    pub amount: i64,
    /// Nothing to pay from this sum on, discounts taken off.
    #[serde(default)]
    pub free_above: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PaymentMethod)]
pub struct PaymentMethodBody {
    #[schema(example = "card")]
    pub id: String,
    /// What carries it out.
    #[schema(example = "test")]
    pub provider: String,
    pub name: String,
    /// By locale.
    #[serde(default)]
    pub translations: BTreeMap<String, MethodTextBody>,
    /// What the buyer has to do, where the provider does not lead through it.
    #[serde(default)]
    pub instructions: Option<String>,
}

/// The domain's settings have the same members, so JSON carries one into the other.
impl SettingsBody {
    pub fn of(settings: &Settings) -> Result<Self> {
        convert(settings)
    }

    pub fn input(&self) -> Result<SettingsInput> {
        convert(self)
    }
}

fn convert<F: Serialize, T: serde::de::DeserializeOwned>(from: &F) -> Result<T> {
    let value = serde_json::to_value(from).and_then(serde_json::from_value);
    value.map_err(|error| Error::internal(format!("settings do not convert: {error}")))
}
