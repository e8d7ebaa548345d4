//! Names of streams, and the shard that a name belongs to.
//! It knows nothing of the kinds that exist.

use std::fmt;
use std::sync::Arc;

use super::Shard;

/// `kind-key` or `kind-key.sub`. Streams with one key lie in one shard, whatever their kind.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

/// Why a text is not the name of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stream name: expected kind-key or kind-key.sub")]
pub struct BadStreamName(pub String);

impl StreamId {
    /// Names a stream. Dots and percent signs in the key are escaped, so that any text can be a key.
    pub fn new(kind: &str, key: &str) -> Self {
        debug_assert!(is_kind(kind), "a kind is lower-case letters and underscores: {kind}");
        Self(format!("{kind}-{}", escaped(key)).into())
    }

    /// A further stream of the same case: same key, same shard.
    pub fn with_sub(kind: &str, key: &str, sub: &str) -> Self {
        debug_assert!(is_kind(kind), "a kind is lower-case letters and underscores: {kind}");
        Self(format!("{kind}-{}.{}", escaped(key), escaped(sub)).into())
    }

    /// Reads a name that a store kept.
    pub fn parse(name: &str) -> Result<Self, BadStreamName> {
        match name.split_once('-') {
            Some((kind, rest)) if is_kind(kind) && !rest.is_empty() => Ok(Self(name.into())),
            _ => Err(BadStreamName(name.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> &str {
        self.0.split_once('-').map_or("", |(kind, _)| kind)
    }

    /// The key as it was given to [`StreamId::new`].
    pub fn key(&self) -> String {
        self.raw_key().replace("%2E", ".").replace("%25", "%")
    }

    fn raw_key(&self) -> &str {
        let rest = self.0.split_once('-').map_or("", |(_, rest)| rest);
        rest.split_once('.').map_or(rest, |(key, _)| key)
    }

    /// The shard of this stream in a store of `shards` shards: FNV-1a of the key, folded.
    pub fn shard(&self, shards: Shard) -> Shard {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in self.raw_key().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash ^= hash >> 32;
        let shard = hash % u64::from(shards.max(1));
        Shard::try_from(shard).unwrap_or(0)
    }
}

fn is_kind(kind: &str) -> bool {
    !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn escaped(key: &str) -> String {
    if key.contains(['.', '%']) { key.replace('%', "%25").replace('.', "%2E") } else { key.to_owned() }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_can_be_a_key() {
        for key in ["A1", "a.b", "100%", "%2E", "with space", "emoji 🫖", "dash-ed"] {
            let stream = StreamId::new("lamp", key);
            assert_eq!(stream.key(), key);
            assert_eq!(stream.kind(), "lamp");
            assert_eq!(StreamId::parse(stream.as_str()).as_ref(), Ok(&stream));
        }
    }

    #[test]
    fn one_case_lies_in_one_shard() {
        for n in 0..500 {
            let key = format!("k{n}");
            let shard = StreamId::new("lamp", &key).shard(64);
            assert_eq!(StreamId::new("bulb", &key).shard(64), shard);
            assert_eq!(StreamId::with_sub("bulb", &key, "a").shard(64), shard);
            assert!(shard < 64);
        }
    }

    #[test]
    fn the_shard_of_a_key_never_changes() {
        assert_eq!(StreamId::new("lamp", "hall").shard(64), GOLDEN_HALL);
    }

    /// Stored data depends on it: a change here would look for streams in the wrong shard.
    const GOLDEN_HALL: Shard = 62;

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", "lamp", "-x", "Lamp-x", "lamp-"] {
            assert!(StreamId::parse(bad).is_err(), "{bad}");
        }
    }
}
