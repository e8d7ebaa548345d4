//! Gives back money that is still held for payments that are over: an authorisation that came after its order was
//! undone, or a way back that a crash cut short.
//! It does not drive payments that are alive; their orders do.

use std::sync::Arc;
use std::time::Duration;

use contracts::Result;
use contracts::caller::Caller;
use contracts::payments::Settlement;
use platform::documents::{Query, Range, tuple};

use super::projections::{BY_SINCE, CLOSING, ClosingDoc};
use super::service::Payments;
use crate::machinery::stored;

/// How often the sweeper looks.
const EVERY: Duration = Duration::from_secs(30);
/// What is younger is still in the hands of whoever closed it.
const GRACE: Duration = Duration::from_secs(120);
const PAGE: usize = 100;

impl Payments {
    /// Goes on with every payment that is over and still holds money. Answers how many were finished.
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.machinery.clock.now();
        let until = now.checked_sub(GRACE).unwrap_or(now);
        let range = Range::between(tuple::Key::new(), tuple::Key::new().time(until));
        let mut after = None;
        let mut finished = 0;
        loop {
            let query = Query::new(CLOSING, BY_SINCE, range.clone()).limit(PAGE).after(after);
            let page = self.machinery.documents.query(query, now).await.map_err(stored)?;
            for document in &page.documents {
                let order = document.read::<ClosingDoc>().map_err(stored)?.order;
                match self.undo_payment(&order, &Caller::system()).await {
                    Ok(Settlement::Done) => finished += 1,
                    Ok(Settlement::Pending { reason } | Settlement::Refused { reason }) => {
                        tracing::warn!(%order, reason, "money of a closed payment is not given back yet");
                    }
                    Err(error) => tracing::warn!(%order, %error, "a closed payment could not be looked after"),
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(finished);
            }
        }
    }

    /// Sweeps again and again, for as long as the shop runs, on one node of several.
    pub async fn run_sweeper(self: Arc<Self>) {
        let duty = self.machinery.duty("payments.sweep");
        loop {
            tokio::time::sleep(EVERY).await;
            duty.begins().await;
            match self.sweep().await {
                Ok(0) => {}
                Ok(finished) => tracing::info!(finished, "money of closed payments was given back"),
                Err(error) => tracing::warn!(%error, "closed payments could not be swept; trying again"),
            }
        }
    }
}
