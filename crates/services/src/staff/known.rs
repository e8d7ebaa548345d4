//! Tokens that were found good a moment ago, so that a busy client does not ask the store every time.
//! It holds hashes only, and not for long: a key that is removed stops working within the second.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::StaffId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Less than a second, also for a token that was looked up right before it was removed elsewhere.
const KNOWN_FOR: Duration = Duration::from_millis(800);
/// Beyond it all are forgotten and asked for again.
const TOKENS_MAX: usize = 1_024;

#[derive(Default)]
pub struct Known(Mutex<BTreeMap<[u8; 32], (StaffId, Instant)>>);

impl Known {
    pub fn get(&self, hash: &[u8; 32]) -> Option<StaffId> {
        let tokens = self.0.lock();
        let (staff, asked_at) = tokens.get(hash)?;
        (asked_at.elapsed() < KNOWN_FOR).then(|| staff.clone())
    }

    /// `asked_at`: when the store was asked, before it answered.
    pub fn insert(&self, hash: [u8; 32], staff: StaffId, asked_at: Instant) {
        let mut tokens = self.0.lock();
        if tokens.len() >= TOKENS_MAX && !tokens.contains_key(&hash) {
            tokens.clear();
        }
        tokens.insert(hash, (staff, asked_at));
    }

    /// Something was removed in this process: from now on it does not work.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}
