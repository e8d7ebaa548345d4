//! The port to a search index: what is put in, what is asked of it, what it answers.
//! It does not know how an index is built; words come folded and cut, and facets come as they are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use contracts::search::Order;
use domain::ids::ProductId;
use domain::money::Currency;
use jiff::Timestamp;
use platform::log::{Position, Shard};
use platform::store::StoreResult;

use super::words::Word;

/// How far a reader of the log has come. A shard that is missing was not read at all.
pub type Positions = BTreeMap<Shard, Position>;

/// Something that products share and that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// A slug that the product itself names.
    Category(String),
    Brand(String),
    /// An attribute, or an option and one of its values.
    Attribute {
        key: String,
        value: String,
    },
}

/// What something is called in a language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    pub key: String,
    /// `None`: what the key itself is called.
    pub value: Option<String>,
    pub locale: String,
    pub text: String,
}

/// A product as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: ProductId,
    /// Folded words, by how much they say.
    pub title: Vec<String>,
    pub brand: Vec<String>,
    /// SKUs and article numbers.
    pub codes: Vec<String>,
    pub rest: Vec<String>,
    /// What lists by title are ordered by.
    pub title_key: String,
    pub created_at: Timestamp,
    /// The lowest of its variants in each currency.
    pub prices: BTreeMap<Currency, i64>,
    pub is_in_stock: bool,
    pub facets: BTreeSet<Facet>,
    pub labels: BTreeSet<Label>,
}

/// What is to be found from now on.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// In place of what was found under the same id.
    pub put: Vec<Entry>,
    pub gone: Vec<ProductId>,
    /// How far the log is contained in this.
    pub positions: Positions,
}

/// The categories of the shop: which one lies under which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub slug: String,
    /// Place of the parent in the tree.
    pub parent: Option<usize>,
}

impl Tree {
    /// The places of a category and all above it.
    pub fn path(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        let parent = |at: &usize| self.nodes.get(*at).and_then(|node| node.parent);
        // No tree is deeper than it has nodes: a damaged one ends, too.
        std::iter::successors(Some(from), parent).take(self.nodes.len())
    }

    pub fn find(&self, slug: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.slug == slug)
    }

    /// The slugs of a category and all under it; a category that is not in the tree stands alone.
    pub fn under(&self, slug: &str) -> BTreeSet<&str> {
        let Some(top) = self.find(slug) else { return self.nodes[..0].iter().map(|node| node.slug.as_str()).collect() };
        let lies_under = |at: &usize| self.path(*at).any(|above| above == top);
        (0..self.nodes.len()).filter(lies_under).map(|at| self.nodes[at].slug.as_str()).collect()
    }
}

/// A word, and where else it is met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedWord {
    pub word: Word,
    /// Slugs of categories whose names have it, or lie under one whose name has it.
    pub categories: BTreeSet<String>,
}

/// A place in an order: opaque, compared as bytes, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub key: Vec<u8>,
    pub id: String,
}

/// What to find. Entries without a price in `currency` are not found.
#[derive(Debug, Clone)]
pub struct Query {
    /// All of them. None: everything is found.
    pub words: Vec<AskedWord>,
    pub tree: Arc<Tree>,
    pub currency: Option<Currency>,
    pub category: Option<String>,
    pub brands: BTreeSet<String>,
    pub attributes: BTreeMap<String, BTreeSet<String>>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub only_in_stock: bool,
    /// For labels, the best first.
    pub locales: Vec<String>,
    pub order: Order,
    pub after: Option<Spot>,
    pub limit: usize,
    pub with_counts: bool,
}

/// A page of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    pub ids: Vec<ProductId>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Spot>,
    pub total: u64,
    pub counts: Option<Counts>,
}

/// How many would be found. What is chosen of one kind does not narrow the counts of that kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// One for each node of the tree; everything under a category counts, each product once.
    pub categories: Vec<u64>,
    /// Those that are met at all, in no order that means anything.
    pub brands: Vec<Counted>,
    pub attributes: Vec<CountedAttribute>,
    /// How many lie on each step of [`super::bands`].
    pub price_steps: Vec<u64>,
    pub in_stock: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    pub value: Arc<str>,
    /// What it is called in the first of the asked languages that knows it.
    pub label: Option<Arc<str>>,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountedAttribute {
    pub key: Arc<str>,
    pub label: Option<Arc<str>>,
    pub values: Vec<Counted>,
}

/// Finds entries. What was written is found from the moment that the write is answered.
#[async_trait]
pub trait Index: Send + Sync {
    /// How far the log is contained in what is durable; empty for a new index.
    async fn positions(&self) -> StoreResult<Positions>;

    /// Makes changes durable and found, all or none of them.
    async fn write(&self, changes: Changes) -> StoreResult<()>;

    /// Which of these are found, and whether they are in stock.
    async fn in_stock(&self, ids: &[ProductId]) -> StoreResult<BTreeMap<ProductId, bool>>;

    /// Forgets everything, positions too.
    async fn clear(&self) -> StoreResult<()>;

    /// How many entries there are.
    async fn count(&self) -> StoreResult<u64>;

    async fn find(&self, query: Query) -> StoreResult<Hits>;
}
