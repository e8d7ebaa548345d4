//! Bands of prices with round edges, a handful that hold about as many products each.
//! It does not know currencies: amounts are minor units, and an amount that is round in them is round in any.

use contracts::search::PriceBand;

/// How many bands are aimed at.
const BANDS: u64 = 5;
/// Digits of the greatest amounts that are told apart.
const DECADES: u32 = 13;
/// Where the steps of a decade begin, in tenths of it.
const STEPS: [i64; 8] = [10, 15, 20, 30, 40, 50, 60, 80];

/// How many steps there are: one for what costs nothing, and those of all decades.
pub const STEPS_MAX: usize = 1 + STEPS.len() * DECADES as usize;

/// The step that an amount falls on.
pub fn step_of(amount: i64) -> u8 {
    if amount < 1 {
        return 0;
    }
    let decade = amount.ilog10().min(DECADES - 1);
    let tenths = if decade == 0 { amount * 10 } else { amount / 10_i64.pow(decade - 1) };
    let step = STEPS.iter().rposition(|from| *from <= tenths).unwrap_or(0);
    u8::try_from(1 + decade as usize * STEPS.len() + step).unwrap_or(u8::MAX)
}

/// The lowest amount on a step.
fn lowest(step: usize) -> i64 {
    let Some(step) = step.checked_sub(1) else { return 0 };
    let (decade, step) = (step / STEPS.len(), STEPS[step % STEPS.len()]);
    let power = 10_i64.pow(u32::try_from(decade).unwrap_or(0));
    // In the first decade there is nothing between 1 and 2.
    (step * power + 9) / 10
}

/// Bands over the steps that hold something; `counts` says how many lie on each.
pub fn bands(counts: &[u64], chosen: (Option<i64>, Option<i64>)) -> Vec<PriceBand> {
    let total: u64 = counts.iter().sum();
    let enough = total.div_ceil(BANDS).max(1);
    let mut bands: Vec<PriceBand> = Vec::new();
    let mut open: Option<(usize, u64)> = None;
    let last = counts.iter().rposition(|count| *count > 0);
    for (step, count) in counts.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
        let (from, sum) = match open {
            Some((from, sum)) => (from, sum + count),
            None if *count == 0 && bands.is_empty() => continue,
            None => (step, *count),
        };
        open = Some((from, sum));
        if sum >= enough || Some(step) == last {
            let (from, to) = (lowest(from), lowest(step + 1) - 1);
            let is_chosen = chosen == (Some(from), Some(to));
            bands.push(PriceBand { from, to, count: sum, is_chosen });
            open = None;
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(amounts: &[i64]) -> Vec<PriceBand> {
        let mut counts = vec![0; STEPS_MAX];
        amounts.iter().for_each(|amount| counts[usize::from(step_of(*amount))] += 1);
        bands(&counts, (None, None))
    }

    #[test]
    fn every_amount_lies_on_the_step_that_begins_at_or_below_it() {
        for amount in (0..2_000).chain([9_999, 10_000, 14_999, 15_000, 99_999_999, 1_000_000_000_000]) {
            let step = usize::from(step_of(amount));
            assert!(lowest(step) <= amount && (amount < lowest(step + 1) || step + 1 == STEPS_MAX), "{amount}");
        }
    }

    #[test]
    fn bands_are_round_few_and_cover_everything_once() {
        let amounts: Vec<i64> = (0..1_000).map(|n| 190 + n * 37 % 25_000).collect();
        let bands = of(&amounts);
        assert!((3..=6).contains(&bands.len()), "{bands:?}");
        for amount in &amounts {
            assert_eq!(bands.iter().filter(|band| (band.from..=band.to).contains(amount)).count(), 1, "{amount}");
        }
        for band in &bands {
            let inside = amounts.iter().filter(|amount| (band.from..=band.to).contains(amount)).count();
            assert_eq!(band.count, inside as u64);
            assert!(band.from < 10 || band.from % 5 == 0, "{band:?}");
        }
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[1_250]).iter().map(|band| (band.from, band.to)).collect::<Vec<_>>(), [(1_000, 1_499)]);
    }
}
