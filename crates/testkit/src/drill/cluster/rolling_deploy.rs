//! Both nodes are replaced, one after the other, while orders flow through a gateway that sends no request twice: nobody
//! notices.
//! It does not know what the new nodes would do better.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Cluster, Engines, Settings, answered, keeps_its_word, longest, while_it_sells};
use crate::drill::book::Book;
use crate::drill::load::{Load, stock_up};
use crate::drill::{Ground, Outcome};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How often both are replaced.
    pub times: u32,
    /// How many ask at the same time.
    pub customers: usize,
    /// Answered between two replacements.
    pub answers: u64,
    /// Whether the drill is tried, too: a node that stops without notice must be noticed.
    pub is_tried: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { times: 5, customers: 16, answers: 300, is_tried: true }
    }
}

/// # Panics
/// When a single request fails.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    // Unlike most gateways, this one does not even hand on what no node has heard.
    let settings = Settings { passes_on: false, ..Settings::default() };
    let mut cluster = Cluster::start(ground, engines, settings).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&cluster.mart, &book).await;
    let (mut requests, mut took) = (0, Vec::new());
    for time in 1..=options.times {
        let mart = cluster.mart.clone();
        let load = Load::new(&mart, &book, format!("deploy-{time}"));
        let mut forked = dice.fork();
        let deploy = async {
            answered(&load, options.answers).await;
            let began = Instant::now();
            for node in [0, 1] {
                let ended = cluster.stop_node(node).await;
                assert!(ended.success(), "a node ends well: {ended}");
                cluster.start_node(node, &[]).await;
                answered(&load, options.answers).await;
            }
            took.push(began.elapsed());
        };
        while_it_sells(&load, options.customers, &mut forked, deploy).await;
        let lost = cluster.gateway.take_lost();
        assert!(lost.is_empty(), "{} of {} requests failed: {lost:?}", lost.len(), load.answers());
        assert_eq!(load.put_off(), 0, "nobody is put off: {:?}", cluster.gateway.statuses());
        requests += load.answers();
        keeps_its_word(&cluster.mart, &book, &mut dice).await;
        let last = took[took.len() - 1].as_millis();
        ground.tell(format!(
            "time {time:>2} of {}: {:>6} requests, none failed; {last} ms",
            options.times,
            load.answers()
        ));
    }
    let failed = if options.is_tried { unannounced(&mut cluster, &book, &mut dice).await } else { 0 };
    let tally = book.into_inner().tally;
    let outcome = Outcome::default()
        .with("times both nodes were replaced", options.times)
        .with("requests meanwhile", requests)
        .with("orders acknowledged", tally.acknowledged)
        .with("requests that failed, or were put off", 0)
        .with("both replaced in, ms, at most", longest(&took))
        .with("orders lost, or placed twice", 0);
    if options.is_tried {
        outcome.with("planted: requests that failed at a stop without notice", failed)
    } else {
        outcome
    }
}

/// The drill on itself: a node that stops taking connections before anybody has heard of it must be noticed.
async fn unannounced(cluster: &mut Cluster, book: &Mutex<Book>, dice: &mut crate::dice::Dice) -> usize {
    cluster.stop_node(0).await;
    cluster.start_node(0, &[("CLOUDMART_HTTP_NOTICE_S", "0")]).await;
    let mart = cluster.mart.clone();
    let load = Load::new(&mart, book, "unannounced").undeterred(None);
    let stop = async {
        answered(&load, 200).await;
        cluster.stop_node(0).await;
    };
    while_it_sells(&load, 16, dice, stop).await;
    let failed = cluster.gateway.take_lost().len();
    assert!(failed > 0, "the drill does not notice a node that goes without a word");
    cluster.start_node(0, &[]).await;
    keeps_its_word(&cluster.mart, book, dice).await;
    failed
}
