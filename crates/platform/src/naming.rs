//! Sixteen bytes to name something by. Where a moment is known, the first six are that moment in milliseconds since 1970, as
//! in a UUID of version 7, so that what comes about at one time lies together in every index; by random names each would
//! need pages of its own, to be read first and written whole.
//! It does not know what is named.

use jiff::Timestamp;
use uuid::{Builder, Uuid, Version};

use crate::entropy::{Entropy, draw};

/// The first bytes of a name: milliseconds since 1970, the highest byte first.
pub type Moment = [u8; 6];

/// For something new.
pub fn fresh(now: Timestamp, entropy: &dyn Entropy) -> [u8; 16] {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default().to_be_bytes();
    let [_, _, moment @ ..] = millis;
    begun(moment, draw(entropy))
}

/// The name, with its first bytes replaced by a moment.
pub fn begun(moment: Moment, mut name: [u8; 16]) -> [u8; 16] {
    name[..moment.len()].copy_from_slice(&moment);
    name
}

/// The name, beside another one in every index: it takes over that one's first bytes.
pub fn beside(other: [u8; 16], name: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, ..] = other;
    begun([a, b, c, d, e, f], name)
}

/// A UUID of version 7: a key for a request, such as a careful client sends. Six bits of `rest` give way to what
/// tells the version.
pub fn key(at: Timestamp, rest: [u8; 10]) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &rest).into_uuid().to_string()
}

/// What a text says of its moment: only a UUID of version 7 does.
pub fn moment_of(text: &str) -> Option<Moment> {
    let uuid = Uuid::parse_str(text).ok().filter(|uuid| uuid.get_version() == Some(Version::SortRand))?;
    uuid.as_bytes().first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn names_of_later_moments_come_later() {
        let entropy = SeededEntropy::new(1);
        let names: Vec<_> = (0..100).map(|ms| fresh(Timestamp::from_millisecond(ms).unwrap(), &entropy)).collect();
        assert!(names.is_sorted());
        let now = Timestamp::UNIX_EPOCH;
        assert_ne!(fresh(now, &entropy), fresh(now, &entropy));
    }

    #[test]
    fn only_a_uuid_of_version_7_tells_its_moment() {
        let told = moment_of("018f2b5c-7a00-7abc-8def-0123456789ab");
        assert_eq!(told, Some([0x01, 0x8f, 0x2b, 0x5c, 0x7a, 0x00]));
        assert_eq!(moment_of("018F2B5C7A007ABC8DEF0123456789AB"), told);
        for other in ["018f2b5c-7a00-4abc-8def-0123456789ab", "bench-1", "", "018f2b5c-7a00-7abc-8def-0123456789abc"] {
            assert_eq!(moment_of(other), None, "{other}");
        }
        let at = Timestamp::from_millisecond(0x018f_2b5c_7a00).unwrap();
        assert_eq!(moment_of(&key(at, [7; 10])), told);
        assert_eq!(beside([1; 16], [2; 16]), begun([1; 6], [2; 16]));
        assert_eq!(begun([1; 6], [2; 16]), [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    }
}
