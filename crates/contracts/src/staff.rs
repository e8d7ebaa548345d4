//! Staff: who may do what shoppers may not.
//! It does not know what they do.

use async_trait::async_trait;
use domain::ids::StaffId;

use crate::Result;

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
