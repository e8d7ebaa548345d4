//! Whole catalogues in and out: files of products imported and exported, pictures fetched, each as an operation.
//! It does not know how a product is kept or counted: catalogue and inventory are asked.

mod body;
mod columns;
mod export;
mod goods;
pub mod http;
mod import;
mod lines;
mod onto;
mod operations;
mod pictures;
mod reading;
mod records;
mod sheet;
mod spool;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::catalog::{Catalog, Listing};
use contracts::inventory::Inventory;
use contracts::shop::Shop;
use contracts::transfer::{Chunks, Format, ImportOrder, Operation, OperationKind, ProductBook, Severity};
use contracts::{Error, Result};
use domain::field::FieldError;
use domain::ids::{OperationId, ProductId};
use domain::money::Currency;
use tokio::sync::Semaphore;

use self::import::Import;
pub use self::operations::{OPERATIONS, PROBLEMS_MAX};
use self::operations::{Operations, fresh, problem};
use self::pictures::FETCHES_AT_ONCE;
pub use self::pictures::{FetchError, Fetcher};
pub use self::spool::{MemorySpool, Spool};
use self::spool::{Spooled, take_in};
use crate::machinery::Machinery;

/// A file of products.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Imports under way at once: two files could tell of one product.
const IMPORTS_MAX: usize = 1;
/// Products whose pictures are fetched at once.
const FETCHES_MAX: usize = 16;

/// What an import works with.
pub struct Parts {
    pub machinery: Machinery,
    pub shop: Arc<dyn Shop>,
    pub catalog: Arc<dyn Catalog>,
    pub book: Arc<dyn ProductBook>,
    pub inventory: Arc<dyn Inventory>,
    pub spool: Arc<dyn Spool>,
    pub fetcher: Arc<dyn Fetcher>,
}

/// Imports and exports in this process.
pub struct Transfer {
    me: Weak<Transfer>,
    machinery: Machinery,
    shop: Arc<dyn Shop>,
    catalog: Arc<dyn Catalog>,
    book: Arc<dyn ProductBook>,
    inventory: Arc<dyn Inventory>,
    spool: Arc<dyn Spool>,
    fetcher: Arc<dyn Fetcher>,
    fetches: Semaphore,
    operations: Operations,
}

