//! Personal data that was sealed before it came here; the domain carries it unopened.
//! It does not know the key, nor what is inside.

use serde::{Deserialize, Serialize};

/// The sealed text as the platform wrote it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_plain_text_outside_and_silent_in_debug() {
        let sealed = Sealed::new("v1.abc");
        assert_eq!(serde_json::to_string(&sealed).unwrap(), "\"v1.abc\"");
        assert_eq!(format!("{sealed:?}"), "Sealed(…)");
    }
}
