//! Payments that staff see to by hand: bank transfer, invoice, cash on delivery.
//! It moves no money and asks nobody; what staff saw is marked in the payment itself.

use async_trait::async_trait;
use contracts::payments::ProviderInfo;
use domain::money::Currency;
use domain::payment::MANUAL;
use services::payments::provider::{BadNotice, Charge, Found, HeaderMap, Key, Notice, Outcome, Provider};

/// The provider of manual payments.
#[derive(Debug, Default)]
pub struct Manual;

/// Staff do it; that it was asked for is all there is to know.
fn seen_to(key: &Key) -> Outcome {
    Outcome::Done { reference: format!("manual.{key}") }
}

#[async_trait]
impl Provider for Manual {
    fn name(&self) -> &'static str {
        MANUAL
    }

    fn info(&self) -> Option<ProviderInfo> {
        Some(ProviderInfo { test: false, needs_token: false })
    }

    async fn authorize(&self, key: &Key, _: i64, _: Currency, _: Option<&str>) -> Outcome {
        seen_to(key)
    }

    async fn capture(&self, _: &Key, _: Charge<'_>) -> Outcome {
        let message = "a manual payment is marked as paid, not captured";
        Outcome::Declined { code: "mark_instead".to_owned(), message: message.to_owned() }
    }

    async fn void(&self, key: &Key, _: Charge<'_>) -> Outcome {
        seen_to(key)
    }

    /// Staff send the money back; the books say so from now on.
    async fn refund(&self, key: &Key, _: Charge<'_>) -> Outcome {
        seen_to(key)
    }

    async fn find(&self, _: &Key) -> Found {
        Found::Absent
    }

    fn parse_notice(&self, _: &HeaderMap, _: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        Err(BadNotice::Forged)
    }
}
