//! Counts failed sign-ins per e-mail address, and locks out for a while who fails too often.
//! It does not know whether such a member of staff exists. The count is this process's own and ends with it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Failures after which nobody signs in with an e-mail address…
pub const FAILURES_MAX: usize = 10;
/// …until the oldest of them is this long ago.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// E-mail addresses that are counted at a time; beyond it the one that failed longest ago is forgotten.
const EMAILS_MAX: usize = 10_000;

type EmailHash = [u8; 32];

#[derive(Default)]
pub struct Attempts(Mutex<BTreeMap<EmailHash, VecDeque<Instant>>>);

impl Attempts {
    /// Counts an attempt as failed until it succeeds, so that many at once do not slip through.
    ///
    /// # Errors
    /// How long to wait, in seconds.
    pub fn begin(&self, email: EmailHash) -> Result<(), u32> {
        let now = Instant::now();
        let mut emails = self.0.lock();
        if emails.len() >= EMAILS_MAX && !emails.contains_key(&email) {
            forget_one(&mut emails, now);
        }
        let failures = emails.entry(email).or_default();
        while failures.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            failures.pop_front();
        }
        match failures.front() {
            Some(oldest) if failures.len() >= FAILURES_MAX => {
                let wait = WINDOW.saturating_sub(now.duration_since(*oldest));
                Err(u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX))
            }
            _ => {
                failures.push_back(now);
                Ok(())
            }
        }
    }

    /// The attempt succeeded, or the password was changed: nothing is held against this address.
    pub fn forgive(&self, email: EmailHash) {
        self.0.lock().remove(&email);
    }

    /// The attempt came to no answer; it does not count.
    pub fn withdraw(&self, email: EmailHash) {
        let mut emails = self.0.lock();
        if let Some(failures) = emails.get_mut(&email) {
            failures.pop_back();
            if failures.is_empty() {
                emails.remove(&email);
            }
        }
    }
}

fn forget_one(emails: &mut BTreeMap<EmailHash, VecDeque<Instant>>, now: Instant) {
    emails.retain(|_, failures| failures.back().is_some_and(|at| now.duration_since(*at) < WINDOW));
    if emails.len() >= EMAILS_MAX {
        let longest_ago = emails.iter().min_by_key(|(_, failures)| failures.back().copied()).map(|(email, _)| *email);
        if let Some(email) = longest_ago {
            emails.remove(&email);
        }
    }
}
