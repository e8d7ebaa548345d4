//! What stands around every page: the shop's name, its categories, search, switches of currency and language, who runs it.
//! It does not know what is in the middle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use contracts::Result;
use contracts::catalog::CategoryView;
use contracts::orders::AddressBody;
use contracts::shop::CurrentSettings;
use domain::locale::Locale;
use domain::settings::Settings;
use parking_lot::Mutex;
use platform::http::extract::IfNoneMatch;
use tokio::time::Instant;

use super::Storefront;
use super::addresses;
use super::place::{Place, segment};
use super::visitor::Visitor;
use super::words::{Words, fill, own_name};
use crate::answer;
use crate::assets;

/// What a shop is called that was given no name yet.
const NAMELESS: &str = "CloudMart";
/// After this, categories and written pages are read again; a new one stands in the frame a moment later.
const CHROME_FRESH_FOR: Duration = Duration::from_secs(1);

pub struct Frame {
    pub words: &'static Words,
    pub lang: String,
    pub shop_name: String,
    pub style: &'static str,
    pub script: &'static str,
    pub icon: &'static str,
    pub home: String,
    pub cart: String,
    pub find_order: String,
    /// What the search form must carry on.
    pub kept: Vec<(&'static str, String)>,
    pub q: String,
    pub has_test_payments: bool,
    pub categories: Vec<Link>,
    pub pages: Vec<Link>,
    pub currencies: Vec<Switch>,
    pub locales: Vec<Switch>,
    pub identity: Identity,
    /// This page, as the switches lead back to it.
    pub here: String,
    /// Absolute; `None` for pages that nobody should index.
    pub canonical: Option<String>,
    /// The same page in each language, absolute, and the one for everybody else under `x-default`.
    pub alternates: Vec<(String, String)>,
    /// The shop's address without a slash at the end.
    pub origin: String,
    pub place: Place,
}

impl Frame {
    /// Words with one value put in.
    pub fn fill(&self, words: &str, name: &str, value: &str) -> String {
        fill(words, &[(name, value)])
    }

    /// The picture that others show with a link to a page that has none of its own; absolute.
    pub fn card(&self) -> String {
        format!("{}{}", self.origin, assets::CARD.url())
    }
}

#[derive(Debug, Clone)]
pub struct Link {
    pub label: String,
    pub href: String,
    pub is_current: bool,
}

/// A currency or a language to switch to.
pub struct Switch {
    pub label: String,
    pub value: String,
    pub is_current: bool,
}

/// Who runs the shop, as the law of most countries wants it told.
#[derive(Default)]
pub struct Identity {
    pub name: Option<String>,
    pub lines: Vec<String>,
    pub registration: Option<String>,
    pub vat_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// Which page it is: its path, and what of the address belongs to the page itself.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub path: &'a str,
    pub asked: &'a [(&'a str, &'a str)],
    /// Whether others may index it.
    pub is_public: bool,
}

impl<'a> Subject<'a> {
    pub fn public(path: &'a str) -> Self {
        Self { path, asked: &[], is_public: true }
    }

    pub fn private(path: &'a str) -> Self {
        Self { path, asked: &[], is_public: false }
    }
}

/// What the frame shows of the catalogue and of written pages, in one language.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chrome {
    pub categories: Vec<CategoryView>,
    pub pages: Vec<(String, String)>,
}

/// By language. What is read again and is the same stays the same allocation, so that kept pages stay good.
#[derive(Default)]
pub struct Chromes(Mutex<BTreeMap<Locale, (Arc<Chrome>, Instant)>>);

/// What a page is made from beside its own content.
pub struct Grounds {
    pub current: Arc<CurrentSettings>,
    pub chrome: Arc<Chrome>,
    pub place: Place,
    pub origin: String,
}

impl Storefront {
    pub async fn grounds(&self, visitor: &Visitor) -> Result<Grounds> {
        let current = self.services.shop.settings().await?;
        let place = Place::of(&current.settings, visitor);
        let chrome = self.chrome(&place).await?;
        let origin = self.origin(&current.settings, visitor);
        Ok(Grounds { current, chrome, place, origin })
    }

    pub async fn frame(&self, visitor: &Visitor, subject: Subject<'_>) -> Result<Frame> {
        Ok(self.frame_on(&self.grounds(visitor).await?, subject))
    }

