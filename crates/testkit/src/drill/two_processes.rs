//! A second shop on the same folder: it is refused, clearly, and the first sells on; of two at the same instant, one wins.
//! It does not know by what lock.

use parking_lot::Mutex;

use super::audit::audit_all;
use super::book::Book;
use super::load::{Load, stock_up};
use super::settle::settle;
use super::{Ground, Outcome};
use crate::mart::{Mart, Plan};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How often two are started at the same instant.
    pub races: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { races: 10 }
    }
}

/// # Panics
/// When both run, or none, or the first is disturbed.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    let data = ground.path("data");
    let first = Mart::start(Plan::empty(ground.binary()).data(&data)).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&first, &book).await;
    let load = Load::new(&first, &book, "first");
    let customers: Vec<_> = (0..4).map(|_| load.customer_of(10, dice.fork())).collect();
    let second = async {
        let mut second = Mart::prepare(Plan::empty(ground.binary()).data(&data)).await;
        second.spawn();
        is_refused(&mut second, ground).await;
    };
    let (ended, ()) = futures::join!(futures::future::join_all(customers), second);
    assert!(ended.iter().all(Result::is_ok), "the first was disturbed{}", first.log());
    settle(&first, &book, &mut dice).await;
    audit_all(&first, &book, &mut dice).await;
    drop(first);
    for race in 0..options.races {
        one_wins(ground, race).await;
    }
    ground.tell(format!("the second was refused; {} races had one winner each", options.races));
    Outcome::default().with("second starts refused", 1 + options.races).with("races with two winners, or none", 0)
}

async fn is_refused(second: &mut Mart, ground: &Ground) {
    let status = second.ended().await;
    let told = second.output();
    assert!(!status.success(), "{}", second.log());
    assert!(told.contains("already running"), "it says why: {told}");
    assert!(told.contains(&*ground.path("").to_string_lossy()), "it names the folder: {told}");
    assert!(!told.to_lowercase().contains("panic"), "a clear refusal: {told}");
}

/// Both begin on a folder where nothing is yet.
async fn one_wins(ground: &Ground, race: usize) {
    let data = ground.path(&format!("race-{race}"));
    let mut one = Mart::prepare(Plan::empty(ground.binary()).data(&data)).await;
    let mut other = Mart::prepare(Plan::empty(ground.binary()).data(&data)).await;
    one.spawn();
    other.spawn();
    let (one_is_ready, other_is_ready) = futures::join!(one.is_there(), other.is_there());
    assert!(one_is_ready != other_is_ready, "one of two must win{}{}", one.log(), other.log());
    let (winner, loser) = if one_is_ready { (&mut one, &mut other) } else { (&mut other, &mut one) };
    is_refused(loser, ground).await;
    winner.put_settings(&crate::mart::settings()).await;
    winner.product("LAMP", 1_000, 10).await;
    winner.buy("LAMP", 1).await;
    assert!(winner.terminate().await.success(), "{}", winner.log());
    winner.doctor().await;
}
