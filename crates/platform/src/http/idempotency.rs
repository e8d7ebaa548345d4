//! `Idempotency-Key`: a request that is sent again is not done again, and gets the same answer.
//! It does not know what is done, nor which refusals are worth keeping: the caller's `keep` says so.
//!
//! Within one process a duplicate waits for the running one. Between processes nothing waits: where doing twice would
//! hurt, what is done must be known by an id that is derived from the key, so that the second attempt finds the first.

mod key;
mod record;
mod running;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::problem::Problem;
use crate::clock::Clock;
use crate::documents::{Collection, Conditional, Documents, Expected, Put};
use crate::store::StoreError;
pub use key::{Key, Optional, Required};
use record::Record;
use running::{Entry, Running};

/// Kept with a version, part of every backup: it guards against doing things twice.
pub const COLLECTION: Collection = Collection::primary("idempotency");
/// How long an answer is kept unless told; callers are promised 24 h.
pub const KEPT_FOR: Duration = Duration::from_secs(48 * 60 * 60);
/// How long a duplicate waits for the running one.
pub const WAITS_FOR: Duration = Duration::from_secs(10);
/// A larger answer is not kept, so a retry is done again.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const RETRY_AFTER_S: u32 = 1;
static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Which answers are kept: by status and, of a problem, its code.
pub type Keep = fn(StatusCode, Option<&str>) -> bool;

/// Keeps what succeeded.
pub fn keep_success(status: StatusCode, _: Option<&str>) -> bool {
    status.is_success()
}

/// Who asks for what: the same key means something else to another caller or on another route.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The caller's id, or what else tells callers apart.
    pub caller: &'a str,
    /// Method and route template, such as `POST /api/things/{id}`, with the ids filled in.
    pub route: &'a str,
}

/// What is remembered of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The answer itself: status, some headers, body. It must hold nothing personal.
    Replay,
    /// That the key was used, and with which body. A retry runs again, and what runs must know that it ran before, by
    /// an id derived from the key; its answer then says `Idempotent-Replayed`.
    Rerun,
    /// Nothing in the store: what runs compares the body's hash itself. Only the waiting is done here.
    WaitOnly,
}

/// One request with a key.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    pub scope: Scope<'a>,
    pub key: &'a Key,
    /// [`super::extract::Body::hash`]
    pub body_hash: [u8; 32],
    pub mode: Mode,
    pub keep: Keep,
    pub ttl: Duration,
}

/// Remembers keys.
pub struct Idempotency {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    secret: Vec<u8>,
    running: Running,
}

impl Idempotency {
    /// Keys are stored as HMACs under `secret`, so that the store does not reveal them.
    pub fn new(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>, secret: &[u8]) -> Idempotency {
        Idempotency { documents, clock, secret: secret.to_vec(), running: Running::default() }
    }

    /// What this key is known by in the store: also good for deriving the id of what is done.
    pub fn id(&self, scope: &Scope<'_>, key: &Key) -> [u8; 32] {
        // HMAC takes a key of any length, so this does not fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return [0; 32] };
        for part in [scope.caller, scope.route, key.as_str()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// Answers with `work`'s answer, now or from before.
    ///
    /// 422 `idempotency_key_reused` when the key came with another body; 409 `idempotency_in_flight` when the same
    /// request is still running after [`WAITS_FOR`]; 503 when the store cannot tell.
    pub async fn run<F, Fut>(&self, attempt: Attempt<'_>, work: F) -> Response
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Response>,
    {
        let id = self.id(&attempt.scope, attempt.key);
        let deadline = tokio::time::Instant::now() + WAITS_FOR;
        // Held until the answer is stored; dropping it, also when the caller goes away, lets the next one in.
        let _turn = loop {
            match self.running.enter(id, attempt.body_hash) {
                Entry::First(turn) => break turn,
                Entry::OtherBody => return reused().into_response(),
                Entry::Wait(is_done) => {
                    let done = is_done.wait_for(|is_done| is_done.then_some(()));
                    if tokio::time::timeout_at(deadline, done).await.is_err() {
                        return in_flight().into_response();
                    }
                }
            }
        };
        if attempt.mode == Mode::WaitOnly {
            return work().await;
        }
        let name = hex(&id);
        match self.find(&name).await {
            Err(error) => self.unavailable(&error),
            Ok(Some(record)) if record.body_hash != hex(&attempt.body_hash) => reused().into_response(),
            Ok(Some(Record { answer: Some(answer), .. })) => replayed(answer.into_response()),
            Ok(Some(_)) => replayed(work().await),
            Ok(None) => self.store(&name, &attempt, work().await).await,
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let document = self.documents.get(COLLECTION, name, self.clock.now()).await?;
        document.map(|document| document.read()).transpose()
    }

    /// Stores the answer if it is worth it, then gives it. What was done is answered truthfully even when it could not
    /// be stored.
    async fn store(&self, name: &str, attempt: &Attempt<'_>, response: Response) -> Response {
        let code = response.extensions().get::<Problem>().map(|problem| problem.code().to_owned());
        if !(attempt.keep)(response.status(), code.as_deref()) {
            return response;
        }
        let (answer, response) = match attempt.mode {
            Mode::Replay => match record::Answer::of(response).await {
                Ok((Some(answer), response)) => (Some(answer), response),
                Ok((None, response)) => {
                    tracing::warn!(bytes_max = ANSWER_BYTES_MAX, "an answer is too large to be kept for its key");
                    return response;
                }
                Err(error) => {
                    tracing::error!(%error, "an answer's body could not be read");
                    return Problem::internal().into_response();
                }
            },
            Mode::Rerun | Mode::WaitOnly => (None, response),
        };
        let record = Record { body_hash: hex(&attempt.body_hash), answer };
        match self.put(name, &record, attempt.ttl).await {
            Ok(Conditional::Written(_)) => response,
            Ok(Conditional::Differs(there)) => settled(&record, there.and_then(|there| there.read().ok()), response),
            Err(error) => {
                tracing::warn!(%error, "an answer could not be kept for its key");
                response
            }
        }
    }

    async fn put(&self, name: &str, record: &Record, ttl: Duration) -> Result<Conditional, StoreError> {
        let now = self.clock.now();
        let body = serde_json::to_string(record)
            .map_err(|error| StoreError::Corrupt(format!("an answer cannot be written: {error}")))?;
        let put = Put {
            collection: COLLECTION,
            id: name.to_owned(),
            body: body.into(),
            entries: Vec::new(),
            expires: Some(now.checked_add(ttl).unwrap_or(Timestamp::MAX)),
        };
        self.documents.put_if(put, Expected::Absent, now).await
    }

    fn unavailable(&self, error: &StoreError) -> Response {
        tracing::error!(%error, "an idempotency key could not be looked up");
        Problem::unavailable(RETRY_AFTER_S).into_response()
    }
}

/// Another process was faster with the same key: both answer with what it stored.
fn settled(own: &Record, there: Option<Record>, response: Response) -> Response {
    match there {
        Some(Record { body_hash, .. }) if body_hash != own.body_hash => reused().into_response(),
        Some(Record { answer: Some(answer), .. }) => replayed(answer.into_response()),
        Some(_) | None => response,
    }
}

fn replayed(mut response: Response<Body>) -> Response {
    response.headers_mut().insert(&REPLAYED, HeaderValue::from_static("true"));
    response
}

fn reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "This Idempotency-Key was used with another body",
    )
}

fn in_flight() -> Problem {
    Problem::conflict("idempotency_in_flight", "The same request is still running").retry_after_s(RETRY_AFTER_S)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
