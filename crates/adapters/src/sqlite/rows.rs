//! Documents as rows: how they are written within a transaction, and how they are read.
//! It does not know who begins or commits the transaction.

use std::ops::ControlFlow;

use jiff::Timestamp;
use platform::documents::{
    Change, Checkpoint, Collection, Conditional, Document, ENTRIES_LOOKED_AT_MAX, Entry, Expected, Page, Put, Query,
    WriteBatch, is_expired, matches_all, overtaken,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::facts::{count_of, signed, text_of, text_ref, time_of, unsigned};
use super::failure::{Failure, Outcome};
use super::names::Names;
use super::packing::{PackedEntry, pack_entries, unpack_entries};

/// A write under way: the open transaction and the names that the writer has seen.
pub struct Writing<'a> {
    pub conn: &'a Connection,
    pub names: &'a mut Names,
}

/// A document's row as it was before a write.
struct Old {
    row: i64,
    version: u64,
    entries: Vec<u8>,
}

impl Writing<'_> {
    pub fn write(&mut self, batch: &WriteBatch) -> Outcome<()> {
        for checkpoint in &batch.checkpoints {
            self.advance(checkpoint)?;
        }
        for change in &batch.changes {
            match change {
                Change::Put(put) => {
                    let collection = self.names.intern(self.conn, put.collection.name)?;
                    let old = self.old(collection, &put.id)?;
                    self.put(collection, put, old)?;
                }
                Change::Delete { collection, id } => self.delete(*collection, id)?,
                Change::Clear { collection } => self.clear(*collection)?,
            }
        }
        Ok(())
    }

    /// Moves a checkpoint from where its writer believes it to be; one statement either way.
    fn advance(&self, checkpoint: &Checkpoint) -> Outcome<()> {
        let Checkpoint { projection, shard, position, from } = checkpoint;
        let moved = match from {
            Some(from) => self
                .conn
                .prepare_cached(
                    "UPDATE checkpoints SET position = ?3 WHERE projection = ?1 AND shard = ?2 AND position = ?4",
                )?
                .execute(params![projection, shard, signed(*position), signed(*from)])?,
            None => self
                .conn
                .prepare_cached(
                    "INSERT INTO checkpoints (projection, shard, position) VALUES (?1, ?2, ?3)
                     ON CONFLICT (projection, shard) DO NOTHING",
                )?
                .execute(params![projection, shard, signed(*position)])?,
        };
        if moved == 1 { Ok(()) } else { Err(Failure::Store(overtaken(projection, *shard, *from))) }
    }

    pub fn put_if(&mut self, put: &Put, expected: Expected, now: Timestamp) -> Outcome<Conditional> {
        let collection = self.names.intern(self.conn, put.collection.name)?;
        let old = self.old(collection, &put.id)?;
        let there = get_row(self.conn, collection, &put.id, now)?;
        let as_expected = match expected {
            Expected::Absent => there.is_none(),
            Expected::Version(version) => there.as_ref().is_some_and(|there| there.version == version),
        };
        if !as_expected {
            return Ok(Conditional::Differs(there));
        }
        self.put(collection, put, old).map(Conditional::Written)
    }

    pub fn delete_expired(&mut self, now: Timestamp, limit: usize) -> Outcome<usize> {
        let mut find = self.conn.prepare_cached(
            "SELECT row, version, entries, collection, id FROM documents
             WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
        )?;
        let rows = find.query_map(params![now.as_microsecond(), count_of(limit)], |row| {
            Ok((old_of(row)?, row.get::<_, i64>(3)?, row.get::<_, String>(4)?))
        })?;
        let expired = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        for (old, collection, id) in &expired {
            self.delete_row(*collection, id, old)?;
        }
        Ok(expired.len())
    }

    /// The only read that a write needs. The body is the last column, so that a long one is not touched.
    fn old(&self, collection: i64, id: &str) -> Outcome<Option<Old>> {
        let mut find = self
            .conn
            .prepare_cached("SELECT row, version, entries FROM documents WHERE collection = ?1 AND id = ?2")?;
        Ok(find.query_row(params![collection, id], old_of).optional()?)
    }

    fn put(&mut self, collection: i64, put: &Put, old: Option<Old>) -> Outcome<u64> {
        let entries = self.intern_entries(&put.entries)?;
        let packed = pack_entries(&entries);
        let expires = put.expires.map(Timestamp::as_microsecond);
        let Some(old) = old else {
            let mut insert = self.conn.prepare_cached(
                "INSERT INTO documents (collection, id, version, expires, entries, body) VALUES (?1, ?2, 1, ?3, ?4, ?5)",
            )?;
            insert.execute(params![collection, put.id, expires, packed, &*put.body])?;
            self.insert_entries(collection, &put.id, entries.iter())?;
            return Ok(1);
        };
        let version = old.version + 1;
        if packed == old.entries {
            let mut update = self
                .conn
                .prepare_cached("UPDATE documents SET version = ?2, expires = ?3, body = ?4 WHERE row = ?1")?;
            update.execute(params![old.row, signed(version), expires, &*put.body])?;
            return Ok(version);
        }
        let mut update = self.conn.prepare_cached(
            "UPDATE documents SET version = ?2, expires = ?3, entries = ?4, body = ?5 WHERE row = ?1",
        )?;
        update.execute(params![old.row, signed(version), expires, packed, &*put.body])?;
        let before = unpack_entries(&old.entries)?;
        self.delete_entries(collection, &put.id, before.iter().filter(|entry| !entries.contains(entry)))?;
        self.insert_entries(collection, &put.id, entries.iter().filter(|entry| !before.contains(entry)))?;
        Ok(version)
    }

    /// Sorted, and each entry once.
    fn intern_entries(&mut self, entries: &[Entry]) -> Outcome<Vec<PackedEntry>> {
        let mut packed = Vec::with_capacity(entries.len());
        for entry in entries {
            packed.push(PackedEntry { index: self.names.intern(self.conn, entry.index)?, key: entry.key.clone() });
        }
        packed.sort();
        packed.dedup();
        Ok(packed)
    }

    fn insert_entries<'e>(
        &self,
        collection: i64,
        id: &str,
        entries: impl Iterator<Item = &'e PackedEntry>,
    ) -> Outcome<()> {
        let mut insert =
            self.conn.prepare_cached("INSERT INTO entries (collection, idx, key, id) VALUES (?1, ?2, ?3, ?4)")?;
        for entry in entries {
            insert.execute(params![collection, entry.index, entry.key, id])?;
        }
        Ok(())
    }

    fn delete_entries<'e>(
        &self,
        collection: i64,
        id: &str,
        entries: impl Iterator<Item = &'e PackedEntry>,
    ) -> Outcome<()> {
        let mut delete = self
            .conn
            .prepare_cached("DELETE FROM entries WHERE collection = ?1 AND idx = ?2 AND key = ?3 AND id = ?4")?;
        for entry in entries {
            delete.execute(params![collection, entry.index, entry.key, id])?;
        }
        Ok(())
    }

    fn delete(&mut self, collection: Collection, id: &str) -> Outcome<()> {
        let Some(collection) = self.names.find(self.conn, collection.name)? else { return Ok(()) };
        match self.old(collection, id)? {
            Some(old) => self.delete_row(collection, id, &old),
            None => Ok(()),
        }
    }

    fn delete_row(&self, collection: i64, id: &str, old: &Old) -> Outcome<()> {
        self.delete_entries(collection, id, unpack_entries(&old.entries)?.iter())?;
        self.conn.prepare_cached("DELETE FROM documents WHERE row = ?1")?.execute([old.row])?;
        Ok(())
    }

    fn clear(&mut self, collection: Collection) -> Outcome<()> {
        let Some(collection) = self.names.find(self.conn, collection.name)? else { return Ok(()) };
        self.conn.prepare_cached("DELETE FROM entries WHERE collection = ?1")?.execute([collection])?;
        self.conn.prepare_cached("DELETE FROM documents WHERE collection = ?1")?.execute([collection])?;
        Ok(())
    }
}

