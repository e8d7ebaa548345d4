//! What the mart answered, with the checks that nearly every test makes.
//! It does not know what was asked but for the words in which failures are told.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Such as `POST /api/orders`.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The body, where it is JSON; else null.
    pub body: Value,
}

impl Answer {
    /// # Panics
    /// Unless it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status, "expected {status}: {self}");
        self
    }

    /// Checks that it is a problem as RFC 9457 has it, with this status and code.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let this = self.any_problem();
        assert!(this.status == status && this.body["code"] == code, "expected {status} {code}: {this}");
        this
    }

    /// Checks that it is a well-formed problem, and not ours.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn any_problem(self) -> Self {
        assert!((400..500).contains(&self.status), "expected the caller's fault: {self}");
        self.well_formed_problem()
    }

    /// Checks that it is a well-formed problem, whoever's fault it is.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn well_formed_problem(self) -> Self {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        assert_eq!(self.body["status"], self.status, "{self}");
        let code = self.body["code"].as_str().unwrap_or_default();
        let is_snake =
            !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
        assert!(is_snake, "no stable code: {self}");
        for member in ["type", "title", "instance", "trace_id"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "no {member}: {self}");
        }
        for error in self.body["errors"].as_array().into_iter().flatten() {
            assert!(error["pointer"].is_string() && error["code"].is_string(), "an error without place: {self}");
            assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "an error without words: {self}");
        }
        self
    }

    /// Checks that a problem names this place.
    ///
    /// # Panics
    /// Unless it does.
    #[track_caller]
    pub fn at(self, pointer: &str) -> Self {
        assert!(self.pointers().iter().any(|named| named == pointer), "does not name {pointer}: {self}");
        self
    }

    /// The places that a problem names.
    pub fn pointers(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.filter_map(|error| error["pointer"].as_str().map(ToOwned::to_owned)).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A text member of the body.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn text(&self, member: &str) -> String {
        match self.body[member].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("no text {member}: {self}"),
        }
    }

    /// The items of a list.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        match self.body["items"].as_array() {
            Some(items) => items,
            None => panic!("no items: {self}"),
        }
    }

    /// An entry of `totals`, zero where there is none.
    pub fn total_of(&self, kind: &str) -> i64 {
        total_of(&self.body, kind)
    }

    /// Whether this is an earlier answer once more.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

/// An entry of a document's `totals`, zero where there is none.
pub fn total_of(document: &Value, kind: &str) -> i64 {
    let mut entries = document["totals"].as_array().into_iter().flatten();
    entries.find(|entry| entry["type"] == kind).and_then(|entry| entry["amount"].as_i64()).unwrap_or(0)
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 2_000;
        let text: String = String::from_utf8_lossy(&self.bytes).chars().take(SHOWN).collect();
        write!(formatter, "{} was answered {} {text}", self.asked, self.status)
    }
}
