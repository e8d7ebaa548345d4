//! The power goes: a shop's folder is built anew as a power cut would have left it, at many instants, and must hold
//! everything that was acknowledged before.
//!
//! `kill -9` cannot show this, because the system keeps what a dead process wrote. So the real binary sells under strace,
//! which records every write, sync and rename on its folder and every answer that it sent, in one order; [`Disk`] replays that up
//! to an instant, keeps what was synced and, by lot, some of what was not; and the real binary starts on what is left.
//! (As ALICE and CrashMonkey do it.)

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::disk::{Disk, Fate};
use super::load::PLENTY;
use super::recording::{Recording, record};
use super::told::{self, Told};
use super::{Ground, Outcome, trace};
use crate::dice::Dice;
use crate::mart::{Mart, Plan, guest_order};

/// Folders that are built before the first of them is looked at; each is as large as the shop's.
const FOLDERS: usize = 24;

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
        Self { cuts: 120, customers: 6, deeds: 25 }
    }
}

/// # Panics
/// When anything acknowledged is lost, or when the drill would not notice that it is.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    if !trace::has_strace() {
        return Outcome::skipped("strace is missing; `cargo xtask test` installs it");
    }
    let recording = record(ground, options.customers, options.deeds).await;
    let mut dice = ground.dice();
    let cuts = recording.cuts(options.cuts, &mut dice);
    let mut sums = Sums::default();
    for some in cuts.chunks(FOLDERS) {
        for left in leave(ground, &recording, Disk::new(&recording.root), some, &mut dice) {
            sums.add(&left);
            if let Err(finding) = look(ground, &left, &recording).await {
                panic!("{}: {finding}", left.folder.display());
            }
            std::fs::remove_dir_all(&left.folder).ok();
        }
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
        .with("pictures looked for", sums.pictures)
        .with("unsynced changes at the cuts, in all", sums.unsynced)
        .with("orders lost", 0)
        .with("planted: of 4 cuts of a disk that lies, found out", found)
}

/// What a power cut left.
struct Left {
    folder: PathBuf,
    line: usize,
    unsynced: usize,
    told: BTreeMap<String, Told>,
    /// By address.
    pictures: BTreeMap<String, Vec<u8>>,
}

#[derive(Default)]
struct Sums {
    cuts: usize,
    orders: usize,
    pictures: usize,
    unsynced: usize,
}

impl Sums {
    fn add(&mut self, left: &Left) {
        self.cuts += 1;
        self.orders += left.told.len();
        self.pictures += left.pictures.len();
        self.unsynced += left.unsynced;
    }
}

/// The folders that are left by power cuts at these instants.
fn leave(ground: &Ground, recording: &Recording, disk: Disk, cuts: &[(usize, Fate)], dice: &mut Dice) -> Vec<Left> {
    let lines: Vec<usize> = cuts.iter().map(|(line, _)| *line).collect();
    let mut left = Vec::new();
    disk.at_each(&recording.trace, &lines, |line, disk| {
        let fate = cuts[left.len()].1;
        let folder = ground.path(&format!("cut-{}-at-{line}-{fate:?}", left.len()));
        std::fs::remove_dir_all(&folder).ok();
        disk.leave(&folder, fate, dice);
        let told = told::told_before(&recording.answers, line);
        let told = told.into_iter().map(|(id, told)| (id.to_owned(), told.clone())).collect();
        let taken = recording.pictures.iter().filter(|(at, _)| *at < line);
        let pictures = taken.flat_map(|(_, files)| files.clone()).collect();
        left.push(Left { folder, line, unsynced: disk.unsynced_changes(), told, pictures });
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
    for (url, bytes) in &left.pictures {
        let answer = mart.get(url).send().await;
        if answer.status != 200 || answer.bytes != *bytes {
            return Err(format!("a picture was taken and is lost: {url}"));
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
