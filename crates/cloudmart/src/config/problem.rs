//! What is wrong with a setting, where it was said, and what would be right.
//! It never holds a secret: what is told here ends in terminals and logs.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// A line of the file, counted from one.
    File {
        path: PathBuf,
        line: usize,
    },
    /// A variable by its name.
    Environment(String),
    /// A flag by its name.
    CommandLine(&'static str),
}

impl Origin {
    pub fn of_file(path: &Path, line: usize) -> Self {
        Self::File { path: path.to_owned(), line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(name) => formatter.write_str(name),
            Self::CommandLine(flag) => formatter.write_str(flag),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The shop would not start.
    Error,
    /// It would start, and something would not be as somebody seems to want it.
    Warning,
}

/// One thing to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub origin: Origin,
    /// The key, as `section.key`; empty where there is none.
    pub key: String,
    pub says: String,
    /// What would be right.
    pub right: Option<String>,
}

impl Problem {
    pub fn error(origin: Origin, key: impl Into<String>, says: impl Into<String>) -> Self {
        Self { severity: Severity::Error, origin, key: key.into(), says: says.into(), right: None }
    }

    pub fn warning(origin: Origin, key: impl Into<String>, says: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(origin, key, says) }
    }

    pub fn right(self, right: impl Into<Option<String>>) -> Self {
        Self { right: right.into(), ..self }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.is_error() { "error" } else { "warning" };
        match &self.origin {
            // Said by nobody, so it can be said anywhere.
            Origin::Default => write!(formatter, "{severity}: ")?,
            origin => write!(formatter, "{origin}: {severity}: ")?,
        }
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.says)?;
        match &self.right {
            Some(right) => write!(formatter, "; {right}"),
            None => Ok(()),
        }
    }
}
