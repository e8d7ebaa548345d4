//! Connections that are shared: each is lent to one caller at a time, and there is a limit to how many there are.
//! It does not know what is asked on them.
//!
//! A caller that goes away in the middle harms nobody: the connection comes back when the server has answered what was
//! asked, and the answer is thrown away. Nothing is cancelled on the server for it. A caller that waits on a host which
//! stands still is let go when another host has taken its place.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use platform::store::{StoreError, StoreResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::connector::{ConnectError, Connection, Connector};
use super::failure::{is_over, refuses_writes};

/// First and longest pause between two attempts to connect.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Bounds of one pool.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub connections: usize,
    /// How long a caller waits for a connection, made or given back.
    pub wait: Duration,
    /// A connection that nobody used for so long is closed.
    pub idle: Duration,
    /// After so long without an answer a connection is given up, for connections that only read.
    pub answer_max: Option<Duration>,
}

/// Counters since start, for `/metrics`.
#[derive(Debug, Default)]
pub struct PoolStats {
    /// Connections that were made.
    pub connects: AtomicU64,
    /// Attempts to make one that failed.
    pub refusals: AtomicU64,
    /// Callers that got none in time.
    pub exhaustions: AtomicU64,
    /// Connections that are lent out or being made right now.
    pub lent: AtomicU64,
    /// What was to be written last was refused for want of room or of a connection, or because the server takes no writes.
    pub is_stuck: AtomicBool,
}

pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Connector,
    bounds: Bounds,
    permits: Arc<Semaphore>,
    /// The one used last is at the back, and lent first.
    idle: Mutex<VecDeque<(Instant, Arc<Connection>)>>,
    /// Since when an answer is owed; the smallest number is the oldest.
    asked: Mutex<BTreeMap<u64, Instant>>,
    questions: AtomicU64,
    stats: Arc<PoolStats>,
    neighbours: Neighbours,
}

/// The pools of one node on one server. What one of them leaves idle another one may need, where the server takes no more.
#[derive(Default, Clone)]
pub struct Neighbours(Arc<Mutex<Vec<Weak<Shared>>>>);

impl Neighbours {
    /// Closes the connection that somebody else has left idle for longest.
    fn make_room(&self, asking: &Shared) {
        let all: Vec<Arc<Shared>> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        let others = all.iter().filter(|other| !std::ptr::eq(other.as_ref(), asking));
        let since = |other: &Shared| other.idle.lock().front().map(|(since, _)| *since);
        let oldest = others.filter_map(|other| Some((since(other)?, other))).min_by_key(|(since, _)| *since);
        if let Some((_, other)) = oldest {
            other.idle.lock().pop_front();
        }
    }
}

/// An answer that is owed. It counts until the server has given it, whether or not anybody still waits.
struct Owed {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.shared.asked.lock().remove(&self.number);
    }
}

/// A connection that is lent.
pub struct Lease {
    connection: Arc<Connection>,
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
    /// Something was asked and has not been answered.
    asking: Option<Owed>,
    is_over: bool,
}

impl Pool {
    pub fn new(connector: Connector, bounds: Bounds, stats: Arc<PoolStats>, neighbours: &Neighbours) -> Self {
        let permits = Arc::new(Semaphore::new(bounds.connections.max(1)));
        let (idle, asked, questions) = Default::default();
        let (among, neighbours) = (neighbours, neighbours.clone());
        let shared = Arc::new(Shared { connector, bounds, permits, idle, asked, questions, stats, neighbours });
        among.0.lock().push(Arc::downgrade(&shared));
        Self { shared }
    }

    /// A connection that is idle, or a new one. While the server cannot be reached this goes on trying.
    pub async fn lease(&self) -> StoreResult<Lease> {
        let shared = &self.shared;
        let deadline = Instant::now() + shared.bounds.wait;
        let permit = match timeout_at(deadline, shared.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(StoreError::Closed),
            Err(_) => {
                shared.stats.exhaustions.fetch_add(1, Ordering::Relaxed);
                return Err(StoreError::Unavailable("every connection to PostgreSQL is in use".into()));
            }
        };
        let connection = match shared.idle_one() {
            Some(connection) => connection,
            None => Arc::new(shared.connect(deadline).await?),
        };
        shared.stats.lent.fetch_add(1, Ordering::Relaxed);
        Ok(Lease { connection, permit: Some(permit), shared: shared.clone(), asking: None, is_over: false })
    }

    /// Whether whoever asks now must wait for a connection.
    pub fn is_exhausted(&self) -> bool {
        self.shared.permits.available_permits() == 0
    }

    /// How long the server has owed an answer, to whoever has waited longest for one.
    pub fn longest_wait(&self) -> Option<Duration> {
        self.shared.asked.lock().first_key_value().map(|(_, since)| since.elapsed())
    }

    /// Whether a write was refused for want of room, or because the server takes no writes, and none was tried since that is
    /// as large as any.
    pub fn is_stuck(&self) -> bool {
        self.shared.stats.is_stuck.load(Ordering::Relaxed)
    }

    /// One that is as large as any was written.
    pub fn goes_on(&self) {
        self.shared.stats.is_stuck.store(false, Ordering::Relaxed);
    }

