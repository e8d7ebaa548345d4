//! The inner loops without any store: decisions, money, facts as text, sealing. `cargo bench --workspace --bench rules`
//! It does not know how long anything waits; `--bench log` does.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use domain::ids::OrderId;
use domain::money::{Currency, allocate};
use domain::order::{self, Order};
use domain::payment::{self, Call, Opening, Operation, Outcome, Payment};
use domain::pricing::{self, Input, LineInput, Tax};
use domain::quantity::Quantity;
use domain::reservation::Reservation;
use domain::sku::Sku;
use domain::stock::{self, Location, Reason, Stock};
use jiff::Timestamp;
use platform::clock::ManualClock;
use platform::documents::memory::MemoryDocuments;
use platform::entropy::SeededEntropy;
use platform::log::kind::Kinds;
use platform::log::{Cause, RecordedFact, StreamId};
use platform::sealing::{DataKey, MasterKey, Vault};
use serde_json::Value;
use services::orders::OrderKind;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The first fact of this type among those that were once written.
fn golden(kind: &str) -> RecordedFact {
    let lines = include_str!("../golden/facts.jsonl").lines();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("a line of the golden file"));
    let line = lines.find(|line| line["type"] == kind).expect("a fact of this type");
    RecordedFact {
        shard: 0,
        position: 1,
        stream: StreamId::parse(line["stream"].as_str().expect("a stream")).expect("a stream"),
        version: 1,
        type_name: kind.into(),
        schema: 1,
        time: NOW,
        cause: Cause::system(),
        body: line["body"].to_string().into(),
    }
}

fn placed() -> Order {
    let kinds = services::kinds();
    kinds.fold::<OrderKind>(&[golden("order.placed")], None).expect("an order")
}

/// An order as its drivers decide it: what is next, and which facts are news.
fn decide(bench: &mut Criterion) {
    let order = placed();
    let straight_through = [
        order::Fact::Reserved {},
        order::Fact::Authorized {},
        order::Fact::ReservationConfirmed {},
        order::Fact::Confirmed {},
    ];
    let mut group = bench.benchmark_group("decide");
    group.bench_function("order: next step", |b| b.iter(|| black_box(&order).next(black_box(NOW))));
    group.bench_function("order: news of a straight way", |b| {
        b.iter(|| black_box(&order).news(black_box(&straight_through), NOW));
    });
    let sku = Sku::parse("LAMP").expect("a SKU");
    let mut stock = Stock::default();
    stock.apply(&stock::Fact::Adjusted { location: Location::default(), delta: 1_000_000, reason: Reason::Received });
    let stocks = BTreeMap::from([(&sku, &stock)]);
    let lines = [(sku.clone(), Quantity::new(1).expect("a quantity"))];
    let (nobody, id) = (Reservation::default(), OrderId::from_bytes([1; 16]));
    group.bench_function("stock: reserve one line", |b| {
        b.iter(|| black_box(&nobody).reserve(&id, black_box(&lines), black_box(&stocks), NOW));
    });
    let mut payment = Payment::default();
    let currency = Currency::parse("EUR").expect("a currency");
    let opening = Opening { order: id, provider: "test".to_owned(), amount: 6_487, currency, test: true, token: None };
    payment.apply(&payment::Fact::Opened { opening }, NOW);
    let call = Call { operation: Operation::Authorize, request: payment::AUTHORIZATION.to_owned(), n: 1 };
    let outcome = Outcome::Done { reference: "tst_1".to_owned() };
    group.bench_function("payment: settle an authorisation", |b| {
        b.iter(|| black_box(&payment).settle(black_box(&call), black_box(&outcome)));
    });
    group.finish();
}

fn money(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("money");
    for parts in [3, 30, 1_000] {
        let weights: Vec<u64> = (1..=parts).map(|n| n * 37 % 101).collect();
        group.bench_with_input(BenchmarkId::new("allocate", parts), &weights, |b, weights| {
            b.iter(|| allocate(black_box(123_457), black_box(weights)));
        });
    }
    let line = |n: i64| LineInput { unit_price: 999 + n, quantity: Quantity::new(2).expect("a quantity"), discount: n };
    for lines in [1, 30] {
        let input = Input {
            currency: Currency::parse("EUR").expect("a currency"),
            lines: (0..lines).map(line).collect(),
            order_discount: 500,
            fulfillment: Some(490),
            tax: Some(Tax { rate_ppm: 190_000, prices_include_tax: true }),
        };
        group.bench_with_input(BenchmarkId::new("price lines", lines), &input, |b, input| {
            b.iter(|| pricing::price(black_box(input)));
        });
    }
    group.finish();
}

fn facts(bench: &mut Criterion) {
    let kinds = services::kinds();
    let mut group = bench.benchmark_group("facts");
    for kind in ["order.placed", "order.confirmed", "stock.reserved"] {
        let fact = golden(kind);
        group.bench_with_input(BenchmarkId::new("decode", kind), &fact, |b, fact| {
            b.iter(|| kinds.decode(black_box(fact)));
        });
    }
    let placed = placed().placement.expect("a placement");
    let fact = order::Fact::Placed { placement: placed };
    group.bench_function("encode/order.placed", |b| {
        b.iter_batched(|| fact.clone(), |fact| Kinds::encode::<OrderKind>(black_box(fact)), BatchSize::SmallInput);
    });
    group.finish();
}

fn a_key() -> DataKey {
    let clock = Arc::new(ManualClock::starting_at(NOW));
    let documents = Arc::new(MemoryDocuments::default());
    let vault = Vault::new(MasterKey::new([7; 32]), documents, clock, Arc::new(SeededEntropy::new(1)));
    vault.new_key("order-1", None).key
}

fn sealing(bench: &mut Criterion) {
    let key = a_key();
    let address = "Ada Example, Main street 1, 10115 Berlin, DE, +4930123456, ada@example.com".repeat(2);
    let sealed = key.seal(&address);
    let master = MasterKey::new([7; 32]);
    let mut group = bench.benchmark_group("sealing");
    group.bench_function("seal an address", |b| b.iter(|| key.seal(black_box(&address))));
    group.bench_function("open an address", |b| b.iter(|| key.open(black_box(&sealed))));
    group.bench_function("hash an e-mail address", |b| {
        b.iter(|| master.hash_text("e-mail", &[black_box(b"ada@example.com")]));
    });
    group.finish();
}

criterion_group!(benches, decide, money, facts, sealing);
criterion_main!(benches);
