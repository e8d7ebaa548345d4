//! What a shop does with many orders behind it: orders per second, memory, and its start after a crash.
//! The folders are filled in this machine's own process by the real services, without HTTP; that is not measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::reach::Reach;
use super::run::{Run, medians};
use super::table::{Cells, GROWTH_1M, GROWTH_10K, GROWTH_100K, GROWTH_EMPTY, MEMORY_1M, START_1M};
use super::{Bench, Error, io, load, median, shop, text, watched};
use crate::process;

/// At least so much of what an empty log allows.
const REACH: f64 = 0.9;
const MEMORY_REACH_BYTES: u64 = 400_000_000;
const START_REACH_S: f64 = 1.0;
/// Orders in the log, and the figure.
const SIZES: [(u64, &str); 4] =
    [(0, GROWTH_EMPTY), (10_000, GROWTH_10K), (100_000, GROWTH_100K), (1_000_000, GROWTH_1M)];
/// A shop under load is killed after so long.
const KILLED_AFTER: Duration = Duration::from_secs(2);
/// After a load, before memory is looked at: what goes on in the background has gone on.
const REST: Duration = Duration::from_secs(5);
/// What is asked for first after a start.
const FIRST_PATH: &str = "/api/products/figures";

pub fn measure(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let folders =
        SIZES.iter().map(|(orders, _)| filled(bench, *orders / bench.shrink)).collect::<Result<Vec<_>, _>>()?;
    let mut runs: [Vec<Run>; 4] = Default::default();
    for _ in 0..bench.runs {
        for (at, folder) in folders.iter().enumerate() {
            // A copy of the largest would take longer than it is worth: what is added to it is a few of a hundred.
            let is_largest = at == SIZES.len() - 1;
            let folder = if is_largest { folder.clone() } else { shop::copy(bench, folder, "growth")? };
            let server = shop::start_as(bench, &folder, &["--sample-shop", "none"])?;
            runs[at].push(load::run(bench, server.address, &["checkout", "--concurrency", "64"], "order")?);
            server.stop()?;
        }
    }
    let mut cells = growth(runs.each_ref().map(|runs| medians(runs)));
    let largest = &folders[SIZES.len() - 1];
    cells.push(after_a_crash(bench, largest)?);
    cells.push(memory(bench, largest)?);
    if !bench.keep {
        for folder in &folders {
            fs::remove_dir_all(folder).map_err(io("cannot remove a filled folder"))?;
        }
    }
    Ok(cells)
}

/// Each size beside the empty log.
fn growth(runs: [Run; SIZES.len()]) -> Vec<Cells> {
    let empty = runs[0].per_second;
    let cells = |(at, (_, figure)): (usize, &(u64, &'static str))| Cells {
        ratio: text::ratio(runs[at].per_second, empty),
        beside: format!("empty log {}", text::whole(empty)),
        reach: match at == SIZES.len() - 1 {
            true => Reach::ratio(runs[at].per_second >= REACH * empty),
            false => Reach::default(),
        },
        ..Cells::of_run(figure, runs[at])
    };
    SIZES.iter().enumerate().map(cells).collect()
}

/// A shop folder with so many orders, made now or kept from before.
fn filled(bench: &Bench, orders: u64) -> Result<PathBuf, Error> {
    let place = if bench.keep { &bench.kept } else { &bench.folder };
    let (folder, making) = (place.join(format!("filled-{orders}")), place.join("filling"));
    if folder.exists() {
        println!("    {} was kept from an earlier run", folder.display());
        return Ok(folder);
    }
    super::empty(&making)?;
    println!("    filling a shop with {orders} orders");
    process::run(Command::new(&bench.in_process).arg("orders").arg(making.join("data")).arg(orders.to_string()))?;
    // Under its name only when it is whole.
    fs::rename(&making, &folder).map_err(io("cannot keep a filled folder"))?;
    Ok(folder)
}

/// Kills the shop while it sells, and starts it again.
#[expect(clippy::disallowed_methods, reason = "a synchronous tool that lets a load run for a while")]
fn after_a_crash(bench: &Bench, folder: &Path) -> Result<Cells, Error> {
    let (mut firsts, mut readies) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let server = shop::start_as(bench, folder, &["--sample-shop", "none"])?;
        let mut command = load::command(bench, server.address, &["checkout", "--concurrency", "64"]);
        let line = process::line_of(&command);
        let mut load = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| process::Error::Start { line, source })?;
        std::thread::sleep(KILLED_AFTER);
        // Dropped, it is killed with signal 9.
        drop(server);
        process::stop_now(&mut load);
        let (server, first, ready) = shop::time_start(bench, folder, &["--sample-shop", "none"], FIRST_PATH)?;
        firsts.push(first.as_secs_f64());
        readies.push(ready.as_secs_f64());
        server.stop()?;
    }
    let (first, ready) = (median(firsts), median(readies));
    Ok(Cells {
        ours: text::seconds(first),
        reach: Reach::absolute(first <= START_REACH_S),
        note: format!("ready after {}; the page cache survives a kill", text::seconds(ready)),
        ..Cells::of(START_1M)
    })
}

#[expect(clippy::disallowed_methods, reason = "a synchronous tool that lets a shop come to rest")]
fn memory(bench: &Bench, folder: &Path) -> Result<Cells, Error> {
    let server = shop::start_as(bench, folder, &["--sample-shop", "none"])?;
    let before = watched::memory_of(server.id())?;
    load::run(bench, server.address, &["checkout", "--concurrency", "64"], "order")?;
    std::thread::sleep(REST);
    let after = watched::memory_of(server.id())?;
    server.stop()?;
    Ok(Cells {
        ours: text::mb(after.rss_bytes),
        reach: Reach::absolute(after.rss_bytes <= MEMORY_REACH_BYTES),
        note: format!("PSS {}; {} before the load", text::mb(after.pss_bytes), text::mb(before.rss_bytes)),
        ..Cells::of(MEMORY_1M)
    })
}
