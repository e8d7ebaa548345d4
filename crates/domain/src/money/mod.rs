//! Money in minor units of its currency, checked: it never wraps, mixes currencies or passes through a float.
//! It does not know prices, taxes as a country sets them, nor rates of exchange.

mod currency;
mod parts;
mod text;

pub use currency::Currency;
pub use parts::{allocate, included_part, rate_part};
pub use text::parse_decimal;

use serde::{Deserialize, Serialize};

/// The largest amount either way, in minor units: far below 2^53, so that a JSON number stays exact everywhere.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
/// A rate's whole: a tax of 19 % is 190,000 parts per million.
pub const PPM: u32 = 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the amount is too large")]
    Overflow,
    #[error("amounts in {left} and {right} do not go together")]
    CurrencyMismatch { left: Currency, right: Currency },
    #[error("not the code of a currency in use (ISO 4217)")]
    UnknownCurrency,
    #[error("not an amount in {currency}: digits with at most {} decimal places", currency.exponent())]
    Decimal { currency: Currency },
}

/// An amount in minor units and its currency; |amount| ≤ 10^15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    pub fn new(amount: i64, currency: Currency) -> Result<Self, Error> {
        Ok(Self { amount: bounded(i128::from(amount))?, currency })
    }

    pub fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// In minor units.
    pub fn amount(self) -> i64 {
        self.amount
    }

    pub fn currency(self) -> Currency {
        self.currency
    }

    pub fn is_zero(self) -> bool {
        self.amount == 0
    }

    pub fn is_negative(self) -> bool {
        self.amount < 0
    }

    pub fn checked_add(self, other: Money) -> Result<Self, Error> {
        self.same_currency(other)?;
        Self::new(self.amount + other.amount, self.currency)
    }

    pub fn checked_sub(self, other: Money) -> Result<Self, Error> {
        self.same_currency(other)?;
        Self::new(self.amount - other.amount, self.currency)
    }

    pub fn checked_mul(self, factor: i64) -> Result<Self, Error> {
        let amount = bounded(i128::from(self.amount) * i128::from(factor))?;
        Ok(Self { amount, currency: self.currency })
    }

    pub fn checked_neg(self) -> Result<Self, Error> {
        Self::new(-self.amount, self.currency)
    }

    fn same_currency(self, other: Money) -> Result<(), Error> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(Error::CurrencyMismatch { left: self.currency, right: other.currency })
    }
}

/// An amount that fits the limit, for sums in a document with one currency.
pub fn bounded(amount: i128) -> Result<i64, Error> {
    match i64::try_from(amount) {
        Ok(amount) if amount.abs_diff(0) <= MAX_AMOUNT.unsigned_abs() => Ok(amount),
        _ => Err(Error::Overflow),
    }
}

#[derive(Serialize, Deserialize)]
struct Raw {
    amount: i64,
    currency: Currency,
}

impl TryFrom<Raw> for Money {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        Self::new(raw.amount, raw.currency)
    }
}

impl From<Money> for Raw {
    fn from(money: Money) -> Raw {
        Raw { amount: money.amount, currency: money.currency }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(amount: i64) -> Money {
        Money::new(amount, Currency::parse("USD").unwrap()).unwrap()
    }

    #[test]
    fn money_is_an_amount_and_a_currency_in_json() {
        assert_eq!(serde_json::to_string(&usd(1299)).unwrap(), r#"{"amount":1299,"currency":"USD"}"#);
        assert!(serde_json::from_str::<Money>(r#"{"amount":1000000000000001,"currency":"USD"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":12.99,"currency":"USD"}"#).is_err());
    }

    #[test]
    fn currencies_do_not_mix() {
        let eur = Money::new(1, Currency::parse("EUR").unwrap()).unwrap();
        assert!(matches!(usd(1).checked_add(eur), Err(Error::CurrencyMismatch { .. })));
        assert!(matches!(usd(1).checked_sub(eur), Err(Error::CurrencyMismatch { .. })));
    }

    #[test]
    fn the_limit_holds_either_way() {
        assert_eq!(usd(MAX_AMOUNT).checked_add(usd(1)), Err(Error::Overflow));
        assert_eq!(usd(-MAX_AMOUNT).checked_sub(usd(1)), Err(Error::Overflow));
        assert_eq!(usd(MAX_AMOUNT).checked_mul(i64::MIN), Err(Error::Overflow));
        assert_eq!(usd(MAX_AMOUNT).checked_neg(), Ok(usd(-MAX_AMOUNT)));
        assert_eq!(bounded(i128::MIN), Err(Error::Overflow));
        assert_eq!(bounded(i128::from(i64::MIN)), Err(Error::Overflow));
    }

    proptest! {
        #[test]
        fn adding_and_taking_away_cancel(a in -MAX_AMOUNT..=MAX_AMOUNT, b in -MAX_AMOUNT..=MAX_AMOUNT) {
            if let Ok(sum) = usd(a).checked_add(usd(b)) {
                prop_assert_eq!(sum.checked_sub(usd(b)), Ok(usd(a)));
            }
        }
    }
}
