//! Money: arithmetic is exact or refused, splitting is fair, and what is written is what was meant.

use crate::locale::Locale;
use crate::money::{
    Currency, Error, MAX_AMOUNT, Money, PPM, allocate, bounded, included_part, parse_decimal, rate_part,
};
use proptest::prelude::*;

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![-MAX_AMOUNT..=MAX_AMOUNT, -1_000i64..=1_000, Just(MAX_AMOUNT), Just(-MAX_AMOUNT), Just(0)]
}

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(Currency::all().collect::<Vec<_>>())
}

fn locale() -> impl Strategy<Value = Locale> {
    let codes = vec!["en", "de", "fr", "nl", "ko", "sv", "tr", "ja", "pt", "hi"];
    prop::sample::select(codes).prop_map(|code| Locale::parse(code).unwrap())
}

/// The digits of a text that is written for people, with a point where the decimals begin.
fn digits(text: &str, exponent: u8) -> String {
    let is_negative = text.starts_with('-');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(exponent));
    let point = if exponent > 0 { "." } else { "" };
    format!("{}{whole}{point}{fraction}", if is_negative { "-" } else { "" })
}

proptest! {
    #[test]
    fn arithmetic_is_exact_or_refused(a in amount(), b in amount(), factor: i64, of in currency()) {
        let money = |amount| Money::new(amount, of).unwrap();
        let exact = |result: i128| bounded(result).map(money);
        let (wide_a, wide_b) = (i128::from(a), i128::from(b));
        prop_assert_eq!(money(a).checked_add(money(b)), exact(wide_a + wide_b));
        prop_assert_eq!(money(a).checked_sub(money(b)), exact(wide_a - wide_b));
        prop_assert_eq!(money(a).checked_mul(factor), exact(wide_a * i128::from(factor)));
        prop_assert_eq!(money(a).checked_neg(), exact(-wide_a));
    }

    #[test]
    fn no_amount_beyond_the_limit_becomes_money(amount: i64, of in currency()) {
        let is_within = (-MAX_AMOUNT..=MAX_AMOUNT).contains(&amount);
        prop_assert_eq!(Money::new(amount, of).is_ok(), is_within);
        let json = format!(r#"{{"amount":{amount},"currency":"{of}"}}"#);
        prop_assert_eq!(serde_json::from_str::<Money>(&json).is_ok(), is_within);
    }

    #[test]
    fn every_currency_is_written_and_read_back(amount in amount(), of in currency(), locale in locale()) {
        let money = Money::new(amount, of).unwrap();
        let text = money.to_string();
        let number = text.strip_suffix(of.code()).and_then(|text| text.strip_suffix(' ')).unwrap();
        prop_assert_eq!(parse_decimal(number, of), Ok(money));
        prop_assert_eq!(parse_decimal(&number.replace('.', ","), of), Ok(money));
        let shown = money.display_text(&locale);
        prop_assert_eq!(parse_decimal(&digits(&shown, of.exponent()), of), Ok(money), "{}", shown);
    }

    #[test]
    fn no_text_panics_and_none_means_two_amounts(text in "[-+ 0-9.,eE\u{a0}]{0,40}", of in currency()) {
        match parse_decimal(&text, of) {
            Ok(money) => prop_assert!(money.amount().abs() <= MAX_AMOUNT),
            Err(Error::Decimal { .. } | Error::Overflow) => {}
            Err(error) => prop_assert!(false, "{error} for {text:?}"),
        }
    }

    #[test]
    fn who_has_more_weight_gets_no_less(amount: i64, weights in prop::collection::vec(0u64..50, 1..12)) {
        let parts: Vec<u64> = allocate(amount, &weights).into_iter().map(i64::unsigned_abs).collect();
        for (i, j) in (0..weights.len()).flat_map(|i| (0..weights.len()).map(move |j| (i, j))) {
            if weights[i] > weights[j] {
                prop_assert!(parts[i] >= parts[j], "{:?} over {:?}", parts, weights);
            }
            if weights[i] == weights[j] && i < j {
                prop_assert!(parts[i] == parts[j] || parts[i] == parts[j] + 1, "the earlier gets the odd unit: {:?}", parts);
            }
        }
    }

    #[test]
    fn giving_back_splits_as_taking_did(amount in 0i64..=i64::MAX, weights in prop::collection::vec(any::<u64>(), 0..12)) {
        let taken = allocate(amount, &weights);
        let back: Vec<i64> = allocate(-amount, &weights).into_iter().map(|part| -part).collect();
        prop_assert_eq!(&taken, &back);
        prop_assert_eq!(allocate(amount, &weights), taken, "the same question, the same answer");
    }

    #[test]
    fn a_rate_is_rounded_by_less_than_a_unit(amount: i64, rate_ppm: u32) {
        let (wide, rate) = (i128::from(amount), i128::from(rate_ppm));
        for (part, divisor) in [(rate_part(amount, rate_ppm), i128::from(PPM)), (included_part(amount, rate_ppm), i128::from(PPM) + rate)] {
            match part {
                Ok(part) => prop_assert!(2 * (i128::from(part) * divisor - wide * rate).abs() <= divisor),
                Err(error) => prop_assert_eq!(error, Error::Overflow),
            }
        }
        if amount != i64::MIN {
            let mirrored = rate_part(-amount, rate_ppm).map(|part| -part);
            prop_assert_eq!(rate_part(amount, rate_ppm), mirrored, "rounded away from zero either way");
        }
    }
}
