//! A whole store read in order, and a whole store written into a new file.
//! It does not know where the other side of the copy is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use platform::copying::{Destination, Origin, Record};
use platform::documents::Checkpoint;
use platform::log::{Log, Position, RecordedFact, Shard, ShardInfo};
use platform::store::{StoreError, StoreResult};
use rusqlite::{Connection, OptionalExtension, params};

use super::facts::{self, count_of, signed, text_of, text_ref, time_of, unsigned};
use super::failure::{Failure, Outcome};
use super::names::Names;
use super::packing::{PackedEntry, pack_entries, unpack_entries};
use super::ports::SqliteLog;
use super::{OpenError, schema};
use crate::blocking::on_a_thread;

const CACHE_KIB: u32 = 64 << 10;

/// A store at the moment that an [`super::Inspection`] looks at.
pub(super) struct SqliteOrigin(pub Arc<SqliteLog>);

#[async_trait]
impl Origin for SqliteOrigin {
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.0.shards().await
    }

    async fn facts(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.0.read_shard(shard, after, limit).await
    }

    async fn records(&self, after: Option<(&str, &str)>, limit: usize) -> StoreResult<Vec<Record>> {
        let after = after.map(|(collection, id)| (collection.to_owned(), id.to_owned()));
        let read = move |conn: &_, names: &mut _| records(conn, names, after, limit);
        self.0.readers.run(move |reader| read(&reader.conn, &mut reader.names)).await
    }

    async fn checkpoints(&self) -> StoreResult<Vec<Checkpoint>> {
        self.0.readers.run(move |reader| checkpoints(&reader.conn)).await
    }
}

