//! The trace of a run: a hash over every step, and the last steps as text where somebody wants to read them.
//! It does not know what a step means.

use std::collections::VecDeque;

use jiff::Timestamp;
use parking_lot::Mutex;

/// Lines that are kept for reading.
const LINES_KEPT: usize = 400;

/// What happened, step by step.
#[derive(Debug)]
pub struct Trace {
    is_told: bool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    hash: u64,
    steps: u64,
    lines: VecDeque<String>,
}

impl Trace {
    /// `is_told`: keep lines to read, not only the hash. Costs time; the run is the same.
    pub fn new(is_told: bool) -> Self {
        let inner = Inner { hash: 0xcbf2_9ce4_8422_2325, steps: 0, lines: VecDeque::new() };
        Self { is_told, inner: Mutex::new(inner) }
    }

    /// One step: `digest` goes into the hash, the text is made only where it is kept.
    pub fn step(&self, at: Timestamp, who: &str, digest: u64, text: impl FnOnce() -> String) {
        let inner = &mut *self.inner.lock();
        inner.steps += 1;
        for word in [at.as_microsecond().cast_unsigned(), digest] {
            for byte in word.to_le_bytes() {
                inner.hash = (inner.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        if self.is_told {
            if inner.lines.len() == LINES_KEPT {
                inner.lines.pop_front();
            }
            inner.lines.push_back(format!("{:>7} {at:.6} {who:<8} {}", inner.steps, text()));
        }
    }

    pub fn hash(&self) -> u64 {
        self.inner.lock().hash
    }

    pub fn steps(&self) -> u64 {
        self.inner.lock().steps
    }

    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let inner = self.inner.lock();
        inner.lines.iter().skip(inner.lines.len().saturating_sub(count)).cloned().collect()
    }
}

/// A number that stands for a text in the hash.
pub fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
