//! A store as a whole: everything in it, read in order, written into another store as it is, and summed up on both sides.
//! It does not know what anything in it means, nor which engines the two stores are.
//!
//! Copied are the facts with their places, the documents with their versions and index entries, and the checkpoints. Left
//! behind is what can be made again or is of no use elsewhere: snapshots of streams, and the ids of appends.

mod sum;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::documents::Checkpoint;
use crate::log::{Position, RecordedFact, Shard, ShardInfo, Version};
use crate::store::{StoreError, StoreResult};
use sum::Sum;

/// Facts that are read and written together.
const FACTS_AT_ONCE: usize = 1_000;
/// Documents that are read and written together.
const RECORDS_AT_ONCE: usize = 500;

/// A document with everything that is stored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub collection: String,
    pub id: String,
    pub version: Version,
    pub expires: Option<Timestamp>,
    /// JSON. An engine may give the same value back in other words.
    pub body: Arc<str>,
    /// Index and key of each, ascending.
    pub entries: Vec<(String, Vec<u8>)>,
}

/// Where a store is read from as it is at one moment. Nobody writes there meanwhile, or what is read is of before that.
#[async_trait]
pub trait Origin: Send + Sync {
    /// Ascending by shard.
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>>;

    /// The facts of a shard after a position, ascending, at most `limit`.
    async fn facts(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>>;

    /// Documents after a collection and id, ascending by both, byte by byte, at most `limit`. Those that expired are
    /// among them.
    async fn records(&self, after: Option<(&str, &str)>, limit: usize) -> StoreResult<Vec<Record>>;

    /// All of them, ascending by projection and shard.
    async fn checkpoints(&self) -> StoreResult<Vec<Checkpoint>>;
}

/// Where a store is copied to. What was added is there in the order in which it was added, up to some place, however the
/// copying ended; so another attempt goes on behind it.
#[async_trait]
pub trait Destination: Send + Sync {
    /// The shards, which are those of the origin, with what is there of each.
    async fn shards(&self) -> StoreResult<Vec<ShardInfo>>;

    /// Collection and id of the last document that is there.
    async fn last_record(&self) -> StoreResult<Option<(String, String)>>;

    /// Facts of one shard that follow those that are there.
    async fn add_facts(&self, facts: &[RecordedFact]) -> StoreResult<()>;

    /// Documents that follow those that are there.
    async fn add_records(&self, records: &[Record]) -> StoreResult<()>;

    /// All of them, in place of those that are there.
    async fn set_checkpoints(&self, checkpoints: &[Checkpoint]) -> StoreResult<()>;
}

/// A part of a store, summed up: a shard's facts, a collection's documents, all checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub count: u64,
    /// SHA-256 of it, in hexadecimal.
    pub sha256: String,
}

/// What is in a store, part by part. Two stores that hold the same have the same contents, whichever engines they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    pub parts: Vec<Part>,
}

impl Contents {
    /// How many facts, documents and checkpoints there are.
    pub fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// SHA-256 over all parts, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut sum = Sum::default();
        for part in &self.parts {
            sum.text(&part.name).number(part.count).text(&part.sha256);
        }
        sum.finish()
    }

    /// In what another store is not as this one; nothing, where it is the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let find = |contents: &Self, name: &str| contents.parts.iter().find(|part| part.name == name).cloned();
        let mut told = Vec::new();
        for part in &self.parts {
            match find(other, &part.name) {
                Some(same) if same == *part => {}
                Some(differs) if differs.count != part.count => {
                    told.push(format!("{}: {} instead of {}", part.name, differs.count, part.count));
                }
                Some(_) => told.push(format!("{}: as many, but not the same", part.name)),
                None => told.push(format!("{}: missing", part.name)),
            }
        }
        let unknown = other.parts.iter().filter(|part| find(self, &part.name).is_none());
        told.extend(unknown.map(|part| format!("{}: not there before", part.name)));
        told
    }
}

/// One line for each part.
impl fmt::Display for Contents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
        self.parts
            .iter()
            .try_for_each(|part| writeln!(formatter, "{:<width$}  {:>12}  {}", part.name, part.count, part.sha256))
    }
}

