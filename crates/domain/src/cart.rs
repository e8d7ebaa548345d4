//! What a shopper means to buy.
//! It does not know products, prices or stock: what a line costs today is asked for and compared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::ids::{CartId, LineId, OrderId};
use crate::locale::Locale;
use crate::money::{Currency, MAX_AMOUNT};
use crate::quantity::{self, Quantity};
use crate::sku::Sku;
use crate::text::Slug;

/// The most lines that a cart holds.
pub const MAX_CART_LINES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a cart has at most {MAX_CART_LINES} lines")]
    TooManyLines,
    #[error(transparent)]
    Quantity(#[from] quantity::Error),
    #[error("this cart has no such line")]
    NoSuchLine,
    #[error("this cart already became the order {order}")]
    AlreadyOrdered { order: OrderId },
    #[error("a price is not negative, and at most 10^15 minor units")]
    Price,
}

/// Which of a shop's markets a cart belongs to; `main` where there is only one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Market(Slug);

impl Market {
    pub fn new(slug: Slug) -> Self {
        Self(slug)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Default for Market {
    fn default() -> Self {
        Self(Slug::known("main"))
    }
}

/// One line per SKU, in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    pub id: CartId,
    pub currency: Currency,
    #[serde(default)]
    pub market: Market,
    pub locale: Locale,
    /// Where it will be sent, as soon as that is known.
    pub country: Option<Country>,
    lines: Vec<CartLine>,
    order: Option<OrderId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    pub id: LineId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// What the shopper saw when adding it, in minor units of the cart's currency.
    pub unit_price: i64,
}

/// What the shop offers of a SKU now, in the cart's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// `None` where it is not sold in this currency.
    pub price: Option<i64>,
    /// `None` where nobody counts.
    pub available: Option<i64>,
    pub purchasable: bool,
}

/// What a shopper should know about a line before ordering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub line: LineId,
    pub sku: Sku,
    pub code: ProblemCode,
    pub message: String,
    pub detail: ProblemDetail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    PriceChanged,
    InsufficientStock,
    Unavailable,
}

/// The numbers behind a problem; those that do not belong to it are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemDetail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_unit_price: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

impl Cart {
    pub fn new(id: CartId, currency: Currency, locale: Locale, now: Timestamp) -> Self {
        Self {
            id,
            currency,
            market: Market::default(),
            locale,
            country: None,
            lines: Vec::new(),
            order: None,
            created_at: now,
            updated_at: now,
        }
    }

    pub fn lines(&self) -> &[CartLine] {
        &self.lines
    }

    pub fn line(&self, id: &LineId) -> Option<&CartLine> {
        self.lines.iter().find(|line| line.id == *id)
    }

