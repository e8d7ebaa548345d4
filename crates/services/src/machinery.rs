//! What every service is given to work with: the executor, documents, sealing, blobs, time and randomness.
//! It does not know what a service does with it.

use std::sync::Arc;
use std::time::Duration;

use contracts::Error;
use contracts::caller::Caller;
use domain::field::FieldError;
use jiff::Timestamp;
use platform::blobs::Blobs;
use platform::clock::Clock;
use platform::documents::Documents;
use platform::entropy::Entropy;
use platform::http::lists::{Cursor, Fingerprint};
use platform::leases::Duty;
use platform::log::executor::{ExecuteError, Executor, RunError};
use platform::log::kind::Kind;
use platform::log::{Cause, StreamId, Version};
use platform::naming;
use platform::projection::{Lists, Projector};
use platform::sealing::Vault;
use platform::store::StoreError;

/// How long a staff list waits to see what was written before it was asked for.
const OWN_WRITES_WAIT: Duration = Duration::from_millis(500);
/// Facts per read of a stream.
const READ_CHUNK: usize = 1_000;
/// What callers are told to wait when the store is not available, in seconds.
const RETRY_AFTER_S: u32 = 2;

/// Raised where older nodes must not go on with what newer ones began.
const DUTY_VERSION: u32 = 1;

#[derive(Clone)]
pub struct Machinery {
    pub executor: Executor,
    pub documents: Arc<dyn Documents>,
    pub projector: Projector,
    pub vault: Vault,
    pub blobs: Arc<dyn Blobs>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Machinery {
    /// Sixteen bytes for a new id.
    pub fn id_bytes(&self) -> [u8; 16] {
        naming::fresh(self.clock.now(), self.entropy.as_ref())
    }

    /// Work that one node does for all; where there is one alone, it is its own.
    pub fn duty(&self, name: &'static str) -> Duty {
        self.projector.leases().duty(name, DUTY_VERSION)
    }

    /// What was folded, to be shown. Whoever decides something asks [`Self::documents`]: what is shown may be a moment old.
    pub fn lists(&self) -> &Lists {
        self.projector.lists()
    }

    /// Whether no other node writes this store.
    pub fn is_alone(&self) -> bool {
        self.executor.log().owned_alone()
    }

    /// A stream's state, now or as it was at a past instant (inclusive).
    pub async fn state_at<K: Kind>(&self, stream: &StreamId, at: Option<Timestamp>) -> contracts::Result<K::State> {
        if at.is_none() {
            let (state, _) = self.executor.read::<K>(stream).await.map_err(stored)?;
            return Ok(state.as_ref().clone());
        }
        let mut facts = Vec::new();
        loop {
            let after = facts.len() as Version;
            let more = self.executor.log().read_stream(stream, after, READ_CHUNK).await.map_err(stored)?;
            let is_end = more.len() < READ_CHUNK;
            facts.extend(more);
            if is_end {
                break;
            }
        }
        self.executor.kinds().fold::<K>(&facts, at).map_err(|error| Error::internal(error.to_string()))
    }

    /// Waits, within bounds, until lists show what was written before now.
    pub async fn settle_lists(&self) -> contracts::Result<()> {
        self.projector.wait_for_heads(OWN_WRITES_WAIT).await.map(|_| ()).map_err(stored)
    }
}

/// The cause that is kept beside facts.
pub fn cause(caller: &Caller) -> Cause {
    Cause::of(caller.actor()).traced(caller.trace.clone())
}

/// What a failed store means to a caller.
pub fn stored(error: StoreError) -> Error {
    match error {
        StoreError::Corrupt(reason) => Error::internal(reason),
        StoreError::Closed => Error::unavailable("the shop is shutting down; try again shortly", RETRY_AFTER_S),
        StoreError::Full(_) => Error::unavailable("the shop's disk is full; nothing was changed", RETRY_AFTER_S),
        StoreError::Unavailable(reason) | StoreError::Unknown(reason) | StoreError::Overtaken(reason) => {
            tracing::warn!(reason, "the store did not answer");
            Error::unavailable("the shop's store does not answer; try again shortly", RETRY_AFTER_S)
        }
    }
}

/// What a failed command means to a caller.
pub fn executed(error: ExecuteError) -> Error {
    match error {
        ExecuteError::Store(error) => stored(error),
        ExecuteError::Panicked(reason) => Error::internal(reason),
        ExecuteError::Busy | ExecuteError::Contended | ExecuteError::Undecided | ExecuteError::Closed => {
            Error::unavailable(error.to_string(), 1)
        }
    }
}

/// A refused or failed command, with the refusal translated by its owner.
pub fn refused<R>(error: RunError<R>, translate: impl FnOnce(R) -> Error) -> Error {
    match error {
        RunError::Rejected(rejection) => translate(rejection),
        RunError::Failed(error) => executed(error),
    }
}

/// A cursor as a list of these filters gave it.
///
/// # Errors
/// `Malformed` for one that is damaged, or another list's.
pub fn cursor_of(text: Option<&str>, fingerprint: &Fingerprint) -> contracts::Result<Option<Cursor>> {
    Cursor::decode_opt(text, fingerprint).map_err(|_| {
        let fields = vec![FieldError::new("/cursor", "bad_cursor", "damaged, or from another list")];
        let message = "send next_cursor as it was, with the same filters";
        Error { fields, ..Error::new(contracts::Kind::Malformed, "bad_cursor", message) }
    })
}
