//! Index keys and cursors: the order of the bytes is the order of the values, and what was not given out is refused.
//! It does not know any collection.

use std::cmp::Ordering;

use jiff::Timestamp;
use platform::documents::tuple::{Key, after_prefix};
use platform::http::lists::{Cursor, Fingerprint};
use platform::log::StreamId;
use platform::log::feed::FeedCursor;

/// An element of a key. They sort as they are listed here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    Null,
    Text(String),
    Int(i64),
    Bool(bool),
}

/// The key of some elements.
pub fn key_of(elements: &[Element]) -> Key {
    elements.iter().fold(Key::new(), |key, element| match element {
        Element::Null => key.null(),
        Element::Text(text) => key.text(text),
        Element::Int(number) => key.int(*number),
        Element::Bool(value) => key.bool(*value),
    })
}

/// Two keys of arbitrary elements sort as their elements do, and a prefix holds exactly what begins with it.
pub fn index_keys(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let (left, right) = (elements(&mut bytes), elements(&mut bytes));
    keys_sort_as_values(&left, &right);
    let text = String::from_utf8_lossy(data);
    let stream = StreamId::new("lamp", &text);
    assert_eq!(stream.key(), text, "a stream tells its key");
    assert_eq!(StreamId::with_sub("lamp", &text, "x").shard(64), stream.shard(64), "one key, one shard");
    if !text.is_empty() {
        assert_eq!(StreamId::parse(stream.as_str()).as_ref(), Ok(&stream));
    }
}

/// # Panics
/// Where the bytes sort otherwise than the elements.
pub fn keys_sort_as_values(left: &[Element], right: &[Element]) {
    let (left_key, right_key) = (key_of(left).into_bytes(), key_of(right).into_bytes());
    assert_eq!(left_key.cmp(&right_key), left.cmp(right), "{left:?} and {right:?}");
    for (prefix, whole) in [(left, &right_key), (right, &left_key)] {
        let begins_so = whole.starts_with(&key_of(prefix).into_bytes());
        let from = key_of(prefix).into_bytes();
        let to = after_prefix(&from);
        let is_within = from <= *whole && (to.is_empty() || *whole < to);
        assert_eq!(begins_so, is_within, "{prefix:?} as a prefix of {left:?} or {right:?}");
    }
    if left.len() <= right.len() && right[..left.len()] == *left {
        assert_ne!(left_key.cmp(&right_key), Ordering::Greater);
    }
}

fn elements(bytes: &mut impl Iterator<Item = u8>) -> Vec<Element> {
    let count = bytes.next().unwrap_or(0) % 5;
    (0..count).filter_map(|_| element(bytes)).collect()
}

fn element(bytes: &mut impl Iterator<Item = u8>) -> Option<Element> {
    Some(match bytes.next()? % 6 {
        0 => Element::Null,
        1 => Element::Bool(bytes.next()?.is_multiple_of(2)),
        kind @ (2 | 3) => {
            let mut number = [0; 8];
            number.iter_mut().for_each(|digit| *digit = bytes.next().unwrap_or(0));
            // Many numbers are small.
            let shift = if kind == 2 { 0 } else { u32::from(bytes.next()? % 64) };
            Element::Int(i64::from_be_bytes(number) >> shift)
        }
        4 => Element::Int(Timestamp::from_second(i64::from(bytes.next()?) << 24).ok()?.as_microsecond()),
        _ => {
            let length = usize::from(bytes.next()? % 12);
            let text: Vec<u8> = bytes.take(length).collect();
            Element::Text(String::from_utf8_lossy(&text).into_owned())
        }
    })
}

/// Any text as a cursor: refused, or one that reads back; and every cursor comes back as it was.
pub fn cursors(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let list = Fingerprint::new("things").with("state", Some("open"));
    if let Ok(cursor) = Cursor::decode(&text, &list) {
        assert_eq!(Cursor::decode(&cursor.encode(&list), &list).ok(), Some(cursor));
    }
    let (key, id) = data.split_at(data.len() / 2);
    let cursor = Cursor { key: key[..key.len().min(600)].to_vec(), id: id_of(id) };
    let written = cursor.encode(&list);
    assert_eq!(Cursor::decode(&written, &list).ok(), Some(cursor), "{written}");
    assert!(Cursor::decode(&written, &Fingerprint::new("others")).is_err(), "a foreign cursor is refused");
    if let Ok(feed) = FeedCursor::decode(&text) {
        let again = FeedCursor::decode(&feed.encode()).expect("what was given out");
        assert!((0..64).all(|shard| again.at(shard) == feed.at(shard)), "{text}");
        assert_eq!(again.encode(), feed.encode());
    }
}

fn id_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(100).collect()
}
