//! A cart as its shopper sees it: today's prices, totals, and what stands against ordering it.
//! It does not know how the cart is kept.

use contracts::Result;
use contracts::carts::{CartLineView, CartView, ProblemDetailView, ProblemView, TotalView};
use domain::cart::{Cart, CartLine, Problem};
use domain::settings::Settings;
use jiff::Timestamp;

use super::Carts;
use super::shelf::Shelf;
use super::store::StoredCart;
use crate::quoting::{self, Pointers, Quoted, QuotedLine, Request, RequestLine, ShippingRule, TaxRule};

/// The same cart, kept for longer.
pub(super) fn expiring(cart: CartView, at: Timestamp) -> CartView {
    CartView { expires_at: at.to_string(), ..cart }
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
