//! Staff who look for orders at both nodes, the moment somebody was told of them.
//! It does not know who answers the lists.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use super::{Cluster, longest, median};
use crate::drill::Outcome;
use crate::drill::book::Book;

/// How many look at the same time.
const STAFF: usize = 4;
const SKU: &str = "TICKET";
const COUNT: i64 = 1_000_000;

/// What staff saw.
pub struct Looks<'a> {
    cluster: &'a Cluster,
    book: &'a Mutex<Book>,
    /// Nobody waits longer for a list.
    within: Duration,
    meanwhile: Mutex<Meanwhile>,
    /// How long each list took that was asked for then.
    took: Mutex<Vec<(Meanwhile, Duration)>>,
    bought: Mutex<i64>,
}

/// What the replica does while they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    Well,
    Lagging,
    Frozen,
}

impl<'a> Looks<'a> {
    /// Puts on the shelf what they will look for.
    pub async fn start(cluster: &'a Cluster, book: &'a Mutex<Book>, within: Duration) -> Self {
        cluster.mart.product(SKU, 1_000, COUNT).await;
        let meanwhile = Mutex::new(Meanwhile::Well);
        Self { cluster, book, within, meanwhile, took: Mutex::default(), bought: Mutex::default() }
    }

    /// What the replica does from now on.
    pub fn are(&self, meanwhile: Meanwhile) {
        *self.meanwhile.lock() = meanwhile;
    }

    /// They look until what happens is over.
    ///
    /// # Panics
    /// When a list does not come, comes late, or lacks the order.
    pub async fn while_staff_look<T>(&self, happens: impl Future<Output = T>) -> T {
        let is_over = AtomicBool::new(false);
        let staff = (0..STAFF).map(|_| async {
            while !is_over.load(Ordering::Relaxed) {
                self.look().await;
            }
        });
        let happens = async {
            let outcome = happens.await;
            is_over.store(true, Ordering::Relaxed);
            outcome
        };
        futures::join!(join_all(staff), happens).1
    }

    /// Somebody buys, and both nodes are asked for the order as soon as one of them has told of it.
    async fn look(&self) {
        let order = self.cluster.mart.buy(SKU, 1).await;
        *self.bought.lock() += 1;
        self.book.lock().others.insert(order.text("id"));
        let (id, path) = (order.text("id"), format!("/api/admin/orders?number={}", order.text("number")));
        let looks = [0, 1].map(|node| {
            let (id, path) = (&id, &path);
            async move {
                let (meanwhile, began) = (*self.meanwhile.lock(), Instant::now());
                let listed = self.cluster.node(node).staff_get(path).send().await.expect(200);
                let took = began.elapsed();
                assert_eq!(listed.items().first().map(|row| &row["id"]), Some(&json!(id)), "{meanwhile:?}: {listed}");
                assert!(took <= self.within, "{meanwhile:?}: a list took {took:?}");
                self.took.lock().push((meanwhile, took));
            }
        });
        join_all(looks).await;
    }

    /// As many were sold as they bought.
    pub async fn agree_with_the_shelf(&self) {
        let bought = *self.bought.lock();
        assert_eq!(self.cluster.mart.stock(SKU).await, (COUNT, bought, COUNT - bought), "one in each order");
    }

    /// Their figures, behind others.
    pub fn told(&self, outcome: Outcome) -> Outcome {
        let all = self.took.lock();
        let took = |meanwhile| -> Vec<Duration> {
            all.iter().filter(|(then, _)| *then == meanwhile).map(|(_, took)| *took).collect()
        };
        let [well, lagging, frozen] = [Meanwhile::Well, Meanwhile::Lagging, Meanwhile::Frozen].map(took);
        outcome
            .with("lists asked for an order just acknowledged", all.len())
            .with("of these while the replica lagged", lagging.len())
            .with("of these while it was frozen", frozen.len())
            .with("lists that lacked it", 0)
            .with("a list took, all well, ms, median", median(&well))
            .with("a list took, all well, ms, at most", longest(&well))
            .with("a list took, lagging, ms, at most", longest(&lagging))
            .with("a list took, frozen, ms, median", median(&frozen))
            .with("a list took, frozen, ms, at most", longest(&frozen))
    }
}
