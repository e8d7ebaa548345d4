//! A whole store read in order, and a whole store written into a schema that has none yet.
//! It does not know where the other side of the copy is.
//!
//! What arrives is committed piece by piece, in order, so that another attempt goes on behind it. Until it is complete no
//! node opens the schema, and one attempt at a time works there: it holds an advisory lock of its session.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use platform::copying::{Destination, Origin, Record};
use platform::documents::Checkpoint;
use platform::log::{Log, Position, RecordedFact, Shard, ShardInfo};
use platform::store::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connector::{Connection, Connector, Primary, Purpose};
use super::failure::{describe, is_about_a_value, of_read, of_write};
use super::health::Lookout;
use super::ports::PostgresLog;
use super::schema::{self, Begun};
use super::values::{Time, count_of, escaped, get, signed, text, unescaped, unsigned};
use super::writes::Bodies;
use super::{OpenError, Options, Store, facts, plan};

/// Beside the locks of shards, and that of who makes the tables. The server may need a moment to see that an earlier
/// attempt is dead.
const ONE_AT_A_TIME: &str = "SELECT pg_advisory_lock($1, -2)";
const WAIT_FOR_IT: &str = "SET lock_timeout = '10s'";
const WAIT_FOR_NOTHING: &str = "SET lock_timeout = 0";
/// What PostgreSQL says when a lock was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

const RECORDS: &str = "SELECT d.collection, d.id, d.version, d.expires, coalesce(d.exact, d.body::text) FROM documents d \
    WHERE (d.collection, d.id) > ($1, $2) ORDER BY d.collection, d.id LIMIT $3";
const ENTRIES: &str = "SELECT e.collection, e.id, e.idx, e.key FROM entries e \
    WHERE (e.collection, e.id) > ($1, $2) AND (e.collection, e.id) <= ($3, $4)";
const CHECKPOINTS: &str = "SELECT projection, shard, position FROM checkpoints ORDER BY projection, shard";
const LAST_RECORD: &str = "SELECT collection, id FROM documents ORDER BY collection DESC, id DESC LIMIT 1";

const ADD_FACTS: &str = "INSERT INTO facts \
    (shard, position, key, kind, version, type, schema, time, actor, command, trace, body) \
    SELECT $1, t.position, t.key, t.kind, t.version, t.type, t.schema, t.time, t.actor, t.command, t.trace, t.body::json \
    FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::integer[], $8::timestamptz[], \
    $9::text[], $10::text[], $11::text[], $12::text[]) \
    AS t (position, key, kind, version, type, schema, time, actor, command, trace, body)";
const ADD_RECORDS: &str = "WITH added AS ( \
    INSERT INTO documents (collection, id, version, expires, body, exact) \
    SELECT t.collection, t.id, t.version, t.expires, t.body::jsonb, t.exact \
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[]) \
    AS t (collection, id, version, expires, body, exact) \
    ) INSERT INTO entries (collection, id, idx, key) \
    SELECT t.collection, t.id, t.idx, t.key FROM unnest($7::text[], $8::text[], $9::text[], $10::bytea[]) \
    AS t (collection, id, idx, key)";
const SET_CHECKPOINTS: &str = "INSERT INTO checkpoints (projection, shard, position) \
    SELECT t.projection, t.shard, t.position FROM unnest($1::text[], $2::smallint[], $3::bigint[]) \
    AS t (projection, shard, position) \
    ON CONFLICT (projection, shard) DO UPDATE SET position = excluded.position";

/// A store at the moment that a [`super::Moment`] looks at.
pub(super) struct PostgresOrigin {
    pub log: Arc<PostgresLog>,
    pub store: Arc<Store>,
}

#[async_trait]
impl Origin for PostgresOrigin {
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.log.shards().await
    }

    async fn facts(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.log.read_shard(shard, after, limit).await
    }

    async fn records(&self, after: Option<(&str, &str)>, limit: usize) -> StoreResult<Vec<Record>> {
        let after = Place::of(after);
        let rows = self.store.read(RECORDS, &[&after.collection, &after.id, &count_of(limit)]).await?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        let last = (get::<&str>(last, 0)?, get::<&str>(last, 1)?);
        let entries = self.store.read(ENTRIES, &[&after.collection, &after.id, &last.0, &last.1]).await?;
        records_of(&rows, &entries)
    }

    async fn checkpoints(&self) -> StoreResult<Vec<Checkpoint>> {
        self.store.read(CHECKPOINTS, &[]).await?.iter().map(checkpoint_of).collect()
    }
}

/// Behind nothing is what comes before every document: no collection is without a name.
struct Place {
    collection: String,
    id: String,
}

impl Place {
    fn of(after: Option<(&str, &str)>) -> Self {
        let (collection, id) = after.unwrap_or_default();
        Self { collection: escaped(collection).into_owned(), id: escaped(id).into_owned() }
    }
}

/// Index and key of each.
type Entries = Vec<(String, Vec<u8>)>;

