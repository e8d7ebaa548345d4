//! What can go wrong with anything that stores, said once for both storage ports.
//! It names no engine: adapters translate their own errors into these.

/// Why a store did not do what it was asked to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written. Trying again later may help.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Nothing was written: this process is done with the store. Nobody needs to try again.
    #[error("the store was closed")]
    Closed,
    /// Nothing was written: there is no room left.
    #[error("the store is full: {0}")]
    Full(String),
    /// The write may or may not have happened; ask before trying again.
    #[error("the outcome of a write is unknown: {0}")]
    Unknown(String),
    /// Nothing was written: a checkpoint is not where the writer believed it to be, so somebody else follows. Whoever is
    /// told looks where it is now before anything is written again.
    #[error("somebody else has moved on: {0}")]
    Overtaken(String),
    /// What is stored cannot be read. Trying again does not help; a person must look.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

pub type StoreResult<T> = Result<T, StoreError>;
