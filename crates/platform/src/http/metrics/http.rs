//! What this server counts of itself: requests by method, route and status class, how long they took, what was refused.
//! It knows routes by their templates only, never by what stood in them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use parking_lot::RwLock;

use super::{Counter, Histogram, LATENCY_BUCKETS_S, Registry};

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other"];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];
/// What is asked for where there is no route.
const NO_ROUTE: &str = "(none)";

/// The requests of this server.
pub struct HttpMetrics {
    registry: Arc<Registry>,
    routes: RwLock<HashMap<String, Arc<Route>>>,
    in_flight: Arc<AtomicUsize>,
    /// Answered at the edge.
    pub from_edge: Counter,
    /// Answered with 503 because too many were in flight.
    pub shed: Counter,
    /// Answered with 429.
    pub rate_limited: Counter,
    /// Answered with 503 because they took too long.
    pub timed_out: Counter,
    /// Answered with 500 because the handler panicked.
    pub panicked: Counter,
}

/// One route's series, each made when it is first needed.
#[derive(Default)]
struct Route {
    counts: [[OnceLock<Counter>; CLASSES.len()]; METHODS.len()],
    latencies: [OnceLock<Histogram>; METHODS.len()],
}

impl HttpMetrics {
    pub fn new(registry: Arc<Registry>) -> HttpMetrics {
        let in_flight = Arc::new(AtomicUsize::new(0));
        let reading = Arc::clone(&in_flight);
        #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
        registry.gauge("http_requests_in_flight", "Requests being worked on.", move || {
            reading.load(Ordering::Relaxed) as f64
        });
        HttpMetrics {
            from_edge: registry.counter("http_requests_from_edge_total", "Given an answer that was kept.", &[]),
            shed: registry.counter("http_requests_shed_total", "Refused: too many in flight.", &[]),
            rate_limited: registry.counter(
                "http_requests_rate_limited_total",
                "Refused: too many from one client.",
                &[],
            ),
            timed_out: registry.counter("http_requests_timed_out_total", "Given up: took too long.", &[]),
            panicked: registry.counter("http_requests_panicked_total", "Broken off by a panic.", &[]),
            routes: RwLock::default(),
            in_flight,
            registry,
        }
    }

    pub(in crate::http) fn in_flight(&self) -> &Arc<AtomicUsize> {
        &self.in_flight
    }

    /// Counts an answered request.
    pub fn answered(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let route_name = route.unwrap_or(NO_ROUTE);
        let route = self.route(route_name);
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1).min(CLASSES.len() - 1);
        let count = route.counts[method][class].get_or_init(|| {
            let labels = [("method", METHODS[method]), ("route", route_name), ("status", CLASSES[class])];
            self.registry.counter("http_requests_total", "Requests answered.", &labels)
        });
        count.add(1);
        let latency = route.latencies[method].get_or_init(|| {
            let labels = [("method", METHODS[method]), ("route", route_name)];
            let help = "From the request's head to the answer's head.";
            self.registry.histogram("http_request_duration_seconds", help, &labels, LATENCY_BUCKETS_S)
        });
        latency.observe(took.as_secs_f64());
    }

    fn route(&self, name: &str) -> Arc<Route> {
        if let Some(route) = self.routes.read().get(name) {
            return Arc::clone(route);
        }
        Arc::clone(self.routes.write().entry(name.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route() {
        let metrics = HttpMetrics::new(Registry::new());
        metrics.answered(&Method::GET, Some("/a/{id}"), StatusCode::OK, Duration::from_millis(2));
        metrics.answered(&Method::GET, Some("/a/{id}"), StatusCode::CREATED, Duration::from_millis(2));
        metrics.answered(&Method::TRACE, None, StatusCode::NOT_FOUND, Duration::ZERO);
        let text = metrics.registry.render();
        for line in [
            "http_requests_total{method=\"GET\",route=\"/a/{id}\",status=\"2xx\"} 2",
            "http_requests_total{method=\"other\",route=\"(none)\",status=\"4xx\"} 1",
            "http_request_duration_seconds_count{method=\"GET\",route=\"/a/{id}\"} 2",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/a/{id}\",le=\"0.001\"} 0",
            "http_requests_in_flight 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
    }
}
