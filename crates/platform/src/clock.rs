//! Wall-clock time as a port, so that a test can decide what time it is.
//! It knows nothing of timers: waiting is `tokio::time`, which tests pause.

use jiff::Timestamp;
use parking_lot::Mutex;

/// Tells the time in UTC, in whole microseconds.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> Timestamp {
        whole_micros(Timestamp::now())
    }
}

/// A clock that stands where it was put and moves only when it is told to, or with tokio's paused time.
#[derive(Debug)]
pub struct ManualClock {
    start: Mutex<Timestamp>,
    origin: tokio::time::Instant,
}

impl ManualClock {
    /// Starts at `start`; from there it follows tokio's clock, which stands still while time is paused.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start: Mutex::new(whole_micros(start)), origin: tokio::time::Instant::now() }
    }

    /// Moves this clock alone; timers do not notice.
    pub fn advance(&self, by: std::time::Duration) {
        let mut start = self.start.lock();
        *start = start.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let passed = self.origin.elapsed();
        whole_micros(self.start.lock().checked_add(passed).unwrap_or(Timestamp::MAX))
    }
}

/// Stores keep microseconds; a time that was written must compare equal to the one that is read.
pub fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
