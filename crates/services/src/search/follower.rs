//! Keeps the index with the log: hears what was committed, gathers it, writes what is found differently now.
//! It does not know what a fact says, only of what: a product is read as it is when it is written, so a fact that is
//! heard twice, or late, does no harm.
//!
//! A sale does not write anything unless the product is sold out by it, or available again. What the index holds comes
//! with positions in one commit; after a crash the follower reads the log from there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use contracts::Error;
use contracts::inventory::Inventory;
use contracts::shelves::Shelves;
use domain::catalog::Product;
use domain::ids::ProductId;
use domain::sku::Sku;
use platform::log::executor::{CommittedFact, Executor};
use platform::log::{Position, Shard, StreamId};
use platform::signal::Signal;
use platform::store::StoreError;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::entry::entry;
use super::index::{Changes, Index, Positions};

/// The streams that make a difference to what is found. Their kinds are the catalogue's and the inventory's.
const PRODUCT_STREAMS: &str = "product";
const STOCK_STREAMS: &str = "stock";
/// Committed batches that wait to be heard; when there are more, the log is read.
pub const NEWS_BATCHES: usize = 1_024;
/// The pause between two writes, in which more is gathered.
const GATHER: Duration = Duration::from_millis(200);
/// The pause before the first write after a quiet time: facts come in handfuls.
const FIRST_GATHER: Duration = Duration::from_millis(20);
/// Without news the log is looked at this often: batches can be left out of the channel.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a failed write.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Products that are written together; so many are in memory at once.
const PRODUCTS_MAX: usize = 1_000;
/// SKUs whose stock moved, before it is looked at what that means.
const SKUS_MAX: usize = 5_000;
/// SKUs of a product that are asked for together; mostly one of the first is in stock.
const SKUS_AT_ONCE: usize = 4;
/// Facts per read of the log.
const READ_CHUNK: usize = 1_000;
/// Positions are written at the latest after so many facts, even if none of them changed what is found.
const FACTS_UNWRITTEN_MAX: u64 = 50_000;
/// How often a long build says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// How far the index is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is heard, whether or not it is written yet.
    pub positions: Positions,
    /// Whether all that there was at the start is found.
    pub is_built: bool,
    /// Why the last write failed, until one succeeds.
    pub failure: Option<String>,
}

/// What following needs.
pub struct Follower {
    executor: Executor,
    shelves: Arc<dyn Shelves>,
    inventory: Arc<dyn Inventory>,
    index: Arc<dyn Index>,
    progress: Arc<Signal<Progress>>,
    heard: Heard,
    last_write: Option<Instant>,
}

/// What was heard of and is not written yet.
#[derive(Default)]
struct Heard {
    positions: Positions,
    products: BTreeSet<ProductId>,
    skus: BTreeSet<Sku>,
    facts: u64,
    /// Stock facts up to here say nothing new: every product is yet to be written, with its stock as it is then.
    stock_known: Positions,
}

impl Heard {
    /// Takes a fact in. `false`: there is a gap before it.
    fn take(&mut self, shard: Shard, position: Position, stream: &StreamId) -> bool {
        let at = self.positions.get(&shard).copied().unwrap_or(0);
        if position <= at {
            return true;
        }
        if position > at + 1 {
            return false;
        }
        self.positions.insert(shard, position);
        self.facts += 1;
        match stream.kind() {
            PRODUCT_STREAMS => self.products.extend(ProductId::from_key(&stream.key())),
            STOCK_STREAMS if self.stock_known.get(&shard).is_none_or(|known| position > *known) => {
                self.skus.extend(Sku::parse(&stream.key()));
            }
            _ => {}
        }
        true
    }

    fn is_full(&self) -> bool {
        self.products.len() >= PRODUCTS_MAX || self.skus.len() >= SKUS_MAX
    }

    fn is_worth_writing(&self) -> bool {
        !self.products.is_empty() || !self.skus.is_empty() || self.facts >= FACTS_UNWRITTEN_MAX
    }
}

/// Why the index could not be brought along.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Service(#[from] Error),
}

impl Follower {
    pub fn new(
        executor: Executor,
        shelves: Arc<dyn Shelves>,
        inventory: Arc<dyn Inventory>,
        index: Arc<dyn Index>,
        progress: Arc<Signal<Progress>>,
    ) -> Self {
        Self { executor, shelves, inventory, index, progress, heard: Heard::default(), last_write: None }
    }

