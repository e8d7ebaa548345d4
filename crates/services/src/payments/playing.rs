//! The test bank's window, at which a buyer approves or declines a payment.
//! It does not know pages, nor who the buyer is: whoever knows the reference may play.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::payments::TestBank;
use contracts::{Error, Result};
use domain::ids::OrderId;

use super::notices::{Notices, deliver};
use super::provider;

/// Decides at the bank, and brings its notices to the shop.
pub struct BankWindow {
    bank: Arc<dyn provider::TestBank>,
    notices: Arc<Notices>,
}

impl BankWindow {
    pub fn new(bank: Arc<dyn provider::TestBank>, notices: Arc<Notices>) -> Self {
        Self { bank, notices }
    }
}

#[async_trait]
impl TestBank for BankWindow {
    async fn play(&self, reference: &str, approve: bool) -> Result<OrderId> {
        let decided = self.bank.decide(reference, approve).await?;
        let (payment, notices) = decided.ok_or_else(|| Error::not_found("test payment"))?;
        for notice in notices {
            if let Err(error) = self.notices.receive(notice.provider, &notice.headers, &notice.body).await {
                // The buyer has decided, and need not come again; a bank does.
                let shop = self.notices.clone();
                tokio::spawn(async move { deliver(&shop, &notice).await });
                return Err(error);
            }
        }
        Ok(payment.order)
    }
}
