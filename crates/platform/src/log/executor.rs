//! The executor: takes commands from many callers, decides each in memory, and makes many durable in one commit.
//! It does not know what a command is about; the caller brings the decision, the kinds bring the states.
//!
//! Rules it keeps (docs/ARCHITECTURE.md, "Executor"): at most one append is in flight; the next batch is decided
//! meanwhile and sent when the outcome is known; when a group fails, everything decided since is decided again;
//! an answer, yes or no, is given only when the state it rests on is durable and current.

mod command;
mod committer;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::kind::{AnyFact, Kind, Kinds};
use super::news::{self, News};
use super::states::{Point, States};
use super::{Cause, Epoch, Log, Position, RecordedFact, Shard, StreamId, Version};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::store::{StoreError, StoreResult};

use command::TypedJob;
pub use command::{Command, Decision, View};
use committer::{Committer, Queued};

/// Bounds of one executor. The defaults suit one shop on two cores.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands that wait for the committer; one more is refused with [`ExecuteError::Busy`].
    pub queue: usize,
    /// Groups in one batch.
    pub batch_groups: usize,
    /// Bytes of resident states.
    pub states_bytes: usize,
    /// How often a command is at least decided again after a conflict…
    pub conflicts: u32,
    /// …and for how long, before it is refused with [`ExecuteError::Contended`].
    pub contended_ms: u64,
    /// How often it is looked for what other nodes committed, on a log that others write.
    pub news_every_ms: u64,
    /// How long a caller waits for its answer before it is told to ask again.
    pub answer_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 8_192,
            batch_groups: 512,
            states_bytes: 64 << 20,
            conflicts: 3,
            contended_ms: 2_000,
            news_every_ms: 20,
            answer_ms: 15_000,
        }
    }
}

/// Why a command has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// The decision itself was no; only [`Executor::run`]'s caller knows the reason's type.
    #[error("too many commands are waiting; try again shortly")]
    Busy,
    #[error("others kept changing the same things; try again shortly")]
    Contended,
    /// It may have happened. The same command with the same key tells.
    #[error("no answer in time; ask again with the same key")]
    Undecided,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a decision failed: {0}")]
    Panicked(String),
    #[error("the shop is shutting down")]
    Closed,
}

/// A refusal by the decision, or a failure of the machinery.
#[derive(Debug)]
pub enum RunError<R> {
    Rejected(R),
    Failed(ExecuteError),
}

/// An answer whose facts are durable.
#[derive(Debug, Clone)]
pub struct Committed<A> {
    pub answer: A,
    /// The last position written per shard, for readers that must see this write.
    pub positions: Vec<(Shard, Position)>,
}

/// A durable fact, decoded, for subscribers in this process.
#[derive(Clone)]
pub struct CommittedFact {
    pub shard: Shard,
    pub position: Position,
    pub stream: StreamId,
    pub version: Version,
    pub type_name: Arc<str>,
    pub time: Timestamp,
    pub cause: Cause,
    pub fact: AnyFact,
}

impl CommittedFact {
    /// A fact that was read from the log, with what it decodes to.
    pub fn new(recorded: RecordedFact, fact: AnyFact) -> Self {
        let RecordedFact { shard, position, stream, version, type_name, time, cause, .. } = recorded;
        Self { shard, position, stream, version, type_name, time, cause, fact }
    }

    /// The fact, if its stream is of kind `K`.
    pub fn of<K: Kind>(&self) -> Option<&K::Fact> {
        if self.stream.kind() != K::NAME {
            return None;
        }
        self.fact.downcast_ref()
    }
}

/// Counters since start, for `/metrics`.
#[derive(Debug, Default)]
pub struct ExecutorStats {
    pub commands: AtomicU64,
    pub rejections: AtomicU64,
    pub batches: AtomicU64,
    pub groups: AtomicU64,
    pub facts: AtomicU64,
    pub conflicts: AtomicU64,
    pub refused_busy: AtomicU64,
    pub doubts: AtomicU64,
    pub snapshots: AtomicU64,
}

pub(crate) struct Shared {
    pub log: Arc<dyn Log>,
    pub kinds: Kinds,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub states: States,
    pub limits: Limits,
    pub stats: ExecutorStats,
    pub epochs: Mutex<Arc<[Epoch]>>,
    pub news: News,
    /// Whether no other node lives that could compete for a stream, as far as is known.
    pub is_alone: Arc<AtomicBool>,
}

/// Runs commands against one log.
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Queued>,
}

