//! Conditional writes, gathered: while one statement is under way the next ones wait, and are then sent together, so
//! that a thousand carts share a sync. Each is answered by itself.
//! It does not know what the documents are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use platform::documents::{Conditional, Document, Expected, Put};
use platform::store::{StoreError, StoreResult};
use tokio::sync::oneshot;
use tokio_postgres::Row;

use super::Store;
use super::ports::Refused;
use super::values::{Time, escaped, get, signed, unescaped, unsigned};
use super::writes::{Bodies, entries_of};

/// Writes that one statement takes.
const GATHERED_MAX: usize = 256;
/// Where many ask, the next statement waits so long for more of them: a statement costs several times what one write more in
/// it does, and appends need the processors and the disk. Who asks alone waits for nothing.
const LINGER: Duration = Duration::from_millis(3);
/// Writes that wait; one more is refused.
const WAITING_MAX: usize = 10_000;

const PUT_IF: &str = "SELECT nth, is_written, version, expires, body \
    FROM put_documents_if_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

struct Waiting {
    put: Put,
    expected: Expected,
    now: Timestamp,
    reply: oneshot::Sender<StoreResult<Conditional>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// A task is at it.
    is_sending: bool,
}

/// Gathers and sends.
pub struct Gatherer {
    store: Arc<Store>,
    queue: Arc<Mutex<Queue>>,
}

impl Gatherer {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, queue: Arc::default() }
    }

    /// What was asked is done, whether or not the caller still waits.
    pub async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        let (reply, answer) = oneshot::channel();
        {
            let queue = &mut *self.queue.lock();
            if queue.waiting.len() >= WAITING_MAX {
                return Err(StoreError::Unavailable("too many writes are waiting".into()));
            }
            queue.waiting.push_back(Waiting { put, expected, now, reply });
            if !queue.is_sending {
                queue.is_sending = true;
                tokio::spawn(send_all(self.store.clone(), self.queue.clone()));
            }
        }
        answer.await.map_err(|_| StoreError::Unknown("the store was closed while it wrote".into()))?
    }
}

async fn send_all(store: Arc<Store>, queue: Arc<Mutex<Queue>>) {
    let mut sent = 0;
    loop {
        // Whoever is about to ask goes along.
        match sent {
            0 | 1 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(LINGER).await,
        }
        let next = {
            let queue = &mut *queue.lock();
            let next = next_of(&mut queue.waiting);
            queue.is_sending = !next.is_empty();
            next
        };
        if next.is_empty() {
            return;
        }
        sent = next.len();
        send(&store, next).await;
    }
}

/// The next ones, sorted by document, and of each document only the first: what waits for the same one is decided on
/// what that leaves.
fn next_of(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut next: BTreeMap<(&'static str, String), Waiting> = BTreeMap::new();
    let mut later = VecDeque::new();
    while next.len() < GATHERED_MAX
        && let Some(one) = waiting.pop_front()
    {
        let name = (one.put.collection.name, one.put.id.clone());
        match next.entry(name) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(one);
            }
            std::collections::btree_map::Entry::Occupied(_) => later.push_back(one),
        }
    }
    later.append(waiting);
    *waiting = later;
    next.into_values().collect()
}

/// Together, and where a value of one of them makes all of them fail, each by itself.
async fn send(store: &Store, waiting: Vec<Waiting>) {
    match try_send(store, &waiting, false).await {
        Ok(answers) => reply(waiting, answers),
        Err(refused) if refused.is_about_a_value => {
            for one in waiting {
                let one = [one];
                let answer = try_send(store, &one, true).await;
                settle(one.into(), answer);
            }
        }
        refused => settle(waiting, refused),
    }
}

fn settle(waiting: Vec<Waiting>, answer: Result<Vec<Conditional>, Refused>) {
    match answer {
        Ok(answers) => reply(waiting, answers),
        Err(refused) => {
            for one in waiting {
                let _ = one.reply.send(Err(refused.error.clone()));
            }
        }
    }
}

/// A caller may have gone; then nobody reads the answer.
fn reply(waiting: Vec<Waiting>, answers: Vec<Conditional>) {
    for (one, answer) in waiting.into_iter().zip(answers) {
        let _ = one.reply.send(Ok(answer));
    }
}

