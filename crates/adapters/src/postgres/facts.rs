//! Facts and snapshots as rows: how they are read.
//! It does not know how they come there.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use platform::log::{
    Cause, MISSED_FACTS_MAX, Position, RecordedFact, Shard, ShardInfo, ShardState, Snapshot, StreamId, Version,
};
use platform::store::{StoreError, StoreResult};
use tokio_postgres::Row;

use super::Store;
use super::plan::key_of;
use super::reads::Question;
use super::values::{Time, count_of, escaped, get, signed, text, unescaped, unsigned};

/// Everything of a fact, in the order in which [`fact_of`] reads it.
macro_rules! fact {
    () => {
        "f.shard, f.position, f.key, f.kind, f.version, f.type, f.schema, f.time, f.actor, f.command, f.trace, \
         f.body::text"
    };
}

pub const READ_SHARD: &str =
    concat!("SELECT ", fact!(), " FROM facts f WHERE f.shard = $1 AND f.position > $2 ORDER BY f.position LIMIT $3");
const READ_SINCE_SNAPSHOTS: &str = concat!(
    "SELECT ",
    fact!(),
    ", t.n FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS t (key, kind, most, n) \
     CROSS JOIN LATERAL (SELECT * FROM facts g WHERE g.key = t.key AND g.kind = t.kind AND g.version > \
     coalesce((SELECT s.version FROM snapshots s WHERE s.key = t.key AND s.kind = t.kind), 0) \
     ORDER BY g.version LIMIT t.most) AS f ORDER BY t.n, f.version"
);
const LOAD_SNAPSHOTS: &str = "SELECT s.version, s.time, s.state_version, s.body, t.n \
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (key, kind, n) \
    JOIN snapshots s ON s.key = t.key AND s.kind = t.kind";
const READ_TAILS: &str = concat!(
    "SELECT ",
    fact!(),
    ", t.n FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY \
     AS t (key, kind, after, most, n) CROSS JOIN LATERAL \
     (SELECT * FROM facts g WHERE g.key = t.key AND g.kind = t.kind AND g.version > t.after \
      ORDER BY g.version LIMIT t.most) AS f ORDER BY t.n, f.version"
);
pub const SHARDS: &str = "SELECT s.shard, s.epoch, s.is_fenced, \
    (SELECT f.position FROM facts f WHERE f.shard = s.shard ORDER BY f.position DESC LIMIT 1) \
    FROM shards s ORDER BY s.shard";
const LOAD_SNAPSHOT: &str = "SELECT version, time, state_version, body FROM snapshots WHERE key = $1 AND kind = $2";
const SAVE_SNAPSHOT: &str = "SELECT save_snapshot_v1($1, $2, $3, $4, $5, $6)";

pub async fn read_shard(store: &Store, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
    let rows = store.read(READ_SHARD, &[&shard.cast_signed(), &signed(after), &count_of(limit)]).await?;
    rows.iter().map(|row| fact_of(row, None)).collect()
}

/// A stream's snapshot, and at most so many facts after it.
pub struct LatestOf {
    pub stream: StreamId,
    pub limit: usize,
}

impl Question for LatestOf {
    type Answer = (Option<Snapshot>, Vec<RecordedFact>);

    /// Snapshots are looked for first: one that is saved between the two only lets facts be missing that the caller then
    /// sees to be missing.
    async fn read_all(store: &Store, asked: &[Self]) -> StoreResult<Vec<Self::Answer>> {
        let (keys, kinds) = names_of(asked.iter().map(|one| &one.stream));
        let most: Vec<i64> = asked.iter().map(|one| count_of(one.limit)).collect();
        let (snapshots, facts) = store
            .read_both((LOAD_SNAPSHOTS, &[&keys, &kinds]), (READ_SINCE_SNAPSHOTS, &[&keys, &kinds, &most]))
            .await?;
        let mut found: Vec<Self::Answer> = vec![(None, Vec::new()); asked.len()];
        for row in &snapshots {
            let place = place_of(row, 4, asked.len())?;
            found[place].0 = Some(snapshot_of(row, &asked[place].stream)?);
        }
        for row in &facts {
            let place = place_of(row, 12, asked.len())?;
            found[place].1.push(fact_of(row, Some(&asked[place].stream))?);
        }
        Ok(found)
    }
}

/// A stream's facts after a version, the first so many of them.
pub struct TailOf {
    pub stream: StreamId,
    pub after: Version,
    pub limit: usize,
}

impl Question for TailOf {
    type Answer = Vec<RecordedFact>;

    async fn read_all(store: &Store, asked: &[Self]) -> StoreResult<Vec<Self::Answer>> {
        let (keys, kinds) = names_of(asked.iter().map(|one| &one.stream));
        let after: Vec<i64> = asked.iter().map(|one| signed(one.after)).collect();
        let most: Vec<i64> = asked.iter().map(|one| count_of(one.limit)).collect();
        let rows = store.read(READ_TAILS, &[&keys, &kinds, &after, &most]).await?;
        let mut found = vec![Vec::new(); asked.len()];
        for row in &rows {
            let place = place_of(row, 12, asked.len())?;
            found[place].push(fact_of(row, Some(&asked[place].stream))?);
        }
        Ok(found)
    }
}

