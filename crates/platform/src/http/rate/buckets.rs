//! The buckets of one process.
//! It does not know whose they are: a client is a number.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Level, Policy, micros};

pub struct Buckets {
    began: Instant,
    clients_max: usize,
    generations: Mutex<Generations>,
}

/// When each client's bucket is full again, in microseconds since the process began (GCRA's theoretical arrival time).
/// Two generations, so that forgetting costs nothing: when the young one is full, the old one goes.
#[derive(Default)]
struct Generations {
    young: HashMap<u128, u64>,
    old: HashMap<u128, u64>,
}

impl Buckets {
    pub fn new(clients_max: usize) -> Buckets {
        Buckets { began: Instant::now(), clients_max, generations: Mutex::default() }
    }

    /// Takes one from each, or from none when one is empty.
    pub fn take(&self, clients: &[u128], policy: &Policy) -> Vec<Level> {
        let now = micros(self.began.elapsed());
        let (window, each) = (policy.window_us(), policy.each_us());
        let mut buckets = self.generations.lock();
        let full_at: Vec<u64> = clients.iter().map(|client| buckets.get(*client).unwrap_or(0).max(now)).collect();
        let is_empty = |full_at: &u64| full_at + each - now > window;
        let refused = full_at.iter().any(is_empty);
        let levels = clients.iter().zip(&full_at).map(|(client, full_at)| {
            let after = full_at + each;
            // Also when nothing is taken, so that who asks often is remembered longest.
            let kept = if refused { *full_at } else { after };
            buckets.put(*client, kept, self.clients_max);
            let retry_in = is_empty(full_at).then(|| Duration::from_micros(after - now - window));
            Level { full_in: Duration::from_micros(kept - now), retry_in }
        });
        levels.collect()
    }

    /// Puts one back into each.
    pub fn give_back(&self, clients: &[u128], policy: &Policy) {
        let now = micros(self.began.elapsed());
        let mut buckets = self.generations.lock();
        for client in clients {
            if let Some(full_at) = buckets.get(*client) {
                buckets.put(*client, full_at.saturating_sub(policy.each_us()).max(now), self.clients_max);
            }
        }
    }
}

impl Generations {
    fn get(&self, client: u128) -> Option<u64> {
        self.young.get(&client).or_else(|| self.old.get(&client)).copied()
    }

    fn put(&mut self, client: u128, full_at: u64, clients_max: usize) {
        if self.young.len() >= clients_max / 2 && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let policy = Policy { name: "default", quota: 3, window: Duration::from_secs(30) };
        let buckets = Buckets::new(100);
        for client in 0..1_000 {
            buckets.take(&[client], &policy);
            buckets.take(&[u128::MAX], &policy);
        }
        let generations = buckets.generations.lock();
        assert!(generations.young.len() + generations.old.len() <= 100);
        drop(generations);
        assert!(buckets.take(&[u128::MAX], &policy)[0].retry_in.is_some());
    }
}
