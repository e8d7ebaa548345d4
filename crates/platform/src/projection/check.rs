//! Checks a derived collection against the log: folds it anew, up to its own checkpoint, and compares.
//! It changes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{AnyDoc, ErasedProjection, checkpoint_name};
use crate::documents::Documents;
use crate::log::executor::CommittedFact;
use crate::log::kind::Kinds;
use crate::log::{Log, Position, Shard};
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

/// Everything in a projection's collection that differs from a fold of the log up to the projection's checkpoint.
/// Log and documents must be read at one moment, or while nobody writes.
pub async fn differences(
    projection: &dyn ErasedProjection,
    log: &dyn Log,
    kinds: &Kinds,
    documents: &dyn Documents,
) -> StoreResult<Vec<Difference>> {
    let checkpoints = documents.checkpoints(&checkpoint_name(projection)).await?;
    let mut expected: BTreeMap<String, AnyDoc> = BTreeMap::new();
    for checkpoint in checkpoints {
        fold_shard(projection, log, kinds, checkpoint.shard, checkpoint.position, &mut expected).await?;
    }
    compare(projection, documents, &expected).await
}

async fn fold_shard(
    projection: &dyn ErasedProjection,
    log: &dyn Log,
    kinds: &Kinds,
    shard: Shard,
    until: Position,
    expected: &mut BTreeMap<String, AnyDoc>,
) -> StoreResult<()> {
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
    Ok(())
}

async fn compare(
    projection: &dyn ErasedProjection,
    documents: &dyn Documents,
    expected: &BTreeMap<String, AnyDoc>,
) -> StoreResult<Vec<Difference>> {
    let mut found = Vec::new();
    let mut seen = 0;
    let mut after: Option<String> = None;
    loop {
        let page = documents.scan(projection.collection(), after.as_deref(), READ_CHUNK).await?;
        for document in &page {
            match expected.get(&document.id) {
                None => found.push(Difference::Surplus { id: document.id.clone() }),
                Some(wanted) => {
                    seen += 1;
                    let (body, _) = projection.write(&document.id, wanted)?;
                    if body != document.body {
                        found.push(Difference::Other { id: document.id.clone() });
                    }
                }
            }
        }
        match page.last() {
            Some(last) if page.len() == READ_CHUNK => after = Some(last.id.clone()),
            _ => break,
        }
    }
    if seen < expected.len() {
        for id in expected.keys() {
            if documents.get(projection.collection(), id, Timestamp::MIN).await?.is_none() {
                found.push(Difference::Missing { id: id.clone() });
            }
        }
    }
    Ok(found)
}
