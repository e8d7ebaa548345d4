//! The sweeper: picks up orders that nobody drives, after a crash or when a step is due again.
//! It does not know why an order was left; driving it tells.

use std::sync::Arc;

use contracts::Result;
use contracts::caller::Caller;
use domain::ids::OrderId;
use jiff::{SignedDuration, Timestamp};
use platform::documents::tuple::Key;
use platform::documents::{Query, Range};

use super::tasks::{BY_DUE, TASKS, Task};
use super::{LOST_S, Orders};
use crate::machinery::stored;

/// Orders that one read of the list takes up.
const PAGE: usize = 200;
/// Orders that are driven at the same time; the others wait for their turn.
pub(super) const DRIVEN_AT_ONCE: usize = 64;

impl Orders {
    /// Sweeps until the runtime ends, on one node of several. The first sweep takes up everything that is open: no request
    /// that could be driving it has survived the start. When a node takes over from another one, that holds for the
    /// other's requests; those of its own are driven twice, which is harmless.
    pub async fn run_sweeper(self: Arc<Self>) {
        let duty = self.machinery.duty("orders.sweep");
        let mut begun = None;
        loop {
            duty.begins().await;
            let term = duty.term();
            let until = if term == begun { self.machinery.clock.now() } else { Timestamp::MAX };
            match self.sweep(until).await {
                Ok(swept) => {
                    begun = term;
                    if swept > 0 {
                        tracing::info!(swept, "orders that nobody drove are taken up");
                    }
                }
                Err(error) => tracing::warn!(%error, "a sweep did not finish; the next one goes on"),
            }
            match self.let_go_of_lost().await {
                Ok(0) => {}
                Ok(lost) => tracing::info!(lost, "stock was held for orders that never came about, and is free again"),
                Err(error) => tracing::warn!(%error, "stock that is held for no order is looked for again"),
            }
            tokio::time::sleep(self.limits.sweep_every).await;
        }
    }

    /// Begins to drive the orders whose next step is due by `until` and which nobody drives here; answers how many.
    pub async fn sweep(self: &Arc<Self>, until: Timestamp) -> Result<usize> {
        let to = if until == Timestamp::MAX { Vec::new() } else { Key::new().time(until).into_bytes() };
        let mut after = None;
        let mut swept = 0;
        loop {
            let range = Range { from: Vec::new(), to: to.clone() };
            let query = Query::new(TASKS, BY_DUE, range).limit(PAGE).after(after);
            let page = self.machinery.documents.query(query, self.machinery.clock.now()).await.map_err(stored)?;
            for document in &page.documents {
                let task: Task = document.read().map_err(stored)?;
                if let Ok(order) = OrderId::parse(&task.order) {
                    swept += usize::from(self.take_up(order));
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(swept);
            }
        }
    }

    /// Gives back what is held for orders that never came about; answers how many. Should the same request come after all, it holds
    /// its stock anew.
    async fn let_go_of_lost(&self) -> Result<usize> {
        // What ends by then was held at least so long ago.
        let left = SignedDuration::try_from(self.limits.reservation_ttl).unwrap_or(SignedDuration::MAX);
        let left = left.saturating_sub(SignedDuration::from_secs(LOST_S));
        let until = self.machinery.clock.now().saturating_add(left).unwrap_or(Timestamp::MAX);
        let mut lost = 0;
        for order in self.inventory.unconfirmed(until).await? {
            let (known, _) = self.read(&order).await?;
            if !known.exists() {
                lost += usize::from(self.inventory.abandon(&order, &Caller::system()).await?);
            }
        }
        Ok(lost)
    }

    /// Drives an order in a task of its own, unless it is being driven in this process.
    fn take_up(self: &Arc<Self>, order: OrderId) -> bool {
        if !self.taken_up.lock().insert(order.clone()) {
            return false;
        }
        let orders = self.clone();
        tokio::spawn(async move {
            let turn = orders.turns.acquire().await;
            if let Err(error) = orders.drive(&order, Vec::new(), &Caller::system()).await {
                tracing::warn!(%order, %error, "an order could not be driven; it is tried again");
            }
            drop(turn);
            orders.taken_up.lock().remove(&order);
        });
        true
    }
}
