//! A cart as its shopper sees it: today's prices, totals, and what stands against ordering it.
//! It does not know how the cart is kept.

use contracts::Result;
use contracts::catalog::Availability;
use domain::cart::{Cart, CartLine, Problem, ProblemCode};
use domain::settings::Settings;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Carts;
use super::shelf::Shelf;
use super::store::StoredCart;
use crate::quoting::{self, Pointers, Quoted, QuotedLine, Request, RequestLine, ShippingRule, TaxRule};

/// All amounts are minor units of `currency`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Cart)]
pub struct CartView {
    #[schema(example = "crt_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    #[schema(example = "EUR")]
    pub currency: String,
    #[schema(example = "main")]
    pub market: String,
    pub locale: String,
    /// Where it will be sent; null until that is known.
    pub country: Option<String>,
    pub lines: Vec<CartLineView>,
    /// One `subtotal`, one `total`; all but `total` add up to it. Lines that cannot be bought are not counted.
    pub totals: Vec<TotalView>,
    /// Tax that the total includes without an entry of its own.
    #[schema(minimum = 0)]
    pub tax_included: i64,
    /// Whether prices include tax; false while the country is not known.
    pub prices_include_tax: bool,
    /// What stands against ordering it as it is.
    pub problems: Vec<ProblemView>,
    /// How many things there are, over all lines.
    pub item_count: u64,
    /// The order that it became or is becoming; then it cannot be changed.
    pub order_id: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// 30 days after the last change.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CartLine)]
pub struct CartLineView {
    #[schema(example = "lin_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    pub sku: String,
    /// Null for what the shop does not know any more.
    pub product_id: Option<String>,
    /// The product's.
    pub slug: Option<String>,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    pub variant: String,
    /// Relative to the shop's address.
    pub image: Option<String>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
    /// Today's; null where it cannot be bought.
    #[schema(minimum = 0)]
    pub unit_price: Option<i64>,
    /// What the shopper saw when adding it.
    #[schema(minimum = 0)]
    pub seen_unit_price: i64,
    /// `unit_price × quantity`.
    #[schema(minimum = 0)]
    pub total: Option<i64>,
    pub availability: Availability,
}

/// An entry of a price's summary, in the terms of the Universal Commerce Protocol.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Total)]
pub struct TotalView {
    #[serde(rename = "type")]
    pub kind: TotalType,
    /// Negative for discounts.
    pub amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_text: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TotalType {
    Subtotal,
    ItemsDiscount,
    Discount,
    Fulfillment,
    Fee,
    Tax,
    Total,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CartProblem)]
pub struct ProblemView {
    /// Which line of a cart it is about.
    pub line_id: Option<String>,
    /// Which entry of `lines` it is about; null where that is not among them.
    #[schema(example = "/lines/0")]
    pub pointer: Option<String>,
    pub sku: String,
    pub code: ProblemType,
    /// For people.
    pub message: String,
    pub detail: ProblemDetailView,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CartProblemCode)]
pub enum ProblemType {
    PriceChanged,
    InsufficientStock,
    Unavailable,
}

/// The numbers behind a problem; those that do not belong to it are absent.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = CartProblemDetail)]
pub struct ProblemDetailView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_unit_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

impl CartView {
    /// The same cart, kept for longer.
    pub(super) fn expiring(self, at: Timestamp) -> Self {
        Self { expires_at: at.to_string(), ..self }
    }
}

impl Carts {
    /// Refuses a cart whose amounts cannot be added up.
    pub(super) async fn view(&self, stored: &StoredCart) -> Result<CartView> {
        let cart = &stored.cart;
        let current = self.shop.settings().await?;
        let skus: Vec<_> = cart.lines().iter().map(|line| line.sku.clone()).collect();
        let shelf = self.shelf(&skus, cart.currency, &cart.locale).await?;
        let quoted = quoting::quote(&current.settings, &shelf.offers, &request(cart, &shelf, &current.settings))?;
        Ok(view(stored, &shelf, &quoted))
    }
}

/// A cart's request for a price: of what can be bought, without shipping. Nothing in it is refused for what the shop
/// has changed since; that is told as problems.
fn request(cart: &Cart, shelf: &Shelf, settings: &Settings) -> Request {
    Request {
        currency: cart.currency,
        locale: cart.locale.clone(),
        country: cart.country.filter(|country| settings.tax(*country).is_some()),
        lines: sellable(cart, shelf).map(|line| RequestLine::new(line.sku.clone(), line.quantity)).collect(),
        order_discount: 0,
        tax: TaxRule::ByCountry,
        shipping: ShippingRule::None,
        by_staff: true,
        pointers: Pointers::default(),
    }
}