/// Reads all of a store and sums it up. `progress` is told how many facts and documents were read.
pub async fn contents(of: &dyn Origin, mut progress: impl FnMut(u64)) -> StoreResult<Contents> {
    let (mut parts, mut read) = (Vec::new(), 0);
    for info in of.shards().await? {
        let (mut sum, mut last) = (Sum::default(), 0);
        sum.number(info.epoch).number(info.state as u64);
        loop {
            let facts = of.facts(info.shard, last, FACTS_AT_ONCE).await?;
            let Some(newest) = facts.last() else { break };
            for (fact, position) in facts.iter().zip(last + 1..) {
                if fact.position != position {
                    return Err(gap(info.shard, position));
                }
                sum.fact(fact);
            }
            last = newest.position;
            read += facts.len() as u64;
            progress(read);
        }
        parts.push(Part { name: format!("facts of shard {}", info.shard), count: last, sha256: sum.finish() });
    }
    parts.extend(collections(of, read, &mut progress).await?);
    let checkpoints = of.checkpoints().await?;
    let mut sum = Sum::default();
    for checkpoint in &checkpoints {
        sum.text(&checkpoint.projection).number(checkpoint.shard.into()).number(checkpoint.position);
    }
    parts.push(Part { name: "checkpoints".into(), count: checkpoints.len() as u64, sha256: sum.finish() });
    Ok(Contents { parts })
}

async fn collections(of: &dyn Origin, mut read: u64, progress: &mut impl FnMut(u64)) -> StoreResult<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut current: Option<(String, u64, Sum)> = None;
    let mut after: Option<(String, String)> = None;
    let finished = |(name, count, sum): (String, u64, Sum)| Part {
        name: format!("documents: {name}"),
        count,
        sha256: sum.finish(),
    };
    loop {
        let place = after.as_ref().map(|(collection, id)| (&**collection, &**id));
        let records = of.records(place, RECORDS_AT_ONCE).await?;
        let Some(last) = records.last() else { break };
        for record in &records {
            if current.as_ref().is_none_or(|(name, _, _)| *name != record.collection) {
                parts.extend(current.take().map(finished));
                current = Some((record.collection.clone(), 0, Sum::default()));
            }
            if let Some((_, count, sum)) = &mut current {
                *count += 1;
                sum.record(record);
            }
        }
        after = Some((last.collection.clone(), last.id.clone()));
        read += records.len() as u64;
        progress(read);
    }
    parts.extend(current.map(finished));
    Ok(parts)
}

/// Copies what is not there yet. `progress` is told how many facts and documents are there.
pub async fn copy(from: &dyn Origin, to: &dyn Destination, mut progress: impl FnMut(u64)) -> StoreResult<()> {
    let there = to.shards().await?;
    let mut done: u64 = there.iter().map(|info| info.head).sum();
    progress(done);
    for info in from.shards().await? {
        let reached = there.iter().find(|there| there.shard == info.shard);
        let reached = reached.ok_or_else(|| StoreError::Corrupt(format!("there is no shard {}", info.shard)))?;
        let mut last = reached.head;
        loop {
            let facts = from.facts(info.shard, last, FACTS_AT_ONCE).await?;
            let Some(newest) = facts.last() else { break };
            if facts[0].position != last + 1 {
                return Err(gap(info.shard, last + 1));
            }
            last = newest.position;
            to.add_facts(&facts).await?;
            done += facts.len() as u64;
            progress(done);
        }
    }
    let mut after = to.last_record().await?;
    loop {
        let place = after.as_ref().map(|(collection, id)| (&**collection, &**id));
        let records = from.records(place, RECORDS_AT_ONCE).await?;
        let Some(last) = records.last() else { break };
        after = Some((last.collection.clone(), last.id.clone()));
        to.add_records(&records).await?;
        done += records.len() as u64;
        progress(done);
    }
    to.set_checkpoints(&from.checkpoints().await?).await
}

fn gap(shard: Shard, position: Position) -> StoreError {
    StoreError::Corrupt(format!("shard {shard} has no fact at position {position}, and later ones"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, count: u64, sha256: &str) -> Part {
        Part { name: name.into(), count, sha256: sha256.into() }
    }

    #[test]
    fn differences_say_where() {
        let one = Contents { parts: vec![part("a", 1, "x"), part("b", 2, "y"), part("c", 3, "z")] };
        let other = Contents { parts: vec![part("a", 1, "x"), part("b", 2, "w"), part("d", 1, "z")] };
        assert_eq!(
            one.differences(&other),
            ["b: as many, but not the same", "c: missing", "d: not there before"].map(String::from)
        );
        assert!(one.differences(&one).is_empty());
        assert_ne!(one.digest(), other.digest());
    }
}
