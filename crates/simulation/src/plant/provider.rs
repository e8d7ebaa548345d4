//! A way to the bank that makes up a new key for each call: asking again is then another wish.
//! It answers what the bank answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use contracts::payments::ProviderInfo;
use domain::money::Currency;
use services::payments::provider::{BadNotice, Call, Charge, Found, HeaderMap, Key, Notice, Outcome, Provider};

/// Far above what a well-behaved payment reaches.
const FIRST: u32 = 1_000;

pub struct FreshKeys {
    bank: Arc<dyn Provider>,
    next: AtomicU32,
}

impl FreshKeys {
    pub fn over(bank: Arc<dyn Provider>) -> Self {
        Self { bank, next: AtomicU32::new(FIRST) }
    }

    fn fresh(&self, key: &Key) -> Key {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        Key { payment: key.payment.clone(), call: Call { n, ..key.call.clone() } }
    }
}

#[async_trait]
impl Provider for FreshKeys {
    fn name(&self) -> &'static str {
        self.bank.name()
    }

    fn info(&self) -> Option<ProviderInfo> {
        self.bank.info()
    }

    async fn authorize(&self, key: &Key, amount: i64, currency: Currency, token: Option<&str>) -> Outcome {
        self.bank.authorize(&self.fresh(key), amount, currency, token).await
    }

    async fn capture(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.bank.capture(&self.fresh(key), of).await
    }

    async fn void(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.bank.void(&self.fresh(key), of).await
    }

    async fn refund(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.bank.refund(&self.fresh(key), of).await
    }

    async fn find(&self, key: &Key) -> Found {
        self.bank.find(key).await
    }

    fn parse_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        self.bank.parse_notice(headers, body)
    }
}
