//! Pages that staff write: about, shipping and returns, privacy, terms.
//! It does not know how they look.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::locale::Locale;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Pages that every shop has, by slug; their texts may be empty.
pub const SLUGS: [&str; 4] = ["about", "shipping", "privacy", "terms"];

/// A page as shoppers read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageView {
    pub slug: String,
    pub title: String,
    /// Harmless HTML, made of what staff wrote.
    pub html: String,
    pub updated_at: Timestamp,
}

/// A page's texts in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageText {
    pub title: String,
    /// Markdown (CommonMark); HTML in it is made harmless.
    pub body: String,
}

/// A page as staff write it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageSource {
    pub slug: String,
    /// By language.
    pub texts: BTreeMap<Locale, PageText>,
    /// 0 for one that was never written.
    pub version: u64,
}

#[async_trait]
pub trait Pages: Send + Sync {
    /// In the asked language, else in the shop's default one. `NotFound` for one that has no text yet.
    async fn page(&self, slug: &str, locale: &Locale) -> Result<PageView>;

    /// Slug and title of every page that has a text, for the footer.
    async fn titles(&self, locale: &Locale) -> Result<Vec<(String, String)>>;

    /// For staff; one that was never written is empty.
    async fn source(&self, slug: &str) -> Result<PageSource>;

    /// How Markdown will read: harmless HTML, as of a page that is written.
    fn preview(&self, body: &str) -> String;

    /// Writes a page on the version that was seen; answers its new version.
    async fn write(&self, slug: &str, texts: BTreeMap<Locale, PageText>, seen: u64) -> Result<u64>;
}
