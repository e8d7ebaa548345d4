//! Orders, as far as other services need them.
//! It does not know pages.

use async_trait::async_trait;
use domain::ids::OrderId;

use crate::Result;

#[async_trait]
pub trait Orders: Send + Sync {
    /// Something that an order waits for has happened: its process looks again, and goes on.
    async fn advance(&self, order: &OrderId) -> Result<()>;
}
