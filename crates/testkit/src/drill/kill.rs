//! `kill -9` at random instants: under load, while it starts, and while it recovers from the last one.
//! It does not know what must survive; the audit does.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use parking_lot::Mutex;

use super::audit::{audit, audit_all};
use super::book::Book;
use super::ground::copy_folder;
use super::load::{Load, stock_up};
use super::settle::settle;
use super::{Ground, Outcome};
use crate::dice::Dice;
use crate::mart::{Mart, Plan, Signal, StartTimes};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub rounds: u32,
    /// How many ask at the same time.
    pub customers: usize,
    /// Before the kill, between one and so many requests are answered.
    pub answers_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 100, customers: 24, answers_max: 1_000 }
    }
}

/// At most so many starts are killed before one is let through.
const STARTS_KILLED_MAX: u64 = 3;
/// A kill comes so long after the last answer that is counted, at most.
const KILL_DELAY_MAX_US: u64 = 20_000;

/// # Panics
/// When anything that was told turns out not to be so.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    let mut mart = Mart::start(Plan::empty(ground.binary()).data(ground.path("data"))).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&mart, &book).await;
    let mut restarts = Restarts::default();
    for round in 1..=options.rounds {
        under_load(&mart, &book, options, round, &mut dice).await;
        mart.ended().await;
        restarts.kills += 1 + killed_starts(&mut mart, &mut dice, restarts.longest()).await;
        mart.restart().await;
        restarts.took.push(mart.last_start());
        let left = book.lock().unanswered.len();
        settle(&mart, &book, &mut dice).await;
        audit(&mart, &book, &mut dice).await;
        let tally = book.lock().tally.clone();
        ground.tell(format!(
            "round {round:>3} of {}: {:>6} orders acknowledged, {:>3} without an answer, first answer after {:>4} ms",
            options.rounds,
            tally.acknowledged,
            left,
            mart.last_start().first_answer.as_millis()
        ));
    }
    audit_all(&mart, &book, &mut dice).await;
    assert!(mart.terminate().await.success(), "it ends well after all of it");
    drop(mart);
    assert!(an_old_folder_is_noticed(ground).await, "the drill does not notice that orders are lost");
    let tally = book.into_inner().tally;
    assert!(tally.acknowledged > 0 && tally.answered_later > 0, "it was killed in the middle: {tally:?}");
    restarts
        .figures(Outcome::default().with("rounds", options.rounds))
        .with("orders acknowledged", tally.acknowledged)
        .with("orders refused", tally.refused)
        .with("captures, refunds, shipments, cancellations, counts", tally.deeds)
        .with("orders in flight answered later", tally.answered_later)
        .with("of these the shop had them", tally.found_done)
        .with("orders lost", 0)
        .with("oversold", 0)
        .with("charged twice", 0)
        .with("planted: folders from before the last orders, noticed", 1)
}

/// The drill on itself: on a folder from before the last orders, the audit must not be content.
async fn an_old_folder_is_noticed(ground: &Ground) -> bool {
    let (data, old) = (ground.path("planted"), ground.path("planted-before"));
    let mut mart = Mart::start(Plan::empty(ground.binary()).data(&data)).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&mart, &book).await;
    mart.kill9();
    copy_folder(&data, &old);
    mart.restart().await;
    let load = Load::new(&mart, &book, "planted");
    let sold = load.customer_of(20, dice.fork()).await;
    assert!(sold.is_ok(), "it was there all the time{}", mart.log());
    settle(&mart, &book, &mut dice).await;
    audit(&mart, &book, &mut dice).await;
    mart.kill9();
    copy_folder(&old, &data);
    mart.restart().await;
    ground.tell("the shop is given an old folder now, and the audit must fail:");
    AssertUnwindSafe(audit(&mart, &book, &mut dice)).catch_unwind().await.is_err()
}

/// Customers until the shop is gone; it is killed in the middle of them.
async fn under_load(mart: &Mart, book: &Mutex<Book>, options: Options, round: u32, dice: &mut Dice) {
    let load = Load::new(mart, book, format!("r{round}"));
    let customers: Vec<_> = (0..options.customers).map(|_| load.customer(dice.fork())).collect();
    let (after, delay) = (1 + dice.below(options.answers_max), Duration::from_micros(dice.below(KILL_DELAY_MAX_US)));
    let killer = async {
        while load.answers() < after {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(delay).await;
        mart.signal(Signal::Kill);
    };
    futures::join!(join_all(customers), killer);
}

/// Starts it and kills it before, or soon after, it is there; answers how often.
async fn killed_starts(mart: &mut Mart, dice: &mut Dice, longest: Duration) -> u64 {
    let kills = dice.below(STARTS_KILLED_MAX + 1);
    let longest_us = u64::try_from(longest.as_micros()).unwrap_or(0).max(50_000);
    for _ in 0..kills {
        mart.spawn();
        tokio::time::sleep(Duration::from_micros(dice.below(longest_us))).await;
        mart.kill9();
    }
    kills
}

/// How starts went after kills.
#[derive(Debug, Default)]
struct Restarts {
    kills: u64,
    took: Vec<StartTimes>,
}

impl Restarts {
    fn longest(&self) -> Duration {
        self.took.iter().map(|took| took.ready).max().unwrap_or(Duration::from_millis(500))
    }

    fn figures(&self, outcome: Outcome) -> Outcome {
        let of = |what: fn(&StartTimes) -> Duration| {
            let mut times: Vec<u128> = self.took.iter().map(|took| what(took).as_millis()).collect();
            times.sort_unstable();
            let at = |index: usize| u64::try_from(times.get(index).copied().unwrap_or(0)).unwrap_or(u64::MAX);
            (at(times.len() / 2), at(times.len().saturating_sub(1)))
        };
        let (first, first_max) = of(|took| took.first_answer);
        let (ready, ready_max) = of(|took| took.ready);
        outcome
            .with("kills", self.kills)
            .with("first answer after a kill, ms, median", first)
            .with("first answer after a kill, ms, at most", first_max)
            .with("ready after a kill, ms, median", ready)
            .with("ready after a kill, ms, at most", ready_max)
    }
}
