//! Whether this node can sell, for load balancers, and what it does without, for people.
//! It does not watch anything itself: it asks those who do, and tries to write where writing failed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use contracts::shop::Shop as _;
use parking_lot::Mutex;
use platform::documents::{Change, Collection, Put, WriteBatch};
use platform::store::{StoreError, StoreResult};
use serde_json::json;
use services::machinery::stored;

use crate::wiring::Mart;

/// Written to see whether writing goes on.
const PROBES: Collection = Collection::primary("write_probes");
const PROBE: &str = "last";
/// More than an order writes: where this fits, the next order does.
const PROBE_BYTES: usize = 512 << 10;
/// How long somebody who asks waits for the probe. It goes on without them.
const PROBE_MAX: Duration = Duration::from_secs(2);
/// How long the store may take to be looked at: who asks gives us a few seconds.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Whether the shop is loaded, and what is missing if not; and that it is about to stop.
#[derive(Clone, Default)]
pub struct Readiness {
    standing: Arc<Mutex<Standing>>,
    /// Held by the probe that is being written: one at a time, however often and by however many is asked.
    probing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Standing {
    missing: Option<String>,
    is_stopping: bool,
}

impl Readiness {
    pub fn missing(&self, what: String) {
        self.standing.lock().missing = Some(what);
    }

    pub fn set_ready(&self) {
        self.standing.lock().missing = None;
    }

    /// From now on it is not ready, whatever else becomes of it.
    pub fn set_stopping(&self) {
        self.standing.lock().is_stopping = true;
    }

    fn is_missing(&self) -> Vec<String> {
        let standing = self.standing.lock();
        let stopping = standing.is_stopping.then(|| "this node is stopping".to_owned());
        stopping.into_iter().chain(standing.missing.clone()).collect()
    }
}

pub fn router(mart: &Arc<Mart>, readiness: &Readiness) -> Router {
    let state = (mart.clone(), readiness.clone());
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "healthy"})) }))
        .route("/health/live", get(|| async { Json(json!({"status": "live"})) }))
        .route("/health/ready", get(ready))
        .with_state(state)
}

/// 503 where another node might do better, or where everything that is to be written is refused. 200 with `degraded` where it
/// sells, and something makes it slower; and where commits wait for a standby: that is so on all nodes alike, what was sent
/// goes on by itself when one is there, and until then shoppers can look around, which they could not at a load balancer
/// that has taken every node out.
async fn ready(State((mart, readiness)): State<(Arc<Mart>, Readiness)>) -> Response {
    let mut missing = readiness.is_missing();
    match tokio::time::timeout(LOOK_MAX, cannot_read(&mart)).await {
        Ok(reasons) => {
            missing.extend(reasons);
            missing.extend(cannot_write(&mart, &readiness).await);
        }
        Err(_) => missing.push(format!("the store has not answered for {} s", LOOK_MAX.as_secs())),
    }
    let trouble = mart.redis.as_ref().and_then(|redis| redis.trouble());
    let redis = trouble.map(|reason| format!("redis: {reason}"));
    let degraded: Vec<String> = redis.into_iter().chain(mart.store.trouble()).collect();
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut told = json!({"status": if missing.is_empty() { "ready" } else { "not_ready" }});
    for (name, reasons) in [("missing", missing), ("degraded", degraded)] {
        if !reasons.is_empty() {
            told[name] = reasons.into();
        }
    }
    (status, Json(told)).into_response()
}

/// What of the store cannot be read, or is not kept up.
async fn cannot_read(mart: &Mart) -> Vec<String> {
    let mut missing = Vec::new();
    match mart.machinery.projector.lags().await {
        Ok(lags) => missing.extend(lags.into_iter().filter_map(|lag| {
            lag.stopped.map(|reason| format!("the projection {} stopped: {reason}", lag.projection))
        })),
        Err(error) => missing.push(error.to_string()),
    }
    if let Err(error) = mart.shop.settings().await {
        missing.push(error.message);
    }
    missing
}

/// Why a shop whose last write failed cannot sell. It is tried again each time, so that a shop knows by itself when there is
/// room again.
async fn cannot_write(mart: &Arc<Mart>, readiness: &Readiness) -> Option<String> {
    if !mart.store.is_stuck() {
        return None;
    }
    let Ok(turn) = readiness.probing.clone().try_lock_owned() else {
        return Some("the last write was refused; whether there is room again is being tried".to_owned());
    };
    let mart = mart.clone();
    let probing = tokio::spawn(async move {
        let written = match probe(&mart).await {
            Ok(()) => mart.store.goes_on().await,
            refused => refused,
        };
        drop(turn);
        written
    });
    match tokio::time::timeout(PROBE_MAX, probing).await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error @ StoreError::Full(_)))) => Some(stored(error).message),
        Ok(Ok(Err(error))) => Some(error.to_string()),
        Ok(Err(_)) => Some("the shop is shutting down".to_owned()),
        Err(_) => Some("the last write was refused, and the store does not answer another one".to_owned()),
    }
}

/// Writes what no engine can make much smaller, and deletes it.
async fn probe(mart: &Mart) -> StoreResult<()> {
    let documents = &mart.machinery.documents;
    let mut random = vec![0_u8; PROBE_BYTES / 2];
    mart.machinery.entropy.fill(&mut random);
    let filling = random.iter().fold(String::with_capacity(PROBE_BYTES), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b'a' + digit)));
        text
    });
    let body = json!({"at": mart.machinery.clock.now(), "filling": filling}).to_string();
    let put = Put { collection: PROBES, id: PROBE.to_owned(), body: body.into(), entries: Vec::new(), expires: None };
    let one = |change| WriteBatch { changes: vec![change], ..WriteBatch::default() };
    documents.write(one(Change::Put(put))).await?;
    documents.write(one(Change::Delete { collection: PROBES, id: PROBE.to_owned() })).await
}
