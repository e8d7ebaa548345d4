//! Pages that staff write, kept as they wrote them and shown as harmless HTML.
//! It does not know how a page looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::pages::{PageSource, PageText, PageView, Pages, SLUGS};
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::locale::Locale;
use jiff::Timestamp;
use platform::clock::Clock;
use platform::documents::{Collection, Conditional, Documents, Expected, Put};
use pulldown_cmark::{Options, Parser, html};
use serde::{Deserialize, Serialize};

use crate::machinery::{Machinery, stored};

pub const PAGES: Collection = Collection::primary("pages");
/// The longest title and text of a page, in characters.
const TITLE_CHARS_MAX: usize = 200;
const BODY_CHARS_MAX: usize = 50_000;

/// The shop's pages.
pub struct WrittenPages {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    shop: Arc<dyn contracts::shop::Shop>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    texts: BTreeMap<Locale, PageText>,
    updated_at: Timestamp,
}

impl WrittenPages {
    pub fn new(machinery: &Machinery, shop: Arc<dyn contracts::shop::Shop>) -> Self {
        Self { documents: machinery.documents.clone(), clock: machinery.clock.clone(), shop }
    }

    async fn read(&self, slug: &str) -> Result<Option<(Stored, u64)>> {
        if !SLUGS.contains(&slug) {
            return Err(Error::not_found("page"));
        }
        let document = self.documents.get(PAGES, slug, self.clock.now()).await.map_err(stored)?;
        document.map(|document| Ok((document.read().map_err(stored)?, document.version))).transpose()
    }

    /// The text closest to the asked language; an empty one is none.
    async fn text<'a>(&self, texts: &'a BTreeMap<Locale, PageText>, locale: &Locale) -> Result<Option<&'a PageText>> {
        let default = self.shop.settings().await?.settings.default_locale.clone();
        let closest = locale.fallbacks().find_map(|locale| texts.get(&locale).filter(|text| is_written(text)));
        let standing_in = default.fallbacks().find_map(|locale| texts.get(&locale).filter(|text| is_written(text)));
        Ok(closest.or(standing_in).or_else(|| texts.values().find(|text| is_written(text))))
    }
}

#[async_trait]
impl Pages for WrittenPages {
    async fn page(&self, slug: &str, locale: &Locale) -> Result<PageView> {
        let (page, _) = self.read(slug).await?.ok_or_else(|| Error::not_found("page"))?;
        let text = self.text(&page.texts, locale).await?.ok_or_else(|| Error::not_found("page"))?;
        let (slug, title, updated_at) = (slug.to_owned(), text.title.clone(), page.updated_at);
        Ok(PageView { slug, title, html: harmless(&text.body), updated_at })
    }

    async fn titles(&self, locale: &Locale) -> Result<Vec<(String, String)>> {
        let mut titles = Vec::new();
        for slug in SLUGS {
            let Some((page, _)) = self.read(slug).await? else { continue };
            if let Some(text) = self.text(&page.texts, locale).await? {
                titles.push((slug.to_owned(), text.title.clone()));
            }
        }
        Ok(titles)
    }

    async fn source(&self, slug: &str) -> Result<PageSource> {
        let (texts, version) = match self.read(slug).await? {
            Some((page, version)) => (page.texts, version),
            None => (BTreeMap::new(), 0),
        };
        Ok(PageSource { slug: slug.to_owned(), texts, version })
    }

    fn preview(&self, body: &str) -> String {
        harmless(body)
    }

    async fn write(&self, slug: &str, texts: BTreeMap<Locale, PageText>, seen: u64) -> Result<u64> {
        if !SLUGS.contains(&slug) {
            return Err(Error::not_found("page"));
        }
        check(&texts)?;
        let page = Stored { texts, updated_at: self.clock.now() };
        let body = serde_json::to_string(&page).map_err(|error| Error::internal(error.to_string()))?;
        let put = Put { collection: PAGES, id: slug.to_owned(), body: body.into(), entries: Vec::new(), expires: None };
        let expected = if seen == 0 { Expected::Absent } else { Expected::Version(seen) };
        match self.documents.put_if(put, expected, self.clock.now()).await.map_err(stored)? {
            Conditional::Written(version) => Ok(version),
            Conditional::Differs(_) => {
                let message = "somebody else changed this page since you read it";
                Err(Error::new(Kind::Stale, "precondition_failed", message))
            }
        }
    }
}

fn is_written(text: &PageText) -> bool {
    !text.title.trim().is_empty() && !text.body.trim().is_empty()
}

fn check(texts: &BTreeMap<Locale, PageText>) -> Result<()> {
    let mut errors = Vec::new();
    for (locale, text) in texts {
        let (has_title, has_body) = (!text.title.trim().is_empty(), !text.body.trim().is_empty());
        if has_body && !has_title {
            errors.push(FieldError::new(format!("/texts/{locale}/title"), "required", "a page needs a title"));
        }
        for (name, value, limit) in [("title", &text.title, TITLE_CHARS_MAX), ("body", &text.body, BODY_CHARS_MAX)] {
            if value.chars().count() > limit {
                let message = format!("at most {limit} characters");
                errors.push(FieldError::new(format!("/texts/{locale}/{name}"), "too_long", message));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}

/// Markdown as HTML without anything that runs, loads or looks like the shop itself.
pub fn harmless(markdown: &str) -> String {
    let mut written = String::new();
    html::push_html(&mut written, Parser::new_ext(markdown, Options::ENABLE_TABLES));
    let mut allowed = ammonia::Builder::default();
    // The page has a title of its own.
    allowed.rm_tags(["h1", "img"]).link_rel(Some("nofollow noopener"));
    allowed.clean(&written).to_string()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_runs_or_loads_is_taken_out_of_a_page() {
        let hostile = "Hi <script>alert(1)</script>\n\n<img src=x onerror=alert(1)> [go](javascript:alert(1)) **bold**";
        let html = harmless(hostile);
        assert!(!html.contains("script") && !html.contains("onerror") && !html.contains("<img"), "{html}");
        assert!(html.contains("<strong>bold</strong>"), "{html}");
    }

    #[test]
    fn markdown_keeps_its_structure() {
        let html = harmless("## Returns\n\n- within *30* days\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
        for piece in ["<h2>Returns</h2>", "<li>within <em>30</em> days</li>", "<td>1</td>"] {
            assert!(html.contains(piece), "{piece} in {html}");
        }
    }
}
