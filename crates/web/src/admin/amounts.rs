//! Amounts of money and rates as people type them, read exactly, and written as they are typed.
//! It does not know which field they stand in. No float is near.

use domain::field::FieldError;
use domain::money::{Currency, Money, PPM, parse_decimal};

/// Parts per million in one per cent.
const PPM_PER_CENT: u32 = PPM / 100;
/// Decimal places of a rate in per cent.
const RATE_PLACES: usize = 4;

/// `12.34`, `12,34`, `1,299.00`, and `32,000` in a currency that is not divided. What could be read in two ways is refused.
pub fn read_amount(field: &str, text: &str, currency: Currency) -> Result<i64, FieldError> {
    let text = text.trim();
    let plain = without_groups(text, currency).unwrap_or_else(|| text.to_owned());
    match parse_decimal(&plain, currency) {
        Ok(money) if money.is_negative() => Err(FieldError::new(field, "negative", "must not be negative")),
        Ok(money) => Ok(money.amount()),
        Err(error) => Err(FieldError::new(field, "invalid_amount", error.to_string())),
    }
}

/// `1299` USD as `12.99`.
pub fn amount_text(amount: i64, currency: Currency) -> String {
    match Money::new(amount, currency) {
        Ok(money) => money.to_string().split(' ').next().unwrap_or_default().to_owned(),
        Err(_) => amount.to_string(),
    }
}

/// `19`, `8.875` or `7,7` per cent, as parts per million.
pub fn read_rate(field: &str, text: &str) -> Result<u32, FieldError> {
    let wrong = || FieldError::new(field, "invalid_rate", "a rate in per cent, such as 19 or 8.875");
    let text = text.trim().trim_end_matches('%').trim_end();
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > RATE_PLACES || whole.len() > 3 {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let fraction: u32 = format!("{fraction:0<RATE_PLACES$}").parse().map_err(|_| wrong())?;
    Ok(whole * PPM_PER_CENT + fraction)
}

/// 88,750 parts per million as `8.875`.
pub fn rate_text(rate_ppm: u32) -> String {
    let fraction = format!("{:0>RATE_PLACES$}", rate_ppm % PPM_PER_CENT);
    let text = format!("{}.{fraction}", rate_ppm / PPM_PER_CENT);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text without the marks between its groups of three digits, where they can be nothing else.
fn without_groups(text: &str, currency: Currency) -> Option<String> {
    let last = text.rfind(['.', ','])?;
    let is_other = |byte: u8| matches!(byte, b'.' | b',') && byte != text.as_bytes()[last];
    let (whole, fraction) = match currency.exponent() {
        0 => (text, ""),
        // Two kinds of marks: the last one is the decimal mark.
        _ if text.bytes().any(is_other) => text.split_at(last),
        _ => return None,
    };
    let mut groups = whole.split([',', '.', ' ', '\u{a0}', '\'']);
    let first = groups.next()?;
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped = (1..=3).contains(&first.len()) && is_digits(first);
    let mut plain = first.to_owned();
    for group in groups {
        if group.len() != 3 || !is_digits(group) {
            return None;
        }
        plain.push_str(group);
    }
    is_grouped.then(|| plain + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, code: &str) -> Result<i64, String> {
        read_amount("price", text, Currency::parse(code).unwrap()).map_err(|error| error.code)
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (text, code, amount) in [
            ("12.34", "USD", 1234),
            (" 12,3 ", "EUR", 1230),
            ("0", "USD", 0),
            ("1,299.00", "USD", 129_900),
            ("1.299,5", "EUR", 129_950),
            ("32,000", "KRW", 32_000),
            ("1.234.567", "KRW", 1_234_567),
            ("32000", "KRW", 32_000),
            ("1.234", "KWD", 1_234),
            ("9007199254740.93", "USD", 900_719_925_474_093),
        ] {
            assert_eq!(read(text, code), Ok(amount), "{text} {code}");
        }
        for (text, code) in [
            ("1,299", "USD"),
            ("12.345", "USD"),
            ("32,00", "KRW"),
            ("3.5", "KRW"),
            ("", "USD"),
            ("$5", "USD"),
            ("1e3", "USD"),
            ("1,29,9.00", "USD"),
            ("12..3", "USD"),
            (".5", "USD"),
            ("99999999999999999999", "USD"),
        ] {
            assert_eq!(read(text, code), Err("invalid_amount".to_owned()), "{text} {code}");
        }
        assert_eq!(read("-1", "USD"), Err("negative".to_owned()));
    }

    #[test]
    fn amounts_are_written_as_they_are_read() {
        for (amount, code, text) in
            [(1234, "USD", "12.34"), (5, "USD", "0.05"), (32_000, "KRW", "32000"), (1, "KWD", "0.001")]
        {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(amount_text(amount, currency), text);
            assert_eq!(read_amount("", text, currency), Ok(amount));
        }
    }

    #[test]
    fn rates_are_in_per_cent() {
        for (text, ppm) in [("19", 190_000), ("8.875", 88_750), ("7,7 %", 77_000), ("0", 0), ("100", 1_000_000)] {
            assert_eq!(read_rate("rate", text), Ok(ppm), "{text}");
            assert_eq!(read_rate("rate", &rate_text(ppm)), Ok(ppm));
        }
        assert_eq!((rate_text(88_750), rate_text(0), rate_text(200_000)), ("8.875".into(), "0".into(), "20".into()));
        for text in ["", "x", "-1", "1.23456", "1.", ".5", "1000"] {
            assert!(read_rate("rate", text).is_err(), "{text}");
        }
    }
}
