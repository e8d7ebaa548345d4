//! Appends: sends a plan, makes a new one of what the server answers, and finds out what became of an append.
//! It does not decide which groups fail; the plan does.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use platform::log::{
    APPEND_ID_KEPT_S, AppendId, Batch, GroupOutcome, MISSED_FACTS_MAX, Missed, Position, RecordedFact, Shard, StreamId,
    Version,
};
use platform::store::{StoreError, StoreResult};
use tokio::time::Instant;

use super::failure::{is_duplicate, of_read, of_write};
use super::plan::{Plan, Told, key_of, place};
use super::values::{Time, count_of, escaped, get, signed, unsigned};
use super::{Store, facts};
use crate::packing::{pack_outcomes, unpack_outcomes};

/// How often one batch is sent before it is given up. Each time a group more fails, or a stream more is known.
const ROUNDS_MAX: u32 = 1_000;
/// Streams that one answer tells of. It must fit what a connection buffers: a client that does not read its answer must
/// not keep the server, which still holds the locks, from ending the statement.
const TOLD_MAX: i32 = 200;
/// Append ids that are forgotten in one go.
const FORGOTTEN_AT_ONCE: usize = 2_000;
const FORGET_EVERY: Duration = Duration::from_secs(1);

const APPEND: &str = "SELECT what, nth, number FROM append_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
    $14, $15, $16, $17, $18, $19, $20, $21, $22)";
const FIND: &str = "SELECT layout, shards, heads, is_forgotten FROM find_append_v1($1, $2)";
const LOOK: &str = "SELECT layout IS NULL, time < $2 FROM appends WHERE id = $1";
const FORGET_ONE: &str = "DELETE FROM appends WHERE id = $1 AND time < $2";
const FORGET: &str = "DELETE FROM appends WHERE ctid = ANY (ARRAY(SELECT ctid FROM appends WHERE time < $1 \
    ORDER BY time LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Counters since start, for `/metrics`.
#[derive(Debug, Default)]
pub struct AppendStats {
    pub appends: AtomicU64,
    /// How often one was sent, first or again.
    pub rounds: AtomicU64,
    /// Their outcome was unknown when the connection was lost.
    pub doubts: AtomicU64,
}

/// Sends batches.
pub struct Appender {
    store: Arc<Store>,
    stats: Arc<AppendStats>,
    forgotten: Mutex<Option<Instant>>,
}

/// What the server answers.
enum Answer {
    /// It was written behind these heads.
    Written(Vec<Position>),
    Differs(Told),
    /// Its id was used so long ago that it was to be forgotten, and now is.
    Again,
}

impl Appender {
    pub fn new(store: Arc<Store>, stats: Arc<AppendStats>) -> Self {
        Self { store, stats, forgotten: Mutex::default() }
    }

    pub async fn append(&self, batch: &Batch) -> StoreResult<Vec<GroupOutcome>> {
        self.stats.appends.fetch_add(1, Ordering::Relaxed);
        let mut told = Told::default();
        for _ in 0..ROUNDS_MAX {
            let plan = Plan::of(batch, self.store.shards, &told);
            self.stats.rounds.fetch_add(1, Ordering::Relaxed);
            match self.send(batch, &plan).await? {
                Answer::Written(heads) => {
                    let mut outcomes = plan.placed(&heads);
                    self.tell_what_was_missed(batch, &mut outcomes).await;
                    self.forget_old_appends(batch);
                    return Ok(outcomes);
                }
                Answer::Differs(more) => {
                    told.versions.extend(more.versions);
                    told.fenced.extend(more.fenced);
                }
                Answer::Again => {}
            }
        }
        Err(StoreError::Unavailable("others kept changing the same streams".into()))
    }

