//! A shop that is well, and one kind of damage after the other.
//! It does not run services: each test writes the facts that it needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{LineId, OrderId, OrderNumber, RefundId, ShipmentId};
use domain::ledger::{self, Posting};
use domain::money::Currency;
use domain::order::{self, Cancellation, Channel, Line, LineQuantity, PaymentChoice, Placement, Refund, Shipment};
use domain::payment::{self, Opening, Operation};
use domain::pricing::{Total, TotalKind};
use domain::quantity::Quantity;
use domain::reservation::{self, Closing, Held, Shortage};
use domain::sku::Sku;
use domain::stock::{self, Location, Policy, Reason};
use jiff::Timestamp;
use platform::clock::{Clock, ManualClock};
use platform::documents::memory::MemoryDocuments;
use platform::documents::{Change, Documents, Put, WriteBatch};
use platform::entropy::SeededEntropy;
use platform::log::executor::{Executor, Limits};
use platform::log::kind::{Kind, Kinds};
use platform::log::memory::MemoryLog;
use platform::log::{
    AppendId, Batch, Cause, Epoch, Group, GroupOutcome, Log, NewFact, Position, RecordedFact, Shard, ShardInfo,
    ShardState, Snapshot, StreamAppend, StreamId, Version,
};
use platform::projection::{ErasedProjection, Projector};
use platform::store::StoreResult;
use services::inventory::{ReservationKind, StockKind};
use services::orders::OrderKind;
use services::payments::{LedgerKind, PaymentKind};

use super::{Findings, check_showing};
use crate::progress::Progress;

async fn check(
    log: &dyn Log,
    kinds: &Kinds,
    documents: &dyn Documents,
    projections: &[Arc<dyn ErasedProjection>],
) -> StoreResult<Findings> {
    check_showing(log, kinds, documents, projections, &mut Progress::silent()).await
}

const SHARDS: Shard = 8;

/// One fact on its way into the log.
#[derive(Clone)]
struct Step {
    stream: StreamId,
    fact: NewFact,
}

