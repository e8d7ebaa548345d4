//! What is in a backup: every member's name, size and SHA-256, and who wrote it when.
//! It reads and writes no files.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use jiff::Timestamp;
use platform::blobs::is_name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;

/// Raised when older versions could not read what is written.
pub const FORMAT: u32 = 1;
pub const MANIFEST: &str = "manifest.json";
pub const DATABASE: &str = "shop.db";
pub const KEY: &str = "master.key";
pub const MEDIA: &str = "media";
/// The largest manifest that is read: some 300,000 pictures.
pub const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// The largest key file.
const KEY_BYTES_MAX: u64 = 4 << 10;
const COPY_BYTES: usize = 256 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub created_at: Timestamp,
    /// The version that wrote it.
    pub cloudmart: String,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `shop.db`, `master.key` or `media/…`.
    pub name: String,
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// Just enough to say which version wrote it.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

impl Manifest {
    pub fn new(created_at: Timestamp, members: Vec<Member>) -> Self {
        Self { format: FORMAT, created_at, cloudmart: env!("CARGO_PKG_VERSION").to_owned(), members }
    }

    /// Reads and checks: known format, names that cannot lead anywhere else, each once, and a database among them.
    pub fn read(json: &[u8]) -> Result<Self, Error> {
        let foreign = |error: serde_json::Error| Error::Foreign(error.to_string());
        let Header { format } = serde_json::from_slice(json).map_err(foreign)?;
        if format != FORMAT {
            return Err(Error::OtherFormat { found: format, known: FORMAT });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(foreign)?;
        let mut names = BTreeSet::new();
        for member in &manifest.members {
            if !is_member(&member.name) || !names.insert(&member.name) {
                return Err(Error::Damaged(format!("`{}` cannot be part of a backup", member.name)));
            }
            if member.name == KEY && member.size > KEY_BYTES_MAX {
                return Err(Error::Damaged(format!("{KEY} is too large")));
            }
        }
        if manifest.member(DATABASE).is_none() {
            return Err(Error::Damaged(format!("it has no {DATABASE}")));
        }
        Ok(manifest)
    }

    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    pub fn bytes(&self) -> u64 {
        self.members.iter().fold(0, |sum, member| sum.saturating_add(member.size))
    }
}

/// The only names that there are. No other is ever made a path of.
fn is_member(name: &str) -> bool {
    let blob = name.strip_prefix(MEDIA).and_then(|rest| rest.strip_prefix('/'));
    name == DATABASE || name == KEY || blob.is_some_and(is_name)
}

/// Copies at most `size` bytes, telling each piece's length. Answers how many there were, and their SHA-256.
pub fn copy_hashed(
    from: &mut impl Read,
    to: &mut impl Write,
    size: u64,
    mut progress: impl FnMut(u64),
) -> std::io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut copied = 0;
    let mut from = from.take(size);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        copied += read as u64;
        progress(read as u64);
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((copied, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str) -> Result<Manifest, Error> {
        let member = |name: &str| Member { name: name.to_owned(), size: 1, sha256: String::new() };
        let manifest = Manifest::new(Timestamp::UNIX_EPOCH, vec![member(DATABASE), member(name)]);
        Manifest::read(&serde_json::to_vec(&manifest).unwrap())
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert!(with("media/a.svg").is_ok() && with(KEY).is_ok());
        for bad in
            ["../shop.db", "media/../x", "media/a/b", "/etc/passwd", "media/.hidden", "lock", "media/", "", "MEDIA/a"]
        {
            assert!(matches!(with(bad), Err(Error::Damaged(_))), "{bad}");
        }
        assert!(matches!(with(DATABASE), Err(Error::Damaged(_))), "twice");
    }

    #[test]
    fn other_formats_say_so() {
        let newer = br#"{"format": 2, "cipher": "new"}"#;
        assert!(matches!(Manifest::read(newer), Err(Error::OtherFormat { found: 2, .. })));
        assert!(matches!(Manifest::read(b"{}"), Err(Error::Foreign(_))));
        assert!(matches!(Manifest::read(b"\x1f\x8b"), Err(Error::Foreign(_))));
    }
}
