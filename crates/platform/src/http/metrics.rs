//! A small registry of counters, gauges and histograms, and their text for Prometheus.
//! It does not know what is counted, but for the requests of this server.

mod http;
mod series;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use parking_lot::RwLock;

pub use http::HttpMetrics;
pub use series::{Counter, Histogram, LATENCY_BUCKETS_S};

/// Label sets of one name; more are counted but not shown, so that no caller can fill the memory.
pub const SERIES_MAX: usize = 2_000;

type Reading = Box<dyn Fn() -> f64 + Send + Sync>;

enum Series {
    Counter(Counter),
    Gauge(Reading),
    Histogram(Histogram),
}

impl Series {
    fn kind(&self) -> &'static str {
        match self {
            Series::Counter(_) => "counter",
            Series::Gauge(_) => "gauge",
            Series::Histogram(_) => "histogram",
        }
    }
}

struct Family {
    help: &'static str,
    /// By their labels, as they are shown: `method="GET",route="/"`.
    series: BTreeMap<String, Series>,
}

/// All metrics of a process. Names as Prometheus has them: snake_case, unit last, counters end in `_total`.
#[derive(Default)]
pub struct Registry(RwLock<BTreeMap<&'static str, Family>>);

impl Registry {
    pub fn new() -> Arc<Registry> {
        Arc::new(Registry::default())
    }

    /// The counter of this name and these labels; made when it is first asked for. Keep it rather than ask each time.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        let get = |series: &Series| match series {
            Series::Counter(counter) => Some(counter.clone()),
            Series::Gauge(_) | Series::Histogram(_) => None,
        };
        self.known(name, labels, get).unwrap_or_else(|| {
            let new = Counter::default();
            self.add(name, help, labels, Series::Counter(new.clone()), get).unwrap_or(new)
        })
    }

    /// The histogram of this name and these labels, in buckets up to these bounds (ascending).
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        buckets: &'static [f64],
    ) -> Histogram {
        let get = |series: &Series| match series {
            Series::Histogram(histogram) => Some(histogram.clone()),
            Series::Gauge(_) | Series::Counter(_) => None,
        };
        self.known(name, labels, get).unwrap_or_else(|| {
            let new = Histogram::new(buckets);
            self.add(name, help, labels, Series::Histogram(new.clone()), get).unwrap_or(new)
        })
    }

    /// A value that is asked for whenever the metrics are read. The last one of a name counts.
    pub fn gauge(&self, name: &'static str, help: &'static str, read: impl Fn() -> f64 + Send + Sync + 'static) {
        self.gauge_with(name, help, &[], read);
    }

    /// The same with labels.
    pub fn gauge_with(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.add(name, help, labels, Series::Gauge(Box::new(read)), |_| None::<()>);
    }

    fn known<T>(
        &self,
        name: &'static str,
        labels: &[(&'static str, &str)],
        get: impl Fn(&Series) -> Option<T>,
    ) -> Option<T> {
        self.0.read().get(name)?.series.get(&shown(labels)).and_then(get)
    }

    /// Adds a series, unless there is one already that `get` takes; then that one is the answer.
    fn add<T>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        series: Series,
        get: impl Fn(&Series) -> Option<T>,
    ) -> Option<T> {
        let mut families = self.0.write();
        let family = families.entry(name).or_insert_with(|| Family { help, series: BTreeMap::new() });
        let labels = shown(labels);
        let known = family.series.get(&labels);
        if let Some(there) = known.and_then(get) {
            return Some(there);
        }
        if known.is_some() || family.series.len() < SERIES_MAX {
            family.series.insert(labels, series);
        }
        None
    }

    /// The text that Prometheus reads (exposition format 0.0.4).
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, family) in &*self.0.read() {
            let Some(kind) = family.series.values().next().map(Series::kind) else { continue };
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
            for (labels, series) in &family.series {
                match series {
                    Series::Counter(counter) => line(&mut text, name, "", labels, &counter.get()),
                    Series::Gauge(read) => line(&mut text, name, "", labels, &read()),
                    Series::Histogram(histogram) => show_histogram(&mut text, name, labels, histogram),
                }
            }
        }
        text
    }

    /// The answer for `/metrics`.
    pub fn respond(&self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.render()).into_response()
    }
}

fn show_histogram(text: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let comma = if labels.is_empty() { "" } else { "," };
    let snapshot = histogram.snapshot();
    for (bound, count) in &snapshot.cumulative {
        let bound = bound.map_or("+Inf".to_owned(), |bound| bound.to_string());
        line(text, name, "_bucket", &format!("{labels}{comma}le=\"{bound}\""), count);
    }
    line(text, name, "_sum", labels, &snapshot.sum);
    line(text, name, "_count", labels, &snapshot.count);
}

fn line(text: &mut String, name: &str, suffix: &str, labels: &str, value: &dyn std::fmt::Display) {
    let _ = if labels.is_empty() {
        writeln!(text, "{name}{suffix} {value}")
    } else {
        writeln!(text, "{name}{suffix}{{{labels}}} {value}")
    };
}

fn shown(labels: &[(&'static str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{name}=\"{value}\"");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_can_read_it() {
        let registry = Registry::new();
        registry.counter("things_total", "Things seen.", &[("kind", "a\"b")]).add(2);
        registry.counter("things_total", "Things seen.", &[("kind", "a\"b")]).add(1);
        registry.gauge("depth", "How deep.", || 1.5);
        registry.gauge("depth", "How deep.", || 2.5);
        let waits = registry.histogram("wait_seconds", "How long.", &[], &[0.1, 1.0]);
        waits.observe(0.05);
        waits.observe(0.1);
        waits.observe(0.5);
        waits.observe(9.0);
        assert_eq!(
            registry.render(),
            "# HELP depth How deep.\n# TYPE depth gauge\ndepth 2.5\n\
             # HELP things_total Things seen.\n# TYPE things_total counter\nthings_total{kind=\"a\\\"b\"} 3\n\
             # HELP wait_seconds How long.\n# TYPE wait_seconds histogram\n\
             wait_seconds_bucket{le=\"0.1\"} 2\nwait_seconds_bucket{le=\"1\"} 3\nwait_seconds_bucket{le=\"+Inf\"} 4\n\
             wait_seconds_sum 9.65\nwait_seconds_count 4\n"
        );
    }

    #[test]
    fn nobody_fills_the_memory_with_labels() {
        let registry = Registry::new();
        for n in 0..SERIES_MAX + 10 {
            registry.counter("many_total", "Many.", &[("n", &n.to_string())]).add(1);
        }
        assert_eq!(registry.render().lines().count(), SERIES_MAX + 2);
    }
}
