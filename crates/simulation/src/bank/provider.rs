//! A node's way to the bank: wishes are lost on the way there, answers on the way back, and some take long.
//! It keeps the provider port's contract: `Failed` is for certain, `Absent` was never seen.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::payments::ProviderInfo;
use domain::money::Currency;
use platform::clock::Clock as _;
use services::payments::provider::{BadNotice, Charge, Found, HeaderMap, Key, Notice, Outcome, Provider};

use super::{Bank, NAME, Taken, Wish};
use crate::life::Life;

/// Longer than the shop waits for any call.
const FOR_EVER: Duration = Duration::from_secs(600);

/// The bank as one life of a node reaches it.
pub struct BankProvider {
    bank: Arc<Bank>,
    life: Arc<Life>,
}

impl BankProvider {
    pub fn new(bank: &Arc<Bank>, life: &Arc<Life>) -> Arc<Self> {
        Arc::new(Self { bank: bank.clone(), life: life.clone() })
    }

    async fn ask(&self, wish: Wish) -> Outcome {
        let (world, faults) = (&self.life.world, &self.life.world.faults);
        self.life.point("the bank is asked").await;
        self.life.step("asks the bank", || format!("asks the bank: {}", wish.key));
        if world.fails(faults.bank_lost) {
            return self.no_answer("the wish was lost").await;
        }
        let key = wish.key.clone();
        let taken = self.bank.take(wish, self.life.now());
        self.life.point("the bank answers").await;
        let outcome = match taken {
            Taken::Now(outcome) => outcome,
            Taken::Later(wait) => {
                if world.chance.per_mille(500) {
                    return self.no_answer("the bank is slow").await;
                }
                tokio::time::sleep(wait).await;
                self.life.point("the bank has finished").await;
                match self.bank.look(&key, self.life.now()) {
                    Some(Some(outcome)) => outcome,
                    _ => return self.no_answer("the bank has not finished").await,
                }
            }
        };
        if world.fails(faults.bank_slow) {
            tokio::time::sleep(Duration::from_millis(world.chance.within(100..=30_000))).await;
            self.life.point("the bank was slow").await;
        }
        if world.fails(faults.bank_unanswered) {
            return self.no_answer("the answer was lost").await;
        }
        self.life.step("the bank said", || format!("the bank says of {key}: {outcome:?}"));
        outcome
    }

    /// At once, or never.
    async fn no_answer(&self, reason: &str) -> Outcome {
        if self.life.world.fails(300) {
            tokio::time::sleep(FOR_EVER).await;
        }
        self.life.point("no answer").await;
        Outcome::Unknown { reason: reason.to_owned() }
    }
}

fn wish(key: &Key, of: Charge<'_>) -> Wish {
    Wish { key: key.clone(), amount: of.amount, token: String::new(), reference: of.reference.to_owned() }
}

#[async_trait]
impl Provider for BankProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn info(&self) -> Option<ProviderInfo> {
        Some(ProviderInfo { test: false, needs_token: true })
    }

    async fn authorize(&self, key: &Key, amount: i64, _: Currency, token: Option<&str>) -> Outcome {
        let token = token.unwrap_or_default().to_owned();
        self.ask(Wish { key: key.clone(), amount, token, reference: String::new() }).await
    }

    async fn capture(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.ask(wish(key, of)).await
    }

    async fn void(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.ask(wish(key, of)).await
    }

    async fn refund(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.ask(wish(key, of)).await
    }

    async fn find(&self, key: &Key) -> Found {
        self.life.point("the bank is asked to find").await;
        if self.life.world.fails(self.life.world.faults.find_unknown) {
            return Found::Unknown { reason: "the bank cannot tell now".to_owned() };
        }
        let seen = self.bank.look(key, self.life.now());
        self.life.point("the bank tells what it found").await;
        match seen {
            None => Found::Absent,
            Some(None) => Found::Unknown { reason: "the bank has not finished".to_owned() },
            Some(Some(outcome)) => Found::Known(outcome),
        }
    }

    /// Between the simulated bank and its shops nobody forges anything.
    fn parse_notice(&self, _: &HeaderMap, body: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        let unreadable = |error: &dyn std::fmt::Display| BadNotice::Unreadable(error.to_string());
        let (key, outcome): (String, Outcome) = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let key = Key::parse(&key).ok_or_else(|| unreadable(&"no key"))?;
        Ok(vec![Notice { key, outcome }])
    }
}

/// Payments that staff see to by hand.
pub struct ByHand;

#[async_trait]
impl Provider for ByHand {
    fn name(&self) -> &'static str {
        domain::payment::MANUAL
    }

    fn info(&self) -> Option<ProviderInfo> {
        Some(ProviderInfo { test: false, needs_token: false })
    }

    async fn authorize(&self, key: &Key, _: i64, _: Currency, _: Option<&str>) -> Outcome {
        Outcome::Done { reference: key.to_string() }
    }

    async fn capture(&self, _: &Key, _: Charge<'_>) -> Outcome {
        Outcome::Declined { code: "by_hand".to_owned(), message: "staff see to it".to_owned() }
    }

    async fn void(&self, key: &Key, _: Charge<'_>) -> Outcome {
        Outcome::Done { reference: key.to_string() }
    }

    async fn refund(&self, key: &Key, _: Charge<'_>) -> Outcome {
        Outcome::Done { reference: key.to_string() }
    }

    async fn find(&self, _: &Key) -> Found {
        Found::Absent
    }

    fn parse_notice(&self, _: &HeaderMap, _: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        Err(BadNotice::Unreadable("staff send no notices".to_owned()))
    }
}