    /// A connection that nobody else has, within the usual wait. It does not count, and goes back by [`Self::give`].
    pub async fn new_connection(&self) -> Result<Connection, ConnectError> {
        self.shared.connect(Instant::now() + self.shared.bounds.wait).await
    }

    pub fn give(&self, connection: Connection) {
        self.shared.take_back(Arc::new(connection));
    }

    /// Refuses further callers. What is lent is closed when it comes back.
    pub fn close(&self) {
        self.shared.permits.close();
        self.shared.idle.lock().clear();
    }
}

impl Shared {
    fn idle_one(&self) -> Option<Arc<Connection>> {
        let mut idle = self.idle.lock();
        while idle.front().is_some_and(|(since, _)| since.elapsed() > self.bounds.idle) {
            idle.pop_front();
        }
        while let Some((_, connection)) = idle.pop_back() {
            if !connection.client.is_closed() && self.connector.is_current(&connection) {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self, deadline: Instant) -> Result<Connection, ConnectError> {
        let mut pause = PAUSE.0;
        let mut told = None;
        loop {
            let error = match timeout_at(deadline, self.connector.connect()).await {
                Ok(Ok(connection)) => {
                    self.stats.connects.fetch_add(1, Ordering::Relaxed);
                    return Ok(connection);
                }
                Ok(Err(error)) => error,
                // What an earlier attempt was told says more than that this one had no time.
                Err(_) => told.take().unwrap_or(ConnectError::Silent),
            };
            self.stats.refusals.fetch_add(1, Ordering::Relaxed);
            if matches!(error, ConnectError::Crowded(_)) {
                self.neighbours.make_room(self);
            }
            let next = Instant::now() + pause;
            if next >= deadline || matches!(error, ConnectError::Forbidden(_)) {
                if matches!(error, ConnectError::ReadOnly | ConnectError::Crowded(_)) {
                    self.stats.is_stuck.store(true, Ordering::Relaxed);
                }
                tracing::warn!(%error, "there is no connection to PostgreSQL");
                return Err(error);
            }
            told = Some(error);
            sleep_until(next).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn owes(self: &Arc<Self>) -> Owed {
        let number = self.questions.fetch_add(1, Ordering::Relaxed);
        self.asked.lock().insert(number, Instant::now());
        Owed { number, shared: self.clone() }
    }

    fn take_back(&self, connection: Arc<Connection>) {
        if !connection.client.is_closed() && !self.permits.is_closed() {
            self.idle.lock().push_back((Instant::now(), connection));
        }
    }
}

impl Lease {
    /// Prepares a statement where it has not been. Nothing was written when this fails.
    pub async fn prepare(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let connection = self.connection.clone();
        self.answered(connection.prepare(sql)).await
    }

    pub async fn run(
        &mut self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let connection = self.connection.clone();
        self.answered(connection.client.query(statement, values)).await
    }

    /// Waits for an answer, and looks from time to time whether one can still be hoped for.
    async fn answered<T>(
        &mut self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        self.asking = Some(self.shared.owes());
        let mut answer = pin!(answer);
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                () = self.is_hopeless() => self.connection.cut(),
            }
        };
        self.asking = None;
        if let Err(error) = &answer {
            self.is_over |= is_over(error);
            if refuses_writes(error) {
                self.shared.stats.is_stuck.store(true, Ordering::Relaxed);
            }
        }
        answer
    }

    /// Ends when nobody needs to wait any longer: another host has become the one that takes writes, while this one
    /// stands still, or a read has taken far longer than the server lets it.
    async fn is_hopeless(&self) {
        let bounds = &self.shared.bounds;
        let hopeless = async {
            loop {
                sleep(bounds.wait).await;
                if self.shared.connector.has_moved(&self.connection).await {
                    return;
                }
            }
        };
        match bounds.answer_max {
            Some(answer_max) => drop(timeout(answer_max, hopeless).await),
            None => hopeless.await,
        }
    }

    pub async fn query(
        &mut self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql).await?;
        self.run(&statement, values).await
    }

    /// Two statements at once, answered in one round trip.
    pub async fn query_both(
        &mut self,
        first: (&str, &[&(dyn ToSql + Sync)]),
        second: (&str, &[&(dyn ToSql + Sync)]),
    ) -> Result<(Vec<Row>, Vec<Row>), tokio_postgres::Error> {
        let statements = (self.prepare(first.0).await?, self.prepare(second.0).await?);
        let connection = self.connection.clone();
        let client = &connection.client;
        let both =
            async { futures::try_join!(client.query(&statements.0, first.1), client.query(&statements.1, second.1)) };
        let answers = self.answered(both).await;
        // One of them may have failed before the other was answered.
        self.asking = answers.is_err().then(|| self.shared.owes());
        answers
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.stats.lent.fetch_sub(1, Ordering::Relaxed);
        if self.is_over {
            return;
        }
        let (connection, shared, permit) = (self.connection.clone(), self.shared.clone(), self.permit.take());
        let Some(owed) = self.asking.take() else { return shared.take_back(connection) };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Answered behind what was asked before; until then the connection counts as lent.
                if connection.client.simple_query("").await.is_ok() {
                    shared.take_back(connection);
                }
                drop((owed, permit));
            });
        }
    }
}
