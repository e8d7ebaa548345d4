//! What stands around every page: the rail, who is signed in, what was just done.
//! It does not know what is in the middle.

use std::sync::Arc;

use contracts::shop::CurrentSettings;
use domain::locale::Locale;
use domain::money::{Currency, Money};

use super::Admin;
use super::flash::Flash;
use super::session::Session;
use super::times::Times;
use super::words::Words;
use crate::assets;

/// What a shop is called that was given no name yet.
const NAMELESS: &str = "CloudMart";

pub struct Frame {
    pub words: &'static Words,
    pub title: String,
    pub shop_name: String,
    pub member: String,
    pub style: &'static str,
    pub script: &'static str,
    pub rail: Vec<Vec<Place>>,
    pub crumbs: Vec<Crumb>,
    pub flash: Option<Flash>,
    /// Path and query of this page.
    pub here: Arc<str>,
    /// Goes into every form that changes something, hidden; see [`Session::once`].
    pub once: Arc<str>,
    pub times: Times,
    pub settings: Arc<CurrentSettings>,
}

/// A section in the rail.
pub struct Place {
    pub href: &'static str,
    pub label: &'static str,
    pub is_current: bool,
}

/// A page above this one.
pub struct Crumb {
    pub href: String,
    pub label: String,
}

impl Admin {
    pub async fn frame(&self, session: &Session, title: impl Into<String>) -> contracts::Result<Frame> {
        let settings = self.services.shop.settings().await?;
        // One who was removed a moment ago still sees this one page.
        let member = self.services.staff_desk.member(&session.staff).await.map(|member| member.email);
        let words = session.words;
        Ok(Frame {
            words,
            title: title.into(),
            shop_name: settings.settings.name.as_ref().map_or(NAMELESS, |name| name.as_str()).to_owned(),
            member: member.unwrap_or_default(),
            style: assets::ADMIN_STYLE.url(),
            script: assets::ADMIN_SCRIPT.url(),
            rail: rail(words, session.path()),
            crumbs: Vec::new(),
            flash: session.flash.clone(),
            here: session.here.clone(),
            once: session.once.clone(),
            times: Times::new(&settings.settings.time_zone, words),
            settings,
        })
    }
}

impl Frame {
    /// Puts a page above this one; the outermost first.
    pub fn below(mut self, href: impl Into<String>, label: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { href: href.into(), label: label.into() });
        self
    }

    pub fn locale(&self) -> Locale {
        self.words.locale()
    }

    /// An amount in minor units as it is read here: `€12.99`.
    pub fn money(&self, amount: i64, currency: Currency) -> String {
        Money::new(amount, currency).map_or_else(|_| amount.to_string(), |money| money.display_text(&self.locale()))
    }

    /// The same with the currency's code as a service wrote it.
    pub fn money_in(&self, amount: i64, currency: &str) -> String {
        Currency::parse(currency)
            .map_or_else(|_| format!("{amount} {currency}"), |currency| self.money(amount, currency))
    }
}

fn rail(words: &Words, path: &str) -> Vec<Vec<Place>> {
    let names = &words.frame;
    let groups: [&[(&'static str, &'static str)]; 4] = [
        &[("/admin", names.home), ("/admin/orders", names.orders), ("/admin/drafts", names.drafts)],
        &[
            ("/admin/products", names.products),
            ("/admin/categories", names.categories),
            ("/admin/stock", names.stock),
            ("/admin/import", names.import),
        ],
        &[("/admin/processes", names.processes), ("/admin/mail", names.mail)],
        &[
            ("/admin/pages", names.pages),
            ("/admin/settings", names.settings),
            ("/admin/staff", names.staff),
            ("/admin/keys", names.keys),
        ],
    ];
    let place = |(href, label): &(&'static str, &'static str)| {
        let below = path.strip_prefix(href);
        let is_root = *href == super::ROOT;
        let is_current = below.is_some_and(|rest| rest.is_empty() || (!is_root && rest.starts_with('/')));
        Place { href, label, is_current }
    };
    groups.iter().map(|group| group.iter().map(place).collect()).collect()
}
