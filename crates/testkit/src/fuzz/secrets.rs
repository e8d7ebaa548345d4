//! Sealed texts: what was sealed opens again, and nothing else does.
//! It does not know whose they are.

use std::sync::Arc;

use jiff::Timestamp;
use platform::clock::ManualClock;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::SeededEntropy;
use platform::sealing::{DataKey, MasterKey, Vault};

/// Any text as a sealed one, and any text sealed.
pub fn sealed(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // A key of its own for each input: a fuzzer would learn what another input sealed.
    let seed = data.iter().fold(data.len() as u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let (key, other) = (key("order-a", seed), key("order-b", seed));
    assert!(key.open(&text).is_err(), "nobody sealed {text:?}");
    assert!(key.open(&format!("1.{text}")).is_err(), "nobody sealed {text:?}");
    let sealed = key.seal(&text);
    assert_eq!(key.open(&sealed).ok().as_deref(), Some(&*text));
    assert!(other.open(&sealed).is_err(), "it belongs to somebody else");
    let _ = MasterKey::from_hex(&text);
    if let Some((at, with)) = data.first().zip(data.last()) {
        damaged_is_refused(&key, &sealed, usize::from(*at), *with);
    }
}

/// Another letter at one place makes it unreadable, unless it stands for the same bits.
fn damaged_is_refused(key: &DataKey, sealed: &str, at: usize, with: u8) {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = 2 + at % (sealed.len() - 2);
    let mut damaged = sealed.as_bytes().to_vec();
    damaged[at] = LETTERS[usize::from(with) % LETTERS.len()];
    let damaged = String::from_utf8(damaged).expect("letters");
    assert!(damaged == sealed || key.open(&damaged).is_err(), "{sealed} opens as {damaged}");
}

fn key(subject: &str, seed: u64) -> DataKey {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    let documents = Arc::new(MemoryDocuments::default());
    let vault = Vault::new(MasterKey::new([7; 32]), documents, clock, Arc::new(SeededEntropy::new(seed)));
    vault.new_key(subject, None).key
}
