//! Payments on a real executor and real projections, before a provider that fails in every way.
//! Real providers have their own tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::orders::Orders;
use contracts::payments::{AsOf, Authorization, OpenPayment, Payments as _, Settlement};
use domain::ids::OrderId;
use domain::money::Currency;
use domain::payment::{Call, Operation, Payment, Status};
use domain::seal::Sealed;
use futures::future::join_all;
use jiff::Timestamp;
use parking_lot::Mutex;
use platform::blobs::MemoryBlobs;
use platform::clock::{Clock, ManualClock};
use platform::documents::Documents;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::{Entropy, SeededEntropy, draw};
use platform::log::executor::{Executor, Limits};
use platform::log::memory::MemoryLog;
use platform::projection::Projector;
use platform::sealing::{MasterKey, Vault};
use serde_json::{Value, json};

use super::provider::{HeaderMap, HeaderValue, Key, Outcome};
use super::till::{ByHand, Plan, Till};
use super::{Notices, Payments, http};
use crate::in_memory::{Client, OneKey};
use crate::machinery::Machinery;

const TOTAL: i64 = 1_000;

/// Remembers which orders looked again.
#[derive(Default)]
struct Advanced(Mutex<Vec<OrderId>>);

#[async_trait]
impl Orders for Advanced {
    async fn advance(&self, order: &OrderId) -> contracts::Result<()> {
        self.0.lock().push(order.clone());
        Ok(())
    }
}

struct Shop {
    payments: Arc<Payments>,
    till: Arc<Till>,
    orders: Arc<Advanced>,
    notices: Notices,
    clock: Arc<ManualClock>,
    log: Arc<MemoryLog>,
    documents: Arc<dyn Documents>,
}

async fn shop() -> Shop {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::from_second(1_800_000_000).unwrap()));
    begin(Arc::new(MemoryLog::new(8)), Arc::new(MemoryDocuments::default()), clock, Arc::default()).await
}

async fn begin(log: Arc<MemoryLog>, documents: Arc<dyn Documents>, clock: Arc<ManualClock>, till: Arc<Till>) -> Shop {
    let time: Arc<dyn Clock> = clock.clone();
    // A restarted process does not draw the ids of the one before.
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(3_000 + log.dump().len() as u64));
    let executor =
        Executor::start(log.clone(), crate::kinds(), time.clone(), entropy.clone(), Limits::default()).await.unwrap();
    let projector = Projector::start(&executor, &documents, &time, &super::projections()).await.unwrap();
    let vault = Vault::new(MasterKey::new([7; 32]), documents.clone(), time.clone(), entropy.clone());
    let blobs = Arc::new(MemoryBlobs::default());
    let machinery = Machinery { executor, documents: documents.clone(), projector, vault, blobs, clock: time, entropy };
    let payments = Arc::new(Payments::new(machinery, vec![till.clone(), Arc::new(ByHand)]));
    let orders = Arc::new(Advanced::default());
    let notices = Notices::new(payments.clone(), orders.clone());
    Shop { payments, till, orders, notices, clock, log, documents }
}

impl Shop {
    /// The same store, another process.
    async fn restarted(&self) -> Shop {
        begin(self.log.clone(), self.documents.clone(), self.clock.clone(), self.till.clone()).await
    }

    async fn open(&self, provider: &str, token: &str) {
        let vault = &self.payments.machinery.vault;
        let key = vault.keep(vault.new_key(order().as_str(), None)).await.unwrap();
        let token = Some(Sealed::new(key.seal(token)));
        let currency = Currency::parse("EUR").unwrap();
        let payment = OpenPayment { order: order(), provider: provider.to_owned(), amount: TOTAL, currency, token };
        self.payments.open(payment, &caller()).await.unwrap();
    }

    async fn opened() -> Shop {
        let shop = shop().await;
        shop.open("till", "tok_secret").await;
        shop
    }

    async fn authorized() -> Shop {
        let shop = Shop::opened().await;
        assert_eq!(shop.authorize().await, Authorization::Granted);
        shop.till.calls();
        shop
    }

    async fn authorize(&self) -> Authorization {
        self.payments.authorize(&order(), Box::pin(async {}), &caller()).await.unwrap()
    }

    async fn capture(&self, request: &str, amount: i64) -> Settlement {
        self.payments.capture(&order(), request, amount, &caller()).await.unwrap()
    }

    async fn refund(&self, request: &str, amount: i64) -> Settlement {
        self.payments.refund(&order(), request, amount, &caller()).await.unwrap()
    }

    async fn undo(&self) -> Settlement {
        self.payments.undo(&order(), &caller()).await.unwrap()
    }

