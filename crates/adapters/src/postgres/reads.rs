//! Reads of streams, gathered: while a few statements are under way the next reads wait, and are then made together, so
//! that a command of ten streams, or a hundred buyers at once, do not take a connection and a round trip for each.
//! It does not know what is read of a stream; a question does.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use platform::store::{StoreError, StoreResult};
use tokio::sync::oneshot;

use super::Store;

/// Questions that one statement answers.
const GATHERED_MAX: usize = 128;
/// Statements under way at once: beside them, connections are left for lists and documents.
const AT_ONCE: usize = 3;
/// So many wait before one more statement is begun: two that are half as full cost more, and answer no sooner.
const CROWD: usize = 32;
/// Reads that wait; one more is refused.
const WAITING_MAX: usize = 100_000;

/// What somebody wants to read, of a kind that one statement reads many of.
pub trait Question: Sized + Send + Sync + 'static {
    type Answer: Send + 'static;

    /// As many answers as questions, in their order.
    fn read_all(store: &Store, asked: &[Self]) -> impl Future<Output = StoreResult<Vec<Self::Answer>>> + Send;
}

type Reply<Q> = oneshot::Sender<StoreResult<<Q as Question>::Answer>>;

struct Queue<Q: Question> {
    waiting: VecDeque<(Q, Reply<Q>)>,
    /// Tasks that are at it.
    readers: usize,
}

/// Gathers and reads.
pub struct GatheredReads<Q: Question> {
    store: Arc<Store>,
    queue: Arc<Mutex<Queue<Q>>>,
}

impl<Q: Question> GatheredReads<Q> {
    pub fn new(store: Arc<Store>) -> Self {
        let queue = Queue { waiting: VecDeque::new(), readers: 0 };
        Self { store, queue: Arc::new(Mutex::new(queue)) }
    }

    pub async fn read(&self, question: Q) -> StoreResult<Q::Answer> {
        let (reply, answer) = oneshot::channel();
        {
            let queue = &mut *self.queue.lock();
            if queue.waiting.len() >= WAITING_MAX {
                return Err(StoreError::Unavailable("too many reads are waiting".into()));
            }
            queue.waiting.push_back((question, reply));
            if queue.readers < AT_ONCE && queue.waiting.len() > queue.readers * CROWD {
                queue.readers += 1;
                tokio::spawn(answer_all(self.store.clone(), self.queue.clone()));
            }
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

async fn answer_all<Q: Question>(store: Arc<Store>, queue: Arc<Mutex<Queue<Q>>>) {
    loop {
        // Whoever is about to ask goes along.
        tokio::task::yield_now().await;
        let (questions, replies): (Vec<Q>, Vec<Reply<Q>>) = {
            let queue = &mut *queue.lock();
            // Whoever has gone needs no answer.
            queue.waiting.retain(|(_, reply)| !reply.is_closed());
            let count = queue.waiting.len().min(GATHERED_MAX);
            queue.readers -= usize::from(count == 0);
            queue.waiting.drain(..count).unzip()
        };
        if questions.is_empty() {
            return;
        }
        match Q::read_all(&store, &questions).await {
            Ok(answers) => replies.into_iter().zip(answers).for_each(|(reply, answer)| send(reply, Ok(answer))),
            // One stream that cannot be read does not keep the others from being read.
            Err(StoreError::Corrupt(_)) if questions.len() > 1 => {
                for (question, reply) in questions.into_iter().zip(replies) {
                    let answers = Q::read_all(&store, &[question]).await;
                    let missing = || StoreError::Corrupt("a read was not answered".into());
                    send(reply, answers.and_then(|answers| answers.into_iter().next().ok_or_else(missing)));
                }
            }
            Err(error) => replies.into_iter().for_each(|reply| send(reply, Err(error.clone()))),
        }
    }
}

/// A caller may have gone; then nobody reads the answer.
fn send<A>(reply: oneshot::Sender<StoreResult<A>>, answer: StoreResult<A>) {
    let _ = reply.send(answer);
}
