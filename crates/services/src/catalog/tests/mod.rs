//! The catalogue tried as a whole, in memory: a real executor, real projections, and what it asks of others made simple.

mod answers;
mod facts;
mod lists;
mod over_http;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Result;
use contracts::caller::Caller;
use contracts::catalog::Reading;
use contracts::inventory::{Inventory, Reserved};
use contracts::shop::{CurrentSettings, Shop};
use domain::catalog::{Product, ProductInput};
use domain::ids::{OrderId, ProductId, RefundId, ShipmentId, StaffId};
use domain::quantity::Quantity;
use domain::reservation::Reservation;
use domain::settings::{Settings, SettingsInput};
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason, Stock};
use jiff::Timestamp;
use parking_lot::Mutex;
use platform::blobs::MemoryBlobs;
use platform::clock::{Clock, ManualClock};
use platform::documents::Documents;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::{Entropy, SeededEntropy};
use platform::http::idempotency::Idempotency;
use platform::log::Log;
use platform::log::executor::{Executor, Limits};
use platform::log::kind::Kinds;
use platform::log::memory::MemoryLog;
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http::router;
use super::pictures::{Format, PictureWorkshop, Prepared, Smaller};
use super::{Catalog, projections, register};
use crate::http::Repeats;
use crate::machinery::Machinery;

/// A shop with English and Korean, dollars and won.
struct FixedShop(Mutex<Arc<CurrentSettings>>);

impl FixedShop {
    fn new() -> Self {
        let input =
            json!({"name": "Low Lamp", "default_locale": "en", "locales": ["en", "ko"], "currencies": ["USD", "KRW"]});
        let settings = serde_json::from_value::<SettingsInput>(input).unwrap().validate().unwrap();
        Self(Mutex::new(Arc::new(CurrentSettings { settings, version: 1 })))
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let held = &mut *self.0.lock();
        let mut settings = held.settings.clone();
        change(&mut settings);
        *held = Arc::new(CurrentSettings { settings, version: held.version + 1 });
    }
}

#[async_trait]
impl Shop for FixedShop {
    async fn settings(&self) -> Result<Arc<CurrentSettings>> {
        Ok(self.0.lock().clone())
    }

    async fn replace_settings(&self, _: SettingsInput, _: Option<u64>) -> Result<Arc<CurrentSettings>> {
        unreachable!("the catalogue changes no settings")
    }
}

/// Takes every picture for 1,000 pixels wide, with one smaller version.
struct AsItIs;

#[async_trait]
impl PictureWorkshop for AsItIs {
    async fn prepare(&self, bytes: Bytes, _: Format) -> Result<Prepared> {
        let sizes = vec![Smaller { width: 320, format: Format::Jpeg, bytes: "smaller".into() }];
        Ok(Prepared { width: 1_000, height: 500, bytes, sizes })
    }
}

/// Stock as the test sets it; `None` cannot be asked.
#[derive(Default)]
struct Shelves(Mutex<Option<BTreeMap<Sku, Stock>>>);

impl Shelves {
    fn set(&self, sku: &str, on_hand: i64) {
        let mut stock = Stock::default();
        stock.apply(&stock.adjust(&Location::default(), on_hand, Reason::Received).unwrap());
        self.0.lock().get_or_insert_default().insert(Sku::parse(sku).unwrap(), stock);
    }

    fn sell_out(&self, sku: &str) {
        self.0.lock().get_or_insert_default().remove(&Sku::parse(sku).unwrap());
    }

    fn set_policy(&self, sku: &str, policy: Policy) {
        let stock = Stock { policy, ..Stock::default() };
        self.0.lock().get_or_insert_default().insert(Sku::parse(sku).unwrap(), stock);
    }
}

