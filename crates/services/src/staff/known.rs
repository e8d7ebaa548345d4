//! Tokens that were found good a moment ago, so that a busy client does not ask the store every time.
//! It holds hashes only, and not for long: a key that is removed stops working within the second.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::StaffId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Less than a second, also for a token that was looked up right before it was removed elsewhere.
pub const KNOWN_FOR: Duration = Duration::from_millis(800);
/// Beyond it all are forgotten and asked for again.
const TOKENS_MAX: usize = 1_024;

#[derive(Default)]
pub struct Known(Mutex<Tokens>);

#[derive(Default)]
struct Tokens {
    owners: BTreeMap<[u8; 32], (StaffId, Instant)>,
    /// How often all were forgotten.
    forgotten: u64,
}

/// When the store was asked, before it answered.
#[derive(Clone, Copy)]
pub struct Asked {
    at: Instant,
    forgotten: u64,
}

impl Known {
    pub fn get(&self, hash: &[u8; 32]) -> Option<StaffId> {
        let tokens = self.0.lock();
        let (staff, asked_at) = tokens.owners.get(hash)?;
        (asked_at.elapsed() < KNOWN_FOR).then(|| staff.clone())
    }

    /// The store is about to be asked.
    pub fn asked(&self) -> Asked {
        Asked { at: Instant::now(), forgotten: self.0.lock().forgotten }
    }

    /// Keeps what the store said, unless something was removed since it was asked.
    pub fn insert(&self, hash: [u8; 32], staff: StaffId, asked: Asked) {
        let tokens = &mut *self.0.lock();
        if tokens.forgotten != asked.forgotten {
            return;
        }
        if tokens.owners.len() >= TOKENS_MAX && !tokens.owners.contains_key(&hash) {
            tokens.owners.clear();
        }
        tokens.owners.insert(hash, (staff, asked.at));
    }

    /// Something was removed in this process: from now on it does not work.
    pub fn clear(&self) {
        let tokens = &mut *self.0.lock();
        tokens.owners.clear();
        tokens.forgotten += 1;
    }
}
