//! A node that is stopped for some seconds under load, and woken: the other one sells on, and the one that wakes says nothing
//! from memory that is no longer so, and does nothing that was done meanwhile.
//! It does not know what stopped it: a machine that is moved, a disk that hangs, a debugger.

use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::{Cluster, Engines, PATIENCE, Settings, answered, keeps_its_word, longest, while_it_sells};
use crate::dice::Dice;
use crate::drill::book::Book;
use crate::drill::frozen::{BUYERS, hold, ran_out_once};
use crate::drill::load::{Load, stock_up};
use crate::drill::{Ground, Outcome};
use crate::mart::{Answer, Mart, Signal, eventually, guest_order};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub times: u32,
    pub frozen_for: Duration,
    /// How many ask at the same time.
    pub customers: usize,
    /// They go to the other node when none has answered for so long.
    pub patience: Duration,
    /// While a node stands still, the longest time in which nothing is sold: the gateway takes a while to notice, and so do
    /// buyers.
    pub pause_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let (frozen_for, patience) = (Duration::from_secs(10), Duration::from_secs(2));
        Self { times: 5, frozen_for, customers: 16, patience, pause_max: Duration::from_secs(5) }
    }
}

/// What is held for a buyer who does not decide is let go of after so long: while the node stands still.
const HELD_FOR: Duration = Duration::from_secs(2);

/// What a freeze came to.
struct Freeze {
    /// Confirmed by the other node meanwhile.
    sold: usize,
    /// The longest time in which nothing was.
    pause: Duration,
    /// Requests that somebody did not wait for.
    given_up: usize,
    /// From waking to the first right answer.
    right_again: Duration,
}

/// # Panics
/// When anything is lost or done twice, or told from memory, or when nobody sells meanwhile.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    let settings = Settings { reservation_ttl: HELD_FOR, ..Settings::default() };
    let cluster = Cluster::start(ground, engines, settings).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&cluster.mart, &book).await;
    cluster.mart.product("TICKET", 1_000, 1_000).await;
    let mut freezes: Vec<Freeze> = Vec::new();
    for time in 1..=options.times {
        let (freeze, held) = frozen_once(&cluster, &book, time, options, &mut dice).await;
        join_all(held.into_iter().map(|order| ran_out_once(&cluster.mart, order))).await;
        keeps_its_word(&cluster.mart, &book, &mut dice).await;
        ground.tell(format!(
            "time {time:>2} of {}: {:>5} orders sold by the other node meanwhile, at most {} ms without one; right again after {} ms",
            options.times,
            freeze.sold,
            freeze.pause.as_millis(),
            freeze.right_again.as_millis()
        ));
        freezes.push(freeze);
    }
    let tally = book.into_inner().tally;
    let pauses: Vec<Duration> = freezes.iter().map(|freeze| freeze.pause).collect();
    let right_again: Vec<Duration> = freezes.iter().map(|freeze| freeze.right_again).collect();
    Outcome::default()
        .with("times a node was frozen", options.times)
        .with("seconds each", options.frozen_for.as_secs())
        .with("orders sold by the other node meanwhile", freezes.iter().map(|freeze| freeze.sold).sum::<usize>())
        .with("without an order sold, ms, at most", longest(&pauses))
        .with("requests that somebody did not wait for", freezes.iter().map(|freeze| freeze.given_up).sum::<usize>())
        .with("of these orders asked again by the same key", tally.answered_later)
        .with("woken: right answers after, ms, at most", longest(&right_again))
        .with("woken: refusals and sales from memory", 0)
        .with("reservations that ran out meanwhile, each once", freezes.len() * BUYERS)
        .with("orders lost, or placed twice", 0)
}

