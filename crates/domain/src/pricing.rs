//! What a cart comes to: discounts, shipping, tax and the total, so that all entries add up exactly.
//! It does not know products, countries or promotions: prices, discounts and rates are given.

use serde::{Deserialize, Serialize};

use crate::money::{self, Currency, PPM, allocate, bounded, included_part, rate_part};
use crate::quantity::Quantity;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the amounts are too large to add up")]
    Overflow,
    #[error("a price, a discount or a fee is negative")]
    Negative,
    #[error("a discount is larger than what it is taken off")]
    DiscountTooLarge,
    #[error("a tax rate is at most 1000000 parts per million")]
    Rate,
}

impl From<money::Error> for Error {
    fn from(_: money::Error) -> Self {
        Error::Overflow
    }
}

/// What is priced. All amounts are minor units of `currency` and not negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub currency: Currency,
    pub lines: Vec<LineInput>,
    /// Taken off the whole order, after the lines' own discounts.
    pub order_discount: i64,
    /// What shipping costs; `None` until a method is chosen.
    pub fulfillment: Option<i64>,
    /// `None` until a country is known.
    pub tax: Option<Tax>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineInput {
    pub unit_price: i64,
    pub quantity: Quantity,
    /// Taken off the whole line.
    pub discount: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// Parts per million: 19 % is 190,000.
    pub rate_ppm: u32,
    pub prices_include_tax: bool,
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub currency: Currency,
    pub lines: Vec<LineQuote>,
    /// One `subtotal`, one `total`; all but `total` add up to it.
    pub totals: Vec<Total>,
    /// Tax on shipping, on top or included as that of the lines is.
    pub fulfillment_tax: i64,
    /// Tax that the total includes without an entry of its own.
    pub tax_included: i64,
    pub total: i64,
}

/// Discounts are told as what is taken off: not negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuote {
    /// Unit price × quantity.
    pub subtotal: i64,
    /// The line's own discount.
    pub discount: i64,
    /// The line's share of the order's discount.
    pub order_discount: i64,
    /// On top of what the line costs, or included in it, as the country has it.
    pub tax: i64,
    /// `subtotal - discount`: neither the order's discount nor tax on top is in it.
    pub total: i64,
}

/// An entry of a price's summary, in the terms of the Universal Commerce Protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    #[serde(rename = "type")]
    pub kind: TotalKind,
    /// Negative for discounts.
    pub amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalKind {
    Subtotal,
    ItemsDiscount,
    Discount,
    Fulfillment,
    Fee,
    Tax,
    Total,
}

impl Quote {
    /// The amount of an entry, zero where there is none.
    pub fn amount(&self, kind: TotalKind) -> i64 {
        self.totals.iter().find(|total| total.kind == kind).map_or(0, |total| total.amount)
    }
}

/// Tax is rounded per line, half away from zero, after discounts; shipping is taxed at the same rate.
pub fn price(input: &Input) -> Result<Quote, Error> {
    let mut lines = input.lines.iter().map(price_line).collect::<Result<Vec<_>, _>>()?;
    let subtotal = sum(lines.iter().map(|line| line.subtotal))?;
    let items_discount = sum(lines.iter().map(|line| line.discount))?;
    share_order_discount(&mut lines, input.order_discount, subtotal - items_discount)?;

    let fulfillment = input.fulfillment.map(not_negative).transpose()?;
    let mut fulfillment_tax = 0;
    if let Some(tax) = input.tax {
        for line in &mut lines {
            line.tax = tax.on(line.total - line.order_discount)?;
        }
        fulfillment_tax = tax.on(fulfillment.unwrap_or(0))?;
    }
    let all_tax = sum(lines.iter().map(|line| line.tax).chain([fulfillment_tax]))?;
    let prices_include_tax = input.tax.is_some_and(|tax| tax.prices_include_tax);
    let (tax_on_top, tax_included) = if prices_include_tax { (0, all_tax) } else { (all_tax, 0) };

    let entries = [
        (TotalKind::Subtotal, Some(subtotal)),
        (TotalKind::ItemsDiscount, not_zero(-items_discount)),
        (TotalKind::Discount, not_zero(-input.order_discount)),
        (TotalKind::Fulfillment, fulfillment),
        (TotalKind::Tax, not_zero(tax_on_top)),
    ];
    let total = sum(entries.iter().filter_map(|(_, amount)| *amount))?;
    let totals = entries
        .into_iter()
        .chain([(TotalKind::Total, Some(total))])
        .filter_map(|(kind, amount)| Some(Total { kind, amount: amount?, display_text: None }))
        .collect();
    Ok(Quote { currency: input.currency, lines, totals, fulfillment_tax, tax_included, total })
}

