//! Checks a derived collection against the log: folds it anew, up to its own checkpoint, and compares.
//! It changes nothing. It goes shard by shard, so that a large collection need not fit into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use jiff::Timestamp;

use super::{AnyDoc, ErasedProjection, checkpoint_name};
use crate::documents::Documents;
use crate::log::executor::CommittedFact;
use crate::log::kind::Kinds;
use crate::log::{Log, Position, Shard, ShardInfo};
use crate::store::{StoreError, StoreResult};

const READ_CHUNK: usize = 1_000;

/// A document that is not what the log says it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The log says that it exists.
    Missing {
        id: String,
    },
    /// The log says that it does not exist.
    Surplus {
        id: String,
    },
    Other {
        id: String,
    },
}

impl Difference {
    pub fn describe(&self) -> String {
        match self {
            Self::Missing { id } => format!("document {id} is missing"),
            Self::Surplus { id } => format!("document {id} should not be there"),
            Self::Other { id } => format!("document {id} differs from what its facts come to"),
        }
    }
}

/// How many facts below these heads a projection has not folded yet; `None` when this version of it never began.
pub async fn behind(
    projection: &dyn ErasedProjection,
    heads: &[ShardInfo],
    documents: &dyn Documents,
) -> StoreResult<Option<u64>> {
    let checkpoints = documents.checkpoints(&checkpoint_name(projection)).await?;
    if checkpoints.is_empty() {
        return Ok(None);
    }
    let reached: BTreeMap<Shard, Position> =
        checkpoints.into_iter().map(|point| (point.shard, point.position)).collect();
    let at = |shard: Shard| reached.get(&shard).copied().unwrap_or(0);
    Ok(Some(heads.iter().map(|info| info.head.saturating_sub(at(info.shard))).sum()))
}

/// Everything in a projection's collection that differs from a fold of the log up to the projection's checkpoint.
/// Log and documents must be read at one moment, or while nobody writes.
pub async fn differences(
    projection: &dyn ErasedProjection,
    log: &dyn Log,
    kinds: &Kinds,
    documents: &dyn Documents,
) -> StoreResult<Vec<Difference>> {
    let checkpoints = documents.checkpoints(&checkpoint_name(projection)).await?;
    let mut found = Vec::new();
    let mut known = KnownIds::default();
    for checkpoint in checkpoints {
        let expected = fold_shard(projection, log, kinds, checkpoint.shard, checkpoint.position).await?;
        known.add(expected.keys());
        compare(projection, documents, &expected, &mut found).await?;
    }
    find_surplus(projection, documents, &known, &mut found).await?;
    Ok(found)
}

/// Which ids should be there, by hash: of a million documents the ids alone would be large.
#[derive(Default)]
struct KnownIds {
    hashes: BTreeSet<u64>,
    hasher: BuildHasherDefault<DefaultHasher>,
}

impl KnownIds {
    fn add<'a>(&mut self, ids: impl Iterator<Item = &'a String>) {
        self.hashes.extend(ids.map(|id| self.hasher.hash_one(id)));
    }

    fn has(&self, id: &String) -> bool {
        self.hashes.contains(&self.hasher.hash_one(id))
    }
}

async fn fold_shard(
    projection: &dyn ErasedProjection,
    log: &dyn Log,
    kinds: &Kinds,
    shard: Shard,
    until: Position,
) -> StoreResult<BTreeMap<String, AnyDoc>> {
    let mut expected: BTreeMap<String, AnyDoc> = BTreeMap::new();
    let mut at = 0;
    while at < until {
        let facts = log.read_shard(shard, at, READ_CHUNK).await?;
        if facts.is_empty() {
            return Err(StoreError::Corrupt(format!("shard {shard} ends before position {until}")));
        }
        for recorded in facts.into_iter().take_while(|fact| fact.position <= until) {
            at = recorded.position;
            let decoded = kinds.decode(&recorded).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let fact = CommittedFact::new(recorded, decoded);
            for id in projection.keys(&fact) {
                let before = expected.remove(&id);
                if let Some(after) = projection.fold(&id, before, &fact) {
                    expected.insert(id, after);
                }
            }
        }
    }
    Ok(expected)
}

/// Of one shard's documents, those that are missing or other.
async fn compare(
    projection: &dyn ErasedProjection,
    documents: &dyn Documents,
    expected: &BTreeMap<String, AnyDoc>,
    found: &mut Vec<Difference>,
) -> StoreResult<()> {
    let ids: Vec<String> = expected.keys().cloned().collect();
    for chunk in ids.chunks(READ_CHUNK) {
        let there = documents.get_many(projection.collection(), chunk, Timestamp::MIN).await?;
        let there: BTreeMap<&str, &str> =
            there.iter().map(|document| (document.id.as_str(), &*document.body)).collect();
        for id in chunk {
            let Some(body) = there.get(id.as_str()) else {
                found.push(Difference::Missing { id: id.clone() });
                continue;
            };
            let (wanted, _) = projection.write(id, &expected[id])?;
            if !is_same(&wanted, body) {
                found.push(Difference::Other { id: id.clone() });
            }
        }
    }
    Ok(())
}

/// Whether two bodies say the same. An engine may keep a value in other words than it was written in.
fn is_same(one: &str, other: &str) -> bool {
    let value = |body| serde_json::from_str::<serde_json::Value>(body).ok();
    one == other || value(one).is_some_and(|one| value(other) == Some(one))
}

async fn find_surplus(
    projection: &dyn ErasedProjection,
    documents: &dyn Documents,
    known: &KnownIds,
    found: &mut Vec<Difference>,
) -> StoreResult<()> {
    let mut after: Option<String> = None;
    loop {
        let page = documents.scan(projection.collection(), after.as_deref(), READ_CHUNK).await?;
        let surplus = page.iter().filter(|document| !known.has(&document.id));
        found.extend(surplus.map(|document| Difference::Surplus { id: document.id.clone() }));
        match page.last() {
            Some(last) if page.len() == READ_CHUNK => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}
