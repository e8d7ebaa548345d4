//! A bank that is made up, for trying things out: the token says what happens, and no money moves.
//! It is off unless it is allowed. What most tests use, `tok_success`, needs no store: its reference says it all.
//!
//! | token | what happens |
//! |---|---|
//! | `tok_success` | authorised |
//! | `tok_declined`, `tok_insufficient_funds` | declined |
//! | `tok_timeout` | authorised, and answered after 30 s |
//! | `tok_flaky` | two attempts fail without effect, the third is authorised |
//! | `tok_unknown` | authorised, but the first answer is lost; the same key later tells |
//! | `tok_action` | the buyer must approve at the bank, within 30 minutes |
//! | `tok_stuck` | authorised; the bank refuses the first wish to void it, so that staff must retry |
//! | `tok_duplicate_notice` | authorised, and the bank tells so twice |
//! | anything else | declined, `invalid_token` |

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::payments::ProviderInfo;
use domain::ids::{OrderId, PaymentId};
use domain::money::Currency;
use domain::payment::{AUTHORIZATION, Call, Operation};
use jiff::Timestamp;
use platform::clock::Clock;
use platform::documents::{Collection, Conditional, Documents, Expected, Put};
use platform::sealing::MasterKey;
use platform::store::{StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use services::machinery::stored;
use services::payments::provider::{
    BadNotice, Charge, Found, HeaderMap, HeaderValue, Key, Notice, Outcome, Provider, SignedNotice, TestBank,
    TestPayment, TestStatus, order_of, payment_of,
};
use tokio::sync::mpsc;

use super::account::{Account, Authorization, Refused, Status};

pub const NAME: &str = "test";
/// The bank's books. Nobody's history, so they are primary.
pub const ACCOUNTS: Collection = Collection::primary("test_payments");
pub const SIGNATURE: &str = "x-test-signature";

const TIMEOUT_ANSWERS_AFTER: Duration = Duration::from_secs(30);
const ACTION_EXPIRES_AFTER: Duration = Duration::from_secs(30 * 60);
const FLAKY_FAILURES: u32 = 2;
/// Notices that wait to be taken; one more is lost, as it may be with a real bank.
const OUTBOX: usize = 1_024;
/// How often a change of an account is tried against others who change it.
const ATTEMPTS: usize = 32;
/// Characters of a reference's end, which nobody can guess.
const PROOF_CHARS: usize = 20;

#[derive(Debug, Clone)]
pub struct Options {
    /// Whether test payments are offered.
    pub allowed: bool,
    /// The shop's address without a slash at its end; empty for addresses relative to it.
    pub shop_url: String,
}

/// The made-up bank, and the provider that stands before it.
pub struct TestProvider {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    secret: MasterKey,
    options: Options,
    outbox: mpsc::Sender<SignedNotice>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<SignedNotice>>,
}

/// What a card was really charged, as the bank sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statement {
    /// How often money was promised, whatever became of it.
    pub authorizations: usize,
    /// What is promised and neither captured nor let go of.
    pub held: i64,
    pub captured: i64,
    pub refunded: i64,
}

/// A notice's body.
#[derive(Serialize, Deserialize)]
struct Told {
    key: String,
    outcome: Outcome,
}

impl TestProvider {
    /// `secret` signs notices and makes references that nobody can guess.
    pub fn new(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>, secret: MasterKey, options: Options) -> Self {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        Self { documents, clock, secret, options, outbox, inbox: tokio::sync::Mutex::new(inbox) }
    }

    /// How often, and how much, the card behind an order was really charged. `tok_success` leaves no trace here.
    pub async fn statement(&self, order: &OrderId) -> StoreResult<Statement> {
        let (account, _) = self.account(&payment_of(order)).await?;
        let approved = account.authorizations.values().filter(|known| known.status == Status::Approved);
        Ok(approved.fold(Statement::default(), |sum, known| Statement {
            authorizations: sum.authorizations + 1,
            held: sum.held + if known.voided { 0 } else { known.amount - known.captured },
            captured: sum.captured + known.captured,
            refunded: sum.refunded + known.refunded,
        }))
    }