impl Transfer {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { machinery, shop, catalog, book, inventory, spool, fetcher } = parts;
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            operations: Operations::new(machinery.clone()),
            fetches: Semaphore::new(FETCHES_AT_ONCE),
            machinery,
            shop,
            catalog,
            book,
            inventory,
            spool,
            fetcher,
        })
    }

    fn me(&self) -> Result<Arc<Self>> {
        self.me.upgrade().ok_or_else(|| Error::internal("the shop is closing"))
    }

    /// Takes a file in, to be begun or discarded.
    async fn spooled(&self, file: Chunks) -> Result<Spooled> {
        let name = format!("file-{:032x}", u128::from_be_bytes(self.machinery.id_bytes()));
        take_in(self.spool.as_ref(), name, file, FILE_BYTES_MAX).await
    }

    async fn discard(&self, file: &Spooled) {
        if let Err(error) = self.spool.remove(&file.name).await {
            tracing::warn!(%error, "a file that was imported could not be removed; the next start does it");
        }
    }

    /// Begins an import of a file that was taken in; where it does not, the file is discarded.
    async fn begin(
        &self,
        id: Option<OperationId>,
        order: ImportOrder,
        file: Spooled,
        caller: &Caller,
    ) -> Result<Operation> {
        let begun = self.try_begin(id, order, &file, caller).await;
        if !matches!(begun, Ok((_, true))) {
            self.discard(&file).await;
        }
        begun.map(|(operation, _)| operation)
    }

    /// Whether it is this file that is now being imported.
    async fn try_begin(
        &self,
        id: Option<OperationId>,
        order: ImportOrder,
        file: &Spooled,
        caller: &Caller,
    ) -> Result<(Operation, bool)> {
        let id = id.unwrap_or_else(|| OperationId::from_bytes(self.machinery.id_bytes()));
        if let Some(operation) = self.operations.find(&id).await? {
            return Ok((operation, false));
        }
        let currency = match order.format {
            Format::Csv => Some(self.currency(order.currency).await?),
            // Each price names its own.
            Format::Jsonl => None,
        };
        let mut operation = fresh(&id, OperationKind::ImportProducts, "bytes", file.bytes);
        operation.dry_run = order.dry_run;
        operation.format = Some(order.format);
        operation.currency = currency.map(|currency| currency.code().to_owned());
        let running = self.operations.begin(operation, IMPORTS_MAX).await?;
        let me = self.me()?;
        let import = Import::new(me.clone(), running.clone(), order, currency, caller.clone());
        let (shown, file) = (running.shown(), file.clone());
        tokio::spawn(async move {
            let came_of_it = import.run(&file).await;
            me.discard(&file).await;
            me.operations.end(&running, came_of_it).await;
        });
        Ok((shown, true))
    }

    /// The currency of prices that name none.
    async fn currency(&self, asked: Option<Currency>) -> Result<Currency> {
        let settings = self.shop.settings().await?;
        let sold_in = &settings.settings.currencies;
        match asked {
            Some(currency) if sold_in.is_empty() || sold_in.contains(&currency) => Ok(currency),
            Some(currency) => {
                let message = format!("the shop does not sell in {currency}; add it to the settings first");
                Err(Error::field("/currency", "unknown_currency", message))
            }
            None => settings.settings.default_currency().ok_or_else(|| {
                Error::field("/currency", "required", "the shop has no currency yet: say in which the prices are")
            }),
        }
    }
}

#[async_trait]
impl contracts::transfer::Transfer for Transfer {
    async fn start_import(
        &self,
        id: Option<OperationId>,
        order: ImportOrder,
        file: Chunks,
        caller: &Caller,
    ) -> Result<Operation> {
        let file = self.spooled(file).await?;
        self.begin(id, order, file, caller).await
    }

    async fn operation(&self, id: &OperationId) -> Result<Operation> {
        self.operations.find(id).await?.ok_or_else(|| Error::not_found("operation"))
    }

    async fn operations(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<Operation>> {
        self.operations.list(cursor, limit).await
    }

    async fn export(&self, format: Format, currency: Option<Currency>) -> Result<Chunks> {
        let currency = match currency {
            Some(currency) => Some(self.currency(Some(currency)).await?),
            None => None,
        };
        self.me()?.walk(format, currency).await
    }

    async fn fetch_images(&self, id: Option<OperationId>, product: &ProductId, caller: &Caller) -> Result<Operation> {
        let id = id.unwrap_or_else(|| OperationId::from_bytes(self.machinery.id_bytes()));
        if let Some(operation) = self.operations.find(&id).await? {
            return Ok(operation);
        }
        let waiting = self.book.product(product).await?.content.image_urls.len();
        let mut operation = fresh(&id, OperationKind::FetchImages, "pictures", waiting as u64);
        operation.product = Some(product.to_string());
        let running = self.operations.begin(operation, FETCHES_MAX).await?;
        let (me, product, caller, shown) = (self.me()?, product.clone(), caller.clone(), running.shown());
        tokio::spawn(async move {
            let tell = |error: FieldError| {
                let pointer = error.pointer.clone();
                running.tell(problem(0, Severity::Error, Some(&pointer), &error, ""));
            };
            let came_of_it = me.fetch_all(&product, &running, &caller, &tell).await;
            running.update(|operation| {
                operation.progress.done = operation.pictures.fetched + operation.pictures.failed;
            });
            me.operations.end(&running, came_of_it).await;
        });
        Ok(shown)
    }
}
