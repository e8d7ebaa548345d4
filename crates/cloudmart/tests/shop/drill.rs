//! Each scenario of the crash drill in a small form; `cargo xtask crash` does all of it, for longer.
//! What is tried, and how, stands in testkit's `drill`.

use testkit::drill::{Ground, disk_full, frozen, kill, read_only, torn_wal, traced, two_processes, unsynced};
use testkit::mart::rounds;

use crate::CLOUDMART;

const SEED: u64 = 4;

fn ground() -> Ground {
    Ground::for_a_test(CLOUDMART, SEED)
}

fn figure(outcome: &testkit::drill::Outcome, name: &str) -> u64 {
    let value = outcome.figure(name).and_then(serde_json::Value::as_u64);
    value.unwrap_or_else(|| panic!("no figure {name}: {outcome:?}"))
}

#[tokio::test]
async fn kill_9_under_load_at_the_start_and_in_recovery() {
    let rounds = rounds("CLOUDMART_KILLS", 2);
    let outcome = kill::run(&ground(), kill::Options { rounds, customers: 12, answers_max: 150 }).await;
    assert!(figure(&outcome, "kills") >= u64::from(rounds), "{outcome:?}");
}

/// It notices, too, when a disk says that it synced and did not.
#[tokio::test]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let outcome = unsynced::run(&ground(), unsynced::Options { cuts: 8, customers: 3, deeds: 5 }).await;
    assert!(outcome.skipped.is_none(), "{outcome:?}");
    assert!(figure(&outcome, "orders looked for") > 0, "{outcome:?}");
    assert_eq!(figure(&outcome, "planted: of 4 cuts of a disk that lies, found out"), 4);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_on_the_disk() {
    let outcome = traced::run(&ground(), traced::Options { orders: 5 }).await;
    assert_eq!(figure(&outcome, "answers to orders, captures, refunds, shipments"), 20);
}

/// It notices, too, when a bit has rotten among what was synced.
#[tokio::test]
async fn a_torn_log_ends_where_it_was_torn() {
    let outcome = torn_wal::run(&ground(), torn_wal::Options { kills: 1, orders: 20 }).await;
    assert!(figure(&outcome, "orders looked for") > 0, "{outcome:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    disk_full::run(&ground(), disk_full::Options { times: 1, customers: 4, deeds: 5 }).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_of() {
    read_only::run(&ground()).await;
}

#[tokio::test]
async fn a_frozen_shop_goes_on() {
    frozen::run(&ground(), frozen::Options { times: 1 }).await;
}

#[tokio::test]
async fn of_two_on_one_folder_one_is_refused() {
    two_processes::run(&ground(), two_processes::Options { races: 1 }).await;
}
