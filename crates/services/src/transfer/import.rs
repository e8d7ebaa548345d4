//! An import: each product of a file is looked for, made what the file says, and put on the shelf if it is new.
//! It does not decide what a product may be, and takes nothing away that the file does not tell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contracts::caller::Caller;
use contracts::transfer::{ImportOrder, Mode, Outcome, Severity, Written};
use contracts::{Error, Kind, Result};
use domain::catalog::{Product, ProductInput};
use domain::field::FieldError;
use domain::ids::ProductId;
use domain::money::Currency;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use domain::text::Slug;
use futures::stream::{self, StreamExt};
use tokio::sync::Mutex;

use super::Transfer;
use super::goods::{Goods, Shelf};
use super::operations::Running;
use super::reading::Products;
use super::spool::{Reader, Spooled};

/// Products that are written at once: their facts share commits. With 64 the same file took twice as long; a shopper waits
/// behind one batch of them, some milliseconds.
const AT_ONCE: usize = 256;
/// How often a product is looked at anew because others changed it meanwhile.
const LOOKS: usize = 4;
/// How often a shop that has too much to do is asked again, and how long after. Shoppers come first.
const PATIENCE: (usize, Duration) = (20, Duration::from_millis(250));

/// One run through a file.
pub struct Import {
    pub transfer: Arc<Transfer>,
    pub running: Arc<Running>,
    pub order: ImportOrder,
    pub currency: Option<Currency>,
    pub caller: Caller,
    /// Categories that were found or made; the lock keeps two products from making the same one.
    categories: Mutex<BTreeMap<Vec<String>, Slug>>,
}

impl Import {
    pub fn new(
        transfer: Arc<Transfer>,
        running: Arc<Running>,
        order: ImportOrder,
        currency: Option<Currency>,
        caller: Caller,
    ) -> Self {
        Self { transfer, running, order, currency, caller, categories: Mutex::default() }
    }

