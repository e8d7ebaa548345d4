//! Runs projections: each follows the log by itself, from its own checkpoint, and catches up after a gap.
//! It does not know what is folded. A projection that meets a fact it cannot read stops and says so.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::{AnyDoc, ErasedProjection, Lists, checkpoint_name};
use crate::clock::Clock;
use crate::documents::{Change, Checkpoint, Collection, Documents, Put, Replicas, Seen, WriteBatch, overtaken};
use crate::leases::{Duty, Leases};
use crate::log::executor::{CommittedFact, Executor};
use crate::log::kind::Kinds;
use crate::log::{Log, Position, Shard};
use crate::signal::Signal;
use crate::store::{StoreError, StoreResult};

/// Committed batches that a projection may lag before it reads the log instead.
const CHANNEL_BATCHES: usize = 1_024;
/// Facts folded into one write.
const FACTS_PER_WRITE: usize = 4_096;
/// Facts per read while catching up.
const READ_CHUNK: usize = 1_000;
/// Documents that a projection keeps at hand between writes.
const DOCUMENTS_AT_HAND: usize = 4_096;
/// Without news, a projection looks at the log this often: batches can be left out of the channel. On a store that is not a
/// node's own it looks as often whether what it wrote is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A projection writes no more often than this unless somebody waits for it: what happens to one document meanwhile is
/// one write, and nothing at all where it ends as it began.
const GATHER: Duration = Duration::from_millis(100);
/// The same among other nodes, while little happens: those who wait elsewhere cannot hurry it.
const GATHER_AMONG_OTHERS: Duration = Duration::from_millis(20);
/// Facts in one write up to which little happens.
const FEW_FACTS: usize = 64;
/// Pause after a failed write.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// While somebody waits here for what another node folds, its checkpoints are read this often.
const WATCH_EVERY: Duration = Duration::from_millis(10);

/// How far one projection is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    pub projection: &'static str,
    /// Facts in the log that it has not folded yet.
    pub facts: u64,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

/// The running projections of one log. Of several nodes one folds each projection; the others see how far it is.
#[derive(Clone)]
pub struct Projector {
    followers: Arc<[Follower]>,
    log: Arc<dyn Log>,
    documents: Arc<dyn Documents>,
    lists: Lists,
    leases: Leases,
}

pub(super) struct Follower {
    name: &'static str,
    pub(super) collection: Collection,
    checkpoints: String,
    progress: Arc<Progress>,
}

impl Follower {
    /// What this node knows to be folded, here or elsewhere.
    pub(super) fn seen(&self) -> Seen {
        let positions = self.progress.positions.look(Clone::clone);
        let positions = (0..).zip(positions).filter(|(_, position)| *position > 0).collect();
        Seen { projection: self.checkpoints.clone(), positions }
    }
}

struct Progress {
    positions: Signal<Vec<Position>>,
    /// Somebody waits.
    hurry: Notify,
    /// How many wait.
    waiting: AtomicUsize,
    /// Whether this node folds.
    is_ours: AtomicBool,
    stopped: Mutex<Option<String>>,
}

impl Projector {
    /// Starts every projection on the current runtime. Those that are new, or have a higher version, build their
    /// collection from the beginning.
    pub async fn start(
        executor: &Executor,
        documents: &Arc<dyn Documents>,
        clock: &Arc<dyn Clock>,
        projections: &[Arc<dyn ErasedProjection>],
    ) -> StoreResult<Self> {
        let shards = executor.log().shards().await?.len();
        let leases = match executor.log().owned_alone() {
            true => Leases::alone(),
            false => {
                let (entropy, is_alone) = (executor.entropy().as_ref(), executor.is_alone().clone());
                Leases::among_others(documents.clone(), clock.clone(), entropy, is_alone)
            }
        };
        let mut followers = Vec::with_capacity(projections.len());
        for projection in projections {
            let progress = Arc::new(Progress {
                positions: Signal::new(vec![0; shards]),
                hurry: Notify::new(),
                waiting: AtomicUsize::new(0),
                is_ours: AtomicBool::new(false),
                stopped: Mutex::new(None),
            });
            let mut run = Run {
                projection: projection.clone(),
                checkpoints: checkpoint_name(projection.as_ref()),
                documents: documents.clone(),
                log: executor.log().clone(),
                kinds: executor.kinds().clone(),
                clock: clock.clone(),
                duty: leases.duty(projection.name(), projection.version()),
                leases: leases.clone(),
                term: None,
                stored: BTreeMap::new(),
                progress: progress.clone(),
                at_hand: AtHand::default(),
                written: None,
                confirmed: Instant::now(),
            };
            let news = executor.subscribe(CHANNEL_BATCHES);
            if executor.log().owned_alone() {
                run.begin().await?;
            } else {
                run.look().await?;
            }
            let (name, collection) = (projection.name(), projection.collection());
            followers.push(Follower { name, collection, checkpoints: run.checkpoints.clone(), progress });
            tokio::spawn(run.follow(news));
        }
        let (log, documents) = (executor.log().clone(), documents.clone());
        let followers: Arc<[Follower]> = followers.into();
        let lists = Lists::new(followers.clone(), documents.clone());
        Ok(Self { followers, log, documents, lists, leases })
    }

