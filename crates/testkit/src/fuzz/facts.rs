//! Facts as a store kept them, from any version, damaged or not: each is understood or refused by name, never a panic.
//! It does not know what a fact does to a state.

use jiff::Timestamp;
use platform::log::{Cause, RecordedFact, StreamId};
use serde::Deserialize;
use serde_json::value::RawValue;

/// As a line of the golden file.
#[derive(Deserialize)]
struct Line<'a> {
    stream: String,
    #[serde(rename = "type")]
    kind: String,
    schema: u16,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// One line: a fact of any type and schema with any body.
pub fn facts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(line) = serde_json::from_str::<Line<'_>>(&text) else { return };
    let Ok(stream) = StreamId::parse(&line.stream) else { return };
    let kinds = services::kinds();
    for schema in [line.schema, 0, 1, u16::MAX] {
        let fact = RecordedFact {
            shard: 0,
            position: 1,
            stream: stream.clone(),
            version: 1,
            type_name: line.kind.as_str().into(),
            schema,
            time: Timestamp::UNIX_EPOCH,
            cause: Cause::system(),
            body: line.body.get().into(),
        };
        let is_known = kinds.decode(&fact).is_ok();
        assert_eq!(is_known, kinds.decode(&fact).is_ok(), "the same bytes, the same answer");
    }
}
