//! Every process of the primary is killed at once under load, and the standby is promoted: what was acknowledged is there, and
//! orders flow again by themselves.
//! It does not know who decides that a standby is promoted; here it is done at once.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Cluster, Engines, PATIENCE, Settings, answered, keeps_its_word, longest, median, while_it_sells};
use crate::dice::Dice;
use crate::drill::audit::audit;
use crate::drill::book::Book;
use crate::drill::load::{Load, stock_up};
use crate::drill::settle::settle;
use crate::drill::{Ground, Outcome};
use crate::mart::eventually;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub rounds: u32,
    /// How many ask at the same time.
    pub customers: usize,
    /// Before the primary dies, between this and twice as many requests are answered.
    pub answers: u64,
    /// Orders are confirmed again so long after the promotion.
    pub flows_within: Duration,
    /// Whether the drill is tried, too: on commits that wait for nobody it must notice what is lost.
    pub is_tried: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 20, customers: 16, answers: 300, flows_within: Duration::from_secs(5), is_tried: true }
    }
}

/// What a failover came to.
struct Failover {
    /// How long the promotion itself took.
    promotion: Duration,
    /// From its end until an order was confirmed.
    flows: Duration,
    /// From the primary's death until both nodes had confirmed one.
    both: Duration,
    put_off: u64,
}

/// # Panics
/// When an acknowledged order is lost, anything is done twice, or orders do not flow again.
pub async fn run(ground: &Ground, mut engines: Engines, options: Options) -> (Outcome, Engines) {
    let cluster = Cluster::start(ground, &engines, Settings::default()).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&cluster.mart, &book).await;
    let mut failovers: Vec<Failover> = Vec::new();
    for round in 1..=options.rounds {
        let failover = lost_once(&cluster, &mut engines, &book, round, options, &mut dice).await;
        keeps_its_word(&cluster.mart, &book, &mut dice).await;
        ground.tell(format!(
            "round {round:>3} of {}: {:>6} orders acknowledged, none lost; promoted in {} ms, orders {} ms later, {} put off",
            options.rounds,
            book.lock().tally.acknowledged,
            failover.promotion.as_millis(),
            failover.flows.as_millis(),
            failover.put_off
        ));
        failovers.push(failover);
        engines = engines.replace_standby().await;
    }
    drop(cluster);
    let tally = book.into_inner().tally;
    let times = |of: fn(&Failover) -> Duration| failovers.iter().map(of).collect::<Vec<_>>();
    let (promotion, flows) = (times(|it| it.promotion), times(|it| it.flows));
    let mut outcome = Outcome::default()
        .with("primaries killed, standbys promoted", options.rounds)
        .with("orders acknowledged", tally.acknowledged)
        .with("orders without an answer, or put off, answered later", tally.answered_later)
        .with("of these the shop had them", tally.found_done)
        .with("answers 503 meanwhile", failovers.iter().map(|it| it.put_off).sum::<u64>())
        .with("the promotion itself, ms, median", median(&promotion))
        .with("orders flow after the promotion, ms, median", median(&flows))
        .with("orders flow after the promotion, ms, at most", longest(&flows))
        .with("both nodes sell after the primary's death, ms, at most", longest(&times(|it| it.both)))
        .with("orders lost, or placed twice", 0);
    if options.is_tried {
        ground.tell("commits wait for nobody now, the standby is deaf, and the audit must fail:");
        let lost;
        (lost, engines) = a_loss_is_noticed(ground, engines, &mut dice).await;
        assert!(lost, "the drill does not notice that orders are lost");
        outcome = outcome.with("planted: an asynchronous standby that lost orders, noticed", 1);
    }
    (outcome, engines)
}

async fn lost_once(
    cluster: &Cluster,
    engines: &mut Engines,
    book: &Mutex<Book>,
    round: u32,
    options: Options,
    dice: &mut Dice,
) -> Failover {
    let load = Load::new(&cluster.mart, book, format!("lost-{round}")).undeterred(None);
    let enough = options.answers + dice.below(options.answers);
    let mut forked = dice.fork();
    let put_off = load.put_off();
    let failover = async {
        answered(&load, enough).await;
        engines.kill_primary().await;
        let died = Instant::now();
        engines.promote_standby().await;
        let promoted = Instant::now();
        let first = eventually("orders flow again", PATIENCE, async || {
            cluster.gateway.sold_since(promoted).first().map(|(_, at)| *at)
        })
        .await;
        let both = eventually("both nodes sell again", PATIENCE, async || {
            let sold = cluster.gateway.sold_since(promoted);
            let first_of = |node| sold.iter().find(|(by, _)| *by == cluster.address(node)).map(|(_, at)| *at);
            first_of(0).zip(first_of(1)).map(|(one, other)| one.max(other))
        })
        .await;
        answered(&load, options.answers).await;
        Failover {
            promotion: promoted - died,
            flows: first.saturating_duration_since(promoted),
            both: both - died,
            put_off: 0,
        }
    };
    let failover = while_it_sells(&load, options.customers, &mut forked, failover).await;
    let lost = cluster.gateway.take_lost();
    assert!(lost.is_empty(), "nodes live and answer, if only to say `later`: {lost:?}");
    let flows = failover.flows;
    assert!(flows <= options.flows_within, "orders flowed {flows:?} after the promotion");
    Failover { put_off: load.put_off() - put_off, ..failover }
}

/// The drill on itself: orders that only the primary had are gone with it, and the audit must not be content.
async fn a_loss_is_noticed(ground: &Ground, mut engines: Engines, dice: &mut Dice) -> (bool, Engines) {
    let mut cluster = Cluster::start(ground, &engines, Settings::default()).await;
    let (mart, book) = (cluster.mart.clone(), Mutex::new(Book::default()));
    stock_up(&mart, &book).await;
    engines.deafen_standby().await;
    let load = Load::new(&mart, &book, "deaf").with_quick_cards().undeterred(None);
    let enough = answered(&load, 200);
    while_it_sells(&load, 4, &mut dice.fork(), enough).await;
    engines.kill_primary().await;
    engines.promote_standby().await;
    // Nodes remember what the database has forgotten.
    for node in [0, 1] {
        cluster.kill_node(node);
    }
    for node in [0, 1] {
        cluster.start_node(node, &[]).await;
    }
    let word = async {
        settle(&mart, &book, dice).await;
        audit(&mart, &book, dice).await;
    };
    let kept = AssertUnwindSafe(word).catch_unwind().await;
    drop((cluster, mart));
    (kept.is_err(), engines.replace_standby().await)
}