fn step<K: Kind>(key: &str, fact: K::Fact) -> Step {
    Step { stream: StreamId::new(K::NAME, key), fact: Kinds::encode::<K>(fact).unwrap() }
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn held(text: &str, quantity: i64) -> Held {
    Held { sku: sku(text), location: Location::default(), quantity }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

fn line(n: u8) -> LineId {
    LineId::from_bytes([n; 16])
}

/// Two of A at 500, and shipping at 300.
fn placement(n: u8, provider: &str) -> Placement {
    let entry = |kind, amount| Total { kind, amount, display_text: None };
    Placement {
        number: OrderNumber::from_bytes([n; 5]),
        channel: Channel::Api,
        market: "main".into(),
        currency: usd(),
        locale: None,
        lines: vec![Line {
            id: line(n),
            sku: sku("A"),
            title: "A cup".into(),
            variant: String::new(),
            quantity: Quantity::new(2).unwrap(),
            unit_price: 500,
            discount: 0,
            order_discount: 0,
            tax: 0,
            total: 1_000,
        }],
        totals: vec![
            entry(TotalKind::Subtotal, 1_000),
            entry(TotalKind::Fulfillment, 300),
            entry(TotalKind::Total, 1_300),
        ],
        tax_included: 0,
        prices_include_tax: false,
        buyer: None,
        shipping_address: None,
        country: None,
        shipping: None,
        payment: PaymentChoice { provider: provider.into(), test: false },
        note: None,
        cart: None,
        draft: None,
        placed_at: at(0),
        body_hash: String::new(),
    }
}

fn placed(n: u8, provider: &str) -> Vec<Step> {
    let opening =
        Opening { order: id(n), provider: provider.into(), amount: 1_300, currency: usd(), test: false, token: None };
    let placement = std::sync::Arc::new(placement(n, provider));
    vec![
        step::<PaymentKind>(id(n).key(), payment::Fact::Opened { opening }),
        step::<OrderKind>(id(n).key(), order::Fact::Placed { placement }),
    ]
}

fn reserved(n: u8) -> Vec<Step> {
    let (order, location) = (id(n), Location::default());
    let expires_at = at(3_600);
    let lines = vec![held("A", 2)];
    vec![
        step::<ReservationKind>(
            id(n).key(),
            reservation::Fact::Held { order: order.clone(), lines, expires_at, uncounted: Vec::new() },
        ),
        step::<StockKind>("A", stock::Fact::Reserved { location, quantity: 2, order }),
    ]
}

fn authorized(n: u8) -> Step {
    step::<PaymentKind>(id(n).key(), payment::Fact::Authorized { reference: "r".into(), amount: 1_300 })
}

fn confirmed(n: u8) -> Vec<Step> {
    vec![
        step::<ReservationKind>(id(n).key(), reservation::Fact::Confirmed {}),
        step::<OrderKind>(id(n).key(), order::Fact::Confirmed {}),
    ]
}

/// Captured, sent, and half of it back.
fn sold(n: u8) -> Vec<Step> {
    let key = id(n).key().to_owned();
    let (shipment, refund) = (ShipmentId::from_bytes([n; 16]), RefundId::from_bytes([n; 16]));
    let location = Location::default;
    let started =
        |request: &str, operation, amount| payment::Fact::Started { request: request.into(), operation, amount, n: 1 };
    let parcel = Shipment {
        id: shipment.clone(),
        lines: vec![LineQuantity { line: line(n), quantity: Quantity::new(2).unwrap() }],
        carrier: None,
        tracking_number: None,
        tracking_url: None,
    };
    let back = Refund {
        id: refund.clone(),
        amount: 500,
        returned: vec![LineQuantity { line: line(n), quantity: Quantity::new(1).unwrap() }],
        written_off: Vec::new(),
        unshipped: Vec::new(),
        reason: None,
    };
    let posted = |posting| step::<LedgerKind>(id(n).key(), ledger::Fact::Posted { posting });
    vec![
        step::<PaymentKind>(&key, started("c", Operation::Capture, 1_300)),
        step::<PaymentKind>(&key, payment::Fact::Captured { request: "c".into(), amount: 1_300 }),
        posted(Posting::payment("card", 1_300, usd())),
        step::<OrderKind>(&key, order::Fact::Shipped { shipment: parcel }),
        step::<ReservationKind>(
            &key,
            reservation::Fact::Shipped { shipment: shipment.clone(), lines: vec![held("A", 2)] },
        ),
        step::<StockKind>("A", stock::Fact::Shipped { location: location(), quantity: 2, order: id(n) }),
        step::<OrderKind>(&key, order::Fact::StockShipped { shipment }),
        step::<OrderKind>(&key, order::Fact::RefundRequested { refund: back }),
        step::<PaymentKind>(&key, started("r", Operation::Refund, 500)),
        step::<PaymentKind>(&key, payment::Fact::Refunded { request: "r".into(), amount: 500 }),
        posted(Posting::refund("card", 500, usd())),
        step::<OrderKind>(&key, order::Fact::Refunded { refund: refund.clone() }),
        step::<ReservationKind>(
            &key,
            reservation::Fact::Restocked { refund: refund.clone(), lines: vec![held("A", 1)], released: Vec::new() },
        ),
        step::<StockKind>("A", stock::Fact::Restocked { location: location(), quantity: 1, order: id(n) }),
        step::<OrderKind>(&key, order::Fact::Restocked { refund }),
    ]
}

fn cancelled(n: u8) -> Vec<Step> {
    let key = id(n).key().to_owned();
    let why = Cancellation::ByStaff { reason: "changed their mind".into() };
    let location = Location::default();
    vec![
        step::<OrderKind>(&key, order::Fact::CancellationRequested { why }),
        step::<PaymentKind>(&key, payment::Fact::Closing {}),
        step::<PaymentKind>(&key, payment::Fact::Voided {}),
        step::<OrderKind>(&key, order::Fact::PaymentUndone {}),
        step::<ReservationKind>(&key, reservation::Fact::Released { why: Closing::Undone, lines: vec![held("A", 2)] }),
        step::<StockKind>("A", stock::Fact::Released { location, quantity: 2, order: id(n) }),
        step::<OrderKind>(&key, order::Fact::Cancelled {}),
    ]
}

fn rejected(n: u8) -> Vec<Step> {
    let key = id(n).key().to_owned();
    let shortages = vec![Shortage { sku: sku("A"), requested: 2, available: 0 }];
    vec![
        step::<ReservationKind>(&key, reservation::Fact::Refused { order: id(n), shortages: shortages.clone() }),
        step::<OrderKind>(&key, order::Fact::Rejected { shortages }),
    ]
}

fn marked_paid(n: u8) -> Vec<Step> {
    vec![
        step::<PaymentKind>(id(n).key(), payment::Fact::MarkedPaid { request: "m".into(), amount: 1_300 }),
        step::<LedgerKind>(
            id(n).key(),
            ledger::Fact::Posted { posting: Posting::payment(payment::MANUAL, 1_300, usd()) },
        ),
    ]
}

fn received(delta: i64) -> Step {
    let fact = stock::Fact::Adjusted { location: Location::default(), delta, reason: Reason::Received };
    step::<StockKind>("A", fact)
}

/// 1: sold and half of it back. 2: cancelled. 3: rejected. 4: paid by hand. 5: still waits for its payment.
fn shop() -> Vec<Step> {
    let mut steps = vec![received(100)];
    steps.extend([placed(1, "card"), reserved(1), vec![authorized(1)], confirmed(1), sold(1)].concat());
    steps.extend([placed(2, "card"), reserved(2), vec![authorized(2)], confirmed(2), cancelled(2)].concat());
    steps.extend([placed(3, "card"), rejected(3)].concat());
    steps.extend([placed(4, payment::MANUAL), reserved(4), confirmed(4), marked_paid(4)].concat());
    steps.extend([placed(5, "card"), reserved(5)].concat());
    steps
}

/// The shop's facts without those of one type in one stream.
fn without(type_name: &str, key: &str) -> Vec<Step> {
    let all = shop();
    let kept: Vec<Step> =
        all.iter().filter(|step| *step.fact.type_name != *type_name || step.stream.key() != key).cloned().collect();
    assert!(kept.len() < all.len(), "there is no {type_name} of {key}");
    kept
}

/// The shop's facts, one of them with other words in its body.
fn with(type_name: &str, key: &str, from: &str, to: &str) -> Vec<Step> {
    let mut steps = shop();
    let step = steps.iter_mut().find(|step| *step.fact.type_name == *type_name && step.stream.key() == key).unwrap();
    assert!(step.fact.body.contains(from), "{}", step.fact.body);
    step.fact.body = step.fact.body.replacen(from, to, 1).into();
    steps
}

struct Bench {
    log: Arc<MemoryLog>,
    documents: Arc<dyn Documents>,
}

impl Bench {
    async fn new(steps: &[Step]) -> Self {
        let log = Arc::new(MemoryLog::new(SHARDS));
        let mut versions: BTreeMap<StreamId, Version> = BTreeMap::new();
        for (number, Step { stream, fact }) in (0u64..).zip(steps) {
            let expected = versions.entry(stream.clone()).or_default();
            let append = StreamAppend { stream: stream.clone(), expected: *expected, facts: vec![fact.clone()] };
            *expected += 1;
            let time = at(i64::try_from(number).unwrap());
            let group = Group { time, cause: Cause::system(), streams: vec![append] };
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let epochs = vec![1; usize::from(SHARDS)].into();
            let outcome = log.append(Batch { id: AppendId(id), time, epochs, groups: vec![group] }).await.unwrap();
            assert!(matches!(outcome[..], [GroupOutcome::Committed(_)]));
        }
        Self { log, documents: Arc::new(MemoryDocuments::default()) }
    }

    /// With all derived documents.
    async fn projected(steps: &[Step]) -> Self {
        let bench = Self::new(steps).await;
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(at(10_000)));
        let entropy = Arc::new(SeededEntropy::new(1));
        let executor =
            Executor::start(bench.log.clone(), services::kinds(), clock.clone(), entropy, Limits::default()).await;
        let executor = executor.unwrap();
        let projector = Projector::start(&executor, &bench.documents, &clock, &services::projections()).await.unwrap();
        assert!(projector.wait_for_heads(Duration::from_secs(60)).await.unwrap());
        bench
    }

    async fn findings(&self) -> Findings {
        let (kinds, projections) = (services::kinds(), services::projections());
        check(self.log.as_ref(), &kinds, self.documents.as_ref(), &projections).await.unwrap()
    }
}

/// What is told of a log alone, without documents.
async fn told(log: &dyn Log) -> Vec<String> {
    let documents = MemoryDocuments::default();
    let findings = check(log, &services::kinds(), &documents, &[]).await.unwrap();
    findings.checks.into_iter().flat_map(|check| check.problems).collect()
}

/// Exactly one problem, in these words.
async fn finds(steps: Vec<Step>, words: &str) {
    let problems = told(Bench::new(&steps).await.log.as_ref()).await;
    assert!(problems.len() == 1 && problems[0].contains(words), "{words}: {problems:#?}");
}

/// Exactly these two.
async fn finds_both(steps: Vec<Step>, first: &str, second: &str) {
    let problems = told(Bench::new(&steps).await.log.as_ref()).await;
    let are_both = matches!(&problems[..], [one, two] if one.contains(first) && two.contains(second));
    assert!(are_both, "{first}, {second}: {problems:#?}");
}

#[tokio::test]
async fn a_healthy_shop_is_well() {
    let bench = Bench::projected(&shop()).await;
    let findings = bench.findings().await;
    assert!(findings.is_well(), "{findings}");
    let text = findings.to_string();
    for words in ["5 orders, 5 lines", "1 SKU, 2 open reservations", "3 postings in USD", "documents: orders"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains("1 pending, 2 confirmed, 1 cancelled, 1 rejected"), "{text}");
    assert!(text.contains("1 order not finished: 1 running"), "{text}");
}

#[tokio::test]
async fn stock_that_does_not_match_its_reservations_is_found() {
    finds(without("stock.released", "A"), "A at main: 6 reserved, but open reservations hold 4").await;
    finds(without("stock.restocked", "A"), "A at main: 98 on hand, but its movements come to 99").await;
    let problems = told(Bench::new(&without("reservation.released", id(2).key())).await.log.as_ref()).await;
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].contains("4 reserved, but open reservations hold 6"), "{problems:#?}");
    assert!(problems[1].contains("it was undone, but still holds stock"), "{problems:#?}");
}

