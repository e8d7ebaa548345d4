//! In which currency and language a page is read, and the links that keep it so.
//! It does not know pages: a link is a path and what is asked of it.

use contracts::catalog::Reading;
use domain::locale::Locale;
use domain::money::{Currency, Money};
use domain::settings::Settings;
use serde::Deserialize;

/// What any page may be asked for. What the shop does not have is as good as not asked for: a shopper who follows an old
/// link still sees the shop.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    pub currency: Option<String>,
    pub locale: Option<String>,
    pub category: Option<String>,
    pub q: Option<String>,
    pub cursor: Option<String>,
}

/// Where a reader stands.
#[derive(Debug, Clone)]
pub struct Place {
    pub locale: Locale,
    pub currency: Option<Currency>,
    default_locale: Locale,
    default_currency: Option<Currency>,
}

impl Place {
    pub fn of(settings: &Settings, asked: &Asked) -> Self {
        let currency = asked.currency.as_deref().and_then(|code| Currency::parse(code).ok());
        let currency = currency.filter(|currency| settings.currencies.contains(currency));
        let wanted = asked.locale.as_deref().and_then(|tag| Locale::parse(tag).ok());
        let locale = wanted.and_then(|locale| settings.locale_for(&locale).cloned());
        Self {
            locale: locale.unwrap_or_else(|| settings.default_locale.clone()),
            currency: currency.or(settings.default_currency()),
            default_locale: settings.default_locale.clone(),
            default_currency: settings.default_currency(),
        }
    }

    pub fn reading(&self) -> Reading {
        let is_default = self.locale == self.default_locale;
        Reading { currency: self.currency, locale: (!is_default).then(|| self.locale.clone()) }
    }

    /// The same place in another currency.
    pub fn with_currency(&self, currency: Currency) -> Self {
        Self { currency: Some(currency), ..self.clone() }
    }

    pub fn with_locale(&self, locale: &Locale) -> Self {
        Self { locale: locale.clone(), ..self.clone() }
    }

    /// A link that keeps currency and language. What is asked for that is empty is left out.
    pub fn href(&self, path: &str, asked: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in asked.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        for (name, value) in self.kept() {
            query.append_pair(name, &value);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    pub fn product(&self, slug: &str) -> String {
        self.href(&product_path(slug), &[])
    }

    /// What differs from the shop's defaults; forms carry it as hidden fields.
    pub fn kept(&self) -> Vec<(&'static str, String)> {
        let currency = self.currency.filter(|_| self.currency != self.default_currency);
        let locale = (self.locale != self.default_locale).then(|| self.locale.to_string());
        let currency = currency.map(|currency| ("currency", currency.to_string()));
        currency.into_iter().chain(locale.map(|locale| ("locale", locale))).collect()
    }

    /// An amount of the page's currency as it is read here.
    pub fn price(&self, amount: i64) -> Option<String> {
        let money = Money::new(amount, self.currency?).ok()?;
        Some(money.display_text(&self.locale))
    }
}

pub fn product_path(slug: &str) -> String {
    format!("/p/{}", form_urlencoded::byte_serialize(slug.as_bytes()).collect::<String>())
}