/// Keys and kinds, each as a list.
fn names_of<'a>(streams: impl Iterator<Item = &'a StreamId>) -> (Vec<Cow<'a, str>>, Vec<&'a str>) {
    streams.map(|stream| (escaped(key_of(stream)), stream.kind())).unzip()
}

fn place_of(row: &Row, column: usize, count: usize) -> StoreResult<usize> {
    let nth: i64 = get(row, column)?;
    let place = usize::try_from(nth - 1).ok().filter(|place| *place < count);
    place.ok_or_else(|| StoreError::Corrupt("a read was answered that nobody asked for".into()))
}

/// Of each stream the facts after the least version that somebody expected, as many as whoever expected the most
/// may be told.
pub async fn read_tails(
    store: &Store,
    behind: &BTreeMap<&StreamId, (Version, Version)>,
) -> StoreResult<HashMap<StreamId, Vec<RecordedFact>>> {
    let (keys, kinds) = names_of(behind.keys().copied());
    let after: Vec<i64> = behind.values().map(|(least, _)| signed(*least)).collect();
    let most: Vec<i64> =
        behind.values().map(|(least, most)| signed(most - least).saturating_add(count_of(MISSED_FACTS_MAX))).collect();
    let rows = store.read(READ_TAILS, &[&keys, &kinds, &after, &most]).await?;
    let mut found: HashMap<StreamId, Vec<RecordedFact>> = HashMap::new();
    for row in &rows {
        let fact = fact_of(row, None)?;
        found.entry(fact.stream.clone()).or_default().push(fact);
    }
    Ok(found)
}

pub async fn shards(store: &Store) -> StoreResult<Vec<ShardInfo>> {
    store.read(SHARDS, &[]).await?.iter().map(shard_of).collect()
}

pub fn shard_of(row: &Row) -> StoreResult<ShardInfo> {
    let head: Option<i64> = get(row, 3)?;
    Ok(ShardInfo {
        shard: get::<i16>(row, 0)?.cast_unsigned(),
        epoch: unsigned(get(row, 1)?),
        state: if get(row, 2)? { ShardState::Fenced } else { ShardState::Open },
        head: head.map_or(0, unsigned),
    })
}

pub async fn load_snapshot(store: &Store, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
    let rows = store.read(LOAD_SNAPSHOT, &[&escaped(key_of(stream)), &stream.kind()]).await?;
    rows.first().map(|row| snapshot_of(row, stream)).transpose()
}

pub async fn save_snapshot(store: &Store, snapshot: &Snapshot) -> StoreResult<()> {
    let stream = &snapshot.stream;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
        &escaped(key_of(stream)),
        &stream.kind(),
        &signed(snapshot.version),
        &Time(snapshot.time),
        &i64::from(snapshot.state_version),
        &escaped(&snapshot.body),
    ];
    store.write(SAVE_SNAPSHOT, &values).await.map(drop)
}

fn snapshot_of(row: &Row, stream: &StreamId) -> StoreResult<Snapshot> {
    let state_version: i64 = get(row, 2)?;
    Ok(Snapshot {
        stream: stream.clone(),
        version: unsigned(get(row, 0)?),
        time: get::<Time>(row, 1)?.0,
        state_version: u32::try_from(state_version).map_err(|_| out_of_bounds())?,
        body: text(row, 3)?,
    })
}

pub fn fact_of(row: &Row, stream: Option<&StreamId>) -> StoreResult<RecordedFact> {
    let stream = match stream {
        Some(stream) => stream.clone(),
        None => {
            let (key, kind): (&str, &str) = (get(row, 2)?, get(row, 3)?);
            let name = format!("{kind}-{}", unescaped(key));
            StreamId::parse(&name).map_err(|error| StoreError::Corrupt(error.to_string()))?
        }
    };
    let schema: i32 = get(row, 6)?;
    let trace: Option<&str> = get(row, 10)?;
    let body: &str = get(row, 11)?;
    Ok(RecordedFact {
        shard: get::<i16>(row, 0)?.cast_unsigned(),
        position: unsigned(get(row, 1)?),
        stream,
        version: unsigned(get(row, 4)?),
        type_name: text(row, 5)?,
        schema: u16::try_from(schema).map_err(|_| out_of_bounds())?,
        time: get::<Time>(row, 7)?.0,
        cause: Cause {
            actor: text(row, 8)?,
            trace: trace.map(|trace| unescaped(trace).into()),
            command: text(row, 9)?,
        },
        body: body.into(),
    })
}

fn out_of_bounds() -> StoreError {
    StoreError::Corrupt("a stored number is out of bounds".into())
}
