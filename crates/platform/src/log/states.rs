//! Resident states: what the executor decides on, kept in memory by bytes, loaded from the log on a miss.
//! It does not decide anything; it only knows which part of a state is durable and which is still in flight.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::kind::{AnyFact, AnyState, ErasedKind, Kinds};
use super::{Log, Missed, RecordedFact, Snapshot, StreamId, Version};
use crate::store::{StoreError, StoreResult};

/// How many facts one read of a stream asks for.
const READ_CHUNK: usize = 1_000;
/// A stream gets a snapshot when this many facts lie after the last one.
pub(super) const SNAPSHOT_EVERY: Version = 200;
/// A stream that others wrote this lately is one that others compete for.
const CONTENDED_FOR: Duration = Duration::from_millis(100);
/// So often one node writes a stream in a row, while others are about, before it rests for longer: who always loses, because
/// it is farther away or has more to decide, is never heard of.
const TURNS_IN_A_ROW: u32 = 64;
/// That rest, in beats and at most.
const LONG_REST: (u32, Duration) = (32, Duration::from_millis(50));
/// A stream that was left alone for so long was anybody's.
const A_ROW_ENDS: Duration = Duration::from_millis(50);
/// What a slot costs beside its state, roughly.
const SLOT_BYTES: usize = 256;

/// One stream in memory. Whoever holds the `Arc` pins it: it is not evicted meanwhile.
pub(crate) struct Slot {
    pub stream: StreamId,
    pub kind: Arc<dyn ErasedKind>,
    /// Held while loading, so that many callers make one read.
    loading: tokio::sync::Mutex<()>,
    /// How many looks at the log were begun, and the last one that succeeded.
    looks: AtomicU64,
    looked: AtomicU64,
    inner: Mutex<Inner>,
    touched: AtomicBool,
}

struct Inner {
    loaded: bool,
    /// Taken for a stream that does not exist yet, without having looked. The next append tells.
    presumed_new: bool,
    tip: Point,
    /// The last durable point, while facts after it are in flight.
    base: Option<Point>,
    in_flight: VecDeque<InFlight>,
    snapshot_version: Version,
    weight: usize,
    turns: Turns,
}

/// Whose turn it is on a stream that several nodes write.
#[derive(Default)]
struct Turns {
    /// When facts of others were last seen.
    others_at: Option<Instant>,
    /// Own commits since then, one soon after the other.
    in_a_row: u32,
    own_at: Option<Instant>,
    rests_until: Option<Instant>,
}

impl Turns {
    fn others_came(&mut self) {
        *self = Self { others_at: Some(Instant::now()), ..Self::default() };
    }
}

#[derive(Clone)]
pub(crate) struct Point {
    pub version: Version,
    pub time: Timestamp,
    pub state: AnyState,
}

struct InFlight {
    /// The group that these facts belong to; rises with every decided group.
    group: u64,
    time: Timestamp,
    facts: Vec<AnyFact>,
}

impl Slot {
    fn new(stream: StreamId, kind: Arc<dyn ErasedKind>) -> Self {
        let tip = Point { version: 0, time: Timestamp::MIN, state: kind.empty() };
        let inner = Inner {
            loaded: false,
            presumed_new: false,
            tip,
            base: None,
            in_flight: VecDeque::new(),
            snapshot_version: 0,
            weight: 0,
            turns: Turns::default(),
        };
        Self {
            stream,
            kind,
            loading: tokio::sync::Mutex::new(()),
            looks: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            inner: Mutex::new(inner),
            touched: AtomicBool::new(true),
        }
    }

    pub fn is_loaded(&self) -> bool {
        self.inner.lock().loaded
    }

    /// Whether a command may be decided on it: it is loaded, or presumed to be new.
    pub fn is_resident(&self) -> bool {
        let inner = self.inner.lock();
        inner.loaded || inner.presumed_new
    }

    /// Spares the read of a stream that most probably does not exist yet. Whatever is decided on it is sent to the
    /// log with version 0, so that a presumption that is wrong is a conflict, which brings the facts.
    pub fn presume_new(&self) {
        let inner = &mut *self.inner.lock();
        inner.presumed_new = !inner.loaded;
    }