    /// Lets copies of the documents answer what is only shown.
    #[must_use]
    pub fn showing(mut self, replicas: Arc<dyn Replicas>) -> Self {
        self.lists.ask(replicas);
        self
    }

    /// What was folded, to be shown.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The duties of this node, of which its projections are some.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Waits until every projection has folded these positions. `false` when that took longer than `wait`.
    pub async fn wait_for(&self, positions: &[(Shard, Position)], wait: Duration) -> bool {
        let all = futures::future::join_all(self.followers.iter().map(|follower| follower.progress.reach(positions)));
        tokio::time::timeout(wait, all).await.is_ok()
    }

    /// Waits until every projection has folded all that is in the log now.
    pub async fn wait_for_heads(&self, wait: Duration) -> StoreResult<bool> {
        let infos = self.log.shards().await?;
        let heads: Vec<(Shard, Position)> = infos.iter().map(|info| (info.shard, info.head)).collect();
        Ok(self.wait_for(&heads, wait).await)
    }

    pub async fn lags(&self) -> StoreResult<Vec<Lag>> {
        let infos = self.log.shards().await?;
        let mut lags = Vec::with_capacity(self.followers.len());
        for follower in self.followers.iter() {
            let progress = &follower.progress;
            let stopped = progress.stopped.lock().clone();
            if !progress.is_ours.load(Ordering::Relaxed) && stopped.is_none() {
                progress.set(self.documents.checkpoints(&follower.checkpoints).await?.iter());
            }
            let facts = progress.positions.look(|positions| {
                let pairs = infos.iter().zip(positions);
                pairs.map(|(info, position)| info.head.saturating_sub(*position)).sum()
            });
            lags.push(Lag { projection: follower.name, facts, stopped });
        }
        Ok(lags)
    }
}

/// Counts one who waits, for as long as it does.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn among(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Progress {
    /// Waits until these positions are folded, and hurries those who fold.
    async fn reach(&self, wanted: &[(Shard, Position)]) {
        let _waits = Waits::among(&self.waiting);
        let is_there = |positions: &Vec<Position>| {
            let mut wanted = wanted.iter();
            let is_there = wanted.all(|(shard, at)| positions.get(usize::from(*shard)).is_none_or(|has| has >= at));
            if !is_there {
                self.hurry.notify_one();
            }
            is_there.then_some(())
        };
        self.positions.wait_for(is_there).await;
    }

    fn at(&self, shard: Shard) -> Position {
        self.positions.look(|positions| positions.get(usize::from(shard)).copied().unwrap_or(0))
    }

    fn set<'a>(&self, checkpoints: impl Iterator<Item = &'a Checkpoint>) {
        self.positions.change(|positions| {
            for point in checkpoints {
                if let Some(at) = positions.get_mut(usize::from(point.shard)) {
                    *at = point.position;
                }
            }
        });
    }
}

/// One projection at work.
struct Run {
    projection: Arc<dyn ErasedProjection>,
    /// The name of its checkpoints.
    checkpoints: String,
    documents: Arc<dyn Documents>,
    /// Not the executor: when its last user is gone, this ends, too.
    log: Arc<dyn Log>,
    kinds: Kinds,
    clock: Arc<dyn Clock>,
    duty: Duty,
    leases: Leases,
    /// The term of the duty in which it found its place.
    term: Option<u64>,
    /// The checkpoints as they are stored, to its knowledge.
    stored: BTreeMap<Shard, Position>,
    progress: Arc<Progress>,
    at_hand: AtHand,
    /// When it last wrote, and how many facts that were.
    written: Option<(Instant, usize)>,
    /// When it last made sure of what it wrote.
    confirmed: Instant,
}

/// Documents folded lately, so that they need not be read for every fact. `None`: known not to exist.
#[derive(Default)]
struct AtHand {
    documents: HashMap<String, Option<AnyDoc>>,
    order: VecDeque<String>,
}

impl AtHand {
    fn keep(&mut self, id: String, document: Option<AnyDoc>) {
        if self.documents.insert(id.clone(), document).is_none() {
            self.order.push_back(id);
        }
    }

