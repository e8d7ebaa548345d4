//! The two storage ports on this engine, and how a statement finds its connection.
//! There is no SQL here.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use platform::documents::{
    Checkpoint, Collection, Conditional, Document, Documents, Expected, Page, Put, Query, WriteBatch,
};
use platform::log::{
    AppendId, Batch, Epoch, GroupOutcome, Log, Position, RecordedFact, Shard, ShardInfo, ShardState, Snapshot,
    StreamId, Version,
};
use platform::store::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::append::Appender;
use super::facts::{LatestOf, TailOf};
use super::failure::{is_over, is_worth_another_try, of_read, of_write};
use super::gather::Gatherer;
use super::reads::GatheredReads;
use super::rows::Reader;
use super::values::{get, unsigned};
use super::{Store, facts, rows, writes};

/// A statement with its values.
pub type Asked<'a> = (&'a str, &'a [&'a (dyn ToSql + Sync)]);

/// How often a write that stood in another's way is sent.
const ATTEMPTS_MAX: u32 = 5;

impl Store {
    /// Reads. Where the connection is of no use any more, once more on another: it may have been lost long before.
    pub async fn read(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        let error = match self.reading.lease().await?.query(sql, values).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        if !is_over(&error) {
            return Err(of_read(&error));
        }
        self.reading.lease().await?.query(sql, values).await.map_err(|error| of_read(&error))
    }

    /// Two reads in one round trip.
    pub async fn read_both(&self, first: Asked<'_>, second: Asked<'_>) -> StoreResult<(Vec<Row>, Vec<Row>)> {
        let error = match self.reading.lease().await?.query_both(first, second).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        if !is_over(&error) {
            return Err(of_read(&error));
        }
        self.reading.lease().await?.query_both(first, second).await.map_err(|error| of_read(&error))
    }

    /// Writes, in a transaction of its own, durable when this returns.
    pub async fn write(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        self.try_write(sql, values).await.map_err(|refused| refused.error)
    }

    /// As [`Self::write`], telling why it failed.
    pub async fn try_write(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Refused> {
        let mut lease = self.writing.lease().await?;
        let statement = lease.prepare(sql).await.map_err(|error| of_read(&error))?;
        let mut attempts = 1;
        loop {
            match lease.run(&statement, values).await {
                Ok(rows) => return Ok(rows),
                Err(error) if is_worth_another_try(&error) && attempts < ATTEMPTS_MAX => attempts += 1,
                Err(error) => {
                    let is_about_a_value = super::failure::is_about_a_value(&error);
                    return Err(Refused { error: of_write(&error), is_about_a_value });
                }
            }
        }
    }
}

impl Reader for &Store {
    async fn read(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        Store::read(self, sql, values).await
    }
}

/// Why a write failed.
pub struct Refused {
    pub error: StoreError,
    /// Nothing was written: a column cannot hold one of the values.
    pub is_about_a_value: bool,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self { error, is_about_a_value: false }
    }
}

/// Does the work whether or not the caller looks. One that holds a connection, or a turn for one, and is not looked at for a
/// while — one of many in a buffer whose owner waits for something else — would keep it from everybody, from that owner, too.
pub(super) async fn by_itself<T: Send + 'static>(
    work: impl Future<Output = StoreResult<T>> + Send + 'static,
) -> StoreResult<T> {
    let done = tokio::spawn(work).await;
    done.map_err(|_| StoreError::Unknown("the shop is shutting down".into()))?
}

/// The log in the database.
pub(super) struct PostgresLog {
    store: Arc<Store>,
    appender: Arc<Appender>,
    latest: GatheredReads<LatestOf>,
    tails: GatheredReads<TailOf>,
}

impl PostgresLog {
    pub fn new(store: Arc<Store>, appender: Arc<Appender>) -> Self {
        let (latest, tails) = (GatheredReads::new(store.clone()), GatheredReads::new(store.clone()));
        Self { store, appender, latest, tails }
    }
}

#[async_trait]
impl Log for PostgresLog {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        let appender = self.appender.clone();
        by_itself(async move { appender.append(&batch).await }).await
    }

    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        let appender = self.appender.clone();
        by_itself(async move { appender.find(id).await }).await
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.tails.read(TailOf { stream: stream.clone(), after, limit }).await
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        let store = self.store.clone();
        by_itself(async move { facts::read_shard(&store, shard, after, limit).await }).await
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        let store = self.store.clone();
        by_itself(async move { facts::shards(&store).await }).await
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        let is_fenced = state == ShardState::Fenced;
        let values: [&(dyn ToSql + Sync); 3] = [&self.store.lock_class, &shard.cast_signed(), &is_fenced];
        let rows = self.store.write("SELECT fence_v1($1, $2, $3)", &values).await?;
        let epoch = rows.first().map(|row| get::<Option<i64>>(row, 0)).transpose()?.flatten();
        epoch.map(unsigned).ok_or_else(|| StoreError::Corrupt(format!("there is no shard {shard}")))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        let store = self.store.clone();
        by_itself(async move { facts::save_snapshot(&store, &snapshot).await }).await
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        let (store, stream) = (self.store.clone(), stream.clone());
        by_itself(async move { facts::load_snapshot(&store, &stream).await }).await
    }

    async fn read_latest(&self, stream: &StreamId, limit: usize) -> StoreResult<(Option<Snapshot>, Vec<RecordedFact>)> {
        self.latest.read(LatestOf { stream: stream.clone(), limit }).await
    }

    /// Any node may append.
    fn owned_alone(&self) -> bool {
        false
    }
}

/// The documents in the database.
pub(super) struct PostgresDocuments {
    pub store: Arc<Store>,
    pub gatherer: Gatherer,
}

#[async_trait]
impl Documents for PostgresDocuments {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        let store = self.store.clone();
        by_itself(async move { writes::write(&store, &batch).await }).await
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        self.gatherer.put_if(put, expected, now).await
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        let (store, id) = (self.store.clone(), id.to_owned());
        by_itself(async move { rows::get(&*store, collection, &id, now).await }).await
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        let (store, ids) = (self.store.clone(), ids.to_vec());
        by_itself(async move { rows::get_many(&*store, collection, &ids, now).await }).await
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        let store = self.store.clone();
        by_itself(async move { rows::query(&*store, &query, now).await }).await
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        let (store, after) = (self.store.clone(), after.map(str::to_owned));
        by_itself(async move { rows::scan(&*store, collection, after.as_deref(), limit).await }).await
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        let (store, projection) = (self.store.clone(), projection.to_owned());
        by_itself(async move { rows::checkpoints(&*store, &projection).await }).await
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let store = self.store.clone();
        by_itself(async move { writes::delete_expired(&store, now, limit).await }).await
    }
}
