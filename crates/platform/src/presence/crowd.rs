//! How many came by in this process, each counted once, and whom others were not told of yet.
//! It does not know who they are. Asked for each page that is shown, so it does little.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::WITHIN;

/// Whoever comes again within this time is not told of again.
const SLOT: Duration = Duration::from_secs(30);
/// Those who came within the time that counts; of more, no more are counted.
pub const MARKS_MAX: usize = 100_000;

pub struct Crowd {
    began: Instant,
    marks: Mutex<Marks>,
}

#[derive(Default)]
struct Marks {
    /// In which slot each came last.
    seen: HashMap<u64, u64>,
    untold: Vec<u64>,
    swept_in: u64,
}

impl Default for Crowd {
    fn default() -> Self {
        Crowd { began: Instant::now(), marks: Mutex::default() }
    }
}

impl Crowd {
    /// `is_to_be_told`: whether there are others.
    pub fn came(&self, mark: u64, is_to_be_told: bool, counts: impl FnOnce() -> bool) {
        let slot = self.slot();
        let marks = &mut *self.marks.lock();
        if marks.seen.get(&mark) == Some(&slot) || !counts() {
            return;
        }
        if marks.seen.len() < MARKS_MAX || marks.seen.contains_key(&mark) {
            marks.seen.insert(mark, slot);
        }
        if is_to_be_told && marks.untold.len() < MARKS_MAX {
            marks.untold.push(mark);
        }
    }

    pub fn count(&self) -> u64 {
        let slot = self.slot();
        let marks = self.marks.lock();
        marks.seen.values().filter(|seen| still_counts(**seen, slot)).count() as u64
    }

    pub fn take_untold(&self) -> Vec<u64> {
        std::mem::take(&mut self.marks.lock().untold)
    }

    /// They could not be told of.
    pub fn put_back(&self, mut untold: Vec<u64>) {
        let marks = &mut *self.marks.lock();
        untold.append(&mut marks.untold);
        untold.truncate(MARKS_MAX);
        marks.untold = untold;
    }

    /// Forgets those who came too long ago, once in a while.
    pub fn sweep(&self) {
        let slot = self.slot();
        let marks = &mut *self.marks.lock();
        if marks.swept_in != slot {
            marks.swept_in = slot;
            marks.seen.retain(|_, seen| still_counts(*seen, slot));
        }
    }

    fn slot(&self) -> u64 {
        self.began.elapsed().as_secs() / SLOT.as_secs()
    }
}

fn still_counts(seen: u64, now: u64) -> bool {
    now - seen.min(now) <= WITHIN.as_secs() / SLOT.as_secs()
}