    /// Lets go of the oldest; only between folds, so that nothing that is being folded is lost.
    fn shrink(&mut self) {
        while self.order.len() > DOCUMENTS_AT_HAND {
            if let Some(oldest) = self.order.pop_front() {
                self.documents.remove(&oldest);
            }
        }
    }
}

impl Run {
    /// Finds its place, or clears the collection when this version has none.
    async fn begin(&mut self) -> StoreResult<()> {
        let term = self.duty.term();
        self.at_hand = AtHand::default();
        if self.look().await? == 0 {
            let changes = vec![Change::Clear { collection: self.projection.collection() }];
            // With a checkpoint, so that it is not cleared again by one who comes late.
            let checkpoints = vec![Checkpoint::first(&self.checkpoints, 0, 0)];
            self.documents.write(WriteBatch { changes, checkpoints }).await?;
            self.stored.insert(0, 0);
        }
        self.term = term;
        Ok(())
    }

    /// Reads how far the projection is, wherever it is folded. Answers how many checkpoints there are.
    async fn look(&mut self) -> StoreResult<usize> {
        let checkpoints = self.documents.checkpoints(&self.checkpoints).await?;
        self.progress.set(checkpoints.iter());
        self.stored = checkpoints.iter().map(|point| (point.shard, point.position)).collect();
        Ok(checkpoints.len())
    }