#[tokio::test]
async fn overselling_is_found_and_what_was_allowed_is_not() {
    finds(with("stock.adjusted", "A", "100", "3"), "more was taken than there was, 1 time, first at version 8").await;
    let mut allowed = vec![step::<StockKind>("A", stock::Fact::PolicySet { policy: Policy::TrackOnly })];
    allowed.extend(with("stock.adjusted", "A", "100", "3"));
    allowed.push(step::<StockKind>("A", stock::Fact::PolicySet { policy: Policy::Reserve }));
    let problems = told(Bench::new(&allowed).await.log.as_ref()).await;
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn books_that_do_not_balance_are_found() {
    let one_sided = with("ledger.posted", id(1).key(), "-1300", "-1299");
    let problems = told(Bench::new(&one_sided).await.log.as_ref()).await;
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("1300 captured, but 1299 in the books"), "{problems:#?}");
    assert!(problems[1].contains("is 1 USD off"), "{problems:#?}");
    assert!(problems[2].contains("the trial balance is 1 USD instead of zero"), "{problems:#?}");

    finds(without("payment.marked_paid", id(4).key()), "0 captured, but 1300 in the books").await;
    finds_both(without("payment.captured", id(1).key()), "500 refunded, but only 0 captured", "1300 in the books")
        .await;
}

