//! The power goes: a shop's folder is built anew as a power cut would have left it, at many instants, and must hold
//! everything that was acknowledged before.
//!
//! `kill -9` cannot show this, because the system keeps what a dead process wrote. So the real binary sells under strace,
//! which records every write, sync and rename on its folder and every answer that it sent, in one order; [`Disk`] replays that up
//! to an instant, keeps what was synced and, by lot, some of what was not; and the real binary starts on what is left.
//! (As ALICE and CrashMonkey do it.)

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::book::Book;
use super::disk::{Disk, FATES, Fate};
use super::load::{Load, PLENTY, stock_up};
use super::told::{self, Told};
use super::trace::{self, Recorded, Trace, What};
use super::{Ground, Outcome};
use crate::dice::Dice;
use crate::mart::{Mart, Plan, eventually, guest_order};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// At so many instants the power goes.
    pub cuts: usize,
    pub customers: usize,
    /// How much each of them does, twice.
    pub deeds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cuts: 120, customers: 6, deeds: 40 }
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

/// # Panics
/// When anything acknowledged is lost, or when the drill would not notice that it is.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    if !trace::has_strace() {
        return Outcome::skipped("strace is missing; `cargo xtask test` installs it");
    }
    let recording = record(ground, options).await;
    let mut dice = ground.dice();
    let cuts = recording.cuts(options.cuts, &mut dice);
    let disk = Disk::new(&recording.root);
    let mut sums = Sums::default();
    for left in leave(ground, &recording, disk, &cuts, &mut dice) {
        sums.add(&left);
        if let Err(finding) = look(ground, &left, &recording).await {
            panic!(
                "the power went at line {} of the trace, {:?} of what was not synced was left: {finding}",
                left.line, left.fate
            );
        }
        std::fs::remove_dir_all(&left.folder).ok();
    }
    let found = lies_are_found(ground, &recording, &mut dice).await;
    ground.tell(format!(
        "{} power cuts, {} orders looked for; a disk that lies was found out {found} times",
        sums.cuts, sums.orders
    ));
    Outcome::default()
        .with("power cuts", sums.cuts)
        .with("orders acknowledged in the recording", recording.orders())
        .with("orders looked for", sums.orders)
        .with("unsynced changes at the cuts, in all", sums.unsynced)
        .with("orders lost", 0)
        .with("planted: of 4 cuts of a disk that lies, found out", found)
}

/// A shop's life as strace saw it.
struct Recording {
    root: PathBuf,
    trace: Trace,
    answers: Vec<(usize, String, Told)>,
    /// From here on the shop was open.
    opened: usize,
}

impl Recording {
    fn orders(&self) -> usize {
        told::told_before(&self.answers, usize::MAX).len()
    }

    /// Instants that are worth it: just as an answer goes out, while the database is written, while names change, and any.
    fn cuts(&self, count: usize, dice: &mut Dice) -> Vec<(usize, Fate)> {
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
        let mut of_database = std::collections::BTreeSet::new();
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

/// Sells under strace: orders of all kinds, one that is forgotten, which empties the write-ahead log, and a good end.
async fn record(ground: &Ground, options: Options) -> Recording {
    let (root, file) = (ground.path("recorded"), ground.path("trace"));
    let wrapper = trace::wrapper(&file, Recorded::Whole);
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let mut mart = Mart::start(Plan::empty(ground.binary()).data(&root).under(&wrapper)).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&mart, &book).await;
    for part in ["before", "after"] {
        let load = Load::new(&mart, &book, part);
        let customers = (0..options.customers).map(|_| load.customer_of(options.deeds, dice.fork()));
        let ended = futures::future::join_all(customers).await;
        assert!(ended.iter().all(Result::is_ok), "it was there all the time{}", mart.log());
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
    Recording { root, trace, answers, opened }
}

/// What a power cut left.
struct Left {
    folder: PathBuf,
    line: usize,
    fate: Fate,
    unsynced: usize,
    told: BTreeMap<String, Told>,
}

#[derive(Default)]
struct Sums {
    cuts: usize,
    orders: usize,
    unsynced: usize,
}

impl Sums {
    fn add(&mut self, left: &Left) {
        self.cuts += 1;
        self.orders += left.told.len();
        self.unsynced += left.unsynced;
    }
}

/// The folders that are left by power cuts at these instants.
fn leave(ground: &Ground, recording: &Recording, disk: Disk, cuts: &[(usize, Fate)], dice: &mut Dice) -> Vec<Left> {
    let lines: Vec<usize> = cuts.iter().map(|(line, _)| *line).collect();
    let mut left = Vec::new();
    disk.at_each(&recording.trace, &lines, |line, disk| {
        let fate = cuts[left.len()].1;
        let folder = ground.path(&format!("cut-{}", left.len()));
        std::fs::remove_dir_all(&folder).ok();
        disk.leave(&folder, fate, dice);
        let told = told::told_before(&recording.answers, line);
        let told = told.into_iter().map(|(id, told)| (id.to_owned(), told.clone())).collect();
        left.push(Left { folder, line, fate, unsynced: disk.unsynced_changes(), told });
    });
    left
}

/// Starts a shop on what is left, and asks it for everything that was told.
async fn look(ground: &Ground, left: &Left, recording: &Recording) -> Result<(), String> {
    let mart = Mart::start(Plan::empty(ground.binary()).data(&left.folder)).await;
    for (id, told) in &left.told {
        let answer = mart.staff_get(&format!("/api/admin/orders/{id}")).send().await;
        if answer.status != 200 {
            return Err(format!("order {} was acknowledged and is lost: {answer}", told.number));
        }
        let (_, now) = Told::of(&answer.body).ok_or_else(|| format!("no order: {answer}"))?;
        if let Some(contradiction) = told.contradiction(&now) {
            return Err(format!("order {} {contradiction}", told.number));
        }
    }
    mart.doctor().await;
    // It goes on selling, once there is something to sell.
    if left.line > recording.opened {
        mart.place("after-the-cut", &guest_order(PLENTY[0], 1)).await.expect(201);
    }
    Ok(())
}

/// The drill on itself: a disk that says that it synced and did not must be found out.
async fn lies_are_found(ground: &Ground, recording: &Recording, dice: &mut Dice) -> usize {
    const TRIED: usize = 4;
    let disk = Disk::new(&recording.root).lying_from(recording.opened);
    let late = recording.answers.len() / 2..recording.answers.len();
    let cuts: Vec<(usize, Fate)> = (0..TRIED)
        .map(|number| (recording.answers[late.start + (late.len() - 1) * number / TRIED].0 + 1, Fate::Nothing))
        .collect();
    let mut found = 0;
    for left in leave(ground, recording, disk, &cuts, dice) {
        found += usize::from(look(ground, &left, recording).await.is_err());
        std::fs::remove_dir_all(&left.folder).ok();
    }
    assert_eq!(found, TRIED, "the drill does not notice that orders are lost");
    found
}
