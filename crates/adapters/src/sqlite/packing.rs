//! A document's index entries, packed into the blob that its row repeats them in.
//! What is written here is read by every later version; a golden test holds it still.

use super::failure::Outcome;
use crate::packing::{Unpack, damaged, put_bytes, put_number};

/// An index entry with its index's name interned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackedEntry {
    pub index: i64,
    pub key: Vec<u8>,
}

/// Each entry: index, length of the key, key.
pub fn pack_entries(entries: &[PackedEntry]) -> Vec<u8> {
    let mut packed = Vec::new();
    for entry in entries {
        put_number(&mut packed, entry.index.unsigned_abs());
        put_bytes(&mut packed, &entry.key);
    }
    packed
}

pub fn unpack_entries(packed: &[u8]) -> Outcome<Vec<PackedEntry>> {
    let mut rest = Unpack(packed);
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        let index = i64::try_from(rest.number()?).map_err(|_| damaged())?;
        entries.push(PackedEntry { index, key: rest.bytes()?.to_vec() });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_golden() {
        let entries = [PackedEntry { index: 3, key: vec![1, 2] }, PackedEntry { index: 300, key: vec![7; 2] }];
        let packed = pack_entries(&entries);
        assert_eq!(packed, [3, 2, 1, 2, 0xac, 2, 2, 7, 7]);
        assert_eq!(unpack_entries(&packed).expect("what was packed"), entries);
        assert!(unpack_entries(&packed[..packed.len() - 1]).is_err());
    }
}
