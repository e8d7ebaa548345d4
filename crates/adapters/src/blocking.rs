//! The one way from async code to work that blocks: the runtime's threads for it.
//! Engines with much to do have threads of their own instead.

use platform::store::{StoreError, StoreResult};

/// Runs `work` on a thread that may block, and waits for it.
#[expect(clippy::disallowed_methods, reason = "adapters are where blocking work belongs, and this is their door to it")]
pub async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> StoreResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Unavailable(format!("a thread did not finish: {error}")))
}
