//! Long lists, a page at a time: how many, from where, and where to go on.
//! It does not know what is listed; a cursor holds an index key that only its collection can read.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::documents;

pub const LIMIT_MAX: u8 = 100;
pub const LIMIT_DEFAULT: u8 = 20;

/// A cursor's length as text.
const CURSOR_CHARS_MAX: usize = 2_048;
const CURSOR_FORMAT: u8 = 1;
const FINGERPRINT_BYTES: usize = 8;
const CHECK_BYTES: usize = 4;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listing<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

impl<T> Listing<T> {
    pub fn new(items: Vec<T>, next: Option<Cursor>, fingerprint: &Fingerprint) -> Listing<T> {
        Listing { items, next_cursor: next.map(|cursor| cursor.encode(fingerprint)) }
    }

    /// A list that fits on one page.
    pub fn whole(items: Vec<T>) -> Listing<T> {
        Listing { items, next_cursor: None }
    }

    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listing<U> {
        Listing { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

/// How many items a page holds: 1 to 100, 20 unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = u8, minimum = 1, maximum = 100, default = 20)]
pub struct Limit(u8);

impl Limit {
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit(LIMIT_DEFAULT)
    }
}

/// Read from text (a query string) or from a number. Anything else than 1 to 100 is an error, which
/// [`super::extract::Params`] answers with 400.
impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
        deserializer.deserialize_str(LimitVisitor)
    }
}

struct LimitVisitor;

impl serde::de::Visitor<'_> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "a whole number from 1 to {LIMIT_MAX}")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Limit, E> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text.parse().ok().filter(|limit| digits && (1..=LIMIT_MAX).contains(limit));
        limit.map(Limit).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Limit, E> {
        let limit = u8::try_from(number).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.map(Limit).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }
}

/// What a list was asked for: its name and its filters. A cursor made under another one is refused.
#[derive(Debug, Clone)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of a list without filters; `list` names it and its order.
    pub fn new(list: &str) -> Fingerprint {
        Fingerprint(Sha256::new()).with("", Some(list))
    }

    /// Adds a filter. One that is not set differs from one that is set to nothing.
    pub fn with(mut self, filter: &str, value: Option<&str>) -> Fingerprint {
        for part in [Some(filter), value] {
            self.0.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
        self
    }

    fn bytes(&self) -> [u8; FINGERPRINT_BYTES] {
        let hash = self.0.clone().finalize();
        let mut bytes = [0; FINGERPRINT_BYTES];
        bytes.copy_from_slice(&hash[..FINGERPRINT_BYTES]);
        bytes
    }
}

/// Where a page ended: the last entry's index key and document id. Opaque to callers, not secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub key: Vec<u8>,
    pub id: String,
}

impl Cursor {
    /// As text: base64url of format, fingerprint, key length, key, id, check.
    pub fn encode(&self, fingerprint: &Fingerprint) -> String {
        let mut bytes = vec![CURSOR_FORMAT];
        bytes.extend(fingerprint.bytes());
        bytes.extend(u32::try_from(self.key.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(&self.key);
        bytes.extend(self.id.as_bytes());
        let check = check(&bytes);
        bytes.extend(check);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// # Errors
    /// 400 `bad_cursor` for one that is damaged or belongs to another list or other filters.
    pub fn decode(text: &str, fingerprint: &Fingerprint) -> Result<Cursor, Problem> {
        Self::read(text, fingerprint).ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_cursor", "This cursor is not one of this list's")
                .detail("send next_cursor as it was, with the same filters")
                .error("/cursor", "bad_cursor", "damaged, or from another list")
        })
    }

    /// The same for a parameter that may be missing.
    pub fn decode_opt(text: Option<&str>, fingerprint: &Fingerprint) -> Result<Option<Cursor>, Problem> {
        text.map(|text| Self::decode(text, fingerprint)).transpose()
    }

    fn read(text: &str, fingerprint: &Fingerprint) -> Option<Cursor> {
        if text.len() > CURSOR_CHARS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (rest, found) = bytes.split_last_chunk::<CHECK_BYTES>()?;
        let (format, rest_after_format) = rest.split_first()?;
        if *found != check(rest) || *format != CURSOR_FORMAT {
            return None;
        }
        let (owner, rest) = rest_after_format.split_first_chunk::<FINGERPRINT_BYTES>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (key, id) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        if *owner != fingerprint.bytes() {
            return None;
        }
        Some(Cursor { key: key.to_vec(), id: String::from_utf8(id.to_vec()).ok()? })
    }

    /// For [`documents::Query::after`].
    pub fn after(self) -> (Vec<u8>, String) {
        (self.key, self.id)
    }

    /// From [`documents::Page::next`].
    pub fn next_of(page: &documents::Page) -> Option<Cursor> {
        page.next.clone().map(|(key, id)| Cursor { key, id })
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = Sha256::digest(bytes);
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Result<Limit, serde_urlencoded::de::Error> {
        #[derive(Deserialize)]
        struct Asked {
            #[serde(default)]
            limit: Limit,
        }
        serde_urlencoded::from_str::<Asked>(text).map(|asked| asked.limit)
    }

    #[test]
    fn a_limit_is_one_to_a_hundred() {
        assert_eq!(limit("").unwrap().get(), 20);
        assert_eq!(limit("limit=1").unwrap().get(), 1);
        assert_eq!(limit("limit=100").unwrap().get(), 100);
        for bad in ["0", "101", "-1", "+5", "", "1.0", "x", "99999999999"] {
            assert!(limit(&format!("limit={bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let list = Fingerprint::new("things by time").with("state", Some("open"));
        for (key, id) in [(vec![], ""), (vec![0, 255, 7], "thing_1"), (vec![1; 500], "가")] {
            let cursor = Cursor { key, id: id.to_owned() };
            assert_eq!(Cursor::decode(&cursor.encode(&list), &list).unwrap(), cursor);
        }
    }

    #[test]
    fn a_foreign_or_damaged_cursor_is_refused() {
        let list = Fingerprint::new("things");
        let text = Cursor { key: vec![1, 2], id: "a".to_owned() }.encode(&list);
        let others = [
            Fingerprint::new("things").with("state", None),
            Fingerprint::new("things").with("state", Some("")),
            Fingerprint::new("others"),
        ];
        for other in &others {
            assert_eq!(Cursor::decode(&text, other).unwrap_err().code(), "bad_cursor");
        }
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(Cursor::decode(&damaged, &list).is_err(), "{damaged}");
        }
        for bad in ["", "!", "AAAA", "e30=", &"A".repeat(3_000)] {
            assert!(Cursor::decode(bad, &list).is_err());
        }
    }

    #[test]
    fn the_api_description_knows_the_limits() {
        let limit = serde_json::to_value(<Limit as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!((&limit["minimum"], &limit["maximum"], &limit["default"]), (&1.into(), &100.into(), &20.into()));
        let listing = serde_json::to_value(<Listing<String> as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(listing["properties"]["items"]["type"], "array");
    }

    #[test]
    fn a_listing_names_the_next_page() {
        let list = Fingerprint::new("things");
        let listing = Listing::new(vec![1], Some(Cursor { key: vec![], id: "a".to_owned() }), &list);
        assert_eq!(Cursor::decode(listing.next_cursor.as_deref().unwrap(), &list).unwrap().id, "a");
        assert_eq!(serde_json::to_string(&Listing::whole(vec![1])).unwrap(), r#"{"items":[1],"next_cursor":null}"#);
    }
}