fn old_of(row: &Row<'_>) -> rusqlite::Result<Old> {
    Ok(Old { row: row.get(0)?, version: unsigned(row.get(1)?), entries: row.get(2)? })
}

const DOCUMENT: &str = "id, version, expires, body";

pub fn get(
    conn: &Connection,
    names: &mut Names,
    collection: Collection,
    id: &str,
    now: Timestamp,
) -> Outcome<Option<Document>> {
    let Some(collection) = names.find(conn, collection.name)? else { return Ok(None) };
    get_row(conn, collection, id, now)
}

fn get_row(conn: &Connection, collection: i64, id: &str, now: Timestamp) -> Outcome<Option<Document>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {DOCUMENT} FROM documents WHERE collection = ?1 AND id = ?2"))?;
    let mut rows = statement.query(params![collection, id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    live_document(row, now)
}

/// The document of a row, unless it has expired.
fn live_document(row: &Row<'_>, now: Timestamp) -> Outcome<Option<Document>> {
    let expires: Option<i64> = row.get(2)?;
    let expires = expires.map(time_of).transpose()?;
    if is_expired(expires, now) {
        return Ok(None);
    }
    let version = unsigned(row.get(1)?);
    Ok(Some(Document { id: text_ref(row, 0)?.to_owned(), version, body: text_of(row, 3)?, expires }))
}

pub fn scan(
    conn: &Connection,
    names: &mut Names,
    collection: Collection,
    after: Option<&str>,
    limit: usize,
) -> Outcome<Vec<Document>> {
    let Some(collection) = names.find(conn, collection.name)? else { return Ok(Vec::new()) };
    let beyond = if after.is_some() { ">" } else { ">=" };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {DOCUMENT} FROM documents WHERE collection = ?1 AND id {beyond} ?2 ORDER BY id LIMIT ?3"
    ))?;
    let mut rows = statement.query(params![collection, after.unwrap_or_default(), count_of(limit)])?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        documents.extend(live_document(row, Timestamp::MIN)?);
    }
    Ok(documents)
}