#[tokio::test]
async fn money_beyond_what_was_promised_is_found() {
    let captured = with("payment.authorized", id(1).key(), "1300", "1000");
    finds(captured, "1300 captured, but only 1000 authorised").await;
    let opened = with("payment.opened", id(4).key(), "1300", "1200");
    finds_both(opened, "the payment is 1200 USD, the order 1300 USD", "1300 captured, but only 1200").await;
}

#[tokio::test]
async fn orders_that_do_not_add_up_are_found() {
    let key = id(5).key().to_owned();
    let placed = |from: &str, to: &str| with("order.placed", &key, from, to);
    finds(placed("\"amount\":300", "\"amount\":301"), "the entries come to 1301, but 1300 is written").await;
    let dearer = placed("\"unit_price\":500", "\"unit_price\":501");
    finds_both(dearer, "the lines come to 1002, but 1000", "quantity and discount come to 1002, but 1000").await;
    let doubled = placed("\"type\":\"fulfillment\"", "\"type\":\"subtotal\"");
    finds_both(doubled, "2 entries of type subtotal", "the lines come to 1000, but 1300 is written").await;
}

#[tokio::test]
async fn orders_without_their_stock_or_money_are_found() {
    let key = id(4).key().to_owned();
    finds(without("reservation.confirmed", &key), "confirmed, but its stock is not reserved for good").await;

    let mut unpaid = [vec![received(100)], placed(1, "card"), reserved(1), confirmed(1)].concat();
    finds(unpaid.clone(), "it is confirmed, but its payment was never authorised").await;
    let declined = payment::Fact::Declined { code: "no".into(), message: "no".into() };
    unpaid.extend([authorized(1), step::<PaymentKind>(id(1).key(), declined)]);
    finds(unpaid, "it is confirmed, but its payment was declined").await;
}

