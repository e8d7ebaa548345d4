//! The kept values, bounded in bytes, found by key and forgotten by tag.
//! It does not know how they were loaded. Eviction is SIEVE (Zhang et al., NSDI 2024): a hit only sets a mark.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use super::Weigh;

/// What the bookkeeping of an entry takes, roughly.
const OVERHEAD_BYTES: usize = 256;
/// One value may take this part of the whole; a larger one is not kept.
const SHARE_MAX: usize = 4;

pub(super) struct Shelf<V> {
    bytes_max: usize,
    bytes: usize,
    entries: HashMap<Arc<str>, Entry<V>>,
    /// From the oldest to the newest.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
    /// Where the search for something to evict goes on.
    hand: u64,
    by_tag: HashMap<String, BTreeSet<Arc<str>>>,
}

struct Entry<V> {
    value: V,
    weight: usize,
    expires: Instant,
    tags: Vec<String>,
    nth: u64,
    /// Asked for since the hand came by.
    wanted: AtomicBool,
}

impl<V: Weigh + Clone> Shelf<V> {
    pub fn new(bytes_max: usize) -> Shelf<V> {
        Shelf {
            bytes_max,
            bytes: 0,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
            hand: 0,
            by_tag: HashMap::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn get(&self, key: &str, now: Instant) -> Option<V> {
        let entry = self.entries.get(key).filter(|entry| entry.expires > now)?;
        // Written only when it changes, so that readers do not fight over the line.
        if !entry.wanted.load(Ordering::Relaxed) {
            entry.wanted.store(true, Ordering::Relaxed);
        }
        Some(entry.value.clone())
    }

    /// Keeps a value. Answers how many others had to go.
    pub fn put(&mut self, key: &Arc<str>, value: V, expires: Instant, tags: Vec<String>) -> usize {
        self.remove(key);
        let weight = value.weight() + key.len() + tags.iter().map(|tag| 2 * tag.len()).sum::<usize>() + OVERHEAD_BYTES;
        if weight > self.bytes_max / SHARE_MAX {
            return 0;
        }
        let mut evicted = 0;
        while self.bytes + weight > self.bytes_max && self.evict() {
            evicted += 1;
        }
        for tag in &tags {
            self.by_tag.entry(tag.clone()).or_default().insert(Arc::clone(key));
        }
        let nth = self.next;
        self.next += 1;
        self.bytes += weight;
        self.order.insert(nth, Arc::clone(key));
        let entry = Entry { value, weight, expires, tags, nth, wanted: AtomicBool::new(false) };
        self.entries.insert(Arc::clone(key), entry);
        evicted
    }

    pub fn remove(&mut self, key: &str) -> bool {
        let Some(entry) = self.entries.remove(key) else { return false };
        self.bytes -= entry.weight;
        self.order.remove(&entry.nth);
        for tag in &entry.tags {
            if let Some(keys) = self.by_tag.get_mut(tag) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_tag.remove(tag);
                }
            }
        }
        true
    }

    pub fn forget_tag(&mut self, tag: &str) -> usize {
        let keys = self.by_tag.remove(tag).unwrap_or_default();
        keys.iter().filter(|key| self.remove(key)).count()
    }

    pub fn clear(&mut self) -> usize {
        let count = self.entries.len();
        *self = Shelf::new(self.bytes_max);
        count
    }

    /// Lets one go: the next that nobody wanted since the hand came by last, or that has expired.
    fn evict(&mut self) -> bool {
        let now = Instant::now();
        loop {
            let here = self.order.range(self.hand..).next().or_else(|| self.order.iter().next());
            let Some((nth, key)) = here.map(|(nth, key)| (*nth, Arc::clone(key))) else { return false };
            self.hand = nth + 1;
            let stays = self
                .entries
                .get(&key)
                .is_some_and(|entry| entry.wanted.swap(false, Ordering::Relaxed) && entry.expires > now);
            if !stays {
                return self.remove(&key);
            }
        }
    }
}
