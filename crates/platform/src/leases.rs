//! Leases: of several nodes on one store, one has each duty; when it goes away or dies, another one takes it over.
//! It does not know what a duty is about, and it is no lock: a node that stands still for a while may believe for a moment
//! longer that a duty is its own. What must not happen twice is guarded where it is written.
//!
//! All nodes keep one small document together by compare-and-set: who is alive, and who has which duty. A node that lives
//! raises its number in it every second. Nobody compares clocks: a node is dead for another one when that one has seen the
//! number stand still for [`DEAD_AFTER`] of its own time, and believes in its own duties for [`SURE_FOR`] after it last
//! wrote, which is less. On a store that nobody else writes, nothing is read or written: every duty is one's own.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::documents::{Collection, Conditional, Document, Documents, Expected, Put};
use crate::entropy::{Entropy, draw};
use crate::signal::Signal;
use crate::store::{StoreError, StoreResult};
use table::{Table, Wishes};

pub const LEASES: Collection = Collection::primary("leases");
const TABLE: &str = "table";
/// How often a node looks at the table.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it says in it that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A node that has not said so for this long is dead to those who watched.
pub const DEAD_AFTER: Duration = Duration::from_secs(3);
/// For so long after it said so, a node believes that its duties are its own.
pub const SURE_FOR: Duration = Duration::from_millis(2_500);
/// How often one look writes when others write meanwhile.
const ATTEMPTS: usize = 5;

/// The duties of one node.
#[derive(Clone)]
pub struct Leases {
    desk: Arc<Desk>,
}

struct Desk {
    /// `None`: nobody else is there.
    shared: Option<Shared>,
    state: Signal<State>,
    /// Somebody wants a look before it is time. Waiting for it does not keep the desk.
    nudge: Arc<Notify>,
}

struct Shared {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    me: String,
    is_alone: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    wishes: Wishes,
    /// What is wanted by how many here.
    users: BTreeMap<&'static str, usize>,
    /// The duties of this node, each with the term that it has them for.
    mine: BTreeMap<&'static str, u64>,
    terms: u64,
    /// When the last beat was sent that was written; by both kinds of time, because either may stand still while a
    /// machine sleeps.
    beat: Option<(Instant, Timestamp)>,
    /// Who lived at the last look.
    nodes: BTreeSet<String>,
}

/// One duty: what one node does for all. Given up when it is dropped.
pub struct Duty {
    name: &'static str,
    desk: Arc<Desk>,
}

impl Leases {
    /// On a store that nobody else writes.
    pub fn alone() -> Self {
        Self { desk: Arc::new(Desk { shared: None, state: Signal::default(), nudge: Arc::default() }) }
    }

    /// On a store that others write, too. A task on the current runtime looks after the table until the last handle is
    /// gone, and sets `is_alone` while nobody else lives.
    pub fn among_others(
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        is_alone: Arc<AtomicBool>,
    ) -> Self {
        let name: [u8; 8] = draw(entropy);
        let me = format!("{:016x}", u64::from_be_bytes(name));
        let shared = Some(Shared { documents, clock, me, is_alone });
        let desk = Arc::new(Desk { shared, state: Signal::default(), nudge: Arc::default() });
        tokio::spawn(look_after(Arc::downgrade(&desk)));
        Self { desk }
    }

    /// Wants a duty from now on. Of nodes with different versions of what is done, only those with the newest one that was ever
    /// seen get it.
    pub fn duty(&self, name: &'static str, version: u32) -> Duty {
        self.desk.state.change(|state| {
            *state.users.entry(name).or_default() += 1;
            state.wishes.wanted.insert(name, version);
        });
        self.desk.nudge.notify_one();
        Duty { name, desk: self.desk.clone() }
    }

    /// How many nodes live, as far as is known here; at least one.
    pub fn nodes(&self) -> usize {
        self.desk.state.look(|state| state.nodes.len()).max(1)
    }

    /// This node's name among those that live, another one at every start; empty where there is nobody else.
    pub fn me(&self) -> &str {
        self.desk.shared.as_ref().map_or("", |shared| &shared.me)
    }

    /// Whether a node lives, as far as is known here.
    pub fn lives(&self, node: &str) -> bool {
        self.desk.state.look(|state| state.nodes.contains(node))
    }

    /// Whether this node has said lately enough that it lives, so that the others believe it, too: not when it has just been
    /// standing still.
    pub fn is_sure(&self) -> bool {
        self.desk.state.look(|state| self.desk.is_sure(state))
    }

    /// The duties that this node has right now; none are told where there is nobody else.
    pub fn held(&self) -> Vec<&'static str> {
        let is_sure = |state: &State| self.desk.is_sure(state);
        self.desk.state.look(|state| if is_sure(state) { state.mine.keys().copied().collect() } else { Vec::new() })
    }

    /// Leaves everything to the others, so that they need not wait for this node's death. Nothing is taken any more.
    pub async fn leave(&self) {
        let Some(shared) = &self.desk.shared else { return };
        self.desk.state.change(|state| {
            state.wishes.is_leaving = true;
            state.mine.clear();
        });
        if let Err(error) = self.desk.look(shared).await {
            tracing::warn!(%error, "duties could not be left to others; they find out by themselves");
        }
    }
}

