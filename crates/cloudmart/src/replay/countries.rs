//! Countries as a shop's old books spell them, in ISO 3166.
//! It does not know every country: what it cannot tell is left out, never guessed.

use domain::country::Country;

/// As the books have them. `Channel Islands` is Jersey, the larger of the two codes that it could be.
const NAMES: [(&str, &str); 44] = [
    ("Australia", "AU"),
    ("Austria", "AT"),
    ("Bahrain", "BH"),
    ("Belgium", "BE"),
    ("Bermuda", "BM"),
    ("Brazil", "BR"),
    ("Canada", "CA"),
    ("Channel Islands", "JE"),
    ("Cyprus", "CY"),
    ("Czech Republic", "CZ"),
    ("Denmark", "DK"),
    ("EIRE", "IE"),
    ("Finland", "FI"),
    ("France", "FR"),
    ("Germany", "DE"),
    ("Greece", "GR"),
    ("Guernsey", "GG"),
    ("Hong Kong", "HK"),
    ("Iceland", "IS"),
    ("Ireland", "IE"),
    ("Israel", "IL"),
    ("Italy", "IT"),
    ("Japan", "JP"),
    ("Jersey", "JE"),
    ("Korea", "KR"),
    ("Lebanon", "LB"),
    ("Lithuania", "LT"),
    ("Malta", "MT"),
    ("Netherlands", "NL"),
    ("Nigeria", "NG"),
    ("Norway", "NO"),
    ("Poland", "PL"),
    ("Portugal", "PT"),
    ("RSA", "ZA"),
    ("Saudi Arabia", "SA"),
    ("Singapore", "SG"),
    ("Spain", "ES"),
    ("Sweden", "SE"),
    ("Switzerland", "CH"),
    ("Thailand", "TH"),
    ("USA", "US"),
    ("United Arab Emirates", "AE"),
    ("United Kingdom", "GB"),
    ("United States", "US"),
];

/// The country of a name or of an ISO code; `None` for `Unspecified`, `European Community` and what nobody knows.
pub fn country(text: &str) -> Option<Country> {
    let text = text.trim();
    let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    Country::parse(known.map_or(text, |(_, code)| code)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_country() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| *name));
        for (name, code) in NAMES {
            assert_eq!(country(name).map(Country::code), Some(code), "{name}");
        }
    }

    #[test]
    fn what_is_no_country_is_none() {
        assert_eq!(country(" eire ").map(Country::code), Some("IE"));
        assert_eq!(country("GB").map(Country::code), Some("GB"));
        for unknown in ["Unspecified", "European Community", "West Indies", "", "XX"] {
            assert_eq!(country(unknown), None, "{unknown}");
        }
    }
}