    /// Whether facts of this stream are decided but not durable yet.
    pub fn is_dirty(&self) -> bool {
        !self.inner.lock().in_flight.is_empty()
    }

    /// The newest point, durable or not: what the next decision sees.
    pub fn tip(&self) -> Point {
        self.inner.lock().tip.clone()
    }

    /// The newest durable point: what a reader may see.
    pub fn durable(&self) -> Point {
        let inner = self.inner.lock();
        inner.base.as_ref().unwrap_or(&inner.tip).clone()
    }

    /// Applies facts that were decided and are now on their way to the log.
    pub fn stage(&self, group: u64, time: Timestamp, facts: Vec<AnyFact>) {
        let inner = &mut *self.inner.lock();
        if inner.base.is_none() {
            inner.base = Some(inner.tip.clone());
        }
        for fact in &facts {
            self.kind.apply(&mut inner.tip.state, fact, time);
        }
        inner.tip.version += facts.len() as Version;
        inner.tip.time = time;
        inner.in_flight.push_back(InFlight { group, time, facts });
    }

    /// The facts of all groups up to `group` are durable now. Answers whether there were any.
    pub fn settle(&self, group: u64) -> bool {
        let inner = &mut *self.inner.lock();
        inner.loaded |= inner.presumed_new;
        inner.presumed_new = false;
        if inner.in_flight.front().is_none_or(|first| first.group > group) {
            return false;
        }
        if inner.in_flight.back().is_some_and(|last| last.group <= group) {
            inner.in_flight.clear();
            inner.base = None;
            return true;
        }
        if let Some(base) = inner.base.as_mut() {
            while inner.in_flight.front().is_some_and(|first| first.group <= group) {
                let Some(done) = inner.in_flight.pop_front() else { break };
                for fact in &done.facts {
                    self.kind.apply(&mut base.state, fact, done.time);
                }
                base.version += done.facts.len() as Version;
                base.time = done.time;
            }
        }
        true
    }

    /// The snapshot to save, where one is due.
    pub fn due_snapshot(&self) -> Option<Snapshot> {
        let inner = &mut *self.inner.lock();
        let durable = inner.base.as_ref().unwrap_or(&inner.tip);
        if durable.version < inner.snapshot_version + SNAPSHOT_EVERY {
            return None;
        }
        let body = self.kind.snapshot(&durable.state).ok()?;
        inner.snapshot_version = durable.version;
        Some(Snapshot {
            stream: self.stream.clone(),
            version: durable.version,
            time: durable.time,
            state_version: self.kind.state_version(),
            body,
        })
    }

    /// Forgets what was decided and did not become durable.
    pub fn roll_back(&self) {
        let inner = &mut *self.inner.lock();
        inner.in_flight.clear();
        inner.presumed_new = false;
        if let Some(base) = inner.base.take() {
            inner.tip = base;
        }
    }

    /// Takes in facts that others wrote. Where some are missing, the stream is read again before its next use.
    pub fn catch_up(&self, kinds: &Kinds, missed: &Missed) {
        let inner = &mut *self.inner.lock();
        if missed.actual != inner.tip.version {
            inner.turns.others_came();
        }
        for fact in &missed.facts {
            if fact.version != inner.tip.version + 1 {
                continue;
            }
            match kinds.decode(fact) {
                Ok(decoded) => advance(self.kind.as_ref(), &mut inner.tip, &decoded, fact),
                Err(_) => break,
            }
        }
        inner.loaded = inner.tip.version == missed.actual;
    }

    /// Takes in a fact that was read from the log and that others may have written. While own facts are in flight, their
    /// append tells instead.
    fn hear(&self, fact: &RecordedFact, decoded: Option<&AnyFact>) {
        let inner = &mut *self.inner.lock();
        if !inner.in_flight.is_empty() || fact.version <= inner.tip.version {
            return;
        }
        inner.presumed_new = false;
        let follows = inner.loaded && fact.version == inner.tip.version + 1;
        match decoded.filter(|_| follows) {
            Some(decoded) => advance(self.kind.as_ref(), &mut inner.tip, decoded, fact),
            None => inner.loaded = false,
        }
        inner.turns.others_came();
    }

