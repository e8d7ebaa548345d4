//! Names for things: a prefix that tells the kind, and 128 bits as 26 characters of lower-case Crockford base32.
//! It does not know where the bits come from; an id is no secret and tells nothing but its kind.

use serde::{Deserialize, Serialize};

use crate::newtype::{parsed_from_text, shown_as_text};

/// Characters of an id after its prefix.
pub const KEY_CHARS: usize = 26;
/// Characters of an order number.
pub const ORDER_NUMBER_CHARS: usize = 8;

const LOWER: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const UPPER: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not an id of this kind: it begins with `{expected}`")]
    Prefix { expected: &'static str },
    #[error("not an id: after the prefix come 26 characters of lower-case Crockford base32")]
    Key,
    #[error("not an order number: 8 characters of Crockford base32")]
    OrderNumber,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(format!("{}{}", $prefix, encode_key(bytes)).into())
            }

            /// From the 26 characters after the prefix.
            pub fn from_key(key: &str) -> Result<Self, Error> {
                check_key(key)?;
                Ok(Self(format!("{}{key}", $prefix).into()))
            }

            pub fn parse(text: &str) -> Result<Self, Error> {
                let key = text.strip_prefix($prefix).ok_or(Error::Prefix { expected: $prefix })?;
                check_key(key)?;
                Ok(Self(text.into()))
            }

            /// What it was made from.
            pub fn bytes(&self) -> [u8; 16] {
                decode_key(self.key())
            }

            /// The 26 characters after the prefix: what streams are named after.
            pub fn key(&self) -> &str {
                &self.0[$prefix.len()..]
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        parsed_from_text!($name);
        shown_as_text!($name);
    )*};
}

ids! {
    ProductId "prd_";
    VariantId "var_";
    CartId "crt_";
    OrderId "ord_";
    PaymentId "pay_";
    RefundId "rfd_";
    ShipmentId "shp_";
    LineId "lin_";
    MediaId "med_";
    StaffId "stf_";
    DraftId "dft_";
    /// A member of staff's API key; not the key itself.
    KeyId "key_";
    /// Long work, such as an import.
    OperationId "opr_";
}

/// What a buyer reads out on the telephone: random, so that it does not tell competitors how much is sold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderNumber(Box<str>);

impl OrderNumber {
    pub fn from_bytes(bytes: [u8; 5]) -> Self {
        let bits = bytes.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
        let number: String = (0..ORDER_NUMBER_CHARS)
            .rev()
            .map(|place| char::from(UPPER[((bits >> (5 * place)) & 31) as usize]))
            .collect();
        Self(number.into())
    }

    /// Forgives lower case, and `i`, `l`, `o` for the digits that they look like.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let number: String = text
            .chars()
            .map(|char| match char.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            })
            .collect();
        let is_valid = number.len() == ORDER_NUMBER_CHARS && number.bytes().all(|byte| UPPER.contains(&byte));
        if !is_valid {
            return Err(Error::OrderNumber);
        }
        Ok(Self(number.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(OrderNumber);
shown_as_text!(OrderNumber);

/// 128 bits in 26 × 5 = 130: the first character carries only three bits, as in a ULID.
fn encode_key(bytes: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(bytes);
    (0..KEY_CHARS).rev().map(|place| char::from(LOWER[((bits >> (5 * place)) & 31) as usize])).collect()
}

/// Of a key that was checked.
fn decode_key(key: &str) -> [u8; 16] {
    let value = |byte| LOWER.iter().position(|char| *char == byte).unwrap_or_default() as u128;
    key.bytes().fold(0, |bits: u128, byte| (bits << 5) | value(byte)).to_be_bytes()
}

fn check_key(key: &str) -> Result<(), Error> {
    let is_valid = key.len() == KEY_CHARS && key.as_bytes()[0] <= b'7' && key.bytes().all(|byte| LOWER.contains(&byte));
    if is_valid { Ok(()) } else { Err(Error::Key) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_have_a_prefix_and_26_characters() {
        assert_eq!(OrderId::from_bytes([0; 16]).to_string(), "ord_00000000000000000000000000");
        assert_eq!(OrderId::from_bytes([255; 16]).to_string(), "ord_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(OrderId::from_bytes([255; 16]).key(), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn other_kinds_and_spellings_are_refused() {
        assert_eq!(OrderId::parse("pay_00000000000000000000000000"), Err(Error::Prefix { expected: "ord_" }));
        assert_eq!(OrderId::parse("ord_0000000000000000000000000"), Err(Error::Key));
        assert_eq!(OrderId::parse("ord_8zzzzzzzzzzzzzzzzzzzzzzzzz"), Err(Error::Key));
        assert_eq!(OrderId::parse("ord_0000000000000000000000000A"), Err(Error::Key));
        assert_eq!(OrderId::parse("ord_000000000000000000000000é"), Err(Error::Key));
        assert_eq!(OrderId::parse("ord_"), Err(Error::Key));
        assert!(serde_json::from_str::<OrderId>("\"ord_x\"").is_err());
    }

    #[test]
    fn an_order_number_forgives_what_people_type() {
        assert_eq!(OrderNumber::parse("il0o-abc"), Err(Error::OrderNumber));
        assert_eq!(OrderNumber::parse("ilo0abcz").unwrap().as_str(), "1100ABCZ");
        assert_eq!(OrderNumber::parse("uuuuuuuu"), Err(Error::OrderNumber));
        assert_eq!(OrderNumber::from_bytes([255; 5]).as_str(), "ZZZZZZZZ");
        assert_eq!(OrderNumber::from_bytes([0, 0, 0, 0, 32]).as_str(), "00000010");
    }

    proptest! {
        #[test]
        fn what_is_made_parses_and_keeps_order(a: [u8; 16], b: [u8; 16], c: [u8; 5]) {
            let (x, y) = (CartId::from_bytes(a), CartId::from_bytes(b));
            prop_assert_eq!(CartId::parse(x.as_str()), Ok(x.clone()));
            prop_assert_eq!(CartId::from_key(x.key()), Ok(x.clone()));
            prop_assert_eq!(x.bytes(), a);
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            let number = OrderNumber::from_bytes(c);
            prop_assert_eq!(OrderNumber::parse(&number.as_str().to_lowercase()), Ok(number));
        }
    }
}
