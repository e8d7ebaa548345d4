//! The latest of streams, gathered: while a few statements are under way the next ones wait, and are then read together, so
//! that a command of ten streams, or a hundred commands at once, do not take a connection for each.
//! It does not know what a state is made of.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use platform::log::{RecordedFact, Snapshot, StreamId};
use platform::store::{StoreError, StoreResult};
use tokio::sync::oneshot;

use super::{Store, facts};

/// Streams that one statement reads.
const GATHERED_MAX: usize = 128;
/// Statements under way at once: beside them, connections are left for lists and documents.
const AT_ONCE: usize = 2;
/// Reads that wait; one more is refused.
const WAITING_MAX: usize = 100_000;

/// A snapshot, and the facts after it.
pub type Latest = (Option<Snapshot>, Vec<RecordedFact>);

struct Waiting {
    stream: StreamId,
    limit: usize,
    reply: oneshot::Sender<StoreResult<Latest>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Tasks that are at it.
    readers: usize,
}

/// Gathers and reads.
pub struct LatestReader {
    store: Arc<Store>,
    queue: Arc<Mutex<Queue>>,
}

impl LatestReader {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, queue: Arc::default() }
    }

    pub async fn read(&self, stream: &StreamId, limit: usize) -> StoreResult<Latest> {
        let (reply, answer) = oneshot::channel();
        {
            let queue = &mut *self.queue.lock();
            if queue.waiting.len() >= WAITING_MAX {
                return Err(StoreError::Unavailable("too many reads are waiting".into()));
            }
            queue.waiting.push_back(Waiting { stream: stream.clone(), limit, reply });
            if queue.readers < AT_ONCE {
                queue.readers += 1;
                tokio::spawn(read_all(self.store.clone(), self.queue.clone()));
            }
        }
        answer.await.map_err(|_| StoreError::Unavailable("the store was closed".into()))?
    }
}

async fn read_all(store: Arc<Store>, queue: Arc<Mutex<Queue>>) {
    loop {
        let next: Vec<Waiting> = {
            let queue = &mut *queue.lock();
            // Whoever has gone needs no answer.
            queue.waiting.retain(|one| !one.reply.is_closed());
            let count = queue.waiting.len().min(GATHERED_MAX);
            queue.readers -= usize::from(count == 0);
            queue.waiting.drain(..count).collect()
        };
        if next.is_empty() {
            return;
        }
        match read(&store, &next).await {
            // One stream that cannot be read does not keep the others from being read.
            Err(StoreError::Corrupt(_)) if next.len() > 1 => {
                for one in next {
                    let one = [one];
                    let found = read(&store, &one).await;
                    reply(one.into(), found);
                }
            }
            found => reply(next, found),
        }
    }
}

async fn read(store: &Store, waiting: &[Waiting]) -> StoreResult<Vec<Latest>> {
    let asked: Vec<(&StreamId, usize)> = waiting.iter().map(|one| (&one.stream, one.limit)).collect();
    facts::read_latest(store, &asked).await
}

/// A caller may have gone; then nobody reads the answer.
fn reply(waiting: Vec<Waiting>, found: StoreResult<Vec<Latest>>) {
    match found {
        Ok(found) => {
            for (one, latest) in waiting.into_iter().zip(found) {
                let _ = one.reply.send(Ok(latest));
            }
        }
        Err(error) => {
            for one in waiting {
                let _ = one.reply.send(Err(error.clone()));
            }
        }
    }
}
