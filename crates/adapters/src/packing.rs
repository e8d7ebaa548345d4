//! Small binary encodings that engines keep in blobs: the outcomes of an append, and what they are made of.
//! Numbers are LEB128. What is written here is read by every later version; golden tests hold it still.

use platform::log::{GroupOutcome, Missed, Placed, StreamId};
use platform::store::{StoreError, StoreResult};

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

pub fn unpack_outcomes(packed: &[u8]) -> StoreResult<Vec<GroupOutcome>> {
    let mut rest = Unpack(packed);
    let mut outcomes = Vec::new();
    while !rest.0.is_empty() {
        outcomes.push(match rest.number()? {
            COMMITTED => {
                let count = rest.number()?;
                GroupOutcome::Committed((0..count).map(|_| rest.placed()).collect::<StoreResult<_>>()?)
            }
            CONFLICT => {
                let count = rest.number()?;
                GroupOutcome::Conflict((0..count).map(|_| rest.missed()).collect::<StoreResult<_>>()?)
            }
            FENCED => GroupOutcome::Fenced { shard: rest.small()?, epoch: rest.number()? },
            _ => return Err(damaged()),
        });
    }
    Ok(outcomes)
}

pub fn put_number(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

pub fn put_bytes(packed: &mut Vec<u8>, bytes: &[u8]) {
    put_number(packed, bytes.len() as u64);
    packed.extend_from_slice(bytes);
}

pub fn damaged() -> StoreError {
    StoreError::Corrupt("a packed value is damaged".into())
}

/// What is left to read.
pub struct Unpack<'a>(pub &'a [u8]);

impl<'a> Unpack<'a> {
    pub fn number(&mut self) -> StoreResult<u64> {
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

    fn small<N: TryFrom<u64>>(&mut self) -> StoreResult<N> {
        N::try_from(self.number()?).map_err(|_| damaged())
    }

    pub fn bytes(&mut self) -> StoreResult<&'a [u8]> {
        let length: usize = self.small()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn placed(&mut self) -> StoreResult<Placed> {
        Ok(Placed { shard: self.small()?, first: self.number()?, count: self.small()? })
    }

    fn missed(&mut self) -> StoreResult<Missed> {
        let name = std::str::from_utf8(self.bytes()?).map_err(|_| damaged())?;
        let stream = StreamId::parse(name).map_err(|_| damaged())?;
        Ok(Missed { stream, actual: self.number()?, facts: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
