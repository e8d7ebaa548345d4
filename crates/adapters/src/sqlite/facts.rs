//! Facts as rows: how they are appended within a transaction, and how they are read.
//! It does not know who begins or commits the transaction.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use platform::log::{
    APPEND_ID_KEPT_S, AppendId, Batch, Cause, Epoch, Group, GroupOutcome, MISSED_FACTS_MAX, Missed, Placed, Position,
    RecordedFact, Shard, ShardInfo, ShardState, Snapshot, StreamAppend, StreamId, Version,
};
use platform::store::StoreError;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failure::{Failure, Outcome};
use super::names::Names;
use crate::packing;

/// A fact's row number is its shard and, in the low bits, its position. 2^40 facts fit a shard.
const POSITION_BITS: u32 = 40;
/// Streams whose version the writer remembers.
const VERSIONS_REMEMBERED: usize = 50_000;
/// Append ids that are forgotten in one go, so that no commit waits long for it.
const FORGOTTEN_AT_ONCE: usize = 2_000;

const INSERT_FACT: &str = "INSERT INTO facts
    (place, key, kind, version, type, schema, time, actor, command, trace, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const FACT: &str = "place, key, kind, version, type, schema, time, actor, command, trace, body";

/// What the writer remembers between transactions. It stays true because no other process appends.
pub struct Heads {
    shards: Vec<Held>,
    versions: HashMap<StreamId, Version>,
    /// The time of the newest append id.
    latest: Option<Timestamp>,
    forget_at: Timestamp,
}

struct Held {
    epoch: Epoch,
    state: ShardState,
    head: Position,
}

impl Heads {
    pub fn load(conn: &Connection) -> Outcome<Self> {
        let shards = shards(conn)?
            .into_iter()
            .map(|info| Held { epoch: info.epoch, state: info.state, head: info.head })
            .collect();
        let latest = latest_append(conn)?;
        Ok(Self { shards, versions: HashMap::new(), latest, forget_at: Timestamp::MIN })
    }

    fn shard_of(&self, stream: &StreamId) -> Shard {
        stream.shard(Shard::try_from(self.shards.len()).unwrap_or(Shard::MAX))
    }

    fn remember(&mut self, stream: &StreamId, version: Version) {
        if let Some(known) = self.versions.get_mut(stream) {
            *known = version;
            return;
        }
        if self.versions.len() >= VERSIONS_REMEMBERED {
            self.versions.clear();
        }
        self.versions.insert(stream.clone(), version);
    }
}

/// An append under way: the open transaction and what the writer remembers.
pub struct Appending<'a> {
    pub conn: &'a Connection,
    pub names: &'a mut Names,
    pub heads: &'a mut Heads,
}

