//! Finished answers of what is read most: a product by name, currency and language, as the bytes that are sent.
//! It does not know how an answer is made, nor whether it is still true: who asks for a stale one makes it anew.
//!
//! Facts that were committed in this process forget or mark at once. What another process wrote is found by the look
//! that each answer takes once in [`LOOKED_AT_EVERY`]. Nodes share what they made through
//! [`SecondLevel`], which passes over what a fact has outdated.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use contracts::catalog::ProductView;
use domain::ids::ProductId;
use domain::sku::Sku;
use parking_lot::Mutex;
use platform::cache::{Found, Moment, SecondLevel};
use platform::http::{Finished, Weigh as _};
use platform::log::Version;
use platform::log::executor::CommittedFact;
use platform::log::kind::Kind;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::kinds::Products;
use super::reading::ReadAs;
use super::views::Shelf;
use crate::http::whole;

/// After this long an answer is compared with the product and its stock before it is given again.
pub const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
const PRODUCTS_MAX: usize = 4_096;
const BYTES_MAX: usize = 24 << 20;
/// What the view takes, roughly: it holds the same texts again.
const VIEW_BYTES_PER_BODY_BYTE: usize = 2;
/// How long other nodes have an answer; facts end it sooner.
const SHARED_FOR: Duration = Duration::from_secs(10 * 60);
/// The first bytes of an answer for other nodes: another number for another form.
const PACKING: u16 = 1;
/// The streams of stock are named after the SKU; that a SKU's stock moved is all that is read from them.
const STOCK_STREAMS: &str = "stock";
/// Committed batches that wait to be heard; what is left out is found by the next look.
pub const NEWS_BATCHES: usize = 1_024;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// An id or a slug.
    pub name: String,
    pub read_as: ReadAs,
}

impl Asked {
    /// Its name among nodes.
    fn key(&self) -> String {
        format!("{}:{}:{}", self.read_as.currency_code(), self.read_as.locale, self.name)
    }
}

/// An answer, and what it rests on.
pub struct Answer {
    pub product: ProductId,
    pub version: Version,
    pub shelf: Shelf,
    pub view: Arc<ProductView>,
    /// The view as JSON.
    pub finished: Arc<Finished>,
    look: Mutex<Look>,
}

struct Look {
    taken: Instant,
    is_due: bool,
    /// Whether facts reach this answer at all.
    is_kept: bool,
}

impl Look {
    fn is_due_at(&self, now: Instant) -> bool {
        self.is_due || now.duration_since(self.taken) >= LOOKED_AT_EVERY
    }
}

/// Short, because availability is part of it; a shop under load may give an older one meanwhile.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// A view as it is sent.
pub async fn finish(view: &ProductView) -> contracts::Result<Arc<Finished>> {
    Ok(Arc::new(Finished::of(whole(view, FRESH_FOR)?).await))
}

impl Answer {
    pub fn new(product: ProductId, version: Version, shelf: Shelf, view: ProductView, finished: Arc<Finished>) -> Self {
        let look = Mutex::new(Look { taken: Instant::now(), is_due: false, is_kept: false });
        Self { product, version, shelf, view: Arc::new(view), finished, look }
    }

    /// Whether it would be given to whoever asked now, without another look.
    pub fn is_current(&self) -> bool {
        let look = self.look.lock();
        look.is_kept && !look.is_due_at(Instant::now())
    }

    /// True for the one who is to look again; others take the answer as it is meanwhile.
    pub fn begin_look(&self) -> bool {
        let look = &mut *self.look.lock();
        let now = Instant::now();
        let is_due = look.is_due_at(now);
        if is_due {
            (look.taken, look.is_due) = (now, false);
        }
        is_due
    }

    fn look_soon(&self) {
        self.look.lock().is_due = true;
    }

    fn be_kept(&self, is_kept: bool) {
        self.look.lock().is_kept = is_kept;
    }

    /// For other nodes.
    fn pack(&self) -> Option<Bytes> {
        let (id, finished) = (self.product.as_str(), self.finished.pack()?);
        let mut bytes = BytesMut::with_capacity(2 + 2 + id.len() + 8 + finished.len());
        bytes.put_u16(PACKING);
        bytes.put_u16(u16::try_from(id.len()).ok()?);
        bytes.put_slice(id.as_bytes());
        bytes.put_u64(self.version);
        bytes.put(finished);
        Some(bytes.freeze())
    }

