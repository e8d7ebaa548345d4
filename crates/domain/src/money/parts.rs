//! Splits amounts: by weights without losing a unit, and by rates with one named rounding.
//! It does not know currencies: an amount is a number of minor units.

use super::{Error, PPM};

/// Splits by largest remainder (Hamilton): the parts add up to `amount` exactly, ties go to the earlier.
/// Where all weights are zero the parts are as equal as they can be. No weights, no parts.
pub fn allocate(amount: i64, weights: &[u64]) -> Vec<i64> {
    let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if whole == 0 && !weights.is_empty() {
        return allocate(amount, &vec![1; weights.len()]);
    }
    let magnitude = u128::from(amount.unsigned_abs());
    let mut parts: Vec<u128> = Vec::with_capacity(weights.len());
    let mut remainders: Vec<(u128, usize)> = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let product = magnitude * u128::from(*weight);
        parts.push(product / whole);
        remainders.push((product % whole, index));
    }
    let given: u128 = parts.iter().sum();
    // Fewer units are left than there are remainders above zero, so that a weight of zero gets nothing.
    let left = if weights.is_empty() { 0 } else { (magnitude - given) as usize };
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, index) in remainders.into_iter().take(left) {
        parts[index] += 1;
    }
    let sign = i128::from(amount.signum());
    // No part exceeds the amount, which was an i64.
    parts.into_iter().map(|part| (sign * part as i128) as i64).collect()
}

/// The rate's part on top of an amount: amount × rate ÷ 10^6, rounded half away from zero.
pub fn rate_part(amount: i64, rate_ppm: u32) -> Result<i64, Error> {
    divide_half_away(i128::from(amount) * i128::from(rate_ppm), i128::from(PPM))
}

/// The rate's part that an amount includes: amount × rate ÷ (10^6 + rate), rounded half away from zero.
pub fn included_part(amount: i64, rate_ppm: u32) -> Result<i64, Error> {
    divide_half_away(i128::from(amount) * i128::from(rate_ppm), i128::from(PPM) + i128::from(rate_ppm))
}

fn divide_half_away(dividend: i128, divisor: i128) -> Result<i64, Error> {
    let rounded = (2 * dividend.abs() + divisor) / (2 * divisor);
    i64::try_from(rounded * dividend.signum()).map_err(|_| Error::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_go_to_the_largest_remainder_then_the_earlier() {
        assert_eq!(allocate(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(allocate(5, &[3, 7]), [2, 3]);
        assert_eq!(allocate(-5, &[3, 7]), [-2, -3]);
        assert_eq!(allocate(10, &[0, 5, 0]), [0, 10, 0]);
        assert_eq!(allocate(7, &[0, 0]), [4, 3]);
        assert_eq!(allocate(0, &[1, 2]), [0, 0]);
        assert_eq!(allocate(7, &[]), [0i64; 0]);
        assert_eq!(allocate(i64::MIN, &[u64::MAX]), [i64::MIN]);
        assert_eq!(allocate(i64::MIN, &[u64::MAX, u64::MAX]), [i64::MIN / 2, i64::MIN / 2]);
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(rate_part(50, 190_000), Ok(10)); // 9.5
        assert_eq!(rate_part(-50, 190_000), Ok(-10));
        assert_eq!(rate_part(49, 190_000), Ok(9)); // 9.31
        assert_eq!(included_part(1190, 190_000), Ok(190));
        assert_eq!(included_part(1299, 100_000), Ok(118)); // 118.09
        assert_eq!(included_part(3, 1_000_000), Ok(2)); // 1.5
        assert_eq!(included_part(-3, 1_000_000), Ok(-2));
        assert_eq!(rate_part(i64::MAX, u32::MAX), Err(Error::Overflow));
        assert_eq!(included_part(100, 0), Ok(0));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_near_their_share(amount: i64, weights in prop::collection::vec(any::<u64>(), 1..20)) {
            let parts = allocate(amount, &weights);
            prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(amount));
            let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let share = (u128::from(amount.unsigned_abs()) * u128::from(*weight)).checked_div(whole);
                if let Some(floor) = share {
                    let part = u128::from(part.unsigned_abs());
                    prop_assert!(part == floor || part == floor + 1);
                    prop_assert!(*weight > 0 || part == 0);
                }
            }
        }

        #[test]
        fn a_part_of_no_more_than_the_weights_fits_each_weight(weights in prop::collection::vec(0u64..1_000_000, 1..20), share in 0u64..=1000) {
            let whole: u64 = weights.iter().sum();
            let amount = (whole * share / 1000) as i64;
            for (part, weight) in allocate(amount, &weights).iter().zip(&weights) {
                prop_assert!(*part as u64 <= *weight);
            }
        }

        #[test]
        fn the_included_part_is_the_part_on_top_of_the_rest(net in 0i64..1_000_000_000, rate_ppm in 0u32..=1_000_000) {
            let tax = rate_part(net, rate_ppm).unwrap();
            let included = included_part(net + tax, rate_ppm).unwrap();
            prop_assert!((included - tax).abs() <= 1);
        }
    }
}
