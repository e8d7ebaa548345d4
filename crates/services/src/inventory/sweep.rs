//! Gives back what was reserved and never confirmed. The expiry is a fact like any other, so that it can be seen.
//! It does not know why nobody confirmed; the order's own process finds out when it goes on.

use std::sync::Arc;
use std::time::Duration;

use contracts::Result;
use contracts::caller::Caller;
use domain::ids::OrderId;
use domain::reservation::Reservation;
use futures::future::join_all;
use jiff::Timestamp;
use platform::documents::{Document, Query, Range, tuple};

use super::projections::{BY_EXPIRY, HeldDoc, RESERVATIONS};
use super::service::Inventory;
use crate::machinery::stored;

/// How often the sweeper looks.
const EVERY: Duration = Duration::from_secs(5);
/// Reservations that are given back at the same time.
const AT_ONCE: usize = 100;

/// Where a list goes on.
pub(super) type Place = (Vec<u8>, String);

impl Inventory {
    /// Gives back every reservation whose time is over. Answers how many.
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.machinery.clock.now();
        let mut after = None;
        let mut expired = 0;
        loop {
            let (due, next) = self.held_until(now, after).await?;
            for outcome in join_all(due.iter().map(|order| self.expire(order))).await {
                expired += usize::from(outcome?);
            }
            after = next;
            if after.is_none() {
                return Ok(expired);
            }
        }
    }

    /// The next orders of those whose reservation ends by then, the soonest first.
    pub(super) async fn held_until(
        &self,
        until: Timestamp,
        after: Option<Place>,
    ) -> Result<(Vec<OrderId>, Option<Place>)> {
        let range = Range::between(tuple::Key::new(), tuple::Key::new().int(until.as_microsecond() + 1));
        let query = Query::new(RESERVATIONS, BY_EXPIRY, range).limit(AT_ONCE).after(after);
        let page = self.machinery.documents.query(query, self.machinery.clock.now()).await.map_err(stored)?;
        let read = |document: &Document| document.read::<HeldDoc>().map(|held| held.order).map_err(stored);
        Ok((page.documents.iter().map(read).collect::<Result<_>>()?, page.next))
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
