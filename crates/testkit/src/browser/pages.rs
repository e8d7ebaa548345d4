//! The pages of the shop, as data: what each is called, where it is, and who may see it. A new page is a line here; then
//! axe-core, the phone and the camera visit it.
//! It does not know what is on them.

use serde_json::Value;

use super::shopper::{ADA, HANEUL, PAYS};
use super::staff::SignIn;
use super::{Browser, Visitor};
use crate::mart::Mart;

/// Who comes to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Guest,
    /// Who has something in the cart.
    Buyer,
    /// Who has bought something.
    Customer,
    Staff,
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
    page("category", "/c/{category}", Who::Guest).main(),
    page("search", "/search?q={word}", Who::Guest),
    page("nothing-found", "/search?q=zzzzzzzz", Who::Guest),
    page("product", "/p/{product}", Who::Guest).main(),
    page("empty-cart", "/cart", Who::Guest),
    page("find-order", "/find-order", Who::Guest),
    page("about", "/pages/about", Who::Guest),
    page("shipping", "/pages/shipping", Who::Guest),
    page("privacy", "/pages/privacy", Who::Guest),
    page("terms", "/pages/terms", Who::Guest),
    page("not-found", "/no/such/page", Who::Guest).refused(404),
    page("cart", "/cart", Who::Buyer).main(),
    page("checkout", "/checkout", Who::Buyer).main(),
    page("order", "/orders/{my_order}", Who::Customer).main(),
    page("ordered-cart", "/cart", Who::Customer),
    page("sign-in", "/admin/sign-in", Who::Guest),
    page("dashboard", "/admin", Who::Staff).main(),
    page("orders", "/admin/orders", Who::Staff),
    page("admin-order", "/admin/orders/{order}", Who::Staff).main(),
    page("note", "/admin/orders/{order}/note", Who::Staff),
    page("packing-slip", "/admin/orders/{order}/packing-slip", Who::Staff),
    page("receipt", "/admin/orders/{order}/receipt", Who::Staff),
    page("drafts", "/admin/drafts", Who::Staff),
    page("new-draft", "/admin/drafts/new", Who::Staff),
    page("products", "/admin/products", Who::Staff),
    page("new-product", "/admin/products/new", Who::Staff),
    page("admin-product", "/admin/products/{product_id}", Who::Staff),
    page("categories", "/admin/categories", Who::Staff),
    page("admin-category", "/admin/categories/of/{category}", Who::Staff),
    page("import", "/admin/import", Who::Staff),
    page("stock", "/admin/stock", Who::Staff),
    page("stock-item", "/admin/stock/item?sku={sku}", Who::Staff),
    page("processes", "/admin/processes", Who::Staff),
    page("settings", "/admin/settings", Who::Staff),
    page("countries", "/admin/settings/countries", Who::Staff),
    page("ways-to-send", "/admin/settings/shipping", Who::Staff),
    page("ways-to-pay", "/admin/settings/payments", Who::Staff),
    page("pages", "/admin/pages", Who::Staff),
    page("admin-page", "/admin/pages/about", Who::Staff),
    page("mail", "/admin/mail", Who::Staff),
    page("mail-settings", "/admin/mail/settings", Who::Staff),
    page("staff", "/admin/staff", Who::Staff),
    page("keys", "/admin/keys", Who::Staff),
    page("admin-not-found", "/admin/no-such-page", Who::Staff).refused(404),
];

/// What the placeholders of paths stand for in one shop.
#[derive(Debug, Clone, Default)]
pub struct Places(Vec<(&'static str, String)>);

/// The order that the walk itself has bought.
const MY_ORDER: &str = "my_order";
/// Sold in several colours and shapes.
const PRODUCT: &str = "stoneware-mug";

impl Places {
    /// In the sample shop; an order that staff look at is placed when none is told.
    pub async fn of(mart: &Mart, order: Option<&str>) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let categories = mart.get("/api/categories").send().await.expect(200);
        let category = categories.items().iter().find(|category| category["parent"].is_null());
        let product = mart.get(&format!("/api/products/{PRODUCT}")).send().await.expect(200);
        let sku = text(&product.body["variants"][0]["sku"]);
        let order = match order {
            Some(order) => order.to_owned(),
            None => mart.buy(&sku, 1).await.text("id"),
        };
        let mut places = Self::default();
        places.know("category", category.map(|category| text(&category["slug"])).unwrap_or_default());
        places.know("word", "tea".to_owned());
        places.know("product", PRODUCT.to_owned());
        places.know("product_id", text(&product.body["id"]));
        places.know("sku", sku);
        places.know("order", order);
        places
    }

    /// From now on, a placeholder stands for this.
    pub fn know(&mut self, placeholder: &'static str, value: String) {
        self.0.retain(|(known, _)| *known != placeholder);
        self.0.push((placeholder, value));
    }

    /// A path without placeholders.
    ///
    /// # Panics
    /// When one is not known yet.
    pub fn path(&self, page: &Page) -> String {
        let fill = |path: String, (name, value): &(&str, String)| path.replace(&format!("{{{name}}}"), value);
        let filled = self.0.iter().fold(page.path.to_owned(), fill);
        assert!(!filled.contains('{'), "nobody knows yet where {} is: {filled}", page.name);
        filled
    }
}

/// A walk through the pages: a browser, and what has been done so far so that a page is there to be seen.
#[derive(Debug)]
pub struct Tour {
    pub browser: Browser,
    places: Places,
    sign_in: SignIn,
    has_cart: bool,
    is_signed_in: bool,
}

impl Tour {
    pub async fn begin(mart: &Mart, visitor: Visitor, places: Places) -> Self {
        let sign_in = SignIn::told_by(mart);
        let browser = Browser::open(mart, visitor).await;
        Self { browser, places, sign_in, has_cart: false, is_signed_in: false }
    }

    /// Goes to a page, and does before what makes it be there.
    pub async fn visit(&mut self, page: &Page) {
        match page.who {
            Who::Guest => {}
            Who::Buyer => self.fill_cart().await,
            Who::Customer => self.buy().await,
            Who::Staff => self.sign_in().await,
        }
        let path = self.places.path(page);
        match page.status {
            200 => self.browser.visit(&path).await,
            status => self.browser.visit_refused(&path, status).await,
        }
    }

    async fn fill_cart(&mut self) {
        if self.has_cart {
            return;
        }
        self.browser.visit(&format!("/p/{PRODUCT}")).await;
        self.browser.add_to_cart().await;
        self.browser.visit("/p/enamel-kettle").await;
        self.browser.add_to_cart().await;
        self.has_cart = true;
    }

    /// Buys what is in the cart, which is empty after that.
    async fn buy(&mut self) {
        if self.places.0.iter().any(|(name, _)| *name == MY_ORDER) {
            return;
        }
        self.fill_cart().await;
        let buyer = if self.browser.visitor().language == "ko" { HANEUL } else { ADA };
        self.browser.check_out().await;
        self.browser.fill_checkout(&buyer, PAYS).await;
        let path = self.browser.place_order().await;
        self.has_cart = false;
        self.places.know(MY_ORDER, path.trim_start_matches("/orders/").to_owned());
    }

    async fn sign_in(&mut self) {
        if !self.is_signed_in {
            self.browser.sign_in(&self.sign_in).await;
            self.is_signed_in = true;
        }
    }
}