/// The lines of a cart that can be bought at all.
pub(super) fn sellable<'a>(cart: &'a Cart, shelf: &'a Shelf) -> impl Iterator<Item = &'a CartLine> {
    cart.lines().iter().filter(|line| {
        let offer = shelf.offer(&line.sku);
        offer.purchasable && offer.price.is_some()
    })
}

fn view(stored: &StoredCart, shelf: &Shelf, quoted: &Quoted) -> CartView {
    let cart = &stored.cart;
    CartView {
        id: cart.id.to_string(),
        currency: cart.currency.to_string(),
        market: cart.market.as_str().to_owned(),
        locale: cart.locale.to_string(),
        country: cart.country.map(|country| country.to_string()),
        // A SKU is in a cart once.
        lines: cart.lines().iter().map(|line| line_view(line, shelf, quoted)).collect(),
        totals: totals(quoted),
        tax_included: quoted.tax_included,
        prices_include_tax: quoted.prices_include_tax,
        problems: problems(cart, shelf, |problem| {
            cart.lines().iter().position(|line| line.id == problem.line).map(|index| format!("/lines/{index}"))
        }),
        item_count: cart.item_count(),
        order_id: cart.order().map(|order| order.to_string()),
        created_at: cart.created_at.to_string(),
        updated_at: cart.updated_at.to_string(),
        expires_at: stored.expires_at.to_string(),
    }
}

fn line_view(line: &CartLine, shelf: &Shelf, quoted: &Quoted) -> CartLineView {
    let offer = shelf.offers.get(&line.sku);
    let priced: Option<&QuotedLine> = quoted.lines.iter().find(|priced| priced.sku == line.sku);
    CartLineView {
        id: line.id.to_string(),
        sku: line.sku.to_string(),
        product_id: offer.map(|offer| offer.product.to_string()),
        slug: offer.map(|offer| offer.slug.clone()),
        title: offer.map_or_else(|| line.sku.to_string(), |offer| offer.title.clone()),
        variant: offer.map(|offer| offer.variant.clone()).unwrap_or_default(),
        image: offer.and_then(|offer| offer.image.clone()),
        quantity: line.quantity.get(),
        unit_price: priced.map(|priced| priced.unit_price),
        seen_unit_price: line.unit_price,
        total: priced.map(|priced| priced.total),
        availability: shelf.availability(&line.sku),
    }
}

pub(super) fn totals(quoted: &Quoted) -> Vec<TotalView> {
    quoted.totals.iter().cloned().map(TotalView::from).collect()
}

pub(super) fn problems(cart: &Cart, shelf: &Shelf, pointer: impl Fn(&Problem) -> Option<String>) -> Vec<ProblemView> {
    let view = |problem: Problem| ProblemView {
        line_id: Some(problem.line.to_string()),
        pointer: pointer(&problem),
        sku: problem.sku.to_string(),
        code: problem.code.into(),
        message: problem.message,
        detail: ProblemDetailView {
            previous_unit_price: problem.detail.previous_unit_price,
            unit_price: problem.detail.unit_price,
            requested: problem.detail.requested,
            available: problem.detail.available,
        },
    };
    cart.problems(&|sku| shelf.offer(sku)).into_iter().map(view).collect()
}

impl From<domain::pricing::Total> for TotalView {
    fn from(total: domain::pricing::Total) -> Self {
        use domain::pricing::TotalKind;
        let kind = match total.kind {
            TotalKind::Subtotal => TotalType::Subtotal,
            TotalKind::ItemsDiscount => TotalType::ItemsDiscount,
            TotalKind::Discount => TotalType::Discount,
            TotalKind::Fulfillment => TotalType::Fulfillment,
            TotalKind::Fee => TotalType::Fee,
            TotalKind::Tax => TotalType::Tax,
            TotalKind::Total => TotalType::Total,
        };
        Self { kind, amount: total.amount, display_text: total.display_text }
    }
}

impl From<ProblemCode> for ProblemType {
    fn from(code: ProblemCode) -> Self {
        match code {
            ProblemCode::PriceChanged => Self::PriceChanged,
            ProblemCode::InsufficientStock => Self::InsufficientStock,
            ProblemCode::Unavailable => Self::Unavailable,
        }
    }
}
