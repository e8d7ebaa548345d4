//! When each request is due: at a steady rate, whatever the shop does, or as soon as the one before was answered.
//! It does not send anything. At a rate, time is counted from when a request was due, not from when it could be sent, so
//! that a shop that stalls cannot hide it by keeping the generator from asking (Gil Tene's "coordinated omission").

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The pause between two looks at what is due. A runtime's own timer has the grain of a millisecond, which is as long
/// as a good answer takes.
const TICK: Duration = Duration::from_micros(100);

/// When a load begins to count, and when it ends.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub begins: Instant,
    pub counts_from: Instant,
    pub ends: Instant,
}

impl Window {
    pub fn from_now(warm_up: Duration, duration: Duration) -> Self {
        let begins = Instant::now();
        let counts_from = begins + warm_up;
        Self { begins, counts_from, ends: counts_from + duration }
    }

    fn counts(&self, due: Instant) -> bool {
        due >= self.counts_from && due < self.ends
    }
}

/// One request's place in the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    pub number: u64,
    pub due: Instant,
    /// It is not part of the warm-up.
    pub counts: bool,
}

/// Hands out turns to everyone who asks.
#[derive(Debug)]
pub struct Pace {
    window: Window,
    taken: AtomicU64,
    by: By,
}

#[derive(Debug)]
enum By {
    Answers,
    Rate { per_second: f64, due: Arc<Semaphore>, is_over: Arc<AtomicBool> },
}

impl Pace {
    /// As fast as answers come.
    pub fn by_answers(window: Window) -> Self {
        Self { window, taken: AtomicU64::new(0), by: By::Answers }
    }

    /// So many per second, on a thread that only keeps the time.
    pub fn by_rate(window: Window, per_second: f64) -> std::io::Result<Self> {
        let due = Arc::new(Semaphore::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let (released, over) = (due.clone(), is_over.clone());
        let keep_time = move || release(window, per_second, &released, &over);
        std::thread::Builder::new().name("pace".to_owned()).spawn(keep_time)?;
        Ok(Self { window, taken: AtomicU64::new(0), by: By::Rate { per_second, due, is_over } })
    }

    /// Waits until the next request is due; `None` when the time is over.
    pub async fn turn(&self) -> Option<Turn> {
        let take = || self.taken.fetch_add(1, Ordering::Relaxed);
        let (number, due) = match &self.by {
            By::Answers => {
                let now = Instant::now();
                (now < self.window.ends).then(|| (take(), now))?
            }
            By::Rate { per_second, due, .. } => {
                due.acquire().await.ok()?.forget();
                let number = take();
                (number, self.window.begins + time_of(number, *per_second))
            }
        };
        Some(Turn { number, due, counts: self.window.counts(due) })
    }

    /// Whether this is the time that is measured.
    pub fn is_measured(&self) -> bool {
        self.window.counts(Instant::now())
    }

    /// When the time was over: what was due within the measured time and nobody took.
    pub fn left_over(&self) -> Vec<Turn> {
        let By::Rate { per_second, .. } = &self.by else { return Vec::new() };
        let turns = (self.taken.load(Ordering::Relaxed)..).map(|number| {
            let due = self.window.begins + time_of(number, *per_second);
            Turn { number, due, counts: self.window.counts(due) }
        });
        turns.take_while(|turn| turn.due < self.window.ends).filter(|turn| turn.counts).collect()
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let By::Rate { is_over, .. } = &self.by {
            is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// When the n-th request is due, from the beginning.
fn time_of(number: u64, per_second: f64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "requests of one run are fewer than 2^52")]
    Duration::from_secs_f64(number as f64 / per_second)
}

/// Until the end: lets those go whose time has come.
#[expect(clippy::disallowed_methods, reason = "a thread of its own, because a runtime's timer is too coarse")]
fn release(window: Window, per_second: f64, due: &Semaphore, is_over: &AtomicBool) {
    let mut released = 0_u64;
    loop {
        let now = Instant::now();
        if now >= window.ends || is_over.load(Ordering::Relaxed) {
            due.close();
            return;
        }
        let since = now.saturating_duration_since(window.begins).as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count, rounded down")]
        let reached = (since * per_second) as u64 + 1;
        // As many as a semaphore takes at once are never due within a tick.
        due.add_permits(usize::try_from(reached - released).unwrap_or(0));
        released = reached;
        let next = window.begins + time_of(released, per_second);
        std::thread::sleep(next.saturating_duration_since(Instant::now()).clamp(TICK, Duration::from_millis(50)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_due_one_after_another_however_late_they_are_taken() {
        let window = Window::from_now(Duration::from_millis(20), Duration::from_millis(80));
        let pace = Pace::by_rate(window, 1_000.0).unwrap();
        let mut turns = Vec::new();
        while let Some(turn) = pace.turn().await {
            turns.push(turn);
            if turns.len() == 10 {
                break;
            }
        }
        for (number, turn) in turns.iter().enumerate() {
            assert_eq!(turn.number, number as u64);
            assert_eq!(turn.due, window.begins + Duration::from_millis(number as u64));
            assert!(!turn.counts, "within the warm-up");
        }
        tokio::time::sleep_until(window.ends + Duration::from_millis(1)).await;
        // Ten were taken; the other ninety of 100 ms were not, eighty of them within the measured time.
        assert_eq!(pace.left_over().len(), 80);
    }

    #[tokio::test]
    async fn without_a_rate_a_turn_is_due_when_it_is_asked_for() {
        let window = Window::from_now(Duration::ZERO, Duration::from_millis(5));
        let pace = Pace::by_answers(window);
        let first = pace.turn().await.unwrap();
        assert!(first.counts && first.due >= window.begins);
        tokio::time::sleep_until(window.ends).await;
        assert_eq!(pace.turn().await, None);
        assert!(pace.left_over().is_empty());
    }
}
