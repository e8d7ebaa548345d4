//! Checks what is kept beside a stream's facts against the facts themselves: its snapshot.
//! It changes nothing, and it does not know what a state means.

use serde_json::Value;

use super::kind::Kinds;
use super::{Log, StreamId, Version};
use crate::store::{StoreError, StoreResult};

const READ_CHUNK: usize = 1_000;
/// A stream with fewer facts has no snapshot.
pub const SNAPSHOT_EVERY: Version = super::states::SNAPSHOT_EVERY;

/// Whether a stream's snapshot is what its facts come to; `None` when it has none, or one that today's code ignores.
pub async fn snapshot_is_right(log: &dyn Log, kinds: &Kinds, stream: &StreamId) -> StoreResult<Option<bool>> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(error.to_string());
    let kind = kinds.of(stream).map_err(|error| corrupt(&error))?;
    let Some(kept) = log.load_snapshot(stream).await? else { return Ok(None) };
    if kept.state_version != kind.state_version() {
        return Ok(None);
    }
    let mut state = kind.empty();
    let mut version = 0;
    while version < kept.version {
        let facts = log.read_stream(stream, version, READ_CHUNK).await?;
        if facts.is_empty() {
            return Ok(Some(false));
        }
        for fact in facts.iter().take_while(|fact| fact.version <= kept.version) {
            version = fact.version;
            let decoded = kind.decode(fact).map_err(|error| corrupt(&error))?;
            kind.apply(&mut state, &decoded, fact.time);
        }
    }
    let folded = kind.snapshot(&state).map_err(|error| corrupt(&error))?;
    let read = |body: &str| serde_json::from_str::<Value>(body).ok();
    Ok(Some(read(&kept.body) == read(&folded)))
}
