//! Sums: SHA-256 over facts and documents, the same for the same whichever engine gave them.
//! It does not know where they were read.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::Record;
use crate::log::RecordedFact;

/// Beyond it a binary fraction does not tell every whole number from the next.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// What was taken in so far. Each text comes with its length, so that no two rows of texts run into the same bytes.
#[derive(Default)]
pub struct Sum(Sha256);

impl Sum {
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
        self
    }

    pub fn fact(&mut self, fact: &RecordedFact) {
        self.number(fact.position).text(fact.stream.as_str()).number(fact.version);
        self.text(&fact.type_name).number(fact.schema.into());
        self.number(fact.time.as_microsecond().cast_unsigned());
        self.text(&fact.cause.actor).text(&fact.cause.command);
        match &fact.cause.trace {
            Some(trace) => self.number(1).text(trace),
            None => self.number(0),
        };
        self.text(&fact.body);
    }

    pub fn record(&mut self, record: &Record) {
        self.text(&record.id).number(record.version);
        match record.expires {
            Some(time) => self.number(1).number(time.as_microsecond().cast_unsigned()),
            None => self.number(0),
        };
        match serde_json::from_str(&record.body) {
            Ok(value) => self.value(&value),
            // Halves of surrogate pairs and the like: engines keep such a text as it is.
            Err(_) => _ = self.text(&record.body),
        }
        self.number(record.entries.len() as u64);
        for (index, key) in &record.entries {
            self.text(index).bytes(key);
        }
    }

    /// A value whatever its spaces, the order of its members, and how its numbers are written.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => _ = self.number(0),
            Value::Bool(is) => _ = self.number(1).number((*is).into()),
            Value::Number(number) => _ = self.number(2).text(&plain(number)),
            Value::String(text) => _ = self.number(3).text(text),
            Value::Array(items) => {
                self.number(4).number(items.len() as u64);
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(members) => {
                let mut members: Vec<(&String, &Value)> = members.iter().collect();
                members.sort_by_key(|(name, _)| *name);
                self.number(5).number(members.len() as u64);
                for (name, member) in members {
                    self.text(name).value(member);
                }
            }
        }
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One engine gives `1e2` back as `100`, and `1.5e300` with all of its digits.
fn plain(number: &Number) -> String {
    let fraction = number.as_f64().unwrap_or(0.0);
    match fraction.abs() < WHOLE_MAX && fraction.fract() == 0.0 {
        true => (fraction as i64).to_string(),
        false => format!("{fraction:e}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn of(body: &str) -> String {
        let body: Arc<str> = body.into();
        let mut sum = Sum::default();
        let (collection, id) = ("keys".to_owned(), "a".to_owned());
        sum.record(&Record { collection, id, version: 1, expires: None, body, entries: Vec::new() });
        sum.finish()
    }

    #[test]
    fn the_same_value_in_other_words_is_the_same() {
        for (one, other) in [
            (r#"{"b":1,"a":[1,2]}"#, r#"{"a": [1, 2], "b": 1}"#),
            ("1e2", "100"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("1e17", "100000000000000000"),
            ("1.2345678901234567e17", "123456789012345670"),
            (r#""\u00e9""#, "\"é\""),
        ] {
            assert_eq!(of(one), of(other), "{one}");
        }
    }

    #[test]
    fn another_value_is_another() {
        let values = [
            "0",
            "1",
            "-1",
            "0.1",
            "\"0\"",
            "null",
            "false",
            "true",
            "[]",
            "{}",
            "[[]]",
            "[0]",
            "[1,0]",
            "[0,1]",
            "\"\"",
            "[\"ab\",\"c\"]",
            "[\"a\",\"bc\"]",
            r#"{"a":0}"#,
            r#"{"b":0}"#,
            "9007199254740991",
            "9007199254740990",
            r#""\ud800""#,
            r#""\ud801""#,
        ];
        let sums: std::collections::BTreeSet<String> = values.iter().map(|value| of(value)).collect();
        assert_eq!(sums.len(), values.len());
    }
}
