//! Everything that happened, in one sequence: the shards of a log merged by time, with a cursor that misses nothing.
//! It does not decode facts; integrations get them as they are stored.

use super::{Log, Position, RecordedFact, Shard};
use crate::store::StoreResult;

/// How far a reader of the feed has come: one position per shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedCursor(Vec<Position>);

/// Why a text is not a cursor of the feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor that the feed gave out")]
pub struct BadCursor;

impl FeedCursor {
    /// Reads what [`FeedCursor::encode`] wrote; the empty text is the beginning.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let positions: Result<Vec<Position>, _> = text
            .split('.')
            .map(|part| if part.is_empty() { Ok(0) } else { Position::from_str_radix(part, 36) })
            .collect();
        positions.map(Self).map_err(|_| BadCursor)
    }

    /// One number in base 36 per shard, nothing for zero, separated by dots.
    pub fn encode(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|position| base36(*position)).collect();
        parts.join(".")
    }

    pub fn at(&self, shard: Shard) -> Position {
        self.0.get(usize::from(shard)).copied().unwrap_or(0)
    }

    fn advance(&mut self, shard: Shard, to: Position) {
        let index = usize::from(shard);
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        self.0[index] = to;
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// The next facts after `cursor`, at most `limit`, ordered by time (then shard and position), and the cursor behind
/// the last of them. Facts of one stream come in their order. A fact is seen once, and none is left out.
pub async fn read(log: &dyn Log, cursor: &FeedCursor, limit: usize) -> StoreResult<(Vec<RecordedFact>, FeedCursor)> {
    let mut merged = Vec::new();
    for info in log.shards().await? {
        if info.head > cursor.at(info.shard) {
            merged.extend(log.read_shard(info.shard, cursor.at(info.shard), limit).await?);
        }
    }
    // Time never falls within a stream, but may within a shard: a fact must not overtake one before it there.
    let mut latest: std::collections::BTreeMap<Shard, jiff::Timestamp> = std::collections::BTreeMap::new();
    let mut ordered: Vec<(jiff::Timestamp, RecordedFact)> = merged
        .into_iter()
        .map(|fact| {
            let time = latest.entry(fact.shard).or_insert(fact.time);
            *time = fact.time.max(*time);
            (*time, fact)
        })
        .collect();
    ordered.sort_by_key(|(time, fact)| (*time, fact.shard, fact.position));
    ordered.truncate(limit);
    let mut next = cursor.clone();
    let facts = ordered.into_iter().map(|(_, fact)| fact).collect::<Vec<_>>();
    for fact in &facts {
        next.advance(fact.shard, fact.position);
    }
    Ok((facts, next))
}
