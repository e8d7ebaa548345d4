//! Sealing: personal data is encrypted before it becomes part of a fact, with a data key per subject.
//! It does not know whose data it is. Destroying a subject's key makes everything sealed with it unreadable.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; data keys are wrapped the same way by the master key.
//! A sealed text is `1.` and the base64url of nonce and ciphertext; the subject is authenticated beside it, so that
//! a sealed text cannot be moved to another subject.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::documents::tuple;
use crate::documents::{Change, Collection, Conditional, Documents, Entry, Expected, Put, Query, Range, WriteBatch};
use crate::entropy::{Entropy, draw};
use crate::store::{StoreError, StoreResult};

/// Wrapped data keys, one per subject. Deleting one is what makes data unreadable.
pub const KEYS: Collection = Collection::primary("sealing_keys");
/// Finds subjects by a keyed hash, newest first; goes with the key.
const BY_LOOKUP: &str = "lookup";

const NONCE_BYTES: usize = 12;
/// Opened keys that are kept at hand.
const KEYS_AT_HAND: usize = 10_000;
/// Where others may destroy a key, one at hand is good for so long: what was erased there is soon unreadable here, too.
const GOOD_AMONG_OTHERS_FOR: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The key was destroyed, or never written.
    #[error("this data was erased")]
    Erased,
    /// Damaged, moved, or sealed under another master key.
    #[error("sealed data cannot be opened: it is damaged, or the master key is another")]
    Unreadable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The shop's master key: 32 bytes that never leave the process except into its key file.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(draw(entropy))
    }

    /// 64 hexadecimal digits, as in the key file.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, index) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[index..index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A keyed hash (HMAC-SHA-256) for one purpose: parts are separated, purposes do not mix.
    pub fn hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(purpose, parts).finalize().into_bytes().into()
    }

    /// [`MasterKey::hash`] as text, base64url.
    pub fn hash_text(&self, purpose: &str, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.hash(purpose, parts))
    }

    /// Whether this is what [`MasterKey::hash_text`] makes of the same; how long that takes tells nothing.
    pub fn has_made(&self, claimed: &str, purpose: &str, parts: &[&[u8]]) -> bool {
        let Ok(claimed) = URL_SAFE_NO_PAD.decode(claimed) else { return false };
        self.mac(purpose, parts).verify_slice(&claimed).is_ok()
    }

    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    fn cipher(&self) -> Aes256Gcm {
        let key = self.hash("wrap data keys", &[]);
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(key))
    }
}

/// Seals and opens with one subject's key.
#[derive(Clone)]
pub struct DataKey {
    subject: Arc<str>,
    cipher: Arc<Aes256Gcm>,
    entropy: Arc<dyn Entropy>,
}

impl DataKey {
    pub fn seal(&self, plain: &str) -> String {
        let sealed = encrypt(&self.cipher, self.entropy.as_ref(), self.subject.as_bytes(), plain.as_bytes());
        format!("1.{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    pub fn open(&self, sealed: &str) -> Result<String, Error> {
        let encoded = sealed.strip_prefix("1.").ok_or(Error::Unreadable)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Error::Unreadable)?;
        let plain = decrypt(&self.cipher, self.subject.as_bytes(), &bytes)?;
        String::from_utf8(plain).map_err(|_| Error::Unreadable)
    }
}

#[derive(Serialize, Deserialize)]
struct WrappedKey {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lookup: Option<String>,
}

/// A new key that is not stored yet.
pub struct NewKey {
    pub key: DataKey,
    put: Put,
}

/// Keeps the data keys of all subjects.
#[derive(Clone)]
pub struct Vault {
    master: MasterKey,
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    at_hand: Arc<Mutex<AtHand>>,
    /// How long a key at hand is good without another look.
    good_for: Duration,
}

#[derive(Default)]
struct AtHand {
    keys: HashMap<Arc<str>, (DataKey, Instant)>,
    order: VecDeque<Arc<str>>,
}

impl Vault {
    pub fn new(
        master: MasterKey,
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { master, documents, clock, entropy, at_hand: Arc::default(), good_for: Duration::MAX }
    }

