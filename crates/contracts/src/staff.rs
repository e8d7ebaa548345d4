//! Staff: who may do what shoppers may not.
//! It does not know what they do.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::ids::{KeyId, StaffId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::{Listing, Result};

/// A new secret, told once.
#[derive(Debug, Clone)]
pub struct NewSecret {
    pub staff: StaffId,
    pub email: String,
    /// A password or an API key.
    pub secret: String,
}

#[async_trait]
pub trait Staff: Send + Sync {
    /// Whose key or session this is.
    async fn authenticate(&self, bearer: &str) -> Result<Option<StaffId>>;

    /// Creates the first member of staff where there is none. `None`: there is one already.
    async fn create_first(&self, email: &str) -> Result<Option<NewSecret>>;

    /// Gives a member of staff a new password and ends their sessions.
    async fn reset_password(&self, email: &str) -> Result<NewSecret>;

    /// A new API key for a member of staff; `None`: for the first one.
    async fn new_key(&self, email: Option<&str>) -> Result<NewSecret>;
}

/// From where somebody signs in: whose guesses are counted together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whence<'a> {
    /// `None` where it is not known; all of those count as one.
    pub client: Option<IpAddr>,
    /// What their browser was given to keep when it signed in before; see [`NewSession::device`].
    pub device: Option<&'a str>,
}

/// A session that was opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub token: String,
    pub expires_at: Timestamp,
    pub staff: StaffId,
    /// For the browser to keep for long: by it this device is told from strangers, who may be guessing. It opens nothing.
    pub device: String,
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    pub id: StaffId,
    pub email: String,
    pub created_at: Timestamp,
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    pub id: KeyId,
    pub name: String,
    pub staff: StaffId,
    pub created_at: Timestamp,
    /// A day in UTC.
    pub last_used_on: Option<Date>,
}

/// Signing in and out, and who is on the staff.
#[async_trait]
pub trait StaffDesk: Send + Sync {
    /// # Errors
    /// `Unauthenticated` without telling which is wrong · `too_many_requests` with `retry_after_s` after ten failures from one
    /// place, or many from places where nobody signed in with this address before.
    async fn sign_in(&self, email: &str, password: &str, from: Whence<'_>) -> Result<NewSession>;

    /// Ends a session; of one that is not there nothing happens.
    async fn sign_out(&self, token: &str) -> Result<()>;

    async fn member(&self, id: &StaffId) -> Result<MemberView>;

    /// All of them, the first one first; at most 200.
    async fn members(&self) -> Result<Vec<MemberView>>;

    /// Adds a member; the password is told once.
    ///
    /// # Errors
    /// `email_taken` · `Invalid`
    async fn add(&self, email: &str) -> Result<NewSecret>;

    /// Removes a member with their sessions and keys.
    ///
    /// # Errors
    /// `last_member`: somebody must be able to sign in · `NotFound`
    async fn remove(&self, id: &StaffId) -> Result<()>;

    /// A new password for a member, told once; their sessions end.
    async fn reset(&self, id: &StaffId) -> Result<NewSecret>;

    /// One's own new password, of at least twelve characters. Other sessions end.
    async fn change_password(&self, id: &StaffId, old: &str, new: &str, session: &str) -> Result<()>;

    /// The newest first.
    async fn keys(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<KeyView>>;

    /// A new key; its secret is told once.
    async fn create_key(&self, owner: &StaffId, name: &str) -> Result<(KeyView, String)>;

    /// It stops working within a second, everywhere.
    async fn remove_key(&self, id: &KeyId) -> Result<()>;
}
