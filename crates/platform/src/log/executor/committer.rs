//! The committer: one task that decides what waits, sends one batch at a time, and settles its outcome.
//! It does not load states itself while deciding; a command whose stream must be read again goes round once more.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::command::{Job, View, place_of};
use super::{CommittedFact, ExecuteError, Shared};
use crate::entropy::draw;
use crate::log::kind::AnyFact;
use crate::log::states::{Point, Slot};
use crate::log::{AppendId, Batch, Cause, Group, GroupOutcome, Missed, NewFact, Placed, StreamAppend, StreamId};
use crate::store::{StoreError, StoreResult};

/// First and longest pause between two questions about an append in doubt.
const DOUBT_PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Bounds of the beat for which a node leaves a stream to others, and what a round trip is thought to be at first.
const BEAT: (Duration, Duration) = (Duration::from_micros(250), Duration::from_millis(20));
const FIRST_TRIP: Duration = Duration::from_millis(2);
/// Pause of a command whose shard was fenced more than once.
const FENCED_PAUSE: Duration = Duration::from_millis(20);

/// A command that waits, with its streams pinned.
pub(super) struct Queued {
    job: Box<dyn Job>,
    slots: Vec<Arc<Slot>>,
    conflicts: u32,
    /// When it first met a conflict.
    contended: Option<Instant>,
}

impl Queued {
    pub fn new(job: Box<dyn Job>, slots: Vec<Arc<Slot>>) -> Self {
        Self { job, slots, conflicts: 0, contended: None }
    }
}

/// A decided command and what it will append.
struct Decided {
    queued: Queued,
    /// Rises with every decided group.
    number: u64,
    group: Group,
    /// The facts of each of the group's streams, decoded.
    facts: Vec<Vec<AnyFact>>,
}

type Answer = Pin<Box<dyn Future<Output = StoreResult<Vec<GroupOutcome>>> + Send>>;