fn records_of(rows: &[Row], entries: &[Row]) -> StoreResult<Vec<Record>> {
    let mut lying_beside: BTreeMap<(&str, &str), Entries> = BTreeMap::new();
    for row in entries {
        let (index, key): (&str, &[u8]) = (get(row, 2)?, get(row, 3)?);
        let document = (get(row, 0)?, get(row, 1)?);
        lying_beside.entry(document).or_default().push((unescaped(index).into_owned(), key.to_vec()));
    }
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let (collection, id): (&str, &str) = (get(row, 0)?, get(row, 1)?);
        let expires: Option<Time> = get(row, 3)?;
        let mut entries = lying_beside.remove(&(collection, id)).unwrap_or_default();
        entries.sort();
        records.push(Record {
            collection: unescaped(collection).into_owned(),
            id: unescaped(id).into_owned(),
            version: unsigned(get(row, 2)?),
            expires: expires.map(|time| time.0),
            body: text(row, 4)?,
            entries,
        });
    }
    match lying_beside.keys().next() {
        Some((collection, id)) => {
            Err(StoreError::Corrupt(format!("an index entry has no document: {collection} {id}")))
        }
        None => Ok(records),
    }
}

fn checkpoint_of(row: &Row) -> StoreResult<Checkpoint> {
    let projection: &str = get(row, 0)?;
    Ok(Checkpoint::stored(&unescaped(projection), get::<i16>(row, 1)?.cast_unsigned(), unsigned(get(row, 2)?)))
}

/// A schema into which a store is copied.
pub struct Arrival {
    connection: Connection,
    lookout: tokio::sync::Mutex<Lookout>,
    is_complete: bool,
}

/// A schema that nobody else copies into, and that may take a store, before anybody has summed up which.
pub struct Destined {
    connection: Connection,
    lookout: Lookout,
    schema: String,
}

impl Destined {
    /// Connects, and looks whether the schema may take a store. Nothing is made or changed there.
    pub async fn reach(options: &Options) -> Result<Self, OpenError> {
        schema::check_name(&options.schema)?;
        let primary: Arc<Primary> = Arc::default();
        let connector = Connector::new(options, Purpose::Writing, primary.clone())?;
        let connection = connector.connect().await?;
        let lock = schema::lock_class(&options.schema);
        connection.client.batch_execute(WAIT_FOR_IT).await?;
        connection.client.query_one(ONE_AT_A_TIME, &[&lock]).await.map_err(|error| {
            match error.code().is_some_and(|state| state.code() == LOCK_NOT_AVAILABLE) {
                true => OpenError::Unusable(format!("somebody else is copying into the schema `{}`", options.schema)),
                false => error.into(),
            }
        })?;
        connection.client.batch_execute(WAIT_FOR_NOTHING).await?;
        schema::look_at_destination(&connection.client, &options.schema).await?;
        Ok(Self { connection, lookout: Lookout::new(options, &primary)?, schema: options.schema.clone() })
    }
}

impl Arrival {
    /// Begins, or finds what an earlier attempt left. `digest` sums up what is to come: who goes on copies the same.
    pub async fn begin(at: Destined, shards: &[ShardInfo], digest: &str) -> Result<Self, OpenError> {
        let Destined { mut connection, mut lookout, schema } = at;
        let begun = lookout.during(schema::begin_arrival(&mut connection.client, &schema, shards, digest)).await?;
        let is_complete = begun == Begun::Complete;
        Ok(Self { connection, lookout: tokio::sync::Mutex::new(lookout), is_complete })
    }

    /// Whether an earlier attempt came to its end. The shop may have been served since.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What is there, read by the connection that wrote it.
    pub fn origin(&self) -> &dyn Origin {
        self
    }

    /// From now on nodes open it. Statistics are made first, so that nothing is planned for empty tables.
    pub async fn finish(self) -> StoreResult<()> {
        let (client, mut lookout) = (&self.connection.client, self.lookout.into_inner());
        let analyzed = lookout.during(client.batch_execute("ANALYZE facts, documents, entries, checkpoints")).await;
        if let Err(error) = analyzed {
            // The server makes them by itself, a little later.
            tracing::warn!(error = describe(&error), "there are no statistics of the new tables yet");
        }
        let done = lookout.during(schema::complete_arrival(client)).await;
        done.map_err(|error| of_write(&error))
    }

    async fn read(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        let statement = self.connection.prepare(sql).await.map_err(|error| of_read(&error))?;
        self.connection.client.query(&statement, values).await.map_err(|error| of_read(&error))
    }

    async fn write(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), tokio_postgres::Error> {
        let statement = self.connection.prepare(sql).await?;
        let written = self.connection.client.execute(&statement, values);
        self.lookout.lock().await.during(written).await.map(drop)
    }

