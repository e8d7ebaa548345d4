//! Chance: the one place that numbers are drawn from. The same seed and name draw the same numbers in the same order.
//! It does not know what is decided by them.

use std::ops::RangeInclusive;

use parking_lot::Mutex;

/// A sequence of numbers that follows from a seed (SplitMix64).
#[derive(Debug)]
pub struct Chance(Mutex<u64>);

impl Chance {
    /// Another name draws other numbers, so that one actor's draws do not shift another's.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut state = seed ^ 0x5851_f42d_4c95_7f2d;
        for byte in name.bytes() {
            state = mixed(state ^ u64::from(byte));
        }
        Self(Mutex::new(state))
    }

    pub fn draw(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(*state)
    }

    /// Where the sequence stands: equal in two runs as long as both drew alike.
    pub fn place(&self) -> u64 {
        *self.0.lock()
    }

    /// Below `limit`; 0 for a limit of 0.
    pub fn below(&self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.draw() % limit }
    }

    pub fn within(&self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// Yes this many times in a thousand.
    pub fn per_mille(&self, times: u64) -> bool {
        times > 0 && self.below(1_000) < times
    }

    pub fn one_of<'a, T>(&self, choices: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        &choices[index]
    }
}

fn mixed(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_draw_the_same_numbers_again() {
        let draw = |seed, name| {
            let chance = Chance::new(seed, name);
            (0..5).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, "disk"), draw(7, "disk"));
        assert_ne!(draw(7, "disk"), draw(7, "bank"));
        assert_ne!(draw(7, "disk"), draw(8, "disk"));
    }

    #[test]
    fn what_is_drawn_stays_within_its_bounds() {
        let chance = Chance::new(1, "bounds");
        assert!((0..1_000).all(|_| (3..=5).contains(&chance.within(3..=5))));
        assert!((0..100).all(|_| !chance.per_mille(0) && chance.per_mille(1_000)));
    }
}