    /// Own facts were just committed here. Where others compete, the stream is theirs for a beat; now and then for longer.
    /// `is_alone`: no other node lives.
    pub fn took_a_turn(&self, beat: Duration, is_alone: bool) {
        let turns = &mut self.inner.lock().turns;
        let now = Instant::now();
        if turns.own_at.is_none_or(|at| now.duration_since(at) > A_ROW_ENDS + beat) {
            turns.in_a_row = 0;
        }
        turns.own_at = Some(now);
        turns.in_a_row += 1;
        if turns.in_a_row >= TURNS_IN_A_ROW && !is_alone {
            turns.in_a_row = 0;
            turns.rests_until = Some(now + beat.saturating_mul(LONG_REST.0).min(LONG_REST.1));
        } else if turns.others_at.is_some_and(|at| now.duration_since(at) < CONTENDED_FOR) {
            turns.rests_until = Some(now + beat);
        }
    }

    /// Until when nothing more is to be decided here, so that others have their turn.
    pub fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.inner.lock().turns.rests_until.filter(|until| *until > now)
    }
}

fn advance(kind: &dyn ErasedKind, point: &mut Point, decoded: &AnyFact, fact: &RecordedFact) {
    kind.apply(&mut point.state, decoded, fact.time);
    point.version = fact.version;
    point.time = fact.time;
}

/// The slots of all streams that were used lately, within a budget in bytes.
pub(crate) struct States {
    log: Arc<dyn Log>,
    kinds: Kinds,
    budget_bytes: usize,
    used_bytes: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    slots: HashMap<StreamId, Arc<Slot>>,
    /// Second-chance order of eviction.
    clock: VecDeque<StreamId>,
}

impl States {
    pub fn new(log: Arc<dyn Log>, kinds: Kinds, budget_bytes: usize) -> Self {
        Self { log, kinds, budget_bytes, used_bytes: AtomicUsize::new(0), table: Mutex::default() }
    }

    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Pins a stream's slot; it may not be loaded yet.
    pub fn pin(&self, stream: &StreamId) -> StoreResult<Arc<Slot>> {
        let table = &mut *self.table.lock();
        if let Some(slot) = table.slots.get(stream) {
            slot.touched.store(true, Ordering::Relaxed);
            return Ok(slot.clone());
        }
        let kind = self.kinds.of(stream).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let slot = Arc::new(Slot::new(stream.clone(), kind.clone()));
        table.slots.insert(stream.clone(), slot.clone());
        table.clock.push_back(stream.clone());
        Ok(slot)
    }

    /// Makes a slot's state resident. Many callers make one read; answers whether this one was it.
    pub async fn load(&self, slot: &Slot) -> StoreResult<bool> {
        if slot.is_resident() {
            return Ok(false);
        }
        let _one_at_a_time = slot.loading.lock().await;
        if slot.is_resident() {
            return Ok(false);
        }
        let (point, snapshot_version) = self.read_point(slot).await?;
        let weight = slot.kind.weight(&point.state) + SLOT_BYTES;
        {
            let inner = &mut *slot.inner.lock();
            if inner.loaded || inner.presumed_new {
                return Ok(false);
            }
            self.used_bytes.fetch_add(weight, Ordering::Relaxed);
            self.used_bytes.fetch_sub(inner.weight, Ordering::Relaxed);
            inner.weight = weight;
            inner.tip = point;
            inner.snapshot_version = snapshot_version;
            inner.loaded = true;
        }
        self.evict();
        Ok(true)
    }

    /// What is durable of a stream, as of now.
    pub async fn read(&self, slot: &Slot) -> StoreResult<Point> {
        let is_fresh = self.load(slot).await? || self.log.owned_alone();
        if is_fresh || !slot.is_loaded() {
            return self.known(slot).await;
        }
        self.refresh(slot).await
    }

    /// What is known to be durable of a stream.
    pub async fn at_hand(&self, slot: &Slot) -> StoreResult<Point> {
        self.load(slot).await?;
        self.known(slot).await
    }

    async fn known(&self, slot: &Slot) -> StoreResult<Point> {
        if slot.is_loaded() {
            return Ok(slot.durable());
        }
        // A presumption that nobody has borne out yet is no answer.
        self.read_point(slot).await.map(|(point, _)| point)
    }