    async fn account(&self, payment: &PaymentId) -> StoreResult<(Account, Expected)> {
        match self.documents.get(ACCOUNTS, payment.as_str(), self.clock.now()).await? {
            Some(document) => Ok((document.read()?, Expected::Version(document.version))),
            None => Ok((Account::default(), Expected::Absent)),
        }
    }

    /// Changes an account by compare-and-set.
    async fn change<R>(&self, payment: &PaymentId, change: impl Fn(&mut Account) -> R) -> StoreResult<R> {
        for _ in 0..ATTEMPTS {
            let (before, expected) = self.account(payment).await?;
            let mut after = before.clone();
            let answer = change(&mut after);
            if after == before {
                return Ok(answer);
            }
            let body = serde_json::to_string(&after).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let id = payment.as_str().to_owned();
            let put = Put { collection: ACCOUNTS, id, body: body.into(), entries: Vec::new(), expires: None };
            match self.documents.put_if(put, expected, self.clock.now()).await? {
                Conditional::Written(_) => return Ok(answer),
                Conditional::Differs(_) => {}
            }
        }
        Err(StoreError::Unavailable("others kept changing this account".to_owned()))
    }

    /// `tst_s_…` for what leaves no trace, `tst_a_…` for what the bank has an account of.
    fn reference(&self, key: &Key, with_account: bool) -> String {
        let mut proof = self.secret.hash_text("test payment references", &[key.to_string().as_bytes()]);
        proof.truncate(PROOF_CHARS);
        format!("tst_{}_{}_{proof}", if with_account { 'a' } else { 's' }, key.payment.key())
    }

    /// Keeps an authorisation, once per key. Answers how it stands, and whether this was the first time.
    async fn authorized(
        &self,
        key: &Key,
        amount: i64,
        currency: Currency,
        status: Status,
    ) -> StoreResult<(Outcome, bool)> {
        let expires_at = (status == Status::Waiting)
            .then(|| self.clock.now().checked_add(ACTION_EXPIRES_AFTER).unwrap_or(Timestamp::MAX));
        let wanted = Authorization {
            reference: self.reference(key, true),
            amount,
            currency,
            status,
            expires_at,
            voided: false,
            captured: 0,
            refunded: 0,
            stubborn: false,
        };
        let n = key.call.n;
        let (is_new, known) = self
            .change(&key.payment, |account| {
                let is_new = account.authorize(n, wanted.clone());
                (is_new, account.authorizations.get(&n).cloned())
            })
            .await?;
        Ok((self.outcome(&known.unwrap_or(wanted)), is_new))
    }

    fn outcome(&self, known: &Authorization) -> Outcome {
        match self.status(known) {
            TestStatus::Approved => Outcome::Done { reference: known.reference.clone() },
            TestStatus::Waiting => Outcome::ActionRequired {
                reference: known.reference.clone(),
                url: format!("{}/test-payments/{}", self.options.shop_url, known.reference),
                expires_at: known.expires_at.unwrap_or(Timestamp::MAX),
            },
            TestStatus::Declined => declined("authentication_failed", "the buyer declined at the bank"),
            TestStatus::Expired => declined("action_expired", "the buyer did not decide in time"),
            TestStatus::Cancelled => declined("cancelled", "the payment was called off"),
        }
    }

    fn status(&self, known: &Authorization) -> TestStatus {
        match known.status {
            Status::Waiting if known.expires_at.is_some_and(|until| until <= self.clock.now()) => TestStatus::Expired,
            Status::Waiting => TestStatus::Waiting,
            Status::Approved => TestStatus::Approved,
            Status::Declined => TestStatus::Declined,
            Status::Cancelled => TestStatus::Cancelled,
        }
    }

