//! Finding products: what is asked for becomes a query to the index, and hits become cards and facets.
//! It does not know how the index is kept ([`index::Index`] is its port), nor what a product is but by what the
//! catalogue says of it. Prices and availability on cards are the catalogue's, so they are those of now.

pub mod bands;
mod entry;
mod facets;
mod follower;
pub mod http;
pub mod index;
pub mod naive;
mod shelving;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::inventory::Inventory;
use contracts::search::{Found, Order, Wanted};
use contracts::shelves::Shelves;
use contracts::shop::Shop;
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use parking_lot::Mutex;
use platform::http::lists::{Cursor, Fingerprint};
use platform::log::Log;
use platform::signal::Signal;
use platform::store::StoreResult;

use self::follower::{Follower, NEWS_BATCHES, Progress};
use self::index::{Hits, Index, Query, Spot};
use self::shelving::Shelving;
use crate::machinery::{Machinery, stored};
use crate::reading::ReadAs;

/// The most that a page holds.
pub const LIMIT_MAX: usize = 100;
/// What callers are told to wait while the index is being built, in seconds.
const RETRY_AFTER_S: u32 = 2;

/// Whom search asks.
#[derive(Clone)]
pub struct Neighbours {
    pub shop: Arc<dyn Shop>,
    /// Finds without an index, while there is none.
    pub lists: Arc<dyn contracts::search::Search>,
    pub shelves: Arc<dyn Shelves>,
    pub inventory: Arc<dyn Inventory>,
}

/// Search in this process.
pub struct Search {
    neighbours: Neighbours,
    index: Arc<dyn Index>,
    log: Arc<dyn Log>,
    progress: Arc<Signal<Progress>>,
    shelving: Mutex<Arc<Shelving>>,
}

/// How far the index is behind the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Facts in the log that it has not heard of yet.
    pub facts: u64,
    pub is_built: bool,
    /// Why it is not written, if so.
    pub failure: Option<String>,
}

impl Search {
    /// Also begins to follow the log, on the current runtime.
    pub fn start(machinery: &Machinery, neighbours: Neighbours, index: Arc<dyn Index>) -> Arc<Self> {
        let progress: Arc<Signal<Progress>> = Arc::default();
        let executor = machinery.executor.clone();
        let news = executor.subscribe(NEWS_BATCHES);
        let log = executor.log().clone();
        let (shelves, inventory) = (neighbours.shelves.clone(), neighbours.inventory.clone());
        let follower = Follower::new(executor, shelves, inventory, index.clone(), progress.clone());
        tokio::spawn(follower.run(news));
        let shelving = Mutex::new(Arc::new(Shelving::new(&domain::catalog::Categories::default(), 0)));
        Arc::new(Self { neighbours, index, log, progress, shelving })
    }

    /// Waits until all that is in the log now is found. `false` when that took longer than `wait`.
    pub async fn wait_for_heads(&self, wait: Duration) -> StoreResult<bool> {
        let infos = self.log.shards().await?;
        let has_heard = |progress: &Progress| {
            let at = |shard| progress.positions.get(&shard).copied().unwrap_or(0);
            let has_heard = progress.is_built && infos.iter().all(|info| at(info.shard) >= info.head);
            has_heard.then_some(())
        };
        Ok(tokio::time::timeout(wait, self.progress.wait_for(has_heard)).await.is_ok())
    }

    pub async fn lag(&self) -> StoreResult<Lag> {
        let infos = self.log.shards().await?;
        let Progress { positions, is_built, failure } = self.progress.look(Clone::clone);
        let at = |shard| positions.get(&shard).copied().unwrap_or(0);
        let facts = infos.iter().map(|info| info.head.saturating_sub(at(info.shard))).sum();
        Ok(Lag { facts, is_built, failure })
    }

    /// The tree as it is now; made anew only when it changed.
    async fn shelving(&self) -> Result<Arc<Shelving>> {
        let (categories, version) = self.neighbours.shelves.tree().await?;
        let mut kept = self.shelving.lock();
        if kept.version != version {
            *kept = Arc::new(Shelving::new(&categories, version));
        }
        Ok(kept.clone())
    }

