//! Facts on their way: decided and appended in memory, appended with every batch durable to SQLite and to PostgreSQL,
//! and folded into lists.
//! `cargo bench --workspace --bench log`; what is measured on the engines is the disk's speed as much as ours.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use contracts::caller::Caller;
use contracts::inventory::Inventory as _;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::ids::OrderId;
use domain::quantity::Quantity;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use jiff::Timestamp;
use platform::log::executor::CommittedFact;
use platform::log::{AppendId, Batch, Cause, Epoch, Group, Log, NewFact, StreamAppend, StreamId};
use platform::projection::ErasedProjection;
use testkit::contract::Engine;
use testkit::engines::{OnPostgres, OnSqlite};
use testkit::postgres::{Durability, Server};
use testkit::shop::BoxedShop;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn bytes(n: u64) -> [u8; 16] {
    u128::from(n).to_be_bytes()
}

/// Reservations of one SKU over the executor and the log in memory: so many callers at once, one commit for all of them.
fn reserve(bench: &mut Criterion) {
    let runtime = runtime();
    let shop = runtime.block_on(BoxedShop::open(1));
    let sku = Sku::parse("B").expect("a SKU");
    let caller = Caller::system();
    let shelf = Location::default();
    let received = shop.inventory.adjust(&sku, &shelf, 900_000_000, Reason::Received, "all", &caller);
    runtime.block_on(received).expect("stock is taken");
    let lines = [(sku, Quantity::new(1).expect("a quantity"))];
    let next = AtomicU64::new(1);
    let mut group = bench.benchmark_group("reserve one SKU in memory");
    for callers in [1, 64, 512] {
        group.throughput(Throughput::Elements(callers));
        group.bench_with_input(BenchmarkId::from_parameter(callers), &callers, |b, callers| {
            b.iter(|| {
                let crowd = (0..*callers).map(|_| {
                    let order = OrderId::from_bytes(bytes(next.fetch_add(1, Ordering::Relaxed)));
                    let (lines, caller, inventory) = (&lines, &caller, &shop.inventory);
                    async move { inventory.reserve(&order, lines, Timestamp::MAX, caller).await.expect("it is held") }
                });
                runtime.block_on(futures::future::join_all(crowd))
            });
        });
    }
    group.finish();
}

/// One group as a confirmed order writes it: three streams of one case.
fn an_order(n: u64) -> Group {
    let fact = |type_name: &str, size: usize| NewFact {
        type_name: type_name.into(),
        schema: 1,
        body: format!("{{\"note\":\"{}\"}}", "x".repeat(size)).into(),
    };
    let key = format!("{n:026}");
    let to = |kind: &str, facts| StreamAppend { stream: StreamId::new(kind, &key), expected: 0, facts };
    let streams = vec![
        to("order", vec![fact("order.placed", 900), fact("order.confirmed", 0)]),
        to("payment", vec![fact("payment.opened", 120), fact("payment.authorized", 60)]),
        to("reservation", vec![fact("reservation.held", 120)]),
    ];
    Group { time: Timestamp::UNIX_EPOCH, cause: Cause::system(), streams }
}

fn append_to_sqlite(bench: &mut Criterion) {
    append(bench, "append to SQLite, durable", &OnSqlite::default());
}

fn append_to_postgres(bench: &mut Criterion) {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| Server::start(Durability::Synced));
    append(bench, "append to PostgreSQL, durable", &OnPostgres::on(server));
}

fn append(bench: &mut Criterion, name: &str, engine: &dyn Engine) {
    let runtime = runtime();
    let store = runtime.block_on(engine.fresh());
    let log: Arc<dyn Log> = store.log();
    let epochs: Arc<[Epoch]> =
        runtime.block_on(log.shards()).expect("the shards").iter().map(|info| info.epoch).collect();
    let next = AtomicU64::new(1);
    let mut group = bench.benchmark_group(name);
    group.measurement_time(Duration::from_secs(5)).sample_size(20);
    for groups in [1, 64, 512] {
        group.throughput(Throughput::Elements(groups));
        group.bench_with_input(BenchmarkId::new("orders", groups), &groups, |b, groups| {
            b.iter_batched(
                || {
                    let first = next.fetch_add(*groups, Ordering::Relaxed);
                    Batch {
                        id: AppendId(bytes(first)),
                        time: Timestamp::UNIX_EPOCH,
                        epochs: epochs.clone(),
                        groups: (first..first + groups).map(an_order).collect(),
                    }
                },
                |batch| runtime.block_on(log.append(batch)).expect("it is appended"),
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Everything that some orders wrote, decoded.
async fn written(orders: usize) -> Vec<CommittedFact> {
    let shop = BoxedShop::open(1).await;
    for n in 0..orders {
        let (status, _) = shop.buy(&format!("order-{n}"), &[("B", 1)], "tok_success").await;
        assert_eq!(status, 201);
    }
    let kinds = services::kinds();
    let facts = shop.log.dump().into_iter().map(|fact| {
        let decoded = kinds.decode(&fact).expect("a fact of today");
        CommittedFact::new(fact, decoded)
    });
    facts.collect()
}

/// Folds and writes all documents of one projection.
fn project(projection: &dyn ErasedProjection, facts: &[CommittedFact]) -> usize {
    let mut documents = std::collections::BTreeMap::new();
    for fact in facts {
        for id in projection.keys(fact) {
            let before = documents.remove(&id);
            if let Some(after) = projection.fold(&id, before, fact) {
                documents.insert(id, after);
            }
        }
    }
    let written = documents.iter().map(|(id, document)| projection.write(id, document).expect("a document"));
    written.map(|(body, entries)| body.len() + entries.len()).sum()
}

fn projections(bench: &mut Criterion) {
    const ORDERS: usize = 100;
    let facts = runtime().block_on(written(ORDERS));
    let mut group = bench.benchmark_group(format!("project {ORDERS} orders"));
    group.throughput(Throughput::Elements(ORDERS as u64));
    for projection in services::projections() {
        group.bench_function(projection.name(), |b| b.iter(|| project(projection.as_ref(), &facts)));
    }
    group.finish();
}

criterion_group!(benches, reserve, append_to_sqlite, append_to_postgres, projections);
criterion_main!(benches);
