//! Connections that only read, each in its own thread, and the queue that feeds them.
//! A read ends within two seconds, so that no snapshot holds the WAL back; whoever needs more reads on by cursor.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use platform::store::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::failure::Outcome;
use super::names::Names;

/// How long one read may take.
pub const READ_MAX: Duration = Duration::from_secs(2);
/// Virtual machine steps between two looks at the clock, well under a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;
/// Reads that wait; one more is refused.
const QUEUE_READS: usize = 10_000;

/// A connection that reads, and what it remembers.
pub struct Reader {
    pub conn: Connection,
    pub names: Names,
}

type Read = Box<dyn FnOnce(&mut Reader) + Send>;

/// The reading threads. They end when this is dropped or closed.
pub struct Readers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    reads: VecDeque<Read>,
    closed: bool,
}

impl Readers {
    /// One thread for each connection. A read that takes longer than `read_max` fails.
    pub fn start(conns: Vec<Connection>, read_max: Duration) -> Result<Self, super::OpenError> {
        let shared = Arc::new(Shared { queue: Mutex::default(), work: Condvar::new() });
        let readers = Self { shared, threads: Mutex::default() };
        for mut conn in conns {
            let deadline = Arc::new(Mutex::new(None::<Instant>));
            let watched = deadline.clone();
            conn.progress_handler(
                STEPS_BETWEEN_LOOKS,
                Some(move || watched.lock().is_some_and(|deadline| Instant::now() > deadline)),
            )?;
            let shared = readers.shared.clone();
            let reader = Reader { conn, names: Names::default() };
            let run = move || serve(&shared, reader, || *deadline.lock() = Some(Instant::now() + read_max));
            let handle = std::thread::Builder::new().name("sqlite-reader".into()).spawn(run)?;
            readers.threads.lock().push(handle);
        }
        Ok(readers)
    }

    /// One thread on one connection that is within a read transaction: all reads see the same moment. They may take
    /// as long as they like.
    pub fn start_snapshot(conn: Connection) -> Result<Self, super::OpenError> {
        let shared = Arc::new(Shared { queue: Mutex::default(), work: Condvar::new() });
        let (serving, reader) = (shared.clone(), Reader { conn, names: Names::default() });
        let handle =
            std::thread::Builder::new().name("sqlite-snapshot".into()).spawn(move || serve(&serving, reader, || ()))?;
        Ok(Self { shared, threads: Mutex::new(vec![handle]) })
    }

    pub async fn run<T, F>(&self, read: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reader) -> Outcome<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel::<StoreResult<T>>();
        self.enqueue(Box::new(move |reader| {
            if !reply.is_closed() {
                let _ = reply.send(read(reader).map_err(|failure| failure.told()));
            }
        }))?;
        answer.await.map_err(|_| closed())?
    }

    fn enqueue(&self, read: Read) -> StoreResult<()> {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            return Err(closed());
        }
        if queue.reads.len() >= QUEUE_READS {
            return Err(StoreError::Unavailable("too many reads are waiting".into()));
        }
        queue.reads.push_back(read);
        drop(queue);
        self.shared.work.notify_one();
        Ok(())
    }

    /// Refuses further reads; the threads end when those that wait are done. Answers the threads to wait for.
    pub fn close(&self) -> Vec<JoinHandle<()>> {
        self.shared.queue.lock().closed = true;
        self.shared.work.notify_all();
        std::mem::take(&mut *self.threads.lock())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> StoreError {
    StoreError::Closed
}

fn serve(shared: &Shared, mut reader: Reader, before_each: impl Fn()) {
    while let Some(read) = next(shared) {
        before_each();
        read(&mut reader);
    }
}

fn next(shared: &Shared) -> Option<Read> {
    let mut queue = shared.queue.lock();
    loop {
        if let Some(read) = queue.reads.pop_front() {
            return Some(read);
        }
        if queue.closed {
            return None;
        }
        shared.work.wait(&mut queue);
    }
}

impl Reader {
    /// Several statements on one snapshot.
    pub fn at_one_moment<T>(&mut self, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if !self.conn.is_autocommit() {
            return read(self);
        }
        self.conn.prepare_cached("BEGIN")?.execute([])?;
        let outcome = read(self);
        if !self.conn.is_autocommit() {
            self.conn.prepare_cached("COMMIT")?.execute([])?;
        }
        outcome
    }
}
