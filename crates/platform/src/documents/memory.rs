//! Documents in memory: for tests, simulations, and for folding a collection anew to compare it with the stored one.
//! It keeps nothing when the process ends.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::{
    Change, Checkpoint, Collection, Conditional, Document, Documents, ENTRIES_LOOKED_AT_MAX, Entry, Expected, Page,
    Put, Query, WriteBatch, is_expired, matches_all, overtaken,
};
use crate::log::{Position, Shard};
use crate::store::StoreResult;

/// Documents in memory.
#[derive(Default)]
pub struct MemoryDocuments(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    collections: BTreeMap<&'static str, Held>,
    checkpoints: BTreeMap<(String, Shard), Position>,
}

#[derive(Default)]
struct Held {
    documents: BTreeMap<String, (Document, Vec<Entry>)>,
    entries: BTreeMap<&'static str, BTreeSet<(Vec<u8>, String)>>,
}

impl Held {
    fn put(&mut self, put: Put) -> u64 {
        let version = self.remove(&put.id).map_or(1, |document| document.version + 1);
        for entry in &put.entries {
            self.entries.entry(entry.index).or_default().insert((entry.key.clone(), put.id.clone()));
        }
        let document = Document { id: put.id.clone(), version, body: put.body, expires: put.expires };
        self.documents.insert(put.id, (document, put.entries));
        version
    }

    fn remove(&mut self, id: &str) -> Option<Document> {
        let (document, entries) = self.documents.remove(id)?;
        for entry in entries {
            if let Some(index) = self.entries.get_mut(entry.index) {
                index.remove(&(entry.key, id.to_owned()));
            }
        }
        Some(document)
    }

    fn live(&self, id: &str, now: Timestamp) -> Option<&Document> {
        self.documents.get(id).map(|(document, _)| document).filter(|document| !is_expired(document.expires, now))
    }
}

impl Inner {
    fn of(&mut self, collection: Collection) -> &mut Held {
        self.collections.entry(collection.name).or_default()
    }

    /// The checkpoints as they are after these moves, or who is in the way.
    fn moved(&self, moves: Vec<Checkpoint>) -> StoreResult<BTreeMap<(String, Shard), Position>> {
        let mut moved = BTreeMap::new();
        for Checkpoint { projection, shard, position, from } in moves {
            let key = (projection, shard);
            let there = moved.get(&key).or_else(|| self.checkpoints.get(&key)).copied();
            if there != from {
                return Err(overtaken(&key.0, shard, from));
            }
            moved.insert(key, position);
        }
        Ok(moved)
    }
}

#[async_trait]
impl Documents for MemoryDocuments {
    async fn write(&self, batch: WriteBatch) -> StoreResult<()> {
        let inner = &mut *self.0.lock();
        let mut moved = inner.moved(batch.checkpoints)?;
        for change in batch.changes {
            match change {
                Change::Put(put) => {
                    inner.of(put.collection).put(put);
                }
                Change::Delete { collection, id } => {
                    inner.of(collection).remove(&id);
                }
                Change::Clear { collection } => *inner.of(collection) = Held::default(),
            }
        }
        inner.checkpoints.append(&mut moved);
        Ok(())
    }

    async fn put_if(&self, put: Put, expected: Expected, now: Timestamp) -> StoreResult<Conditional> {
        let inner = &mut *self.0.lock();
        let held = inner.of(put.collection);
        let there = held.live(&put.id, now);
        let as_expected = match (expected, there) {
            (Expected::Absent, there) => there.is_none(),
            (Expected::Version(version), there) => there.is_some_and(|there| there.version == version),
        };
        if as_expected { Ok(Conditional::Written(held.put(put))) } else { Ok(Conditional::Differs(there.cloned())) }
    }

    async fn get(&self, collection: Collection, id: &str, now: Timestamp) -> StoreResult<Option<Document>> {
        Ok(self.0.lock().of(collection).live(id, now).cloned())
    }

    async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        let inner = &mut *self.0.lock();
        let held = inner.of(collection);
        Ok(ids.iter().filter_map(|id| held.live(id, now).cloned()).collect())
    }

    async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        let inner = &mut *self.0.lock();
        let held = inner.of(query.collection);
        let Some(index) = held.entries.get(query.index) else { return Ok(Page::default()) };
        let inside = |key: &[u8]| {
            key >= query.range.from.as_slice() && (query.range.to.is_empty() || key < query.range.to.as_slice())
        };
        let mut entries: Vec<_> = index.iter().filter(|(key, _)| inside(key)).collect();
        if query.descending {
            entries.reverse();
        }
        let begin = query.after.as_ref().map_or(0, |after| {
            entries.partition_point(|entry| if query.descending { *entry >= after } else { *entry <= after })
        });
        let limit = query.limit.max(1);
        let mut page = Page::default();
        for (looked_at, entry) in entries[begin..].iter().enumerate() {
            if page.documents.len() == limit || looked_at == ENTRIES_LOOKED_AT_MAX {
                page.next = entries.get(begin + looked_at - 1).map(|last| (*last).clone());
                break;
            }
            let document = held.live(&entry.1, now).filter(|document| matches_all(&query.filters, &document.body));
            page.documents.extend(document.cloned());
        }
        Ok(page)
    }

    async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        let inner = &mut *self.0.lock();
        let held = inner.of(collection);
        let later = held.documents.iter().filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
        Ok(later.take(limit).map(|(_, (document, _))| document.clone()).collect())
    }

    async fn checkpoints(&self, projection: &str) -> StoreResult<Vec<Checkpoint>> {
        let inner = self.0.lock();
        let own = inner.checkpoints.iter().filter(|((name, _), _)| name == projection);
        Ok(own.map(|((name, shard), position)| Checkpoint::stored(name, *shard, *position)).collect())
    }

    async fn delete_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let inner = &mut *self.0.lock();
        let mut deleted = 0;
        for held in inner.collections.values_mut() {
            let expired = held.documents.values().filter(|(document, _)| is_expired(document.expires, now));
            let ids: Vec<String> = expired.take(limit - deleted).map(|(document, _)| document.id.clone()).collect();
            deleted += ids.len();
            for id in ids {
                held.remove(&id);
            }
        }
        Ok(deleted)
    }
}
