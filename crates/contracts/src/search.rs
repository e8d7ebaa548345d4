//! Finding products: by words, by what they are, and in which order; with counts of what else there is.
//! It does not know how the index is kept. What is found lags the newest change by a moment.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Result;
use crate::catalog::{ProductCard, Reading};

/// How found products are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The best match first; without words, the newest.
    Relevance,
    Newest,
    Title,
    PriceAsc,
    PriceDesc,
}

/// Which products to find. Only active ones are. What is not asked for does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub reading: Reading,
    /// Words in any of the shop's languages; the last one may be the beginning of a word.
    pub q: Option<String>,
    /// Slug of a category; products of its descendants are found, too.
    pub category: Option<String>,
    /// Any of these brands.
    pub brands: BTreeSet<String>,
    /// For each key, any of these values. Options such as `Colour` are found under their name, too.
    pub attributes: BTreeMap<String, BTreeSet<String>>,
    /// Minor units of the reading's currency, inclusive.
    pub price_min: Option<i64>,
    /// Minor units of the reading's currency, inclusive.
    pub price_max: Option<i64>,
    pub only_in_stock: bool,
    /// `None`: by relevance where there are words, else the newest first.
    pub order: Option<Order>,
    pub cursor: Option<String>,
    /// 1 to 100.
    pub limit: usize,
    /// Whether to count facets; a next page need not.
    pub with_facets: bool,
}

/// A page of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub items: Vec<ProductCard>,
    pub next_cursor: Option<String>,
    /// How many there are on all pages.
    pub total: u64,
    pub facets: Option<Facets>,
}

/// What could be chosen next, with how many would be found. What is chosen within one facet does not narrow that facet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Facets {
    /// `value` is a slug. Every ancestor of a product's categories counts it.
    pub categories: Vec<FacetValue>,
    pub brands: Vec<FacetValue>,
    pub attributes: Vec<AttributeFacet>,
    /// Bands of prices that cover all that was found, the cheapest first; empty where nothing has a price.
    pub prices: Vec<PriceBand>,
    /// How many of them are in stock.
    pub in_stock: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// To be asked for.
    pub value: String,
    /// To be shown, in the asked language.
    pub label: String,
    pub count: u64,
    pub is_chosen: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttributeFacet {
    pub key: String,
    pub label: String,
    pub values: Vec<FacetValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceBand {
    /// Minor units, inclusive.
    pub from: i64,
    /// Minor units, inclusive.
    pub to: i64,
    pub count: u64,
    pub is_chosen: bool,
}

#[async_trait]
pub trait Search: Send + Sync {
    /// # Errors
    /// `Malformed` for a cursor of another search · `Unavailable` while the index is being built.
    async fn find(&self, wanted: &Wanted) -> Result<Found>;
}
