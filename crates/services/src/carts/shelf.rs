//! What the shop offers of some SKUs right now: prices and texts from the catalogue, how many from the inventory.
//! It does not know who wants to buy them.

use std::collections::BTreeMap;

use contracts::Result;
use contracts::catalog::{Availability, Offer};
use domain::cart;
use domain::field::FieldError;
use domain::locale::Locale;
use domain::money::Currency;
use domain::sku::Sku;
use domain::stock::Stock;

use super::Carts;

/// Up to so many are `few_left`.
const FEW: i64 = 5;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub offers: BTreeMap<Sku, Offer>,
    stock: BTreeMap<Sku, Stock>,
}

impl Carts {
    pub(super) async fn shelf(&self, skus: &[Sku], currency: Currency, locale: &Locale) -> Result<Shelf> {
        if skus.is_empty() {
            return Ok(Shelf::default());
        }
        let (offers, stock) =
            futures::try_join!(self.catalog.offers(skus, currency, locale), self.inventory.stock(skus))?;
        Ok(Shelf { offers, stock })
    }
}

impl Shelf {
    /// What can be sold of it; `None` where nobody counts.
    pub fn left(&self, sku: &Sku) -> Option<i64> {
        self.stock.get(sku).cloned().unwrap_or_default().sellable()
    }

    pub fn availability(&self, sku: &Sku) -> Availability {
        match self.left(sku) {
            Some(left) if left <= 0 => Availability::SoldOut,
            Some(left) if left <= FEW => Availability::FewLeft,
            _ => Availability::InStock,
        }
    }

    /// What a cart compares its lines with.
    pub fn offer(&self, sku: &Sku) -> cart::Offer {
        let offer = self.offers.get(sku);
        cart::Offer {
            price: offer.and_then(|offer| offer.price),
            available: self.left(sku),
            purchasable: offer.is_some_and(|offer| offer.purchasable),
        }
    }

    /// The price of what is for sale; otherwise what is wrong with the SKU or with the currency.
    pub fn price(&self, sku: &Sku, at: &str, currency_at: &str, errors: &mut Vec<FieldError>) -> Option<i64> {
        let mut refuse = |pointer: &str, code: &str, message: String| {
            errors.push(FieldError::new(pointer, code, message));
            None
        };
        match self.offers.get(sku) {
            None => refuse(at, "unknown_sku", format!("there is no {sku}")),
            Some(offer) if !offer.purchasable => refuse(at, "not_for_sale", format!("{sku} is not for sale")),
            Some(Offer { price: None, .. }) => {
                refuse(currency_at, "no_price_in_currency", format!("{sku} is not sold in this currency"))
            }
            Some(Offer { price: Some(price), .. }) => Some(*price),
        }
    }
}
