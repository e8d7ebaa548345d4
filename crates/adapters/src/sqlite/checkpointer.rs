//! The thread that moves pages from the WAL into the database, so that no commit has to wait for it.
//! It does not write anything of its own, and nobody but it checkpoints.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use platform::store::{StoreError, StoreResult};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB};
use tokio::sync::oneshot;

/// SQLite's page size, in bytes: the default, which `schema` leaves as it is.
const PAGE_BYTES: u32 = 4_096;
/// How long writers wait for readers when the WAL is begun anew; it is tried again later.
const RESTART_WAIT: Duration = Duration::from_millis(50);
/// The WAL is begun anew when no more pages than this are left to move, for which writers wait a few milliseconds ...
const LEFT_AT_RESTART: u32 = 1_024;
/// ... or after so many attempts to come that near, when pages are written faster than they are moved.
const APPROACHES: u32 = 8;
/// How long it waits for readers where the WAL must be emptied; longer than any read of ours may take.
const EMPTY_WAIT: Duration = Duration::from_millis(2_500);

/// When the WAL is looked after, in pages.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    passive_every: u32,
    restart_at: u32,
}

impl Limits {
    pub fn in_pages(checkpoint_bytes: u32, restart_bytes: u32) -> Self {
        Self { passive_every: checkpoint_bytes / PAGE_BYTES, restart_at: restart_bytes / PAGE_BYTES }
    }
}

/// Counters since start, for `/metrics`.
#[derive(Debug, Default)]
pub struct CheckpointStats {
    pub passive: AtomicU64,
    pub restarts: AtomicU64,
    pub failed: AtomicU64,
}

enum Message {
    Look,
    Empty(oneshot::Sender<StoreResult<()>>),
    Close,
}

/// Tells the thread that the WAL has grown.
#[derive(Clone)]
pub struct Nudge {
    queue: mpsc::Sender<Message>,
    growth: Arc<Growth>,
    limits: Limits,
}

struct Growth {
    pages: AtomicU32,
    /// The size at which the thread is woken next.
    wake_at: AtomicU32,
}

impl Nudge {
    /// Cheap: the thread is woken once for each growth that it should know of.
    pub fn after_commit(&self, pages: u32) {
        let before = self.growth.pages.swap(pages, Ordering::Relaxed);
        if pages < before {
            self.growth.wake_at.store(self.limits.passive_every, Ordering::Relaxed);
        }
        if pages >= self.growth.wake_at.load(Ordering::Relaxed) {
            self.growth.wake_at.store(pages + self.limits.passive_every, Ordering::Relaxed);
            let _ = self.queue.send(Message::Look);
        }
    }

    /// Empties the WAL: nothing that was deleted before is left in it.
    pub async fn empty(&self) -> StoreResult<()> {
        let closed = || StoreError::Closed;
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Empty(reply)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Lets the thread empty the WAL, give back the lock and end.
    pub fn close(&self) {
        let _ = self.queue.send(Message::Close);
    }
}

/// Starts the thread. It keeps the folder's lock as long as it lives.
///
/// `database`: the file itself, to sync it. It is closed after the last connection of this store, since closing it gives
/// up the locks that connections of this process hold on the file.
pub fn start(
    conn: Connection,
    database: File,
    gate: Arc<Mutex<()>>,
    lock: File,
    limits: Limits,
    stats: Arc<CheckpointStats>,
) -> std::io::Result<(Nudge, JoinHandle<()>)> {
    let (queue, waiting) = mpsc::channel();
    let growth = Arc::new(Growth { pages: AtomicU32::new(0), wake_at: AtomicU32::new(limits.passive_every) });
    let nudge = Nudge { queue, growth: growth.clone(), limits };
    let thread = Checkpointer { conn, database, gate, growth, limits, stats };
    let run = move || {
        thread.run(&waiting);
        drop(thread);
        drop(lock);
    };
    let handle = std::thread::Builder::new().name("sqlite-checkpoints".into()).spawn(run)?;
    Ok((nudge, handle))
}

struct Checkpointer {
    conn: Connection,
    database: File,
    gate: Arc<Mutex<()>>,
    growth: Arc<Growth>,
    limits: Limits,
    stats: Arc<CheckpointStats>,
}

impl Checkpointer {
    fn run(&self, waiting: &mpsc::Receiver<Message>) {
        while let Ok(message) = waiting.recv() {
            match message {
                Message::Look => self.look(),
                Message::Empty(reply) => {
                    let _ = reply.send(self.empty().map_err(told));
                }
                Message::Close => break,
            }
        }
        if let Err(error) = self.empty() {
            tracing::warn!(%error, "the WAL was not emptied; it is read when the shop starts again");
        }
    }

    fn look(&self) {
        self.move_pages();
        if self.growth.pages.load(Ordering::Relaxed) >= self.limits.restart_at {
            self.approach();
            self.restart();
        }
    }

    fn move_pages(&self) {
        let outcome = self.checkpoint(CheckpointMode::PASSIVE);
        self.count(&self.stats.passive, outcome);
    }

    /// Makes durable what was moved while writers go on. SQLite itself would do it when the WAL is begun anew, all of
    /// it at once, and everybody would wait.
    fn approach(&self) {
        for _ in 0..APPROACHES {
            let before = self.growth.pages.load(Ordering::Relaxed);
            if let Err(error) = self.database.sync_data() {
                tracing::warn!(%error, "the database could not be synced; the WAL keeps what it has until it can be");
            }
            self.move_pages();
            if self.growth.pages.load(Ordering::Relaxed).saturating_sub(before) <= LEFT_AT_RESTART {
                break;
            }
        }
    }

    /// Little is left to move and to sync, so that writers wait only for that and for readers.
    fn restart(&self) {
        let closed_gate = self.gate.lock();
        let outcome = self.conn.busy_timeout(RESTART_WAIT).and_then(|()| self.checkpoint(CheckpointMode::RESTART));
        drop(closed_gate);
        self.count(&self.stats.restarts, outcome);
    }

    fn empty(&self) -> rusqlite::Result<()> {
        let _closed_gate = self.gate.lock();
        self.conn.busy_timeout(EMPTY_WAIT)?;
        self.checkpoint(CheckpointMode::TRUNCATE)
    }

    fn checkpoint(&self, mode: CheckpointMode) -> rusqlite::Result<()> {
        self.conn.wal_checkpoint_v2(Some(MAIN_DB), mode).map(drop)
    }

    fn count(&self, counter: &AtomicU64, outcome: rusqlite::Result<()>) {
        counter.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = outcome {
            self.stats.failed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%error, "a checkpoint did not finish; it is tried again as the WAL grows");
        }
    }
}

fn told(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("the WAL could not be emptied: {error}"))
}