    pub fn frame_on(&self, grounds: &Grounds, subject: Subject<'_>) -> Frame {
        let Grounds { current, chrome, place, origin } = grounds;
        let settings = &current.settings;
        let tops = chrome.categories.iter().filter(|category| category.parent.is_none());
        let category = |category: &CategoryView| Link {
            label: category.title.clone(),
            href: place.category(&category.slug),
            is_current: subject.path == super::place::category_path(&category.slug),
        };
        let written = |(slug, title): &(String, String)| {
            let path = format!("/pages/{}", segment(slug));
            Link { label: title.clone(), href: place.href(&path, &[]), is_current: subject.path == path }
        };
        Frame {
            words: Words::of(&place.locale),
            lang: place.locale.to_string(),
            shop_name: settings.name.as_ref().map_or(NAMELESS, |name| name.as_str()).to_owned(),
            style: assets::STYLE.url(),
            script: assets::SHOP_SCRIPT.url(),
            icon: assets::ICON.url(),
            home: place.href("/", &[]),
            cart: place.href("/cart", &[]),
            find_order: place.href("/find-order", &[]),
            kept: place.kept(),
            // Pages that are kept say nothing of whoever asked for them.
            q: String::new(),
            has_test_payments: self.has_test_payments(settings),
            categories: tops.map(category).collect(),
            pages: chrome.pages.iter().map(written).collect(),
            currencies: currencies(settings, place),
            locales: locales(settings, place),
            identity: identity(settings, &place.locale),
            here: super::place::address(subject.path, subject.asked.iter().copied()),
            canonical: subject.is_public.then(|| format!("{origin}{}", place.canonical(subject.path, subject.asked))),
            alternates: if subject.is_public { alternates(settings, place, origin, subject) } else { Vec::new() },
            origin: origin.clone(),
            place: place.clone(),
        }
    }

    /// A page that is the same for all who read in one language and currency.
    pub fn shared(&self, visitor: &Visitor, page: &impl askama::Template, place: &Place) -> Response {
        let known = IfNoneMatch::of(&visitor.headers);
        let mut response = answer::page(&known, page, place.locale.as_str());
        place.remember(visitor, self.jar, &mut response);
        response
    }

    fn has_test_payments(&self, settings: &Settings) -> bool {
        let mut providers = settings.payment_methods.iter().map(|method| method.provider.as_str());
        providers.any(|provider| self.services.payments.provider(provider).is_some_and(|info| info.test))
    }

    /// Where the shop is reached from outside: as the operator says, as the shopkeeper says, or as the visitor does.
    pub fn origin(&self, settings: &Settings, visitor: &Visitor) -> String {
        let told = Some(self.options.public_url.as_str()).filter(|url| !url.is_empty());
        match told.or(settings.public_url.as_deref()) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => visitor.host().map(|host| format!("http://{host}")).unwrap_or_default(),
        }
    }

    /// Whether a page would be made from the same now, as far as that is known without waiting.
    pub fn stands_on(&self, grounds: &Grounds) -> bool {
        let is_chrome = |(chrome, read_at): &(Arc<Chrome>, Instant)| {
            Arc::ptr_eq(chrome, &grounds.chrome) && read_at.elapsed() < CHROME_FRESH_FOR
        };
        self.services.shop.is_current(&grounds.current)
            && self.chromes.0.lock().get(&grounds.place.locale).is_some_and(is_chrome)
    }

    async fn chrome(&self, place: &Place) -> Result<Arc<Chrome>> {
        let kept = self.chromes.0.lock().get(&place.locale).cloned();
        if let Some((chrome, read_at)) = &kept
            && read_at.elapsed() < CHROME_FRESH_FOR
        {
            return Ok(chrome.clone());
        }
        let categories = self.services.catalog.categories(&place.reading()).await?;
        let pages = self.services.pages.titles(&place.locale).await?;
        let read = Chrome { categories, pages };
        let chrome = kept.map(|(chrome, _)| chrome).filter(|chrome| **chrome == read).unwrap_or_else(|| Arc::new(read));
        self.chromes.0.lock().insert(place.locale.clone(), (chrome.clone(), Instant::now()));
        Ok(chrome)
    }
}

fn currencies(settings: &Settings, place: &Place) -> Vec<Switch> {
    let switch = |currency: &domain::money::Currency| Switch {
        label: currency.to_string(),
        value: currency.to_string(),
        is_current: place.currency == Some(*currency),
    };
    settings.currencies.iter().map(switch).collect()
}

fn locales(settings: &Settings, place: &Place) -> Vec<Switch> {
    let switch = |locale: &Locale| Switch {
        label: own_name(locale).to_owned(),
        value: locale.to_string(),
        is_current: place.locale == *locale,
    };
    settings.locales.iter().map(switch).collect()
}

fn alternates(settings: &Settings, place: &Place, origin: &str, subject: Subject<'_>) -> Vec<(String, String)> {
    if settings.locales.len() < 2 {
        return Vec::new();
    }
    let address = |locale: &Locale| format!("{origin}{}", place.in_language(locale, subject.path, subject.asked));
    let own = settings.locales.iter().map(|locale| (locale.to_string(), address(locale)));
    own.chain([("x-default".to_owned(), address(&settings.default_locale))]).collect()
}

fn identity(settings: &Settings, locale: &Locale) -> Identity {
    let lines = settings.address.as_ref().map(|address| addresses::lines(&AddressBody::from(address), locale));
    Identity {
        name: settings.legal_name.as_ref().or(settings.name.as_ref()).map(|name| name.to_string()),
        lines: lines.unwrap_or_default(),
        registration: settings.registration.as_ref().map(|number| number.to_string()),
        vat_id: settings.vat_id.as_ref().map(|number| number.to_string()),
        email: settings.email.as_ref().map(|email| email.as_str().to_owned()),
        phone: settings.phone.as_ref().map(|phone| phone.as_str().to_owned()),
    }
}
