//! The pages of the shop, as data: what each is called, where it is, and who may see it. A new page is a line here; then
//! axe-core, the phone and the camera visit it.
//! It does not know what is on them.

use serde_json::Value;

use super::{Browser, Visitor};
use crate::mart::Mart;

/// Who comes to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Guest,
}

/// One page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Part of a file name.
    pub name: &'static str,
    /// With placeholders, filled in by a [`Place`].
    pub path: &'static str,
    pub who: Who,
    pub status: u16,
    /// Looked at in both lights and both languages.
    pub is_main: bool,
}

const fn page(name: &'static str, path: &'static str, who: Who) -> Page {
    Page { name, path, who, status: 200, is_main: false }
}

impl Page {
    const fn main(self) -> Self {
        Self { is_main: true, ..self }
    }

    const fn refused(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

/// In the order in which one may go through them: a cart is filled before it is looked at.
pub const PAGES: &[Page] = &[
    page("home", "/", Who::Guest).main(),
    page("category", "/?category={category}", Who::Guest).main(),
    page("search", "/?q={word}", Who::Guest),
    page("nothing-found", "/?q=zzzzzzzz", Who::Guest),
    page("product", "/p/{product}", Who::Guest).main(),
    page("not-found", "/no/such/page", Who::Guest).refused(404),
];

/// What the placeholders of paths stand for in one shop.
#[derive(Debug, Clone, Default)]
pub struct Places(Vec<(&'static str, String)>);

impl Places {
    /// In the sample shop.
    ///
    /// # Panics
    /// When the mart sells nothing.
    pub async fn of(mart: &Mart) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let categories = mart.get("/api/categories").send().await.expect(200);
        let category = categories.items().iter().find(|category| category["parent"].is_null());
        let products = mart.get("/api/products?limit=100").send().await.expect(200);
        assert!(!products.items().is_empty(), "a shop with nothing to look at: {products}");
        let mut places = Self::default();
        places.know("category", &category.map(|category| text(&category["slug"])).unwrap_or_default());
        places.know("product", Self::PRODUCT);
        places.know("word", "tea");
        places
    }

    /// Sold in several colours and shapes.
    const PRODUCT: &str = "stoneware-mug";

    /// From now on, a placeholder stands for this.
    pub fn know(&mut self, placeholder: &'static str, value: &str) {
        self.0.retain(|(known, _)| *known != placeholder);
        self.0.push((placeholder, value.to_owned()));
    }

    /// A path without placeholders.
    ///
    /// # Panics
    /// When one is not known yet.
    pub fn path(&self, page: &Page) -> String {
        let filled =
            self.0.iter().fold(page.path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        assert!(!filled.contains('{'), "nobody knows yet where {} is: {filled}", page.name);
        filled
    }
}

/// A walk through the pages: a browser, and what it has to have done before a page is there to be seen.
#[derive(Debug)]
pub struct Tour {
    pub browser: Browser,
    pub places: Places,
}

impl Tour {
    pub async fn begin(mart: &Mart, visitor: Visitor) -> Self {
        let places = Places::of(mart).await;
        let browser = Browser::open(mart, visitor).await;
        let tour = Self { browser, places };
        tour.speak().await;
        tour
    }

    /// A shop may be told the language by its address; the browser's own says it anyway.
    async fn speak(&self) {
        let language = self.browser.visitor().language;
        self.browser.visit(&format!("/?locale={language}")).await;
    }

    /// Goes to a page, and does before what makes it be there.
    pub async fn visit(&mut self, page: &Page) {
        let path = self.places.path(page);
        match page.status {
            200 => self.browser.visit(&path).await,
            status => self.browser.visit_refused(&path, status).await,
        }
    }
}
