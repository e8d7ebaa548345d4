//! Names that occur in many rows, kept once: kinds, fact types, commands, collections, indexes.
//! A name's number never changes and is never used again, so every connection may remember what it has seen.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::failure::{Failure, Outcome};

/// What one connection has seen of the table `names`.
#[derive(Default)]
pub struct Names {
    ids: HashMap<Arc<str>, i64>,
    names: HashMap<i64, Arc<str>>,
}

impl Names {
    /// The number of a name, which is given one if it has none. Needs a write transaction.
    pub fn intern(&mut self, conn: &Connection, name: &str) -> Outcome<i64> {
        if let Some(id) = self.find(conn, name)? {
            return Ok(id);
        }
        conn.prepare_cached("INSERT INTO names (name) VALUES (?1)")?.execute([name])?;
        Ok(self.remember(conn.last_insert_rowid(), name))
    }

    /// The number of a name, if anything was ever stored under it.
    pub fn find(&mut self, conn: &Connection, name: &str) -> Outcome<Option<i64>> {
        if let Some(id) = self.ids.get(name) {
            return Ok(Some(*id));
        }
        let mut statement = conn.prepare_cached("SELECT id FROM names WHERE name = ?1")?;
        let id = statement.query_row([name], |row| row.get(0)).optional()?;
        Ok(id.map(|id| self.remember(id, name)))
    }

    pub fn name(&mut self, conn: &Connection, id: i64) -> Outcome<Arc<str>> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let mut statement = conn.prepare_cached("SELECT name FROM names WHERE id = ?1")?;
        let name: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
        let name = name.ok_or_else(|| Failure::corrupt(format!("there is no name with the number {id}")))?;
        self.remember(id, &name);
        Ok(name.into())
    }

    /// After a rollback: a name that was given a number may not have one any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    fn remember(&mut self, id: i64, name: &str) -> i64 {
        let name: Arc<str> = name.into();
        self.ids.insert(name.clone(), id);
        self.names.insert(id, name);
        id
    }
}
