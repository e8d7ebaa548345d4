//! Gives back what was reserved and never confirmed. The expiry is a fact like any other, so that it can be seen.
//! It does not know why nobody confirmed; the order's own process finds out when it goes on.

use std::sync::Arc;
use std::time::Duration;

use contracts::Result;
use contracts::caller::Caller;
use domain::ids::OrderId;
use domain::reservation::Reservation;
use futures::future::join_all;
use platform::documents::{Query, Range, tuple};

use super::projections::{BY_EXPIRY, HeldDoc, RESERVATIONS};
use super::service::Inventory;
use crate::machinery::stored;

/// How often the sweeper looks.
const EVERY: Duration = Duration::from_secs(5);
/// Reservations that are given back at the same time.
const AT_ONCE: usize = 100;

impl Inventory {
    /// Gives back every reservation whose time is over. Answers how many.
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.machinery.clock.now();
        let until = tuple::Key::new().int(now.as_microsecond() + 1);
        let range = Range::between(tuple::Key::new(), until);
        let mut after = None;
        let mut expired = 0;
        loop {
            let query = Query::new(RESERVATIONS, BY_EXPIRY, range.clone()).limit(AT_ONCE).after(after);
            let page = self.machinery.documents.query(query, now).await.map_err(stored)?;
            let mut due: Vec<OrderId> = Vec::with_capacity(page.documents.len());
            for document in &page.documents {
                due.push(document.read::<HeldDoc>().map_err(stored)?.order);
            }
            for outcome in join_all(due.iter().map(|order| self.expire(order))).await {
                expired += usize::from(outcome?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(expired);
            }
        }
    }

    async fn expire(&self, order: &OrderId) -> Result<bool> {
        let decide = |held: &Reservation, now| Ok(held.expire(now));
        self.change("expire_reservation", order, &Caller::system(), decide).await
    }

    /// Sweeps again and again, for as long as the shop runs, on one node of several.
    pub async fn run_sweeper(self: Arc<Self>) {
        let duty = self.machinery.duty("inventory.sweep");
        loop {
            tokio::time::sleep(EVERY).await;
            duty.begins().await;
            match self.sweep().await {
                Ok(0) => {}
                Ok(expired) => tracing::info!(expired, "reservations that nobody confirmed were given back"),
                Err(error) => tracing::warn!(%error, "reservations could not be swept; trying again"),
            }
        }
    }
}
