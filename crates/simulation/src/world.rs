//! What all parts of a run share: its chance, its time, its trace, and the judge who looks at every step.
//! It does not know nodes, clients or the bank.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::chance::Chance;
use crate::faults::Faults;
use crate::judge::{Invariant, Violation};
use crate::plant::Plant;
use crate::trace::{Trace, digest};

/// When every run begins.
const BEGINS_AT_S: i64 = 1_795_737_600;

/// One run.
pub struct World {
    pub seed: u64,
    pub faults: Faults,
    pub plant: Option<Plant>,
    /// Decides who goes first and what fails.
    pub chance: Chance,
    pub trace: Trace,
    calm: AtomicBool,
    now: Mutex<Timestamp>,
    strayed_at: Mutex<Timestamp>,
    found: Mutex<Option<Violation>>,
}

impl World {
    pub fn new(seed: u64, faults: Faults, plant: Option<Plant>, is_told: bool) -> Self {
        Self {
            seed,
            faults,
            plant,
            chance: Chance::new(seed, "world"),
            trace: Trace::new(is_told),
            calm: AtomicBool::new(true),
            now: Mutex::new(Timestamp::from_second(BEGINS_AT_S).unwrap_or(Timestamp::UNIX_EPOCH)),
            strayed_at: Mutex::new(Timestamp::UNIX_EPOCH),
            found: Mutex::default(),
        }
    }

    /// Time as it is outside of nodes, whose own clocks may be ahead by a moment.
    pub fn now(&self) -> Timestamp {
        *self.now.lock()
    }

    pub fn pass(&self, time: Duration) {
        let mut now = self.now.lock();
        *now = now.saturating_add(time).unwrap_or(Timestamp::MAX);
    }

    /// A node is ahead of the others now.
    pub fn strayed(&self) {
        *self.strayed_at.lock() = self.now();
    }

    pub fn strayed_at(&self) -> Timestamp {
        *self.strayed_at.lock()
    }

    /// While it is calm, nothing fails.
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::Relaxed);
    }

    /// Whether something with this rate goes wrong now.
    pub fn fails(&self, rate: u64) -> bool {
        !self.is_calm() && self.chance.per_mille(rate)
    }

    /// An invariant does not hold. The first one counts, and the run ends.
    pub fn violated(&self, invariant: Invariant, detail: String) {
        let mut found = self.found.lock();
        if found.is_none() {
            self.trace.step(self.now(), "judge", digest(&detail), || format!("VIOLATED {invariant:?}: {detail}"));
            *found = Some(Violation { invariant, detail });
        }
    }

    pub fn violation(&self) -> Option<Violation> {
        self.found.lock().clone()
    }

    pub fn is_over(&self) -> bool {
        self.found.lock().is_some()
    }
}
