//! Walks an index of products in one or several scopes at once, as if they were one list: what a category and those
//! under it hold, in one order, each product once.
//! It does not know what is asked for, nor how a product is shown.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use futures::stream::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use platform::documents::tuple::Key;
use platform::documents::{Filter, Page, Query, Range};
use platform::projection::Lists;
use platform::store::StoreResult;

use super::projection::{PRODUCTS, ProductDoc};

/// Scopes that are read at the same time.
const SCOPES_AT_ONCE: usize = 8;

/// A place in a list: a sort key without its scope, and a document's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub key: Vec<u8>,
    pub id: String,
}

/// What to walk.
pub struct Walk<'a> {
    pub index: &'static str,
    /// Beginnings of keys; what follows is compared across all of them.
    pub scopes: Vec<Key>,
    pub descending: bool,
    pub filters: Vec<Filter>,
    pub after: Option<Spot>,
    pub limit: usize,
    /// The rest of a product's key in this index.
    pub sort_key: &'a (dyn Fn(&ProductDoc) -> Key + Sync),
}

/// The documents of one page, and where to go on. A page can be short and still have a next one.
pub async fn walk(lists: &Lists, now: Timestamp, walk: Walk<'_>) -> StoreResult<(Vec<ProductDoc>, Option<Spot>)> {
    let Walk { index, scopes, descending, filters, after, limit, sort_key } = walk;
    let pages: Vec<Looked> = futures::stream::iter(scopes)
        .map(|scope| {
            let mut query = Query::new(PRODUCTS, index, Range::prefix(scope.clone())).limit(limit);
            let scope = scope.into_bytes();
            query.after = after.as_ref().map(|spot| ([scope.as_slice(), &spot.key].concat(), spot.id.clone()));
            query.filters = filters.clone();
            query.descending = descending;
            async move { Looked::at(scope.len(), lists.query(query, now).await?, sort_key) }
        })
        .buffered(SCOPES_AT_ONCE)
        .try_collect()
        .await?;
    Ok(merge(pages, descending, limit))
}

/// What one scope's page showed.
struct Looked {
    documents: Vec<(Spot, ProductDoc)>,
    /// Nothing is known of this scope behind this spot; `None`: there is nothing behind.
    until: Option<Spot>,
}

impl Looked {
    fn at(scope_bytes: usize, page: Page, sort_key: &dyn Fn(&ProductDoc) -> Key) -> StoreResult<Self> {
        let mut documents = Vec::with_capacity(page.documents.len());
        for document in &page.documents {
            let product: ProductDoc = document.read()?;
            documents.push((Spot { key: sort_key(&product).into_bytes(), id: document.id.clone() }, product));
        }
        let rest = |key: Vec<u8>| key.get(scope_bytes..).unwrap_or_default().to_vec();
        let until = page.next.map(|(key, id)| Spot { key: rest(key), id });
        Ok(Self { documents, until })
    }
}

fn merge(pages: Vec<Looked>, descending: bool, limit: usize) -> (Vec<ProductDoc>, Option<Spot>) {
    let is_before = |a: &Spot, b: &Spot| a.cmp(b) == if descending { Ordering::Greater } else { Ordering::Less };
    let mut horizon: Option<Spot> = None;
    let mut found: BTreeMap<Spot, ProductDoc> = BTreeMap::new();
    for page in pages {
        found.extend(page.documents);
        let is_nearer = |until: &Spot| horizon.as_ref().is_none_or(|nearest| is_before(until, nearest));
        if page.until.as_ref().is_some_and(is_nearer) {
            horizon = page.until;
        }
    }
    let all = found.len();
    let known = |spot: &Spot| horizon.as_ref().is_none_or(|horizon| !is_before(horizon, spot));
    let in_order: Box<dyn Iterator<Item = (Spot, ProductDoc)>> =
        if descending { Box::new(found.into_iter().rev()) } else { Box::new(found.into_iter()) };
    let (mut documents, mut last) = (Vec::with_capacity(limit), None);
    for (spot, document) in in_order.take_while(|(spot, _)| known(spot)).take(limit) {
        documents.push(document);
        last = Some(spot);
    }
    let is_full = documents.len() == limit;
    let has_more = horizon.is_some() || documents.len() < all;
    let next = match (has_more, is_full) {
        (false, _) => None,
        (true, true) => last,
        (true, false) => horizon,
    };
    (documents, next)
}
