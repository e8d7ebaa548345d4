//! SQLite: the log and the documents of a shop on one machine, in one file, `shop.db`.
//! It does not know what a fact or a document means; blobs, the search index and the master key lie elsewhere.
//!
//! One thread writes ([`writer`]), a few read ([`readers`]), one checkpoints ([`checkpointer`]). A folder is locked by
//! the process that runs the shop; others may look at it ([`open_read_only`]), back it up ([`backup`]), or write
//! primary documents ([`open_beside`]).
//!
//! # The file
//! `application_id` is "CMRT", `user_version` is the schema's number. All times are microseconds since 1970, UTC.
//! - `names(id, name)`: what occurs in many rows is kept once: kinds, fact types, commands, collections, indexes.
//!   Numbers are never changed or used again.
//! - `shards(shard, epoch, state)`: state 0 takes appends, 1 is fenced. A shard's head is its last fact's position.
//! - `facts(place, key, kind, version, type, schema, time, actor, command, trace, body)`: `place` is the shard shifted
//!   left by 40 bits plus the position. A stream's name is taken apart, `order-K7` into kind `order` and key `K7`, and
//!   the index over (key, kind, version) begins with the key: all streams of one case lie on one page, so that an order's
//!   first commit touches one random page and not one for each stream. `trace` is 16 bytes, or a text where it is no
//!   W3C trace id. There is no table of streams: a stream's version is that of its last fact.
//! - `snapshots`, one for a stream; `appends(time, id, outcomes)` for 24 hours, outcomes packed as in [`crate::packing`]; without
//!   outcomes somebody asked for an append that had not come, and now it never will.
//! - `documents(row, collection, id, version, expires, entries, body)`, and `entries(collection, idx, key, id)`, which
//!   is an index in itself. A document's row repeats its entries, packed, so that a put reads one row and touches only
//!   the entries that changed. `checkpoints(projection, shard, position)`.

mod beside;
mod bulk;
mod checkpointer;
mod facts;
mod failure;
mod inspect;
mod names;
mod packing;
mod ports;
mod readers;
mod rows;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use platform::documents::Documents;
use platform::log::{Log, Shard};
use platform::store::{StoreError, StoreResult};

pub use beside::{Beside, open_beside};
pub use bulk::{Locked, NewFile, lock_existing};
pub use checkpointer::CheckpointStats;
pub use inspect::{Inspection, backup, integrity_check, open_read_only};
pub use schema::existing;
pub use writer::WriterStats;

use crate::blocking::on_a_thread;
use checkpointer::Nudge;
use ports::{Access, SqliteDocuments, SqliteLog};
use readers::{READ_MAX, Readers};
use writer::Writer;

/// Why a folder's store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the shop in {} is already running; stop it first, or use another folder", .0.display())]
    InUse(PathBuf),
    #[error("{} cannot be written: {reason}", folder.display())]
    ReadOnly { folder: PathBuf, reason: String },
    #[error("there is no shop in {}", .0.display())]
    Missing(PathBuf),
    #[error("shop.db is not a file of CloudMart")]
    Foreign,
    #[error("shop.db has schema {found}, and this version knows only schema {known}; use the version that wrote it")]
    OtherVersion { found: i32, known: i32 },
    #[error("shop.db cannot be used: {0}")]
    Unusable(String),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Unusable(error.to_string()),
        }
    }
}

impl From<failure::Failure> for OpenError {
    fn from(failure: failure::Failure) -> Self {
        Self::Unusable(failure.to_string())
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// Shards of a new store. Each is a place where the file grows, and a checkpoint of every projection; a store that one
/// process owns has no use for more.
const SHARDS: Shard = 8;

/// Bounds of one store. The defaults suit one shop on two cores.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shards of a new store; one that exists keeps its own.
    pub shards: Shard,
    pub readers: usize,
    /// A larger one costs more than it saves: SQLite goes through all of it after most commits, and the system keeps
    /// the file's pages anyway.
    pub writer_cache_kib: u32,
    /// For each reader.
    pub reader_cache_kib: u32,
    /// Each time the WAL has grown by this much, a checkpoint moves its pages into the file; nobody waits for it.
    pub wal_checkpoint_bytes: u32,
    /// From here on the WAL is begun anew, for which writers wait a moment.
    pub wal_restart_bytes: u32,
    /// The file grows no further than this; then writes answer that the store is full.
    pub file_max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: SHARDS,
            readers: 4,
            writer_cache_kib: 8 << 10,
            reader_cache_kib: 4 << 10,
            wal_checkpoint_bytes: 64 << 20,
            wal_restart_bytes: 512 << 20,
            file_max_bytes: None,
        }
    }
}

