//! The one thread that writes the index: applies changes, commits them with their positions, shows them to searches, and
//! closes Tantivy's writer when there is nothing to do.
//! It does not know what a search asks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use domain::ids::ProductId;
use platform::store::StoreResult;
use services::search::index::{Changes, Positions};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{IndexRecordOption, Schema};
use tantivy::{DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, TERMINATED};
use tokio::sync::oneshot;

use super::schema::{Fields, ID, note, read_note};
use super::snapshot::Snapshot;
use super::{Shared, attempt, failed};

/// What the writer keeps in memory before it goes to disk; Tantivy takes no less.
const HEAP_BYTES: usize = 15_000_000;
/// Without work for so long, the writer is closed and its memory given back.
const IDLE: Duration = Duration::from_secs(5);
/// Segments of about the same size that become one.
const SEGMENTS_MERGED: usize = 6;
/// A segment that has lost so much of what it held is written anew.
const GONE_MAX: f32 = 0.3;

pub enum Job {
    Write { changes: Changes, reply: oneshot::Sender<StoreResult<()>> },
    Clear { reply: oneshot::Sender<StoreResult<()>> },
}

/// The folder's index, and what reads it.
pub struct Store {
    index: Index,
    reader: IndexReader,
}

impl Store {
    /// The index that is there, if it is of this format, with its positions. `None`: there is none.
    pub fn open(folder: &Path, schema: &Schema) -> tantivy::Result<Option<(Self, Positions)>> {
        if !folder.join("meta.json").exists() {
            return Ok(None);
        }
        let index = Index::open_in_dir(folder)?;
        let positions = read_note(index.load_metas()?.payload.as_deref());
        let Some(positions) = positions.filter(|_| index.schema() == *schema) else {
            tracing::info!("the search index is of another format; building it anew");
            return Ok(None);
        };
        let damaged = index.validate_checksum()?;
        if let Some(file) = damaged.iter().next() {
            return Err(tantivy::TantivyError::InternalError(format!("{} is damaged", file.display())));
        }
        Ok(Some((Self::of(index)?, positions)))
    }

    /// Throws away what is there and begins anew.
    pub fn create(folder: &Path, schema: &Schema) -> tantivy::Result<(Self, Positions)> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let directory = MmapDirectory::open(folder)?;
        let index = Index::create(directory, schema.clone(), tantivy::IndexSettings::default())?;
        Ok((Self::of(index)?, Positions::new()))
    }

    fn of(index: Index) -> tantivy::Result<Self> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, reader })
    }

    /// Lets searches see what is committed.
    pub fn show(&self, shared: &Shared) -> tantivy::Result<()> {
        self.reader.reload()?;
        let before = shared.snapshot.read().clone();
        let snapshot = Snapshot::of(self.reader.searcher(), &shared.fields, &before)?;
        *shared.snapshot.write() = Arc::new(snapshot);
        Ok(())
    }

    fn writer(&self) -> tantivy::Result<IndexWriter> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(HEAP_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer = self.index.writer_with_options(options)?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(SEGMENTS_MERGED);
        policy.set_del_docs_ratio_before_merge(GONE_MAX);
        writer.set_merge_policy(Box::new(policy));
        Ok(writer)
    }
}

/// Works until nobody can send any more.
pub fn work(mut store: Store, shared: &Shared, jobs: &Receiver<Job>) {
    let mut writer: Option<IndexWriter> = None;
    loop {
        let job = match &writer {
            Some(_) => jobs.recv_timeout(IDLE),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match job {
            Ok(Job::Write { changes, reply }) => {
                let written = write(&store, shared, &mut writer, &changes);
                if written.is_err() {
                    // A writer that failed is in nobody knows which state; the next one begins at the last commit.
                    writer = None;
                }
                let _ = reply.send(written.map_err(|error| failed(&error)));
            }
            Ok(Job::Clear { reply }) => {
                writer = None;
                let _ = reply.send(clear(&mut store, shared).map_err(|error| failed(&error)));
            }
            Err(RecvTimeoutError::Timeout) => close(&store, shared, writer.take()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn write(store: &Store, shared: &Shared, open: &mut Option<IndexWriter>, changes: &Changes) -> tantivy::Result<()> {
    let writer = match open {
        Some(writer) => writer,
        None => open.insert(store.writer()?),
    };
    for id in &changes.gone {
        writer.delete_term(shared.fields.by_id(id.key()));
    }
    for entry in &changes.put {
        writer.delete_term(shared.fields.by_id(entry.id.key()));
        writer.add_document(shared.fields.document(entry))?;
    }
    let mut commit = writer.prepare_commit()?;
    commit.set_payload(&note(&changes.positions));
    commit.commit()?;
    shared.positions.lock().clone_from(&changes.positions);
    store.show(shared)
}

fn clear(store: &mut Store, shared: &Shared) -> tantivy::Result<()> {
    let (schema, _) = Fields::schema();
    *shared.snapshot.write() = Arc::new(Snapshot::empty());
    let (anew, positions) = Store::create(&shared.folder, &schema)?;
    *store = anew;
    *shared.positions.lock() = positions;
    store.show(shared)
}

/// What was being merged is finished first, and then seen.
fn close(store: &Store, shared: &Shared, writer: Option<IndexWriter>) {
    let closed = writer.map_or(Ok(()), IndexWriter::wait_merging_threads).and_then(|()| store.show(shared));
    if let Err(error) = closed {
        tracing::warn!(%error, "the search index could not be tidied up; it goes on as it is");
    }
}

/// What an index says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    pub positions: Positions,
    pub products: u64,
}

/// How far the index of a folder has come, without opening it: also beside the shop that writes it. `None`: there is
/// none.
///
/// # Errors
/// When it is damaged, or of another format.
pub fn examine(folder: &Path) -> Result<Option<Examined>, String> {
    if !folder.join("meta.json").exists() {
        return Ok(None);
    }
    let metas = attempt(|| Index::open_in_dir(folder)?.load_metas()).map_err(|error| error.to_string())?;
    let positions = read_note(metas.payload.as_deref()).ok_or("it is of another format")?;
    let products = metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
    Ok(Some(Examined { positions, products }))
}

/// Which of these are found, and whether they are in stock.
pub fn in_stock(snapshot: &Snapshot, fields: &Fields, ids: &[ProductId]) -> tantivy::Result<BTreeMap<ProductId, bool>> {
    let mut found = BTreeMap::new();
    for segment in &snapshot.segments {
        let field = segment.reader.schema().get_field(ID)?;
        let index = segment.reader.inverted_index(field)?;
        for id in ids {
            let Some(mut postings) = index.read_postings(&fields.by_id(id.key()), IndexRecordOption::Basic)? else {
                continue;
            };
            while postings.doc() != TERMINATED {
                if segment.alive.has(postings.doc()) {
                    found.insert(id.clone(), segment.part.in_stock.has(postings.doc()));
                }
                postings.advance();
            }
        }
    }
    Ok(found)
}