#[tokio::test]
async fn what_is_undone_holds_nothing() {
    let key = id(2).key().to_owned();
    finds(without("payment.voided", &key), "it was undone, but still holds the buyer's money").await;

    let mut rejected = shop();
    rejected.push(authorized(3));
    finds(rejected, "it was undone, but still holds the buyer's money").await;

    let mut late = shop();
    late.push(authorized(2));
    let bench = Bench::new(&late).await;
    let findings = check(bench.log.as_ref(), &services::kinds(), bench.documents.as_ref(), &[]).await.unwrap();
    assert!(findings.is_well(), "{findings}");
    assert!(findings.notes.iter().any(|note| note.contains("money came late")), "{findings}");
}

#[tokio::test]
async fn parcels_and_shelves_agree() {
    let key = id(1).key().to_owned();
    let problems = told(Bench::new(&without("reservation.shipped", &key)).await.log.as_ref()).await;
    assert!(
        problems.iter().any(|problem| problem.contains("a parcel left without leaving the shelf")),
        "{problems:#?}"
    );
    let problems = told(Bench::new(&without("order.shipped", &key)).await.log.as_ref()).await;
    assert!(problems.iter().any(|problem| problem.contains("goods left the shelf without a parcel")), "{problems:#?}");
}

#[tokio::test]
async fn facts_that_nobody_knows_are_found() {
    let mut steps = shop();
    let stranger = NewFact { type_name: "lamp.lit".into(), schema: 1, body: "{}".into() };
    steps.push(Step { stream: StreamId::new("lamp", "hall"), fact: stranger });
    finds(steps, "no service knows streams of kind `lamp`").await;
    let mut steps = shop();
    let newer = NewFact { type_name: "order.gilded".into(), schema: 1, body: "{}".into() };
    steps.push(Step { stream: StreamId::new("order", id(5).key()), fact: newer });
    finds(steps, "is not known to this version").await;
}

#[tokio::test]
async fn documents_that_are_not_what_their_facts_say_are_found() {
    let steps = shop();
    let bench = Bench::projected(&steps).await;
    let collection = services::inventory::STOCK;
    let document = bench.documents.get(collection, "A", at(0)).await.unwrap().unwrap();
    let put = |id: &str, body: Arc<str>| Put { collection, id: id.into(), body, entries: Vec::new(), expires: None };
    let changed: Arc<str> = document.body.replacen("99", "98", 1).into();
    assert_ne!(changed, document.body);
    let write = async |changes: Vec<Change>| {
        bench.documents.write(WriteBatch { changes, checkpoints: Vec::new() }).await.unwrap();
        let findings = bench.findings().await;
        findings.checks.into_iter().flat_map(|check| check.problems).collect::<Vec<_>>()
    };

    let differs = write(vec![Change::Put(put("A", changed))]).await;
    assert_eq!(differs, ["document A differs from what its facts come to"]);
    let missing = write(vec![Change::Delete { collection, id: "A".into() }]).await;
    assert_eq!(missing, ["document A is missing"]);
    let surplus = vec![Change::Put(put("A", document.body.clone())), Change::Put(put("B", document.body))];
    assert_eq!(write(surplus).await, ["document B should not be there"]);
}