    /// Lists answer while the index is being built, as far as documents can tell: without facets, and with a total
    /// that is only at least so many.
    async fn list_meanwhile(&self, wanted: &Wanted) -> Result<Found> {
        let is_more_than_a_list = !wanted.brands.is_empty()
            || !wanted.attributes.is_empty()
            || wanted.price_min.is_some()
            || wanted.price_max.is_some()
            || wanted.only_in_stock;
        if is_more_than_a_list {
            return Err(Error::unavailable("the search index is being built; try again shortly", RETRY_AFTER_S));
        }
        self.neighbours.lists.find(wanted).await
    }
}

#[async_trait]
impl contracts::search::Search for Search {
    async fn find(&self, wanted: &Wanted) -> Result<Found> {
        let settings = self.neighbours.shop.settings().await?;
        let read_as = ReadAs::of(&settings.settings, &wanted.reading)?;
        if !self.progress.look(|progress| progress.is_built) {
            return self.list_meanwhile(wanted).await;
        }
        let shelving = self.shelving().await?;
        let q = wanted.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
        let words: Vec<_> =
            q.map(words::asked).unwrap_or_default().into_iter().map(|word| shelving.asked(word)).collect();
        let order = wanted.order.unwrap_or(Order::Relevance);
        let fingerprint = fingerprint(wanted, &read_as, order);
        let after = spot(wanted.cursor.as_deref(), &fingerprint)?;
        if q.is_some() && words.is_empty() {
            // Signs alone are no words, and nothing is called so.
            return Ok(Found::default());
        }
        let query = Query {
            order: if words.is_empty() && order == Order::Relevance { Order::Newest } else { order },
            words,
            tree: shelving.tree.clone(),
            currency: read_as.currency,
            category: wanted.category.clone(),
            brands: wanted.brands.clone(),
            attributes: wanted.attributes.clone(),
            price_min: wanted.price_min,
            price_max: wanted.price_max,
            only_in_stock: wanted.only_in_stock,
            locales: read_as.locale.fallbacks().map(|locale| locale.to_string()).collect(),
            after,
            limit: wanted.limit.clamp(1, LIMIT_MAX),
            with_counts: wanted.with_facets,
        };
        let Hits { ids, next, total, counts } = self.index.find(query).await.map_err(stored)?;
        let items = self.neighbours.shelves.cards(&ids, &wanted.reading).await?;
        let facets = counts.map(|counts| facets::facets(counts, wanted, &shelving, &read_as.locale));
        let next_cursor = next.map(|Spot { key, id }| Cursor { key, id }.encode(&fingerprint));
        Ok(Found { items, next_cursor, total, facets })
    }
}

/// A cursor goes on with the search that it came from; how much a page holds, and the language, may differ.
fn fingerprint(wanted: &Wanted, read_as: &ReadAs, order: Order) -> Fingerprint {
    let order = match order {
        Order::Relevance => "relevance",
        Order::Newest => "newest",
        Order::Title => "title",
        Order::PriceAsc => "price_asc",
        Order::PriceDesc => "price_desc",
    };
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let mut fingerprint = Fingerprint::new("search")
        .with("order", Some(order))
        .with("q", wanted.q.as_deref().map(str::trim))
        .with("category", wanted.category.as_deref())
        .with("currency", read_as.currency.map(|currency| currency.code()))
        .with("price_min", number(wanted.price_min).as_deref())
        .with("price_max", number(wanted.price_max).as_deref())
        .with("in_stock", wanted.only_in_stock.then_some("true"));
    for brand in &wanted.brands {
        fingerprint = fingerprint.with("brand", Some(brand));
    }
    for (key, values) in &wanted.attributes {
        for value in values {
            fingerprint = fingerprint.with(&format!("attr.{key}"), Some(value));
        }
    }
    fingerprint
}

fn spot(cursor: Option<&str>, fingerprint: &Fingerprint) -> Result<Option<Spot>> {
    let cursor = Cursor::decode_opt(cursor, fingerprint).map_err(|_| {
        let fields = vec![FieldError::new("/cursor", "bad_cursor", "damaged, or from another list")];
        let message = "send next_cursor as it was, with the same filters";
        Error { fields, ..Error::new(Kind::Malformed, "bad_cursor", message) }
    })?;
    Ok(cursor.map(|Cursor { key, id }| Spot { key, id }))
}
