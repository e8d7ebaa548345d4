//! Staff: members, their passwords, sessions and API keys.
//! It does not know what they do. Secrets are stored as keyed hashes only, passwords as argon2id.

mod among;
mod attempts;
mod desk;
mod devices;
pub mod http;
mod known;
mod members;
mod password;
mod secrets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::staff::{NewSecret, NewSession, Whence};
use contracts::{Error, Kind, Result};
use domain::ids::StaffId;
use platform::cache::SecondLevel;
use platform::clock::Clock;
use platform::documents::Documents;
use platform::entropy::Entropy;
use platform::http::rate::Sharing;
use platform::sealing::MasterKey;

use crate::machinery::Machinery;
pub use among::NAME as SHARED_NAME;
use among::{Among, Told};
use attempts::{Attempt, Attempts};
pub use attempts::{FAILURES_MAX, STRANGERS_FAILURES_MAX, WINDOW};
use known::Known;
pub use members::MEMBERS;
pub use password::{PASSWORD_BYTES_MAX, PasswordHasher};
pub use secrets::{KEYS, SESSIONS};

/// A shorter fixed key is refused when the shop starts, in characters.
pub const FIXED_KEY_CHARS_MIN: usize = 16;
/// What keys from the command line are called.
const COMMAND_LINE_KEY: &str = "command line";

/// Why staff cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("the fixed API key is too short: it needs at least {FIXED_KEY_CHARS_MIN} visible ASCII characters")]
    FixedKeyTooShort,
    #[error("the fixed API key has spaces or characters that a header does not carry")]
    FixedKeyCharacters,
}

pub struct Staff {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    master: MasterKey,
    hasher: Arc<dyn PasswordHasher>,
    /// Keyed hash of a key that the configuration names.
    fixed_key: Option<[u8; 32]>,
    known: Known,
    /// Other nodes, where there are some who listen.
    among: Option<Among>,
    attempts: Attempts,
}

/// What the service is given: less than all of the machinery, so that it also works beside a running shop.
pub struct Parts {
    pub documents: Arc<dyn Documents>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub master: MasterKey,
}

impl Parts {
    pub fn of(machinery: &Machinery) -> Self {
        Self {
            documents: machinery.documents.clone(),
            clock: machinery.clock.clone(),
            entropy: machinery.entropy.clone(),
            master: machinery.vault.master().clone(),
        }
    }
}

impl Staff {
    /// `fixed_key`: an API key of the first member of staff that is not stored, but named by the configuration.
    ///
    /// # Errors
    /// When the fixed key is too short to be one, or no header can carry it.
    pub fn new(
        parts: Parts,
        hasher: Arc<dyn PasswordHasher>,
        fixed_key: Option<String>,
    ) -> std::result::Result<Self, SetupError> {
        let Parts { documents, clock, entropy, master } = parts;
        let fixed_key = fixed_key.map(|key| check_fixed_key(&key).map(|()| bearer_hash(&master, &key))).transpose()?;
        Ok(Self {
            documents,
            clock,
            entropy,
            master,
            hasher,
            fixed_key,
            known: Known::default(),
            among: None,
            attempts: Attempts::new(&Sharing::default()),
        })
    }

    /// Counts failed sign-ins together with other nodes.
    #[must_use]
    pub fn counting_with(self, sharing: &Sharing) -> Self {
        Self { attempts: Attempts::new(sharing), ..self }
    }

    /// Tells other nodes who holds a token and that it has ended, and believes what they tell.
    #[must_use]
    pub fn among_others(self, level: Arc<SecondLevel>) -> Self {
        Self { among: Some(Among::new(level)), ..self }
    }

    /// Opens a session, or says that e-mail and password do not go together, without telling which is wrong.
    pub async fn sign_in(&self, email: &str, password: &str, from: Whence<'_>) -> Result<NewSession> {
        let address = email.trim().to_lowercase();
        let device = self.known_device(&address, from.device);
        let attempt = Attempt::of(&self.master, &address, from.client, device);
        self.attempts.begin(&attempt).await.map_err(too_many_attempts)?;
        let verified = match self.verify(email, password).await {
            Ok(verified) => verified,
            Err(error) => {
                self.attempts.forgive(&attempt).await;
                return Err(error);
            }
        };
        let staff = verified.ok_or_else(wrong_credentials)?;
        self.attempts.forgive(&attempt).await;
        let session = self.open_session(&staff, self.marked_device(&address, from.device)).await?;
        if self.member_by_id(&staff).await.is_err() {
            // Removed meanwhile, on whichever node: their sessions were ended before this one was there.
            self.end_session(&session.token).await?;
            return Err(wrong_credentials());
        }
        Ok(session)
    }

