//! How many reservations of one SKU become durable in a second, with many callers at the executor.
//! It knows no orders, payments or pages; with and without the documents that follow the log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contracts::caller::Caller;
use contracts::inventory::{Inventory as _, Reserved};
use domain::ids::OrderId;
use domain::quantity::Quantity;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use jiff::Timestamp;
use services::inventory::Inventory;
use tokio::time::Instant;

use super::Outcome;
use super::open;

/// Callers at once.
const AT_ONCE: usize = 2_048;
const SKU: &str = "FIGURE";
const PLENTY: i64 = 1_000_000_000;
/// Before the measured time begins.
const WARM_UP: Duration = Duration::from_millis(500);

/// Prints one line for each: the executor alone, and with the documents that are derived from what it writes.
pub async fn measure(folder: &Path, duration: Duration) -> Outcome {
    for (name, projections) in [("executor", Vec::new()), ("with_documents", services::projections())] {
        let (store, machinery) = open::machinery(&folder.join(name), &projections).await?;
        let inventory = Arc::new(Inventory::new(machinery));
        let sku = Sku::parse(SKU)?;
        inventory.adjust(&sku, &Location::default(), PLENTY, Reason::Received, "all", &Caller::system()).await?;
        let begins = Instant::now() + WARM_UP;
        let ends = begins + duration;
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|caller| tokio::spawn(reserve(inventory.clone(), sku.clone(), caller, begins, ends)))
            .collect();
        let mut latencies = Vec::new();
        for caller in callers {
            latencies.extend(caller.await??);
        }
        latencies.sort_unstable();
        let at = |share: usize| latencies.get(latencies.len() * share / 100).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a rate that is shown")]
        let rate = latencies.len() as f64 / duration.as_secs_f64();
        let [p50, p99] = [at(50), at(99)].map(|latency| latency.as_secs_f64() * 1_000.0);
        println!("{name} rate={rate:.0} p50_ms={p50:.2} p99_ms={p99:.2}");
        drop(inventory);
        store.close().await?;
    }
    Ok(())
}

/// One caller, who reserves a piece for one order after another. How long each took that began in the measured time.
async fn reserve(
    inventory: Arc<Inventory>,
    sku: Sku,
    caller: usize,
    begins: Instant,
    ends: Instant,
) -> contracts::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for number in 0_u64.. {
        let asked = Instant::now();
        if asked >= ends {
            break;
        }
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(caller as u64).to_be_bytes());
        id[8..].copy_from_slice(&number.to_be_bytes());
        let lines = [(sku.clone(), Quantity::ONE)];
        let order = OrderId::from_bytes(id);
        let held = inventory.reserve(&order, &lines, Timestamp::MAX, &Caller::default()).await?;
        assert!(matches!(held, Reserved::Held), "there is enough for everybody");
        let answered = Instant::now();
        if asked >= begins && answered < ends {
            latencies.push(answered - asked);
        }
    }
    Ok(latencies)
}
