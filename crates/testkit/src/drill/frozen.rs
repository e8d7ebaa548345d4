//! A shop that is stopped for some seconds while it sells, and woken: it goes on, nothing is done twice, and whoever did
//! not want to wait finds one order when they ask again.
//! It does not know what stopped it: a debugger, a laptop that sleeps, a machine that is moved.

use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::Value;

use super::audit::audit_all;
use super::bank::Bank;
use super::book::{Book, Deed, What};
use super::load::{Load, ask_for, stock_up};
use super::settle::settle;
use super::{Ground, Outcome};
use crate::mart::{Mart, Plan, Signal, eventually, guest_order, with};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub times: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { times: 5 }
    }
}

/// What is held for a buyer who does not decide is let go of after so long: while the shop stands still.
const HELD_FOR: Duration = Duration::from_secs(2);
const FROZEN_FOR: Duration = Duration::from_secs(4);
/// Buyers who do not want to wait.
const IMPATIENT: Duration = Duration::from_millis(700);
pub(super) const BUYERS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// # Panics
/// When anything is lost, or done twice.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    let config = ground.path("cloudmart.toml");
    let text = format!("[orders]\nreservation_ttl_s = {}\n", HELD_FOR.as_secs());
    std::fs::write(&config, text).expect("a file of settings");
    let plan = Plan::empty(ground.binary()).data(ground.path("data"));
    let mut mart = Mart::start(plan.argument("--config").argument(config.to_string_lossy())).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&mart, &book).await;
    mart.product("TICKET", 1_000, 1_000).await;
    let mut impatient = 0;
    for time in 0..options.times {
        impatient += frozen_once(&mart, &book, time, &mut dice).await;
    }
    settle(&mart, &book, &mut dice).await;
    audit_all(&mart, &book, &mut dice).await;
    let bought = i64::try_from(impatient).expect("a count");
    assert_eq!(mart.stock("TICKET").await, (1_000, bought, 1_000 - bought), "each buyer has one, and nobody else");
    assert!(mart.is_alive(), "{}", mart.log());
    ground.tell(format!(
        "frozen {} times for {} s; {impatient} impatient buyers have one order each",
        options.times,
        FROZEN_FOR.as_secs()
    ));
    Outcome::default()
        .with("times frozen", options.times)
        .with("seconds each", FROZEN_FOR.as_secs())
        .with("buyers who did not wait, and found one order", impatient)
        .with("reservations that ran out meanwhile, each once", options.times * BUYERS)
        .with("orders lost", 0)
}

/// Answers how many buyers did not wait.
async fn frozen_once(mart: &Mart, book: &Mutex<Book>, time: usize, dice: &mut crate::dice::Dice) -> usize {
    let undecided = hold(mart, time).await;
    let load = Load::new(mart, book, format!("frozen-{time}")).with_quick_cards();
    let customers = join_all((0..4).map(|_| load.patient(dice.fork())).collect::<Vec<_>>());
    let freeze = async {
        eventually("it sells", PATIENCE, async || (load.answers() > 20).then_some(())).await;
        mart.signal(Signal::Stop);
        let left = impatient(mart, time).await;
        // That it stands still for longer than anything is held is what is tried here.
        tokio::time::sleep(FROZEN_FOR.saturating_sub(IMPATIENT)).await;
        mart.signal(Signal::Continue);
        load.close();
        left
    };
    let (served, left) = futures::join!(customers, freeze);
    assert!(served.iter().all(Result::is_ok), "whoever waited was answered{}", mart.log());
    let order = with(guest_order("TICKET", 1), "/payment/token", "tok_stuck");
    for key in &left {
        let placed = mart.place(key, &order).await.expect(201);
        let again = mart.place(key, &order).await.expect(201);
        assert_eq!(placed.body["id"], again.body["id"], "one order for one wish");
        book.lock().others.insert(placed.text("id"));
    }
    book.lock().others.extend(undecided.iter().map(|(id, _)| id.clone()));
    join_all(undecided.into_iter().map(|order| ran_out_once(mart, order))).await;
    left.len()
}

/// Orders whose buyers do not decide: id, and where they would.
pub(super) async fn hold(mart: &Mart, time: usize) -> Vec<(String, String)> {
    let order = with(guest_order("TICKET", 2), "/payment/token", "tok_action");
    let placed = (0..BUYERS).map(async |buyer| {
        let placed = mart.place(&format!("undecided-{time}-{buyer}"), &order).await.expect(202);
        let url = placed.body["next_action"]["url"].as_str().expect("the bank's address").to_owned();
        (placed.text("id"), url)
    });
    join_all(placed).await
}

/// Buyers who ask while nobody answers, and go away: nothing is said to them that is not so.
async fn impatient(mart: &Mart, time: usize) -> Vec<String> {
    let order = with(guest_order("TICKET", 1), "/payment/token", "tok_stuck");
    let asked = (0..BUYERS).map(async |buyer| {
        let key = format!("impatient-{time}-{buyer}");
        let answer = mart.post("/api/orders").key(&key).json(&order).within(IMPATIENT).try_send().await;
        let error = answer.expect_err("nobody answers while it stands still");
        assert!(error.is_timeout(), "it is slow, and not gone: {error:?}");
        key
    });
    join_all(asked).await
}

/// What was held for an order is let go of, once; its buyer, who says yes too late, is not charged.
pub(super) async fn ran_out_once(mart: &Mart, (id, url): (String, String)) {
    let count = async |kind: &str| {
        let events = mart.events_of(&id).await;
        events.iter().filter(|event: &&Value| event["type"] == kind).count()
    };
    eventually("what was held runs out", PATIENCE, async || (count("reservation.released").await > 0).then_some(()))
        .await;
    let yes = Deed { order: id.clone(), key: String::new(), what: What::Decide { url, approve: true } };
    ask_for(mart, &yes).send().await.expect(200);
    eventually("an order that came too late is undone", PATIENCE, async || {
        (mart.order(&id).await.body["status"] == "cancelled").then_some(())
    })
    .await;
    eventually("its money is let go of", PATIENCE, async || {
        let statement = Bank::of(mart).await.statement(&id).await;
        (statement.held == 0 && statement.captured == 0).then_some(())
    })
    .await;
    for kind in ["reservation.held", "reservation.released", "order.cancelled"] {
        assert_eq!(count(kind).await, 1, "{kind} of {id}");
    }
}
