//! How replicas do, as numbers for graphs and alarms.
//! It does not judge them.

use std::sync::Arc;

use platform::http::metrics::Registry;

use super::Replicas;
use super::replica::Replica;

type Read = fn(&Replica) -> u64;

/// Not one that keeps the replicas: metrics may outlive them.
pub fn show(replicas: &Arc<Replicas>, registry: &Registry) {
    for replica in replicas.all() {
        let name = replica.name();
        let labels = [("replica", name)];
        let weak = Arc::downgrade(replica);
        let help = "How old what a replica has is at most.";
        registry.gauge_with("replica_lag_seconds", help, &labels, move || {
            let lag = weak.upgrade().and_then(|replica| replica.lag());
            lag.map_or(f64::NAN, |lag| lag.as_secs_f64())
        });
        let weak = Arc::downgrade(replica);
        let help = "1 when lists are read from a replica, else 0.";
        registry.gauge_with("replica_in_rotation", help, &labels, move || {
            f64::from(u8::from(weak.upgrade().is_some_and(|replica| replica.is_in_rotation())))
        });
        let outcomes: [(&str, Read); 3] =
            [("answered", Replica::reads), ("behind", Replica::behind), ("failed", Replica::failures)];
        for (outcome, read) in outcomes {
            let weak = Arc::downgrade(replica);
            let help =
                "Lists that a replica was asked for, by what became of it; but for `answered`, another one was asked.";
            let labels = [("replica", name), ("outcome", outcome)];
            registry.gauge_with("replica_reads_total", help, &labels, move || {
                weak.upgrade().map_or(0.0, |replica| shown(read(&replica)))
            });
        }
    }
    let weak = Arc::downgrade(replicas);
    let help = "Lists that the primary had to answer, because no replica could.";
    registry.gauge("replica_reads_by_primary_total", help, move || {
        weak.upgrade().map_or(0.0, |replicas| shown(replicas.by_primary()))
    });
}

#[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
fn shown(count: u64) -> f64 {
    count as f64
}
