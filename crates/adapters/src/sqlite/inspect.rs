//! Looking at a store without running it: one consistent moment of it, whether it is whole, and copies of it.
//! Everything here works beside a running shop and never writes to its files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use platform::copying::Origin;
use platform::documents::Documents;
use platform::log::Log;
use platform::store::{StoreError, StoreResult};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::bulk::SqliteOrigin;
use super::failure::Failure;
use super::packing::unpack_entries;
use super::ports::{Access, SqliteDocuments, SqliteLog};
use super::readers::Readers;
use super::{OpenError, schema};

const CACHE_KIB: u32 = 4 << 10;
/// Pages copied between two reports of a backup's progress: 4 MB.
const BACKUP_STEP_PAGES: i32 = 1_024;
/// How many problems a check tells before it stops.
const PROBLEMS_MAX: usize = 100;

/// A store as it was at one moment. Its reads may take long; meanwhile the shop's WAL grows.
pub struct Inspection {
    log: Arc<SqliteLog>,
    documents: Arc<SqliteDocuments>,
}

/// Opens the store of a folder for reading, as it is now, whether or not its shop is running.
pub fn open_read_only(dir: &Path) -> Result<Inspection, OpenError> {
    let readers = Arc::new(Readers::start_snapshot(moment(dir)?)?);
    Ok(Inspection {
        log: Arc::new(SqliteLog { readers: readers.clone(), writer: None }),
        documents: Arc::new(SqliteDocuments { readers, access: Access::Reading }),
    })
}

impl Inspection {
    /// Its writes are refused.
    pub fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    /// Its writes are refused.
    pub fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    /// All of it, to be copied or summed up.
    pub fn origin(&self) -> Arc<dyn Origin> {
        Arc::new(SqliteOrigin(self.log.clone()))
    }
}

/// A connection within a read transaction that has begun.
fn moment(dir: &Path) -> Result<Connection, OpenError> {
    let file = schema::existing(dir)?;
    let conn = match schema::open_readable(&file, CACHE_KIB) {
        Ok(conn) if schema::recognise(&conn).is_ok() => conn,
        // On a medium that cannot be written there is no place for the WAL's index, nor need of one.
        _ if !has_wal(&file) => immutable(&file)?,
        other => other?,
    };
    schema::recognise(&conn)?;
    conn.execute_batch("BEGIN")?;
    conn.query_row("SELECT count(*) FROM names", [], |row| row.get::<_, i64>(0))?;
    Ok(conn)
}

fn has_wal(file: &Path) -> bool {
    let mut wal = file.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(PathBuf::from(wal)).is_ok_and(|wal| wal.len() > 0)
}

fn immutable(file: &Path) -> Result<Connection, OpenError> {
    let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)?)
}

/// What is wrong with a store; nothing, if all is well. Reads every page, so it takes a while.
pub fn integrity_check(dir: &Path) -> Result<Vec<String>, OpenError> {
    let conn = moment(dir)?;
    let mut problems = Vec::new();
    let mut check = conn.prepare(&format!("PRAGMA integrity_check({PROBLEMS_MAX})"))?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        problems.push(line?);
    }
    problems.retain(|line| line != "ok");
    for (what, sql) in CHECKS {
        let mut check = conn.prepare(&format!("{sql} LIMIT {PROBLEMS_MAX}"))?;
        for line in check.query_map([], |row| row.get::<_, String>(0))? {
            problems.push(format!("{what}: {}", line?));
        }
    }
    problems.extend(unindexed(&conn)?);
    Ok(problems)
}

