//! The tables of `shop.db`, how a connection is set up, and how a file is recognised.
//! It knows no statement that reads or writes a fact or a document.

use std::path::{Path, PathBuf};
use std::time::Duration;

use platform::log::Shard;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::OpenError;

/// "CMRT" in the file's header: the file is one of ours.
pub const APPLICATION_ID: i32 = 0x434d_5254;
/// The schema that this version writes and reads.
pub const SCHEMA: i32 = 1;
pub const FILE_NAME: &str = "shop.db";

/// How long a connection waits for a lock that another process holds: a command beside the running shop.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// More than there are statements, so that each is prepared once.
const STATEMENTS_CACHED: usize = 128;

const TABLES: &str = "
CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    state INTEGER NOT NULL
) STRICT;

CREATE TABLE facts (
    place INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    type INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    command INTEGER,
    trace ANY,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX facts_by_stream ON facts (key, kind, version);

CREATE TABLE snapshots (
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    time INTEGER NOT NULL,
    state_version INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (key, kind)
) STRICT;

CREATE TABLE appends (
    time INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    outcomes BLOB,
    PRIMARY KEY (time, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    row INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER,
    entries BLOB NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (collection, id)
) STRICT;
CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;

CREATE TABLE entries (
    collection INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    key BLOB NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (collection, idx, key, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    projection TEXT NOT NULL,
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (projection, shard)
) STRICT, WITHOUT ROWID;
";

/// A connection that may write. Creates the file when it is not there.
pub fn open_writable(file: &Path, cache_kib: u32) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    set_up(&conn, cache_kib)?;
    Ok(conn)
}

/// A connection that only reads. The file must be there.
pub fn open_readable(file: &Path, cache_kib: u32) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    set_up(&conn, cache_kib)?;
    Ok(conn)
}

fn set_up(conn: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_WAIT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Without this, SQLite prepares some statements anew for each value, looking for a better plan; a fifth of the
    // writer's time went there. Every plan here is the same for all values.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{cache_kib};
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 0;"
    ))?;
    // Deleted bytes are overwritten, so that an erased key is gone and not merely forgotten.
    conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))
}

/// Creates the tables in an empty file, or makes sure that the file is one that this version can read.
pub fn prepare(conn: &mut Connection, shards: Shard) -> Result<(), OpenError> {
    if is_empty(conn)? {
        create(conn, shards)?;
    }
    recognise(conn)?;
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::Unusable(format!("this file system does not support SQLite's WAL (mode is {mode})")));
    }
    Ok(())
}

/// Refuses a file that is not ours, or was written by a newer version.
pub fn recognise(conn: &Connection) -> Result<(), OpenError> {
    let (application, schema) = header(conn)?;
    if application != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    if schema != SCHEMA {
        return Err(OpenError::OtherVersion { found: schema, known: SCHEMA });
    }
    Ok(())
}

fn header(conn: &Connection) -> Result<(i32, i32), OpenError> {
    let read = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    Ok((read("application_id")?, read("user_version")?))
}

fn is_empty(conn: &Connection) -> Result<bool, OpenError> {
    if header(conn)? != (0, 0) {
        return Ok(false);
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

/// All or nothing, so that a crash here leaves an empty file.
pub fn create(conn: &mut Connection, shards: Shard) -> Result<(), OpenError> {
    let transaction = conn.transaction()?;
    transaction.execute_batch(TABLES)?;
    for shard in 0..shards {
        transaction.execute("INSERT INTO shards (shard, epoch, state) VALUES (?1, 1, 0)", [shard])?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    Ok(())
}

/// The file of a shop that is there.
pub fn existing(dir: &Path) -> Result<PathBuf, OpenError> {
    let file = dir.join(FILE_NAME);
    if file.is_file() { Ok(file) } else { Err(OpenError::Missing(dir.to_owned())) }
}
