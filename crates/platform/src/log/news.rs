//! News: what was committed, told to subscribers in this process in the order of its positions, shard by shard.
//! It does not know who hears it, nor what a fact means.
//!
//! On a log that this process owns alone, what it commits is all that there is, and is told at once. On a shared one, a
//! follower looks every few milliseconds for what other nodes committed; own facts are told at once where nothing of others
//! lies before them, else together with that. Each fact comes once, and positions never go back. One that cannot be decoded is left
//! out: a gap, as when a subscriber falls behind, and whoever needs it reads the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::executor::{CommittedFact, Shared};
use super::{Position, RecordedFact, Shard, ShardInfo, ShardRange};
use crate::store::{StoreError, StoreResult};

/// Facts of one shard that one look reads at a time.
const READ_CHUNK: usize = 512;
/// Own facts of one shard that wait for what lies before them; beyond it that is left out.
const OWN_MAX: usize = 8_192;
/// Pause after a look that failed.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

type Heard = Arc<[CommittedFact]>;

/// What is told, and to whom.
pub(crate) struct News {
    is_shared: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    subscribers: Vec<mpsc::Sender<Heard>>,
    lines: Vec<Line>,
    /// When the last look began that saw everything.
    looked: Instant,
}

/// The news of one shard.
#[derive(Default)]
struct Line {
    told: Position,
    /// Own facts that wait for what lies before them.
    own: BTreeMap<Position, CommittedFact>,
}

impl Line {
    /// Takes what can be told now.
    fn drain(&mut self, out: &mut Vec<CommittedFact>) {
        if self.own.len() > OWN_MAX
            && let Some((first, _)) = self.own.first_key_value()
        {
            self.told = self.told.max(*first - 1);
        }
        while let Some(next) = self.own.first_entry().filter(|next| *next.key() <= self.told + 1) {
            let (position, fact) = next.remove_entry();
            if position > self.told {
                self.told = position;
                out.push(fact);
            }
        }
    }
}

impl News {
    /// Begins at the heads.
    pub fn new(infos: &[ShardInfo], is_shared: bool) -> Self {
        let lines = infos.iter().map(|info| Line { told: info.head, own: BTreeMap::new() }).collect();
        let inner = Inner { subscribers: Vec::new(), lines, looked: Instant::now() };
        Self { is_shared, inner: Mutex::new(inner) }
    }

    pub fn subscribe(&self, capacity: usize) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(capacity);
        self.inner.lock().subscribers.push(sender);
        receiver
    }

    /// How long ago the last look began that saw everything; nothing where there is nobody to look for.
    pub fn age(&self) -> Duration {
        if self.is_shared { self.inner.lock().looked.elapsed() } else { Duration::ZERO }
    }

    /// What this process committed.
    pub fn committed(&self, facts: Vec<CommittedFact>) {
        let inner = &mut *self.inner.lock();
        if !self.is_shared {
            return inner.tell(facts);
        }
        let mut shards: Vec<Shard> = Vec::new();
        for fact in facts {
            let Some(line) = inner.lines.get_mut(usize::from(fact.shard)) else { continue };
            if fact.position > line.told {
                shards.push(fact.shard);
                line.own.insert(fact.position, fact);
            }
        }
        shards.sort_unstable();
        shards.dedup();
        let mut out = Vec::new();
        for shard in shards {
            inner.lines[usize::from(shard)].drain(&mut out);
        }
        inner.tell(out);
    }

    /// What has not come here yet, up to these heads.
    fn missing(&self, infos: &[ShardInfo]) -> Vec<ShardRange> {
        let inner = self.inner.lock();
        let missing = infos.iter().zip(&inner.lines).map(|(info, line)| {
            let known = line.own.first_key_value().map_or(Position::MAX, |(first, _)| *first - 1);
            ShardRange { shard: info.shard, after: line.told, until: info.head.min(known) }
        });
        missing.filter(|range| range.until > range.after).collect()
    }

    /// What was read from the log; `None` for one that could not be decoded.
    fn read(&self, facts: Vec<(Shard, Position, Option<CommittedFact>)>) {
        let inner = &mut *self.inner.lock();
        let mut out = Vec::with_capacity(facts.len());
        for (shard, position, fact) in facts {
            let Some(line) = inner.lines.get_mut(usize::from(shard)) else { continue };
            if position != line.told + 1 {
                continue;
            }
            line.told = position;
            out.extend(fact);
            line.drain(&mut out);
        }
        inner.tell(out);
    }
}

impl Inner {
    fn tell(&mut self, facts: Vec<CommittedFact>) {
        if facts.is_empty() {
            return;
        }
        let facts: Heard = facts.into();
        self.subscribers.retain(|subscriber| {
            !matches!(subscriber.try_send(facts.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }
}

/// Looks for what others committed, until the executor is gone or its store closed.
pub(crate) async fn follow(executor: Weak<Shared>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(shared) = executor.upgrade() else { return };
        if let Err(error) = look(&shared).await {
            if matches!(error, StoreError::Closed) {
                return;
            }
            tracing::warn!(%error, "what other nodes committed cannot be read; trying again");
            drop(shared);
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }
}

async fn look(shared: &Shared) -> StoreResult<()> {
    let began = Instant::now();
    let infos = shared.log.shards().await?;
    loop {
        let missing = shared.news.missing(&infos);
        if missing.is_empty() {
            break;
        }
        let facts = shared.log.read_ranges(&missing, READ_CHUNK).await?;
        if facts.is_empty() {
            break;
        }
        hear(shared, facts);
    }
    shared.news.inner.lock().looked = began;
    Ok(())
}

/// States at hand follow first, so that whoever is told finds them as they are.
fn hear(shared: &Shared, facts: Vec<RecordedFact>) {
    let mut heard = Vec::with_capacity(facts.len());
    for fact in facts {
        let decoded = shared.kinds.decode(&fact);
        if let Err(error) = &decoded {
            tracing::debug!(stream = %fact.stream, %error, "a fact of another node is not understood here");
        }
        let decoded = decoded.ok();
        shared.states.hear(&fact, decoded.as_ref());
        let (shard, position) = (fact.shard, fact.position);
        heard.push((shard, position, decoded.map(|decoded| CommittedFact::new(fact, decoded))));
    }
    shared.news.read(heard);
}
