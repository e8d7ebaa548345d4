//! The one thread that writes. It drains what waits — appends, document batches, snapshots — into one transaction, so
//! that all of them share the fsync. A part is answered only after COMMIT; where one fails, the others are done again
//! without it.
//! It does not know what a part does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use platform::store::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpointer::Nudge;
use super::facts::{Appending, Heads};
use super::failure::{Failure, Outcome, of_commit};
use super::names::Names;
use super::rows::Writing;

/// Parts that wait; one more makes its caller wait.
const QUEUE_PARTS: usize = 1_024;
/// Parts of one transaction.
const TRANSACTION_PARTS: usize = 256;

/// The writer's connection and what it remembers.
pub struct Desk {
    conn: Connection,
    names: Names,
    /// None for a writer beside a running shop, which may not append.
    heads: Option<Heads>,
    /// What is remembered may be wrong and must be read anew before anything is written.
    stale: bool,
}

impl Desk {
    pub fn appending(&mut self) -> Outcome<Appending<'_>> {
        let heads = self.heads.as_mut().ok_or_else(|| Failure::refused("only the running shop appends facts"))?;
        Ok(Appending { conn: &self.conn, names: &mut self.names, heads })
    }

    pub fn writing(&mut self) -> Writing<'_> {
        Writing { conn: &self.conn, names: &mut self.names }
    }

    /// After a rollback, what was remembered of the undone part may be wrong.
    fn forget(&mut self) -> Outcome<()> {
        self.stale = true;
        self.names.forget();
        if self.heads.is_some() {
            self.heads = Some(Heads::load(&self.conn)?);
        }
        self.stale = false;
        Ok(())
    }
}

/// Counters since start, for `/metrics`.
#[derive(Debug, Default)]
pub struct WriterStats {
    pub transactions: AtomicU64,
    pub parts: AtomicU64,
    pub failed_parts: AtomicU64,
    /// Pages in the WAL after the last commit.
    pub wal_pages: AtomicU32,
    /// The last transaction could not be written: there is no room, or the disk fails.
    pub is_stuck: AtomicBool,
}

/// Sends parts to the thread. Clones share it; when the last one is gone, the thread ends.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Part(Box<dyn Part>),
    Close,
}

/// One caller's work within a transaction. It is run again when the transaction is begun anew.
trait Part: Send {
    fn run(&mut self, desk: &mut Desk) -> Outcome<()>;
    fn finish(self: Box<Self>, outcome: StoreResult<()>);
}

