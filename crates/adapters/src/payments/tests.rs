//! Each test token through the real payments service, and what the bank's own books say afterwards.
//! No money moves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::orders::Orders;
use contracts::payments::{AsOf, Authorization, OpenPayment, Payments as _, Settlement};
use domain::ids::OrderId;
use domain::money::Currency;
use domain::payment::Status;
use domain::seal::Sealed;
use futures::future::join_all;
use jiff::Timestamp;
use platform::blobs::MemoryBlobs;
use platform::clock::{Clock, ManualClock};
use platform::documents::Documents;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::{Entropy, SeededEntropy};
use platform::log::executor::{Executor, Limits};
use platform::log::memory::MemoryLog;
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use services::machinery::Machinery;
use services::payments::provider::{Provider, TestBank, TestStatus};
use services::payments::{Notices, Payments, run_test_bank};

use super::{Manual, Options, Statement, TestProvider};

const TOTAL: i64 = 2_599;

struct NoOrders;

#[async_trait]
impl Orders for NoOrders {
    async fn advance(&self, _: &OrderId) -> contracts::Result<()> {
        Ok(())
    }
}

struct Shop {
    payments: Arc<Payments>,
    bank: Arc<TestProvider>,
    notices: Arc<Notices>,
    clock: Arc<ManualClock>,
}

async fn shop() -> Shop {
    with(true).await
}

async fn with(allowed: bool) -> Shop {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::from_second(1_800_000_000).unwrap()));
    let time: Arc<dyn Clock> = clock.clone();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    let documents: Arc<dyn Documents> = Arc::new(MemoryDocuments::default());
    let log = Arc::new(MemoryLog::new(4));
    let executor =
        Executor::start(log, services::kinds(), time.clone(), entropy.clone(), Limits::default()).await.unwrap();
    let projector = Projector::start(&executor, &documents, &time, &services::payments::projections()).await.unwrap();
    let secret = MasterKey::new([7; 32]);
    let vault = Vault::new(secret.clone(), documents.clone(), time.clone(), entropy.clone());
    let options = Options { allowed, shop_url: "https://shop.example".to_owned() };
    let bank = Arc::new(TestProvider::new(documents.clone(), time.clone(), secret, options));
    let blobs = Arc::new(MemoryBlobs::default());
    let machinery = Machinery { executor, documents, projector, vault, blobs, clock: time, entropy };
    let payments = Arc::new(Payments::new(machinery.clone(), vec![bank.clone(), Arc::new(Manual)]));
    let notices = Arc::new(Notices::new(payments.clone(), Arc::new(NoOrders)));
    for n in 0..10 {
        machinery.vault.keep(machinery.vault.new_key(order(n).as_str(), None)).await.unwrap();
    }
    let shop = Shop { payments, bank, notices, clock };
    for (n, token) in TOKENS.iter().enumerate() {
        let order = order(u8::try_from(n).unwrap());
        let sealed = machinery.vault.key(order.as_str()).await.unwrap().seal(token);
        let opened = OpenPayment {
            order,
            provider: "test".to_owned(),
            amount: TOTAL,
            currency: Currency::parse("EUR").unwrap(),
            token: Some(Sealed::new(sealed)),
        };
        if allowed {
            shop.payments.open(opened, &Caller::system()).await.unwrap();
        }
    }
    shop
}

const TOKENS: [&str; 9] = [
    "tok_success",
    "tok_declined",
    "tok_insufficient_funds",
    "tok_timeout",
    "tok_flaky",
    "tok_unknown",
    "tok_action",
    "tok_duplicate_notice",
    "tok_nonsense",
];