    /// From now on no token with one of these tags works, here or on another node.
    async fn end(&self, tags: &[String]) {
        self.known.clear();
        if let Some(among) = &self.among {
            among.forget(tags).await;
        }
    }

    /// Takes the same time whether or not there is such a member.
    async fn verify(&self, email: &str, password: &str) -> Result<Option<StaffId>> {
        let member = self.member_by_email(email).await?;
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let Some((member, _)) = member else {
            self.hasher.hash(password, platform::entropy::draw(self.entropy.as_ref())).await?;
            return Ok(None);
        };
        let is_right = self.hasher.verify(password, &member.password_hash).await?;
        Ok(is_right.then_some(member.id))
    }

    fn is_fixed_key(&self, hash: &[u8; 32]) -> bool {
        // Both are keyed hashes: how long the comparison takes tells nothing of the key.
        self.fixed_key.is_some_and(|fixed| fixed == *hash)
    }
}

#[async_trait]
impl contracts::staff::Staff for Staff {
    async fn authenticate(&self, bearer: &str) -> Result<Option<StaffId>> {
        let hash = bearer_hash(&self.master, bearer);
        if self.is_fixed_key(&hash) {
            return Ok(Some(self.first_id()));
        }
        if !secrets::is_one(bearer) {
            return Ok(None);
        }
        let asked_at = self.clock.now();
        let told = match &self.among {
            Some(among) => among.ask(&self.master, &hash, asked_at).await,
            None => Told::Nothing,
        };
        let began = match told {
            Told::Owner(staff) => return Ok(Some(staff)),
            Told::Missing(began) => Some(began),
            Told::Nothing => None,
        };
        // Others who listen would have told of it; what is remembered here may have ended there.
        if began.is_none()
            && let Some(staff) = self.known.get(&hash)
        {
            return Ok(Some(staff));
        }
        let asked = self.known.asked();
        let found = self.owner(bearer, &hash).await?;
        if let Some(staff) = &found {
            self.known.insert(hash, staff.clone(), asked);
            if let (Some(among), Some(began)) = (&self.among, began) {
                among.tell(&self.master, &hash, staff, began, asked_at).await;
            }
        }
        Ok(found)
    }

    async fn create_first(&self, email: &str) -> Result<Option<NewSecret>> {
        self.create_first_member(email).await
    }

    async fn reset_password(&self, email: &str) -> Result<NewSecret> {
        let secret = self.set_new_password(email).await?;
        self.end_sessions(&secret.staff).await?;
        self.end(&[secret.staff.to_string()]).await;
        Ok(secret)
    }

    async fn new_key(&self, email: Option<&str>) -> Result<NewSecret> {
        let (member, _) = self.member(email).await?;
        let secret = self.random_key();
        self.keep_key(&secret, &member.id, COMMAND_LINE_KEY).await?;
        Ok(NewSecret { staff: member.id, email: member.email, secret })
    }
}

/// What a bearer token is known by, here and in the store.
fn bearer_hash(master: &MasterKey, bearer: &str) -> [u8; 32] {
    master.hash("staff bearer", &[bearer.as_bytes()])
}

/// Whether a staff key of an operator's own choice can be one.
///
/// # Errors
/// When it is too short, or no header can carry it.
pub fn check_fixed_key(key: &str) -> std::result::Result<(), SetupError> {
    if key.chars().count() < FIXED_KEY_CHARS_MIN {
        return Err(SetupError::FixedKeyTooShort);
    }
    if key.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(SetupError::FixedKeyCharacters) }
}

fn wrong_credentials() -> Error {
    Error::new(Kind::Unauthenticated, "unauthenticated", "e-mail and password do not go together")
}

fn too_many_attempts(retry_after_s: u32) -> Error {
    let message = "too many failed sign-ins with this e-mail address from here";
    Error { retry_after_s: Some(retry_after_s), ..Error::new(Kind::Unavailable, TOO_MANY_ATTEMPTS, message) }
}

/// No kind of error is a 429; the route tells it by this code.
const TOO_MANY_ATTEMPTS: &str = "too_many_requests";