    async fn try_authorize(&self, key: &Key, amount: i64, currency: Currency, token: &str) -> StoreResult<Outcome> {
        Ok(match token {
            "tok_success" => Outcome::Done { reference: self.reference(key, false) },
            "tok_declined" => declined("card_declined", "the card was declined"),
            "tok_insufficient_funds" => declined("insufficient_funds", "there is not enough money on the account"),
            "tok_flaky" if key.call.n <= FLAKY_FAILURES => {
                Outcome::Failed { reason: "the bank is out of order for a moment".to_owned() }
            }
            "tok_flaky" => self.authorized(key, amount, currency, Status::Approved).await?.0,
            "tok_timeout" => {
                let (outcome, is_new) = self.authorized(key, amount, currency, Status::Approved).await?;
                if is_new {
                    tokio::time::sleep(TIMEOUT_ANSWERS_AFTER).await;
                }
                outcome
            }
            "tok_unknown" => match self.authorized(key, amount, currency, Status::Approved).await? {
                (_, true) => Outcome::Unknown { reason: "the bank's answer was lost".to_owned() },
                (outcome, false) => outcome,
            },
            "tok_action" => self.authorized(key, amount, currency, Status::Waiting).await?.0,
            "tok_stuck" => {
                let outcome = self.authorized(key, amount, currency, Status::Approved).await?.0;
                self.change(&key.payment, |account| account.make_stubborn(key.call.n)).await?;
                outcome
            }
            "tok_duplicate_notice" => {
                let (outcome, is_new) = self.authorized(key, amount, currency, Status::Approved).await?;
                if is_new {
                    for _ in 0..2 {
                        let _ = self.outbox.try_send(self.notice(key, &outcome));
                    }
                }
                outcome
            }
            _ => declined("invalid_token", "this is none of the test tokens"),
        })
    }

    fn notice(&self, key: &Key, outcome: &Outcome) -> SignedNotice {
        let told = Told { key: key.to_string(), outcome: outcome.clone() };
        let body = serde_json::to_vec(&told).unwrap_or_default();
        let mut headers = HeaderMap::new();
        if let Ok(signature) = HeaderValue::from_str(&self.signature(&body)) {
            headers.insert(SIGNATURE, signature);
        }
        SignedNotice { provider: NAME, headers, body }
    }

    fn signature(&self, body: &[u8]) -> String {
        self.secret.hash_text("test payment notices", &[body])
    }

    /// Compares hashes of both, so that the time it takes tells nothing.
    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let Some(sent) = headers.get(SIGNATURE) else { return false };
        let hash = |text: &[u8]| self.secret.hash("compare signatures", &[text]);
        hash(sent.as_bytes()) == hash(self.signature(body).as_bytes())
    }

    async fn moved(
        &self,
        key: &Key,
        reference: &str,
        change: impl Fn(&mut Account, &str) -> Result<(), Refused>,
    ) -> Outcome {
        let done = Outcome::Done { reference: self.reference(key, false) };
        if reference.starts_with("tst_s_") {
            return done;
        }
        let name = key.to_string();
        match self.change(&key.payment, |account| change(account, &name)).await {
            Ok(Ok(())) => done,
            Ok(Err(Refused(code))) => declined(code, "the bank did not do it"),
            Err(error) => Outcome::Unknown { reason: error.to_string() },
        }
    }
}

fn declined(code: &str, message: &str) -> Outcome {
    Outcome::Declined { code: code.to_owned(), message: message.to_owned() }
}

/// The payment that a reference belongs to.
fn payment_behind(reference: &str) -> Option<PaymentId> {
    let (payment, _) = reference.strip_prefix("tst_a_")?.split_once('_')?;
    PaymentId::from_key(payment).ok()
}

