//! Forms that were sent a moment ago, so that a double click does nothing twice where a service cannot tell.
//! It remembers a bounded number of them, and only while this process lives.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// Forms that are remembered at a time.
const SEEN_MAX: usize = 4_096;

#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<VecDeque<String>>>);

impl Seen {
    /// Whether this form comes for the first time.
    pub fn first(&self, once: &str) -> bool {
        let mut seen = self.0.lock();
        if seen.iter().any(|known| known == once) {
            return false;
        }
        if seen.len() >= SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back(once.to_owned());
        true
    }

    /// What it asked for was not done: it may come again.
    pub fn forget(&self, once: &str) {
        self.0.lock().retain(|known| known != once);
    }
}
