//! Copies of the documents that follow behind: the port through which an engine lets them answer what is only shown.
//! It does not know what is shown, nor how far a reader must see; [`crate::projection::Lists`] says that.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Collection, Document, Page, Query};
use crate::log::{Position, Shard};

/// How far a copy must have come to answer: what a projection has folded, as somebody has seen it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The name of its checkpoints.
    pub projection: String,
    /// A shard that is not named may be anywhere.
    pub positions: Vec<(Shard, Position)>,
}

/// The port: what an engine whose documents have copies must do.
///
/// A copy answers only if the checkpoints in it have reached what was seen, from the same state as those checkpoints or a
/// later one. `None` everywhere: there is none that has come so far and answers in time; the store itself is asked then.
/// Nothing is ever decided on such an answer.
#[async_trait]
pub trait Replicas: Send + Sync {
    /// As [`super::Documents::get_many`].
    async fn get_many(
        &self,
        collection: Collection,
        ids: &[String],
        seen: &Seen,
        now: Timestamp,
    ) -> Option<Vec<Document>>;

    /// As [`super::Documents::query`].
    async fn query(&self, query: &Query, seen: &Seen, now: Timestamp) -> Option<Page>;

    /// As [`super::Documents::scan`].
    async fn scan(
        &self,
        collection: Collection,
        after: Option<&str>,
        limit: usize,
        seen: &Seen,
    ) -> Option<Vec<Document>>;
}