/// Answers what it came to, and orders that ran out meanwhile.
async fn frozen_once(
    cluster: &Cluster,
    book: &Mutex<Book>,
    time: u32,
    options: Options,
    dice: &mut Dice,
) -> (Freeze, Vec<(String, String)>) {
    let victim = time as usize % 2;
    let (sleeper, other) = (cluster.node(victim), cluster.node(1 - victim));
    let [back, gone] = ["BACK", "GONE"].map(|name| format!("{name}-{time}"));
    prepare_memories(sleeper, book, &back, &gone).await;
    let load = Load::new(&cluster.mart, book, format!("frozen-{time}")).with_quick_cards();
    let load = load.undeterred(Some(options.patience));
    let mut forked = dice.fork();
    let freeze = async {
        answered(&load, 100).await;
        let held = hold(&cluster.mart, time as usize).await;
        book.lock().others.extend(held.iter().map(|(id, _)| id.clone()));
        cluster.signal(victim, Signal::Stop);
        let began = Instant::now();
        other.receive(&back, 1).await;
        let bought = other.buy(&gone, 1).await.text("id");
        book.lock().others.insert(bought);
        // That it stands still for so long is what is tried here.
        tokio::time::sleep_until(began + options.frozen_for).await;
        let ended = Instant::now();
        let sold: Vec<Instant> = cluster.gateway.sold_since(began).into_iter().map(|(_, at)| at).collect();
        cluster.signal(victim, Signal::Continue);
        let right_again = says_what_is_so(sleeper, book, &back, &gone).await;
        let address = cluster.address(victim);
        eventually("the gateway counts on it again", PATIENCE, async || {
            cluster.gateway.counts_on(address).then_some(())
        })
        .await;
        answered(&load, 50).await;
        let freeze = Freeze { sold: sold.len(), pause: longest_pause(began, ended, &sold), given_up: 0, right_again };
        (freeze, held)
    };
    let (freeze, held) = while_it_sells(&load, options.customers, &mut forked, freeze).await;
    let lost = cluster.gateway.take_lost();
    for request in &lost {
        let was_frozen = request.node == cluster.address(victim) && request.is_timeout;
        assert!(was_frozen, "only the frozen node keeps anybody waiting: {request:?}");
    }
    assert!(freeze.pause <= options.pause_max, "nothing was sold for {:?} while one node stood still", freeze.pause);
    (Freeze { given_up: lost.len(), ..freeze }, held)
}

/// The node that will stand still knows that one thing is sold out, and that of another one is left.
async fn prepare_memories(sleeper: &Mart, book: &Mutex<Book>, back: &str, gone: &str) {
    for sku in [back, gone] {
        sleeper.product(sku, 1_000, 1).await;
    }
    let bought = sleeper.buy(back, 1).await.text("id");
    book.lock().others.insert(bought);
    sleeper.place(&sleeper.fresh_key(), &guest_order(back, 1)).await.problem(409, "insufficient_stock");
    sleeper.get("/api/products?limit=20").send().await.expect(200);
}

/// What the other node sold is gone, and what was put back on its shelf is there. Answers how long it took to say so.
async fn says_what_is_so(sleeper: &Mart, book: &Mutex<Book>, back: &str, gone: &str) -> Duration {
    let woken = Instant::now();
    let (one, other) = futures::join!(decided(sleeper, gone), decided(sleeper, back));
    one.problem(409, "insufficient_stock");
    book.lock().others.insert(other.expect(201).text("id"));
    woken.elapsed()
}

/// The node's word on an order of one, however often it asks to come again.
async fn decided(mart: &Mart, sku: &str) -> Answer {
    let (key, order): (String, Value) = (mart.fresh_key(), guest_order(sku, 1));
    eventually("an answer that is not `later`", PATIENCE, async || {
        Some(mart.place(&key, &order).await).filter(|answer| answer.status != 503)
    })
    .await
}

fn longest_pause(began: Instant, ended: Instant, sold: &[Instant]) -> Duration {
    let ends = sold.iter().copied().chain([ended]);
    let begins = [began].into_iter().chain(sold.iter().copied());
    begins.zip(ends).map(|(begin, end)| end.saturating_duration_since(begin)).max().unwrap_or_default()
}
