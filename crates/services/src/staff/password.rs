//! Passwords: the port that hashes them, and how a new one is made.
//! It does not know how they are hashed; that is slow on purpose, and happens where threads are.

use async_trait::async_trait;
use contracts::Result;
use platform::entropy::{Entropy, draw};

/// Longer ones are refused unread, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Four groups of four characters: 80 random bits.
const GROUPS: usize = 4;
const GROUP_CHARS: usize = 4;
/// Crockford's base32: nothing in it is taken for something else when read out.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The port: a slow, salted hash (argon2id).
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash as a PHC string, which says how it was made.
    ///
    /// # Errors
    /// `Unavailable` when too many are waiting already.
    async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String>;

    /// Whether `hash` is of this password. Takes as long as [`PasswordHasher::hash`].
    async fn verify(&self, password: &str, hash: &str) -> Result<bool>;
}

/// A password that can be read out and typed: `k7wm-3hxq-9tfa-r2pz`.
pub fn readable(entropy: &dyn Entropy) -> String {
    let bytes: [u8; GROUPS * GROUP_CHARS] = draw(entropy);
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    let groups: Vec<String> = letters.chunks(GROUP_CHARS).map(|group| group.iter().collect()).collect();
    groups.join("-")
}
