//! One replica: whether it may be asked, and why not.
//! It does not find that out by itself; those who look and those who read tell it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::pool::Pool;
use super::course::Age;

/// How long a replica is left alone when a read on it failed, though it may answer those who look after it.
const REST: Duration = Duration::from_secs(1);

pub struct Replica {
    name: String,
    pub(in super::super) pool: Pool,
    max_lag: Duration,
    standing: Mutex<Standing>,
    reads: AtomicU64,
    behind: AtomicU64,
    failures: AtomicU64,
}

struct Standing {
    /// It has everything that the primary had then.
    whole_until: Option<Instant>,
    /// As it was found when it was last looked at.
    trouble: Option<String>,
    /// Until then, because a read failed.
    rest: Option<(Instant, String)>,
    /// What was last logged: whether it is in the rotation.
    told: Option<bool>,
}

impl Replica {
    pub(super) fn new(name: String, pool: Pool, max_lag: Duration) -> Self {
        let trouble = Some("it was not reached yet".to_owned());
        let standing = Standing { whole_until: None, trouble, rest: None, told: None };
        let standing = Mutex::new(standing);
        let (reads, behind, failures) = Default::default();
        Self { name, pool, max_lag, standing, reads, behind, failures }
    }

    /// Host and port.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_in_rotation(&self) -> bool {
        self.standing.lock().trouble().is_none()
    }

    /// Why it is not in the rotation.
    pub fn trouble(&self) -> Option<String> {
        self.standing.lock().trouble().map(ToOwned::to_owned)
    }

    /// How old what it has is at most (at least, where it was behind before anybody looked); grows while it does not
    /// answer. `None` before it ever did.
    pub fn lag(&self) -> Option<Duration> {
        self.standing.lock().whole_until.map(|until| until.elapsed())
    }

    /// Reads that it answered, since start.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Reads that it could not answer because it had not come so far.
    pub fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Reads that failed on it, or came too late.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn count_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_behind(&self) {
        self.behind.fetch_add(1, Ordering::Relaxed);
    }

    /// A read failed; with the connection, if the replica should be left alone for a while.
    pub(super) fn count_failure(&self, why: Option<String>) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(why) = why {
            let standing = &mut *self.standing.lock();
            standing.rest = Some((Instant::now() + REST, why));
            standing.tell(&self.name);
        }
    }

    /// It was looked at: it follows, and what it has is so old.
    pub(super) fn is_so_old(&self, age: Age) {
        let standing = &mut *self.standing.lock();
        let max_lag = self.max_lag.as_secs_f64();
        let (until, trouble) = match age {
            Age::Unknown => (None, Some("how far the primary is, is not known yet".to_owned())),
            Age::OlderThan(moment) => {
                let lag = moment.elapsed().as_secs_f64();
                (Some(moment), Some(format!("it is more than {lag:.1} s behind, {max_lag:.1} s at most")))
            }
            Age::WholeUntil(moment) => {
                let lag = moment.elapsed();
                let is_old = lag > self.max_lag;
                let told = || format!("it is {:.1} s behind, {max_lag:.1} s at most", lag.as_secs_f64());
                (Some(moment), is_old.then(told))
            }
        };
        standing.trouble = trouble;
        standing.whole_until = until.or(standing.whole_until);
        standing.tell(&self.name);
    }

    /// Nobody asks any more. That is nothing to warn of.
    pub(super) fn close(&self) {
        let standing = &mut *self.standing.lock();
        (standing.trouble, standing.told) = (Some("the store was closed".to_owned()), Some(false));
        self.pool.close();
    }

    /// It was looked at, and cannot be asked.
    pub(super) fn leave(&self, why: String) {
        let standing = &mut *self.standing.lock();
        standing.trouble = Some(why);
        standing.tell(&self.name);
    }
}

impl Standing {
    fn trouble(&self) -> Option<&str> {
        let rest = self.rest.as_ref().filter(|(until, _)| *until > Instant::now());
        self.trouble.as_deref().or(rest.map(|(_, why)| &**why))
    }

    /// Logs whether it is in the rotation, where that has changed.
    fn tell(&mut self, replica: &str) {
        let trouble = self.trouble().map(ToOwned::to_owned);
        let is_in_rotation = trouble.is_none();
        if self.told.replace(is_in_rotation) == Some(is_in_rotation) {
            return;
        }
        match trouble {
            None => tracing::info!(replica, "lists are read from this replica"),
            Some(reason) => tracing::warn!(replica, reason, "lists are not read from this replica"),
        }
    }
}
