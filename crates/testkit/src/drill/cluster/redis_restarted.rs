//! Redis ends under load and is started again, empty: everybody is answered, both nodes say what they do without, and are well
//! again by themselves.
//! It does not know what nodes keep there.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Cluster, Engines, PATIENCE, Settings, answered, keeps_its_word, longest, while_it_sells};
use crate::drill::book::Book;
use crate::drill::load::{Load, stock_up};
use crate::drill::{Ground, Outcome};
use crate::mart::eventually;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub times: u32,
    /// How many ask at the same time.
    pub customers: usize,
    /// Answered before, during and after each time.
    pub answers: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { times: 10, customers: 16, answers: 500 }
    }
}

/// # Panics
/// When anybody goes without an answer, or is put off, or anything is lost.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    let mut cluster = Cluster::start(ground, engines, Settings::default()).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&cluster.mart, &book).await;
    let (mut noticed, mut recovered, mut meanwhile) = (Vec::new(), Vec::new(), 0);
    for time in 1..=options.times {
        let mart = cluster.mart.clone();
        let load = Load::new(&mart, &book, format!("redis-{time}"));
        let mut forked = dice.fork();
        let restart = async {
            answered(&load, options.answers).await;
            let ended = Instant::now();
            cluster.redis.end();
            say_what_they_miss(&cluster).await;
            noticed.push(ended.elapsed());
            let before = load.answers();
            answered(&load, options.answers).await;
            meanwhile += load.answers() - before;
            let started = Instant::now();
            cluster.redis.run().await;
            are_well(&cluster).await;
            recovered.push(started.elapsed());
            answered(&load, options.answers).await;
        };
        while_it_sells(&load, options.customers, &mut forked, restart).await;
        let lost = cluster.gateway.take_lost();
        assert!(lost.is_empty(), "everybody is answered: {lost:?}");
        assert_eq!(load.put_off(), 0, "nobody is put off: {:?}", cluster.gateway.statuses());
        keeps_its_word(&cluster.mart, &book, &mut dice).await;
        let (last, well) = (longest(&noticed[noticed.len() - 1..]), longest(&recovered[recovered.len() - 1..]));
        ground.tell(format!(
            "time {time:>2} of {}: said so after {last} ms, well {well} ms after the start",
            options.times
        ));
    }
    let tally = book.into_inner().tally;
    Outcome::default()
        .with("times Redis ended and began anew", options.times)
        .with("orders acknowledged", tally.acknowledged)
        .with("requests answered without it", meanwhile)
        .with("requests without an answer, or put off", 0)
        .with("both nodes say so after, ms, at most", longest(&noticed))
        .with("both nodes are well after its start, ms, at most", longest(&recovered))
        .with("orders lost, or placed twice", 0)
}

async fn say_what_they_miss(cluster: &Cluster) {
    for node in [0, 1] {
        eventually("a node says what it does without", PATIENCE, async || {
            let ready = cluster.readiness(node).await?;
            let told = ready["degraded"][0].as_str().is_some_and(|told| told.starts_with("redis: "));
            (ready["status"] == "ready" && told).then_some(())
        })
        .await;
    }
}

async fn are_well(cluster: &Cluster) {
    for node in [0, 1] {
        eventually("a node is well", PATIENCE, async || cluster.is_well(node).await.then_some(())).await;
    }
}
