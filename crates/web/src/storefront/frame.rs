//! What stands around every page: the shop's name, search, switches of currency and language, the banner.
//! It does not know what is in the middle.

use domain::settings::Settings;

use super::Pages;
use super::place::{Asked, Place};
use super::words::{Words, own_name};
use crate::assets;

/// The adapter with which no money moves.
const TEST_PROVIDER: &str = "test";
/// What a shop is called that was given no name yet.
const NAMELESS: &str = "CloudMart";

pub struct Frame {
    pub words: &'static Words,
    pub lang: String,
    pub shop_name: String,
    pub style: &'static str,
    pub home: String,
    /// What the search form must carry on.
    pub kept: Vec<(&'static str, String)>,
    pub q: String,
    pub has_test_payments: bool,
    pub currencies: Vec<Switch>,
    pub locales: Vec<Switch>,
    pub place: Place,
}

/// A link to the same page in another currency or language.
pub struct Switch {
    pub label: String,
    pub lang: Option<String>,
    pub href: String,
    pub is_current: bool,
}

impl Frame {
    pub fn of(settings: &Settings, asked: &Asked, path: &str) -> Self {
        let place = Place::of(settings, asked);
        // A cursor belongs to one list; another currency or language begins anew.
        let same = [
            ("category", asked.category.as_deref().unwrap_or_default()),
            ("q", asked.q.as_deref().unwrap_or_default()),
        ];
        let currency = |currency: &domain::money::Currency| Switch {
            label: currency.to_string(),
            lang: None,
            href: place.with_currency(*currency).href(path, &same),
            is_current: place.currency == Some(*currency),
        };
        let locale = |locale: &domain::locale::Locale| Switch {
            label: own_name(locale).to_owned(),
            lang: Some(locale.to_string()),
            href: place.with_locale(locale).href(path, &same),
            is_current: place.locale == *locale,
        };
        Self {
            words: Words::of(&place.locale),
            lang: place.locale.to_string(),
            shop_name: settings.name.as_ref().map_or(NAMELESS, |name| name.as_str()).to_owned(),
            style: assets::STYLE.url(),
            home: place.href("/", &[]),
            kept: place.kept(),
            q: asked.q.clone().unwrap_or_default(),
            has_test_payments: settings.payment_methods.iter().any(|method| method.provider.as_str() == TEST_PROVIDER),
            currencies: settings.currencies.iter().map(currency).collect(),
            locales: settings.locales.iter().map(locale).collect(),
            place,
        }
    }
}

impl Pages {
    pub async fn frame(&self, asked: &Asked, path: &str) -> contracts::Result<Frame> {
        Ok(Frame::of(&self.shop.settings().await?.settings, asked, path))
    }
}
