//! What shoppers may know of the shop, in their language.
//! It does not know taxes, nor where the shop keeps its keys.

use domain::locale::Locale;
use domain::settings::Settings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::{AddressBody, RateBody};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Shop)]
pub struct ShopView {
    pub name: Option<String>,
    pub legal_name: Option<String>,
    pub address: Option<AddressBody>,
    /// Its number in the register of companies.
    pub registration: Option<String>,
    pub vat_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// The language of this answer.
    pub locale: String,
    pub default_locale: String,
    pub locales: Vec<String>,
    /// The first of `currencies`; null where the shop sells nothing yet.
    pub default_currency: Option<String>,
    pub currencies: Vec<String>,
    pub countries: Vec<CountryView>,
    pub shipping_methods: Vec<ShippingMethodView>,
    pub payment_methods: Vec<PaymentMethodView>,
}

/// A country that the shop sends to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShopCountry)]
pub struct CountryView {
    /// ISO 3166-1 alpha-2
    pub country: String,
    /// Whether listed prices include the tax there.
    pub prices_include_tax: bool,
    /// What an address there needs.
    pub postal_code_required: bool,
    pub region_required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShopShippingMethod)]
pub struct ShippingMethodView {
    pub id: String,
    pub name: String,
    pub countries: Vec<String>,
    pub rates: Vec<RateBody>,
    /// The fewest and the most days that it takes.
    #[schema(value_type = Option<Vec<u16>>, min_items = 2, max_items = 2)]
    pub estimate_days: Option<(u16, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ShopPaymentMethod)]
pub struct PaymentMethodView {
    pub id: String,
    pub provider: String,
    pub name: String,
    pub instructions: Option<String>,
}

impl ShopView {
    /// `locale` is one of the shop's own.
    pub fn of(settings: &Settings, locale: &Locale) -> Self {
        let text = |text: &Option<domain::text::Title>| text.as_ref().map(|text| text.as_str().to_owned());
        Self {
            name: text(&settings.name),
            legal_name: text(&settings.legal_name),
            address: settings.address.clone().map(AddressBody::from),
            registration: text(&settings.registration),
            vat_id: text(&settings.vat_id),
            email: settings.email.as_ref().map(|email| email.as_str().to_owned()),
            phone: settings.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            locale: locale.to_string(),
            default_locale: settings.default_locale.to_string(),
            locales: texts(&settings.locales),
            default_currency: settings.default_currency().map(|currency| currency.to_string()),
            currencies: texts(&settings.currencies),
            countries: settings.countries.iter().map(country).collect(),
            shipping_methods: settings.shipping_methods.iter().map(|method| shipping(method, locale)).collect(),
            payment_methods: settings.payment_methods.iter().map(|method| payment(method, locale)).collect(),
        }
    }
}

impl From<domain::address::Address> for AddressBody {
    fn from(address: domain::address::Address) -> Self {
        let domain::address::AddressInput { name, line1, line2, city, region, postal_code, country, phone } =
            address.into();
        Self { name, line1, line2, city, region, postal_code, country, phone }
    }
}

fn country(settings: &domain::settings::CountrySettings) -> CountryView {
    CountryView {
        country: settings.country.to_string(),
        prices_include_tax: settings.prices_include_tax,
        postal_code_required: settings.country.has_postal_code(),
        region_required: settings.country.region_required(),
    }
}

fn shipping(method: &domain::settings::ShippingMethod, locale: &Locale) -> ShippingMethodView {
    let rate = |rate: &domain::settings::Rate| RateBody {
        currency: rate.currency.to_string(),
        amount: rate.amount,
        free_above: rate.free_above,
    };
    ShippingMethodView {
        id: method.id.to_string(),
        name: method.name_in(locale).to_string(),
        countries: texts(&method.countries),
        rates: method.rates.iter().map(rate).collect(),
        estimate_days: method.estimate_days,
    }
}

fn payment(method: &domain::settings::PaymentMethod, locale: &Locale) -> PaymentMethodView {
    PaymentMethodView {
        id: method.id.to_string(),
        provider: method.provider.to_string(),
        name: method.name_in(locale).to_string(),
        instructions: method.instructions.as_ref().map(|text| text.as_str().to_owned()),
    }
}

fn texts(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
