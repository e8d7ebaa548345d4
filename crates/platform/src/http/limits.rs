//! How much one request, and all of them together, may take: bytes, time, places.
//! It does not know which route needs more; those that do say so with [`media_body`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};

use super::problem::Problem;

/// A JSON body.
pub const JSON_BODY_BYTES_MAX: usize = 1024 * 1024;
/// A picture or another file, with what a form puts around it.
pub const MEDIA_BODY_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Path and query together.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// From a request's head to its answer's head.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The same on paths where a request may take as long as its body does.
pub const PATIENT_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Requests being worked on at once.
pub const IN_FLIGHT_MAX: usize = 4_096;

const RETRY_AFTER_S: u32 = 1;

/// The limits that an operator may change.
#[derive(Debug, Clone)]
pub struct Limits {
    pub json_body_bytes: usize,
    pub request_timeout: Duration,
    pub in_flight: usize,
    /// Paths that are always served: probes and metrics. Exact, or a prefix that ends in `/`.
    pub exempt_paths: Vec<String>,
    /// Paths to which large files are sent over slow lines, exactly. Whoever serves one sees to it that a silent sender is
    /// given up, and that only those may send who are known.
    pub patient_paths: Vec<String>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            json_body_bytes: JSON_BODY_BYTES_MAX,
            request_timeout: REQUEST_TIMEOUT,
            in_flight: IN_FLIGHT_MAX,
            exempt_paths: ["/health", "/health/", "/metrics"].map(str::to_owned).to_vec(),
            patient_paths: Vec::new(),
        }
    }
}

impl Limits {
    /// How long a request to this path may take until its answer begins.
    pub(super) fn timeout(&self, path: &str) -> Duration {
        let is_patient = self.patient_paths.iter().any(|patient| patient == path);
        if is_patient { self.request_timeout.max(PATIENT_TIMEOUT) } else { self.request_timeout }
    }

    pub(super) fn is_exempt(&self, path: &str) -> bool {
        self.exempt_paths.iter().any(|exempt| path == exempt || (exempt.ends_with('/') && path.starts_with(exempt)))
    }
}

/// A layer for routes that take files: `route.layer(limits::media_body())`.
pub fn media_body() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MEDIA_BODY_BYTES_MAX)
}

/// # Errors
/// 414 `uri_too_long`
pub(super) fn check_uri(uri: &Uri) -> Result<(), Problem> {
    if uri.path().len() + uri.query().map_or(0, str::len) > URI_BYTES_MAX {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", "The address is too long"));
    }
    Ok(())
}

/// A request's place among those in flight; free again when it is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// # Errors
    /// 503 `overloaded` when all places are taken, unless this one is always served.
    pub fn take(in_flight: &Arc<AtomicUsize>, limit: usize) -> Result<Place, Problem> {
        let place = Place(Arc::clone(in_flight));
        if in_flight.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(place);
        }
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too much to do right now")
            .retry_after_s(RETRY_AFTER_S))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 503 `timeout`
pub(super) fn timed_out() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "This took too long").retry_after_s(RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let in_flight = Arc::new(AtomicUsize::new(0));
        let place = Place::take(&in_flight, 1).ok().unwrap();
        assert_eq!(Place::take(&in_flight, 1).err().unwrap().code(), "overloaded");
        drop(place);
        assert!(Place::take(&in_flight, 1).is_ok());
        assert_eq!(in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn large_files_may_take_their_time() {
        let limits = Limits { patient_paths: vec!["/files".to_owned()], ..Limits::default() };
        assert_eq!(limits.timeout("/files"), PATIENT_TIMEOUT);
        assert_eq!(limits.timeout("/files/x"), REQUEST_TIMEOUT);
    }

    #[test]
    fn probes_are_exempt() {
        let limits = Limits::default();
        assert!(limits.is_exempt("/health") && limits.is_exempt("/health/live") && limits.is_exempt("/metrics"));
        assert!(!limits.is_exempt("/healthy") && !limits.is_exempt("/metrics/x"));
    }
}
