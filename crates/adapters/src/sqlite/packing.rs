//! Small binary encodings that are stored in blobs: a document's index entries, and the outcomes of an append.
//! Numbers are LEB128. What is written here is read by every later version; golden tests hold it still.

use platform::log::{GroupOutcome, Missed, Placed, StreamId};

use super::failure::{Failure, Outcome};

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

const COMMITTED: u64 = 0;
const CONFLICT: u64 = 1;
const FENCED: u64 = 2;

/// Each group: its tag, then what it carries. Conflicts are kept without their facts.
pub fn pack_outcomes(outcomes: &[GroupOutcome]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(outcomes.len() * 8);
    for outcome in outcomes {
        match outcome {
            GroupOutcome::Committed(placed) => {
                put_number(&mut packed, COMMITTED);
                put_number(&mut packed, placed.len() as u64);
                for place in placed {
                    put_number(&mut packed, place.shard.into());
                    put_number(&mut packed, place.first);
                    put_number(&mut packed, place.count.into());
                }
            }
            GroupOutcome::Conflict(missed) => {
                put_number(&mut packed, CONFLICT);
                put_number(&mut packed, missed.len() as u64);
                for missed in missed {
                    put_bytes(&mut packed, missed.stream.as_str().as_bytes());
                    put_number(&mut packed, missed.actual);
                }
            }
            GroupOutcome::Fenced { shard, epoch } => {
                put_number(&mut packed, FENCED);
                put_number(&mut packed, (*shard).into());
                put_number(&mut packed, *epoch);
            }
        }
    }
    packed
}

pub fn unpack_outcomes(packed: &[u8]) -> Outcome<Vec<GroupOutcome>> {
    let mut rest = Unpack(packed);
    let mut outcomes = Vec::new();
    while !rest.0.is_empty() {
        outcomes.push(match rest.number()? {
            COMMITTED => {
                let count = rest.number()?;
                GroupOutcome::Committed((0..count).map(|_| rest.placed()).collect::<Outcome<_>>()?)
            }
            CONFLICT => {
                let count = rest.number()?;
                GroupOutcome::Conflict((0..count).map(|_| rest.missed()).collect::<Outcome<_>>()?)
            }
            FENCED => GroupOutcome::Fenced { shard: rest.small()?, epoch: rest.number()? },
            _ => return Err(damaged()),
        });
    }
    Ok(outcomes)
}

fn put_number(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn put_bytes(packed: &mut Vec<u8>, bytes: &[u8]) {
    put_number(packed, bytes.len() as u64);
    packed.extend_from_slice(bytes);
}

fn damaged() -> Failure {
    Failure::corrupt("a packed value is damaged")
}

struct Unpack<'a>(&'a [u8]);

impl<'a> Unpack<'a> {
    fn number(&mut self) -> Outcome<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or_else(damaged)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    fn small<N: TryFrom<u64>>(&mut self) -> Outcome<N> {
        N::try_from(self.number()?).map_err(|_| damaged())
    }

    fn bytes(&mut self) -> Outcome<&'a [u8]> {
        let length: usize = self.small()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn placed(&mut self) -> Outcome<Placed> {
        Ok(Placed { shard: self.small()?, first: self.number()?, count: self.small()? })
    }

    fn missed(&mut self) -> Outcome<Missed> {
        let name = std::str::from_utf8(self.bytes()?).map_err(|_| damaged())?;
        let stream = StreamId::parse(name).map_err(|_| damaged())?;
        Ok(Missed { stream, actual: self.number()?, facts: Vec::new() })
    }
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

    #[test]
    fn outcomes_are_golden() {
        let outcomes = [
            GroupOutcome::Committed(vec![Placed { shard: 5, first: 1000, count: 2 }]),
            GroupOutcome::Conflict(vec![Missed { stream: StreamId::new("a", "b"), actual: 9, facts: Vec::new() }]),
            GroupOutcome::Fenced { shard: 1, epoch: 2 },
        ];
        let packed = pack_outcomes(&outcomes);
        assert_eq!(packed, [0, 1, 5, 0xe8, 7, 2, 1, 1, 3, b'a', b'-', b'b', 9, 2, 1, 2]);
        assert_eq!(format!("{:?}", unpack_outcomes(&packed).expect("what was packed")), format!("{outcomes:?}"));
    }
}
