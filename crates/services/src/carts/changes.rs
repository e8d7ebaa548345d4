//! Changes of a cart that is there: each on the version that was seen, refused when somebody was faster.
//! It does not know HTTP beyond the bodies that it reads.

use contracts::carts::{CartView, ChangeCart, ChangeLine, LineBody};
use contracts::{Error, Result};
use domain::cart::Cart;
use domain::ids::LineId;
use domain::money::Currency;
use domain::sku::Sku;

use super::create::{read_country, read_currency, read_locale};
use super::store::{StoredCart, stale};
use super::views::expiring;
use super::{Carts, refused};
use crate::quoting;

impl Carts {
    pub(super) async fn change(&self, seen: &StoredCart, body: &ChangeCart) -> Result<(StoredCart, CartView)> {
        let mut cart = open(seen)?;
        let current = self.shop.settings().await?;
        let settings = &current.settings;
        let mut errors = Vec::new();
        match &body.country {
            Some(Some(code)) => cart.country = read_country(settings, code, &mut errors),
            Some(None) => cart.country = None,
            None => {}
        }
        if let Some(tag) = &body.locale
            && let Some(locale) = read_locale(settings, Some(tag), &mut errors)
        {
            cart.locale = locale;
        }
        let currency = body.currency.as_deref().and_then(|code| read_currency(settings, code, &mut errors));
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        if let Some(currency) = currency.filter(|currency| *currency != cart.currency) {
            self.reprice(&mut cart, currency).await?;
        }
        cart.updated_at = self.clock.now();
        self.save(seen, cart).await
    }

    /// Prices in one currency say nothing in another: what was seen is today's price in the new one.
    async fn reprice(&self, cart: &mut Cart, currency: Currency) -> Result<()> {
        let lines: Vec<(LineId, Sku)> = cart.lines().iter().map(|line| (line.id.clone(), line.sku.clone())).collect();
        let skus: Vec<Sku> = lines.iter().map(|(_, sku)| sku.clone()).collect();
        let shelf = self.shelf(&skus, currency, &cart.locale).await?;
        let unpriced: Vec<&str> =
            skus.iter().filter(|sku| shelf.offer(sku).price.is_none()).map(|sku| sku.as_str()).collect();
        if !unpriced.is_empty() {
            let message = format!("not sold in {currency}: {}", unpriced.join(", "));
            return Err(Error::field("/currency", "no_price_in_currency", message));
        }
        cart.currency = currency;
        for (line, sku) in lines {
            let price = shelf.offer(&sku).price.unwrap_or_default();
            cart.accept_price(&line, price, self.clock.now()).map_err(refused)?;
        }
        Ok(())
    }

    /// A SKU that is there already gets more of it, at today's price.
    pub(super) async fn add_line(&self, seen: &StoredCart, body: &LineBody) -> Result<(StoredCart, CartView)> {
        let mut cart = open(seen)?;
        let mut errors = Vec::new();
        let read = quoting::read_line("", &body.sku, body.quantity, &mut errors);
        let Some((sku, quantity)) = read else { return Err(Error::invalid(errors)) };
        let price = self.price(&cart, &sku, "/sku").await?;
        cart.add(self.new_line_id(), sku, quantity, price, self.clock.now()).map_err(refused)?;
        self.save(seen, cart).await
    }

    pub(super) async fn change_line(
        &self,
        seen: &StoredCart,
        line: &LineId,
        body: &ChangeLine,
    ) -> Result<(StoredCart, CartView)> {
        let mut cart = open(seen)?;
        let sku = cart.line(line).ok_or_else(|| Error::not_found("line"))?.sku.clone();
        if let Some(quantity) = body.quantity {
            let mut errors = Vec::new();
            let quantity = quoting::read_quantity("/quantity", quantity, &mut errors);
            let quantity = quantity.ok_or_else(|| Error::invalid(errors))?;
            cart.set_quantity(line, quantity, self.clock.now()).map_err(refused)?;
        }
        if body.accept_price == Some(true) {
            let price = self.price(&cart, &sku, "/accept_price").await?;
            cart.accept_price(line, price, self.clock.now()).map_err(refused)?;
        }
        self.save(seen, cart).await
    }

    pub(super) async fn remove_line(&self, seen: &StoredCart, line: &LineId) -> Result<(StoredCart, CartView)> {
        let mut cart = open(seen)?;
        cart.remove(line, self.clock.now()).map_err(refused)?;
        self.save(seen, cart).await
    }

    /// One that became an order stays, so that it cannot become another.
    pub(super) async fn delete(&self, seen: &StoredCart) -> Result<()> {
        open(seen)?;
        self.remove(seen).await
    }

    async fn price(&self, cart: &Cart, sku: &Sku, pointer: &str) -> Result<i64> {
        let shelf = self.shelf(std::slice::from_ref(sku), cart.currency, &cart.locale).await?;
        let mut errors = Vec::new();
        shelf.price(sku, pointer, pointer, &mut errors).ok_or_else(|| Error::invalid(errors))
    }

    /// What cannot be added up is refused before it is written.
    async fn save(&self, seen: &StoredCart, cart: Cart) -> Result<(StoredCart, CartView)> {
        let next = StoredCart { cart, ..seen.clone() };
        let view = self.view(&next).await?;
        let written = self.put(seen, next.cart).await?.ok_or_else(stale)?;
        let view = expiring(view, written.expires_at);
        Ok((written, view))
    }
}

/// A cart that can still be changed.
fn open(seen: &StoredCart) -> Result<Cart> {
    match seen.cart.order() {
        Some(order) => Err(refused(domain::cart::Error::AlreadyOrdered { order: order.clone() })),
        None => Ok(seen.cart.clone()),
    }
}