fn order(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

fn with_token(token: &str) -> OrderId {
    let n = TOKENS.iter().position(|known| *known == token).unwrap();
    order(u8::try_from(n).unwrap())
}

impl Shop {
    async fn authorize(&self, token: &str) -> Authorization {
        self.payments.authorize(&with_token(token), Box::pin(async {}), &Caller::system()).await.unwrap()
    }

    async fn code(&self, token: &str) -> String {
        match self.authorize(token).await {
            Authorization::Declined { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    async fn statement(&self, token: &str) -> Statement {
        self.bank.statement(&with_token(token)).await.unwrap()
    }

    async fn status(&self, token: &str) -> Status {
        self.payments.payment(&with_token(token), AsOf::Now).await.unwrap().status()
    }

    /// Captures, refunds a part, and gives back the rest.
    async fn use_it(&self, token: &str) {
        let (order, caller) = (with_token(token), Caller::system());
        for _ in 0..2 {
            assert_eq!(self.payments.capture(&order, "c", 2_000, &caller).await.unwrap(), Settlement::Done);
            assert_eq!(self.payments.refund(&order, "r", 500, &caller).await.unwrap(), Settlement::Done);
        }
        assert_eq!(self.payments.undo(&order, &caller).await.unwrap(), Settlement::Done);
        assert_eq!(self.status(token).await, Status::Refunded);
    }

    /// The reference that the buyer is sent to the bank with.
    async fn asked_to_act(&self) -> String {
        let Authorization::ActionRequired { url, expires_at } = self.authorize("tok_action").await else {
            panic!("the bank wants the buyer")
        };
        assert_eq!(expires_at, self.clock.now().checked_add(Duration::from_secs(30 * 60)).unwrap());
        url.strip_prefix("https://shop.example/test-payments/").unwrap().to_owned()
    }

    async fn decide(&self, reference: &str, approve: bool) -> TestStatus {
        let (payment, notices) = self.bank.decide(reference, approve).await.unwrap().unwrap();
        for notice in notices {
            self.notices.receive(notice.provider, &notice.headers, &notice.body).await.unwrap();
        }
        payment.status
    }
}

const CHARGED_ONCE: Statement = Statement { authorizations: 1, held: TOTAL, captured: 0, refunded: 0 };
const GIVEN_BACK: Statement = Statement { authorizations: 1, held: 0, captured: 2_000, refunded: 2_000 };

#[tokio::test(start_paused = true)]
async fn success_leaves_no_trace_at_the_bank() {
    let shop = shop().await;
    assert_eq!(shop.authorize("tok_success").await, Authorization::Granted);
    shop.use_it("tok_success").await;
    assert_eq!(shop.statement("tok_success").await, Statement::default());
}

#[tokio::test(start_paused = true)]
async fn refusals_have_their_codes() {
    let shop = shop().await;
    assert_eq!(shop.code("tok_declined").await, "card_declined");
    assert_eq!(shop.code("tok_insufficient_funds").await, "insufficient_funds");
    assert_eq!(shop.code("tok_nonsense").await, "invalid_token");
}

#[tokio::test(start_paused = true)]
async fn a_slow_bank_answers_after_half_a_minute() {
    let shop = shop().await;
    let start = shop.clock.now();
    assert_eq!(shop.authorize("tok_timeout").await, Authorization::Granted);
    assert_eq!(shop.clock.now().duration_since(start).as_secs(), 30);
    assert_eq!(shop.statement("tok_timeout").await, CHARGED_ONCE);
    shop.use_it("tok_timeout").await;
    assert_eq!(shop.statement("tok_timeout").await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_for_a_slow_bank_is_charged_once() {
    let shop = shop().await;
    let impatient = tokio::time::timeout(Duration::from_secs(5), shop.authorize("tok_timeout")).await;
    assert!(impatient.is_err());
    let again = join_all([shop.authorize("tok_timeout"), shop.authorize("tok_timeout")]).await;
    assert_eq!(again, [Authorization::Granted, Authorization::Granted]);
    assert_eq!(shop.statement("tok_timeout").await, CHARGED_ONCE);
}

#[tokio::test(start_paused = true)]
async fn a_flaky_bank_works_the_third_time() {
    let shop = shop().await;
    for _ in 0..2 {
        assert!(matches!(shop.authorize("tok_flaky").await, Authorization::Failed { .. }));
        assert_eq!(shop.statement("tok_flaky").await, Statement::default());
    }
    assert_eq!(shop.authorize("tok_flaky").await, Authorization::Granted);
    assert_eq!(shop.statement("tok_flaky").await, CHARGED_ONCE);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_charges_once() {
    let shop = shop().await;
    assert!(matches!(shop.authorize("tok_unknown").await, Authorization::Unknown { .. }));
    assert_eq!(shop.statement("tok_unknown").await, CHARGED_ONCE);
    assert_eq!(shop.authorize("tok_unknown").await, Authorization::Granted);
    assert_eq!(shop.statement("tok_unknown").await, CHARGED_ONCE);
    shop.use_it("tok_unknown").await;
    assert_eq!(shop.statement("tok_unknown").await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_and_voided() {
    let shop = shop().await;
    assert!(matches!(shop.authorize("tok_unknown").await, Authorization::Unknown { .. }));
    let undone = shop.payments.undo(&with_token("tok_unknown"), &Caller::system()).await.unwrap();
    assert_eq!((undone, shop.status("tok_unknown").await), (Settlement::Done, Status::Voided));
    assert_eq!(shop.statement("tok_unknown").await, Statement { held: 0, ..CHARGED_ONCE });
}

#[tokio::test(start_paused = true)]
async fn a_buyer_approves_at_the_bank() {
    let shop = shop().await;
    let reference = shop.asked_to_act().await;
    assert_eq!(shop.asked_to_act().await, reference, "asking again is the same wish");
    assert_eq!(shop.bank.look(&reference).await.unwrap().unwrap().status, TestStatus::Waiting);
    for _ in 0..2 {
        assert_eq!(shop.decide(&reference, true).await, TestStatus::Approved);
    }
    assert_eq!(shop.decide(&reference, false).await, TestStatus::Approved, "what was approved stays so");
    assert_eq!(shop.status("tok_action").await, Status::Authorized);
    assert_eq!(shop.statement("tok_action").await, CHARGED_ONCE);
    shop.use_it("tok_action").await;
    assert_eq!(shop.statement("tok_action").await, GIVEN_BACK);
    assert!(shop.bank.look("tst_a_nothing").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_buyer_declines_or_lets_it_pass() {
    let declined = shop().await;
    let reference = declined.asked_to_act().await;
    assert_eq!(declined.decide(&reference, false).await, TestStatus::Declined);
    assert_eq!(declined.code("tok_action").await, "authentication_failed");

    let expired = shop().await;
    let reference = expired.asked_to_act().await;
    expired.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(expired.decide(&reference, true).await, TestStatus::Expired);
    assert_eq!(expired.code("tok_action").await, "action_expired");
    assert_eq!(expired.statement("tok_action").await, Statement::default());
}

#[tokio::test(start_paused = true)]
async fn what_was_called_off_cannot_be_approved() {
    let shop = shop().await;
    let reference = shop.asked_to_act().await;
    let undone = shop.payments.undo(&with_token("tok_action"), &Caller::system()).await.unwrap();
    assert_eq!(undone, Settlement::Done);
    assert_eq!(shop.decide(&reference, true).await, TestStatus::Cancelled);
    assert_eq!(shop.statement("tok_action").await, Statement::default());
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_was_lost_is_found_by_asking() {
    let shop = shop().await;
    let reference = shop.asked_to_act().await;
    shop.bank.decide(&reference, true).await.unwrap();
    assert_eq!(shop.authorize("tok_action").await, Authorization::Granted);
}

#[tokio::test(start_paused = true)]
async fn the_bank_tells_twice() {
    let shop = shop().await;
    let telling = tokio::spawn(run_test_bank(shop.notices.clone(), shop.bank.clone()));
    assert_eq!(shop.authorize("tok_duplicate_notice").await, Authorization::Granted);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.status("tok_duplicate_notice").await, Status::Authorized);
    assert_eq!(shop.statement("tok_duplicate_notice").await, CHARGED_ONCE);
    telling.abort();
}

#[tokio::test(start_paused = true)]
async fn forged_notices_are_refused() {
    let shop = shop().await;
    let reference = shop.asked_to_act().await;
    let (_, notices) = shop.bank.decide(&reference, true).await.unwrap().unwrap();
    let notice = &notices[0];
    let mut changed = notice.body.clone();
    changed.push(b' ');
    let forged = shop.notices.receive("test", &notice.headers, &changed).await.unwrap_err();
    assert_eq!(forged.code, "bad_signature");
    assert_eq!(shop.status("tok_action").await, Status::Pending);
}

#[tokio::test(start_paused = true)]
async fn test_payments_are_off_unless_they_are_allowed() {
    let shop = with(false).await;
    assert_eq!(shop.payments.provider("test"), None);
    assert!(shop.payments.provider("manual").is_some_and(|info| !info.needs_token));
    assert_eq!(Manual.name(), "manual");
}