    /// An answer that another node made; `None` when that node is of another kind.
    fn unpack(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u16().ok()? != PACKING {
            return None;
        }
        let length = usize::from(bytes.try_get_u16().ok()?);
        let id = (bytes.len() >= length).then(|| bytes.split_to(length))?;
        let product = ProductId::parse(std::str::from_utf8(&id).ok()?).ok()?;
        let version = bytes.try_get_u64().ok()?;
        let finished = Finished::unpack(bytes)?;
        let view: ProductView = serde_json::from_slice(finished.body()).ok()?;
        let shelf = view.variants.iter().map(|variant| Some((Sku::parse(&variant.sku).ok()?, variant.availability)));
        let shelf = shelf.collect::<Option<Shelf>>()?;
        Some(Self::new(product, version, shelf, view, Arc::new(finished)))
    }

    /// What outdates it.
    fn tags(&self) -> Vec<String> {
        let stock = self.shelf.keys().map(|sku| stock_tag(sku.as_str()));
        stock.chain([product_tag(self.product.as_str())]).collect()
    }

    fn weight(&self) -> usize {
        1_024 + self.finished.weight() + self.finished.body_bytes() * VIEW_BYTES_PER_BODY_BYTE
    }
}

fn product_tag(id: &str) -> String {
    ["p:", id].concat()
}

fn stock_tag(sku: &str) -> String {
    ["s:", sku].concat()
}

/// The answers at hand.
#[derive(Default)]
pub struct Responses {
    kept: Mutex<Inner>,
    /// What other nodes have at hand.
    second: OnceLock<Arc<SecondLevel>>,
}

#[derive(Default)]
struct Inner {
    products: HashMap<ProductId, Kept>,
    /// The first to be kept is the first to go.
    queue: VecDeque<ProductId>,
    by_name: HashMap<String, ProductId>,
    by_sku: HashMap<String, ProductId>,
    bytes: usize,
    /// Rises whenever something is forgotten, so that what was made before is not kept after it.
    generation: u64,
}

/// The answers about one product: by id and by slug, in some currencies and languages.
#[derive(Default)]
struct Kept(Vec<(Asked, Arc<Answer>)>);

impl Responses {
    /// Hears what was committed until the executor or the last owner is gone.
    pub fn follow(self: &Arc<Self>, mut news: mpsc::Receiver<Arc<[CommittedFact]>>) {
        let responses = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(batch) = news.recv().await {
                let Some(responses) = responses.upgrade() else { return };
                responses.hear(&batch);
            }
        });
    }

    /// Shares answers with other nodes from now on.
    pub fn share(&self, second: Arc<SecondLevel>) {
        // The first stays.
        let _ = self.second.set(second);
    }

    /// What another node made, or the moment at which nobody had made it.
    pub async fn fetch(&self, asked: &Asked) -> Fetched {
        let Some(second) = self.second.get() else { return Fetched::Alone };
        match second.get(&asked.key()).await {
            Some(Found::Value(bytes)) => {
                Answer::unpack(bytes).map_or(Fetched::Alone, |answer| Fetched::Answer(Arc::new(answer)))
            }
            Some(Found::Missing(moment)) => Fetched::Missing(moment),
            None => Fetched::Alone,
        }
    }

    /// Gives other nodes an answer that was begun at that moment.
    pub async fn give(&self, asked: &Asked, began: Moment, answer: &Answer) {
        if let (Some(second), Some(bytes)) = (self.second.get(), answer.pack()) {
            second.put(&asked.key(), began, &bytes, SHARED_FOR, &answer.tags()).await;
        }
    }

    pub fn get(&self, asked: &Asked) -> Option<Arc<Answer>> {
        let inner = self.kept.lock();
        let kept = inner.products.get(inner.by_name.get(&asked.name)?)?;
        kept.0.iter().find(|(known, _)| known == asked).map(|(_, answer)| answer.clone())
    }

    /// Whether an answer with this view is kept and needs no look.
    pub fn is_current(&self, view: &Arc<ProductView>) -> bool {
        let inner = self.kept.lock();
        let Some(kept) = inner.by_name.get(&view.slug).and_then(|product| inner.products.get(product)) else {
            return false;
        };
        kept.0.iter().any(|(_, answer)| Arc::ptr_eq(&answer.view, view) && answer.is_current())
    }

    /// To be taken before anything is read that an answer will rest on.
    pub fn generation(&self) -> u64 {
        self.kept.lock().generation
    }

    /// Keeps an answer, unless something was forgotten since `generation`.
    pub fn keep(&self, asked: Asked, answer: Arc<Answer>, generation: u64) {
        let inner = &mut *self.kept.lock();
        if inner.generation == generation && answer.weight() <= BYTES_MAX {
            inner.keep(asked, answer);
        }
    }

    pub fn forget(&self, product: &ProductId) {
        self.kept.lock().forget(product);
        if let Some(second) = self.second.get() {
            second.forget([product_tag(product.as_str())]);
        }
    }

    fn hear(&self, batch: &[CommittedFact]) {
        let inner = &mut *self.kept.lock();
        for fact in batch {
            match fact.stream.kind() {
                Products::NAME => ProductId::from_key(&fact.stream.key()).iter().for_each(|id| inner.forget(id)),
                STOCK_STREAMS => inner.mark(&fact.stream.key()),
                _ => {}
            }
        }
        if let Some(second) = self.second.get() {
            second.forget(batch.iter().filter_map(tag));
        }
    }
}

