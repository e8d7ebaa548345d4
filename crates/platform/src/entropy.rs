//! Randomness as a port, so that a seeded run makes the same ids twice.
//! It knows nothing of what the bytes become.

use std::sync::Arc;

use parking_lot::Mutex;

/// Fills buffers with bytes that nobody can predict.
pub trait Entropy: Send + Sync {
    fn fill(&self, buffer: &mut [u8]);
}

/// Draws `N` bytes.
pub fn draw<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// The operating system's generator.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done without it.
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

/// Draws much at once and gives it away in pieces, each byte once: a call of the operating system for a hundred requests.
/// For names, not for keys: what is drawn lies in memory until it is given away.
pub struct Buffered {
    source: Arc<dyn Entropy>,
    left: Mutex<Vec<u8>>,
}

impl Buffered {
    const BYTES: usize = 4_096;

    pub fn new(source: Arc<dyn Entropy>) -> Self {
        Self { source, left: Mutex::default() }
    }
}

impl Entropy for Buffered {
    fn fill(&self, buffer: &mut [u8]) {
        let mut left = self.left.lock();
        for chunk in buffer.chunks_mut(Self::BYTES) {
            if left.len() < chunk.len() {
                left.resize(Self::BYTES, 0);
                self.source.fill(&mut left);
            }
            let rest = left.len() - chunk.len();
            chunk.copy_from_slice(&left[rest..]);
            left.truncate(rest);
        }
    }
}

/// The same bytes for the same seed. For tests only: SplitMix64 is predictable.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock();
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_buffered_is_given_away_once() {
        let buffered = Buffered::new(Arc::new(SeededEntropy::new(1)));
        let mut seen: Vec<[u8; 24]> = (0..1_000).map(|_| draw(&buffered)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 1_000);
        let mut much = vec![0; 3 * Buffered::BYTES + 1];
        buffered.fill(&mut much);
        assert!(much.chunks(64).all(|bytes| bytes.iter().any(|byte| *byte > 0)));
    }
}
