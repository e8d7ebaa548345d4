//! Queries: walk one index in order, pass over what a filter excludes, stop at a page's end.
//! There are no joins and no free text here.

use jiff::Timestamp;
use serde_json::Value;

use super::{Collection, Document, tuple};

/// The part of an index that a query walks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Inclusive.
    pub from: Vec<u8>,
    /// Exclusive; empty means to the end.
    pub to: Vec<u8>,
}

impl Range {
    pub fn all() -> Self {
        Self { from: Vec::new(), to: Vec::new() }
    }

    /// All keys that begin with these elements.
    pub fn prefix(key: tuple::Key) -> Self {
        let from = key.into_bytes();
        let to = tuple::after_prefix(&from);
        Self { from, to }
    }

    /// From one key (inclusive) to another (exclusive).
    pub fn between(from: tuple::Key, to: tuple::Key) -> Self {
        Self { from: from.into_bytes(), to: to.into_bytes() }
    }
}

/// A condition on a top-level field of the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub field: &'static str,
    pub test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Equals(Value),
    /// True for a field that is missing, too.
    Differs(Value),
    /// The text holds this, without regard to case.
    Contains(String),
    /// The list holds this value.
    Has(Value),
    AtLeast(i64),
    Below(i64),
}

impl Filter {
    pub fn equals(field: &'static str, value: impl Into<Value>) -> Self {
        Self { field, test: Test::Equals(value.into()) }
    }

    pub fn differs(field: &'static str, value: impl Into<Value>) -> Self {
        Self { field, test: Test::Differs(value.into()) }
    }

    pub fn contains(field: &'static str, text: &str) -> Self {
        Self { field, test: Test::Contains(text.to_lowercase()) }
    }

    pub fn has(field: &'static str, value: impl Into<Value>) -> Self {
        Self { field, test: Test::Has(value.into()) }
    }

    fn passes(&self, body: &Value) -> bool {
        let field = body.get(self.field);
        match &self.test {
            Test::Equals(wanted) => field == Some(wanted),
            Test::Differs(unwanted) => field != Some(unwanted),
            Test::Contains(text) => {
                field.and_then(Value::as_str).is_some_and(|have| have.to_lowercase().contains(text))
            }
            Test::Has(wanted) => field.and_then(Value::as_array).is_some_and(|list| list.contains(wanted)),
            Test::AtLeast(least) => field.and_then(Value::as_i64).is_some_and(|have| have >= *least),
            Test::Below(limit) => field.and_then(Value::as_i64).is_some_and(|have| have < *limit),
        }
    }
}

/// Whether a document's JSON passes every filter. For engines that cannot filter by themselves.
pub fn matches_all(filters: &[Filter], body: &str) -> bool {
    if filters.is_empty() {
        return true;
    }
    serde_json::from_str::<Value>(body).is_ok_and(|body| filters.iter().all(|filter| filter.passes(&body)))
}

/// A walk along one index.
#[derive(Debug, Clone)]
pub struct Query {
    pub collection: Collection,
    pub index: &'static str,
    pub range: Range,
    pub filters: Vec<Filter>,
    pub descending: bool,
    /// Where the last page ended: that entry's key and document id.
    pub after: Option<(Vec<u8>, String)>,
    /// Documents on the page; 0 is taken for 1.
    pub limit: usize,
}

impl Query {
    pub fn new(collection: Collection, index: &'static str, range: Range) -> Self {
        Self { collection, index, range, filters: Vec::new(), descending: false, after: None, limit: 20 }
    }

    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub fn after(mut self, after: Option<(Vec<u8>, String)>) -> Self {
        self.after = after;
        self
    }
}

/// A page of documents, ordered by the index's key, then by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub documents: Vec<Document>,
    /// Where to go on; `None` at the end. A page can be short, even empty, and still have a next one: the query
    /// stops after it has looked at [`super::ENTRIES_LOOKED_AT_MAX`] entries.
    pub next: Option<(Vec<u8>, String)>,
}

/// Whether a document has expired at `now`.
pub fn is_expired(expires: Option<Timestamp>, now: Timestamp) -> bool {
    expires.is_some_and(|expires| expires <= now)
}
