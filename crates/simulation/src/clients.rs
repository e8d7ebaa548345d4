//! Those who come to the shop: buyers, staff, and the postman with the bank's letters. They outlive every node.
//! They know only what they were answered, and hold the shop to it.

mod buyer;
mod notebook;
mod postman;
mod staff;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contracts::{Error, Kind};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::judge::Invariant;
use crate::town::Town;
use crate::world::World;
pub use notebook::Notebook;

/// Where clients live: a runtime of their own, in step with those of the nodes.
pub struct Street {
    runtime: Runtime,
    began: Instant,
    ran: Duration,
    busy: Arc<AtomicUsize>,
    pub notebook: Arc<Notebook>,
}

impl Street {
    pub fn open(town: &Arc<Town>) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let began = runtime.block_on(async { Instant::now() });
        let notebook = Arc::new(Notebook::new(town));
        let busy = Arc::new(AtomicUsize::new(0));
        Self { runtime, began, ran: Duration::ZERO, busy, notebook }
    }

    /// Lets everybody come.
    pub fn fill(&self, town: &Arc<Town>) {
        let _inside = self.runtime.enter();
        for number in 0..town.world.faults.buyers {
            self.come(buyer::shops(town.clone(), self.notebook.clone(), number));
        }
        self.come(staff::work(town.clone(), self.notebook.clone()));
        tokio::spawn(postman::carries(town.clone()));
    }

    fn come(&self, client: impl Future<Output = ()> + Send + 'static) {
        let busy = self.busy.clone();
        busy.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            client.await;
            busy.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Lets clients do what they do in so long a time.
    pub fn run(&mut self, time: Duration) {
        self.ran += time;
        let until = self.began + self.ran;
        self.runtime.block_on(async { tokio::time::sleep_until(until).await });
    }

    /// Whether everybody has what they came for, or went away.
    pub fn is_empty(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
    }

    /// After the storm: every wish is asked once more, and every parked order is let go on.
    pub fn come_back(&self, town: &Arc<Town>) {
        let _inside = self.runtime.enter();
        self.come(buyer::asks_again(town.clone(), self.notebook.clone()));
    }

    pub fn see_to_parked(&self, town: &Arc<Town>) {
        let _inside = self.runtime.enter();
        self.come(staff::sees_to_parked(town.clone()));
    }
}

/// Whether an error means that the same request may be sent again.
fn is_passing(world: &World, error: &Error) -> bool {
    if error.kind == Kind::Internal {
        world.violated(Invariant::NothingBreaks, format!("a client was told: {}", error.message));
    }
    matches!(error.kind, Kind::Unavailable | Kind::Internal)
}
