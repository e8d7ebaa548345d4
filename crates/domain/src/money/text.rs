//! Reads and writes amounts as people do.
//! It does not know layouts of pages; machines read minor units instead.

use std::fmt;

use super::{Currency, Error, Money, bounded};
use crate::locale::Locale;

/// Where a language puts a space into an amount, so that no line breaks there.
const NO_BREAK_SPACE: char = '\u{a0}';

/// Reads `12.34` or `12,34` exactly: one mark at most, and no more decimal places than the currency has.
pub fn parse_decimal(text: &str, currency: Currency) -> Result<Money, Error> {
    let error = Error::Decimal { currency };
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let exponent = usize::from(currency.exponent());
    let is_decimal = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let has_lone_mark = fraction.is_empty() && whole.len() != digits.len();
    if !is_decimal || whole.is_empty() || has_lone_mark || fraction.len() > exponent {
        return Err(error);
    }
    if whole.len() > 30 {
        return Err(Error::Overflow);
    }
    let minor: i128 = format!("{whole}{fraction:0<exponent$}").parse().map_err(|_| error)?;
    let amount = bounded(if is_negative { -minor } else { minor })?;
    Money::new(amount, currency)
}

/// `12.34 USD`: the same everywhere, for logs, mails in plain text and exports.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", number(*self, Style::PLAIN), self.currency()))
    }
}

impl Money {
    /// For a shopper's eyes: `$12.99`, `₩32,000`, `12,99 €` where the language writes so, `12.990 KWD`.
    pub fn display_text(self, locale: &Locale) -> String {
        let style = Style::of(locale.language());
        let number = number(self, style);
        match self.currency().symbol() {
            Some(symbol) if style.symbol_last => format!("{number}{NO_BREAK_SPACE}{symbol}"),
            Some(symbol) => match number.strip_prefix('-') {
                Some(number) => format!("-{symbol}{number}"),
                None => format!("{symbol}{number}"),
            },
            None => format!("{number} {}", self.currency()),
        }
    }
}

#[derive(Clone, Copy)]
struct Style {
    decimal: char,
    group: Option<char>,
    symbol_last: bool,
}

impl Style {
    const PLAIN: Style = Style { decimal: '.', group: None, symbol_last: false };

    /// After CLDR for the languages that shops most often sell in; all others as English.
    fn of(language: &str) -> Style {
        match language {
            "de" | "es" | "it" | "pt" | "da" | "el" | "id" | "ro" | "sl" | "hr" | "vi" => {
                Style { decimal: ',', group: Some('.'), symbol_last: true }
            }
            "fr" | "ru" | "uk" | "pl" | "cs" | "sk" | "sv" | "fi" | "nb" | "nn" | "no" | "hu" | "bg" => {
                Style { decimal: ',', group: Some(NO_BREAK_SPACE), symbol_last: true }
            }
            "nl" | "tr" => Style { decimal: ',', group: Some('.'), symbol_last: false },
            _ => Style { decimal: '.', group: Some(','), symbol_last: false },
        }
    }
}

fn number(money: Money, style: Style) -> String {
    let exponent = usize::from(money.currency().exponent());
    let digits = format!("{:0>width$}", money.amount().unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let mut text = String::new();
    if money.is_negative() {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if let Some(group) = style.group
            && index > 0
            && (whole.len() - index).is_multiple_of(3)
        {
            text.push(group);
        }
        text.push(digit);
    }
    if exponent > 0 {
        text.push(style.decimal);
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::MAX_AMOUNT;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, code, amount) in [
            ("12.34", "USD", 1234),
            ("12,34", "EUR", 1234),
            ("12.3", "USD", 1230),
            ("12", "USD", 1200),
            ("-0.05", "USD", -5),
            ("32000", "KRW", 32000),
            ("12,990", "KWD", 12990),
            ("0", "JPY", 0),
        ] {
            assert_eq!(parse_decimal(text, Currency::parse(code).unwrap()), Ok(money(amount, code)), "{text}");
        }
        for (text, code) in [
            ("", "USD"),
            ("-", "USD"),
            (".5", "USD"),
            ("5.", "USD"),
            ("1.234", "USD"),
            ("1,234.56", "USD"),
            ("1.5", "KRW"),
            ("1e3", "USD"),
            ("+1", "USD"),
            (" 1", "USD"),
            ("１", "USD"),
            ("--1", "USD"),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(parse_decimal(text, currency), Err(Error::Decimal { currency }), "{text}");
        }
        let usd = Currency::parse("USD").unwrap();
        assert_eq!(parse_decimal("10000000000000.01", usd), Err(Error::Overflow));
        assert_eq!(parse_decimal(&"9".repeat(100), usd), Err(Error::Overflow));
    }

    #[test]
    fn money_is_written_by_its_exponent() {
        assert_eq!(money(1234, "USD").to_string(), "12.34 USD");
        assert_eq!(money(-5, "USD").to_string(), "-0.05 USD");
        assert_eq!(money(32000, "KRW").to_string(), "32000 KRW");
        assert_eq!(money(12990, "KWD").to_string(), "12.990 KWD");
    }

    #[test]
    fn shoppers_see_symbols_and_groups() {
        let english = Locale::parse("en").unwrap();
        let text = |amount, code| money(amount, code).display_text(&english);
        assert_eq!(text(1299, "USD"), "$12.99");
        assert_eq!(text(-1299, "USD"), "-$12.99");
        assert_eq!(text(123_456_789, "EUR"), "€1,234,567.89");
        assert_eq!(text(32000, "KRW"), "₩32,000");
        assert_eq!(text(12990, "KWD"), "12.990 KWD");
        assert_eq!(money(32000, "KRW").display_text(&Locale::parse("ko-KR").unwrap()), "₩32,000");
        assert_eq!(money(129_900, "EUR").display_text(&Locale::parse("de-AT").unwrap()), "1.299,00\u{a0}€");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(amount in -MAX_AMOUNT..=MAX_AMOUNT, code in prop::sample::select(vec!["USD", "KRW", "KWD", "CLF"])) {
            let money = money(amount, code);
            let text = money.to_string();
            let (number, _) = text.split_once(' ').unwrap();
            prop_assert_eq!(parse_decimal(number, money.currency()), Ok(money));
        }
    }
}