    /// Follows until the executor is gone. What cannot be written is tried again.
    pub async fn run(mut self, mut news: mpsc::Receiver<Arc<[CommittedFact]>>) {
        loop {
            match self.follow(&mut news).await {
                Ok(()) => return,
                Err(failure) => {
                    tracing::warn!(reason = %failure, "the search index could not be written; trying again");
                    self.progress.change(|progress| progress.failure = Some(failure.to_string()));
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    async fn follow(&mut self, news: &mut mpsc::Receiver<Arc<[CommittedFact]>>) -> Result<(), Failure> {
        self.begin().await?;
        self.catch_up().await?;
        self.progress.change(|progress| progress.is_built = true);
        loop {
            match timeout(LOOK_EVERY, news.recv()).await {
                Ok(None) => return Ok(()),
                Err(_) => self.catch_up().await?,
                Ok(Some(first)) => {
                    let mut is_whole = self.hear(&first);
                    let until = self.next_write();
                    while is_whole && !self.heard.is_full() && self.heard.is_worth_writing() {
                        match tokio::time::timeout_at(until, news.recv()).await {
                            Ok(Some(more)) => is_whole = self.hear(&more),
                            Ok(None) | Err(_) => break,
                        }
                    }
                    if is_whole { self.write().await? } else { self.catch_up().await? }
                }
            }
        }
    }

    fn next_write(&self) -> Instant {
        let soon = Instant::now() + FIRST_GATHER;
        self.last_write.map_or(soon, |last| soon.max(last + GATHER))
    }

    fn hear(&mut self, facts: &[CommittedFact]) -> bool {
        facts.iter().all(|fact| self.heard.take(fact.shard, fact.position, &fact.stream))
    }

    /// Begins where the index is. One that is ahead of the log is another log's, and is built anew.
    async fn begin(&mut self) -> Result<(), Failure> {
        let heads: Positions = self.executor.log().shards().await?.iter().map(|info| (info.shard, info.head)).collect();
        let mut positions = self.index.positions().await?;
        if positions.iter().any(|(shard, position)| heads.get(shard).is_none_or(|head| position > head)) {
            tracing::warn!("the search index is ahead of the log, so it is not this shop's; building it anew");
            self.index.clear().await?;
            positions = Positions::new();
        }
        let is_new = positions.is_empty();
        if is_new && heads.values().any(|head| *head > 0) {
            tracing::info!("building the search index from the log");
        }
        let stock_known = if is_new { heads } else { Positions::new() };
        self.progress.change(|progress| {
            progress.positions.clone_from(&positions);
            progress.is_built |= !is_new;
        });
        self.heard = Heard { positions, stock_known, ..Heard::default() };
        Ok(())
    }

    /// Reads the log to its heads.
    async fn catch_up(&mut self) -> Result<(), Failure> {
        let log = self.executor.log().clone();
        let infos = log.shards().await?;
        let at = |heard: &Heard, shard: Shard| heard.positions.get(&shard).copied().unwrap_or(0);
        let mut told = Instant::now();
        for info in &infos {
            while at(&self.heard, info.shard) < info.head {
                let facts = log.read_shard(info.shard, at(&self.heard, info.shard), READ_CHUNK).await?;
                if facts.is_empty() {
                    break;
                }
                for fact in &facts {
                    self.heard.take(fact.shard, fact.position, &fact.stream);
                }
                if self.heard.is_full() || self.heard.facts >= FACTS_UNWRITTEN_MAX {
                    self.write().await?;
                }
                if told.elapsed() >= PROGRESS_EVERY {
                    let to_go = |info: &platform::log::ShardInfo| info.head.saturating_sub(at(&self.heard, info.shard));
                    let facts: u64 = infos.iter().map(to_go).sum();
                    tracing::info!(facts, "bringing the search index along; facts still to go");
                    told = Instant::now();
                }
            }
        }
        self.write().await
    }

    /// Writes what was heard, if it makes a difference.
    async fn write(&mut self) -> Result<(), Failure> {
        if self.heard.is_worth_writing() {
            let changes = self.changes().await?;
            let is_due = self.heard.facts >= FACTS_UNWRITTEN_MAX;
            if is_due || !changes.put.is_empty() || !changes.gone.is_empty() {
                self.index.write(changes).await?;
                self.last_write = Some(Instant::now());
                self.heard.facts = 0;
            }
            self.heard.products.clear();
            self.heard.skus.clear();
        }
        self.progress.change(|progress| {
            progress.positions.clone_from(&self.heard.positions);
            progress.failure = None;
        });
        Ok(())
    }

    async fn changes(&self) -> Result<Changes, Failure> {
        let mut changes = Changes { positions: self.heard.positions.clone(), ..Changes::default() };
        let ids: Vec<ProductId> = self.heard.products.iter().cloned().collect();
        let products = self.shelves.products_now(&ids).await?;
        for id in ids {
            match products.get(&id).filter(|product| product.is_for_sale()) {
                Some(product) => changes.put.push(entry(product, self.is_in_stock(product).await?)),
                None => changes.gone.push(id),
            }
        }
        let skus: Vec<Sku> = self.heard.skus.iter().cloned().collect();
        let moved: BTreeSet<ProductId> = self.shelves.holders(&skus).await?.into_values().collect();
        let moved: Vec<ProductId> = moved.difference(&self.heard.products).cloned().collect();
        for some in moved.chunks(PRODUCTS_MAX) {
            changes.put.extend(self.flipped(some).await?);
        }
        Ok(changes)
    }

    /// Products that are in stock and were not found so, or the other way round.
    async fn flipped(&self, moved: &[ProductId]) -> Result<Vec<super::index::Entry>, Failure> {
        let before: BTreeMap<ProductId, bool> = self.index.in_stock(moved).await?;
        let products = self.shelves.products_now(moved).await?;
        let mut flipped = Vec::new();
        for product in products.values().filter(|product| product.is_for_sale()) {
            let is_in_stock = self.is_in_stock(product).await?;
            if before.get(&product.id) != Some(&is_in_stock) {
                flipped.push(entry(product, is_in_stock));
            }
        }
        Ok(flipped)
    }

    /// Whether any of its variants can be bought.
    async fn is_in_stock(&self, product: &Product) -> Result<bool, Failure> {
        for some in product.content.variants.chunks(SKUS_AT_ONCE) {
            let skus: Vec<Sku> = some.iter().map(|variant| variant.sku.clone()).collect();
            let stock = self.inventory.stock(&skus).await?;
            if stock.values().any(|stock| stock.sellable().is_none_or(|left| left > 0)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
