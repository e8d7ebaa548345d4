//! Values as PostgreSQL takes them: texts without NUL, times, and numbers with a sign.
//! It knows no table.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use platform::store::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// PostgreSQL counts its microseconds from here on, the first of January 2000.
const EPOCH_US: i64 = 946_684_800_000_000;
/// Its calendar begins with the 24th of November 4714 BC; what lies before is minus infinity there.
const FIRST_US: i64 = -210_866_803_200_000_000;
const INFINITY: i64 = i64::MAX;
const MINUS_INFINITY: i64 = i64::MIN;

/// A time in a column of type `timestamptz`, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let since_1970 = self.0.as_microsecond();
        out.put_i64(if since_1970 < FIRST_US { MINUS_INFINITY } else { since_1970 - EPOCH_US });
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Time {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match i64::from_be_bytes(raw.try_into()?) {
            INFINITY => Timestamp::MAX,
            MINUS_INFINITY => Timestamp::MIN,
            micros => {
                let since_1970 = micros.checked_add(EPOCH_US).ok_or("a time beyond all times")?;
                Timestamp::from_microsecond(since_1970)?
            }
        }))
    }

    fn accepts(ty: &Type) -> bool {
        <Self as ToSql>::accepts(ty)
    }
}

/// A text can hold everything but NUL. What is written instead sorts as NUL does: before everything else.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\0' => escaped.push_str("\u{1}\u{1}"),
            '\u{1}' => escaped.push_str("\u{1}\u{2}"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// What [`escaped`] was given.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\u{1}') {
            (_, true) => plain.push(if letters.next() == Some('\u{2}') { '\u{1}' } else { '\0' }),
            (other, false) => plain.push(other),
        }
    }
    Cow::Owned(plain)
}

/// Whether a column of type `jsonb` gives back the same value: it has no place for U+0000 and for halves of a
/// surrogate pair. Where in doubt, no.
pub fn fits_jsonb(body: &str) -> bool {
    let mut rest = body;
    while let Some(at) = rest.find("\\u") {
        let digits = rest.as_bytes().get(at + 2..at + 6).unwrap_or_default();
        let is_surrogate = matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
        if digits == b"0000" || is_surrogate {
            return false;
        }
        rest = &rest[at + 2..];
    }
    true
}

/// PostgreSQL's integers have a sign. Versions and positions never come near where it matters.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub fn count_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A column of a row; one that is not as this version made it is damage.
pub fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> StoreResult<T> {
    row.try_get(column).map_err(|error| StoreError::Corrupt(format!("column {column} of a row: {error}")))
}

pub fn text(row: &Row, column: usize) -> StoreResult<Arc<str>> {
    let kept: &str = get(row, column)?;
    Ok(unescaped(kept).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_keeps_texts_apart_and_in_their_order() {
        let texts =
            ["", "\0", "\0\0", "\0\u{1}", "\0a", "\u{1}", "\u{1}\0", "\u{1}\u{1}", "\u{1}a", "\u{2}", "a", "a\0", "b"];
        for pair in texts.windows(2) {
            assert!(pair[0] < pair[1] && escaped(pair[0]) < escaped(pair[1]), "{pair:?}");
        }
        for text in texts {
            assert!(!escaped(text).contains('\0'));
            assert_eq!(unescaped(&escaped(text)), text);
        }
    }

    #[test]
    fn what_jsonb_cannot_hold_is_recognised() {
        for fits in ["{}", r#""\u00e9\n\\""#, r#""\u20ac""#, r#""\ue000""#, "\"\\u\"", "\"가 🫖\""] {
            assert!(fits_jsonb(fits), "{fits}");
        }
        for exact in [r#""a\u0000""#, r#""\ud83e\udeD6""#, r#""\u0041\uDC00""#] {
            assert!(!fits_jsonb(exact), "{exact}");
        }
    }

    #[test]
    fn times_are_kept_to_the_microsecond() {
        for time in ["1969-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z", "9000-01-01T00:00:00.000001Z"] {
            let time = Time(time.parse().expect("a time"));
            let mut raw = BytesMut::new();
            time.to_sql(&Type::TIMESTAMPTZ, &mut raw).expect("a time can be written");
            assert_eq!(Time::from_sql(&Type::TIMESTAMPTZ, &raw).expect("a time can be read"), time);
        }
        let first = Time("-004713-11-24T00:00:00Z".parse().expect("a time"));
        assert_eq!(first.0.as_microsecond(), FIRST_US);
        for (said, kept) in [(Timestamp::MIN, MINUS_INFINITY), (first.0, FIRST_US - EPOCH_US)] {
            let mut raw = BytesMut::new();
            Time(said).to_sql(&Type::TIMESTAMPTZ, &mut raw).expect("a time can be written");
            assert_eq!(raw[..], kept.to_be_bytes());
            assert_eq!(Time::from_sql(&Type::TIMESTAMPTZ, &raw).expect("a time can be read"), Time(said));
        }
        let beyond = (i64::MAX - 1).to_be_bytes();
        assert!(Time::from_sql(&Type::TIMESTAMPTZ, &beyond).is_err());
    }
}
