//! A new cart: reads what was sent, finds prices, and keeps it under an id and a token of its own.
//! It does not know the cart of anybody else.

use contracts::carts::{CartView, CreateCart, LineBody};
use contracts::{Error, Kind, Result};
use domain::cart::{Cart, MAX_CART_LINES};
use domain::country::Country;
use domain::field::FieldError;
use domain::ids::{CartId, LineId};
use domain::locale::Locale;
use domain::money::Currency;
use domain::quantity::Quantity;
use domain::settings::Settings;
use domain::sku::Sku;
use platform::entropy::draw;

use super::store::StoredCart;
use super::views::expiring;
use super::{Access, Carts};
use crate::quoting;

impl Carts {
    /// When the id is there already, its cart is answered as it is now.
    pub(super) async fn create(&self, id: CartId, token: &str, body: &CreateCart) -> Result<(StoredCart, CartView)> {
        let current = self.shop.settings().await?;
        let settings = &current.settings;
        let mut errors = Vec::new();
        let currency = read_currency(settings, &body.currency, &mut errors);
        let locale = read_locale(settings, body.locale.as_deref(), &mut errors);
        let country = body.country.as_deref().and_then(|code| read_country(settings, code, &mut errors));
        let lines = read_lines(body.lines.as_deref().unwrap_or_default(), MAX_CART_LINES, &mut errors);
        let (Some(currency), Some(locale), true) = (currency, locale, errors.is_empty()) else {
            return Err(Error::invalid(errors));
        };
        let mut cart = Cart::new(id, currency, locale, self.clock.now());
        cart.country = country;
        self.add_all(&mut cart, lines).await?;
        let new = StoredCart { cart, token_hash: String::new(), version: 0, expires_at: self.clock.now() };
        // Before it is kept: what cannot be added up is refused.
        let view = self.view(&new).await?;
        let stored = self.put_new(new.cart.clone(), token).await?;
        let is_its = stored.cart == new.cart;
        let view = if is_its { expiring(view, stored.expires_at) } else { self.view(&stored).await? };
        Ok((stored, view))
    }

    /// The cart of a request that came before, as it is now.
    pub(super) async fn created(&self, id: &CartId, token: &str) -> Result<Option<(StoredCart, CartView)>> {
        match self.open(id, Access::Token(Some(token))).await {
            Ok(stored) => {
                let view = self.view(&stored).await?;
                Ok(Some((stored, view)))
            }
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn add_all(&self, cart: &mut Cart, lines: Vec<(Sku, Quantity)>) -> Result<()> {
        let skus: Vec<Sku> = lines.iter().map(|(sku, _)| sku.clone()).collect();
        let shelf = self.shelf(&skus, cart.currency, &cart.locale).await?;
        let mut errors = Vec::new();
        for (index, (sku, quantity)) in lines.into_iter().enumerate() {
            let Some(price) = shelf.price(&sku, &format!("/lines/{index}/sku"), "/currency", &mut errors) else {
                continue;
            };
            let line = self.new_line_id();
            if let Err(error) = cart.add(line, sku, quantity, price, self.clock.now()) {
                errors.push(FieldError::new(format!("/lines/{index}/quantity"), "out_of_range", error.to_string()));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
    }

    pub(super) fn new_line_id(&self) -> LineId {
        LineId::from_bytes(draw(self.entropy.as_ref()))
    }
}

/// A currency that the shop sells in.
pub(super) fn read_currency(settings: &Settings, code: &str, errors: &mut Vec<FieldError>) -> Option<Currency> {
    let mut refuse = |code: &str, message: String| errors.push(FieldError::new("/currency", code, message));
    match Currency::parse(code) {
        Ok(currency) if settings.currencies.contains(&currency) => Some(currency),
        Ok(currency) => {
            refuse("no_price_in_currency", format!("this shop does not sell in {currency}"));
            None
        }
        Err(error) => {
            refuse("unknown_currency", error.to_string());
            None
        }
    }
}

/// Any language; what the shop does not speak is shown in its default.
pub(super) fn read_locale(settings: &Settings, tag: Option<&str>, errors: &mut Vec<FieldError>) -> Option<Locale> {
    let Some(tag) = tag else { return Some(settings.default_locale.clone()) };
    let locale = Locale::parse(tag);
    locale.map_err(|error| errors.push(FieldError::new("/locale", "invalid_locale", error.to_string()))).ok()
}

/// A country that the shop sends to.
pub(super) fn read_country(settings: &Settings, code: &str, errors: &mut Vec<FieldError>) -> Option<Country> {
    let mut refuse = |code: &str, message: String| errors.push(FieldError::new("/country", code, message));
    match Country::parse(code) {
        Ok(country) if settings.tax(country).is_some() => Some(country),
        Ok(country) => {
            refuse("no_shipping_to_country", format!("this shop does not send to {country}"));
            None
        }
        Err(error) => {
            refuse("unknown_country", error.to_string());
            None
        }
    }
}

pub(super) fn read_lines(sent: &[LineBody], limit: usize, errors: &mut Vec<FieldError>) -> Vec<(Sku, Quantity)> {
    if sent.len() > limit {
        errors.push(FieldError::new("/lines", "too_many", format!("at most {limit} lines, not {}", sent.len())));
        return Vec::new();
    }
    let read = |(index, line): (usize, &LineBody)| {
        quoting::read_line(&format!("/lines/{index}"), &line.sku, line.quantity, errors)
    };
    sent.iter().enumerate().filter_map(read).collect()
}