#[async_trait]
impl Inventory for Shelves {
    async fn stock(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>> {
        let held = self.0.lock();
        let held = held.as_ref().ok_or_else(|| contracts::Error::unavailable("away", 1))?;
        Ok(skus.iter().map(|sku| (sku.clone(), held.get(sku).cloned().unwrap_or_default())).collect())
    }

    async fn reserve(&self, _: &OrderId, _: &[(Sku, Quantity)], _: Timestamp, _: &Caller) -> Result<Reserved> {
        unreachable!("the catalogue only looks")
    }

    async fn confirm(&self, _: &OrderId, _: &Caller) -> Result<bool> {
        unreachable!("the catalogue only looks")
    }

    async fn release(&self, _: &OrderId, _: &Caller) -> Result<()> {
        unreachable!("the catalogue only looks")
    }

    async fn unconfirmed(&self, _: Timestamp) -> Result<Vec<OrderId>> {
        unreachable!("the catalogue only looks")
    }

    async fn abandon(&self, _: &OrderId, _: &Caller) -> Result<bool> {
        unreachable!("the catalogue only looks")
    }

    async fn ship(&self, _: &OrderId, _: &ShipmentId, _: &[(Sku, Quantity)], _: &Caller) -> Result<()> {
        unreachable!("the catalogue only looks")
    }

    async fn restock(
        &self,
        _: &OrderId,
        _: &RefundId,
        _: &[(Sku, Quantity)],
        _: &[(Sku, Quantity)],
        _: &Caller,
    ) -> Result<()> {
        unreachable!("the catalogue only looks")
    }

    async fn adjust(&self, _: &Sku, _: &Location, _: i64, _: Reason, _: &str, _: &Caller) -> Result<Stock> {
        unreachable!("the catalogue only looks")
    }

    async fn set_policy(&self, _: &Sku, _: Policy, _: &Caller) -> Result<Stock> {
        unreachable!("the catalogue only looks")
    }

    async fn reservation(&self, _: &OrderId, _: Option<Timestamp>) -> Result<Reservation> {
        unreachable!("the catalogue only looks")
    }
}

/// Stands for the inventory's streams: all that the catalogue hears of them is that something happened.
struct StockNews;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moved {
    Moved {},
}

impl platform::log::kind::Kind for StockNews {
    const NAME: &'static str = "stock";
    const STATE_VERSION: u32 = 1;
    type State = ();
    type Fact = Moved;

    fn apply(_: &mut (), _: &Moved, _: Timestamp) {}
}

struct Mart {
    catalog: Arc<Catalog>,
    shop: Arc<FixedShop>,
    shelves: Arc<Shelves>,
    machinery: Machinery,
    clock: Arc<ManualClock>,
}

async fn mart() -> Mart {
    let manual = Arc::new(ManualClock::starting_at("2026-05-01T12:00:00Z".parse().unwrap()));
    let clock: Arc<dyn Clock> = manual.clone();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
    let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(8));
    let mut kinds = Kinds::default();
    register(&mut kinds);
    kinds.register::<StockNews>();
    let executor = Executor::start(log, kinds, clock.clone(), entropy.clone(), Limits::default()).await.unwrap();
    let projector = Projector::start(&executor, &documents, &clock, &projections()).await.unwrap();
    let vault = Vault::new(MasterKey::new([7; 32]), documents.clone(), clock.clone(), entropy.clone());
    let blobs = Arc::new(MemoryBlobs::default());
    let machinery = Machinery { executor, documents, projector, vault, blobs, clock, entropy };
    let (shop, shelves) = (Arc::new(FixedShop::new()), Arc::new(Shelves(Mutex::new(Some(BTreeMap::new())))));
    let catalog = Catalog::new(machinery.clone(), shop.clone(), shelves.clone(), Arc::new(AsItIs));
    Mart { catalog, shop, shelves, machinery, clock: manual }
}

impl Mart {
    fn router(&self) -> axum::Router {
        let (documents, clock) = (self.machinery.documents.clone(), self.machinery.clock.clone());
        let repeats = Repeats::new(Arc::new(Idempotency::new(documents, clock, b"secret")));
        router(self.catalog.clone(), repeats).split_for_parts().0
    }

    async fn create(&self, input: Value) -> Result<Arc<Product>> {
        let id = ProductId::from_bytes(self.machinery.id_bytes());
        self.catalog.create(id, &product(input), &staff()).await
    }
}

fn staff() -> Caller {
    Caller { staff: Some(StaffId::from_bytes([1; 16])), ..Caller::default() }
}

fn product(input: Value) -> ProductInput {
    serde_json::from_value(input).unwrap()
}

/// A product with one variant at a price in dollars.
fn simple(title: &str, sku: &str, price: i64) -> Value {
    json!({"title": title, "variants": [{"sku": sku, "prices": [{"amount": price, "currency": "USD"}]}]})
}

fn with(mut input: Value, name: &str, value: Value) -> Value {
    input[name] = value;
    input
}

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn read_in(currency: Option<&str>, locale: Option<&str>) -> Reading {
    super::reading::reading(currency, locale).unwrap()
}