    /// A fact that was read from the log: a state that is at hand follows.
    pub fn hear(&self, fact: &RecordedFact, decoded: Option<&AnyFact>) {
        let slot = self.table.lock().slots.get(&fact.stream).cloned();
        if let Some(slot) = slot {
            slot.hear(fact, decoded);
        }
    }

    /// Reads what other processes appended since. Those who come while somebody reads share the next reading, unless own
    /// facts are in flight: their append will tell what others wrote, but a reader does not wait for it.
    async fn refresh(&self, slot: &Slot) -> StoreResult<Point> {
        let came = slot.looks.load(Ordering::SeqCst);
        let _one_at_a_time = slot.loading.lock().await;
        if slot.looked.load(Ordering::SeqCst) > came {
            return Ok(slot.durable());
        }
        let look = slot.looks.fetch_add(1, Ordering::SeqCst) + 1;
        let mut point = slot.durable();
        let before = point.version;
        self.read_tail(slot, &mut point).await?;
        let inner = &mut *slot.inner.lock();
        if inner.in_flight.is_empty() && inner.tip.version == before {
            inner.tip = point.clone();
            slot.looked.store(look, Ordering::SeqCst);
        }
        Ok(point)
    }

    /// Counts a state anew after facts have changed it, and makes room where it has grown.
    pub fn reweigh(&self, slot: &Slot) {
        {
            let inner = &mut *slot.inner.lock();
            let weight = slot.kind.weight(&inner.tip.state) + SLOT_BYTES;
            self.used_bytes.fetch_add(weight, Ordering::Relaxed);
            self.used_bytes.fetch_sub(inner.weight, Ordering::Relaxed);
            inner.weight = weight;
        }
        self.evict();
    }

    /// The state as the log has it, and the version of the snapshot that it was made from.
    async fn read_point(&self, slot: &Slot) -> StoreResult<(Point, Version)> {
        let (snapshot, facts) = self.log.read_latest(&slot.stream, READ_CHUNK).await?;
        let mut point = Point { version: 0, time: Timestamp::MIN, state: slot.kind.empty() };
        let usable = snapshot.filter(|snapshot| snapshot.state_version == slot.kind.state_version());
        let restored = usable.and_then(|snapshot| Some((slot.kind.restore(&snapshot.body)?, snapshot)));
        if let Some((state, snapshot)) = restored {
            point = Point { version: snapshot.version, time: snapshot.time, state };
        }
        let snapshot_version = point.version;
        let follows = facts.first().is_none_or(|first| first.version == point.version + 1);
        if follows && self.take_in(slot, &mut point, &facts)? {
            return Ok((point, snapshot_version));
        }
        self.read_tail(slot, &mut point).await?;
        Ok((point, snapshot_version))
    }

    async fn read_tail(&self, slot: &Slot, point: &mut Point) -> StoreResult<()> {
        loop {
            let facts = self.log.read_stream(&slot.stream, point.version, READ_CHUNK).await?;
            if self.take_in(slot, point, &facts)? {
                return Ok(());
            }
        }
    }

    /// Folds facts that were read in one go; answers whether they were the last.
    fn take_in(&self, slot: &Slot, point: &mut Point, facts: &[RecordedFact]) -> StoreResult<bool> {
        for fact in facts {
            let decoded = slot.kind.decode(fact).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            advance(slot.kind.as_ref(), point, &decoded, fact);
        }
        Ok(facts.len() < READ_CHUNK)
    }

    /// Drops what was not used lately until the budget holds, passing over what is pinned.
    fn evict(&self) {
        if self.used_bytes() <= self.budget_bytes {
            return;
        }
        let table = &mut *self.table.lock();
        let mut chances = table.clock.len() * 2;
        while self.used_bytes() > self.budget_bytes && chances > 0 {
            chances -= 1;
            let Some(stream) = table.clock.pop_front() else { return };
            let Some(slot) = table.slots.get(&stream) else { continue };
            let pinned = Arc::strong_count(slot) > 1;
            if pinned || slot.touched.swap(false, Ordering::Relaxed) {
                table.clock.push_back(stream);
                continue;
            }
            let weight = slot.inner.lock().weight;
            self.used_bytes.fetch_sub(weight, Ordering::Relaxed);
            table.slots.remove(&stream);
        }
    }
}
