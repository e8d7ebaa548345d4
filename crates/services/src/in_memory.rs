//! For unit tests: machinery in memory, and requests to a router as a client sends them.
//! It does not know any service.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use contracts::staff::Staff;
use jiff::Timestamp;
use platform::blobs::MemoryBlobs;
use platform::clock::{Clock, ManualClock};
use platform::documents::memory::MemoryDocuments;
use platform::documents::{
    Checkpoint, Collection, Conditional, Document, Documents, Expected, Page, Put, Query, WriteBatch,
};
use platform::entropy::{Entropy, SeededEntropy};
use platform::http::idempotency::Idempotency;
use platform::log::executor::{Executor, Limits};
use platform::log::memory::MemoryLog;
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use platform::store::StoreResult;
use serde_json::Value;
use tokio::task::yield_now;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{Repeats, identify};
use crate::machinery::Machinery;

pub async fn machinery() -> Machinery {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(Timestamp::from_second(1_800_000_000).unwrap()));
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    let documents: Arc<dyn Documents> = Arc::new(Slow(MemoryDocuments::default()));
    let log = Arc::new(MemoryLog::new(4));
    let executor =
        Executor::start(log, crate::kinds(), clock.clone(), entropy.clone(), Limits::default()).await.unwrap();
    let projector = Projector::start(&executor, &documents, &clock, &crate::projections()).await.unwrap();
    let vault = Vault::new(MasterKey::new([7; 32]), documents.clone(), clock.clone(), entropy.clone());
    Machinery { executor, documents, projector, vault, blobs: Arc::new(MemoryBlobs::default()), clock, entropy }
}

/// Documents that let others go first, so that requests which run together do interleave.
struct Slow(MemoryDocuments);

#[async_trait::async_trait]
impl Documents for Slow {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        yield_now().await;
        self.0.write(batch).await
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        yield_now().await;
        self.0.put_if(put, expected, now).await
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        yield_now().await;
        self.0.get(collection, id, now).await
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        yield_now().await;
        self.0.get_many(collection, ids, now).await
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        yield_now().await;
        self.0.query(query, now).await
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        self.0.scan(collection, after, limit).await
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        self.0.checkpoints(projection).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        self.0.delete_expired(now, limit).await
    }
}

pub fn repeats(machinery: &Machinery) -> Repeats {
    let idempotency = Idempotency::new(machinery.documents.clone(), machinery.clock.clone(), b"secret");
    Repeats::new(Arc::new(idempotency))
}

/// A router as the binary serves it, as far as these tests need.
#[derive(Clone)]
pub struct Client(Router);

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null for an empty body.
    pub body: Value,
}

impl Client {
    /// Everything that the router's description refers to must be in it.
    pub fn new(router: OpenApiRouter, staff: Arc<dyn Staff>) -> Self {
        let (router, description) = router.split_for_parts();
        let description = serde_json::to_value(description).unwrap();
        check_references(&description, &description);
        Self(router.layer(axum::middleware::from_fn_with_state(staff, identify)))
    }

    /// `request` is `PUT /path`, `headers` are pairs; a body that is not null goes as JSON.
    pub async fn send(&self, request: &str, headers: &[(&str, &str)], body: Value) -> Reply {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send_text(request, headers, text).await
    }

    pub async fn send_text(&self, request: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let (method, path) = request.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

fn check_references(part: &Value, whole: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap_or_default();
                assert!(whole.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|part| check_references(part, whole));
        }
        Value::Array(items) => items.iter().for_each(|part| check_references(part, whole)),
        _ => {}
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What was wrong: `pointer code`.
    pub fn errors(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        errors.iter().map(|error| format!("{} {}", text(&error["pointer"]), text(&error["code"]))).collect()
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{:?}", self.body);
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }
}

/// Staff whose only key is `staff`.
pub struct OneKey;

#[async_trait::async_trait]
impl Staff for OneKey {
    async fn authenticate(&self, bearer: &str) -> contracts::Result<Option<domain::ids::StaffId>> {
        Ok((bearer == "staff").then(|| domain::ids::StaffId::from_bytes([1; 16])))
    }

    async fn create_first(&self, _: &str) -> contracts::Result<Option<contracts::staff::NewSecret>> {
        Ok(None)
    }

    async fn reset_password(&self, _: &str) -> contracts::Result<contracts::staff::NewSecret> {
        Err(contracts::Error::not_found("member of staff"))
    }

    async fn new_key(&self, _: Option<&str>) -> contracts::Result<contracts::staff::NewSecret> {
        Err(contracts::Error::not_found("member of staff"))
    }
}