    /// For a store that other processes write, too: they may destroy keys.
    pub fn among_others(self) -> Self {
        Self { good_for: GOOD_AMONG_OTHERS_FOR, ..self }
    }

    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Makes a key for a subject. What it seals may be used only after [`Vault::keep`] has stored it.
    /// `lookup` is a keyed hash by which the subject can be found until the key is destroyed.
    pub fn new_key(&self, subject: &str, lookup: Option<String>) -> NewKey {
        let bytes: [u8; 32] = draw(self.entropy.as_ref());
        let wrapped = encrypt(&self.master.cipher(), self.entropy.as_ref(), subject.as_bytes(), &bytes);
        let now = self.clock.now().as_microsecond();
        let entries =
            lookup.iter().map(|lookup| Entry::new(BY_LOOKUP, tuple::Key::new().text(lookup).int(now))).collect();
        let stored = WrappedKey { key: URL_SAFE_NO_PAD.encode(wrapped), lookup };
        let body = serde_json::to_string(&stored).unwrap_or_default();
        let put = Put { collection: KEYS, id: subject.to_owned(), body: body.into(), entries, expires: None };
        NewKey { key: self.data_key(subject, bytes), put }
    }

    /// Stores a new key. When the subject has one already, that one is answered, and counts.
    pub async fn keep(&self, new: NewKey) -> Result<DataKey, Error> {
        let subject = new.put.id.clone();
        match self.documents.put_if(new.put, Expected::Absent, self.clock.now()).await? {
            Conditional::Written(_) => {
                self.remember(new.key.clone(), Instant::now());
                Ok(new.key)
            }
            Conditional::Differs(_) => self.key(&subject).await,
        }
    }

    /// The key of a subject.
    pub async fn key(&self, subject: &str) -> Result<DataKey, Error> {
        if let Some((key, looked)) = self.at_hand.lock().keys.get(subject)
            && looked.elapsed() < self.good_for
        {
            return Ok(key.clone());
        }
        let looked = Instant::now();
        let Some(stored) = self.documents.get(KEYS, subject, self.clock.now()).await? else {
            self.at_hand.lock().keys.remove(subject);
            return Err(Error::Erased);
        };
        let wrapped: WrappedKey = stored.read()?;
        let bytes = URL_SAFE_NO_PAD.decode(&wrapped.key).map_err(|_| Error::Unreadable)?;
        let plain = decrypt(&self.master.cipher(), subject.as_bytes(), &bytes)?;
        let key = self.data_key(subject, plain.try_into().map_err(|_| Error::Unreadable)?);
        self.remember(key.clone(), looked);
        Ok(key)
    }

    /// Destroys a subject's key: what was sealed with it cannot be read any more, here or anywhere.
    pub async fn destroy(&self, subject: &str) -> Result<(), Error> {
        self.at_hand.lock().keys.remove(subject);
        let changes = vec![Change::Delete { collection: KEYS, id: subject.to_owned() }];
        self.documents.write(WriteBatch { changes, checkpoints: Vec::new() }).await?;
        self.at_hand.lock().keys.remove(subject);
        Ok(())
    }

    /// Subjects whose keys were kept under this lookup hash, newest first, at most `limit`.
    pub async fn find(&self, lookup: &str, limit: usize) -> StoreResult<Vec<String>> {
        let range = Range::prefix(tuple::Key::new().text(lookup));
        let query = Query::new(KEYS, BY_LOOKUP, range).descending().limit(limit);
        let page = self.documents.query(query, self.clock.now()).await?;
        Ok(page.documents.into_iter().map(|document| document.id).collect())
    }

    fn data_key(&self, subject: &str, bytes: [u8; 32]) -> DataKey {
        let cipher = Arc::new(Aes256Gcm::new(&Key::<Aes256Gcm>::from(bytes)));
        DataKey { subject: subject.into(), cipher, entropy: self.entropy.clone() }
    }

    /// `looked`: when the store was asked for it.
    fn remember(&self, key: DataKey, looked: Instant) {
        let at_hand = &mut *self.at_hand.lock();
        let subject = key.subject.clone();
        if at_hand.keys.insert(subject.clone(), (key, looked)).is_none() {
            at_hand.order.push_back(subject);
        }
        while at_hand.order.len() > KEYS_AT_HAND {
            if let Some(oldest) = at_hand.order.pop_front() {
                at_hand.keys.remove(&oldest);
            }
        }
    }
}

