//! `kill -9` of a node under load: nobody goes without an answer but those whose request it had, and whoever of them asks again,
//! by the same key, finds one order; what the node did for all, the other one does.
//! It does not know which duties the node had.

use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Cluster, Engines, PATIENCE, Settings, answered, keeps_its_word, longest, median, while_it_sells};
use crate::dice::Dice;
use crate::drill::book::Book;
use crate::drill::frozen::{BUYERS, hold, ran_out_once};
use crate::drill::load::{Load, stock_up};
use crate::drill::{Ground, Outcome};
use crate::mart::{Mart, eventually};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub rounds: u32,
    /// How many ask at the same time.
    pub customers: usize,
    /// Before the kill, between this and twice as many requests are answered.
    pub answers: u64,
    /// The other node has all duties, and does what lists need, so long after the kill.
    pub taken_over_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 20, customers: 16, answers: 300, taken_over_within: Duration::from_secs(5) }
    }
}

/// What is held for a buyer who does not decide is let go of after so long: after the kill.
const HELD_FOR: Duration = Duration::from_secs(2);
/// A sweeper that has the duty looks so often.
const SWEPT_EVERY: Duration = Duration::from_secs(5);

/// What a kill came to.
struct Kill {
    /// Requests that the node took with it.
    in_flight: usize,
    /// Until the other node had all duties.
    taken_over: Duration,
    /// Until a list showed an order that was placed after the kill.
    listed: Duration,
    /// Until what had run out was let go of.
    released: Duration,
}

/// # Panics
/// When anything is lost or done twice, when anybody else goes without an answer, or when nobody takes over.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    let settings = Settings { reservation_ttl: HELD_FOR, ..Settings::default() };
    let mut cluster = Cluster::start(ground, engines, settings).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&cluster.mart, &book).await;
    cluster.mart.product("TICKET", 1_000, 1_000).await;
    let mut kills: Vec<Kill> = Vec::new();
    for round in 1..=options.rounds {
        let victim = usize::from(round % 2 == 0);
        cluster.duties_are_shared().await;
        let (kill, held) = killed_once(&mut cluster, &book, victim, round, options, &mut dice).await;
        cluster.start_node(victim, &[]).await;
        join_all(held.into_iter().map(|order| ran_out_once(&cluster.mart, order))).await;
        keeps_its_word(&cluster.mart, &book, &mut dice).await;
        ground.tell(format!(
            "round {round:>3} of {}: {:>6} orders acknowledged, {:>2} in flight; duties taken over after {} ms, lists went on after {} ms",
            options.rounds,
            book.lock().tally.acknowledged,
            kill.in_flight,
            kill.taken_over.as_millis(),
            kill.listed.as_millis()
        ));
        kills.push(kill);
    }
    let tickets = i64::from(options.rounds);
    assert_eq!(cluster.mart.stock("TICKET").await, (1_000, tickets, 1_000 - tickets), "one was sold in each round");
    let tally = book.into_inner().tally;
    let times = |of: fn(&Kill) -> Duration| kills.iter().map(of).collect::<Vec<_>>();
    let (taken_over, listed) = (times(|kill| kill.taken_over), times(|kill| kill.listed));
    Outcome::default()
        .with("kills", options.rounds)
        .with("orders acknowledged", tally.acknowledged)
        .with("requests that the dead node took with it", kills.iter().map(|kill| kill.in_flight).sum::<usize>())
        .with("of these orders asked again by the same key", tally.answered_later)
        .with("other requests without an answer, or put off", 0)
        .with("lists go on after a kill, ms, median", median(&listed))
        .with("lists go on after a kill, ms, at most", longest(&listed))
        .with("all duties taken over after a kill, ms, median", median(&taken_over))
        .with("all duties taken over after a kill, ms, at most", longest(&taken_over))
        .with("reservations of 2 s let go of after a kill, ms, at most", longest(&times(|kill| kill.released)))
        .with("orders lost, or placed twice", 0)
}

/// Answers what it came to, and orders that ran out meanwhile.
async fn killed_once(
    cluster: &mut Cluster,
    book: &Mutex<Book>,
    victim: usize,
    round: u32,
    options: Options,
    dice: &mut Dice,
) -> (Kill, Vec<(String, String)>) {
    let mart = cluster.mart.clone();
    let load = Load::new(&mart, book, format!("killed-{round}")).with_quick_cards().undeterred(None);
    let enough = options.answers + dice.below(options.answers);
    let mut forked = dice.fork();
    let kill = async {
        answered(&load, enough).await;
        let held = hold(&mart, round as usize).await;
        book.lock().others.extend(held.iter().map(|(id, _)| id.clone()));
        let duties = cluster.duties(0).await + cluster.duties(1).await;
        let killed = Instant::now();
        cluster.kill_node(victim);
        let dead = Instant::now();
        let survivor = cluster.node(1 - victim);
        let bought = survivor.buy("TICKET", 1).await;
        book.lock().others.insert(bought.text("id"));
        let taken_over = async {
            let has_all = async || (cluster.duties(1 - victim).await >= duties).then_some(());
            eventually("the other node has all duties", PATIENCE, has_all).await;
            killed.elapsed()
        };
        let listed = async {
            is_listed(survivor, &bought.text("number")).await;
            killed.elapsed()
        };
        let released = async {
            join_all(held.iter().map(|(id, _)| is_released(survivor, id))).await;
            killed.elapsed()
        };
        let (taken_over, listed, released) = futures::join!(taken_over, listed, released);
        answered(&load, options.answers).await;
        (dead, Kill { in_flight: 0, taken_over, listed, released }, held)
    };
    let (dead, kill, held) = while_it_sells(&load, options.customers, &mut forked, kill).await;
    assert_eq!(held.len(), BUYERS, "all of them were held");
    let lost = cluster.gateway.take_lost();
    for request in &lost {
        let was_in_flight = request.node == cluster.address(victim) && request.began <= dead;
        assert!(was_in_flight, "only the dead node's requests go without an answer, and those it had: {request:?}");
    }
    assert_eq!(load.put_off(), 0, "nobody was put off: {:?}", cluster.gateway.statuses());
    let within = options.taken_over_within;
    for (what, took, within) in [
        ("duties", kill.taken_over, within),
        ("lists", kill.listed, within),
        ("sweepers", kill.released, within + SWEPT_EVERY),
    ] {
        assert!(took <= within, "{what} went on after {took:?}");
    }
    (Kill { in_flight: lost.len(), ..kill }, held)
}

async fn is_listed(mart: &Mart, number: &str) {
    let path = format!("/api/admin/orders?number={number}");
    eventually("a list shows an order that was placed after the kill", PATIENCE, async || {
        let listed = mart.staff_get(&path).send().await.expect(200);
        (!listed.items().is_empty()).then_some(())
    })
    .await;
}

async fn is_released(mart: &Mart, order: &str) {
    eventually("what is held runs out", PATIENCE, async || {
        let events = mart.events_of(order).await;
        events.iter().any(|event| event["type"] == "reservation.released").then_some(())
    })
    .await;
}
