//! Why a command did not do what it was asked: one sentence for the person who asked.
//! It does not tell exit codes apart: what failed is in the sentence.

use std::io::Write as _;
use std::process::ExitCode;

/// What went wrong, and what to do.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    pub fn report(&self) -> ExitCode {
        // Where nobody can be told, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "cloudmart: {}", self.0);
        ExitCode::FAILURE
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Self(message)
    }
}
