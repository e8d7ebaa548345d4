//! Addresses as they are written and asked for in each country.
//! It does not know whether such a place exists.

use contracts::orders::AddressBody;
use domain::country::Country;
use domain::locale::Locale;

use super::countries;
use super::words::Words;

/// Countries that write the largest place first.
const LARGEST_FIRST: [&str; 4] = ["CN", "JP", "KR", "TW"];

/// A field of an address, as a form asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub autocomplete: &'static str,
    pub is_required: bool,
    /// Narrow fields stand side by side.
    pub is_short: bool,
}

/// The fields below the country, in the order in which its people write them.
pub fn fields(country: Country, words: &Words) -> Vec<Field> {
    let code = country.code();
    let is_korea = code == "KR";
    let field =
        |name, label, autocomplete, is_required, is_short| Field { name, label, autocomplete, is_required, is_short };
    let line1_label = if is_korea { words.line1_korea } else { words.line1 };
    let line1 = field("line1", line1_label, "shipping address-line1", true, false);
    let line2 = field("line2", words.line2, "shipping address-line2", false, false);
    let city =
        field("city", if is_korea { words.city_korea } else { words.city }, "shipping address-level2", true, true);
    let has_region = country.region_required();
    let region = has_region.then(|| field("region", region_label(code, words), "shipping address-level1", true, true));
    let has_postal_code = country.has_postal_code();
    let postal_code =
        has_postal_code.then(|| field("postal_code", postal_label(code, words), "shipping postal-code", true, true));
    match LARGEST_FIRST.contains(&code) {
        true => postal_code.into_iter().chain(region).chain([city, line1, line2]).collect(),
        false if is_american(code) => [line1, line2, city].into_iter().chain(region).chain(postal_code).collect(),
        false => [line1, line2].into_iter().chain(postal_code).chain([city]).chain(region).collect(),
    }
}

/// An address as it stands on a parcel, without the name.
pub fn lines(address: &AddressBody, locale: &Locale) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let code = text(&address.country);
    let country = Country::parse(&code).map_or(code.clone(), |country| countries::name(country, locale).to_owned());
    let joined = |parts: [String; 3], between: &str| {
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(between)
    };
    let (line1, line2) = (text(&address.line1), text(&address.line2));
    let (city, region, postal) = (text(&address.city), text(&address.region), text(&address.postal_code));
    let lines = if LARGEST_FIRST.contains(&code.as_str()) {
        [postal, joined([region, city, line1], " "), line2, String::new(), country]
    } else if is_american(&code) {
        let place = joined([city, region, String::new()], ", ");
        [line1, line2, joined([place, postal, String::new()], " "), String::new(), country]
    } else {
        [line1, line2, joined([postal, city, String::new()], " "), region, country]
    };
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// A telephone number as one would write it there, for a hint.
pub fn phone_example(country: Country) -> &'static str {
    match country.code() {
        "KR" => "+82 10 1234 5678",
        "US" | "CA" => "+1 415 555 0123",
        "DE" => "+49 30 1234567",
        "GB" => "+44 20 7946 0123",
        "FR" => "+33 1 23 45 67 89",
        "AT" => "+43 1 234567",
        "JP" => "+81 3 1234 5678",
        _ => "+49 30 1234567",
    }
}

/// A number without its country's code, as people of some countries write it at home, with the code put before it.
pub fn international(phone: &str, country: Option<Country>) -> String {
    let digits: String = phone.chars().filter(|char| !" -().".contains(*char)).collect();
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let code = match country.map(Country::code) {
        Some("KR") => "82",
        Some("DE") => "49",
        Some("AT") => "43",
        Some("GB") => "44",
        Some("FR") => "33",
        Some("JP") => "81",
        Some("US" | "CA") if digits.len() == 10 => return format!("+1{digits}"),
        _ => return phone.to_owned(),
    };
    match digits.strip_prefix('0') {
        Some(rest) if is_plain && !rest.starts_with('0') => format!("+{code}{rest}"),
        _ => phone.to_owned(),
    }
}

fn is_american(code: &str) -> bool {
    matches!(code, "US" | "CA" | "AU" | "BR" | "IN" | "MX")
}

fn region_label(code: &str, words: &Words) -> &'static str {
    match code {
        "KR" => words.region_korea,
        "JP" => words.region_prefecture,
        "US" | "AU" | "BR" | "IN" | "MX" => words.region_state,
        _ => words.region_province,
    }
}

fn postal_label(code: &str, words: &Words) -> &'static str {
    match code {
        "US" => words.zip_code,
        "GB" | "AU" | "NZ" | "IE" | "ZA" => words.postcode,
        _ => words.postal_code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    fn asked(code: &str) -> Vec<&'static str> {
        let english = Words::of(&Locale::parse("en").unwrap());
        fields(country(code), english).into_iter().map(|field| field.name).collect()
    }

    #[test]
    fn each_country_is_asked_in_its_own_order() {
        assert_eq!(asked("KR"), ["postal_code", "region", "city", "line1", "line2"]);
        assert_eq!(asked("US"), ["line1", "line2", "city", "region", "postal_code"]);
        assert_eq!(asked("DE"), ["line1", "line2", "postal_code", "city"]);
        assert_eq!(asked("HK"), ["line1", "line2", "city"]);
    }

    #[test]
    fn each_country_writes_in_its_own_order() {
        let seoul = AddressBody {
            line1: Some("세종대로 110".to_owned()),
            city: Some("중구".to_owned()),
            region: Some("서울특별시".to_owned()),
            postal_code: Some("04524".to_owned()),
            country: Some("KR".to_owned()),
            ..AddressBody::default()
        };
        let korean = Locale::parse("ko").unwrap();
        assert_eq!(lines(&seoul, &korean), ["04524", "서울특별시 중구 세종대로 110", "대한민국"]);
        let berlin = AddressBody { country: Some("DE".to_owned()), region: None, ..seoul };
        assert_eq!(lines(&berlin, &korean), ["세종대로 110", "04524 중구", "독일"]);
    }

    #[test]
    fn numbers_written_at_home_are_understood() {
        assert_eq!(international("010-1234-5678", Some(country("KR"))), "+821012345678");
        assert_eq!(international("(415) 555-0123", Some(country("US"))), "+14155550123");
        for kept in ["+82 10 1234 5678", "0049 30 1", "", "abc"] {
            assert_eq!(international(kept, Some(country("DE"))), kept);
        }
    }
}