    async fn payment(&self) -> Payment {
        self.payments.payment(&order(), AsOf::Now).await.unwrap()
    }

    async fn status(&self) -> Status {
        self.payment().await.status()
    }

    /// What the till told by itself, signed.
    async fn notice(&self, operation: Operation, request: &str, n: u32) -> contracts::Result<()> {
        let key = Key::of(&order(), Call { operation, request: request.to_owned(), n }).to_string();
        let outcome = Outcome::Done { reference: format!("ref {key}") };
        let headers = HeaderMap::from_iter([("x-signed".parse().unwrap(), HeaderValue::from_static("yes"))]);
        self.notices.receive("till", &headers, json!([key, outcome]).to_string().as_bytes()).await
    }

    /// The balance of every account, with the books checked.
    async fn books(&self) -> Vec<(String, i64)> {
        let (accounts, totals) = self.payments.trial_balance().await.unwrap();
        assert!(totals.values().all(|total| *total == 0), "{totals:?}");
        accounts.into_iter().map(|line| (line.account, line.debit - line.credit)).collect()
    }
}

fn order() -> OrderId {
    OrderId::from_bytes([4; 16])
}

fn caller() -> Caller {
    Caller::system()
}

fn is_pending(settlement: &Settlement) -> bool {
    matches!(settlement, Settlement::Pending { .. })
}

#[tokio::test(start_paused = true)]
async fn money_comes_in_and_goes_back_once_per_request() {
    let shop = Shop::authorized().await;
    for _ in 0..2 {
        assert_eq!(shop.capture("c1", 700).await, Settlement::Done);
        assert_eq!(shop.refund("r1", 200).await, Settlement::Done);
    }
    assert_eq!(shop.till.calls(), ["capture.c1.1", "refund.r1.1"]);
    assert!(matches!(shop.capture("c1", 1).await, Settlement::Refused { .. }), "the same name for something else");
    assert!(matches!(shop.capture("c2", 301).await, Settlement::Refused { .. }));
    assert!(matches!(shop.refund("r2", 501).await, Settlement::Refused { .. }));
    let payment = shop.payment().await;
    assert_eq!((payment.captured, payment.refunded, payment.status()), (700, 200, Status::PartiallyRefunded));
    let books = shop.books().await;
    assert_eq!(books, [("clearing:till".to_owned(), 500), ("refunds".to_owned(), 200), ("sales".to_owned(), -700)]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_asked_again_under_the_same_key() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::LoseAnswer, Plan::LoseRequest, Plan::Work]);
    assert!(matches!(shop.authorize().await, Authorization::Unknown { .. }));
    assert!(matches!(shop.authorize().await, Authorization::Unknown { .. }));
    assert_eq!(shop.authorize().await, Authorization::Granted);
    assert_eq!(shop.authorize().await, Authorization::Granted);
    assert_eq!(shop.till.calls(), ["authorize.order.1"; 3]);
    assert_eq!(shop.till.did(Operation::Authorize), (1, TOTAL));
    shop.till.plan([Plan::LoseAnswer]);
    assert!(is_pending(&shop.capture("c", TOTAL).await));
    assert_eq!(shop.capture("c", TOTAL).await, Settlement::Done);
    assert_eq!(shop.till.did(Operation::Capture), (1, TOTAL));
}

#[tokio::test(start_paused = true)]
async fn only_a_certain_failure_changes_the_key() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Fail, Plan::LoseRequest, Plan::Fail, Plan::Work, Plan::Fail]);
    for _ in 0..3 {
        assert!(!matches!(shop.authorize().await, Authorization::Granted));
    }
    assert_eq!(shop.authorize().await, Authorization::Granted);
    assert!(is_pending(&shop.capture("c", TOTAL).await));
    assert_eq!(shop.capture("c", TOTAL).await, Settlement::Done);
    let keys = ["authorize.order.1", "authorize.order.2", "authorize.order.2", "authorize.order.3"];
    assert_eq!(shop.till.calls(), [&keys[..], &["capture.c.1", "capture.c.2"]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_decline_is_final() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Decline]);
    for _ in 0..2 {
        let declined = Authorization::Declined { code: "card_declined".to_owned(), message: "no".to_owned() };
        assert_eq!(shop.authorize().await, declined);
    }
    assert_eq!(shop.undo().await, Settlement::Done);
    assert_eq!(shop.till.calls().len(), 1);
    assert_eq!((shop.status().await, shop.payment().await.opening.unwrap().token), (Status::Declined, None));
}

