//! What a scenario came to, in figures.
//! It does not judge: a scenario that went wrong has panicked.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The figures of a scenario that went well, or why it could not be tried on this machine.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    #[serde(serialize_with = "as_object")]
    pub figures: Vec<(&'static str, Value)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Outcome {
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self { figures: Vec::new(), skipped: Some(reason.into()) }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.figures.push((name, value.into()));
        self
    }

    pub fn figure(&self, name: &str) -> Option<&Value> {
        self.figures.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

fn as_object<S: Serializer>(figures: &[(&'static str, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    let object: Map<String, Value> = figures.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    object.serialize(serializer)
}