impl Tax {
    /// The tax on an amount, or in it.
    fn on(self, amount: i64) -> Result<i64, Error> {
        if self.rate_ppm > PPM {
            return Err(Error::Rate);
        }
        let part = if self.prices_include_tax { included_part } else { rate_part };
        Ok(part(amount, self.rate_ppm)?)
    }
}

fn price_line(line: &LineInput) -> Result<LineQuote, Error> {
    let unit_price = not_negative(line.unit_price)?;
    let subtotal = bounded(i128::from(unit_price) * i128::from(line.quantity.get()))?;
    let discount = not_negative(line.discount)?;
    if discount > subtotal {
        return Err(Error::DiscountTooLarge);
    }
    Ok(LineQuote { subtotal, discount, order_discount: 0, tax: 0, total: subtotal - discount })
}

/// Over the lines by what they cost, largest remainder first; no line's share exceeds what it costs.
fn share_order_discount(lines: &mut [LineQuote], order_discount: i64, whole: i64) -> Result<(), Error> {
    if not_negative(order_discount)? > whole {
        return Err(Error::DiscountTooLarge);
    }
    let weights: Vec<u64> = lines.iter().map(|line| line.total.unsigned_abs()).collect();
    for (line, share) in lines.iter_mut().zip(allocate(order_discount, &weights)) {
        line.order_discount = share;
    }
    Ok(())
}

fn sum(amounts: impl Iterator<Item = i64>) -> Result<i64, Error> {
    Ok(bounded(amounts.map(i128::from).sum())?)
}

fn not_negative(amount: i64) -> Result<i64, Error> {
    if amount < 0 { Err(Error::Negative) } else { Ok(bounded(i128::from(amount))?) }
}

