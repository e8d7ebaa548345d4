//! Index keys: tuples of values, encoded so that the order of the bytes is the order of the values.
//! It knows nothing of documents. The encoding follows FoundationDB's tuple layer (design/tuple.md there).

use jiff::Timestamp;

const NULL: u8 = 0x00;
const TEXT: u8 = 0x02;
const ZERO: u8 = 0x14;
const FALSE: u8 = 0x26;
const TRUE: u8 = 0x27;

/// A tuple under construction.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sorts before every other value.
    pub fn null(mut self) -> Self {
        self.0.push(NULL);
        self
    }

    /// Sorts by its UTF-8 bytes; a text sorts before its extensions.
    pub fn text(mut self, text: &str) -> Self {
        self.0.push(TEXT);
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self.0.push(0);
        self
    }

    pub fn int(mut self, number: i64) -> Self {
        let magnitude = number.unsigned_abs().to_be_bytes();
        let digits = &magnitude[magnitude.iter().take_while(|byte| **byte == 0).count()..];
        let length = u8::try_from(digits.len()).unwrap_or(8);
        if number >= 0 {
            self.0.push(ZERO + length);
            self.0.extend_from_slice(digits);
        } else {
            self.0.push(ZERO - length);
            self.0.extend(digits.iter().map(|byte| !byte));
        }
        self
    }

    /// To the microsecond.
    pub fn time(self, at: Timestamp) -> Self {
        self.int(at.as_microsecond())
    }

    pub fn bool(mut self, value: bool) -> Self {
        self.0.push(if value { TRUE } else { FALSE });
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The first key that no longer begins with `prefix`; empty when there is none.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut after = prefix.to_vec();
    while let Some(last) = after.pop() {
        if last < 0xff {
            after.push(last + 1);
            return after;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_sort_as_numbers() {
        let numbers = [i64::MIN, -70_000, -256, -255, -1, 0, 1, 255, 256, 65_535, 65_536, i64::MAX];
        let keys: Vec<_> = numbers.iter().map(|number| Key::new().int(*number)).collect();
        assert!(keys.is_sorted());
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn texts_sort_by_bytes_and_do_not_run_into_each_other() {
        let texts = ["", "\0", "a", "a\0", "a\0b", "aa", "b", "가"];
        let keys: Vec<_> = texts.iter().map(|text| Key::new().text(text).int(1)).collect();
        assert!(keys.is_sorted());
        let (ab_c, a_bc) = (Key::new().text("ab").text("c"), Key::new().text("a").text("bc"));
        assert_ne!(ab_c, a_bc);
    }

    #[test]
    fn a_prefix_range_holds_just_its_extensions() {
        let prefix = Key::new().text("open").into_bytes();
        let end = after_prefix(&prefix);
        let inside = Key::new().text("open").int(5).into_bytes();
        let outside = Key::new().text("opened").into_bytes();
        assert!(prefix <= inside && inside < end);
        assert!(!(prefix <= outside && outside < end));
        assert!(after_prefix(&[0xff, 0xff]).is_empty());
    }

    /// Stored index entries depend on these bytes.
    #[test]
    fn the_encoding_is_golden() {
        let key = Key::new().text("a\0").int(258).int(-1).bool(true).null();
        assert_eq!(key.into_bytes(), [2, b'a', 0, 0xff, 0, 0x16, 1, 2, 0x13, 0xfe, 0x27, 0]);
    }
}