#[tokio::test(start_paused = true)]
async fn two_callers_charge_once() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Slow(2), Plan::Slow(1)]);
    let granted = join_all([shop.authorize(), shop.authorize()]).await;
    assert_eq!(granted, [Authorization::Granted, Authorization::Granted]);
    assert_eq!(shop.till.did(Operation::Authorize), (1, TOTAL));
    shop.till.plan([Plan::Slow(2), Plan::Slow(1)]);
    let captured = join_all([shop.capture("c", 400), shop.capture("c", 400)]).await;
    assert_eq!(captured, [Settlement::Done, Settlement::Done]);
    assert_eq!((shop.payment().await.captured, shop.till.did(Operation::Capture)), (400, (1, 400)));
    assert_eq!(shop.books().await[0], ("clearing:till".to_owned(), 400));
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_call_and_its_fact_is_made_good() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Slow(30), Plan::Work]);
    let crashed = tokio::time::timeout(Duration::from_secs(1), shop.authorize()).await;
    assert!(crashed.is_err());
    let shop = shop.restarted().await;
    assert_eq!(shop.authorize().await, Authorization::Granted);
    shop.till.plan([Plan::Slow(30), Plan::Work]);
    assert!(tokio::time::timeout(Duration::from_secs(1), shop.capture("c", TOTAL)).await.is_err());
    let shop = shop.restarted().await;
    assert_eq!(shop.capture("c", TOTAL).await, Settlement::Done);
    assert_eq!((shop.till.did(Operation::Authorize).0, shop.till.did(Operation::Capture)), (1, (1, TOTAL)));
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_waited_for_for_ever() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Slow(3_600)]);
    assert!(matches!(shop.authorize().await, Authorization::Unknown { .. }));
    assert_eq!(shop.authorize().await, Authorization::Granted);
}

#[tokio::test(start_paused = true)]
async fn an_old_call_is_looked_for_before_it_is_sent_again() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::LoseRequest, Plan::LoseAnswer]);
    shop.authorize().await;
    shop.clock.advance(Duration::from_secs(13 * 60 * 60));
    assert!(matches!(shop.authorize().await, Authorization::Unknown { .. }));
    assert_eq!(shop.authorize().await, Authorization::Granted);
    let expected = ["authorize.order.1", "authorize.order.1 find", "authorize.order.1", "authorize.order.1 find"];
    assert_eq!(shop.till.calls(), expected);
    assert_eq!(shop.till.did(Operation::Authorize), (1, TOTAL));
}

#[tokio::test(start_paused = true)]
async fn a_card_number_goes_nowhere() {
    let shop = shop().await;
    shop.open("till", "4242 4242 4242 4242").await;
    assert!(matches!(shop.authorize().await, Authorization::Declined { code, .. } if code == "card_number_refused"));
    assert_eq!(shop.till.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn undoing_gives_everything_back_once() {
    let shop = Shop::authorized().await;
    shop.capture("c", 400).await;
    shop.till.calls();
    shop.till.plan([Plan::LoseAnswer, Plan::Work, Plan::Fail]);
    assert!(is_pending(&shop.undo().await), "nobody knows whether the refund worked");
    assert!(is_pending(&shop.undo().await), "the void failed");
    assert_eq!(shop.undo().await, Settlement::Done);
    assert_eq!(shop.undo().await, Settlement::Done);
    assert_eq!(shop.till.calls(), ["refund.undo-1.1", "refund.undo-1.1", "void.void.1", "void.void.2"]);
    assert_eq!((shop.till.did(Operation::Refund), shop.till.did(Operation::Void)), ((1, 400), (1, 600)));
    assert_eq!(shop.books().await[0], ("clearing:till".to_owned(), 0));
    assert!(matches!(shop.capture("c2", 1).await, Settlement::Refused { .. }));
    assert!(matches!(shop.authorize().await, Authorization::Over { .. }));
}

#[tokio::test(start_paused = true)]
async fn undoing_finds_out_what_nobody_knew() {
    let lost_promise = Shop::opened().await;
    lost_promise.till.plan([Plan::LoseAnswer]);
    lost_promise.authorize().await;
    assert_eq!(lost_promise.undo().await, Settlement::Done);
    assert_eq!(lost_promise.till.did(Operation::Void), (1, TOTAL));

    let lost_capture = Shop::authorized().await;
    lost_capture.till.plan([Plan::LoseAnswer]);
    lost_capture.capture("c", 300).await;
    assert_eq!(lost_capture.undo().await, Settlement::Done);
    assert_eq!(
        (lost_capture.till.did(Operation::Refund), lost_capture.till.did(Operation::Void)),
        ((1, 300), (1, 700))
    );

    let never_asked = Shop::opened().await;
    assert_eq!(never_asked.undo().await, Settlement::Done);
    assert_eq!(never_asked.status().await, Status::Voided);

    let never_opened = shop().await;
    assert_eq!(never_opened.undo().await, Settlement::Done);
    never_opened.open("till", "tok_secret").await;
    assert!(matches!(never_opened.authorize().await, Authorization::Over { .. }));
    assert_eq!(never_opened.till.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_success_that_comes_after_closing_is_voided_at_once() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Late(10)]);
    let undo_meanwhile = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        shop.undo().await
    };
    let (authorized, undone) = tokio::join!(shop.authorize(), undo_meanwhile);
    assert!(is_pending(&undone), "the provider does not know of it yet");
    assert!(matches!(authorized, Authorization::Over { .. }));
    assert_eq!((shop.till.did(Operation::Void), shop.status().await), ((1, TOTAL), Status::Voided));
    assert_eq!(shop.undo().await, Settlement::Done);
    assert_eq!(shop.till.calls(), ["authorize.order.1", "void.void.1"]);
}

