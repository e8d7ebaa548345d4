//! What is wrong with which field of what somebody sent, all of it at once.
//! It does not know HTTP: the edge turns a list of these into a problem document.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::money::MAX_AMOUNT;

/// One thing that is wrong. `code` is stable and made for programs, `message` for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into what was sent; empty for the whole.
    pub pointer: String,
    pub code: String,
    pub message: String,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), message: message.into() }
    }

    /// The same error where its thing lies deeper: `/city` under `/address` is `/address/city`.
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

/// A map's key as a piece of a JSON pointer.
pub fn pointer_piece(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Collects errors while a thing is read field by field, so that the sender learns all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    errors: Vec<FieldError>,
}

impl Collector {
    pub fn push(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(pointer, code, message));
    }

    pub fn extend_under(&mut self, prefix: &str, errors: Vec<FieldError>) {
        self.errors.extend(errors.into_iter().map(|error| error.under(prefix)));
    }

    /// The value, or `None` and the reason noted.
    pub fn take<T, E: std::fmt::Display>(
        &mut self,
        pointer: impl Into<String>,
        code: &str,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(pointer, code, error.to_string());
                None
            }
        }
    }

    /// True (and noted) when there are more than `limit`.
    pub fn too_many(&mut self, pointer: impl Into<String>, what: &str, count: usize, limit: usize) -> bool {
        if count > limit {
            self.push(pointer, "too_many", format!("at most {limit} {what}, not {count}"));
        }
        count > limit
    }

    /// True (and noted) when the text has more than `limit` characters.
    pub fn too_long(&mut self, pointer: impl Into<String>, text: &str, limit: usize) -> bool {
        let is_too_long = text.len() > limit && text.chars().count() > limit;
        if is_too_long {
            self.push(pointer, "too_long", format!("at most {limit} characters"));
        }
        is_too_long
    }

    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub fn len(&self) -> usize {
        self.errors.len()
    }

    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }
}

/// An empty text is as good as none.
pub(crate) fn read_optional<T, E: std::fmt::Display>(
    errors: &mut Collector,
    pointer: &str,
    sent: &Option<String>,
    code: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    let text = sent.as_deref().filter(|text| !text.trim().is_empty())?;
    errors.take(pointer, code, parse(text))
}

/// A list of codes or names without doubles.
pub(crate) fn read_list<T: PartialEq, E: std::fmt::Display>(
    errors: &mut Collector,
    pointer: &str,
    limit: usize,
    sent: &[String],
    code: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Vec<T> {
    if errors.too_many(pointer, "entries", sent.len(), limit) {
        return Vec::new();
    }
    let mut list = Vec::new();
    for (index, text) in sent.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        match errors.take(&pointer, code, parse(text)) {
            Some(value) if list.contains(&value) => errors.push(pointer, "duplicate", "is there twice"),
            Some(value) => list.push(value),
            None => {}
        }
    }
    list
}

/// Texts that must differ from each other, as they were sent.
pub(crate) fn tell_doubles(errors: &mut Collector, texts: &[&str], pointer: impl Fn(usize) -> String) {
    let mut seen = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        if !seen.insert(text) {
            errors.push(pointer(index), "duplicate", "is there twice");
        }
    }
}

/// For prices and fees: not negative, and not more than money can be.
pub(crate) fn tell_unfit_amount(errors: &mut Collector, pointer: String, amount: i64) {
    if amount < 0 {
        errors.push(pointer, "negative", "must not be negative");
    } else if amount > MAX_AMOUNT {
        errors.push(pointer, "too_large", format!("at most {MAX_AMOUNT}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_nest_and_escape() {
        assert_eq!(FieldError::new("/city", "required", "…").under("/address").pointer, "/address/city");
        assert_eq!(pointer_piece("a/b~c"), "a~1b~0c");
    }
}