struct TypedPart<T, F> {
    work: F,
    done: Option<T>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Part for TypedPart<T, F>
where
    T: Send,
    F: FnMut(&mut Desk) -> Outcome<T> + Send,
{
    fn run(&mut self, desk: &mut Desk) -> Outcome<()> {
        self.done = Some((self.work)(desk)?);
        Ok(())
    }

    /// The caller may have gone; then nobody reads the answer.
    fn finish(self: Box<Self>, outcome: StoreResult<()>) {
        let Self { done, reply, .. } = *self;
        let _ = reply.send(outcome.and_then(|()| done.ok_or_else(gone)));
    }
}

fn gone() -> StoreError {
    StoreError::Closed
}

impl Writer {
    /// Starts the thread. `gate` is held during each transaction.
    pub fn start(
        mut conn: Connection,
        heads: Option<Heads>,
        gate: Arc<Mutex<()>>,
        nudge: Option<Nudge>,
        stats: Arc<WriterStats>,
    ) -> Result<(Self, JoinHandle<()>), super::OpenError> {
        let pages = stats.clone();
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, in_wal: i32| {
            pages.wal_pages.store(u32::try_from(in_wal).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let (queue, waiting) = mpsc::channel(QUEUE_PARTS);
        let thread =
            Thread { desk: Desk { conn, names: Names::default(), heads, stale: false }, waiting, gate, nudge, stats };
        let handle = std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || thread.run())?;
        Ok((Self { queue }, handle))
    }

    /// Runs `work` within the next transaction and answers when that is durable. Once it has been queued it is run,
    /// whether or not the caller still waits. It may be run again, after a rollback.
    pub async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Desk) -> Outcome<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let part = Message::Part(Box::new(TypedPart { work, done: None, reply }));
        self.queue.send(part).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Lets the thread finish what was queued before, and end.
    pub async fn close(&self) {
        let _ = self.queue.send(Message::Close).await;
    }
}

struct Thread {
    desk: Desk,
    waiting: mpsc::Receiver<Message>,
    gate: Arc<Mutex<()>>,
    nudge: Option<Nudge>,
    stats: Arc<WriterStats>,
}

impl Thread {
    fn run(mut self) {
        let mut open = true;
        while open {
            let Some(first) = self.waiting.blocking_recv() else { return };
            let mut parts = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Part(part) => parts.push(part),
                    Message::Close => {
                        self.waiting.close();
                        open = false;
                    }
                }
                if parts.len() < TRANSACTION_PARTS {
                    next = self.waiting.try_recv().ok();
                }
            }
            if !parts.is_empty() {
                self.commit(parts);
            }
        }
        while let Some(Message::Part(part)) = self.waiting.blocking_recv() {
            self.commit(vec![part]);
        }
    }

    fn commit(&mut self, parts: Vec<Box<dyn Part>>) {
        self.stats.transactions.fetch_add(1, Ordering::Relaxed);
        self.stats.parts.fetch_add(parts.len() as u64, Ordering::Relaxed);
        let gate = self.gate.clone();
        let closed_gate = gate.lock();
        let settled = self.transact(parts);
        drop(closed_gate);
        for (part, outcome) in settled {
            if let Err(error) = &outcome {
                self.stats.failed_parts.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "a write failed");
            }
            part.finish(outcome);
        }
        if let Some(nudge) = &self.nudge {
            nudge.after_commit(self.stats.wal_pages.load(Ordering::Relaxed));
        }
    }

    /// Runs the parts and commits. Every part comes back with what became of it. A part that fails hardly ever occurs,
    /// so none of them pays for a savepoint: the transaction is begun anew without it.
    fn transact(&mut self, mut parts: Vec<Box<dyn Part>>) -> Vec<(Box<dyn Part>, StoreResult<()>)> {
        let mut settled = Vec::with_capacity(parts.len());
        while !parts.is_empty() {
            match self.attempt(&mut parts) {
                Ok(()) => {
                    self.stats.is_stuck.store(false, Ordering::Relaxed);
                    settled.extend(parts.into_iter().map(|part| (part, Ok(()))));
                    break;
                }
                Err(Undone::Part(index, error)) => {
                    settled.push((parts.remove(index), Err(error)));
                    if let Err(error) = self.undo() {
                        settled.extend(all(parts, &error.told()));
                        break;
                    }
                }
                Err(Undone::All(error)) => {
                    self.stats.is_stuck.store(true, Ordering::Relaxed);
                    if let Err(error) = self.undo() {
                        tracing::error!(%error, "a write could not be undone; that is tried again before the next one");
                    }
                    settled.extend(all(parts, &error));
                    break;
                }
            }
        }
        settled
    }

    fn attempt(&mut self, parts: &mut [Box<dyn Part>]) -> Result<(), Undone> {
        self.begin().map_err(|error| Undone::All(error.told()))?;
        for (index, part) in parts.iter_mut().enumerate() {
            if let Err(error) = part.run(&mut self.desk) {
                // SQLite gives up the whole transaction when there is no room, or when a read or a write failed.
                let is_over = self.desk.conn.is_autocommit();
                return Err(if is_over { Undone::All(error.told()) } else { Undone::Part(index, error.told()) });
            }
        }
        self.statement("COMMIT").map_err(|error| Undone::All(of_commit(&error)))
    }

    fn begin(&mut self) -> Outcome<()> {
        if !self.desk.conn.is_autocommit() {
            // An earlier ROLLBACK failed.
            self.statement("ROLLBACK")?;
        }
        if self.desk.heads.is_none() {
            // Beside a running shop nothing can be remembered between transactions.
            self.desk.names.forget();
        }
        if self.desk.stale {
            self.desk.forget()?;
        }
        Ok(self.statement("BEGIN IMMEDIATE")?)
    }

    /// Ends the transaction without a trace, also in what is remembered.
    fn undo(&mut self) -> Outcome<()> {
        self.desk.stale = true;
        if !self.desk.conn.is_autocommit() {
            self.statement("ROLLBACK")?;
        }
        self.desk.forget()
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.desk.conn.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// What a transaction was given up for.
enum Undone {
    /// One part, at this place; the others may be done without it.
    Part(usize, StoreError),
    All(StoreError),
}

fn all(parts: Vec<Box<dyn Part>>, error: &StoreError) -> Vec<(Box<dyn Part>, StoreResult<()>)> {
    parts.into_iter().map(|part| (part, Err(error.clone()))).collect()
}
