//! A shop that sells under strace, and the instants at which its power could go.
//! It does not know what a power cut leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::Ground;
use super::book::Book;
use super::disk::{FATES, Fate};
use super::load::{Load, PLENTY, stock_up};
use super::told::{self, Told};
use super::trace::{self, Recorded, Trace, What};
use crate::dice::Dice;
use crate::goods;
use crate::mart::{Mart, Plan, eventually};

const PATIENCE: Duration = Duration::from_secs(120);

/// A shop's life as strace saw it.
pub struct Recording {
    /// Where the shop kept its data.
    pub root: PathBuf,
    pub trace: Trace,
    /// In the order in which they were sent: the line of the trace, the order's id, and what was told of it.
    pub answers: Vec<(usize, String, Told)>,
    /// When a picture was taken, and its files by their addresses.
    pub pictures: Vec<(usize, BTreeMap<String, Vec<u8>>)>,
    /// The line from which on the shop was open.
    pub opened: usize,
}

impl Recording {
    /// How many orders were acknowledged.
    pub fn orders(&self) -> usize {
        told::told_before(&self.answers, usize::MAX).len()
    }

    /// Instants that are worth it: just as an answer goes out, while the database is written, while names change, and any.
    pub fn cuts(&self, count: usize, dice: &mut Dice) -> Vec<(usize, Fate)> {
        let lines = |is_meant: &dyn Fn(&What) -> bool| -> Vec<usize> {
            self.trace.calls.iter().filter(|call| is_meant(&call.what)).map(|call| call.entered).collect()
        };
        let answers: Vec<usize> = self.answers.iter().map(|(line, ..)| line + 1).collect();
        let database: Vec<usize> = self.database_writes();
        let root = &self.root;
        let names = lines(&|what| match what {
            What::Open { path, creates, .. } => *creates && path.starts_with(root),
            What::Rename { .. } | What::Unlink { .. } | What::Truncate { .. } => true,
            _ => false,
        });
        let first_names: Vec<usize> = names.iter().copied().filter(|line| *line < self.opened).collect();
        let mut cuts: Vec<(usize, Fate)> = (0..count)
            .map(|number| {
                let of = |lines: &[usize], dice: &mut Dice| lines[dice.index(lines.len())];
                let line = match number % 10 {
                    0..=3 => of(&answers, dice),
                    4..=5 if !database.is_empty() => of(&database, dice),
                    6 => of(&names, dice) + dice.index(4),
                    7 => of(&first_names, dice) + dice.index(4),
                    _ => dice.index(self.trace.lines),
                };
                (line, FATES[number % FATES.len()])
            })
            .collect();
        cuts.sort_unstable_by_key(|(line, _)| *line);
        cuts
    }

    /// While pages go from the write-ahead log into the database, and while the log is begun anew.
    fn database_writes(&self) -> Vec<usize> {
        let mut database = Vec::new();
        let mut of_database = BTreeSet::new();
        for call in &self.trace.calls {
            match (&call.what, call.result) {
                (What::Open { path, .. }, Some(fd)) => {
                    of_database.remove(&fd);
                    if path.ends_with("shop.db") {
                        of_database.insert(fd);
                    }
                }
                (What::Write { fd, at: Some(_), .. }, _) if of_database.contains(&i64::from(*fd)) => {
                    database.push(call.entered);
                }
                _ => {}
            }
        }
        database
    }
}

/// Sells under strace: orders of all kinds, pictures, an order that is forgotten, which empties the write-ahead log, and
/// a good end. Each of so many customers does so much, twice.
pub async fn record(ground: &Ground, customers: usize, deeds: usize) -> Recording {
    let (root, file) = (ground.path("recorded"), ground.path("trace"));
    let wrapper = trace::wrapper(&file, Recorded::Whole);
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let mut mart = Mart::start(Plan::empty(ground.binary()).data(&root).under(&wrapper)).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&mart, &book).await;
    let mut files = BTreeMap::new();
    for (part, width) in [("before", 700), ("after", 900)] {
        let load = Load::new(&mart, &book, part);
        let customers = (0..customers).map(|_| load.customer_of(deeds, dice.fork()));
        let ended = futures::future::join_all(customers).await;
        assert!(ended.iter().all(Result::is_ok), "it was there all the time{}", mart.log());
        files.append(&mut upload(&mart, goods::photograph(width, 350)).await);
        if part == "before" {
            let forgotten = mart.buy(PLENTY[0], 1).await.text("id");
            mart.act(&forgotten, "cancel", &json!({})).await.expect(200);
            mart.act(&forgotten, "erase", &json!({})).await.expect(200);
        }
    }
    assert!(mart.terminate().await.success(), "{}", mart.log());
    eventually("the trace is whole", PATIENCE, async || Trace::is_whole(&file).then_some(())).await;
    let trace = Trace::read(&file);
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    std::fs::remove_file(&file).ok();
    let answers = told::answers(&trace);
    ground.tell(format!(
        "recorded {} calls in {} MB, {} answers on orders",
        trace.calls.len(),
        bytes >> 20,
        answers.len()
    ));
    let opened = answers.first().expect("orders were acknowledged").0;
    let of = |urls: Vec<String>| urls.into_iter().map(|url| (url.clone(), files[&url].clone())).collect();
    let pictures = told::pictures(&trace).into_iter().map(|(line, urls)| (line, of(urls))).collect();
    Recording { root, trace, answers, pictures, opened }
}

/// A picture in all its sizes, as the shop serves it.
async fn upload(mart: &Mart, picture: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let taken = mart.staff_post("/api/admin/media").raw("image/jpeg", picture).send().await.expect(201);
    let sizes = taken.body["sizes"].as_array().into_iter().flatten();
    let mut files = BTreeMap::new();
    for size in sizes.chain([&taken.body]) {
        let url = size["url"].as_str().expect("an address").to_owned();
        let served = mart.get(&url).send().await.expect(200);
        files.insert(url, served.bytes);
    }
    files
}
