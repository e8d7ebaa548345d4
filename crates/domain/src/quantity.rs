//! How many of a thing somebody buys.
//! It does not know what there is: stock counts for itself.

use serde::{Deserialize, Serialize};

/// The most of one thing that one line holds.
pub const MAX_QUANTITY: u32 = 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a quantity is between 1 and 1000000")]
    OutOfRange,
}

/// 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

impl Quantity {
    pub const ONE: Quantity = Quantity(1);

    pub fn new(quantity: u32) -> Result<Self, Error> {
        if (1..=MAX_QUANTITY).contains(&quantity) { Ok(Self(quantity)) } else { Err(Error::OutOfRange) }
    }

    pub fn get(self) -> u32 {
        self.0
    }

    pub fn checked_add(self, other: Quantity) -> Result<Self, Error> {
        Self::new(self.0 + other.0)
    }

    /// An error when nothing would be left.
    pub fn checked_sub(self, other: Quantity) -> Result<Self, Error> {
        Self::new(self.0.saturating_sub(other.0))
    }
}

impl TryFrom<u32> for Quantity {
    type Error = Error;

    fn try_from(quantity: u32) -> Result<Self, Error> {
        Self::new(quantity)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> u32 {
        quantity.0
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        i64::from(quantity.0)
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_between_one_and_a_million() {
        assert_eq!(Quantity::new(0), Err(Error::OutOfRange));
        assert_eq!(Quantity::new(1_000_001), Err(Error::OutOfRange));
        let most = Quantity::new(1_000_000).unwrap();
        assert_eq!(most.checked_add(Quantity::ONE), Err(Error::OutOfRange));
        assert_eq!(Quantity::ONE.checked_sub(Quantity::ONE), Err(Error::OutOfRange));
        assert!(serde_json::from_str::<Quantity>("0").is_err());
        assert!(serde_json::from_str::<Quantity>("-1").is_err());
        assert_eq!(serde_json::to_string(&most).unwrap(), "1000000");
    }
}
