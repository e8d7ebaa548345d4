//! A provider for tests that does what it is told to, and remembers what really happened to the money.
//! It keeps nothing between tests.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use contracts::payments::ProviderInfo;
use domain::money::Currency;
use domain::payment::Operation;
use parking_lot::Mutex;

use crate::payments::provider::{BadNotice, Charge, Found, HeaderMap, Key, Notice, Outcome, Provider};

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    Work,
    /// Done, but the answer is lost.
    LoseAnswer,
    /// Not done, and the answer is lost.
    LoseRequest,
    /// Not done, for certain.
    Fail,
    Decline,
    /// Done at once, answered after this many seconds.
    Slow(u64),
    /// Done after this many seconds, if the caller still waits, and then answered.
    Late(u64),
}

#[derive(Default)]
pub struct Till {
    /// For the next calls; `Work` after the last.
    pub plans: Mutex<VecDeque<Plan>>,
    pub calls: Mutex<Vec<String>>,
    done: Mutex<BTreeMap<String, (Operation, i64)>>,
}

impl Till {
    pub fn plan(&self, plans: impl IntoIterator<Item = Plan>) {
        *self.plans.lock() = plans.into_iter().collect();
    }

    /// Calls since the last time, as operation and attempt.
    pub fn calls(&self) -> Vec<String> {
        let calls = std::mem::take(&mut *self.calls.lock());
        calls.iter().map(|key| key.split_once('.').unwrap().1.to_owned()).collect()
    }

    /// How often and how much of this operation was really done.
    pub fn did(&self, operation: Operation) -> (usize, i64) {
        let done = self.done.lock();
        let of = done.values().filter(|(done, _)| *done == operation);
        of.fold((0, 0), |(count, sum), (_, amount)| (count + 1, sum + amount))
    }

    async fn act(&self, key: &Key, amount: i64) -> Outcome {
        self.calls.lock().push(key.to_string());
        let plan = self.plans.lock().pop_front().unwrap_or(Plan::Work);
        let done = || {
            self.done.lock().insert(key.to_string(), (key.call.operation, amount));
            Outcome::Done { reference: format!("ref {key}") }
        };
        let lost = Outcome::Unknown { reason: "the line went dead".to_owned() };
        match plan {
            Plan::Work => done(),
            Plan::LoseAnswer => {
                done();
                lost
            }
            Plan::LoseRequest => lost,
            // A key that was done stays done.
            Plan::Fail | Plan::Decline if self.done.lock().contains_key(&key.to_string()) => done(),
            Plan::Fail => Outcome::Failed { reason: "out of order".to_owned() },
            Plan::Decline => Outcome::Declined { code: "card_declined".to_owned(), message: "no".to_owned() },
            Plan::Slow(seconds) => {
                let outcome = done();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                outcome
            }
            Plan::Late(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                done()
            }
        }
    }
}

#[async_trait]
impl Provider for Till {
    fn name(&self) -> &'static str {
        "till"
    }

    fn info(&self) -> Option<ProviderInfo> {
        Some(ProviderInfo { test: true, needs_token: true })
    }

    async fn authorize(&self, key: &Key, amount: i64, _: Currency, token: Option<&str>) -> Outcome {
        assert_eq!(token, Some("tok_secret"), "the token is opened just before it is used");
        self.act(key, amount).await
    }

    async fn capture(&self, key: &Key, of: Charge<'_>) -> Outcome {
        assert!(of.reference.starts_with("ref "), "{of:?}");
        self.act(key, of.amount).await
    }

    async fn void(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.act(key, of.amount).await
    }

    async fn refund(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.act(key, of.amount).await
    }

    async fn find(&self, key: &Key) -> Found {
        self.calls.lock().push(format!("{key} find"));
        let is_done = self.done.lock().contains_key(&key.to_string());
        if is_done { Found::Known(Outcome::Done { reference: format!("ref {key}") }) } else { Found::Absent }
    }

    fn parse_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        if headers.get("x-signed").is_none() {
            return Err(BadNotice::Forged);
        }
        let (key, outcome): (String, Outcome) =
            serde_json::from_slice(body).map_err(|error| BadNotice::Unreadable(error.to_string()))?;
        Ok(vec![Notice { key: Key::parse(&key).unwrap(), outcome }])
    }
}

/// A till that staff keep.
#[derive(Default)]
pub struct ByHand;

#[async_trait]
impl Provider for ByHand {
    fn name(&self) -> &'static str {
        domain::payment::MANUAL
    }

    fn info(&self) -> Option<ProviderInfo> {
        Some(ProviderInfo { test: false, needs_token: false })
    }

    async fn authorize(&self, _: &Key, _: i64, _: Currency, _: Option<&str>) -> Outcome {
        panic!("nobody asks staff for an authorisation")
    }

    async fn capture(&self, _: &Key, _: Charge<'_>) -> Outcome {
        panic!("nobody asks staff for a capture")
    }

    async fn void(&self, _: &Key, _: Charge<'_>) -> Outcome {
        panic!("nobody asks staff for a void")
    }

    async fn refund(&self, key: &Key, _: Charge<'_>) -> Outcome {
        Outcome::Done { reference: key.to_string() }
    }

    async fn find(&self, _: &Key) -> Found {
        Found::Absent
    }

    fn parse_notice(&self, _: &HeaderMap, _: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        Err(BadNotice::Forged)
    }
}
