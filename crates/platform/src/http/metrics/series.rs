//! A counter and a histogram that many threads can add to.
//! They do not know their names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// From half a millisecond to ten seconds.
pub const LATENCY_BUCKETS_S: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Rises only.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often a value fell into which range.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: &'static [f64],
    /// One for each bound, and one above them.
    counts: Vec<AtomicU64>,
    /// In millionths: enough for latencies, and exact under concurrent adding.
    sum_millionths: AtomicU64,
}

pub(super) struct Snapshot {
    pub cumulative: Vec<(Option<f64>, u64)>,
    pub sum: f64,
    pub count: u64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram(Arc::new(Inner { bounds, counts, sum_millionths: AtomicU64::new(0) }))
    }

    /// Adds a value; one below zero counts as zero.
    pub fn observe(&self, value: f64) {
        let bucket = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast saturates")]
        let millionths = (value * 1e6).round() as u64;
        self.0.sum_millionths.fetch_add(millionths, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let bounds = self.0.bounds.iter().copied().map(Some).chain([None]);
        let mut count = 0;
        let cumulative = bounds
            .zip(&self.0.counts)
            .map(|(bound, here)| {
                count += here.load(Ordering::Relaxed);
                (bound, count)
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a sum for graphs")]
        let sum = self.0.sum_millionths.load(Ordering::Relaxed) as f64 / 1e6;
        Snapshot { cumulative, sum, count }
    }
}