    async fn send_records(&self, records: &[Record], as_texts: bool) -> Result<(), tokio_postgres::Error> {
        let bodies = Bodies::of(records.iter().map(|record| &*record.body), as_texts);
        let collections: Vec<_> = records.iter().map(|record| escaped(&record.collection)).collect();
        let ids: Vec<_> = records.iter().map(|record| escaped(&record.id)).collect();
        let versions: Vec<i64> = records.iter().map(|record| signed(record.version)).collect();
        let expires: Vec<Option<Time>> = records.iter().map(|record| record.expires.map(Time)).collect();
        let (mut in_collections, mut of_ids, mut in_indexes, mut keys) = (vec![], vec![], vec![], vec![]);
        for (nth, record) in records.iter().enumerate() {
            for (index, key) in &record.entries {
                in_collections.push(&collections[nth]);
                of_ids.push(&ids[nth]);
                in_indexes.push(escaped(index));
                keys.push(&key[..]);
            }
        }
        let values: [&(dyn ToSql + Sync); 10] = [
            &collections,
            &ids,
            &versions,
            &expires,
            &bodies.jsonb,
            &bodies.exact,
            &in_collections,
            &of_ids,
            &in_indexes,
            &keys,
        ];
        self.write(ADD_RECORDS, &values).await
    }
}

#[async_trait]
impl Origin for Arrival {
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.read(facts::SHARDS, &[]).await?.iter().map(facts::shard_of).collect()
    }

    async fn facts(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        let values: [&(dyn ToSql + Sync); 3] = [&shard.cast_signed(), &signed(after), &count_of(limit)];
        self.read(facts::READ_SHARD, &values).await?.iter().map(|row| facts::fact_of(row, None)).collect()
    }

    async fn records(&self, after: Option<(&str, &str)>, limit: usize) -> StoreResult<Vec<Record>> {
        let after = Place::of(after);
        let rows = self.read(RECORDS, &[&after.collection, &after.id, &count_of(limit)]).await?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        let last = (get::<&str>(last, 0)?, get::<&str>(last, 1)?);
        let entries = self.read(ENTRIES, &[&after.collection, &after.id, &last.0, &last.1]).await?;
        records_of(&rows, &entries)
    }

    async fn checkpoints(&self) -> StoreResult<Vec<Checkpoint>> {
        self.read(CHECKPOINTS, &[]).await?.iter().map(checkpoint_of).collect()
    }
}

#[async_trait]
impl Destination for Arrival {
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        Origin::shards(self).await
    }

    async fn last_record(&self) -> StoreResult<Option<(String, String)>> {
        let rows = self.read(LAST_RECORD, &[]).await?;
        let place_of = |row: &Row| {
            let (collection, id): (&str, &str) = (get(row, 0)?, get(row, 1)?);
            Ok((unescaped(collection).into_owned(), unescaped(id).into_owned()))
        };
        rows.first().map(place_of).transpose()
    }

    async fn add_facts(&self, facts: &[RecordedFact]) -> StoreResult<()> {
        let Some(first) = facts.first() else { return Ok(()) };
        let positions: Vec<i64> = facts.iter().map(|fact| signed(fact.position)).collect();
        let keys: Vec<_> = facts.iter().map(|fact| escaped(plan::key_of(&fact.stream))).collect();
        let kinds: Vec<&str> = facts.iter().map(|fact| fact.stream.kind()).collect();
        let versions: Vec<i64> = facts.iter().map(|fact| signed(fact.version)).collect();
        let types: Vec<_> = facts.iter().map(|fact| escaped(&fact.type_name)).collect();
        let schemas: Vec<i32> = facts.iter().map(|fact| fact.schema.into()).collect();
        let times: Vec<Time> = facts.iter().map(|fact| Time(fact.time)).collect();
        let actors: Vec<_> = facts.iter().map(|fact| escaped(&fact.cause.actor)).collect();
        let commands: Vec<_> = facts.iter().map(|fact| escaped(&fact.cause.command)).collect();
        let traces: Vec<_> = facts.iter().map(|fact| fact.cause.trace.as_deref().map(escaped)).collect();
        let bodies: Vec<&str> = facts.iter().map(|fact| &*fact.body).collect();
        let values: [&(dyn ToSql + Sync); 12] = [
            &first.shard.cast_signed(),
            &positions,
            &keys,
            &kinds,
            &versions,
            &types,
            &schemas,
            &times,
            &actors,
            &commands,
            &traces,
            &bodies,
        ];
        self.write(ADD_FACTS, &values).await.map_err(|error| of_write(&error))
    }

    async fn add_records(&self, records: &[Record]) -> StoreResult<()> {
        match self.send_records(records, false).await {
            // `jsonb` cannot hold one of them, so all of them are kept as the texts that they are.
            Err(error) if is_about_a_value(&error) => self.send_records(records, true).await,
            sent => sent,
        }
        .map_err(|error| of_write(&error))
    }

    async fn set_checkpoints(&self, checkpoints: &[Checkpoint]) -> StoreResult<()> {
        let projections: Vec<_> = checkpoints.iter().map(|checkpoint| escaped(&checkpoint.projection)).collect();
        let shards: Vec<i16> = checkpoints.iter().map(|checkpoint| checkpoint.shard.cast_signed()).collect();
        let positions: Vec<i64> = checkpoints.iter().map(|checkpoint| signed(checkpoint.position)).collect();
        let set = self.write(SET_CHECKPOINTS, &[&projections, &shards, &positions]).await;
        set.map_err(|error| of_write(&error))
    }
}
