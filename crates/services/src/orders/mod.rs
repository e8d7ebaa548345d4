//! Orders: placing them, driving their process, and everything that may happen to them afterwards.
//! It does not know how stock is counted or money is moved; it asks the services that do.

mod act;
mod buying;
mod change;

mod checkout;
mod desk;
mod drafts;
pub mod http;
mod kinds;
mod list;
mod news;
mod personal;
mod place;
mod query;
mod refusal;
mod sweep;
mod tasks;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use contracts::carts::Carts;
use contracts::catalog::Catalog;
use contracts::inventory::Inventory;
use contracts::payments::Payments;
use contracts::shop::Shop;
use domain::ids::OrderId;
use domain::order::Order;
use parking_lot::Mutex;
use platform::log::StreamId;
use platform::log::kind::Kinds;
use platform::projection::ErasedProjection;
use tokio::sync::Semaphore;

use crate::machinery::{Machinery, stored};
pub use buying::Counter;
pub use desk::Desk;
pub use kinds::OrderKind;
use kinds::{CartKind, NumberKind};
pub use view::Reader;

pub fn register(kinds: &mut Kinds) {
    kinds.register::<OrderKind>().register::<NumberKind>().register::<CartKind>();
}

pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    vec![Arc::new(list::OrderList), Arc::new(tasks::OrderTasks)]
}

/// An order that nobody has seen so long after its cart or its stock was set aside for it is lost: a crash, or a disk that was full,
/// came between. What was set aside is free again.
const LOST_S: i64 = 60;

/// Bounds of the orders service.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a request waits for its order to be confirmed before it answers 202.
    pub payment_wait: Duration,
    /// How long stock is held for an order that is there and not confirmed.
    pub reservation_ttl: Duration,
    /// How often the sweeper looks for orders that nobody drives.
    pub sweep_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payment_wait: Duration::from_secs(5),
            reservation_ttl: Duration::from_secs(45 * 60),
            sweep_every: Duration::from_secs(1),
        }
    }
}

/// The orders service.
pub struct Orders {
    machinery: Machinery,
    shop: Arc<dyn Shop>,
    catalog: Arc<dyn Catalog>,
    inventory: Arc<dyn Inventory>,
    payments: Arc<dyn Payments>,
    carts: Arc<dyn Carts>,
    limits: Limits,
    /// Orders that the sweeper drives right now, or has in line.
    taken_up: Mutex<BTreeSet<OrderId>>,
    turns: Semaphore,
}

/// The services that orders work with.
pub struct Neighbours {
    pub shop: Arc<dyn Shop>,
    pub catalog: Arc<dyn Catalog>,
    pub inventory: Arc<dyn Inventory>,
    pub payments: Arc<dyn Payments>,
    pub carts: Arc<dyn Carts>,
}

impl Orders {
    pub fn new(machinery: Machinery, neighbours: Neighbours, limits: Limits) -> Arc<Self> {
        let Neighbours { shop, catalog, inventory, payments, carts } = neighbours;
        Arc::new(Self {
            machinery,
            shop,
            catalog,
            inventory,
            payments,
            carts,
            limits,
            taken_up: Mutex::default(),
            turns: Semaphore::new(sweep::DRIVEN_AT_ONCE),
        })
    }

    /// The order as this node knows it.
    async fn at_hand(&self, order: &OrderId) -> contracts::Result<Arc<Order>> {
        let at_hand = self.machinery.executor.at_hand::<OrderKind>(&stream(order)).await;
        at_hand.map(|(order, _)| order).map_err(stored)
    }

    /// The order as it is, and the version of its stream.
    async fn read(&self, order: &OrderId) -> contracts::Result<(Arc<Order>, u64)> {
        self.machinery.executor.read::<OrderKind>(&stream(order)).await.map_err(stored)
    }
}

/// The stream of an order.
fn stream(order: &OrderId) -> StreamId {
    StreamId::new("order", order.key())
}