    /// The order that this cart became or is becoming.
    pub fn order(&self) -> Option<&OrderId> {
        self.order.as_ref()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many things there are, over all lines.
    pub fn item_count(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity.get())).sum()
    }

    /// A SKU that is there already gets more of it, at the price that is seen now. Answers the line.
    pub fn add(
        &mut self,
        new_line: LineId,
        sku: Sku,
        quantity: Quantity,
        unit_price: i64,
        now: Timestamp,
    ) -> Result<LineId, Error> {
        self.check_open()?;
        check_price(unit_price)?;
        if let Some(line) = self.lines.iter_mut().find(|line| line.sku == sku) {
            line.quantity = line.quantity.checked_add(quantity)?;
            line.unit_price = unit_price;
            self.updated_at = now;
            return Ok(line.id.clone());
        }
        if self.lines.len() >= MAX_CART_LINES {
            return Err(Error::TooManyLines);
        }
        self.lines.push(CartLine { id: new_line.clone(), sku, quantity, unit_price });
        self.updated_at = now;
        Ok(new_line)
    }

    pub fn set_quantity(&mut self, line: &LineId, quantity: Quantity, now: Timestamp) -> Result<(), Error> {
        self.check_open()?;
        self.line_mut(line)?.quantity = quantity;
        self.updated_at = now;
        Ok(())
    }

    pub fn remove(&mut self, line: &LineId, now: Timestamp) -> Result<(), Error> {
        self.check_open()?;
        let index = self.lines.iter().position(|there| there.id == *line).ok_or(Error::NoSuchLine)?;
        self.lines.remove(index);
        self.updated_at = now;
        Ok(())
    }

    pub fn clear(&mut self, now: Timestamp) -> Result<(), Error> {
        self.check_open()?;
        self.lines.clear();
        self.updated_at = now;
        Ok(())
    }

    /// The shopper saw today's price: it is the one that later changes are told against.
    pub fn accept_price(&mut self, line: &LineId, unit_price: i64, now: Timestamp) -> Result<(), Error> {
        self.check_open()?;
        check_price(unit_price)?;
        self.line_mut(line)?.unit_price = unit_price;
        self.updated_at = now;
        Ok(())
    }

    /// Names the order that the cart is becoming; saying it twice is harmless, another order is refused.
    pub fn begin_order(&mut self, order: OrderId, now: Timestamp) -> Result<(), Error> {
        match &self.order {
            Some(there) if *there == order => Ok(()),
            Some(there) => Err(Error::AlreadyOrdered { order: there.clone() }),
            None => {
                self.order = Some(order);
                self.updated_at = now;
                Ok(())
            }
        }
    }

    /// Opens the cart again when its order came to nothing. Answers whether it was that order's.
    pub fn reopen(&mut self, order: &OrderId, now: Timestamp) -> bool {
        let is_its = self.order.as_ref() == Some(order);
        if is_its {
            self.order = None;
            self.updated_at = now;
        }
        is_its
    }

    /// What stands against ordering this as it is, line by line.
    pub fn problems(&self, offer: &dyn Fn(&Sku) -> Offer) -> Vec<Problem> {
        self.lines.iter().flat_map(|line| line_problems(line, offer(&line.sku))).collect()
    }

    fn check_open(&self) -> Result<(), Error> {
        match &self.order {
            Some(order) => Err(Error::AlreadyOrdered { order: order.clone() }),
            None => Ok(()),
        }
    }

    fn line_mut(&mut self, id: &LineId) -> Result<&mut CartLine, Error> {
        self.lines.iter_mut().find(|line| line.id == *id).ok_or(Error::NoSuchLine)
    }
}

/// Nothing else is said of what cannot be bought at all.
fn line_problems(line: &CartLine, offer: Offer) -> Vec<Problem> {
    let problem =
        |code, message: String, detail| Problem { line: line.id.clone(), sku: line.sku.clone(), code, message, detail };
    let (true, Some(price)) = (offer.purchasable, offer.price) else {
        let message = "This is no longer for sale.".to_owned();
        return vec![problem(ProblemCode::Unavailable, message, ProblemDetail::default())];
    };
    let mut problems = Vec::new();
    let requested = i64::from(line.quantity);
    if let Some(available) = offer.available.map(|available| available.max(0))
        && available < requested
    {
        let message = match available {
            0 => "This is sold out.".to_owned(),
            _ => format!("Only {available} of these are left."),
        };
        let detail =
            ProblemDetail { requested: Some(requested), available: Some(available), ..ProblemDetail::default() };
        problems.push(problem(ProblemCode::InsufficientStock, message, detail));
    }
    if price != line.unit_price {
        let detail = ProblemDetail {
            previous_unit_price: Some(line.unit_price),
            unit_price: Some(price),
            ..ProblemDetail::default()
        };
        problems.push(problem(ProblemCode::PriceChanged, "The price of this has changed.".to_owned(), detail));
    }
    problems
}

