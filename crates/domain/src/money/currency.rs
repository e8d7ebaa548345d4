//! The currencies that are in use, each with how finely it is divided.
//! It does not know what one is worth in another.

use serde::{Deserialize, Serialize};

use super::Error;
use crate::newtype::{parsed_from_text, shown_as_text};

/// A code of ISO 4217 in use, with its number of decimal places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    /// In `ACTIVE`.
    index: u8,
}

impl Currency {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let found = ACTIVE.binary_search(&text).map_err(|_| Error::UnknownCurrency)?;
        Ok(Self { index: found as u8 })
    }

    /// All of them, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Currency> {
        (0..ACTIVE.len() as u8).map(|index| Currency { index })
    }

    pub fn code(self) -> &'static str {
        ACTIVE[usize::from(self.index)]
    }

    pub fn as_str(&self) -> &'static str {
        self.code()
    }

    /// Decimal places: 0 for KRW, 2 for EUR, 3 for KWD.
    pub fn exponent(self) -> u8 {
        match self.code() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }

    /// Minor units in one: 1, 100, 1,000 or 10,000.
    pub fn scale(self) -> i64 {
        10i64.pow(u32::from(self.exponent()))
    }

    /// What is written instead of the code where it cannot be mistaken.
    pub fn symbol(self) -> Option<&'static str> {
        Some(match self.code() {
            "USD" => "$",
            "EUR" => "€",
            "GBP" => "£",
            "JPY" => "¥",
            "KRW" => "₩",
            "INR" => "₹",
            _ => return None,
        })
    }
}

parsed_from_text!(Currency);
shown_as_text!(Currency);

/// ISO 4217, list one, sorted. Codes without minor units (gold, test, none) are no money to pay with.
#[rustfmt::skip]
const ACTIVE: [&str; 166] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD",
    "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP",
    "CNY", "COP", "COU", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD",
    "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
    "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK",
    "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR",
    "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS",
    "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH",
    "UGX", "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAD", "XAF", "XCD", "XCG",
    "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        assert!(ACTIVE.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn codes_know_their_exponent() {
        for (code, exponent) in [("USD", 2), ("KRW", 0), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XCG", 2)] {
            assert_eq!(Currency::parse(code).unwrap().exponent(), exponent, "{code}");
        }
        for code in ["", "usd", "US", "XXX", "XAU", "HRK", "ABC", "USDT"] {
            assert_eq!(Currency::parse(code), Err(Error::UnknownCurrency), "{code}");
        }
        assert_eq!(serde_json::from_str::<Currency>("\"EUR\"").unwrap().scale(), 100);
    }
}
