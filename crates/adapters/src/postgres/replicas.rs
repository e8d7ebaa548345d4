//! Read replicas: hosts that follow the one that takes writes, and answer lists for it.
//! They do not know what is listed. Nothing that decides is ever read here: this port has no write and no version.
//!
//! A replica is in the rotation while it answers, follows, and is not too far behind ([`watch`]); whether it has what its
//! reader must see is looked at in the same round trip as the read itself ([`visit`]). Whoever finds no replica asks the
//! primary: nobody waits for one.

mod course;
mod metrics;
mod replica;
mod visit;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use platform::documents::{self, Collection, Document, Page, Query, Seen};
use platform::http::metrics::Registry;
use platform::store::StoreResult;
use tokio::task::AbortHandle;

use super::connector::{Connector, Primary, Purpose};
use super::pool::{Bounds, Neighbours, Pool, PoolStats};
use super::ports::by_itself;
use super::{OpenError, Options, rows};
use course::Course;
use visit::Visit;

pub use replica::Replica;

/// How long one answer may take. A replica that stands still costs those who ask it first so much, and nobody later.
const ANSWER_MAX: Duration = Duration::from_millis(500);
/// How long a new connection to a replica may take.
const CONNECT_MAX: Duration = Duration::from_millis(300);
/// Replicas that one read tries before it turns to the primary.
const TRIED_MAX: usize = 2;

/// The replicas of a store.
pub struct Replicas {
    all: Vec<Arc<Replica>>,
    /// Who is asked next.
    turn: AtomicUsize,
    /// Reads that no replica answered.
    by_primary: AtomicU64,
    watching: Vec<AbortHandle>,
}

impl Replicas {
    /// Begins to watch them, on the current runtime. None of them need be there yet.
    pub(super) fn start(options: &Options, primary: &Arc<Primary>) -> Result<Self, OpenError> {
        let course: Arc<Course> = Arc::default();
        let connector = Connector::new(options, Purpose::Reading, primary.clone())?;
        let mut watching = vec![tokio::spawn(watch::follow_primary(connector, course.clone())).abort_handle()];
        let mut all = Vec::with_capacity(options.replicas.len());
        for url in &options.replicas {
            let own = Options { url: url.clone(), read_max: ANSWER_MAX, ..options.clone() };
            let connector = || Connector::new(&own, Purpose::Following, Arc::default());
            let bounds = Bounds {
                connections: options.readers,
                wait: CONNECT_MAX,
                idle: options.idle,
                answer_max: Some(ANSWER_MAX),
            };
            let (reading, looking) = (connector()?, connector()?);
            let name = reading.name();
            let pool = Pool::new(reading, bounds, Arc::new(PoolStats::default()), &Neighbours::default());
            let replica = Arc::new(Replica::new(name, pool, options.max_lag));
            let watched = watch::watch(replica.clone(), looking, course.clone());
            watching.push(tokio::spawn(watched).abort_handle());
            all.push(replica);
        }
        Ok(Self { all, turn: AtomicUsize::new(0), by_primary: AtomicU64::new(0), watching })
    }

    pub fn all(&self) -> &[Arc<Replica>] {
        &self.all
    }

    /// Reads that no replica could answer, since start.
    pub fn by_primary(&self) -> u64 {
        self.by_primary.load(Ordering::Relaxed)
    }

    /// Which replicas answer nothing at the moment, and why.
    pub fn trouble(&self) -> Vec<String> {
        let told = |replica: &Arc<Replica>| Some(format!("replica {}: {}", replica.name(), replica.trouble()?));
        self.all.iter().filter_map(told).collect()
    }

    /// Shows how they do among the metrics.
    pub fn show_in(self: &Arc<Self>, registry: &Registry) {
        metrics::show(self, registry);
    }

    /// Asks no replica any more.
    pub(super) fn close(&self) {
        self.watching.iter().for_each(AbortHandle::abort);
        self.all.iter().for_each(|replica| replica.close());
    }

    fn in_rotation(&self) -> Vec<Arc<Replica>> {
        let (first, count) = (self.turn.fetch_add(1, Ordering::Relaxed), self.all.len());
        let in_turn = (0..count).map(|nth| &self.all[(first % count + nth) % count]);
        in_turn.filter(|replica| replica.is_in_rotation()).take(TRIED_MAX).cloned().collect()
    }

    async fn ask<T, W>(&self, seen: &Seen, read: impl Fn(Visit) -> W + Clone + Send + 'static) -> Option<T>
    where
        T: Send + 'static,
        W: Future<Output = StoreResult<T>> + Send + 'static,
    {
        for replica in self.in_rotation() {
            let (read, seen) = (read.clone(), seen.clone());
            let asked = replica.clone();
            let found = by_itself(async move {
                let visit = Visit::begin(asked, seen).await?;
                read(visit).await
            });
            match found.await {
                Ok(found) => {
                    replica.count_read();
                    return Some(found);
                }
                Err(error) => tracing::debug!(replica = replica.name(), %error, "a replica is passed over"),
            }
        }
        self.by_primary.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.watching.iter().for_each(AbortHandle::abort);
    }
}

#[async_trait]
impl documents::Replicas for Replicas {
    async fn get_many(
        &self,
        collection: Collection,
        ids: &[String],
        seen: &Seen,
        now: Timestamp,
    ) -> Option<Vec<Document>> {
        let ids: Arc<[String]> = ids.into();
        let read = move |visit: Visit| {
            let ids = ids.clone();
            async move { rows::get_many(visit, collection, &ids, now).await }
        };
        self.ask(seen, read).await
    }

    async fn query(&self, query: &Query, seen: &Seen, now: Timestamp) -> Option<Page> {
        let query = Arc::new(query.clone());
        let read = move |visit: Visit| {
            let query = query.clone();
            async move { rows::query(visit, &query, now).await }
        };
        self.ask(seen, read).await
    }

    async fn scan(
        &self,
        collection: Collection,
        after: Option<&str>,
        limit: usize,
        seen: &Seen,
    ) -> Option<Vec<Document>> {
        let after: Option<Arc<str>> = after.map(Into::into);
        let read = move |visit: Visit| {
            let after = after.clone();
            async move { rows::scan(visit, collection, after.as_deref(), limit).await }
        };
        self.ask(seen, read).await
    }
}
