//! Commands: the streams that a decision needs, and the pure decision itself.
//! It does not know when or how often a decision is run; it may be run again on newer states.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{Committed, ExecuteError, RunError};
use crate::log::kind::{AnyFact, Kind};
use crate::log::states::{Point, Slot};
use crate::log::{Cause, Placed, StreamId, Version};

type Decide<A, R> = Box<dyn Fn(&View<'_>) -> Result<Decision<A>, R> + Send + Sync>;

/// A decision over the states of some streams. Everything it reads, it must name.
pub struct Command<A, R> {
    pub(super) name: &'static str,
    pub(super) cause: Cause,
    /// Sorted, so that a stream among a thousand is found at once.
    pub(super) streams: Vec<StreamId>,
    pub(super) new_streams: Vec<StreamId>,
    decide: Decide<A, R>,
}

impl<A, R> Command<A, R> {
    /// `decide` must be pure: it is run again when others changed the streams meanwhile. Streams that are named
    /// twice count once.
    pub fn new(
        name: &'static str,
        cause: Cause,
        streams: impl IntoIterator<Item = StreamId>,
        decide: impl Fn(&View<'_>) -> Result<Decision<A>, R> + Send + Sync + 'static,
    ) -> Self {
        let mut streams: Vec<StreamId> = streams.into_iter().collect();
        streams.sort();
        streams.dedup();
        Self { name, cause, streams, new_streams: Vec::new(), decide: Box::new(decide) }
    }

    /// Says that these of its streams most probably do not exist yet, so that they need not be looked for before the
    /// decision. Where that is wrong, the log says so, and the command is decided again on what is there.
    pub fn presuming_new(mut self, streams: impl IntoIterator<Item = StreamId>) -> Self {
        self.new_streams.extend(streams);
        self
    }
}

/// What a decision comes to: an answer, and the facts that make it true.
pub struct Decision<A> {
    answer: A,
    facts: Vec<(StreamId, AnyFact)>,
}

impl<A> Decision<A> {
    pub fn answer(answer: A) -> Self {
        Self { answer, facts: Vec::new() }
    }

    /// Adds a fact to a stream that the command named.
    pub fn with<K: Kind>(mut self, stream: &StreamId, fact: K::Fact) -> Self {
        self.add::<K>(stream, fact);
        self
    }

    /// Adds facts to a stream that the command named, in order.
    pub fn with_all<K: Kind>(mut self, stream: &StreamId, facts: impl IntoIterator<Item = K::Fact>) -> Self {
        for fact in facts {
            self.add::<K>(stream, fact);
        }
        self
    }

    pub fn add<K: Kind>(&mut self, stream: &StreamId, fact: K::Fact) {
        debug_assert_eq!(stream.kind(), K::NAME, "a fact goes to a stream of its kind");
        self.facts.push((stream.clone(), Arc::new(fact)));
    }
}

/// The states that a command named, as they are at the moment of deciding.
pub struct View<'a> {
    /// The time that the facts will carry: not before the last fact of any named stream.
    pub now: Timestamp,
    pub(super) slots: &'a [Arc<Slot>],
    pub(super) points: &'a [Point],
}

impl View<'_> {
    /// # Panics
    /// When the command did not name the stream, or named it as another kind: a mistake in the code.
    pub fn state<K: Kind>(&self, stream: &StreamId) -> &K::State {
        self.point(stream).state.downcast_ref().expect("the stream is of this kind")
    }

    /// Number of facts in the stream; 0 when it does not exist.
    pub fn version(&self, stream: &StreamId) -> Version {
        self.point(stream).version
    }

    fn point(&self, stream: &StreamId) -> &Point {
        let index = place_of(self.slots, stream);
        index.and_then(|index| self.points.get(index)).expect("the command names every stream that it reads")
    }
}

/// Where a stream's slot is among those of a command.
pub(super) fn place_of(slots: &[Arc<Slot>], stream: &StreamId) -> Option<usize> {
    slots.binary_search_by(|slot| slot.stream.cmp(stream)).ok()
}

/// A [`Command`] with its types erased.
pub(super) trait Job: Send {
    fn name(&self) -> &'static str;
    fn cause(&self) -> &Cause;
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// The facts of a yes; none for a no, or for a yes that changes nothing. `true` when it was a no.
    fn decide(&mut self, view: &View<'_>) -> (Vec<(StreamId, AnyFact)>, bool);
    fn answer(self: Box<Self>, placed: &[Placed]);
    fn fail(self: Box<Self>, error: ExecuteError);
}

pub(super) struct TypedJob<A, R> {
    command: Command<A, R>,
    decided: Option<Result<A, R>>,
    reply: oneshot::Sender<Result<Committed<A>, RunError<R>>>,
}

impl<A, R> TypedJob<A, R> {
    pub fn new(command: Command<A, R>, reply: oneshot::Sender<Result<Committed<A>, RunError<R>>>) -> Self {
        Self { command, decided: None, reply }
    }
}

impl<A: Send + 'static, R: Send + 'static> Job for TypedJob<A, R> {
    fn name(&self) -> &'static str {
        self.command.name
    }

    fn cause(&self) -> &Cause {
        &self.command.cause
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn decide(&mut self, view: &View<'_>) -> (Vec<(StreamId, AnyFact)>, bool) {
        match (self.command.decide)(view) {
            Ok(decision) => {
                self.decided = Some(Ok(decision.answer));
                (decision.facts, false)
            }
            Err(rejection) => {
                self.decided = Some(Err(rejection));
                (Vec::new(), true)
            }
        }
    }

    /// The caller may have gone; then nobody reads the answer.
    fn answer(self: Box<Self>, placed: &[Placed]) {
        let result = match self.decided {
            Some(Ok(answer)) => Ok(Committed { answer, positions: last_positions(placed) }),
            Some(Err(rejection)) => Err(RunError::Rejected(rejection)),
            None => Err(RunError::Failed(ExecuteError::Closed)),
        };
        let _ = self.reply.send(result);
    }

    fn fail(self: Box<Self>, error: ExecuteError) {
        let _ = self.reply.send(Err(RunError::Failed(error)));
    }
}

fn last_positions(placed: &[Placed]) -> Vec<(u16, u64)> {
    let mut last: Vec<(u16, u64)> = Vec::new();
    for place in placed.iter().filter(|place| place.count > 0) {
        let position = place.first + u64::from(place.count) - 1;
        match last.iter_mut().find(|(shard, _)| *shard == place.shard) {
            Some((_, seen)) => *seen = position.max(*seen),
            None => last.push((place.shard, position)),
        }
    }
    last
}
