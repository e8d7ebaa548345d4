//! What a thing is called on the shelf (SKU) and on its barcode (GTIN).
//! It does not know whether such a thing exists.

use serde::{Deserialize, Serialize};

use crate::newtype::{parsed_from_text, shown_as_text};

/// The longest SKU, in characters.
pub const MAX_SKU_CHARS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a SKU has 1 to 64 characters")]
    SkuLength,
    #[error("a SKU has no control characters and no whitespace at its ends")]
    SkuCharacter,
    #[error("a GTIN has 8, 12, 13 or 14 digits")]
    GtinLength,
    #[error("the last digit of this GTIN does not fit the others")]
    GtinCheckDigit,
}

/// Case-sensitive and kept exactly as written, because other systems compare it byte by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sku(String);

impl Sku {
    pub fn parse(text: &str) -> Result<Self, Error> {
        // Bytes first: a huge text is not counted through.
        if text.is_empty() || text.len() > 4 * MAX_SKU_CHARS || text.chars().count() > MAX_SKU_CHARS {
            return Err(Error::SkuLength);
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(Error::SkuCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Sku);
shown_as_text!(Sku);

/// A barcode's number: GTIN-8, UPC-A, EAN-13 or GTIN-14, with a check digit that fits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gtin(String);

impl Gtin {
    pub fn parse(text: &str) -> Result<Self, Error> {
        if !matches!(text.len(), 8 | 12 | 13 | 14) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::GtinLength);
        }
        // GS1: from the right, the digits weigh 1, 3, 1, 3, …; the sum is a multiple of ten.
        let sum: u32 = text
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, byte)| u32::from(byte - b'0') * if place % 2 == 0 { 1 } else { 3 })
            .sum();
        if !sum.is_multiple_of(10) {
            return Err(Error::GtinCheckDigit);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Gtin);
shown_as_text!(Gtin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_kept_as_written() {
        for text in ["85123A", "85123a", "커피-원두 1kg", "a/b#c"] {
            assert_eq!(Sku::parse(text).unwrap().as_str(), text);
        }
        assert_ne!(Sku::parse("85123A"), Sku::parse("85123a"));
    }

    #[test]
    fn a_sku_that_looks_empty_or_torn_is_refused() {
        assert_eq!(Sku::parse(""), Err(Error::SkuLength));
        assert_eq!(Sku::parse(&"x".repeat(65)), Err(Error::SkuLength));
        assert!(Sku::parse(&"한".repeat(64)).is_ok());
        for text in [" a", "a ", "a\tb", "a\u{0}", "\u{a0}a"] {
            assert_eq!(Sku::parse(text), Err(Error::SkuCharacter), "{text:?}");
        }
    }

    #[test]
    fn a_gtin_has_a_check_digit() {
        for text in ["96385074", "036000291452", "4006381333931", "8801037022254", "10614141000415"] {
            assert!(Gtin::parse(text).is_ok(), "{text}");
        }
        assert_eq!(Gtin::parse("4006381333932"), Err(Error::GtinCheckDigit));
        assert_eq!(Gtin::parse("400638133393"), Err(Error::GtinCheckDigit));
        assert_eq!(Gtin::parse("40063813339"), Err(Error::GtinLength));
        assert_eq!(Gtin::parse("400638133393x"), Err(Error::GtinLength));
    }
}
