//! What every implementation of a port must keep, as suites that are run against each of them.
//! They know no engine: a suite is handed something that makes fresh stores.

pub mod blobs;
pub mod documents;
pub mod executor;
pub mod index;
pub mod log;
pub mod presence;
pub mod shelf;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use platform::documents::Documents;
use platform::log::Log;

/// Makes stores to test.
#[async_trait]
pub trait Engine: Send + Sync {
    /// A new and empty store of 64 shards.
    async fn fresh(&self) -> Box<dyn Store>;
}

/// One store under test.
#[async_trait]
pub trait Store: Send + Sync {
    fn log(&self) -> Arc<dyn Log>;

    fn documents(&self) -> Arc<dyn Documents>;

    /// Closes the store and opens it again. `None` for one that keeps nothing.
    async fn reopened(self: Box<Self>) -> Option<Box<dyn Store>>;
}

/// Runs the cases one after the other, each on its own stores, saying which one it is at.
macro_rules! cases {
    ($engine:expr, [$($case:ident),* $(,)?]) => {
        $(
            println!("{}::{}", module_path!(), stringify!($case));
            $case($engine).await;
        )*
    };
}
use cases;

/// The `n`th second of the time in which all suites play.
pub fn second(n: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + n).expect("a time within this century")
}
