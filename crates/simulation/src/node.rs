//! One node in one life: every service of the core, wired as the binary does it, on the simulated disk and bank.
//! It serves no sockets; clients call what stands behind them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{Error, Result};
use platform::blobs::MemoryBlobs;
use platform::clock::Clock;
use platform::documents::Documents;
use platform::entropy::{Entropy, SeededEntropy};
use platform::log::Log;
use platform::log::executor::{Executor, Limits};
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use platform::store::StoreResult;
use services::carts::Carts;
use services::catalog::Catalog;
use services::catalog::pictures::{Format, PictureWorkshop, Prepared};
use services::inventory::Inventory;
use services::machinery::Machinery;
use services::orders::{self, Counter, Desk, Neighbours, Orders};
use services::payments::provider::Provider;
use services::payments::{Notices, Payments};
use services::shop::Shop;

use crate::bank::{Bank, BankProvider, ByHand};
use crate::disk::{Disk, DiskDocuments, DiskLog};
use crate::life::Life;
use crate::plant::{Forgetful, FreshKeys, Plant, Unreleasing, skipping};

/// The shop as its clients reach it.
pub struct Node {
    pub life: Arc<Life>,
    pub machinery: Machinery,
    pub shop: Arc<Shop>,
    pub inventory: Arc<Inventory>,
    pub catalog: Arc<Catalog>,
    pub carts: Arc<Carts>,
    pub payments: Arc<Payments>,
    pub counter: Arc<Counter>,
    pub desk: Arc<Desk>,
    pub notices: Arc<Notices>,
}

impl Node {
    /// Starts a node on the current runtime: its sweepers run, its projections catch up.
    pub async fn start(life: &Arc<Life>, disk: &Arc<Disk>, bank: &Arc<Bank>, number: u64) -> StoreResult<Arc<Self>> {
        let world = &life.world;
        let plant = world.plant;
        let machinery = machinery(life, disk, number).await?;
        let shop = Arc::new(Shop::new(&machinery));
        let inventory = Arc::new(Inventory::new(machinery.clone()));
        let catalog = Catalog::new(machinery.clone(), shop.clone(), inventory.clone(), Arc::new(NoPictures));
        let carts = Arc::new(Carts::new(&machinery, shop.clone(), catalog.clone(), inventory.clone()));
        let provider: Arc<dyn Provider> = BankProvider::new(bank, life);
        let provider = match plant {
            Some(Plant::NonIdempotentStep) => Arc::new(FreshKeys::over(provider)),
            _ => provider,
        };
        let payments = Arc::new(Payments::new(machinery.clone(), vec![provider, Arc::new(ByHand)]));
        let stock: Arc<dyn contracts::inventory::Inventory> = match plant {
            Some(Plant::LostRelease) => Arc::new(Unreleasing(inventory.clone())),
            _ => inventory.clone(),
        };
        let neighbours = Neighbours {
            shop: shop.clone(),
            catalog: catalog.clone(),
            inventory: stock,
            payments: payments.clone(),
            carts: carts.clone(),
        };
        let limits = orders::Limits { reservation_ttl: world.faults.reservation_ttl, ..orders::Limits::default() };
        let orders = Orders::new(machinery.clone(), neighbours, limits);
        tokio::spawn(orders.clone().run_sweeper());
        tokio::spawn(inventory.clone().run_sweeper());
        tokio::spawn(payments.clone().run_sweeper());
        Ok(Arc::new(Self {
            life: life.clone(),
            notices: Arc::new(Notices::new(payments.clone(), orders.clone())),
            counter: Arc::new(Counter::new(orders.clone())),
            desk: Arc::new(Desk::new(orders)),
            machinery,
            shop,
            inventory,
            catalog,
            carts,
            payments,
        }))
    }
}

async fn machinery(life: &Arc<Life>, disk: &Arc<Disk>, number: u64) -> StoreResult<Machinery> {
    let world = &life.world;
    let faults = &world.faults;
    let clock: Arc<dyn Clock> = life.clone();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(world.seed ^ (number << 32) ^ life.node as u64));
    let log: Arc<dyn Log> = DiskLog::new(disk, life);
    let documents: Arc<dyn Documents> = DiskDocuments::new(disk, life);
    let documents: Arc<dyn Documents> = match world.plant {
        Some(Plant::LostTimer) => Arc::new(Forgetful::over(documents)),
        _ => documents,
    };
    let limits = Limits {
        queue: faults.queue,
        batch_groups: faults.batch_groups,
        states_bytes: faults.states_bytes,
        news_every_ms: faults.news_every_ms,
        ..Limits::default()
    };
    let executor = Executor::start(log, services::kinds(), clock.clone(), entropy.clone(), limits).await?;
    let projections = match world.plant {
        Some(Plant::SkippingProjection) => skipping(services::projections()),
        _ => services::projections(),
    };
    let projector = Projector::start(&executor, &documents, &clock, &projections).await?;
    // As the key file: the same in every life.
    let master = MasterKey::generate(&SeededEntropy::new(world.seed));
    let vault = Vault::new(master, documents.clone(), clock.clone(), entropy.clone());
    let vault = if faults.nodes == 1 { vault } else { vault.among_others() };
    Ok(Machinery { executor, documents, projector, vault, blobs: Arc::new(MemoryBlobs::default()), clock, entropy })
}

/// No picture is uploaded in a simulation.
struct NoPictures;

#[async_trait]
impl PictureWorkshop for NoPictures {
    async fn prepare(&self, _: Bytes, _: Format) -> Result<Prepared> {
        Err(Error::unavailable("there is no workshop here", 60))
    }
}