#[async_trait]
impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn info(&self) -> Option<ProviderInfo> {
        self.options.allowed.then_some(ProviderInfo { test: true, needs_token: true })
    }

    async fn authorize(&self, key: &Key, amount: i64, currency: Currency, token: Option<&str>) -> Outcome {
        if !self.options.allowed {
            return declined("test_payments_off", "test payments are not taken here");
        }
        let outcome = self.try_authorize(key, amount, currency, token.unwrap_or_default()).await;
        outcome.unwrap_or_else(|error| Outcome::Unknown { reason: error.to_string() })
    }

    async fn capture(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.moved(key, of.reference, |account, key| account.capture(key, of.reference, of.amount)).await
    }

    async fn void(&self, key: &Key, of: Charge<'_>) -> Outcome {
        let n = key.call.n;
        self.moved(key, of.reference, |account, key| account.void(key, n, of.reference)).await
    }

    async fn refund(&self, key: &Key, of: Charge<'_>) -> Outcome {
        self.moved(key, of.reference, |account, key| account.refund(key, of.reference, of.amount)).await
    }

    async fn find(&self, key: &Key) -> Found {
        let account = match self.account(&key.payment).await {
            Ok((account, _)) => account,
            Err(error) => return Found::Unknown { reason: error.to_string() },
        };
        let known = match key.call.operation {
            Operation::Authorize => account.authorizations.get(&key.call.n).map(|known| self.outcome(known)),
            _ => {
                account.done.contains(&key.to_string()).then(|| Outcome::Done { reference: self.reference(key, false) })
            }
        };
        known.map_or(Found::Absent, Found::Known)
    }

    fn parse_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Notice>, BadNotice> {
        if !self.is_signed(headers, body) {
            return Err(BadNotice::Forged);
        }
        let told: Told = serde_json::from_slice(body).map_err(|error| BadNotice::Unreadable(error.to_string()))?;
        let key = Key::parse(&told.key).ok_or_else(|| BadNotice::Unreadable("this is no key".to_owned()))?;
        Ok(vec![Notice { key, outcome: told.outcome }])
    }
}

#[async_trait]
impl TestBank for TestProvider {
    async fn look(&self, reference: &str) -> contracts::Result<Option<TestPayment>> {
        let Some(payment) = payment_behind(reference) else { return Ok(None) };
        let (mut account, _) = self.account(&payment).await.map_err(stored)?;
        Ok(account.of(reference).map(|known| self.shown(&payment, known)))
    }

    async fn decide(
        &self,
        reference: &str,
        approve: bool,
    ) -> contracts::Result<Option<(TestPayment, Vec<SignedNotice>)>> {
        let Some(payment) = payment_behind(reference) else { return Ok(None) };
        let wanted = if approve { Status::Approved } else { Status::Declined };
        let decide = |account: &mut Account| {
            let (n, known) = account.authorizations.iter_mut().find(|(_, known)| known.reference == reference)?;
            if self.status(known) == TestStatus::Waiting {
                known.status = wanted;
            }
            Some((*n, known.clone()))
        };
        let Some((n, known)) = self.change(&payment, decide).await.map_err(stored)? else { return Ok(None) };
        let mut notices = Vec::new();
        if known.status == wanted {
            let call = Call { operation: Operation::Authorize, request: AUTHORIZATION.to_owned(), n };
            notices.push(self.notice(&Key { payment: payment.clone(), call }, &self.outcome(&known)));
        }
        Ok(Some((self.shown(&payment, &known), notices)))
    }

    async fn next_notice(&self) -> SignedNotice {
        match self.inbox.lock().await.recv().await {
            Some(notice) => notice,
            // The sender lives as long as the bank does.
            None => std::future::pending().await,
        }
    }
}

impl TestProvider {
    fn shown(&self, payment: &PaymentId, known: &Authorization) -> TestPayment {
        TestPayment {
            reference: known.reference.clone(),
            order: order_of(payment),
            amount: known.amount,
            currency: known.currency,
            status: self.status(known),
            expires_at: known.expires_at.unwrap_or(Timestamp::MAX),
        }
    }
}