fn records(
    conn: &Connection,
    names: &mut Names,
    after: Option<(String, String)>,
    limit: usize,
) -> Outcome<Vec<Record>> {
    let (first, mut last) = after.map_or((String::new(), None), |(collection, id)| (collection, Some(id)));
    // Collections in the order of their names; few names are one, and the index tells at once.
    let mut of_names = conn.prepare_cached(
        "SELECT n.id, n.name FROM names n
         WHERE n.name >= ?1 AND EXISTS (SELECT 1 FROM documents d WHERE d.collection = n.id) ORDER BY n.name",
    )?;
    let collections = of_names.query_map([&first], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let collections = collections.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for (number, collection) in collections {
        let behind = last.take().filter(|_| collection == first);
        read_collection(conn, names, (number, &collection), behind, limit - found.len(), &mut found)?;
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

fn read_collection(
    conn: &Connection,
    names: &mut Names,
    (number, collection): (i64, &str),
    after: Option<String>,
    limit: usize,
    found: &mut Vec<Record>,
) -> Outcome<()> {
    let beyond = if after.is_some() { ">" } else { ">=" };
    let mut of_collection = conn.prepare_cached(&format!(
        "SELECT id, version, expires, entries, body FROM documents WHERE collection = ?1 AND id {beyond} ?2 ORDER BY id LIMIT ?3"
    ))?;
    let mut rows = of_collection.query(params![number, after.unwrap_or_default(), count_of(limit)])?;
    while let Some(row) = rows.next()? {
        let expires: Option<i64> = row.get(2)?;
        let packed: Vec<u8> = row.get(3)?;
        let entry_of = |entry: PackedEntry| Ok((names.name(conn, entry.index)?.as_ref().to_owned(), entry.key));
        let mut entries = unpack_entries(&packed)?.into_iter().map(entry_of).collect::<Outcome<Vec<_>>>()?;
        entries.sort();
        found.push(Record {
            collection: collection.to_owned(),
            id: text_ref(row, 0)?.to_owned(),
            version: unsigned(row.get(1)?),
            expires: expires.map(time_of).transpose()?,
            body: text_of(row, 4)?,
            entries,
        });
    }
    Ok(())
}

fn checkpoints(conn: &Connection) -> Outcome<Vec<Checkpoint>> {
    let mut all =
        conn.prepare_cached("SELECT projection, shard, position FROM checkpoints ORDER BY projection, shard")?;
    let rows =
        all.query_map([], |row| Ok(Checkpoint::stored(&row.get::<_, String>(0)?, row.get(1)?, unsigned(row.get(2)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A store that is being written into a new file, all of it in one transaction: nobody needs half of it.
pub struct NewFile {
    desk: Arc<Mutex<Desk>>,
    path: PathBuf,
}

struct Desk {
    conn: Connection,
    names: Names,
}

impl NewFile {
    /// Creates the file in a folder, under the name by which a shop finds it; it must not be there.
    pub fn create(dir: &Path, shards: &[ShardInfo]) -> Result<Self, OpenError> {
        let path = dir.join(schema::FILE_NAME);
        if path.exists() {
            return Err(OpenError::Unusable(format!("{} exists already", path.display())));
        }
        let mut conn = schema::open_writable(&path, CACHE_KIB)?;
        // Whatever ends this early leaves a file that nobody asks for again.
        conn.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "off")?;
        schema::create(&mut conn, 0)?;
        conn.execute_batch("BEGIN")?;
        for info in shards {
            conn.execute(
                "INSERT INTO shards (shard, epoch, state) VALUES (?1, ?2, ?3)",
                params![info.shard, signed(info.epoch), facts::state_number(info.state)],
            )?;
        }
        Ok(Self { desk: Arc::new(Mutex::new(Desk { conn, names: Names::default() })), path })
    }

    /// Makes the file whole and durable.
    pub async fn finish(self) -> StoreResult<()> {
        let path = self.path;
        let work = move || {
            let Desk { conn, .. } = &*self.desk.lock();
            conn.execute_batch("COMMIT").map_err(|error| Failure::from(error).told())?;
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|error| StoreError::Unavailable(error.to_string()))
        };
        on_a_thread(work).await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> Outcome<T> + Send + 'static,
    ) -> StoreResult<T> {
        let desk = self.desk.clone();
        on_a_thread(move || work(&mut desk.lock()).map_err(|failure| failure.told())).await?
    }
}

#[async_trait]
impl Destination for NewFile {
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.run(|desk| facts::shards(&desk.conn)).await
    }

    async fn last_record(&self) -> StoreResult<Option<(String, String)>> {
        self.run(|desk| {
            let mut last = desk.conn.prepare(
                "SELECT n.name, d.id FROM documents d JOIN names n ON n.id = d.collection ORDER BY n.name DESC, d.id DESC",
            )?;
            Ok(last.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })
        .await
    }

    async fn add_facts(&self, facts: &[RecordedFact]) -> StoreResult<()> {
        let facts = facts.to_vec();
        self.run(move |Desk { conn, names }| {
            facts.iter().try_for_each(|fact| facts::insert_recorded(conn, names, fact))
        })
        .await
    }

    async fn add_records(&self, records: &[Record]) -> StoreResult<()> {
        let records = records.to_vec();
        self.run(move |desk| records.iter().try_for_each(|record| desk.add_record(record))).await
    }

    async fn set_checkpoints(&self, checkpoints: &[Checkpoint]) -> StoreResult<()> {
        let checkpoints = checkpoints.to_vec();
        self.run(move |Desk { conn, .. }| {
            conn.execute("DELETE FROM checkpoints", [])?;
            let mut insert =
                conn.prepare_cached("INSERT INTO checkpoints (projection, shard, position) VALUES (?1, ?2, ?3)")?;
            for Checkpoint { projection, shard, position, .. } in &checkpoints {
                insert.execute(params![projection, shard, signed(*position)])?;
            }
            Ok(())
        })
        .await
    }
}

impl Desk {
    fn add_record(&mut self, record: &Record) -> Outcome<()> {
        let Self { conn, names } = self;
        let collection = names.intern(conn, &record.collection)?;
        let mut entries = Vec::with_capacity(record.entries.len());
        for (index, key) in &record.entries {
            entries.push(PackedEntry { index: names.intern(conn, index)?, key: key.clone() });
        }
        entries.sort();
        conn.prepare_cached(
            "INSERT INTO documents (collection, id, version, expires, entries, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            collection,
            record.id,
            signed(record.version),
            record.expires.map(jiff::Timestamp::as_microsecond),
            pack_entries(&entries),
            &*record.body,
        ])?;
        let mut insert =
            conn.prepare_cached("INSERT INTO entries (collection, idx, key, id) VALUES (?1, ?2, ?3, ?4)")?;
        for entry in &entries {
            insert.execute(params![collection, entry.index, entry.key, record.id])?;
        }
        Ok(())
    }
}

/// A folder's store that nobody serves while this lives.
pub struct Locked {
    _lock: File,
}

/// Keeps a store that is there from being served meanwhile.
pub fn lock_existing(dir: &Path) -> Result<Locked, OpenError> {
    schema::existing(dir)?;
    Ok(Locked { _lock: super::lock(dir)? })
}
