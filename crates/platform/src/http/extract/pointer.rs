//! Says in the caller's terms where a body could not be read and why, from what serde says.
//! It does not know the types that were read.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// A message's length, so that nobody's megabyte comes back to them.
const MESSAGE_CHARS_MAX: usize = 200;

/// One place that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// A JSON pointer; empty for the whole.
    pub pointer: String,
    pub code: &'static str,
    pub message: String,
}

impl Mistake {
    /// From the path that serde had walked and its message, whose wording tells a missing from an unknown field.
    pub fn of(path: &serde_path_to_error::Path, message: &str) -> Mistake {
        let mut pointer = String::new();
        for segment in path {
            match segment {
                serde_path_to_error::Segment::Seq { index } => {
                    let _ = write!(pointer, "/{index}");
                }
                serde_path_to_error::Segment::Map { key } => push(&mut pointer, key),
                serde_path_to_error::Segment::Enum { variant } => push(&mut pointer, variant),
                serde_path_to_error::Segment::Unknown => break,
            }
        }
        let message = without_position(message);
        let code = if message.starts_with("missing field") {
            "missing"
        } else if message.starts_with("unknown field") {
            "unknown_field"
        } else if message.starts_with("duplicate field") {
            "duplicate_field"
        } else if message.starts_with("invalid type") {
            "wrong_type"
        } else if message.starts_with("invalid value") {
            "invalid_value"
        } else {
            "unreadable"
        };
        if matches!(code, "missing" | "unknown_field" | "duplicate_field")
            && let Some(name) = message.split('`').nth(1)
            && pointer.rsplit('/').next() != Some(&escaped(name))
        {
            push(&mut pointer, name);
        }
        Mistake { pointer, code, message: message.chars().take(MESSAGE_CHARS_MAX).collect() }
    }
}

/// The place of the first text with a NUL in it, names of members included.
pub(super) fn of_nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| of_nul(item).map(|below| format!("/{index}{below}")))
        }
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            if name.contains('\0') {
                return Some(String::new());
            }
            of_nul(member).map(|below| format!("/{}{below}", escaped(name)))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&escaped(name));
}

fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}

fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}
