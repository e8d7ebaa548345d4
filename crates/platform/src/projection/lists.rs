//! Reads of what projections have folded, to be shown: copies of the documents may answer them, where there are any.
//! It does not know an engine, and has no write: whoever decides something asks the documents themselves.
//!
//! Nobody is shown less than this node has seen. Whoever wrote something and waited until it was folded finds it here,
//! and so does everybody who asks this node later: a copy that has not come so far is passed over.

use std::sync::Arc;

use jiff::Timestamp;

use super::runner::Follower;
use crate::documents::{Class, Collection, Document, Documents, Page, Query, Replicas, Seen};
use crate::store::StoreResult;

/// Documents as they are shown. Cheap to clone.
#[derive(Clone)]
pub struct Lists {
    followers: Arc<[Follower]>,
    documents: Arc<dyn Documents>,
    replicas: Option<Arc<dyn Replicas>>,
}

impl Lists {
    pub(super) fn new(followers: Arc<[Follower]>, documents: Arc<dyn Documents>) -> Self {
        Self { followers, documents, replicas: None }
    }

    pub(super) fn ask(&mut self, replicas: Arc<dyn Replicas>) {
        self.replicas = Some(replicas);
    }

    /// As [`Documents::get_many`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get_many(&self, collection: Collection, ids: &[String], now: Timestamp) -> StoreResult<Vec<Document>> {
        if let Some((replicas, seen)) = self.replicas_of(collection)
            && let Some(found) = replicas.get_many(collection, ids, &seen, now).await
        {
            return Ok(found);
        }
        self.documents.get_many(collection, ids, now).await
    }

    /// As [`Documents::query`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn query(&self, query: Query, now: Timestamp) -> StoreResult<Page> {
        if let Some((replicas, seen)) = self.replicas_of(query.collection)
            && let Some(page) = replicas.query(&query, &seen, now).await
        {
            return Ok(page);
        }
        self.documents.query(query, now).await
    }

    /// As [`Documents::scan`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn scan(&self, collection: Collection, after: Option<&str>, limit: usize) -> StoreResult<Vec<Document>> {
        if let Some((replicas, seen)) = self.replicas_of(collection)
            && let Some(found) = replicas.scan(collection, after, limit, &seen).await
        {
            return Ok(found);
        }
        self.documents.scan(collection, after, limit).await
    }

    /// Whom to ask, and how far they must have come. Nobody but the store for what is nobody's history: no checkpoint
    /// tells how far a copy of that is.
    fn replicas_of(&self, collection: Collection) -> Option<(&Arc<dyn Replicas>, Seen)> {
        let replicas = self.replicas.as_ref().filter(|_| collection.class == Class::Derived)?;
        let follower = self.followers.iter().find(|follower| follower.collection == collection)?;
        Some((replicas, follower.seen()))
    }
}