async fn try_send(store: &Store, waiting: &[Waiting], as_texts: bool) -> Result<Vec<Conditional>, Refused> {
    let times: Vec<Time> = waiting.iter().map(|one| Time(one.now)).collect();
    let collections: Vec<&str> = waiting.iter().map(|one| one.put.collection.name).collect();
    let ids: Vec<_> = waiting.iter().map(|one| escaped(&one.put.id)).collect();
    let expected = waiting.iter().map(|one| match one.expected {
        Expected::Absent => None,
        Expected::Version(version) => Some(signed(version)),
    });
    let expected: Vec<Option<i64>> = expected.collect();
    let expires: Vec<Option<Time>> = waiting.iter().map(|one| one.put.expires.map(Time)).collect();
    let bodies = Bodies::of(waiting.iter().map(|one| &*one.put.body), as_texts);
    let (mut of_nth, mut indexes, mut keys): (Vec<i32>, Vec<&str>, Vec<&[u8]>) = Default::default();
    for (one, nth) in waiting.iter().zip(1..) {
        for entry in entries_of(&one.put) {
            of_nth.push(nth);
            indexes.push(entry.index);
            keys.push(&entry.key);
        }
    }
    let rows = store
        .try_write(
            PUT_IF,
            &[&times, &collections, &ids, &expected, &expires, &bodies.jsonb, &bodies.exact, &of_nth, &indexes, &keys],
        )
        .await?;
    let mut answers: Vec<Conditional> = vec![Conditional::Differs(None); waiting.len()];
    for row in &rows {
        let nth: i32 = get(row, 0)?;
        let place = usize::try_from(nth - 1).ok().filter(|place| *place < answers.len());
        let place = place.ok_or_else(|| StoreError::Corrupt("a write was answered that nobody asked for".into()))?;
        answers[place] = answer_of(row, &waiting[place].put.id)?;
    }
    Ok(answers)
}

fn answer_of(row: &Row, id: &str) -> StoreResult<Conditional> {
    let version: Option<i64> = get(row, 2)?;
    let Some(version) = version.map(unsigned) else { return Ok(Conditional::Differs(None)) };
    if get(row, 1)? {
        return Ok(Conditional::Written(version));
    }
    let expires: Option<Time> = get(row, 3)?;
    let body: &str = get(row, 4)?;
    let document =
        Document { id: id.to_owned(), version, body: unescaped(body).into(), expires: expires.map(|time| time.0) };
    Ok(Conditional::Differs(Some(document)))
}

#[cfg(test)]
mod tests {
    use platform::documents::Collection;

    use super::*;

    fn waiting(ids: &[&str]) -> VecDeque<Waiting> {
        let one = |id: &&str| Waiting {
            put: Put {
                collection: Collection::primary("keys"),
                id: (*id).to_owned(),
                body: "{}".into(),
                entries: Vec::new(),
                expires: None,
            },
            expected: Expected::Absent,
            now: Timestamp::UNIX_EPOCH,
            reply: oneshot::channel().0,
        };
        ids.iter().map(one).collect()
    }

    fn ids<'a>(waiting: impl IntoIterator<Item = &'a Waiting>) -> String {
        waiting.into_iter().map(|one| one.put.id.as_str()).collect()
    }

    #[test]
    fn of_one_document_only_the_first_goes() {
        let mut queue = waiting(&["b", "a", "b", "c", "b", "a"]);
        assert_eq!(ids(&next_of(&mut queue)), "abc");
        assert_eq!(ids(&queue), "bba");
        assert_eq!(ids(&next_of(&mut queue)), "ab");
        assert_eq!(ids(&next_of(&mut queue)), "b");
        assert!(next_of(&mut queue).is_empty());
    }

    #[test]
    fn no_more_go_than_one_statement_takes() {
        let names: Vec<String> = (0..GATHERED_MAX + 3).map(|n| format!("{n:04}")).collect();
        let mut queue = waiting(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(next_of(&mut queue).len(), GATHERED_MAX);
        assert_eq!(next_of(&mut queue).len(), 3);
    }
}