impl Executor {
    /// Opens the log and starts the committer on the current runtime. It stops when the last clone is dropped.
    pub async fn start(
        log: Arc<dyn Log>,
        kinds: Kinds,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> StoreResult<Self> {
        let infos = log.shards().await?;
        let epochs: Arc<[Epoch]> = infos.iter().map(|info| info.epoch).collect();
        let states = States::new(log.clone(), kinds.clone(), limits.states_bytes);
        let (queue, waiting) = mpsc::channel(limits.queue);
        let is_shared = !log.owned_alone();
        let news = News::new(&infos, is_shared);
        let shared = Arc::new(Shared {
            log,
            kinds,
            clock,
            entropy,
            states,
            limits,
            stats: ExecutorStats::default(),
            epochs: Mutex::new(epochs),
            news,
            is_alone: Arc::new(AtomicBool::new(!is_shared)),
        });
        tokio::spawn(Committer::new(shared.clone(), waiting).run());
        if is_shared {
            let every = Duration::from_millis(shared.limits.news_every_ms);
            tokio::spawn(news::follow(Arc::downgrade(&shared), every));
        }
        Ok(Self { shared, queue })
    }

    /// Decides a command and waits until the answer is durable and current.
    pub async fn run<A, R>(&self, command: Command<A, R>) -> Result<Committed<A>, RunError<R>>
    where
        A: Send + 'static,
        R: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let slots = self.pin(&command).await.map_err(|error| RunError::Failed(error.into()))?;
        let job = Queued::new(Box::new(TypedJob::new(command, reply)), slots);
        self.queue.try_send(job).map_err(|error| {
            RunError::Failed(match error {
                mpsc::error::TrySendError::Full(_) => {
                    self.shared.stats.refused_busy.fetch_add(1, Ordering::Relaxed);
                    ExecuteError::Busy
                }
                mpsc::error::TrySendError::Closed(_) => ExecuteError::Closed,
            })
        })?;
        let wait = Duration::from_millis(self.shared.limits.answer_ms);
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(RunError::Failed(ExecuteError::Closed)),
            Err(_) => Err(RunError::Failed(ExecuteError::Undecided)),
        }
    }

    async fn pin<A, R>(&self, command: &Command<A, R>) -> StoreResult<Vec<Arc<super::states::Slot>>> {
        let mut slots = Vec::with_capacity(command.streams.len());
        for stream in &command.streams {
            let slot = self.shared.states.pin(stream)?;
            if command.new_streams.contains(stream) {
                slot.presume_new();
            }
            slots.push(slot);
        }
        if slots.iter().any(|slot| !slot.is_resident()) {
            futures::future::try_join_all(slots.iter().map(|slot| self.shared.states.load(slot))).await?;
        }
        Ok(slots)
    }

    /// The durable state of a stream, as of now, and its version.
    pub async fn read<K: Kind>(&self, stream: &StreamId) -> StoreResult<(Arc<K::State>, Version)> {
        let slot = self.shared.states.pin(stream)?;
        let point = self.shared.states.read(&slot).await?;
        Self::typed::<K>(stream, point)
    }

    /// The durable state of a stream as this node knows it, and its version: all that this node committed is in it; of what
    /// other nodes commit, the last moments may be missing. For whoever has just written it, or has what follows from it
    /// decided on the state as it is then.
    pub async fn at_hand<K: Kind>(&self, stream: &StreamId) -> StoreResult<(Arc<K::State>, Version)> {
        let slot = self.shared.states.pin(stream)?;
        let point = self.shared.states.at_hand(&slot).await?;
        Self::typed::<K>(stream, point)
    }

    fn typed<K: Kind>(stream: &StreamId, point: Point) -> StoreResult<(Arc<K::State>, Version)> {
        let state = point
            .state
            .downcast::<K::State>()
            .map_err(|_| StoreError::Corrupt(format!("{stream} is not a stream of kind `{}`", K::NAME)))?;
        Ok((state, point.version))
    }

    /// Every committed fact from now on, in order, also what other nodes commit. When the receiver falls `capacity` batches
    /// behind, batches are left out; positions show the gap, and the log has what is missing.
    pub fn subscribe(&self, capacity: usize) -> mpsc::Receiver<Arc<[CommittedFact]>> {
        self.shared.news.subscribe(capacity)
    }

    /// How old the news of other nodes may be; nothing on a log that nobody else writes.
    pub fn news_age(&self) -> Duration {
        self.shared.news.age()
    }

    pub fn log(&self) -> &Arc<dyn Log> {
        &self.shared.log
    }

    pub fn kinds(&self) -> &Kinds {
        &self.shared.kinds
    }

    /// To be set while no other node lives; then nothing is left to others. Not set on a log that others write, at first.
    pub fn is_alone(&self) -> &Arc<AtomicBool> {
        &self.shared.is_alone
    }

    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.entropy
    }

    pub fn stats(&self) -> &ExecutorStats {
        &self.shared.stats
    }

    /// Commands that wait for the committer right now.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Bytes of resident states, as their kinds estimate them.
    pub fn resident_bytes(&self) -> usize {
        self.shared.states.used_bytes()
    }
}