impl Appending<'_> {
    pub fn append(&mut self, batch: &Batch) -> Outcome<Vec<GroupOutcome>> {
        self.forget_old_appends(batch.time)?;
        let mut spoiled = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(batch.groups.len());
        for group in &batch.groups {
            let outcome = match self.objection(group, &batch.epochs, &spoiled)? {
                Some(objection) => {
                    spoiled.extend(group.streams.iter().filter(|one| !one.facts.is_empty()).map(|one| &one.stream));
                    objection
                }
                None => GroupOutcome::Committed(self.write(group)?),
            };
            outcomes.push(outcome);
        }
        self.keep_outcomes(batch, &outcomes)?;
        Ok(outcomes)
    }

    /// Why a group cannot be written. Everything is asked before anything is written, so no group is ever half done.
    fn objection(
        &mut self,
        group: &Group,
        epochs: &[Epoch],
        spoiled: &BTreeSet<&StreamId>,
    ) -> Outcome<Option<GroupOutcome>> {
        for append in &group.streams {
            let shard = self.heads.shard_of(&append.stream);
            let known = epochs.get(usize::from(shard)).copied().unwrap_or(0);
            let held = &self.heads.shards[usize::from(shard)];
            if held.epoch != known || held.state == ShardState::Fenced {
                return Ok(Some(GroupOutcome::Fenced { shard, epoch: held.epoch }));
            }
        }
        let mut missed = Vec::new();
        for StreamAppend { stream, expected, .. } in &group.streams {
            let actual = self.version(stream)?;
            if actual != *expected || spoiled.contains(stream) {
                let facts = read_stream(self.conn, self.names, stream, *expected, MISSED_FACTS_MAX)?;
                missed.push(Missed { stream: stream.clone(), actual, facts });
            }
        }
        Ok((!missed.is_empty()).then_some(GroupOutcome::Conflict(missed)))
    }

    fn version(&mut self, stream: &StreamId) -> Outcome<Version> {
        if let Some(version) = self.heads.versions.get(stream) {
            return Ok(*version);
        }
        let version = match self.names.find(self.conn, stream.kind())? {
            Some(kind) => stored_version(self.conn, kind, key_of(stream))?,
            None => 0,
        };
        self.heads.remember(stream, version);
        Ok(version)
    }

    fn write(&mut self, group: &Group) -> Outcome<Vec<Placed>> {
        let command = match &*group.cause.command {
            "" => None,
            command => Some(self.names.intern(self.conn, command)?),
        };
        let trace = group.cause.trace.as_deref().map(pack_trace);
        let time = group.time.as_microsecond();
        let mut insert = self.conn.prepare_cached(INSERT_FACT)?;
        let mut placed = Vec::with_capacity(group.streams.len());
        for StreamAppend { stream, facts, .. } in &group.streams {
            let shard = self.heads.shard_of(stream);
            let head = self.heads.shards[usize::from(shard)].head;
            let count = u32::try_from(facts.len()).map_err(|_| Failure::refused("a group of too many facts"))?;
            if count == 0 {
                placed.push(Placed { shard, first: head, count });
                continue;
            }
            let (kind, key) = (self.names.intern(self.conn, stream.kind())?, key_of(stream));
            let before = self.version(stream)?;
            for (fact, nth) in facts.iter().zip(1..) {
                insert.execute(params![
                    place(shard, head + nth),
                    key,
                    kind,
                    signed(before + nth),
                    self.names.intern(self.conn, &fact.type_name)?,
                    fact.schema,
                    time,
                    &*group.cause.actor,
                    command,
                    &trace,
                    &*fact.body,
                ])?;
            }
            self.heads.shards[usize::from(shard)].head += u64::from(count);
            self.heads.remember(stream, before + u64::from(count));
            placed.push(Placed { shard, first: head + 1, count });
        }
        Ok(placed)
    }

    fn keep_outcomes(&mut self, batch: &Batch, outcomes: &[GroupOutcome]) -> Outcome<()> {
        let mut insert = self.conn.prepare_cached("INSERT INTO appends (time, id, outcomes) VALUES (?1, ?2, ?3)")?;
        match insert.execute(params![batch.time.as_microsecond(), batch.id.0, packing::pack_outcomes(outcomes)]) {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                return Err(used_twice(self.conn, batch.id)?);
            }
            Err(error) => return Err(error.into()),
        }
        self.heads.latest = self.heads.latest.max(Some(batch.time));
        Ok(())
    }

    fn forget_old_appends(&mut self, now: Timestamp) -> Outcome<()> {
        if now < self.heads.forget_at {
            return Ok(());
        }
        let mut delete = self.conn.prepare_cached(
            "DELETE FROM appends WHERE (time, id) IN
             (SELECT time, id FROM appends WHERE time < ?1 ORDER BY time, id LIMIT ?2)",
        )?;
        let limit = i64::try_from(FORGOTTEN_AT_ONCE).unwrap_or(i64::MAX);
        delete.execute(params![kept_since(now), limit])?;
        self.heads.forget_at = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
        Ok(())
    }

    /// What became of an append. An id that is not known is written down as one that never happened, so that the
    /// append cannot come later and make the answer untrue.
    pub fn find_append(&mut self, id: AppendId) -> Outcome<Option<Vec<GroupOutcome>>> {
        let known = find_append(self.conn, id)?;
        if known.is_none() {
            let time = self.heads.latest.unwrap_or(Timestamp::MAX).as_microsecond();
            // Nothing to do where the id is there already, asked for before or forgotten by now.
            let mut insert = self.conn.prepare_cached("INSERT OR IGNORE INTO appends (time, id) VALUES (?1, ?2)")?;
            insert.execute(params![time, id.0])?;
        }
        Ok(known)
    }

    pub fn fence(&mut self, shard: Shard, state: ShardState) -> Outcome<Epoch> {
        let held = self.heads.shards.get_mut(usize::from(shard));
        let held = held.ok_or_else(|| Failure::corrupt(format!("there is no shard {shard}")))?;
        let mut update = self.conn.prepare_cached("UPDATE shards SET epoch = ?2, state = ?3 WHERE shard = ?1")?;
        update.execute(params![shard, signed(held.epoch + 1), state_number(state)])?;
        held.epoch += 1;
        held.state = state;
        Ok(held.epoch)
    }

    pub fn save_snapshot(&mut self, snapshot: &Snapshot) -> Outcome<()> {
        let kind = self.names.intern(self.conn, snapshot.stream.kind())?;
        let mut upsert = self.conn.prepare_cached(
            "INSERT INTO snapshots (key, kind, version, time, state_version, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (key, kind) DO UPDATE SET version = excluded.version, time = excluded.time,
                state_version = excluded.state_version, body = excluded.body
             WHERE excluded.version > version",
        )?;
        upsert.execute(params![
            key_of(&snapshot.stream),
            kind,
            signed(snapshot.version),
            snapshot.time.as_microsecond(),
            snapshot.state_version,
            &*snapshot.body,
        ])?;
        Ok(())
    }
}

