//! How well a cache does.
//! It does not know what is in it.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Cache, Weigh};
use crate::http::metrics::Registry;

#[derive(Debug, Default)]
pub struct Stats {
    hits: AtomicU64,
    misses: AtomicU64,
    joined: AtomicU64,
    failed: AtomicU64,
    overtaken: AtomicU64,
    evicted: AtomicU64,
    invalidated: AtomicU64,
}

/// Counted since the cache was made; entries and bytes are now's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatsNow {
    pub hits: u64,
    pub misses: u64,
    /// Misses that waited for someone else's load.
    pub joined: u64,
    pub failed: u64,
    /// Loads that were not kept because a tag was invalidated meanwhile.
    pub overtaken: u64,
    /// Dropped for want of room.
    pub evicted: u64,
    pub invalidated: u64,
    pub entries: usize,
    pub bytes: usize,
}

impl StatsNow {
    /// From 0 to 1; 0 before anyone has asked.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for graphs")]
    pub fn hit_ratio(&self) -> f64 {
        let all = self.hits + self.misses;
        if all == 0 { 0.0 } else { self.hits as f64 / all as f64 }
    }
}

impl Stats {
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn join(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn overtake(&self) {
        self.overtaken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn evict(&self, count: usize) {
        self.evicted.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn invalidate(&self, count: usize) {
        self.invalidated.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn now(&self, entries: usize, bytes: usize) -> StatsNow {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StatsNow {
            hits: read(&self.hits),
            misses: read(&self.misses),
            joined: read(&self.joined),
            failed: read(&self.failed),
            overtaken: read(&self.overtaken),
            evicted: read(&self.evicted),
            invalidated: read(&self.invalidated),
            entries,
            bytes,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers for graphs")]
pub(super) fn show<V>(registry: &Registry, name: &str, cache: Weak<Cache<V>>)
where
    V: Weigh + Clone + Send + Sync + 'static,
{
    type Reading = fn(StatsNow) -> f64;
    let shown: [(&'static str, &'static str, Reading); 5] = [
        ("cache_hit_ratio", "Part of the questions answered from the cache.", |now| now.hit_ratio()),
        ("cache_bytes", "What the cache holds.", |now| now.bytes as f64),
        ("cache_entries", "How many values the cache holds.", |now| now.entries as f64),
        ("cache_evicted", "Dropped for want of room so far.", |now| now.evicted as f64),
        ("cache_overtaken", "Loads not kept, because of an invalidation meanwhile, so far.", |now| {
            now.overtaken as f64
        }),
    ];
    for (metric, help, read) in shown {
        let cache = Weak::clone(&cache);
        registry.gauge_with(metric, help, &[("cache", name)], move || {
            cache.upgrade().map_or(0.0, |cache| read(cache.stats()))
        });
    }
}
