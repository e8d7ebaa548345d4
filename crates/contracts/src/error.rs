//! The one error that services answer with: whose fault it is, what to tell, and whether to try again.
//! It does not know HTTP; the edge maps each kind to one status.

use std::borrow::Cow;

use domain::field::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub type Result<T> = std::result::Result<T, Error>;

/// Whose fault it is, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request cannot be understood.
    Malformed,
    Unauthenticated,
    /// The buyer's bank said no.
    Declined,
    Forbidden,
    NotFound,
    /// The state of things does not allow it.
    Conflict,
    /// It was changed since the caller last looked.
    Stale,
    /// Understood, but not acceptable; `fields` say why.
    Invalid,
    /// Nobody's fault: try again after a while.
    Unavailable,
    /// Our fault. The log knows more than the caller is told.
    Internal,
}

/// Why a service did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    /// Stable, for programs: `insufficient_stock`.
    pub code: Cow<'static, str>,
    /// For people: what happened and what to do.
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// More for programs, such as what is left of each SKU.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl Error {
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
            details: Map::new(),
            retry_after_s: None,
        }
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("there is no such {what}"))
    }

    pub fn conflict(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }

    /// Several fields, or one, are not acceptable.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let message = match fields.as_slice() {
            [one] => format!("{}: {}", if one.pointer.is_empty() { "/" } else { &one.pointer }, one.message),
            many => format!("{} fields are not acceptable", many.len()),
        };
        Self { fields, ..Self::new(Kind::Invalid, "invalid", message) }
    }

    pub fn field(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(pointer, code, message)])
    }

    /// Our fault. `reason` goes to the log, never to the caller.
    pub fn internal(reason: impl Into<String>) -> Self {
        Self::new(Kind::Internal, "internal", reason)
    }

    pub fn unavailable(message: impl Into<String>, retry_after_s: u32) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(Kind::Unavailable, "unavailable", message) }
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}
