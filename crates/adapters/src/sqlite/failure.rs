//! What can go wrong inside the engine, and what the ports are told of it.
//! It knows SQLite's result codes; nobody outside this folder does.

use platform::store::StoreError;
use rusqlite::ErrorCode;

/// An engine's failure, kept whole until it is known what became of the transaction.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Store(StoreError::Corrupt(what.into()))
    }

    pub fn refused(why: impl Into<String>) -> Self {
        Self::Store(StoreError::Unavailable(why.into()))
    }

    /// For everything but a COMMIT: nothing was written.
    pub fn told(&self) -> StoreError {
        match self {
            Self::Store(error) => error.clone(),
            Self::Sqlite(error) => told(error),
        }
    }
}

fn told(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
        Some(ErrorCode::OperationInterrupted) => StoreError::Unavailable("the read took too long".into()),
        Some(_) => StoreError::Unavailable(text),
        None => match error {
            E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) => {
                StoreError::Corrupt(text)
            }
            _ => StoreError::Unavailable(text),
        },
    }
}

/// What a failed COMMIT means. Full, busy and the like: it was rolled back. An I/O failure is another matter: the
/// commit's frames may already lie in the WAL with only the fsync missing, and a crash before the next commit
/// overwrites them would bring them back. So whoever needs to know must ask.
pub fn of_commit(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => StoreError::Unknown(error.to_string()),
        _ => told(error),
    }
}