    /// To the end of the file.
    ///
    /// # Errors
    /// Where the file cannot be read any further, or the shop cannot be written to.
    pub async fn run(&self, file: &Spooled) -> Result<()> {
        let reader = Reader::new(self.transfer.spool.clone(), &file.name);
        let products = Products::new(reader, self.order.format, self.currency, self.running.clone());
        let goods = stream::unfold(Some(products), |products| async move {
            let mut products = products?;
            match products.next().await {
                Ok(Some(goods)) => Some((Ok(goods), Some(products))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        let work = goods.map(|goods| async move { self.take(&goods?).await });
        let mut work = std::pin::pin!(work.buffer_unordered(AT_ONCE));
        while let Some(done) = work.next().await {
            done?;
            self.transfer.operations.note_now_and_then(&self.running).await?;
        }
        self.running.update(|operation| operation.progress.done = operation.progress.total);
        Ok(())
    }

    /// What is wrong with the product is told; an error is for what would go wrong with all others, too.
    async fn take(&self, goods: &Goods) -> Result<()> {
        for attempt in 1.. {
            let mut input = None;
            let Err(error) = self.try_take(goods, &mut input).await else { break };
            match error.kind {
                Kind::Unavailable if attempt < PATIENCE.0 => tokio::time::sleep(PATIENCE.1).await,
                Kind::Unavailable | Kind::Internal => return Err(error),
                _ => {
                    self.refuse(goods, &error, input.as_ref());
                    break;
                }
            }
        }
        Ok(())
    }

    fn refuse(&self, goods: &Goods, error: &Error, input: Option<&ProductInput>) {
        self.running.update(|operation| operation.products.failed += 1);
        if error.fields.is_empty() {
            let whole = FieldError::new("", error.code.clone(), error.message.clone());
            self.running.tell(goods.problem(Severity::Error, &whole, input));
        }
        for field in &error.fields {
            self.running.tell(goods.problem(Severity::Error, field, input));
        }
    }

    async fn try_take(&self, goods: &Goods, tried: &mut Option<ProductInput>) -> Result<()> {
        let mut without_missing = Vec::new();
        for _ in 0..LOOKS {
            let before = self.transfer.book.find(&goods.slug, &goods.skus()).await?;
            let category = self.category(goods).await?;
            let mut input = goods.onto(before.as_deref(), category.as_ref())?;
            drop_pictures(&mut input, &without_missing);
            *tried = Some(input.clone());
            match self.write(goods, before.as_deref(), input.clone()).await {
                Err(error) if error.kind == Kind::Stale => {}
                Err(error) if is_about_missing_pictures(&error) => {
                    let missing = error.fields.iter().filter_map(|field| media_at(&input, &field.pointer));
                    without_missing.extend(missing.collect::<Vec<_>>());
                    for field in &error.fields {
                        let message = format!("left out: {}", field.message);
                        let field = FieldError { message, ..field.clone() };
                        self.running.tell(goods.problem(Severity::Warning, &field, Some(&input)));
                    }
                }
                Err(error) => return Err(error),
                Ok(written) => return self.written(goods, written).await,
            }
        }
        Err(Error::unavailable("others keep changing this product", 1))
    }

    /// Stock comes before the product: what is for sale has its count, and after a crash in between the product is
    /// still new, while the name under which its stock was counted says that it was.
    async fn write(&self, goods: &Goods, before: Option<&Product>, input: ProductInput) -> Result<Written> {
        let mode = if self.order.dry_run { Mode::Rehearse } else { Mode::Do };
        let book = &self.transfer.book;
        let is_known = |sku: &Sku| before.is_some_and(|product| product.content.variant_by_sku(sku).is_some());
        let shelves: Vec<(Sku, Shelf)> = goods.shelves().into_iter().filter(|(sku, _)| !is_known(sku)).collect();
        if mode == Mode::Do && !shelves.is_empty() {
            input.validate().map_err(Error::invalid)?;
            futures::future::try_join_all(shelves.iter().map(|(sku, shelf)| self.fill(sku, *shelf))).await?;
        }
        match before {
            Some(product) => book.replace(product, input, mode, &self.caller).await,
            None => {
                let id = self.transfer.product_id(&goods.slug);
                let written = book.create(&id, input.clone(), mode, &self.caller).await?;
                match written {
                    // Made by an import before, and called something else since.
                    Written { outcome: Outcome::Unchanged, product: Some(product) } => {
                        let input = ProductInput { slug: Some(product.content.slug.to_string()), ..input };
                        book.replace(&product, input, mode, &self.caller).await
                    }
                    written => Ok(written),
                }
            }
        }
    }

    /// Counts what lies there of a SKU that nobody counted yet, once for all imports.
    async fn fill(&self, sku: &Sku, shelf: Shelf) -> Result<()> {
        if shelf == Shelf::default() {
            return Ok(());
        }
        let inventory = &self.transfer.inventory;
        let stock = inventory.stock(std::slice::from_ref(sku)).await?.remove(sku).unwrap_or_default();
        if !stock.levels.is_empty() {
            return Ok(());
        }
        if let Some(policy) = shelf.policy.filter(|policy| *policy != stock.policy) {
            inventory.set_policy(sku, policy, &self.caller).await?;
        }
        if shelf.on_hand > 0 {
            let once = format!("import/{sku}");
            let (location, reason) = (Location::default(), Reason::Received);
            inventory.adjust(sku, &location, shelf.on_hand, reason, &once, &self.caller).await?;
        }
        Ok(())
    }

    async fn category(&self, goods: &Goods) -> Result<Option<Slug>> {
        let Some(path) = goods.category() else { return Ok(None) };
        let mut known = self.categories.lock().await;
        if let Some(slug) = known.get(path) {
            return Ok(Some(slug.clone()));
        }
        let mode = if self.order.dry_run { Mode::Rehearse } else { Mode::Do };
        let (slug, added) = self.transfer.book.category(path, mode, &self.caller).await?;
        self.running.update(|operation| {
            for slug in added.into_iter().map(String::from) {
                if !operation.categories_created.contains(&slug) {
                    operation.categories_created.push(slug);
                }
            }
        });
        known.insert(path.to_vec(), slug.clone());
        Ok(Some(slug))
    }

    async fn written(&self, goods: &Goods, written: Written) -> Result<()> {
        self.running.update(|operation| {
            let counts = &mut operation.products;
            *match written.outcome {
                Outcome::Created => &mut counts.created,
                Outcome::Updated => &mut counts.updated,
                Outcome::Unchanged => &mut counts.unchanged,
            } += 1;
        });
        if !self.order.fetch_images || self.order.dry_run {
            return Ok(());
        }
        let Some(product) = written.product.filter(|product| !product.content.image_urls.is_empty()) else {
            return Ok(());
        };
        let tell = |field: FieldError| self.running.tell(goods.problem(Severity::Warning, &field, None));
        match self.transfer.fetch_all(&product.id, &self.running, &self.caller, &tell).await {
            // The product is written; its pictures wait on.
            Err(error) if error.kind == Kind::Unavailable => {
                tell(FieldError::new("/image_urls", error.code, error.message));
                Ok(())
            }
            done => done,
        }
    }
}

impl Transfer {
    /// The id of a product that an import makes follows from its handle, so that a second attempt finds the first.
    pub(super) fn product_id(&self, slug: &Slug) -> ProductId {
        let hash = self.machinery.vault.master().hash("imported product", &[slug.as_str().as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        ProductId::from_bytes(bytes)
    }
}

fn is_about_missing_pictures(error: &Error) -> bool {
    !error.fields.is_empty() && error.fields.iter().all(|field| field.code == "unknown_media")
}

fn media_at(input: &ProductInput, pointer: &str) -> Option<String> {
    let (list, rest) = pointer.strip_prefix('/')?.split_once('/')?;
    let index: usize = rest.split('/').next()?.parse().ok()?;
    match list {
        "images" => input.images.get(index).map(|image| image.media.clone()),
        "variants" => input.variants.get(index)?.image.clone(),
        _ => None,
    }
}

fn drop_pictures(input: &mut ProductInput, missing: &[String]) {
    input.images.retain(|image| !missing.contains(&image.media));
    for variant in &mut input.variants {
        variant.image = variant.image.take().filter(|media| !missing.contains(media));
    }
    for text in input.translations.values_mut() {
        text.image_alts.retain(|media, _| !missing.contains(media));
    }
}