/// Append ids before this microsecond are forgotten.
fn kept_since(now: Timestamp) -> i64 {
    (now.as_second() - APPEND_ID_KEPT_S + 1) * 1_000_000
}

fn latest_append(conn: &Connection) -> Outcome<Option<Timestamp>> {
    let mut statement = conn.prepare_cached("SELECT max(time) FROM appends WHERE outcomes IS NOT NULL")?;
    let latest: Option<i64> = statement.query_row([], |row| row.get(0))?;
    latest.map(time_of).transpose()
}

pub fn find_append(conn: &Connection, id: AppendId) -> Outcome<Option<Vec<GroupOutcome>>> {
    let mut find = conn.prepare_cached("SELECT time, outcomes FROM appends WHERE id = ?1")?;
    let kept: Option<(i64, Option<Vec<u8>>)> =
        find.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((time, Some(outcomes))) = kept else { return Ok(None) };
    let forgotten = latest_append(conn)?.is_some_and(|latest| time < kept_since(latest));
    if forgotten { Ok(None) } else { Ok(Some(packing::unpack_outcomes(&outcomes)?)) }
}

fn used_twice(conn: &Connection, id: AppendId) -> Outcome<Failure> {
    let mut find = conn.prepare_cached("SELECT outcomes IS NULL FROM appends WHERE id = ?1")?;
    let given_up: bool = find.query_row([id.0], |row| row.get(0)).optional()?.unwrap_or(false);
    Ok(if given_up {
        Failure::refused("somebody asked for this append before it came, and was told that it never happened")
    } else {
        StoreError::Corrupt("an append id was used twice".into()).into()
    })
}

fn stored_version(conn: &Connection, kind: i64, key: &str) -> Outcome<Version> {
    let mut statement = conn.prepare_cached("SELECT max(version) FROM facts WHERE key = ?1 AND kind = ?2")?;
    let version: Option<i64> = statement.query_row(params![key, kind], |row| row.get(0))?;
    Ok(version.map_or(0, unsigned))
}

pub fn read_stream(
    conn: &Connection,
    names: &mut Names,
    stream: &StreamId,
    after: Version,
    limit: usize,
) -> Outcome<Vec<RecordedFact>> {
    let Some(kind) = names.find(conn, stream.kind())? else { return Ok(Vec::new()) };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {FACT} FROM facts WHERE key = ?1 AND kind = ?2 AND version > ?3 ORDER BY version LIMIT ?4"
    ))?;
    let mut rows = statement.query(params![key_of(stream), kind, signed(after), count_of(limit)])?;
    let mut facts = Vec::new();
    while let Some(row) = rows.next()? {
        facts.push(fact_of(conn, names, row, Some(stream))?);
    }
    Ok(facts)
}

pub fn read_shard(
    conn: &Connection,
    names: &mut Names,
    shard: Shard,
    after: Position,
    limit: usize,
) -> Outcome<Vec<RecordedFact>> {
    let mut statement = conn
        .prepare_cached(&format!("SELECT {FACT} FROM facts WHERE place > ?1 AND place < ?2 ORDER BY place LIMIT ?3"))?;
    let (from, to) = (place(shard, after), place(shard, POSITION_MAX));
    let mut rows = statement.query(params![from, to, count_of(limit)])?;
    let mut facts = Vec::new();
    while let Some(row) = rows.next()? {
        facts.push(fact_of(conn, names, row, None)?);
    }
    Ok(facts)
}

pub fn shards(conn: &Connection) -> Outcome<Vec<ShardInfo>> {
    let mut statement = conn.prepare_cached(
        "SELECT shard, epoch, state,
            (SELECT max(place) FROM facts WHERE place >= shard << 40 AND place < (shard + 1) << 40)
         FROM shards ORDER BY shard",
    )?;
    let infos = statement.query_map([], |row| {
        let state = if row.get::<_, i64>(2)? == 0 { ShardState::Open } else { ShardState::Fenced };
        let last: Option<i64> = row.get(3)?;
        let head = last.map_or(0, |last| unsigned(last) & POSITION_MAX);
        Ok(ShardInfo { shard: row.get(0)?, epoch: unsigned(row.get(1)?), state, head })
    })?;
    Ok(infos.collect::<rusqlite::Result<_>>()?)
}

