//! A shop on two nodes, a primary with its standby, and Redis: each drill of a cluster in a small form; `cargo xtask crash
//! --cluster` does all of it, for longer. What is tried, and how, stands in testkit's `drill::cluster`.
//! One after the other: what is measured must not wait for another drill.

use std::time::Duration;

use testkit::drill::cluster::{
    Engines, flash_sale, node_frozen, node_killed, primary_lost, redis_restarted, replica_frozen, rolling_deploy,
    staff_meet,
};
use testkit::drill::{Ground, Outcome};
use testkit::mart::rounds;
use testkit::postgres::Durability;
use tokio::sync::Mutex;

/// The binary under test.
const CLOUDMART: &str = env!("CARGO_BIN_EXE_cloudmart");
const SEED: u64 = 5;
/// A binary with debug assertions on a busy machine is slower than the one whose figures are written down.
const WITHIN: Duration = Duration::from_secs(30);
const CUSTOMERS: usize = 6;

/// The servers, where the last drill left them well.
static ENGINES: Mutex<Option<Engines>> = Mutex::const_new(None);

fn figure(outcome: &Outcome, name: &str) -> u64 {
    let value = outcome.figure(name).and_then(serde_json::Value::as_u64);
    value.unwrap_or_else(|| panic!("no figure {name}: {outcome:?}"))
}

fn how_often() -> u32 {
    rounds("CLOUDMART_DRILLS", 1)
}

/// Runs a drill on servers that nobody else uses meanwhile.
async fn drill(run: impl AsyncFnOnce(&Ground, Engines) -> (Outcome, Engines)) -> Outcome {
    let mut left = ENGINES.lock().await;
    let engines = match left.take() {
        Some(engines) => engines,
        // No test here pulls the plug of a machine, and other tests may keep the disk busy.
        None => Engines::start(Durability::Forgetful, WITHIN).await,
    };
    let (outcome, engines) = run(&Ground::for_a_test(CLOUDMART, SEED), engines).await;
    *left = Some(engines);
    outcome
}

#[tokio::test]
async fn a_dead_node_takes_nothing_with_it_but_what_was_in_flight() {
    let times = how_often();
    let options = node_killed::Options { rounds: times, answers: 100, taken_over_within: WITHIN, customers: CUSTOMERS };
    let outcome =
        drill(async |ground: &Ground, engines: Engines| (node_killed::run(ground, &engines, options).await, engines))
            .await;
    assert!(figure(&outcome, "orders acknowledged") > 0, "{outcome:?}");
}

#[tokio::test]
async fn a_frozen_node_holds_nobody_up_and_says_nothing_old() {
    let (frozen_for, times) = (Duration::from_secs(6), how_often());
    let patience = Duration::from_secs(3);
    let options = node_frozen::Options { times, frozen_for, customers: CUSTOMERS, patience, pause_max: WITHIN };
    let outcome =
        drill(async |ground: &Ground, engines: Engines| (node_frozen::run(ground, &engines, options).await, engines))
            .await;
    assert!(figure(&outcome, "orders sold by the other node meanwhile") > 0, "{outcome:?}");
}

#[tokio::test]
async fn a_standby_that_is_promoted_has_every_order() {
    let options = primary_lost::Options {
        rounds: how_often(),
        answers: 100,
        flows_within: WITHIN,
        is_tried: false,
        customers: CUSTOMERS,
    };
    let outcome =
        drill(async |ground: &Ground, engines: Engines| primary_lost::run(ground, engines, options).await).await;
    assert!(figure(&outcome, "orders acknowledged") > 0, "{outcome:?}");
}

#[tokio::test]
async fn redis_may_come_and_go() {
    let options = redis_restarted::Options { times: how_often(), answers: 100, customers: CUSTOMERS };
    let outcome = drill(async |ground: &Ground, engines: Engines| {
        (redis_restarted::run(ground, &engines, options).await, engines)
    })
    .await;
    assert!(figure(&outcome, "requests answered without it") > 0, "{outcome:?}");
}

#[tokio::test]
async fn a_replica_that_lags_or_stands_still_hides_nothing_and_holds_nobody_up() {
    let options = replica_frozen::Options {
        times: how_often(),
        customers: CUSTOMERS,
        answers: 100,
        back_within: WITHIN,
        list_within: WITHIN,
        ..replica_frozen::Options::default()
    };
    let outcome = drill(async |ground: &Ground, engines: Engines| {
        (replica_frozen::run(ground, &engines, options).await, engines)
    })
    .await;
    assert!(figure(&outcome, "lists that the replica answered") > 0, "{outcome:?}");
    assert!(figure(&outcome, "lists for which it was passed over: it lagged") > 0, "{outcome:?}");
}

#[tokio::test]
async fn two_nodes_sell_a_thousand_and_not_one_more() {
    let options = flash_sale::Options { times: how_often() };
    let outcome =
        drill(async |ground: &Ground, engines: Engines| (flash_sale::run(ground, &engines, options).await, engines))
            .await;
    assert_eq!(figure(&outcome, "sold each time"), 1_000);
}

#[tokio::test]
async fn staff_on_two_nodes_see_each_other_and_a_session_ends_on_both() {
    let options = staff_meet::Options { sessions: 10 * how_often() };
    let outcome =
        drill(async |ground: &Ground, engines: Engines| (staff_meet::run(ground, &engines, options).await, engines))
            .await;
    assert!(figure(&outcome, "sessions ended on one node and at once on the other") > 0, "{outcome:?}");
}

#[tokio::test]
async fn a_deploy_is_noticed_by_nobody() {
    let options = rolling_deploy::Options { times: how_often(), answers: 100, is_tried: false, customers: CUSTOMERS };
    let outcome = drill(async |ground: &Ground, engines: Engines| {
        (rolling_deploy::run(ground, &engines, options).await, engines)
    })
    .await;
    assert!(figure(&outcome, "requests meanwhile") > 0, "{outcome:?}");
}