/// Entries that documents have and their index has not: such a document is missing from lists.
fn unindexed(conn: &Connection) -> Result<Vec<String>, OpenError> {
    let mut documents = conn.prepare("SELECT collection, id, entries FROM documents")?;
    let mut entry =
        conn.prepare("SELECT 1 FROM entries WHERE collection = ?1 AND idx = ?2 AND key = ?3 AND id = ?4")?;
    let name = |collection: i64| {
        conn.query_row("SELECT name FROM names WHERE id = ?1", [collection], |row| row.get::<_, String>(0))
    };
    let mut problems = Vec::new();
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()?
        && problems.len() < PROBLEMS_MAX
    {
        let (collection, id, packed): (i64, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Ok(entries) = unpack_entries(&packed) else {
            problems.push(format!("a document's entries cannot be read: {} {id}", name(collection)?));
            continue;
        };
        for known in entries {
            if !entry.exists((collection, known.index, &known.key, &id))? {
                problems.push(format!("a document is missing from its index: {} {id}", name(collection)?));
                break;
            }
        }
    }
    Ok(problems)
}

/// What must hold beyond the file's own structure. Each statement finds what breaks it.
const CHECKS: [(&str, &str); 4] = [
    (
        "positions of a shard have gaps",
        "SELECT 'shard ' || (place >> 40) FROM facts GROUP BY place >> 40
         HAVING count(*) != max(place & 0xffffffffff) OR min(place & 0xffffffffff) != 1",
    ),
    (
        "versions of a stream have gaps",
        "SELECT (SELECT name FROM names WHERE id = kind) || '-' || key FROM facts GROUP BY key, kind
         HAVING count(*) != max(version) OR min(version) != 1",
    ),
    (
        "a fact names what is not there",
        "SELECT 'place ' || place FROM facts
         WHERE kind NOT IN (SELECT id FROM names) OR type NOT IN (SELECT id FROM names)",
    ),
    (
        "an index entry has no document",
        "SELECT e.id FROM entries e
         WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.collection = e.collection AND d.id = e.id)",
    ),
];

/// Copies the store of a folder to one new file, as it is at this moment, while its shop goes on selling. `progress` is
/// told the pages that are done and their number. The file appears under its name when it is whole. Answers its size.
pub fn backup(dir: &Path, target: &Path, progress: impl FnMut(u64, u64)) -> StoreResult<u64> {
    if target.exists() {
        return Err(StoreError::Unavailable(format!("{} exists already", target.display())));
    }
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let copied = copy(dir, &partial, progress).and_then(|()| finish(&partial, target).map_err(io_failed));
    if copied.is_err() {
        // What is there is of no use; that it cannot be removed is no further harm.
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

fn copy(dir: &Path, partial: &Path, mut progress: impl FnMut(u64, u64)) -> StoreResult<()> {
    let failed = |error: rusqlite::Error| Failure::from(error).told();
    let unopened = |error: OpenError| StoreError::Unavailable(error.to_string());
    // The read transaction makes all steps copy the same moment; without one, each commit would begin the copy anew.
    let source = moment(dir).map_err(unopened)?;
    let _ = std::fs::remove_file(partial);
    let mut copy = Connection::open(partial).map_err(failed)?;
    {
        let steps = Backup::new(&source, &mut copy).map_err(failed)?;
        loop {
            let step = steps.step(BACKUP_STEP_PAGES).map_err(failed)?;
            let now = steps.progress();
            let total = u64::try_from(now.pagecount).unwrap_or(0);
            progress(total.saturating_sub(u64::try_from(now.remaining).unwrap_or(0)), total);
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // The source is locked for reading and the copy is ours alone.
                _ => return Err(StoreError::Unavailable("the copy is locked by somebody else".into())),
            }
        }
    }
    // One file, without a WAL beside it; opening it as a shop switches it back.
    copy.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(())).map_err(failed)?;
    schema::recognise(&copy).map_err(unopened)?;
    copy.close().map_err(|(_, error)| failed(error))
}

fn finish(partial: &Path, target: &Path) -> std::io::Result<u64> {
    let file = File::open(partial)?;
    file.sync_all()?;
    std::fs::rename(partial, target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(file.metadata()?.len())
}

fn io_failed(error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}
