//! Marks of those who come by: what tells one from another, and not who they are.
//! It does not keep anything.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

/// What SHA-256 takes in at once, in bytes.
const BLOCK: usize = 64;
/// Of what somebody's program says of itself, in bytes; enough to tell programs apart.
const AGENT_BYTES_MAX: usize = 256;

/// Makes marks: keyed hashes, of which nobody without the key can tell whose they are.
#[derive(Clone)]
pub struct Marker(Sha256);

impl Marker {
    pub fn new(key: [u8; 32]) -> Marker {
        // A block of its own, so that it is taken in once and not for each mark.
        let mut block = [0; BLOCK];
        block[..key.len()].copy_from_slice(&key);
        Marker(Sha256::new().chain_update(block))
    }

    /// The same for the same address and program.
    pub fn mark(&self, address: Option<IpAddr>, agent: &[u8]) -> u64 {
        let address = match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_ipv6_mapped().octets(),
            Some(IpAddr::V6(address)) => address.octets(),
            None => [0; 16],
        };
        let mut hash = self.0.clone();
        hash.update(address);
        hash.update(&agent[..agent.len().min(AGENT_BYTES_MAX)]);
        let mut mark = [0; 8];
        mark.copy_from_slice(&hash.finalize()[..8]);
        u64::from_be_bytes(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_one_from_another_by_address_and_program() {
        let (marker, other) = (Marker::new([1; 32]), Marker::new([2; 32]));
        let address = |text: &str| Some(text.parse().unwrap());
        let mark = marker.mark(address("192.0.2.1"), b"one");
        assert_eq!(mark, marker.mark(address("::ffff:192.0.2.1"), b"one"));
        for different in [
            marker.mark(address("192.0.2.2"), b"one"),
            marker.mark(address("192.0.2.1"), b"two"),
            marker.mark(None, b"one"),
            other.mark(address("192.0.2.1"), b"one"),
        ] {
            assert_ne!(mark, different);
        }
    }
}