    async fn follow(mut self, mut news: mpsc::Receiver<Arc<[CommittedFact]>>) {
        while self.stand_by(&mut news).await {
            self.progress.is_ours.store(true, Ordering::Relaxed);
            let worked = self.work(&mut news).await;
            self.progress.is_ours.store(false, Ordering::Relaxed);
            let projection = self.projection.name();
            match worked {
                Ok(true) => tracing::debug!(projection, "another node folds now"),
                Ok(false) => return,
                Err(StoreError::Corrupt(reason)) => {
                    tracing::error!(projection, reason, "a projection stopped");
                    *self.progress.stopped.lock() = Some(reason);
                    return;
                }
                Err(error) => {
                    tracing::warn!(projection, %error, "a projection could not be written; trying again");
                    // The write may have happened all the same, so how far it came is read again before anything is
                    // folded a second time.
                    self.term = None;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Waits until it is this node that folds, and finds its place then; tells those who wait here meanwhile how far the
    /// others are. `false`: the executor is gone.
    async fn stand_by(&mut self, news: &mut mpsc::Receiver<Arc<[CommittedFact]>>) -> bool {
        loop {
            match self.duty.term() {
                Some(term) if self.term == Some(term) => return true,
                Some(_) => {
                    if let Err(error) = self.begin().await {
                        let projection = self.projection.name();
                        tracing::warn!(projection, %error, "a projection cannot find its place");
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    continue;
                }
                None => {}
            }
            tokio::select! {
                biased;
                () = self.duty.begins() => {}
                heard = news.recv() => if heard.is_none() { return false },
                () = self.progress.hurry.notified() => self.watch().await,
            }
        }
    }

    /// Reads the checkpoints that another node moves, for as long as somebody waits here.
    async fn watch(&mut self) {
        while self.progress.waiting.load(Ordering::Relaxed) > 0 && !self.duty.is_mine() {
            if let Err(error) = self.look().await {
                tracing::debug!(projection = self.projection.name(), %error, "checkpoints cannot be read");
            }
            tokio::time::sleep(WATCH_EVERY).await;
        }
    }

    /// Follows until the executor is gone (`false`), or until another node folds (`true`).
    async fn work(&mut self, news: &mut mpsc::Receiver<Arc<[CommittedFact]>>) -> StoreResult<bool> {
        self.catch_up().await?;
        loop {
            if self.duty.term() != self.term {
                return Ok(true);
            }
            self.confirm().await?;
            match tokio::time::timeout(LOOK_EVERY, news.recv()).await {
                Ok(None) => return Ok(false),
                Err(_) => self.catch_up().await?,
                Ok(Some(first)) => {
                    self.gather().await;
                    let mut batches = vec![first];
                    let mut facts = batches[0].len();
                    while facts < FACTS_PER_WRITE {
                        let Ok(more) = news.try_recv() else { break };
                        facts += more.len();
                        batches.push(more);
                    }
                    if !self.fold(batches.iter().flat_map(|batch| batch.iter())).await? {
                        self.catch_up().await?;
                    }
                }
            }
        }
    }

    /// What was folded last may be gone, with its checkpoint, when the store's server crashed or another took its place
    /// ([`Documents::write`]); the fold begins again there, also where no more facts come.
    async fn confirm(&mut self) -> StoreResult<()> {
        if self.log.owned_alone() || self.confirmed.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        let checkpoints = self.documents.checkpoints(&self.checkpoints).await?;
        let found: BTreeMap<Shard, Position> = checkpoints.iter().map(|point| (point.shard, point.position)).collect();
        let moved = self.stored.iter().find(|(shard, position)| found.get(*shard) != Some(*position));
        if let Some((shard, position)) = moved {
            return Err(overtaken(&self.checkpoints, *shard, Some(*position)));
        }
        self.confirmed = Instant::now();
        Ok(())
    }

    /// Lets more come in before it is folded, if the last write was just now and nobody waits.
    async fn gather(&self) {
        if let Some((written, facts)) = self.written {
            let is_quiet = facts <= FEW_FACTS && self.leases.nodes() > 1;
            let gather = if is_quiet { GATHER_AMONG_OTHERS } else { GATHER };
            let _ = tokio::time::timeout_at(written + gather, self.progress.hurry.notified()).await;
        }
    }

    /// Reads the log from its checkpoints to the heads.
    async fn catch_up(&mut self) -> StoreResult<()> {
        let log = self.log.clone();
        for info in log.shards().await? {
            while self.progress.at(info.shard) < info.head {
                let recorded = log.read_shard(info.shard, self.progress.at(info.shard), READ_CHUNK).await?;
                let mut facts = Vec::with_capacity(recorded.len());
                for fact in recorded {
                    let decoded = self.kinds.decode(&fact);
                    let decoded = decoded.map_err(|error| StoreError::Corrupt(error.to_string()))?;
                    facts.push(CommittedFact::new(fact, decoded));
                }
                if facts.is_empty() {
                    break;
                }
                self.fold(facts.iter()).await?;
            }
        }
        Ok(())
    }

    /// Folds facts and writes what came of them. Answers `false` when a gap kept some from being folded.
    async fn fold(&mut self, facts: impl Iterator<Item = &CommittedFact>) -> StoreResult<bool> {
        let mut reached: BTreeMap<Shard, Position> = BTreeMap::new();
        let mut touched: BTreeMap<String, Vec<&CommittedFact>> = BTreeMap::new();
        let mut without_gap = true;
        let mut folded = 0;
        for fact in facts {
            let at = reached.get(&fact.shard).copied().unwrap_or_else(|| self.progress.at(fact.shard));
            if fact.position <= at {
                continue;
            }
            if fact.position > at + 1 {
                without_gap = false;
                continue;
            }
            reached.insert(fact.shard, fact.position);
            folded += 1;
            for id in self.projection.keys(fact) {
                touched.entry(id).or_default().push(fact);
            }
        }
        if reached.is_empty() {
            return Ok(without_gap);
        }
        self.fetch(touched.keys()).await?;
        let mut changes = Vec::with_capacity(touched.len());
        for (id, facts) in touched {
            changes.extend(self.fold_document(id, &facts)?);
        }
        let checkpoints: Vec<Checkpoint> = reached
            .iter()
            .map(|(shard, position)| Checkpoint {
                from: self.stored.get(shard).copied(),
                ..Checkpoint::first(&self.checkpoints, *shard, *position)
            })
            .collect();
        self.documents.write(WriteBatch { changes, checkpoints: checkpoints.clone() }).await?;
        self.stored.append(&mut reached);
        self.written = Some((Instant::now(), folded));
        self.at_hand.shrink();
        self.progress.set(checkpoints.iter());
        Ok(without_gap)
    }

    /// Brings the documents that are about to be folded to hand, in one read.
    async fn fetch(&mut self, ids: impl Iterator<Item = &String>) -> StoreResult<()> {
        let missing: Vec<String> = ids.filter(|id| !self.at_hand.documents.contains_key(*id)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.documents.get_many(self.projection.collection(), &missing, self.clock.now()).await?;
        let mut found: BTreeMap<String, Arc<str>> =
            found.into_iter().map(|document| (document.id, document.body)).collect();
        for id in missing {
            let document = match found.remove(&id) {
                Some(body) => Some(self.projection.read(&body)?),
                None => None,
            };
            self.at_hand.keep(id, document);
        }
        Ok(())
    }

    fn fold_document(&mut self, id: String, facts: &[&CommittedFact]) -> StoreResult<Option<Change>> {
        let before = self.at_hand.documents.get_mut(&id).and_then(Option::take);
        let existed = before.is_some();
        let after = facts.iter().fold(before, |document, fact| self.projection.fold(&id, document, fact));
        let collection = self.projection.collection();
        let change = match &after {
            Some(document) => {
                let (body, entries) = self.projection.write(&id, document)?;
                Some(Change::Put(Put { collection, id: id.clone(), body, entries, expires: None }))
            }
            None if existed => Some(Change::Delete { collection, id: id.clone() }),
            None => None,
        };
        self.at_hand.keep(id, after);
        Ok(change)
    }
}
