//! Projections: derived documents, folded from facts, written together with how far they have come.
//! It does not know any collection; services declare theirs by implementing [`Projection`].

mod check;
mod lists;
mod runner;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::documents::{Collection, Entry};
use crate::log::executor::CommittedFact;
use crate::store::{StoreError, StoreResult};

pub use check::{Difference, behind, differences};
pub use lists::Lists;
pub use runner::{Lag, Projector};

/// A derived collection and how facts become its documents. Pure: the same facts give the same documents.
///
/// A document is fed from one shard only: every fact that touches it has a stream with the same key. Totals over
/// shards are kept per shard ([`CommittedFact::shard`] in the id) and added when they are read.
pub trait Projection: Send + Sync + 'static {
    const NAME: &'static str;
    /// Raised when the fold, the document's shape or its index entries change: the collection is then built anew.
    const VERSION: u32;
    const COLLECTION: Collection;
    type Doc: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static;

    /// The documents that a fact touches.
    fn keys(&self, fact: &CommittedFact) -> Vec<String>;

    /// A document after one more fact; `None` when there is none, or none any more.
    fn fold(&self, id: &str, document: Option<Self::Doc>, fact: &CommittedFact) -> Option<Self::Doc>;

    fn entries(&self, id: &str, document: &Self::Doc) -> Vec<Entry>;
}

type AnyDoc = Arc<dyn Any + Send + Sync>;

/// A [`Projection`] with its document type erased.
pub trait ErasedProjection: Send + Sync {
    fn name(&self) -> &'static str;
    fn version(&self) -> u32;
    fn collection(&self) -> Collection;
    fn keys(&self, fact: &CommittedFact) -> Vec<String>;
    fn fold(&self, id: &str, document: Option<AnyDoc>, fact: &CommittedFact) -> Option<AnyDoc>;
    fn read(&self, body: &str) -> StoreResult<AnyDoc>;
    fn write(&self, id: &str, document: &AnyDoc) -> StoreResult<(Arc<str>, Vec<Entry>)>;
}

impl<P: Projection> ErasedProjection for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn version(&self) -> u32 {
        P::VERSION
    }

    fn collection(&self) -> Collection {
        P::COLLECTION
    }

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        Projection::keys(self, fact)
    }

    fn fold(&self, id: &str, document: Option<AnyDoc>, fact: &CommittedFact) -> Option<AnyDoc> {
        let document = document.and_then(|document| document.downcast::<P::Doc>().ok());
        let document = document.map(Arc::unwrap_or_clone);
        Projection::fold(self, id, document, fact).map(|document| Arc::new(document) as AnyDoc)
    }

    fn read(&self, body: &str) -> StoreResult<AnyDoc> {
        let document: P::Doc = serde_json::from_str(body)
            .map_err(|error| StoreError::Corrupt(format!("a document of {} cannot be read: {error}", P::NAME)))?;
        Ok(Arc::new(document))
    }

    fn write(&self, id: &str, document: &AnyDoc) -> StoreResult<(Arc<str>, Vec<Entry>)> {
        let wrong = || StoreError::Corrupt(format!("a document of {} has another type", P::NAME));
        let document = document.downcast_ref::<P::Doc>().ok_or_else(wrong)?;
        let body = serde_json::to_string(document).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok((body.into(), self.entries(id, document)))
    }
}

/// The name under which checkpoints are kept: another version begins anew.
pub fn checkpoint_name(projection: &dyn ErasedProjection) -> String {
    format!("{}@{}", projection.name(), projection.version())
}
