//! The countries, and what an address in each of them needs.
//! It does not know where a shop sends to, nor taxes.

use serde::{Deserialize, Serialize};

use crate::newtype::{parsed_from_text, shown_as_text};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not the code of a country (ISO 3166-1 alpha-2)")]
    Unknown,
}

/// A code of ISO 3166-1 alpha-2 that is officially assigned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country {
    /// In `ALL`.
    index: u8,
}

impl Country {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let found = ALL.binary_search(&text).map_err(|_| Error::Unknown)?;
        Ok(Self { index: found as u8 })
    }

    /// All of them, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Country> {
        (0..ALL.len() as u8).map(|index| Country { index })
    }

    pub fn code(self) -> &'static str {
        ALL[usize::from(self.index)]
    }

    pub fn as_str(&self) -> &'static str {
        self.code()
    }

    pub fn has_postal_code(self) -> bool {
        WITHOUT_POSTAL_CODE.binary_search(&self.code()).is_err()
    }

    /// Whether mail there needs a state or province; a form asks for it, an address without it is still taken.
    pub fn region_required(self) -> bool {
        WITH_REGION.binary_search(&self.code()).is_ok()
    }
}

parsed_from_text!(Country);
shown_as_text!(Country);

#[rustfmt::skip]
const ALL: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD",
    "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA",
    "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE",
    "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA",
    "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK",
    "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP",
    "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT",
    "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS",
    "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ",
    "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS",
    "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST",
    "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW",
    "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA",
    "ZM", "ZW",
];

/// After Google's address data (libaddressinput): countries in whose addresses no postal code is written.
#[rustfmt::skip]
const WITHOUT_POSTAL_CODE: [&str; 64] = [
    "AE", "AG", "AO", "AW", "BF", "BI", "BJ", "BO", "BQ", "BS", "BW", "BZ", "CD", "CF", "CG", "CI", "CK", "CM", "CW",
    "DJ", "DM", "ER", "FJ", "GA", "GD", "GH", "GM", "GQ", "GY", "HK", "JM", "KI", "KM", "KN", "KP", "LC", "LY", "ML",
    "MO", "MR", "MW", "NR", "NU", "PA", "QA", "RW", "SB", "SC", "SL", "SR", "SS", "ST", "SX", "SY", "TD", "TG", "TK",
    "TL", "TO", "TT", "TV", "UG", "VU", "YE",
];

#[rustfmt::skip]
const WITH_REGION: [&str; 14] = [
    "AU", "BR", "CA", "CN", "ES", "ID", "IN", "IT", "JP", "KR", "MX", "RU", "TW", "US",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_know_only_countries() {
        for list in [&ALL[..], &WITHOUT_POSTAL_CODE[..], &WITH_REGION[..]] {
            assert!(list.is_sorted_by(|a, b| a < b));
            assert!(list.iter().all(|code| Country::parse(code).is_ok()));
        }
    }

    #[test]
    fn countries_differ_in_their_addresses() {
        let country = |code| Country::parse(code).unwrap();
        assert!(country("KR").has_postal_code() && country("US").region_required());
        assert!(!country("HK").has_postal_code() && !country("DE").region_required());
        for code in ["", "us", "UK", "EU", "XK", "USA"] {
            assert_eq!(Country::parse(code), Err(Error::Unknown), "{code}");
        }
    }
}