fn encrypt(cipher: &Aes256Gcm, entropy: &dyn Entropy, subject: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = draw(entropy);
    let payload = Payload { msg: plain, aad: subject };
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload).expect("texts are far below AES-GCM's 64 GiB");
    [&nonce[..], &ciphertext].concat()
}

fn decrypt(cipher: &Aes256Gcm, subject: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or(Error::Unreadable)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Error::Unreadable)?;
    let payload = Payload { msg: ciphertext, aad: subject };
    cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| Error::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::documents::memory::MemoryDocuments;
    use crate::entropy::SeededEntropy;

    fn vault(documents: &Arc<dyn Documents>, seed: u64) -> Vault {
        let entropy = Arc::new(SeededEntropy::new(seed));
        Vault::new(MasterKey::new([9; 32]), documents.clone(), Arc::new(SystemClock), entropy)
    }

    #[tokio::test]
    async fn what_is_sealed_opens_until_the_key_is_destroyed() {
        let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
        let (first, second) = (vault(&documents, 1), vault(&documents, 2));
        let key = first.keep(first.new_key("lamp_1", Some("hash".into()))).await.unwrap();
        let sealed = key.seal("Ada Example 🫖");
        assert!(!sealed.contains("Ada"));
        assert_eq!(second.key("lamp_1").await.unwrap().open(&sealed).unwrap(), "Ada Example 🫖");
        assert_eq!(first.find("hash", 10).await.unwrap(), ["lamp_1"]);

        first.destroy("lamp_1").await.unwrap();
        assert!(matches!(first.key("lamp_1").await, Err(Error::Erased)));
        assert!(first.find("hash", 10).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_node_erased_is_unreadable_within_a_second() {
        let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
        let (here, there) = (vault(&documents, 1).among_others(), vault(&documents, 2).among_others());
        let sealed = here.keep(here.new_key("lamp_1", None)).await.unwrap().seal("Ada");
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(here.key("lamp_1").await.unwrap().open(&sealed).unwrap(), "Ada");
        there.destroy("lamp_1").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(matches!(here.key("lamp_1").await, Err(Error::Erased)));
    }

    #[test]
    fn a_hash_is_known_again_by_who_has_the_key() {
        let (key, other) = (MasterKey::new([9; 32]), MasterKey::new([8; 32]));
        let hash = key.hash_text("lamps", &[b"1", b"2"]);
        assert!(key.has_made(&hash, "lamps", &[b"1", b"2"]));
        assert!(!other.has_made(&hash, "lamps", &[b"1", b"2"]));
        assert!(!key.has_made(&hash, "lamps", &[b"12"]));
        for wrong in ["", "no hash", &hash[..42]] {
            assert!(!key.has_made(wrong, "lamps", &[b"1", b"2"]), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_sealed_text_belongs_to_one_subject() {
        let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
        let vault = vault(&documents, 1);
        let one = vault.keep(vault.new_key("lamp_1", None)).await.unwrap();
        let two = vault.keep(vault.new_key("lamp_2", None)).await.unwrap();
        let sealed = one.seal("secret");
        assert!(matches!(two.open(&sealed), Err(Error::Unreadable)));
        assert!(matches!(one.open(&sealed[..sealed.len() - 4]), Err(Error::Unreadable)));
        assert!(matches!(one.open("nonsense"), Err(Error::Unreadable)));
    }

    #[tokio::test]
    async fn a_second_key_for_one_subject_gives_way_to_the_first() {
        let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
        let vault = vault(&documents, 1);
        let first = vault.keep(vault.new_key("lamp_1", None)).await.unwrap();
        let second = vault.keep(vault.new_key("lamp_1", None)).await.unwrap();
        assert_eq!(second.open(&first.seal("x")).unwrap(), "x");
    }

    #[test]
    fn master_keys_read_back_and_hashes_keep_parts_apart() {
        let key = MasterKey::generate(&SeededEntropy::new(5));
        let again = MasterKey::from_hex(&key.to_hex()).unwrap();
        assert_eq!(key.hash("a", &[b"bc"]), again.hash("a", &[b"bc"]));
        assert_ne!(key.hash("a", &[b"b", b"c"]), key.hash("a", &[b"bc"]));
        assert!(MasterKey::from_hex("zz").is_none());
    }
}