fn not_zero(amount: i64) -> Option<i64> {
    (amount != 0).then_some(amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::MAX_AMOUNT;

    fn line(unit_price: i64, quantity: u32, discount: i64) -> LineInput {
        LineInput { unit_price, quantity: Quantity::new(quantity).unwrap(), discount }
    }

    fn input(lines: Vec<LineInput>) -> Input {
        let currency = Currency::parse("USD").unwrap();
        Input { currency, lines, order_discount: 0, fulfillment: None, tax: None }
    }

    fn tax(rate_ppm: u32, prices_include_tax: bool) -> Option<Tax> {
        Some(Tax { rate_ppm, prices_include_tax })
    }

    fn entries(quote: &Quote) -> Vec<(TotalKind, i64)> {
        quote.totals.iter().map(|total| (total.kind, total.amount)).collect()
    }

    #[test]
    fn a_plain_line_has_a_subtotal_and_a_total() {
        let quote = price(&input(vec![line(1299, 1, 0)])).unwrap();
        assert_eq!(entries(&quote), [(TotalKind::Subtotal, 1299), (TotalKind::Total, 1299)]);
        assert_eq!(quote.lines[0].total, 1299);
        assert_eq!(
            serde_json::to_string(&quote.totals).unwrap(),
            r#"[{"type":"subtotal","amount":1299},{"type":"total","amount":1299}]"#
        );
    }

    #[test]
    fn nothing_comes_to_nothing() {
        let quote = price(&input(vec![])).unwrap();
        assert_eq!(entries(&quote), [(TotalKind::Subtotal, 0), (TotalKind::Total, 0)]);
    }

    #[test]
    fn tax_on_top_is_rounded_per_line_after_discounts() {
        let lines = vec![line(1000, 2, 100), line(333, 1, 0)];
        let quote =
            price(&Input { order_discount: 223, fulfillment: Some(690), tax: tax(190_000, false), ..input(lines) })
                .unwrap();
        // 223 over 1900 and 333: 189.74 and 33.26.
        assert_eq!(quote.lines[0].order_discount, 190);
        assert_eq!(quote.lines[1].order_discount, 33);
        assert_eq!(quote.lines[0].tax, 325); // 1710 × 19 % = 324.9
        assert_eq!(quote.lines[1].tax, 57); // 300 × 19 %
        assert_eq!(quote.fulfillment_tax, 131); // 131.1
        assert_eq!(
            entries(&quote),
            [
                (TotalKind::Subtotal, 2333),
                (TotalKind::ItemsDiscount, -100),
                (TotalKind::Discount, -223),
                (TotalKind::Fulfillment, 690),
                (TotalKind::Tax, 513),
                (TotalKind::Total, 3213),
            ]
        );
        assert_eq!(quote.tax_included, 0);
    }

    #[test]
    fn included_tax_is_told_beside_the_total() {
        let quote =
            price(&Input { fulfillment: Some(0), tax: tax(100_000, true), ..input(vec![line(32_000, 1, 0)]) }).unwrap();
        assert_eq!(
            entries(&quote),
            [(TotalKind::Subtotal, 32_000), (TotalKind::Fulfillment, 0), (TotalKind::Total, 32_000)]
        );
        assert_eq!(quote.tax_included, 2909);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(price(&input(vec![line(-1, 1, 0)])), Err(Error::Negative));
        assert_eq!(price(&input(vec![line(1, 1, -1)])), Err(Error::Negative));
        assert_eq!(price(&input(vec![line(10, 1, 11)])), Err(Error::DiscountTooLarge));
        assert_eq!(price(&Input { order_discount: 11, ..input(vec![line(10, 1, 0)]) }), Err(Error::DiscountTooLarge));
        assert_eq!(price(&Input { order_discount: -1, ..input(vec![]) }), Err(Error::Negative));
        assert_eq!(price(&Input { fulfillment: Some(-1), ..input(vec![]) }), Err(Error::Negative));
        assert_eq!(price(&Input { tax: tax(1_000_001, true), ..input(vec![line(1, 1, 0)]) }), Err(Error::Rate));
        assert_eq!(price(&input(vec![line(MAX_AMOUNT, 2, 0)])), Err(Error::Overflow));
        assert_eq!(price(&input(vec![line(i64::MAX, 1_000_000, 0)])), Err(Error::Overflow));
        assert_eq!(price(&input(vec![line(MAX_AMOUNT, 1, 0), line(1, 1, 0)])), Err(Error::Overflow));
    }

    fn any_line() -> impl Strategy<Value = LineInput> {
        (0i64..100_000_000, 1u32..1000, 0i64..=100)
            .prop_map(|(unit, quantity, percent)| line(unit, quantity, unit * i64::from(quantity) / 100 * percent))
    }

    proptest! {
        #[test]
        fn totals_add_up(
            code in prop::sample::select(vec!["KRW", "USD", "KWD", "CLF"]),
            lines in prop::collection::vec(any_line(), 0..20),
            percent in 0i64..=100,
            fulfillment in prop::option::of(0i64..1_000_000),
            rate_ppm in 0u32..=PPM,
            prices_include_tax: bool,
        ) {
            let whole: i64 = lines.iter().map(|line| line.unit_price * i64::from(line.quantity) - line.discount).sum();
            let order_discount = whole / 100 * percent;
            let currency = Currency::parse(code).unwrap();
            let tax = tax(rate_ppm, prices_include_tax);
            let quote = price(&Input { currency, lines, order_discount, fulfillment, tax }).unwrap();

            let total = quote.amount(TotalKind::Total);
            let others: i64 = quote.totals.iter().filter(|entry| entry.kind != TotalKind::Total).map(|entry| entry.amount).sum();
            prop_assert_eq!(total, others);
            prop_assert_eq!(total, quote.total);
            prop_assert!(total >= 0 && quote.tax_included >= 0);
            for kind in [TotalKind::Subtotal, TotalKind::Total] {
                prop_assert_eq!(quote.totals.iter().filter(|entry| entry.kind == kind).count(), 1);
            }
            prop_assert_eq!(quote.totals.iter().any(|entry| entry.kind == TotalKind::Fulfillment), fulfillment.is_some());
            let shares: i64 = quote.lines.iter().map(|line| line.order_discount).sum();
            prop_assert_eq!(shares, order_discount);
            prop_assert!(quote.lines.iter().all(|line| line.order_discount <= line.total));
            let tax: i64 = quote.lines.iter().map(|line| line.tax).sum::<i64>() + quote.fulfillment_tax;
            prop_assert_eq!(tax, quote.tax_included + quote.amount(TotalKind::Tax));
        }

        #[test]
        fn nothing_panics(
            lines in prop::collection::vec((any::<i64>(), 1u32..=1_000_000, any::<i64>()), 0..5),
            order_discount: i64,
            fulfillment: Option<i64>,
            rate: Option<(u32, bool)>,
        ) {
            let lines = lines.into_iter().map(|(unit, quantity, discount)| line(unit, quantity, discount)).collect();
            let tax = rate.map(|(rate_ppm, prices_include_tax)| Tax { rate_ppm, prices_include_tax });
            let _ = price(&Input { order_discount, fulfillment, tax, ..input(lines) });
        }
    }
}
