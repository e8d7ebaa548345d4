//! An address as it is written on a parcel of its country.
//! It does not check addresses.

use contracts::orders::AddressBody;

use super::words::Tongue;

/// The lines of an address. `home`: the shop's own country, which nobody writes at home.
pub fn lines(address: &AddressBody, tongue: Tongue, home: Option<&str>) -> Vec<String> {
    let text =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let joined = |parts: &[Option<String>], between: &str| {
        let parts: Vec<String> = parts.iter().flatten().cloned().collect();
        (!parts.is_empty()).then(|| parts.join(between))
    };
    let (name, line1, line2) = (text(&address.name), text(&address.line1), text(&address.line2));
    let (city, region, code) = (text(&address.city), text(&address.region), text(&address.postal_code));
    let country = text(&address.country).unwrap_or_default();
    let mut lines = match country.as_str() {
        // From the large to the small, the name last.
        "KR" | "JP" | "CN" | "TW" => {
            let code = code.map(|code| if country == "JP" { format!("〒{code}") } else { format!("({code})") });
            vec![joined(&[code, region, city], " "), joined(&[line1, line2], " "), name]
        }
        "US" | "CA" | "AU" => {
            let place = joined(&[city, joined(&[region, code], " ")], ", ");
            vec![name, line1, line2, place]
        }
        "GB" | "IE" => vec![name, line1, line2, city, region, code],
        _ => vec![name, line1, line2, joined(&[code, city], " "), region],
    };
    if home != Some(country.as_str()) && !country.is_empty() {
        lines.push(Some(country_name(&country, tongue)));
    }
    lines.into_iter().flatten().collect()
}

/// In the reader's language for where most parcels go; else as ISO 3166 has it, which every carrier reads.
pub fn country_name(code: &str, tongue: Tongue) -> String {
    let found = COUNTRIES.iter().find(|(known, ..)| *known == code);
    found.map_or_else(|| code.to_owned(), |(_, english, korean)| tongue.either(*english, *korean).to_owned())
}

const COUNTRIES: &[(&str, &str, &str)] = &[
    ("AE", "United Arab Emirates", "아랍에미리트"),
    ("AT", "Austria", "오스트리아"),
    ("AU", "Australia", "오스트레일리아"),
    ("BE", "Belgium", "벨기에"),
    ("BG", "Bulgaria", "불가리아"),
    ("BR", "Brazil", "브라질"),
    ("CA", "Canada", "캐나다"),
    ("CH", "Switzerland", "스위스"),
    ("CN", "China", "중국"),
    ("CY", "Cyprus", "키프로스"),
    ("CZ", "Czechia", "체코"),
    ("DE", "Germany", "독일"),
    ("DK", "Denmark", "덴마크"),
    ("EE", "Estonia", "에스토니아"),
    ("ES", "Spain", "스페인"),
    ("FI", "Finland", "핀란드"),
    ("FR", "France", "프랑스"),
    ("GB", "United Kingdom", "영국"),
    ("GR", "Greece", "그리스"),
    ("HK", "Hong Kong", "홍콩"),
    ("HR", "Croatia", "크로아티아"),
    ("HU", "Hungary", "헝가리"),
    ("ID", "Indonesia", "인도네시아"),
    ("IE", "Ireland", "아일랜드"),
    ("IL", "Israel", "이스라엘"),
    ("IN", "India", "인도"),
    ("IT", "Italy", "이탈리아"),
    ("JP", "Japan", "일본"),
    ("KR", "South Korea", "대한민국"),
    ("KW", "Kuwait", "쿠웨이트"),
    ("LT", "Lithuania", "리투아니아"),
    ("LU", "Luxembourg", "룩셈부르크"),
    ("LV", "Latvia", "라트비아"),
    ("MT", "Malta", "몰타"),
    ("MX", "Mexico", "멕시코"),
    ("MY", "Malaysia", "말레이시아"),
    ("NL", "Netherlands", "네덜란드"),
    ("NO", "Norway", "노르웨이"),
    ("NZ", "New Zealand", "뉴질랜드"),
    ("PH", "Philippines", "필리핀"),
    ("PL", "Poland", "폴란드"),
    ("PT", "Portugal", "포르투갈"),
    ("RO", "Romania", "루마니아"),
    ("SE", "Sweden", "스웨덴"),
    ("SG", "Singapore", "싱가포르"),
    ("SI", "Slovenia", "슬로베니아"),
    ("SK", "Slovakia", "슬로바키아"),
    ("TH", "Thailand", "태국"),
    ("TR", "Türkiye", "튀르키예"),
    ("TW", "Taiwan", "대만"),
    ("US", "United States", "미국"),
    ("VN", "Vietnam", "베트남"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(country: &str, region: Option<&str>, home: Option<&str>, tongue: Tongue) -> Vec<String> {
        let text = |text: &str| Some(text.to_owned());
        let address = AddressBody {
            name: text("Name"),
            line1: text("Street 1"),
            line2: text(" "),
            city: text("City"),
            region: region.map(str::to_owned),
            postal_code: text("12345"),
            country: text(country),
            phone: text("+49301234"),
        };
        lines(&address, tongue, home)
    }

    #[test]
    fn an_address_is_written_as_its_country_writes_it() {
        let (english, korean) = (Tongue::English, Tongue::Korean);
        assert_eq!(written("DE", None, None, english), ["Name", "Street 1", "12345 City", "Germany"]);
        assert_eq!(written("DE", None, Some("DE"), english), ["Name", "Street 1", "12345 City"]);
        assert_eq!(written("US", Some("NY"), None, korean), ["Name", "Street 1", "City, NY 12345", "미국"]);
        assert_eq!(written("KR", Some("서울"), Some("KR"), korean), ["(12345) 서울 City", "Street 1", "Name"]);
        assert_eq!(written("GB", None, Some("IE"), english), ["Name", "Street 1", "City", "12345", "United Kingdom"]);
        assert_eq!(written("FO", None, None, english).last().map(String::as_str), Some("FO"));
    }

    #[test]
    fn countries_are_listed_once() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(COUNTRIES.iter().all(|(code, ..)| domain::country::Country::parse(code).is_ok()));
    }
}
