//! Numbers that look random and are the same each time.
//! It is no source of secrets, and it does not know what is drawn.

/// A sequence that its seed decides.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Neighbouring seeds give sequences that have nothing to do with each other.
    pub fn new(seed: u64) -> Self {
        // The last steps of SplitMix64 (Steele, Lea and Flood, 2014).
        let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }

    /// From 0 to `end`, without it; `end` is at most 2³¹.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// As `below`, for indexes.
    pub fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or(0)
    }

    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.index(of.len())]
    }

    /// Yes, so often in a hundred.
    pub fn percent(&mut self, yes: u64) -> bool {
        self.below(100) < yes
    }

    /// Another sequence, decided by this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.0 ^ self.below(1 << 31))
    }
}
