//! Everything that happened, in one sequence: the shards of a log merged by time, with a cursor that misses nothing.
//! It does not decode facts; integrations get them as they are stored.

use super::{Log, Position, RecordedFact, Shard};
use crate::store::StoreError;

/// How far a reader of the feed has come: one position per shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedCursor(Vec<Position>);

/// Why a text is not a cursor of the feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor that the feed gave out")]
pub struct BadCursor;

/// Why the feed could not be read on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FeedError {
    /// Nobody was ever given it: it names a place that the log has not reached.
    #[error(transparent)]
    BadCursor(#[from] BadCursor),
    #[error(transparent)]
    Store(#[from] StoreError),
}

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
pub async fn read(
    log: &dyn Log,
    cursor: &FeedCursor,
    limit: usize,
) -> Result<(Vec<RecordedFact>, FeedCursor), FeedError> {
    let mut merged = Vec::new();
    let shards = log.shards().await?;
    if cursor.0.len() > shards.len() || shards.iter().any(|info| cursor.at(info.shard) > info.head) {
        return Err(BadCursor.into());
    }
    for info in shards {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::memory::MemoryLog;
    use crate::log::{AppendId, Batch, Cause, Group, NewFact, StreamAppend, StreamId};

    async fn append(log: &MemoryLog, n: u8, second: i64) {
        let fact = NewFact { type_name: "lamp.lit".into(), schema: 1, body: "{}".into() };
        let stream = StreamAppend { stream: StreamId::new("lamp", &n.to_string()), expected: 0, facts: vec![fact] };
        let time = jiff::Timestamp::from_second(second).unwrap();
        let group = Group { time, cause: Cause::system(), streams: vec![stream] };
        let batch = Batch { id: AppendId([n; 16]), time, epochs: vec![1; 4].into(), groups: vec![group] };
        log.append(batch).await.unwrap();
    }

    #[tokio::test]
    async fn everything_comes_once_whatever_is_written_meanwhile() {
        let log = MemoryLog::new(4);
        let mut cursor = FeedCursor::default();
        let mut seen = Vec::new();
        for n in 0..60 {
            append(&log, n, 1_000 - i64::from(n)).await;
            if n % 3 == 0 {
                let (facts, next) = read(&log, &cursor, 2).await.unwrap();
                seen.extend(facts.into_iter().map(|fact| fact.stream));
                cursor = FeedCursor::decode(&next.encode()).unwrap();
            }
        }
        while let (facts, next) = read(&log, &cursor, 7).await.unwrap()
            && !facts.is_empty()
        {
            seen.extend(facts.into_iter().map(|fact| fact.stream));
            cursor = next;
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), all), (60, 60));
    }

    #[tokio::test]
    async fn a_cursor_that_nobody_gave_out_is_refused() {
        let log = MemoryLog::new(4);
        append(&log, 1, 1).await;
        assert_eq!(FeedCursor::decode("not a cursor"), Err(BadCursor));
        for text in ["zz", "....zz", "1.1.1.1", "1.1.1.1.1"] {
            let cursor = FeedCursor::decode(text).unwrap();
            assert!(matches!(read(&log, &cursor, 5).await, Err(FeedError::BadCursor(_))), "{text}");
        }
    }
}