struct InFlight {
    decided: Vec<Decided>,
    answer: Answer,
    sent: Instant,
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    waiting: mpsc::Receiver<Queued>,
    /// Commands that come round again: after a conflict, or after their stream was read anew.
    again: VecDeque<Queued>,
    /// None for a command that failed because its stream cannot be read.
    reloaded: mpsc::UnboundedReceiver<Option<Queued>>,
    to_reload: mpsc::UnboundedSender<Option<Queued>>,
    reloading: usize,
    /// Commands on streams that are others' for a moment, each with the end of that.
    resting: Vec<(Instant, Queued)>,
    next: Vec<Decided>,
    in_flight: Option<InFlight>,
    groups: u64,
    is_shared: bool,
    /// How long an append takes, on average.
    trip: Duration,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, waiting: mpsc::Receiver<Queued>) -> Self {
        let (to_reload, reloaded) = mpsc::unbounded_channel();
        let is_shared = !shared.log.owned_alone();
        Self {
            shared,
            waiting,
            again: VecDeque::new(),
            reloaded,
            to_reload,
            reloading: 0,
            resting: Vec::new(),
            next: Vec::new(),
            in_flight: None,
            groups: 0,
            is_shared,
            trip: FIRST_TRIP,
        }
    }

    pub async fn run(mut self) {
        loop {
            self.drain();
            if self.in_flight.is_none() && !self.next.is_empty() {
                let decided = std::mem::take(&mut self.next);
                self.in_flight = Some(self.send(decided));
            }
            let room = self.has_room();
            let reloading = self.reloading > 0;
            let rest_ends = self.resting.iter().map(|(until, _)| *until).min();
            tokio::select! {
                biased;
                outcome = answer_of(&mut self.in_flight), if self.in_flight.is_some() => self.settle(outcome),
                Some(queued) = self.reloaded.recv(), if reloading => {
                    self.reloading -= 1;
                    self.again.extend(queued);
                }
                () = end_of(rest_ends), if rest_ends.is_some() => self.wake(),
                queued = self.waiting.recv(), if room => match queued {
                    Some(queued) => self.consider(queued),
                    None if self.in_flight.is_none() && !reloading && rest_ends.is_none() => return,
                    None => self.finish_without_new_commands(rest_ends).await,
                },
            }
        }
    }

    /// Nobody can send any more; what is under way still ends.
    async fn finish_without_new_commands(&mut self, rest_ends: Option<Instant>) {
        if let Some(in_flight) = self.in_flight.as_mut() {
            let outcome = (&mut in_flight.answer).await;
            self.settle(outcome);
        } else if self.reloading > 0 {
            let queued = self.reloaded.recv().await;
            self.reloading -= 1;
            self.again.extend(queued.flatten());
        } else {
            end_of(rest_ends).await;
            self.wake();
        }
    }

    fn has_room(&self) -> bool {
        self.next.len() < self.shared.limits.batch_groups && self.resting.len() < self.shared.limits.queue
    }

    /// Lets those go on whose streams rested long enough, in the order in which they came.
    fn wake(&mut self) {
        let now = Instant::now();
        let resting = std::mem::take(&mut self.resting);
        let (awake, resting): (Vec<_>, Vec<_>) = resting.into_iter().partition(|(until, _)| *until <= now);
        self.resting = resting;
        self.again.extend(awake.into_iter().map(|(_, queued)| queued));
    }

    /// Decides everything that waits, up to one batch.
    fn drain(&mut self) {
        while self.has_room() {
            let Some(queued) = self.again.pop_front().or_else(|| self.waiting.try_recv().ok()) else { return };
            self.consider(queued);
        }
    }

    /// Until when a command is not decided, because others have their turn on one of its streams.
    fn rests_until(&self, queued: &Queued) -> Option<Instant> {
        if !self.is_shared {
            return None;
        }
        let now = Instant::now();
        queued.slots.iter().filter_map(|slot| slot.rests_until(now)).max()
    }

    /// How long a stream is left to others after a commit: about half a round trip, never quite the same. Who lost knows at
    /// about the same time and goes at once, so that it comes first.
    fn beat(&self) -> Duration {
        let [chance] = draw(self.shared.entropy.as_ref());
        (self.trip / 4 + self.trip * u32::from(chance) / 512).clamp(BEAT.0, BEAT.1)
    }

    fn consider(&mut self, mut queued: Queued) {
        if queued.job.is_abandoned() {
            return;
        }
        if let Some(until) = self.rests_until(&queued) {
            return self.resting.push((until, queued));
        }
        if queued.slots.iter().any(|slot| !slot.is_resident()) {
            return self.reload(queued);
        }
        let points: Vec<Point> = queued.slots.iter().map(|slot| slot.tip()).collect();
        let now = points.iter().map(|point| point.time).fold(self.shared.clock.now(), std::cmp::max);
        let view = View { now, slots: &queued.slots, points: &points };
        let (facts, rejected) = match catch_unwind(AssertUnwindSafe(|| queued.job.decide(&view))) {
            Ok(decided) => decided,
            Err(panic) => return queued.job.fail(ExecuteError::Panicked(panic_text(panic.as_ref()))),
        };
        let stats = &self.shared.stats;
        stats.commands.fetch_add(1, Ordering::Relaxed);
        stats.rejections.fetch_add(u64::from(rejected), Ordering::Relaxed);
        let clean = || queued.slots.iter().all(|slot| slot.is_loaded() && !slot.is_dirty());
        if facts.is_empty() && !self.is_shared && clean() {
            return queued.job.answer(&[]);
        }
        match self.stage(queued, points, now, facts) {
            Ok(decided) => self.next.push(decided),
            Err((queued, error)) => queued.job.fail(error),
        }
    }

    /// Applies the facts to the states and shapes the group. Every named stream is in it, so that what was read
    /// is asserted, too.
    fn stage(
        &mut self,
        queued: Queued,
        points: Vec<Point>,
        now: jiff::Timestamp,
        facts: Vec<(StreamId, AnyFact)>,
    ) -> Result<Decided, (Queued, ExecuteError)> {
        let mut per_stream: Vec<Vec<AnyFact>> = vec![Vec::new(); queued.slots.len()];
        for (stream, fact) in facts {
            match place_of(&queued.slots, &stream) {
                Some(index) => per_stream[index].push(fact),
                None => {
                    let reason = format!("{} wrote to {stream}, which it did not name", queued.job.name());
                    return Err((queued, ExecuteError::Panicked(reason)));
                }
            }
        }
        let mut streams = Vec::with_capacity(queued.slots.len());
        for ((slot, point), facts) in queued.slots.iter().zip(&points).zip(&per_stream) {
            let encoded: Result<Vec<NewFact>, _> = facts.iter().map(|fact| slot.kind.encode(fact)).collect();
            match encoded {
                Ok(facts) => {
                    streams.push(StreamAppend { stream: slot.stream.clone(), expected: point.version, facts });
                }
                Err(error) => {
                    let reason = format!("a fact of {} cannot be encoded: {error}", slot.stream);
                    return Err((queued, ExecuteError::Panicked(reason)));
                }
            }
        }
        drop(points);
        self.groups += 1;
        for (slot, facts) in queued.slots.iter().zip(&per_stream) {
            if !facts.is_empty() {
                slot.stage(self.groups, now, facts.clone());
            }
        }
        let cause = Cause { command: queued.job.name().into(), ..queued.job.cause().clone() };
        Ok(Decided { queued, number: self.groups, group: Group { time: now, cause, streams }, facts: per_stream })
    }

    fn send(&self, decided: Vec<Decided>) -> InFlight {
        let stats = &self.shared.stats;
        stats.batches.fetch_add(1, Ordering::Relaxed);
        stats.groups.fetch_add(decided.len() as u64, Ordering::Relaxed);
        let batch = Batch {
            id: AppendId(draw(self.shared.entropy.as_ref())),
            time: self.shared.clock.now(),
            epochs: self.shared.epochs.lock().clone(),
            groups: decided.iter().map(|decided| decided.group.clone()).collect(),
        };
        InFlight { decided, answer: Box::pin(append(self.shared.clone(), batch)), sent: Instant::now() }
    }

    fn settle(&mut self, outcome: StoreResult<Vec<GroupOutcome>>) {
        let Some(InFlight { decided, answer, sent }) = self.in_flight.take() else { return };
        drop(answer);
        match outcome {
            Ok(outcomes) => {
                self.trip = (self.trip * 7 + sent.elapsed()) / 8;
                self.settle_groups(decided, outcomes);
            }
            Err(error) => {
                self.decide_again_what_followed(&decided);
                for decided in decided {
                    decided.queued.job.fail(error.clone().into());
                }
            }
        }
    }

    fn settle_groups(&mut self, decided: Vec<Decided>, outcomes: Vec<GroupOutcome>) {
        let all_committed = outcomes.iter().all(|outcome| matches!(outcome, GroupOutcome::Committed(_)));
        let last = decided.last().map_or(0, |decided| decided.number);
        let beat = self.is_shared.then(|| self.beat());
        let mut committed = Vec::with_capacity(decided.len());
        let mut failed = Vec::new();
        for (decided, outcome) in decided.into_iter().zip(outcomes) {
            match outcome {
                GroupOutcome::Committed(placed) => {
                    // Where nothing failed, a stream that a thousand groups wrote to is settled once.
                    self.settle_slots(&decided, if all_committed { last } else { decided.number }, beat);
                    committed.push((decided, placed));
                }
                other => failed.push((decided, other)),
            }
        }
        if !all_committed {
            self.retry(failed);
        } else if self.next.iter().any(|decided| self.rests_until(&decided.queued).is_some()) {
            // What was decided meanwhile on a stream that is others' now waits like what comes after it.
            self.decide_again_what_followed(&[]);
        }
        self.publish(&committed);
        for (decided, placed) in committed {
            decided.queued.job.answer(&placed);
        }
    }

    fn settle_slots(&self, decided: &Decided, up_to: u64, beat: Option<Duration>) {
        let is_alone = self.shared.is_alone.load(Ordering::Relaxed);
        for slot in &decided.queued.slots {
            if !slot.settle(up_to) {
                continue;
            }
            if let Some(beat) = beat {
                slot.took_a_turn(beat, is_alone);
            }
            self.shared.states.reweigh(slot);
            if let Some(snapshot) = slot.due_snapshot() {
                self.shared.stats.snapshots.fetch_add(1, Ordering::Relaxed);
                let log = self.shared.log.clone();
                tokio::spawn(async move {
                    let stream = snapshot.stream.clone();
                    if let Err(error) = log.save_snapshot(snapshot).await {
                        tracing::warn!(%stream, %error, "a snapshot was not saved; the stream is read from further back");
                    }
                });
            }
        }
    }

    /// Rolls back what failed and what was decided on it, takes in what others wrote, and lets all of it come
    /// round again in its old order.
    fn retry(&mut self, failed: Vec<(Decided, GroupOutcome)>) {
        let (failed, outcomes): (Vec<_>, Vec<_>) = failed.into_iter().unzip();
        self.decide_again_what_followed(&failed);
        for outcome in &outcomes {
            match outcome {
                GroupOutcome::Conflict(missed) => self.catch_up(&failed, missed),
                GroupOutcome::Fenced { shard, epoch } => {
                    let mut epochs = self.shared.epochs.lock();
                    let mut known = epochs.to_vec();
                    if let Some(known) = known.get_mut(usize::from(*shard)) {
                        *known = *epoch;
                    }
                    *epochs = known.into();
                }
                GroupOutcome::Committed(_) => {}
            }
        }
        let now = Instant::now();
        let limits = &self.shared.limits;
        for (Decided { mut queued, .. }, outcome) in failed.into_iter().zip(outcomes).rev() {
            self.shared.stats.conflicts.fetch_add(1, Ordering::Relaxed);
            queued.conflicts += 1;
            let since = *queued.contended.get_or_insert(now);
            let is_over = now.duration_since(since) >= Duration::from_millis(limits.contended_ms);
            if queued.conflicts > limits.conflicts && is_over {
                queued.job.fail(ExecuteError::Contended);
            } else if queued.conflicts > 1 && matches!(outcome, GroupOutcome::Fenced { .. }) {
                self.resting.push((now + FENCED_PAUSE, queued));
            } else {
                self.again.push_front(queued);
            }
        }
    }

    fn catch_up(&self, failed: &[Decided], missed: &[Missed]) {
        for missed in missed {
            let slot =
                failed.iter().flat_map(|decided| &decided.queued.slots).find(|slot| slot.stream == missed.stream);
            if let Some(slot) = slot {
                slot.catch_up(&self.shared.kinds, missed);
            }
        }
    }

    fn decide_again_what_followed(&mut self, failed: &[Decided]) {
        let followers = std::mem::take(&mut self.next);
        for decided in failed.iter().chain(&followers) {
            for slot in &decided.queued.slots {
                slot.roll_back();
            }
        }
        for decided in followers.into_iter().rev() {
            self.again.push_front(decided.queued);
        }
    }

    fn reload(&mut self, queued: Queued) {
        self.reloading += 1;
        let (shared, back) = (self.shared.clone(), self.to_reload.clone());
        tokio::spawn(async move {
            for slot in &queued.slots {
                match shared.states.load(slot).await {
                    Ok(_) => {}
                    Err(error @ StoreError::Corrupt(_)) => {
                        tracing::error!(stream = %slot.stream, %error, "a stream cannot be read");
                        queued.job.fail(error.into());
                        let _ = back.send(None);
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(stream = %slot.stream, %error, "a stream could not be read again");
                        tokio::time::sleep(DOUBT_PAUSE.0).await;
                        break;
                    }
                }
            }
            let _ = back.send(Some(queued));
        });
    }

    fn publish(&self, committed: &[(Decided, Vec<Placed>)]) {
        let mut facts = Vec::new();
        for (decided, placed) in committed {
            for ((append, place), decoded) in decided.group.streams.iter().zip(placed).zip(&decided.facts) {
                for (index, (new, fact)) in append.facts.iter().zip(decoded).enumerate() {
                    facts.push(CommittedFact {
                        shard: place.shard,
                        position: place.first + index as u64,
                        stream: append.stream.clone(),
                        version: append.expected + 1 + index as u64,
                        type_name: new.type_name.clone(),
                        time: decided.group.time,
                        cause: decided.group.cause.clone(),
                        fact: fact.clone(),
                    });
                }
            }
        }
        if facts.is_empty() {
            return;
        }
        self.shared.stats.facts.fetch_add(facts.len() as u64, Ordering::Relaxed);
        self.shared.news.committed(facts);
    }
}

async fn end_of(rest: Option<Instant>) {
    match rest {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn answer_of(in_flight: &mut Option<InFlight>) -> StoreResult<Vec<GroupOutcome>> {
    match in_flight {
        Some(in_flight) => (&mut in_flight.answer).await,
        None => std::future::pending().await,
    }
}

/// Appends, and when the answer is lost, asks until the store tells what became of it. Everything else waits
/// meanwhile: the streams are in doubt, and nothing could be committed to this store anyway.
async fn append(shared: Arc<Shared>, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
    let id = batch.id;
    let doubt = match shared.log.append(batch).await {
        Err(StoreError::Unknown(reason)) => reason,
        known => return known,
    };
    shared.stats.doubts.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(reason = %doubt, "the answer to an append was lost; asking what became of it");
    let mut pause = DOUBT_PAUSE.0;
    loop {
        match shared.log.find_append(id).await {
            Ok(Some(outcomes)) => return Ok(outcomes),
            Ok(None) => return Err(StoreError::Unavailable(doubt)),
            Err(error) => tracing::warn!(%error, "an append is still in doubt"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(DOUBT_PAUSE.1);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
