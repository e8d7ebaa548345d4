//! How Redis does, as numbers for graphs and alarms.
//! It does not judge them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform::http::metrics::Registry;

use super::line::{Counts, Line};

type Read = fn(&Counts) -> &AtomicU64;

/// Not one that keeps the connection: metrics may outlive it.
pub fn show(line: &Arc<Line>, registry: &Registry) {
    let weak = Arc::downgrade(line);
    registry.gauge("redis_up", "1 when Redis answers in time, else 0.", move || {
        let is_well = weak.upgrade().is_some_and(|line| line.is_up() && line.trouble().is_none());
        f64::from(u8::from(is_well))
    });
    let counts: [(&'static str, Read); 5] = [
        ("answered", |counts| &counts.answered),
        ("late", |counts| &counts.late),
        ("broken", |counts| &counts.broken),
        ("refused", |counts| &counts.refused),
        ("unasked", |counts| &counts.unasked),
    ];
    let help = "Questions to Redis by what became of them; but for `answered`, this node decided alone.";
    for (outcome, read) in counts {
        let weak = Arc::downgrade(line);
        registry.gauge_with("redis_questions_total", help, &[("outcome", outcome)], move || {
            weak.upgrade().map_or(0.0, |line| shown(read(&line.counts)))
        });
    }
    let weak = Arc::downgrade(line);
    registry.gauge("redis_connections_total", "Connections to Redis made so far.", move || {
        weak.upgrade().map_or(0.0, |line| shown(&line.counts.connected))
    });
}

#[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
fn shown(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}