/// Counters since start, for `/metrics`.
#[derive(Debug, Default, Clone)]
pub struct Stats {
    pub writer: Arc<WriterStats>,
    pub checkpoints: Arc<CheckpointStats>,
}

/// The store of the shop that this process runs.
pub struct Sqlite {
    log: Arc<SqliteLog>,
    documents: Arc<SqliteDocuments>,
    readers: Arc<Readers>,
    writer: Writer,
    nudge: Nudge,
    stats: Stats,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens the store in a folder, creating both where they are not there, and locks it for this process.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, OpenError> {
        let lock = lock(dir)?;
        let file = dir.join(schema::FILE_NAME);
        let mut conn = schema::open_writable(&file, options.writer_cache_kib)?;
        schema::prepare(&mut conn, options.shards)?;
        if let Some(bytes) = options.file_max_bytes {
            let page: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
            conn.pragma_update_and_check(None, "max_page_count", facts::signed(bytes) / page, |_| Ok(()))?;
        }
        let heads = facts::Heads::load(&conn)?;
        let conns = (0..options.readers.max(1)).map(|_| schema::open_readable(&file, options.reader_cache_kib));
        let readers = Arc::new(Readers::start(conns.collect::<Result<_, _>>()?, READ_MAX)?);

        let stats = Stats::default();
        let gate = Arc::new(Mutex::new(()));
        let limits = checkpointer::Limits::in_pages(options.wal_checkpoint_bytes, options.wal_restart_bytes);
        let checkpoints = schema::open_writable(&file, options.reader_cache_kib)?;
        let (nudge, checkpointing) = checkpointer::start(
            checkpoints,
            File::open(&file)?,
            gate.clone(),
            lock,
            limits,
            stats.checkpoints.clone(),
        )?;
        let (writer, writing) = Writer::start(conn, Some(heads), gate, Some(nudge.clone()), stats.writer.clone())?;
        Ok(Self {
            log: Arc::new(SqliteLog { readers: readers.clone(), writer: Some(writer.clone()) }),
            documents: Arc::new(SqliteDocuments { readers: readers.clone(), access: Access::Full(writer.clone()) }),
            readers,
            writer,
            nudge,
            stats,
            threads: Mutex::new(vec![writing, checkpointing]),
        })
    }

    pub fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    pub fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Makes the bytes of what was deleted before vanish from the files: the database overwrites them at once, and
    /// this empties the WAL, which still had them. Fails, and can be asked again, while another process reads.
    pub async fn purge(&self) -> StoreResult<()> {
        self.nudge.empty().await
    }

    /// Finishes what was queued, empties the WAL, ends the threads and gives back the lock. Whoever still holds a
    /// port is told that the store was closed.
    pub async fn close(&self) -> StoreResult<()> {
        let mut threads = std::mem::take(&mut *self.threads.lock()).into_iter();
        let (Some(writing), Some(checkpointing)) = (threads.next(), threads.next()) else { return Ok(()) };
        self.writer.close().await;
        join(vec![writing]).await?;
        join(self.readers.close()).await?;
        self.nudge.close();
        join(vec![checkpointing]).await
    }
}

async fn join(threads: Vec<JoinHandle<()>>) -> StoreResult<()> {
    let wait = move || threads.into_iter().try_for_each(JoinHandle::join);
    let ended = on_a_thread(wait).await?;
    ended.map_err(|_| StoreError::Unavailable("a thread of the store panicked".into()))
}

/// Taken by the process that runs the shop, and given back by the system when that ends, however it ends.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let cannot_write =
        |error: std::io::Error| OpenError::ReadOnly { folder: dir.to_owned(), reason: error.to_string() };
    let is_new = !dir.exists();
    std::fs::create_dir_all(dir).map_err(cannot_write)?;
    if is_new && let Some(parent) = std::path::absolute(dir)?.parent() {
        // What lies in a folder is only as durable as the folder's own name.
        File::open(parent)?.sync_all()?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock")).map_err(cannot_write)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Unusable(format!("its folder cannot be locked: {error}"))),
    }
}
