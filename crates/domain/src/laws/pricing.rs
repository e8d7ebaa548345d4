//! Prices: whatever is sold in whatever country, the summary adds up, line by line, and nothing comes to less than nothing.

use crate::money::{Currency, MAX_AMOUNT, PPM};
use crate::pricing::{Error, Input, LineInput, Quote, Tax, TotalKind, price};
use crate::quantity::Quantity;
use proptest::prelude::*;

fn line(largest_price: i64) -> impl Strategy<Value = LineInput> {
    (0..=largest_price, 1u32..=10_000, 0u32..=100).prop_map(|(unit_price, quantity, percent)| {
        let whole = i128::from(unit_price) * i128::from(quantity) * i128::from(percent) / 100;
        let discount = i64::try_from(whole).unwrap_or(i64::MAX);
        LineInput { unit_price, quantity: Quantity::new(quantity).unwrap(), discount }
    })
}

fn tax() -> impl Strategy<Value = Option<Tax>> {
    prop::option::of(
        (0..=PPM, any::<bool>()).prop_map(|(rate_ppm, prices_include_tax)| Tax { rate_ppm, prices_include_tax }),
    )
}

/// Anything that a shop could sell, up to amounts that do not fit any more.
fn input() -> impl Strategy<Value = Input> {
    let largest = prop_oneof![Just(10_000), Just(MAX_AMOUNT / 1_000_000), Just(MAX_AMOUNT)];
    let lines = largest.prop_flat_map(|largest| prop::collection::vec(line(largest), 0..12));
    let code = prop::sample::select(vec!["KRW", "EUR", "USD", "KWD", "CLF"]);
    let fulfillment = prop::option::of(prop_oneof![0..10_000i64, Just(MAX_AMOUNT)]);
    (code, lines, 0i64..=100, fulfillment, tax()).prop_map(|(code, lines, percent, fulfillment, tax)| {
        let left = |line: &LineInput| {
            i128::from(line.unit_price) * i128::from(line.quantity.get()) - i128::from(line.discount)
        };
        let whole: i128 = lines.iter().map(left).sum();
        let order_discount = i64::try_from(whole * i128::from(percent) / 100).unwrap_or(i64::MAX);
        Input { currency: Currency::parse(code).unwrap(), lines, order_discount, fulfillment, tax }
    })
}

fn all_but_the_total(quote: &Quote) -> i64 {
    quote.totals.iter().filter(|entry| entry.kind != TotalKind::Total).map(|entry| entry.amount).sum()
}

proptest! {
    #[test]
    fn the_summary_is_the_sum_of_its_lines(input in input()) {
        let quote = match price(&input) {
            Ok(quote) => quote,
            Err(error) => {
                prop_assert_eq!(error, Error::Overflow, "nothing else is wrong with it");
                return Ok(());
            }
        };
        prop_assert_eq!(quote.lines.len(), input.lines.len());
        let sum = |of: fn(&crate::pricing::LineQuote) -> i64| quote.lines.iter().map(of).sum::<i64>();
        prop_assert_eq!(quote.amount(TotalKind::Subtotal), sum(|line| line.subtotal));
        prop_assert_eq!(quote.amount(TotalKind::ItemsDiscount), -sum(|line| line.discount));
        prop_assert_eq!(quote.amount(TotalKind::Discount), -sum(|line| line.order_discount));
        prop_assert_eq!(quote.amount(TotalKind::Fulfillment), input.fulfillment.unwrap_or(0));
        prop_assert_eq!(quote.amount(TotalKind::Tax) + quote.tax_included, sum(|line| line.tax) + quote.fulfillment_tax);
        prop_assert_eq!(quote.total, all_but_the_total(&quote));
        prop_assert_eq!(quote.total, quote.amount(TotalKind::Total));
        prop_assert!((0..=MAX_AMOUNT).contains(&quote.total));
        for line in &quote.lines {
            prop_assert!(line.total >= 0 && line.order_discount >= 0 && line.tax >= 0);
            prop_assert!(line.order_discount <= line.total && line.tax <= line.total - line.order_discount);
        }
        prop_assert!(quote.amount(TotalKind::Tax) == 0 || quote.tax_included == 0, "a country has it one way");
    }

    #[test]
    fn tax_that_prices_include_changes_no_total(input in input(), rate_ppm in 0..=PPM) {
        let untaxed = price(&Input { tax: None, ..input.clone() });
        let included = price(&Input { tax: Some(Tax { rate_ppm, prices_include_tax: true }), ..input.clone() });
        prop_assert_eq!(untaxed.clone().map(|quote| quote.total), included.map(|quote| quote.total));
        let on_top = price(&Input { tax: Some(Tax { rate_ppm, prices_include_tax: false }), ..input });
        if let (Ok(untaxed), Ok(on_top)) = (untaxed, on_top) {
            prop_assert_eq!(on_top.total - on_top.amount(TotalKind::Tax), untaxed.total);
        }
    }

    #[test]
    fn more_discount_never_costs_more(input in input(), more in 0i64..10_000) {
        let whole: Vec<i128> = input.lines.iter().map(|line| i128::from(line.unit_price) * i128::from(line.quantity.get()) - i128::from(line.discount)).collect();
        let largest = whole.iter().sum::<i128>() - i128::from(input.order_discount);
        let cheaper = Input { order_discount: input.order_discount.saturating_add(i64::try_from(largest.min(i128::from(more))).unwrap_or(0)), ..input.clone() };
        if let (Ok(before), Ok(after)) = (price(&input), price(&cheaper)) {
            // Tax is rounded per line, each by half a unit at most.
            let rounding = i64::try_from(input.lines.len()).unwrap();
            prop_assert!(after.total <= before.total + rounding, "{} became {}", before.total, after.total);
        }
    }
}