    async fn send(&self, batch: &Batch, plan: &Plan<'_>) -> StoreResult<Answer> {
        let facts = &plan.facts;
        let layout = pack_outcomes(&plan.outcomes);
        let shards: Vec<i16> = plan.shards.iter().map(|shard| shard.cast_signed()).collect();
        let epochs = plan.epochs(batch);
        let keys: Vec<_> = plan.streams.iter().map(|(stream, _)| escaped(key_of(stream))).collect();
        let kinds: Vec<&str> = plan.streams.iter().map(|(stream, _)| stream.kind()).collect();
        let expected: Vec<i64> = plan.streams.iter().map(|(_, base)| signed(*base)).collect();

        let mut lease = self.store.appending.lease().await?;
        let statement = lease.prepare(APPEND).await.map_err(|error| of_read(&error))?;
        let answer = lease
            .run(
                &statement,
                &[
                    &self.store.lock_class,
                    &&batch.id.0[..],
                    &Time(batch.time),
                    &layout,
                    &shards,
                    &epochs,
                    &keys,
                    &kinds,
                    &expected,
                    &TOLD_MAX,
                    &facts.slots,
                    &facts.places,
                    &facts.keys,
                    &facts.kinds,
                    &facts.versions,
                    &facts.types,
                    &facts.schemas,
                    &facts.times,
                    &facts.actors,
                    &facts.commands,
                    &facts.traces,
                    &facts.bodies,
                ],
            )
            .await;
        drop(lease);
        match answer {
            Ok(rows) => read_answer(plan, &rows),
            Err(error) if is_duplicate(&error) => self.look_at_used_id(batch).await,
            Err(error) => {
                let error = of_write(&error);
                self.stats.doubts.fetch_add(u64::from(matches!(error, StoreError::Unknown(_))), Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Why an id cannot be used: nothing was written under it now.
    async fn look_at_used_id(&self, batch: &Batch) -> StoreResult<Answer> {
        let (id, kept) = (&batch.id.0[..], Time(kept_since(batch.time)));
        let rows = self.store.write(LOOK, &[&id, &kept]).await?;
        let Some(row) = rows.first() else {
            return Err(StoreError::Corrupt("a position or a version was given twice".into()));
        };
        let (is_given_up, is_old): (bool, bool) = (get(row, 0)?, get(row, 1)?);
        if is_old {
            self.store.write(FORGET_ONE, &[&id, &kept]).await?;
            return Ok(Answer::Again);
        }
        Err(if is_given_up {
            StoreError::Unavailable("this append was given up before it came".into())
        } else {
            StoreError::Corrupt("an append id was used twice".into())
        })
    }

    pub async fn find(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        let rows = self.store.write(FIND, &[&&id.0[..], &APPEND_ID_KEPT_S]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let Some(layout) = get::<Option<&[u8]>>(row, 0)? else { return Ok(None) };
        if get::<Option<bool>>(row, 3)?.unwrap_or(false) {
            return Ok(None);
        }
        let (shards, heads): (Vec<i16>, Vec<i64>) = (get(row, 1)?, get(row, 2)?);
        let heads = heads.into_iter().map(unsigned);
        let heads: BTreeMap<Shard, Position> =
            shards.into_iter().map(|shard| shard.cast_unsigned()).zip(heads).collect();
        Ok(Some(place(unpack_outcomes(layout)?, &heads)))
    }

    /// Reads the facts that conflicts missed, all in one go. The batch is written by now, so a failure here must not be
    /// one of the append: without facts the reader reads the stream.
    async fn tell_what_was_missed(&self, batch: &Batch, outcomes: &mut [GroupOutcome]) {
        let mut behind: BTreeMap<&StreamId, (Version, Version)> = BTreeMap::new();
        for (group, outcome) in batch.groups.iter().zip(outcomes.iter()) {
            let GroupOutcome::Conflict(missed) = outcome else { continue };
            for missed in missed {
                let expected = expected_of(group, &missed.stream);
                if let Some((stream, expected)) = expected.filter(|(_, expected)| *expected < missed.actual) {
                    let (least, most) = behind.entry(stream).or_insert((expected, expected));
                    (*least, *most) = ((*least).min(expected), (*most).max(expected));
                }
            }
        }
        if behind.is_empty() {
            return;
        }
        let found = match facts::read_tails(&self.store, &behind).await {
            Ok(found) => found,
            Err(error) => return tracing::warn!(%error, "the facts that a conflict missed could not be read"),
        };
        let committed = batch.groups.iter().zip(outcomes.iter());
        let committed = committed.filter(|(_, outcome)| matches!(outcome, GroupOutcome::Committed(_)));
        let own: HashSet<&StreamId> =
            committed.flat_map(|(group, _)| group.streams.iter().map(|append| &append.stream)).collect();
        for (group, outcome) in batch.groups.iter().zip(outcomes) {
            let GroupOutcome::Conflict(missed) = outcome else { continue };
            for missed in missed {
                let Some((stream, expected)) = expected_of(group, &missed.stream) else { continue };
                let up_to = if own.contains(stream) { missed.actual } else { Version::MAX };
                give_facts(missed, expected, up_to, &found);
            }
        }
    }

    /// At most once a second, behind the back of whoever appends.
    fn forget_old_appends(&self, batch: &Batch) {
        {
            let forgotten = &mut *self.forgotten.lock();
            if forgotten.is_some_and(|last| last.elapsed() < FORGET_EVERY) {
                return;
            }
            *forgotten = Some(Instant::now());
        }
        let (store, before) = (self.store.clone(), kept_since(batch.time));
        tokio::spawn(async move {
            let forgotten = store.write(FORGET, &[&Time(before), &count_of(FORGOTTEN_AT_ONCE)]).await;
            if let Err(error) = forgotten {
                tracing::debug!(%error, "old append ids were not forgotten; that is tried again");
            }
        });
    }
}

/// Append ids before this second are forgotten.
fn kept_since(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second() - APPEND_ID_KEPT_S + 1).unwrap_or(Timestamp::MIN)
}

fn read_answer(plan: &Plan<'_>, rows: &[tokio_postgres::Row]) -> StoreResult<Answer> {
    const FENCED: i16 = 1;
    const STALE: i16 = 2;
    let strange = || StoreError::Corrupt("an append was answered in a way that no version of us writes".into());
    let (mut heads, mut told) = (Vec::with_capacity(rows.len()), Told::default());
    for row in rows {
        let (what, nth, number): (i16, i32, i64) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        let at = usize::try_from(nth - 1).map_err(|_| strange())?;
        match what {
            FENCED => {
                let shard = plan.shards.get(at).ok_or_else(strange)?;
                told.fenced.insert(*shard, unsigned(number));
            }
            STALE => {
                let (stream, _) = plan.streams.get(at).ok_or_else(strange)?;
                told.versions.insert((*stream).clone(), unsigned(number));
            }
            _ => heads.push(unsigned(number)),
        }
    }
    let is_written = told.fenced.is_empty() && told.versions.is_empty();
    Ok(if is_written { Answer::Written(heads) } else { Answer::Differs(told) })
}

fn expected_of<'a>(group: &'a platform::log::Group, stream: &StreamId) -> Option<(&'a StreamId, Version)> {
    let append = group.streams.iter().find(|append| append.stream == *stream)?;
    Some((&append.stream, append.expected))
}

/// The part of a stream's tail that one group missed. Strangers may have written since the append: then the version goes
/// with the facts, so that whoever takes them in has all of the stream. What later groups of the batch wrote is not yet
/// there for this one.
fn give_facts(missed: &mut Missed, expected: Version, up_to: Version, found: &HashMap<StreamId, Vec<RecordedFact>>) {
    let Some(tail) = found.get(&missed.stream) else { return };
    let newer = tail.iter().filter(|fact| fact.version > expected && fact.version <= up_to);
    missed.facts = newer.take(MISSED_FACTS_MAX).cloned().collect();
    if missed.facts.len() < MISSED_FACTS_MAX
        && let Some(last) = missed.facts.last()
    {
        missed.actual = missed.actual.max(last.version);
    }
}