/// What a fact outdates.
fn tag(fact: &CommittedFact) -> Option<String> {
    match fact.stream.kind() {
        Products::NAME => Some(product_tag(ProductId::from_key(&fact.stream.key()).ok()?.as_str())),
        STOCK_STREAMS => Some(stock_tag(&fact.stream.key())),
        _ => None,
    }
}

/// What other nodes have.
pub enum Fetched {
    Answer(Arc<Answer>),
    /// Nothing since that moment: whoever makes it now, gives it to them.
    Missing(Moment),
    /// Nobody can be asked.
    Alone,
}

impl Inner {
    fn keep(&mut self, asked: Asked, answer: Arc<Answer>) {
        answer.be_kept(true);
        let product = answer.product.clone();
        for sku in answer.shelf.keys() {
            self.by_sku.insert(sku.to_string(), product.clone());
        }
        self.by_name.insert(asked.name.clone(), product.clone());
        self.bytes += answer.weight();
        if !self.products.contains_key(&product) {
            self.queue.push_back(product.clone());
        }
        let kept = &mut self.products.entry(product).or_default().0;
        match kept.iter_mut().find(|(known, _)| *known == asked) {
            Some((_, before)) => {
                let before = std::mem::replace(before, answer);
                before.be_kept(false);
                self.bytes -= before.weight();
            }
            None => kept.push((asked, answer)),
        }
        while self.queue.len() > PRODUCTS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.queue.pop_front() else { return };
            self.remove(&oldest);
        }
    }

    fn forget(&mut self, product: &ProductId) {
        self.generation += 1;
        if self.remove(product) {
            self.queue.retain(|kept| kept != product);
        }
    }

    fn remove(&mut self, product: &ProductId) -> bool {
        let Some(Kept(answers)) = self.products.remove(product) else { return false };
        for (asked, answer) in answers {
            answer.be_kept(false);
            self.bytes -= answer.weight();
            self.by_name.remove(&asked.name);
            for sku in answer.shelf.keys() {
                self.by_sku.remove(sku.as_str());
            }
        }
        true
    }

    fn mark(&self, sku: &str) {
        let product = self.by_sku.get(sku);
        let kept = product.and_then(|product| self.products.get(product));
        kept.iter().flat_map(|kept| &kept.0).for_each(|(_, answer)| answer.look_soon());
    }
}

#[cfg(test)]
impl Responses {
    pub fn bytes(&self) -> usize {
        self.kept.lock().bytes
    }

    /// What is counted is what is there.
    pub fn check(&self) {
        let inner = self.kept.lock();
        let answers = || inner.products.values().flat_map(|kept| &kept.0);
        assert_eq!(inner.bytes, answers().map(|(_, answer)| answer.weight()).sum::<usize>());
        assert_eq!(inner.queue.len(), inner.products.len());
        assert!(answers().all(|(asked, _)| inner.by_name.contains_key(&asked.name)));
        assert!(
            inner.by_name.values().chain(inner.by_sku.values()).all(|product| inner.products.contains_key(product))
        );
    }
}