#[tokio::test]
async fn what_is_behind_is_told_and_no_failure() {
    let mut bench = Bench::projected(&shop()).await;
    let longer = Bench::new(&[shop(), vec![received(1)]].concat()).await;
    bench.log = longer.log;
    let findings = bench.findings().await;
    assert!(findings.is_well(), "{findings}");
    assert!(findings.notes.iter().any(|note| note.contains("do not know yet: products 1, stock 1")), "{findings}");

    let unbuilt = Bench::new(&shop()).await.findings().await;
    assert!(unbuilt.is_well() && unbuilt.to_string().contains("not built yet"), "{unbuilt}");
}

type Counted = <StockKind as Kind>::State;

/// A log some of whose facts are read otherwise than they were written.
struct Damaged<F> {
    log: Arc<MemoryLog>,
    damage: F,
}

impl<F: Fn(&mut RecordedFact) -> bool + Send + Sync> Damaged<F> {
    fn read(&self, facts: Vec<RecordedFact>) -> Vec<RecordedFact> {
        facts.into_iter().filter_map(|mut fact| (self.damage)(&mut fact).then_some(fact)).collect()
    }
}

#[async_trait]
impl<F: Fn(&mut RecordedFact) -> bool + Send + Sync> Log for Damaged<F> {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        self.log.append(batch).await
    }

    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        self.log.find_append(id).await
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.log.read_stream(stream, after, limit).await.map(|facts| self.read(facts))
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.log.read_shard(shard, after, limit).await.map(|facts| self.read(facts))
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.log.shards().await
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        self.log.fence(shard, state).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        self.log.save_snapshot(snapshot).await
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        self.log.load_snapshot(stream).await
    }

    fn owned_alone(&self) -> bool {
        self.log.owned_alone()
    }
}

#[tokio::test]
async fn gaps_in_the_log_are_found() {
    let log = Bench::new(&shop()).await.log;
    let dropped = |fact: &mut RecordedFact| &*fact.type_name != "order.refunded";
    let problems = told(&Damaged { log: log.clone(), damage: dropped }).await;
    assert!(problems[0].contains("is followed by") && problems[0].starts_with("shard"), "{problems:#?}");
    assert!(problems[1].contains(&format!("order-{}: version", id(1).key())), "{problems:#?}");

    let short = Bench::new(&[received(1), received(1), received(1)]).await.log;
    let problems = told(&Damaged { log: short, damage: |fact: &mut RecordedFact| fact.version < 3 }).await;
    assert!(problems.len() == 1 && problems[0].contains("ends at 2, and should at 3"), "{problems:#?}");

    let backwards = |fact: &mut RecordedFact| {
        if &*fact.type_name == "order.confirmed" {
            fact.time = at(-1);
        }
        true
    };
    let problems = told(&Damaged { log, damage: backwards }).await;
    assert!(problems.iter().any(|problem| problem.contains("is older than the one before")), "{problems:#?}");
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_its_facts_come_to_is_found() {
    let steps: Vec<Step> = (0..250).map(|_| received(1)).collect();
    let bench = Bench::new(&steps).await;
    let counted = |on_hand: i64| {
        let level = stock::Level { on_hand, reserved: 0 };
        let levels = BTreeMap::from([(Location::default(), level)]);
        let stock = stock::Stock { policy: Policy::Reserve, levels };
        let state = Counted { stock, updated_at: Some(at(199)) };
        serde_json::to_string(&state).unwrap()
    };
    let snapshot = |version, on_hand| Snapshot {
        stream: StreamId::new("stock", "A"),
        version,
        time: at(199),
        state_version: StockKind::STATE_VERSION,
        body: counted(on_hand).into(),
    };
    bench.log.save_snapshot(snapshot(200, 200)).await.unwrap();
    assert!(told(bench.log.as_ref()).await.is_empty());
    bench.log.save_snapshot(Snapshot { time: at(200), ..snapshot(201, 200) }).await.unwrap();
    let problems = told(bench.log.as_ref()).await;
    assert_eq!(problems, ["stock-A: its snapshot is not what its facts come to"]);
}