pub fn load_snapshot(conn: &Connection, names: &mut Names, stream: &StreamId) -> Outcome<Option<Snapshot>> {
    let Some(kind) = names.find(conn, stream.kind())? else { return Ok(None) };
    let mut statement =
        conn.prepare_cached("SELECT version, time, state_version, body FROM snapshots WHERE key = ?1 AND kind = ?2")?;
    let mut rows = statement.query(params![key_of(stream), kind])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Snapshot {
        stream: stream.clone(),
        version: unsigned(row.get(0)?),
        time: time_of(row.get(1)?)?,
        state_version: row.get(2)?,
        body: text_of(row, 3)?,
    }))
}

fn fact_of(conn: &Connection, names: &mut Names, row: &Row<'_>, stream: Option<&StreamId>) -> Outcome<RecordedFact> {
    let place = unsigned(row.get(0)?);
    let stream = match stream {
        Some(stream) => stream.clone(),
        None => {
            let name = format!("{}-{}", names.name(conn, row.get(2)?)?, text_ref(row, 1)?);
            StreamId::parse(&name).map_err(|error| Failure::corrupt(error.to_string()))?
        }
    };
    let command: Option<i64> = row.get(8)?;
    let command = command.map(|command| names.name(conn, command)).transpose()?;
    let trace = unpack_trace(row.get_ref(9)?)?;
    Ok(RecordedFact {
        shard: Shard::try_from(place >> POSITION_BITS).map_err(|_| Failure::corrupt("a fact outside every shard"))?,
        position: place & POSITION_MAX,
        stream,
        version: unsigned(row.get(3)?),
        type_name: names.name(conn, row.get(4)?)?,
        schema: row.get(5)?,
        time: time_of(row.get(6)?)?,
        cause: Cause { actor: text_of(row, 7)?, trace, command: command.unwrap_or_default() },
        body: text_of(row, 10)?,
    })
}

/// A fact that another store recorded, at the very place that it has there.
pub fn insert_recorded(conn: &Connection, names: &mut Names, fact: &RecordedFact) -> Outcome<()> {
    let command = match &*fact.cause.command {
        "" => None,
        command => Some(names.intern(conn, command)?),
    };
    conn.prepare_cached(INSERT_FACT)?.execute(params![
        place(fact.shard, fact.position),
        key_of(&fact.stream),
        names.intern(conn, fact.stream.kind())?,
        signed(fact.version),
        names.intern(conn, &fact.type_name)?,
        fact.schema,
        fact.time.as_microsecond(),
        &*fact.cause.actor,
        command,
        fact.cause.trace.as_deref().map(pack_trace),
        &*fact.body,
    ])?;
    Ok(())
}

const POSITION_MAX: Position = (1 << POSITION_BITS) - 1;

fn place(shard: Shard, position: Position) -> i64 {
    (i64::from(shard) << POSITION_BITS) | signed(position.min(POSITION_MAX))
}

/// The stream's name without its kind: rows of one case lie together in the index, whatever their kind.
fn key_of(stream: &StreamId) -> &str {
    stream.as_str().split_once('-').map_or("", |(_, key)| key)
}

pub fn state_number(state: ShardState) -> i64 {
    match state {
        ShardState::Open => 0,
        ShardState::Fenced => 1,
    }
}

/// A W3C trace id is kept as its 16 bytes, anything else as the text that it is.
fn pack_trace(trace: &str) -> Value {
    let digits = trace.as_bytes();
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if digits.len() != 32 || !digits.iter().all(is_hex) {
        return Value::Text(trace.to_owned());
    }
    let nibble = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
    Value::Blob(digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect())
}

fn unpack_trace(trace: ValueRef<'_>) -> Outcome<Option<Arc<str>>> {
    match trace {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(Some(digits.into()))
        }
        other => {
            let text = other.as_str().map_err(|error| Failure::corrupt(error.to_string()))?;
            Ok(Some(text.into()))
        }
    }
}

/// SQLite's integers have a sign. Versions and positions never come near where it matters.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub fn count_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub fn time_of(micros: i64) -> Outcome<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| Failure::corrupt(format!("a stored time: {error}")))
}

pub fn text_ref<'a>(row: &'a Row<'_>, column: usize) -> Outcome<&'a str> {
    row.get_ref(column)?.as_str().map_err(|error| Failure::corrupt(format!("a stored text: {error}")))
}

pub fn text_of(row: &Row<'_>, column: usize) -> Outcome<Arc<str>> {
    text_ref(row, column).map(Into::into)
}