#[tokio::test(start_paused = true)]
async fn notices_come_twice_late_and_before_the_answer() {
    let shop = Shop::opened().await;
    shop.till.plan([Plan::Slow(5)]);
    let early = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        shop.notice(Operation::Authorize, "order", 1).await.unwrap();
        shop.notice(Operation::Authorize, "order", 1).await.unwrap();
        shop.status().await
    };
    let (granted, status) = tokio::join!(shop.authorize(), early);
    assert_eq!((granted, status), (Authorization::Granted, Status::Authorized));
    assert_eq!(*shop.orders.0.lock(), [order(), order()]);
    let (_, version) = shop
        .payments
        .machinery
        .executor
        .read::<super::PaymentKind>(&super::kinds::payment_stream(&order()))
        .await
        .unwrap();
    assert_eq!(version, 2, "opened and authorised, however often it is told");
    shop.capture("c", 10).await;
    shop.notice(Operation::Capture, "c", 1).await.unwrap();
    assert_eq!((shop.payment().await.captured, shop.books().await[0].1), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn a_notice_of_a_payment_that_is_over_is_given_back() {
    let shop = Shop::opened().await;
    assert_eq!(shop.undo().await, Settlement::Done);
    shop.till.plan([Plan::Fail]);
    let not_yet = shop.notice(Operation::Authorize, "order", 1).await.unwrap_err();
    assert_eq!(not_yet.kind, contracts::Kind::Unavailable, "the provider is to tell again");
    assert_eq!(shop.payments.sweep().await.unwrap(), 0, "too early for the sweeper");
    shop.clock.advance(Duration::from_secs(600));
    shop.payments.machinery.settle_lists().await.unwrap();
    assert_eq!(shop.payments.sweep().await.unwrap(), 1);
    assert_eq!((shop.till.did(Operation::Void), shop.status().await), ((1, TOTAL), Status::Voided));
    shop.notice(Operation::Authorize, "order", 1).await.unwrap();
    assert_eq!(shop.till.did(Operation::Void).0, 1);
    shop.payments.machinery.settle_lists().await.unwrap();
    assert_eq!(shop.payments.sweep().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn staff_see_to_manual_payments() {
    let shop = shop().await;
    shop.open("manual", "").await;
    assert_eq!(shop.authorize().await, Authorization::Granted);
    assert_eq!(shop.status().await, Status::Pending);
    assert!(matches!(shop.capture("c", 1).await, Settlement::Refused { .. }));
    let mark = |request: &'static str, amount| {
        let shop = &shop;
        async move { shop.payments.mark_paid(&order(), request, amount, &caller()).await }
    };
    assert_eq!(mark("m1", Some(400)).await.unwrap().captured, 400);
    assert_eq!(mark("m1", Some(400)).await.unwrap().captured, 400);
    assert_eq!(mark("m2", Some(601)).await.unwrap_err().code, "more_than_outstanding");
    assert_eq!(mark("m2", None).await.unwrap().status(), Status::Captured);
    assert_eq!(mark("m3", None).await.unwrap_err().code, "already_paid");
    assert_eq!(shop.refund("r", 250).await, Settlement::Done);
    assert_eq!(shop.books().await[0], ("clearing:manual".to_owned(), 750));
    assert_eq!(shop.undo().await, Settlement::Done);
    assert_eq!(shop.books().await[0], ("clearing:manual".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_shown_as_it_was() {
    let shop = Shop::authorized().await;
    let then = shop.clock.now();
    shop.clock.advance(Duration::from_secs(1));
    shop.capture("c", TOTAL).await;
    assert_eq!(shop.payments.payment(&order(), AsOf::Instant(then)).await.unwrap().status(), Status::Authorized);
    let before = then.checked_sub(Duration::from_secs(1)).unwrap();
    assert_eq!(shop.payments.payment(&order(), AsOf::Instant(before)).await.unwrap(), Payment::default());
}

/// Whatever fails on the way: the books balance, the till agrees with them, and after undoing nothing is left.
#[tokio::test(start_paused = true)]
async fn no_sequence_of_failures_loses_or_makes_money() {
    for seed in 0..150 {
        let entropy = SeededEntropy::new(seed);
        let pick = |below: u8| draw::<1>(&entropy)[0] % below;
        let shop = Shop::opened().await;
        for step in 0..24 {
            let plan = match pick(8) {
                0 => Plan::LoseAnswer,
                1 => Plan::LoseRequest,
                2 => Plan::Fail,
                3 if pick(4) == 0 => Plan::Decline,
                4 => Plan::Slow(5),
                5 => Plan::Late(5),
                _ => Plan::Work,
            };
            shop.till.plan([plan]);
            let request = format!("{}", pick(4));
            let amount = i64::from(pick(4) + 1) * 100;
            let act = async {
                match pick(9) {
                    0..=2 => drop(shop.authorize().await),
                    3..=4 => drop(shop.capture(&format!("c{request}"), amount).await),
                    5..=6 => drop(shop.refund(&format!("r{request}"), amount).await),
                    7 => drop(shop.notice(Operation::Refund, &format!("none{request}"), 1).await),
                    _ if step > 16 => drop(shop.undo().await),
                    _ => {}
                }
            };
            // Now and then the caller goes away in the middle.
            let patience = Duration::from_secs(if pick(3) == 0 { 1 } else { 100 });
            let _ = tokio::time::timeout(patience, act).await;
            shop.books().await;
        }
        shop.till.plan([]);
        let shop = shop.restarted().await;
        assert_eq!(shop.undo().await, Settlement::Done, "seed {seed}: {:?}", shop.payment().await);
        let payment = shop.payment().await;
        let (captures, captured) = shop.till.did(Operation::Capture);
        assert_eq!((payment.captured, payment.refunded), (captured, shop.till.did(Operation::Refund).1), "seed {seed}");
        assert_eq!(payment.captured, payment.refunded, "seed {seed}");
        let (promises, promised) = shop.till.did(Operation::Authorize);
        assert!(captures <= 4 && promises <= 1, "seed {seed}");
        assert!(captured == promised || shop.till.did(Operation::Void).0 > 0, "seed {seed}: money is still held");
        assert!(shop.books().await.iter().all(|(account, amount)| !account.starts_with("clearing") || *amount == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_books_and_notices_over_http() {
    let shop = Shop::authorized().await;
    shop.capture("c", 400).await;
    let api = Client::new(http::router(shop.payments.clone(), shop.orders.clone(), None), Arc::new(OneKey));
    let path = "GET /api/admin/ledger/trial-balance";
    assert_eq!(api.send(path, &[], Value::Null).await.problem().0, 401);
    let books = api.send(path, &[("authorization", "Bearer staff")], Value::Null).await.body;
    let expected = json!({
        "accounts": [
            {"account": "clearing:till", "currency": "EUR", "debit": 400, "credit": 0, "balance": 400},
            {"account": "sales", "currency": "EUR", "debit": 0, "credit": 400, "balance": -400},
        ],
        "totals": [{"currency": "EUR", "amount": 0}],
        "balanced": true,
    });
    assert_eq!(books, expected);
    let notice =
        json!([format!("{}.capture.c.1", super::provider::payment_of(&order())), {"done": {"reference": "r"}}]);
    let send = |provider: &'static str, headers: &'static [(&str, &str)], body: Value| {
        let api = &api;
        async move { api.send(&format!("POST /api/payment-notices/{provider}"), headers, body).await }
    };
    assert_eq!(send("till", &[("x-signed", "yes")], notice.clone()).await.status.as_u16(), 204);
    assert_eq!(send("till", &[], notice.clone()).await.problem(), (400, "bad_signature"));
    assert_eq!(send("till", &[("x-signed", "yes")], json!({})).await.problem(), (400, "malformed_notice"));
    assert_eq!(send("nobody", &[], notice).await.problem(), (404, "not_found"));
    assert_eq!(api.send("POST /api/test-payments/x/approve", &[], Value::Null).await.problem(), (404, "not_found"));
}
