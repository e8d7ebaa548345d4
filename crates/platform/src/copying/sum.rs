//! Sums: SHA-256 over facts and documents, the same for the same whichever engine gave them.
//! It does not know where they were read.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Record;
use crate::log::RecordedFact;

/// What is nested deeper is summed up as the text that it is. Nothing that a service writes comes near.
const DEPTH_MAX: usize = 256;

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
        let mut value = Self::default();
        match serde_json::from_str(&record.body).and_then(|body| value.value(body, DEPTH_MAX)) {
            Ok(()) => _ = self.number(0).text(&value.finish()),
            // Halves of surrogate pairs and the like: engines keep such a text as it is.
            Err(_) => _ = self.number(1).text(&record.body),
        }
        self.number(record.entries.len() as u64);
        for (index, key) in &record.entries {
            self.text(index).bytes(key);
        }
    }

    /// A value whatever its spaces, the order of its members, and how its numbers and texts are written.
    fn value(&mut self, value: &RawValue, depth: usize) -> serde_json::Result<()> {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'{') if depth > 0 => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
                self.number(0).number(members.len() as u64);
                members.iter().try_for_each(|(name, member)| self.text(name).value(member, depth - 1))
            }
            Some(b'[') if depth > 0 => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                self.number(1).number(items.len() as u64);
                items.iter().try_for_each(|item| self.value(item, depth - 1))
            }
            Some(b'"') => {
                let unquoted: String = serde_json::from_str(text)?;
                self.number(2).text(&unquoted);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number(3).text(&plain(text));
                Ok(())
            }
            _ => {
                self.number(4).text(text);
                Ok(())
            }
        }
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The digits of a number and the power of ten of the last: one engine gives `1e2` back as `100`, and `1.5e-7` with all of
/// its zeros. A binary fraction would not do: it depends on how it is read.
fn plain(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let Ok(exponent) = exponent.parse::<i64>() else { return number.to_owned() };
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    let last = exponent.saturating_sub_unsigned(fraction.len() as u64).saturating_add_unsigned(zeros as u64);
    match significant.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => format!("{sign}{digits}e{last}"),
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
            ("15e-8", "0.00000015"),
            ("1E+400", &format!("1{}", "0".repeat(400))),
            ("-120e-1", "-12"),
            ("0e5", "0.00"),
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
            "9007199254740993",
            "9007199254740992",
            r#""\ud800""#,
            r#""\ud801""#,
            "10",
            "0.01",
        ];
        let sums: std::collections::BTreeSet<String> = values.iter().map(|value| of(value)).collect();
        assert_eq!(sums.len(), values.len());
    }
}
