//! Whole catalogues in and out: imports and exports as files, the pictures that they name, and long work as operations.
//! It does not know file formats beyond their names, nor how a product is kept.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::catalog::{Product, ProductInput};
use domain::ids::{MediaId, OperationId, ProductId};
use domain::money::Currency;
use domain::sku::Sku;
use domain::text::Slug;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Result;
use crate::caller::Caller;
use crate::catalog::Listing;

/// A file, piece by piece, so that nobody holds all of it.
pub type Chunks = BoxStream<'static, Result<Bytes>>;

/// What a file of products is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProductFileFormat)]
pub enum Format {
    /// Shopify's columns; one row per variant or picture.
    Csv,
    /// A product as staff's API shows it on each line.
    Jsonl,
}

impl Format {
    pub const ALL: [Format; 2] = [Self::Csv, Self::Jsonl];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl",
        }
    }
}

/// How a file is to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportOrder {
    pub format: Format,
    /// Of prices in columns that name none. `None`: the shop's first.
    pub currency: Option<Currency>,
    /// Says what would come of it, and changes nothing.
    pub dry_run: bool,
    /// Fetches the pictures that the file names, too.
    pub fetch_images: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    ImportProducts,
    FetchImages,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    Running,
    /// To the end; there may be bad rows.
    Done,
    /// It could not go on; `failure` says why. What was done by then stays.
    Failed,
    /// The shop was stopped meanwhile. What was done by then stays; doing it again is safe.
    Interrupted,
}

/// How far something has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OperationProgress)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
    /// `bytes` of the file, or `pictures`.
    pub unit: String,
}

/// What became of the products of a file; in a dry run, what would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductCounts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Not taken at all; their rows are among the bad ones.
    pub failed: u64,
}

/// What became of pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PictureCounts {
    pub fetched: u64,
    pub failed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row was not taken.
    Error,
    /// The row was taken, but not all of it.
    Warning,
}

/// What is wrong with a row, or a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowProblem {
    /// From 1; the line on which the row begins. 0 where it is no line's fault.
    pub line: u64,
    pub severity: Severity,
    /// A column's name, or a JSON pointer; null for the whole row.
    pub column: Option<String>,
    /// Stable, for programs.
    pub code: String,
    pub message: String,
    /// The beginning of what stood there.
    pub value: Option<String>,
}

/// Long work: how far it is, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    #[schema(example = "opr_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    pub kind: OperationKind,
    pub state: OperationState,
    pub progress: Progress,
    pub dry_run: bool,
    /// Of an import's file.
    pub format: Option<Format>,
    /// Of an import's prices.
    pub currency: Option<String>,
    /// The product whose pictures are fetched.
    pub product: Option<String>,
    /// Rows or lines that were read, without the header.
    pub rows: u64,
    pub products: ProductCounts,
    pub pictures: PictureCounts,
    /// Categories that the shop did not have.
    pub categories_created: Vec<String>,
    /// Columns or members that mean nothing here.
    pub ignored_columns: Vec<String>,
    pub errors: u64,
    pub warnings: u64,
    /// The first 1,000 by line; `errors` and `warnings` count all.
    pub problems: Vec<RowProblem>,
    /// Why it could not go on.
    pub failure: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[async_trait]
pub trait Transfer: Send + Sync {
    /// Takes the whole file in, then imports it in the background. `id` decides whether this is a repetition: of an id
    /// that is there the same operation is answered.
    async fn start_import(
        &self,
        id: Option<OperationId>,
        order: ImportOrder,
        file: Chunks,
        caller: &Caller,
    ) -> Result<Operation>;

    async fn operation(&self, id: &OperationId) -> Result<Operation>;

    /// The newest first; without their problems.
    async fn operations(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<Operation>>;

    /// All products, in the order of their slugs. `currency`: of a CSV file's price columns; `None`: the shop's first.
    async fn export(&self, format: Format, currency: Option<Currency>) -> Result<Chunks>;

    /// Fetches the pictures that an import named for a product, in the background.
    async fn fetch_images(&self, id: Option<OperationId>, product: &ProductId, caller: &Caller) -> Result<Operation>;
}

/// Whether something is to be done, or only to be said what would come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Do,
    Rehearse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// A product that was written, or rehearsed.
#[derive(Debug, Clone)]
pub struct Written {
    pub outcome: Outcome,
    /// As it is now; `None` for a new one that was only rehearsed.
    pub product: Option<Arc<Product>>,
}

/// The catalogue as imports and exports see it. Lists show what is written here a moment later.
#[async_trait]
pub trait ProductBook: Send + Sync {
    /// The product with this slug, or else the one that has, or had last, one of these SKUs.
    ///
    /// # Errors
    /// `sku_taken` where the SKUs are of several products.
    async fn find(&self, slug: &Slug, skus: &[Sku]) -> Result<Option<Arc<Product>>>;

    async fn product(&self, id: &ProductId) -> Result<Arc<Product>>;

    /// A new product. Of an id that is there nothing is changed, and `Unchanged` is answered.
    async fn create(&self, id: &ProductId, input: ProductInput, mode: Mode, caller: &Caller) -> Result<Written>;

    /// Makes `seen` what `input` says.
    ///
    /// # Errors
    /// `Stale` where it is no longer what was seen.
    async fn replace(&self, seen: &Product, input: ProductInput, mode: Mode, caller: &Caller) -> Result<Written>;

    /// Products in the order of their slugs.
    async fn page(&self, after: Option<&Slug>, limit: usize) -> Result<Vec<Arc<Product>>>;

    /// Where a picture is served, relative to the shop's address.
    fn picture_url(&self, media: &MediaId) -> String;

    /// The title of each category, by slug.
    async fn category_titles(&self) -> Result<Vec<(Slug, String)>>;

    /// The category at the end of a path of titles, the top one first. Those that are missing are made, and answered.
    async fn category(&self, path: &[String], mode: Mode, caller: &Caller) -> Result<(Slug, Vec<Slug>)>;
}