pub fn query(conn: &Connection, names: &mut Names, query: &Query, now: Timestamp) -> Outcome<Page> {
    let Some(collection) = names.find(conn, query.collection.name)? else { return Ok(Page::default()) };
    let Some(index) = names.find(conn, query.index)? else { return Ok(Page::default()) };
    let (sql, mut values) = walk(query);
    values.splice(0..0, [Value::Integer(collection), Value::Integer(index)]);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut reading = PageReading { page: Page::default(), looked_at: 0, last: None };
    while let Some(row) = rows.next()? {
        if reading.take(row, query, now)?.is_break() {
            break;
        }
    }
    Ok(reading.page)
}

struct PageReading {
    page: Page,
    looked_at: usize,
    last: Option<(Vec<u8>, String)>,
}

impl PageReading {
    fn take(&mut self, row: &Row<'_>, query: &Query, now: Timestamp) -> Outcome<ControlFlow<()>> {
        let full = self.page.documents.len() >= query.limit.max(1);
        if full || self.looked_at == ENTRIES_LOOKED_AT_MAX {
            self.page.next = self.last.take();
            return Ok(ControlFlow::Break(()));
        }
        self.looked_at += 1;
        let document = live_document(row, now)?;
        self.page.documents.extend(document.filter(|document| matches_all(&query.filters, &document.body)));
        let key = row.get_ref(4)?.as_bytes().map_err(|error| Failure::corrupt(format!("a stored key: {error}")))?;
        match &mut self.last {
            // The same buffers again: most entries of a walk are only passed over.
            Some((last_key, last_id)) => {
                last_key.clear();
                last_key.extend_from_slice(key);
                last_id.clear();
                last_id.push_str(text_ref(row, 0)?);
            }
            None => self.last = Some((key.to_vec(), text_ref(row, 0)?.to_owned())),
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The statement that walks the query's part of its index, and its values after collection and index.
fn walk(query: &Query) -> (String, Vec<Value>) {
    let range = &query.range;
    let mut conditions = String::new();
    let mut values = Vec::new();
    let mut bind = |value: Value| {
        values.push(value);
        values.len() + 2
    };
    let after = query.after.as_ref();
    let cursor_first =
        after.is_some_and(
            |(key, _)| {
                if query.descending { range.to.is_empty() || *key < range.to } else { *key >= range.from }
            },
        );
    if let Some((key, id)) = after.filter(|_| cursor_first) {
        let beyond = if query.descending { '<' } else { '>' };
        let (key, id) = (bind(Value::Blob(key.clone())), bind(Value::Text(id.clone())));
        conditions.push_str(&format!(" AND (e.key, e.id) {beyond} (?{key}, ?{id})"));
    }
    if !range.from.is_empty() && (query.descending || !cursor_first) {
        conditions.push_str(&format!(" AND e.key >= ?{}", bind(Value::Blob(range.from.clone()))));
    }
    if !range.to.is_empty() && (!query.descending || !cursor_first) {
        conditions.push_str(&format!(" AND e.key < ?{}", bind(Value::Blob(range.to.clone()))));
    }
    let order = if query.descending { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT d.id, d.version, d.expires, d.body, e.key
         FROM entries e CROSS JOIN documents d ON d.collection = e.collection AND d.id = e.id
         WHERE e.collection = ?1 AND e.idx = ?2{conditions}
         ORDER BY e.key {order}, e.id {order}"
    );
    (sql, values)
}

pub fn checkpoints(conn: &Connection, projection: &str) -> Outcome<Vec<Checkpoint>> {
    let mut statement =
        conn.prepare_cached("SELECT shard, position FROM checkpoints WHERE projection = ?1 ORDER BY shard")?;
    let rows = statement.query_map([projection], |row| {
        let position = unsigned(row.get(1)?);
        Ok(Checkpoint::stored(projection, row.get(0)?, position))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