impl Duty {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this node has the duty now.
    pub fn is_mine(&self) -> bool {
        self.term().is_some()
    }

    /// Another number whenever the duty was lost in between; `None` while it is somebody else's.
    pub fn term(&self) -> Option<u64> {
        self.desk.state.look(|state| self.desk.term(state, self.name))
    }

    /// Waits until this node has the duty. Cancel-safe.
    pub async fn begins(&self) {
        self.desk.state.wait_for(|state| self.desk.term(state, self.name).map(|_| ())).await;
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.desk.state.change(|state| {
            let Some(users) = state.users.get_mut(self.name) else { return };
            *users -= 1;
            if *users == 0 {
                state.users.remove(self.name);
                state.wishes.wanted.remove(self.name);
                state.mine.remove(self.name);
            }
        });
        self.desk.nudge.notify_one();
    }
}

/// Looks now and then, until this node has left or nobody has a handle any more.
async fn look_after(desk: Weak<Desk>) {
    loop {
        let Some(desk) = desk.upgrade() else { return };
        let Some(shared) = &desk.shared else { return };
        let is_leaving = || desk.state.look(|state| state.wishes.is_leaving);
        if is_leaving() {
            return;
        }
        if let Err(error) = desk.look(shared).await {
            // Whoever leaves closes the store.
            if is_leaving() || matches!(error, StoreError::Closed) {
                return;
            }
            tracing::warn!(%error, "the table of duties could not be looked after; trying again");
        }
        let nudge = desk.nudge.clone();
        drop(desk);
        // That nobody nudges is no mistake.
        let _ = tokio::time::timeout(LOOK_EVERY, nudge.notified()).await;
    }
}

impl Desk {
    /// Whether this node may believe what it last wrote.
    fn is_sure(&self, state: &State) -> bool {
        let Some(Shared { clock, .. }) = &self.shared else { return true };
        let Some((sent, at)) = state.beat else { return false };
        let by_clock = clock.now().duration_since(at);
        sent.elapsed() < SURE_FOR && Duration::try_from(by_clock).unwrap_or_default() < SURE_FOR
    }

    fn term(&self, state: &State, name: &str) -> Option<u64> {
        match &self.shared {
            None => Some(0),
            Some(_) => state.mine.get(name).copied().filter(|_| self.is_sure(state)),
        }
    }

    /// Reads the table, and writes it where there is something to say.
    async fn look(&self, shared: &Shared) -> StoreResult<()> {
        let mut sent = Instant::now();
        let mut there = shared.documents.get(LEASES, TABLE, shared.clock.now()).await?;
        for _ in 0..ATTEMPTS {
            let mut table = read(there.as_ref())?;
            let is_beat_due = self.state.look(|state| {
                let is_time = state.beat.is_none_or(|(sent, _)| sent.elapsed() >= BEAT_EVERY);
                is_time || !self.is_sure(state)
            });
            let seen = (sent, Instant::now());
            let is_changed = self.state.change(|state| state.wishes.settle(&mut table, &shared.me, seen));
            let is_leaving = self.state.look(|state| state.wishes.is_leaving);
            shared.is_alone.store(table.nodes() <= 1, Ordering::Relaxed);
            if !is_changed && (!is_beat_due || is_leaving) {
                self.state.change(|state| state.take(&table, &shared.me, None));
                return Ok(());
            }
            table.beat(&shared.me, is_leaving);
            // What is given up is so before anybody can read it, whenever the answer comes.
            self.state.change(|state| state.mine.retain(|name, _| table.holder(name) == Some(shared.me.as_str())));
            let beat = (Instant::now(), shared.clock.now());
            let expected = there.as_ref().map_or(Expected::Absent, |there| Expected::Version(there.version));
            sent = beat.0;
            match shared.documents.put_if(put(&table)?, expected, beat.1).await? {
                Conditional::Written(_) => {
                    self.state.change(|state| state.take(&table, &shared.me, Some(beat)));
                    return Ok(());
                }
                Conditional::Differs(other) => there = other,
            }
        }
        Ok(())
    }
}

impl State {
    /// Takes in what the table says; `beat`: when it was written by this node, if it was.
    fn take(&mut self, table: &Table, me: &str, beat: Option<(Instant, Timestamp)>) {
        let mine: BTreeSet<&'static str> =
            self.wishes.wanted.keys().copied().filter(|name| table.holder(name) == Some(me)).collect();
        self.mine.retain(|name, _| mine.contains(name));
        // What was only read may be a write of this node whose answer was lost: it is sure of it when it has written again.
        for name in mine.into_iter().filter(|_| beat.is_some()) {
            if !self.mine.contains_key(name) {
                self.terms += 1;
                self.mine.insert(name, self.terms);
                tracing::debug!(duty = name, "this node has a duty");
            }
        }
        self.beat = beat.or(self.beat);
        self.wishes.stored(table);
        self.nodes = table.names();
    }
}

fn read(document: Option<&Document>) -> StoreResult<Table> {
    document.map_or_else(|| Ok(Table::default()), Document::read)
}

fn put(table: &Table) -> StoreResult<Put> {
    let body = serde_json::to_string(table).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Put { collection: LEASES, id: TABLE.to_owned(), body: body.into(), entries: Vec::new(), expires: None })
}

#[cfg(test)]
mod tests;
