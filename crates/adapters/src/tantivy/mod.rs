//! The search index on Tantivy, in a folder of its own: a thread that writes, and snapshots that searches look at.
//! It does not know facts or services. What cannot be read is thrown away: everything in it can be found again.

mod bits;
mod find;
mod part;
mod schema;
mod snapshot;
mod words;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use async_trait::async_trait;
use domain::ids::ProductId;
use parking_lot::{Mutex, RwLock};
use platform::store::{StoreError, StoreResult};
use services::search::index::{Changes, Hits, Index, Positions, Query};
use tantivy::TantivyError;
use tokio::sync::{Semaphore, oneshot};

use self::schema::Fields;
use self::snapshot::Snapshot;
pub use self::writer::{Examined, examine};
use self::writer::{Job, Store};
use crate::blocking::on_a_thread;

/// Writes that wait; the follower sends one at a time.
const QUEUE_MAX: usize = 4;
/// Searches that run at the same time; more wait, so that memory stays bounded.
const SEARCHES_AT_ONCE: usize = 16;

/// A search index in a folder.
pub struct TantivyIndex {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    searches: Arc<Semaphore>,
}

/// What the thread writes and searches read.
struct Shared {
    folder: PathBuf,
    fields: Fields,
    snapshot: RwLock<Arc<Snapshot>>,
    positions: Mutex<Positions>,
}

impl TantivyIndex {
    /// Opens the index in this folder, or begins a new one there; one that is damaged or of another format is thrown
    /// away. The thread ends with this.
    ///
    /// # Errors
    /// When the folder cannot be written, or the system gives no thread.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        let (schema, fields) = Fields::schema();
        let (store, positions) = match attempt(|| Store::open(folder, &schema)) {
            Ok(Some(opened)) => opened,
            Ok(None) => Store::create(folder, &schema).map_err(std::io::Error::other)?,
            Err(error) => {
                tracing::warn!(%error, "the search index cannot be read; building it anew");
                Store::create(folder, &schema).map_err(std::io::Error::other)?
            }
        };
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            fields,
            snapshot: RwLock::new(Arc::new(Snapshot::empty())),
            positions: Mutex::new(positions),
        });
        let store = match attempt(|| store.show(&shared)) {
            Ok(()) => store,
            Err(error) => {
                tracing::warn!(%error, "the search index is damaged; building it anew");
                let (store, positions) = Store::create(folder, &schema).map_err(std::io::Error::other)?;
                *shared.positions.lock() = positions;
                store.show(&shared).map_err(std::io::Error::other)?;
                store
            }
        };
        let (jobs, waiting) = sync_channel(QUEUE_MAX);
        let own = shared.clone();
        std::thread::Builder::new().name("search".to_owned()).spawn(move || writer::work(store, &own, &waiting))?;
        Ok(Self { jobs, shared, searches: Arc::new(Semaphore::new(SEARCHES_AT_ONCE)) })
    }

    async fn ask(&self, job: impl FnOnce(oneshot::Sender<StoreResult<()>>) -> Job) -> StoreResult<()> {
        let gone = || StoreError::Unavailable("the thread that writes the search index is gone".to_owned());
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.read().clone()
    }
}

#[async_trait]
impl Index for TantivyIndex {
    async fn positions(&self) -> StoreResult<Positions> {
        Ok(self.shared.positions.lock().clone())
    }

    async fn write(&self, changes: Changes) -> StoreResult<()> {
        self.ask(|reply| Job::Write { changes, reply }).await
    }

    async fn in_stock(&self, ids: &[ProductId]) -> StoreResult<BTreeMap<ProductId, bool>> {
        let (snapshot, shared, ids) = (self.snapshot(), self.shared.clone(), ids.to_vec());
        on_a_thread(move || writer::in_stock(&snapshot, &shared.fields, &ids)).await?.map_err(|error| failed(&error))
    }

    async fn clear(&self) -> StoreResult<()> {
        self.ask(|reply| Job::Clear { reply }).await
    }

    async fn count(&self) -> StoreResult<u64> {
        Ok(self.snapshot().len())
    }

    async fn find(&self, query: Query) -> StoreResult<Hits> {
        let closed = |_| StoreError::Unavailable("the search index is closed".to_owned());
        let _turn = self.searches.acquire().await.map_err(closed)?;
        let (snapshot, shared) = (self.snapshot(), self.shared.clone());
        let found = on_a_thread(move || find::find(&snapshot, &shared.fields, &query)).await?;
        found.map_err(|error| failed(&error))
    }
}

/// Tantivy takes for granted that files are as long as it wrote them, and panics where one was cut off.
fn attempt<T>(work: impl FnOnce() -> tantivy::Result<T>) -> tantivy::Result<T> {
    let cut_off = |_| TantivyError::InternalError("a file of the index is cut off".to_owned());
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(cut_off)?
}

fn failed(error: &TantivyError) -> StoreError {
    match error {
        TantivyError::IoError(io) if io.kind() == std::io::ErrorKind::StorageFull => StoreError::Full(io.to_string()),
        TantivyError::DataCorruption(reason) => StoreError::Corrupt(format!("the search index: {reason:?}")),
        other => StoreError::Unavailable(format!("the search index: {other}")),
    }
}