fn check_price(unit_price: i64) -> Result<(), Error> {
    if (0..=MAX_AMOUNT).contains(&unit_price) { Ok(()) } else { Err(Error::Price) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const OK: Offer = Offer { price: Some(1299), available: Some(10), purchasable: true };

    fn cart() -> Cart {
        let (currency, locale) = (Currency::parse("USD").unwrap(), Locale::parse("en").unwrap());
        Cart::new(CartId::from_bytes([1; 16]), currency, locale, NOW)
    }

    fn id(n: usize) -> LineId {
        LineId::from_bytes((n as u128).to_be_bytes())
    }

    fn sku(n: usize) -> Sku {
        Sku::parse(&format!("SKU-{n}")).unwrap()
    }

    fn quantity(n: u32) -> Quantity {
        Quantity::new(n).unwrap()
    }

    #[test]
    fn the_same_sku_adds_up() {
        let mut cart = cart();
        assert_eq!(cart.add(id(1), sku(1), quantity(2), 1299, NOW), Ok(id(1)));
        assert_eq!(cart.add(id(2), sku(1), quantity(3), 1199, NOW), Ok(id(1)));
        assert_eq!((cart.lines().len(), cart.item_count()), (1, 5));
        assert_eq!(cart.lines()[0].unit_price, 1199);
        let before = cart.clone();
        assert!(matches!(cart.add(id(2), sku(1), quantity(1_000_000), 1, NOW), Err(Error::Quantity(_))));
        assert_eq!(cart, before);
    }

    #[test]
    fn a_cart_has_limits() {
        let mut cart = cart();
        for n in 0..MAX_CART_LINES {
            cart.add(id(n), sku(n), Quantity::ONE, 1, NOW).unwrap();
        }
        assert_eq!(cart.add(id(900), sku(900), Quantity::ONE, 1, NOW), Err(Error::TooManyLines));
        assert_eq!(cart.add(id(900), sku(7), Quantity::ONE, 1, NOW), Ok(id(7)));
        assert_eq!(cart.add(id(900), sku(7), Quantity::ONE, -1, NOW), Err(Error::Price));
    }

    #[test]
    fn lines_change_and_go() {
        let mut cart = cart();
        cart.add(id(1), sku(1), quantity(2), 1299, NOW).unwrap();
        let later = Timestamp::from_second(60).unwrap();
        cart.set_quantity(&id(1), quantity(7), later).unwrap();
        assert_eq!((cart.line(&id(1)).unwrap().quantity, cart.updated_at), (quantity(7), later));
        assert_eq!(cart.set_quantity(&id(2), quantity(1), NOW), Err(Error::NoSuchLine));
        cart.remove(&id(1), later).unwrap();
        assert_eq!(cart.remove(&id(1), later), Err(Error::NoSuchLine));
        assert!(cart.is_empty());
    }

    #[test]
    fn a_cart_becomes_one_order_or_opens_again() {
        let (first, second) = (OrderId::from_bytes([1; 16]), OrderId::from_bytes([2; 16]));
        let mut cart = cart();
        cart.begin_order(first.clone(), NOW).unwrap();
        assert_eq!(cart.begin_order(first.clone(), NOW), Ok(()));
        let refused = Error::AlreadyOrdered { order: first.clone() };
        assert_eq!(cart.begin_order(second.clone(), NOW), Err(refused.clone()));
        assert_eq!(cart.add(id(1), sku(1), Quantity::ONE, 1, NOW), Err(refused));
        assert!(!cart.reopen(&second, NOW));
        assert!(cart.reopen(&first, NOW));
        assert_eq!(cart.add(id(1), sku(1), Quantity::ONE, 1, NOW), Ok(id(1)));
    }

    #[test]
    fn problems_are_told_per_line() {
        let mut cart = cart();
        for n in 1..=5 {
            cart.add(id(n), sku(n), quantity(3), 1299, NOW).unwrap();
        }
        let problems = cart.problems(&|asked| match asked.as_str() {
            "SKU-2" => Offer { price: Some(1399), available: Some(2), ..OK },
            "SKU-3" => Offer { purchasable: false, ..OK },
            "SKU-4" => Offer { price: None, ..OK },
            "SKU-5" => Offer { available: None, ..OK },
            _ => OK,
        });
        let told: Vec<_> = problems.iter().map(|problem| (problem.line.clone(), problem.code)).collect();
        assert_eq!(
            told,
            [
                (id(2), ProblemCode::InsufficientStock),
                (id(2), ProblemCode::PriceChanged),
                (id(3), ProblemCode::Unavailable),
                (id(4), ProblemCode::Unavailable),
            ]
        );
        assert_eq!(serde_json::to_string(&problems[0].detail).unwrap(), r#"{"requested":3,"available":2}"#);
        let sold_out = cart.problems(&|_| Offer { available: Some(-4), ..OK });
        assert_eq!((sold_out[0].detail.available, sold_out[0].message.as_str()), (Some(0), "This is sold out."));
    }

    #[test]
    fn a_cart_is_kept_as_json() {
        let mut cart = cart();
        cart.add(id(1), sku(1), quantity(2), 1299, NOW).unwrap();
        let json = serde_json::to_string(&cart).unwrap();
        assert!(json.contains(r#""market":"main""#), "{json}");
        assert_eq!(serde_json::from_str::<Cart>(&json).unwrap(), cart);
    }
}
