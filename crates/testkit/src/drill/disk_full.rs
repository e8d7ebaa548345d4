//! There is no room while the shop sells, and later there is: nobody is told a lie, and nothing acknowledged is lost.
//! It does not know how the store notices.

use std::process::Command;
use std::time::Duration;

use parking_lot::Mutex;

use super::audit::audit_all;
use super::book::Book;
use super::load::{Load, stock_up};
use super::mount::SmallDisk;
use super::settle::settle;
use super::{Ground, Outcome};
use crate::mart::{Mart, Plan, eventually};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How often the room is taken.
    pub times: usize,
    pub customers: usize,
    /// How much each does before there is no room.
    pub deeds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { times: 3, customers: 8, deeds: 10 }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
/// Holds the shop's beginnings; the ballast takes the rest.
const DISK: &str = "512m";
/// Requests of each customer while there is no room.
const TRIED: usize = 200;
/// Far less than the shop needs.
const FILE_BYTES: &str = "200000";

/// # Panics
/// When anybody is answered 500, when it says that it can sell and cannot, or when anything acknowledged is lost.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    let limited = on_limited_files(ground, options).await;
    let outcome = Outcome::default().with("requests refused with 503 while files may not grow", limited);
    let Some(disk) = SmallDisk::mount(ground.path("disk"), DISK) else {
        ground.tell("no right to mount: only a limit on the size of files was tried");
        return outcome.with("disk", "not tried: no right to mount");
    };
    let mut mart = Mart::start(Plan::empty(ground.binary()).data(disk.path("data"))).await;
    let mut sale = Sale::begin(ground, &mart, options).await;
    for _ in 0..options.times {
        let ballast = disk.fill();
        sale.while_there_is_no_room(&mart).await;
        std::fs::remove_file(&ballast).expect("room again");
        sale.goes_on(&mut mart).await;
    }
    let tally = sale.book.lock().tally.clone();
    ground.tell(format!(
        "{} orders acknowledged, {} requests refused while the disk was full",
        tally.acknowledged, sale.refused
    ));
    outcome
        .with("times full", options.times)
        .with("orders acknowledged", tally.acknowledged)
        .with("requests refused with 503 while the disk was full", sale.refused)
        .with("orders lost", 0)
}

/// Files may not grow, by a limit of the system, which sends a signal with it.
async fn on_limited_files(ground: &Ground, options: Options) -> u64 {
    let mut mart = Mart::start(Plan::empty(ground.binary()).data(ground.path("limited"))).await;
    let mut sale = Sale::begin(ground, &mart, options).await;
    limit_files(&mart, FILE_BYTES);
    sale.while_there_is_no_room(&mart).await;
    limit_files(&mart, "unlimited");
    sale.goes_on(&mut mart).await;
    sale.refused
}

fn limit_files(mart: &Mart, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &mart.id().to_string(), &limit]).status();
    assert!(done.is_ok_and(|status| status.success()), "prlimit of util-linux is needed");
}

/// What is sold meanwhile, and what was refused.
struct Sale {
    book: Mutex<Book>,
    dice: crate::dice::Dice,
    options: Options,
    refused: u64,
    part: u32,
}

impl Sale {
    async fn begin(ground: &Ground, mart: &Mart, options: Options) -> Self {
        let book = Mutex::new(Book::default());
        stock_up(mart, &book).await;
        let mut sale = Self { book, dice: ground.dice(), options, refused: 0, part: 0 };
        sale.sell(mart).await;
        sale
    }

    async fn sell(&mut self, mart: &Mart) {
        self.part += 1;
        let load = Load::new(mart, &self.book, format!("part-{}", self.part));
        let customers = (0..self.options.customers).map(|_| load.customer_of(self.options.deeds, self.dice.fork()));
        let ended = futures::future::join_all(customers.collect::<Vec<_>>()).await;
        assert!(ended.iter().all(Result::is_ok), "it was there all the time{}", mart.log());
    }

    async fn while_there_is_no_room(&mut self, mart: &Mart) {
        self.part += 1;
        let load = Load::new(mart, &self.book, format!("part-{}", self.part));
        // What was set aside before may still take some.
        let customers = (0..self.options.customers).map(|_| load.until_put_off(TRIED, self.dice.fork()));
        let ended = futures::future::join_all(customers.collect::<Vec<_>>()).await;
        assert!(ended.iter().all(Result::is_ok), "it was there all the time{}", mart.log());
        let refused = load.put_off();
        assert!(refused > 0, "no room, and nobody was refused{}", mart.log());
        self.refused += refused;
        // It does not say that it can sell. Reading goes on, which the load tries.
        assert!(!mart.is_ready().await, "no room, and it says that it is ready{}", mart.log());
        mart.get("/api/products").send().await.expect(200);
    }

    async fn goes_on(&mut self, mart: &mut Mart) {
        assert!(mart.is_alive(), "{}", mart.log());
        eventually("it says that it can sell again", PATIENCE, async || mart.is_ready().await.then_some(())).await;
        settle(mart, &self.book, &mut self.dice).await;
        audit_all(mart, &self.book, &mut self.dice).await;
        mart.kill9();
        mart.restart().await;
        settle(mart, &self.book, &mut self.dice).await;
        audit_all(mart, &self.book, &mut self.dice).await;
    }
}
