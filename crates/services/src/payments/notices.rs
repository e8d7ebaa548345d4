//! What providers tell by themselves. A notice may come twice, late, or before the answer to the call; it is taken
//! as one more answer to that call, and then the order looks again.
//! It does not know how notices are signed: each provider reads its own.

use std::sync::Arc;
use std::time::Duration;

use contracts::caller::Caller;
use contracts::orders::Orders;
use contracts::payments::Settlement;
use contracts::{Error, Kind, Result};

use super::provider::{BadNotice, HeaderMap, Notice, Outcome, SignedNotice, TestBank};
use super::service::Payments;

/// How often the test bank sends a notice that is not taken, and its pause in between: a database that fails over is back
/// long before.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// Takes notices.
pub struct Notices {
    payments: Arc<Payments>,
    orders: Arc<dyn Orders>,
}

impl Notices {
    pub fn new(payments: Arc<Payments>, orders: Arc<dyn Orders>) -> Self {
        Self { payments, orders }
    }

    /// An error tells the provider to send it again.
    pub async fn receive(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<()> {
        let known = self.payments.providers.get(provider).ok_or_else(|| Error::not_found("payment provider"))?;
        let notices = known.parse_notice(headers, body).map_err(|bad| match bad {
            BadNotice::Forged => Error::new(Kind::Malformed, "bad_signature", bad.to_string()),
            BadNotice::Unreadable(_) => Error::new(Kind::Malformed, "malformed_notice", bad.to_string()),
        })?;
        for notice in notices {
            self.take(provider, notice).await?;
        }
        Ok(())
    }

    async fn take(&self, provider: &str, notice: Notice) -> Result<()> {
        let Notice { key, outcome } = notice;
        let order = key.order();
        let holds_money = matches!(outcome, Outcome::Done { .. } | Outcome::ActionRequired { .. });
        if !self.payments.is_with(&order, provider).await? {
            tracing::warn!(%key, provider, "a notice about a payment that is not this provider's is passed over");
            return Ok(());
        }
        let settled = self.payments.settle(&order, &key.call, outcome, &Caller::system()).await?;
        if holds_money && self.payments.give_back(&order, &settled).await != Settlement::Done {
            return Err(Error::unavailable("this money could not be given back yet", 30));
        }
        match self.orders.advance(&order).await {
            Err(error) if error.kind != Kind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Delivers what the test bank sends by itself, for as long as the shop runs.
pub async fn run_test_bank(notices: Arc<Notices>, bank: Arc<dyn TestBank>) {
    loop {
        deliver(&notices, &bank.next_notice().await).await;
    }
}

/// As banks do: again and again, until it is taken.
pub(super) async fn deliver(notices: &Notices, notice: &SignedNotice) {
    for attempt in 1..=ATTEMPTS {
        match notices.receive(notice.provider, &notice.headers, &notice.body).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, attempt, "a notice of the test bank was not taken"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
