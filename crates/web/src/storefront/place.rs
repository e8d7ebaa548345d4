//! In which currency and language a page is read, and the links that keep it so.
//! It does not know pages: a link is a path and what is asked of it.

use axum::http::header;
use axum::response::Response;
use contracts::catalog::Reading;
use domain::locale::Locale;
use domain::money::{Currency, Money};
use domain::settings::Settings;
use platform::http::edge::Aspect;

use super::cookies::{CURRENCY, Jar, LOCALE};
use super::visitor::Visitor;

/// All of a request that a page depends on which is the same for all who read in one language and currency: what
/// [`Place::of`] and the shop's address as the visitor knows it are made of.
pub const SHARED_BY: [Aspect; 4] = [
    Aspect::Header(&header::HOST),
    Aspect::Header(&header::ACCEPT_LANGUAGE),
    Aspect::Cookie(LOCALE),
    Aspect::Cookie(CURRENCY),
];

/// Where a reader stands. What the address asks for wins, then what the browser remembers, then its languages. What the shop
/// does not have is as good as not asked for: a shopper who follows an old link still sees the shop.
#[derive(Debug, Clone)]
pub struct Place {
    pub locale: Locale,
    pub currency: Option<Currency>,
    default_locale: Locale,
    default_currency: Option<Currency>,
    /// What the address itself says, so that the links of the page say it, too.
    told: Told,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    locale: bool,
    currency: bool,
}

impl Place {
    pub fn of(settings: &Settings, visitor: &Visitor) -> Self {
        let currency = |code: Option<&str>| {
            let currency = Currency::parse(code?).ok()?;
            settings.currencies.contains(&currency).then_some(currency)
        };
        let locale = |tag: Option<&str>| settings.locale_for(&Locale::parse(tag?).ok()?).cloned();
        let told_currency = currency(visitor.asked(CURRENCY));
        let told_locale = locale(visitor.asked(LOCALE));
        let told = Told { locale: told_locale.is_some(), currency: told_currency.is_some() };
        let preferred = || visitor.languages().iter().find_map(|wanted| settings.locale_for(wanted).cloned());
        Self {
            locale: told_locale
                .or_else(|| locale(visitor.cookie(LOCALE).as_deref()))
                .or_else(preferred)
                .unwrap_or_else(|| settings.default_locale.clone()),
            currency: told_currency
                .or_else(|| currency(visitor.cookie(CURRENCY).as_deref()))
                .or_else(|| currency(visitor.languages().iter().find_map(likely_currency)))
                .or(settings.default_currency()),
            default_locale: settings.default_locale.clone(),
            default_currency: settings.default_currency(),
            told,
        }
    }

    pub fn reading(&self) -> Reading {
        let is_default = self.locale == self.default_locale;
        Reading { currency: self.currency, locale: (!is_default).then(|| self.locale.clone()) }
    }

    /// A link that keeps what the address said of currency and language. What is asked for that is empty is left out.
    pub fn href(&self, path: &str, asked: &[(&str, &str)]) -> String {
        let kept = self.kept();
        let kept = kept.iter().map(|(name, value)| (*name, value.as_str()));
        address(path, asked.iter().copied().chain(kept))
    }

    pub fn product(&self, slug: &str) -> String {
        self.href(&product_path(slug), &[])
    }

    pub fn category(&self, slug: &str) -> String {
        self.href(&category_path(slug), &[])
    }

    /// What the address said and differs from the shop's defaults; forms carry it as hidden fields.
    pub fn kept(&self) -> Vec<(&'static str, String)> {
        let is_other = self.currency != self.default_currency;
        let currency =
            self.currency.filter(|_| self.told.currency && is_other).map(|code| (CURRENCY, code.to_string()));
        let locale = self.told.locale.then_some(&self.locale).filter(|locale| **locale != self.default_locale);
        currency.into_iter().chain(locale.map(|locale| (LOCALE, locale.to_string()))).collect()
    }

    /// The one address of this page in this language, for those who index it.
    pub fn canonical(&self, path: &str, asked: &[(&str, &str)]) -> String {
        self.in_language(&self.locale, path, asked)
    }

    /// The same page's address in another language.
    pub fn in_language(&self, locale: &Locale, path: &str, asked: &[(&str, &str)]) -> String {
        let tag = if *locale == self.default_locale { "" } else { locale.as_str() };
        address(path, asked.iter().copied().chain([(LOCALE, tag)]))
    }

    /// By which pages that are alike are known.
    pub fn key(&self) -> String {
        let currency = self.currency.map_or("", |currency| currency.code());
        format!("{}|{currency}|{}{}", self.locale, u8::from(self.told.locale), u8::from(self.told.currency))
    }

    /// Remembers what the address said, so that pages reached without it are read in the same way.
    pub fn remember(&self, visitor: &Visitor, jar: Jar, response: &mut Response) {
        if self.told.locale && visitor.cookie(LOCALE).as_deref() != Some(self.locale.as_str()) {
            jar.prefer(response, LOCALE, self.locale.as_str());
        }
        let code = self.currency.map(Currency::code);
        if let Some(code) = code.filter(|code| self.told.currency && visitor.cookie(CURRENCY).as_deref() != Some(code))
        {
            jar.prefer(response, CURRENCY, code);
        }
    }

    /// An amount of the page's currency as it is read here.
    pub fn price(&self, amount: i64) -> Option<String> {
        self.amount(amount, self.currency?)
    }

    /// An amount of any currency as it is read here.
    pub fn amount(&self, amount: i64, currency: Currency) -> Option<String> {
        Some(Money::new(amount, currency).ok()?.display_text(&self.locale))
    }
}

/// What somebody who reads this language pays with, where the language or its region tells.
fn likely_currency(locale: &Locale) -> Option<&'static str> {
    let region = locale.as_str().rsplit_once('-').map(|(_, region)| region);
    Some(match (region, locale.language()) {
        (Some("US"), _) => "USD",
        (Some("KR"), _) | (None, "ko") => "KRW",
        (Some("JP"), _) | (None, "ja") => "JPY",
        (Some("GB"), _) => "GBP",
        (Some("CH"), _) => "CHF",
        (Some("AU"), _) => "AUD",
        (Some("CA"), _) => "CAD",
        (Some("AT" | "BE" | "DE" | "ES" | "FI" | "FR" | "IE" | "IT" | "NL" | "PT"), _) => "EUR",
        (None, "de" | "fr" | "it" | "es" | "nl" | "fi") => "EUR",
        _ => return None,
    })
}

/// A path and its query; pairs with an empty value are left out.
pub fn address<'a>(path: &str, asked: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

pub fn product_path(slug: &str) -> String {
    format!("/p/{}", segment(slug))
}

pub fn category_path(slug: &str) -> String {
    format!("/c/{}", segment(slug))
}

/// As it stands between two slashes.
pub fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
