//! Strong entity tags, made from a version or from the bytes themselves, and the same tag per content coding.
//! It does not know what has the version, nor which codings a server offers.

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

/// Codings whose name a tag may carry at its end, by us or by a proxy in front.
const CODINGS: [&str; 4] = ["gzip", "br", "zstd", "deflate"];
/// How a tag and a coding are joined: by us and Apache, by Jetty, by others.
const JOINTS: [&str; 4] = ["--", "-", ";", ":"];

/// A strong entity tag, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(String);

impl ETag {
    pub fn version(version: u64) -> ETag {
        ETag(version.to_string())
    }

    /// A tag for these bytes: 128 bits of their SHA-256.
    pub fn of_bytes(bytes: &[u8]) -> ETag {
        use std::fmt::Write as _;
        let hash = Sha256::digest(bytes);
        let mut tag = String::with_capacity(32);
        for byte in &hash[..16] {
            let _ = write!(tag, "{byte:02x}");
        }
        ETag(tag)
    }

    /// A tag that was made elsewhere. `None` when a tag cannot hold these characters.
    pub fn parse(tag: &str) -> Option<ETag> {
        tag.bytes().all(is_etagc).then(|| ETag(tag.to_owned()))
    }

    /// The tag of the same thing under a content coding: `abc` is `abc-gzip`.
    pub fn coded(&self, coding: &str) -> ETag {
        ETag(format!("{}-{coding}", self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a tag that a client sent names the same thing, under whatever coding.
    pub fn is_named_by(&self, tag: &str) -> bool {
        tag == self.0 || without_coding(tag) == self.0
    }

    /// As it stands in a header, in quotes.
    pub fn header(&self) -> HeaderValue {
        // Every character was checked or is ours, so this does not fail.
        HeaderValue::try_from(format!("\"{}\"", self.0)).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

impl From<u64> for ETag {
    fn from(version: u64) -> ETag {
        ETag::version(version)
    }
}

impl From<&ETag> for ETag {
    fn from(tag: &ETag) -> ETag {
        tag.clone()
    }
}

/// A tag's characters (RFC 9110, 8.8.3), but only the visible ASCII ones.
pub(super) fn is_etagc(byte: u8) -> bool {
    byte == 0x21 || (0x23..=0x7e).contains(&byte)
}

fn without_coding(tag: &str) -> &str {
    for coding in CODINGS {
        let Some(rest) = tag.strip_suffix(coding) else { continue };
        for joint in JOINTS {
            if let Some(plain) = rest.strip_suffix(joint) {
                return plain;
            }
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_under_every_coding() {
        let tag = ETag::version(7);
        assert_eq!(tag.header(), "\"7\"");
        for same in ["7", "7-gzip", "7;gzip", "7--gzip", "7:br"] {
            assert!(tag.is_named_by(same), "{same}");
        }
        for other in ["8", "7-gzip2", "77", "", "-gzip"] {
            assert!(!tag.is_named_by(other), "{other}");
        }
        assert!(tag.is_named_by(tag.coded("gzip").as_str()));
    }

    #[test]
    fn bytes_make_a_tag() {
        assert_eq!(ETag::of_bytes(b"").as_str(), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_ne!(ETag::of_bytes(b"a"), ETag::of_bytes(b"b"));
        assert_eq!(ETag::parse("a\"b"), None);
    }
}
