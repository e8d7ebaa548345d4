//! Figures that have no yardstick beside them: search, cart, start and memory at rest, reservations, import.
//! Each has a shop of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::reach::Reach;
use super::run::{Run, medians};
use super::table::{
    CART, Cells, IMPORT, IMPORT_MEMORY, MEMORY_SAMPLE, RESERVATIONS, RESERVATIONS_DOCUMENTS, SEARCH, START_EMPTY,
    START_SAMPLE,
};
use super::{Bench, Error, load, median, shop, text, watched};
use crate::process;

const SEARCH_PRODUCTS: u64 = 10_000;
const SEARCH_REACH: f64 = 3_000.0;
const IMPORT_PRODUCTS: u64 = 100_000;
const IMPORT_REACH_S: f64 = 60.0;
const IMPORT_REACH_BYTES: u64 = 500_000_000;
/// One request of eleven opens a cart, so that the other ten are 1,000 per second.
const CART_RATE: &str = "1100";
const CART_REACH_MS: f64 = 5.0;
/// With this many per second answered, the rate was kept: which requests open carts is a matter of chance.
const CART_RATE_REACH: f64 = 985.0;
const RESERVATIONS_REACH: f64 = 60_000.0;
const MEMORY_REACH_BYTES: u64 = 80_000_000;
/// Before memory at rest is looked at.
const REST: Duration = Duration::from_secs(5);

pub fn search(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let folder = shop::copy(bench, &shop::sample(bench)?, "search")?;
    let count = SEARCH_PRODUCTS / bench.shrink;
    import_into(bench, &folder, &products(bench, count)?)?;
    let server = shop::start(bench, &folder)?;
    shop::wait_until_found(server.address, count)?;
    let runs = repeat(bench, || load::run(bench, server.address, &["search", "--concurrency", "64"], "search"))?;
    server.stop()?;
    let run = medians(&runs);
    Ok(vec![Cells {
        reach: Reach::absolute(run.per_second >= SEARCH_REACH),
        note: format!("no two searches alike; the load used {:.2} processors", run.generator),
        ..Cells::of_run(SEARCH, run)
    }])
}

pub fn cart(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let server = shop::start(bench, &shop::copy(bench, &shop::sample(bench)?, "cart")?)?;
    let arguments = ["carts", "--rate", CART_RATE, "--connections", "64"];
    let runs = repeat(bench, || load::run(bench, server.address, &arguments, "cart_line"))?;
    server.stop()?;
    let run = medians(&runs);
    let lines = text::whole(run.per_second);
    Ok(vec![Cells {
        ours: text::ms(run.p99_ms),
        reach: Reach::durable(run.p99_ms <= CART_REACH_MS && run.per_second >= CART_RATE_REACH),
        note: format!("{lines} lines per second were answered, each timed from when it was due"),
        ..Cells::of_run(CART, run)
    }])
}

#[expect(clippy::disallowed_methods, reason = "a synchronous tool that lets a shop come to rest")]
pub fn rest(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let (mut empty, mut sample, mut rss, mut pss) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let template = shop::sample(bench)?;
    for _ in 0..bench.runs {
        let folder = bench.fresh("rest")?;
        let (server, first, _) = shop::time_start(bench, &folder, &["--sample-shop", "none"], "/api/shop")?;
        empty.push(first.as_secs_f64());
        server.stop()?;
        let folder = shop::copy(bench, &template, "rest")?;
        let (server, first, _) = shop::time_start(bench, &folder, &[], "/api/products/sejak-green-tea")?;
        sample.push(first.as_secs_f64());
        std::thread::sleep(REST);
        let memory = watched::memory_of(server.id())?;
        rss.push(memory.rss_bytes);
        pss.push(memory.pss_bytes);
        server.stop()?;
    }
    let (rss, pss) = (median(rss), median(pss));
    Ok(vec![
        Cells {
            ours: text::mb(rss),
            reach: Reach::absolute(rss <= MEMORY_REACH_BYTES),
            note: format!("PSS {}", text::mb(pss)),
            ..Cells::of(MEMORY_SAMPLE)
        },
        Cells { ours: text::seconds(median(empty)), ..Cells::of(START_EMPTY) },
        Cells { ours: text::seconds(median(sample)), ..Cells::of(START_SAMPLE) },
    ])
}

pub fn reservations(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let (mut alone, mut followed) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let folder = bench.fresh("reservations")?;
        let mut command = Command::new(&bench.in_process);
        command.arg("reservations").arg(&folder).arg(bench.seconds());
        let said = watched::run(&mut command, &bench.folder)?.said;
        let read = |name| reservation(&said, name);
        let (Some(one), Some(other)) = (read("executor "), read("with_documents ")) else {
            return Err(Error::Unreadable { program: "in_process", said });
        };
        alone.push(one);
        followed.push(other);
    }
    let (alone, followed) = (medians(&alone), medians(&followed));
    Ok(vec![
        Cells {
            reach: Reach::durable(alone.per_second >= RESERVATIONS_REACH),
            note: "2,048 callers in the same process".to_owned(),
            ..Cells::of_run(RESERVATIONS, alone)
        },
        Cells::of_run(RESERVATIONS_DOCUMENTS, followed),
    ])
}

/// From `executor rate=1 p50_ms=2 p99_ms=3`.
fn reservation(said: &str, name: &str) -> Option<Run> {
    let line = said.lines().find_map(|line| line.strip_prefix(name))?;
    let value = |name: &str| line.split(' ').find_map(|part| part.strip_prefix(name)?.parse().ok());
    Some(Run { per_second: value("rate=")?, p99_ms: value("p99_ms=")?, ..Run::default() })
}

pub fn import(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let file = products(bench, IMPORT_PRODUCTS / bench.shrink)?;
    let template = shop::sample(bench)?;
    let (mut took, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let done = import_into(bench, &shop::copy(bench, &template, "import")?, &file)?;
        took.push(done.took.as_secs_f64());
        peaks.push(done.peak_bytes);
    }
    let (took, peak) = (median(took), median(peaks));
    Ok(vec![
        Cells { ours: text::seconds(took), reach: Reach::durable(took <= IMPORT_REACH_S), ..Cells::of(IMPORT) },
        Cells { ours: text::mb(peak), reach: Reach::absolute(peak <= IMPORT_REACH_BYTES), ..Cells::of(IMPORT_MEMORY) },
    ])
}

/// A file of so many made-up products.
pub fn products(bench: &Bench, count: u64) -> Result<PathBuf, Error> {
    let file = bench.folder.join(format!("products-{count}.csv"));
    let generate = bench.in_process.with_file_name("generate-products");
    process::run(Command::new(generate).arg(count.to_string()).arg(&file))?;
    Ok(file)
}

fn import_into(bench: &Bench, folder: &Path, file: &Path) -> Result<watched::Done, Error> {
    let mut command = Command::new(&bench.cloudmart);
    command.args(["import", "products"]).arg(file);
    command.arg("--data").arg(folder.join("data"));
    watched::run(&mut command, &bench.folder)
}

/// The same into a shop that runs.
pub fn import_at(bench: &Bench, shop: SocketAddr, file: &Path) -> Result<watched::Done, Error> {
    let mut command = Command::new(&bench.cloudmart);
    command.args(["import", "products"]).arg(file).args(["--url", &format!("http://{shop}")]);
    command.env("CLOUDMART_ADMIN_TOKEN", shop::ADMIN_TOKEN);
    watched::run(&mut command, &bench.folder)
}

fn repeat<T>(bench: &Bench, mut measure: impl FnMut() -> Result<T, Error>) -> Result<Vec<T>, Error> {
    (0..bench.runs).map(|_| measure()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_example_prints_is_read() {
        let said =
            "executor rate=6006 p50_ms=285.15 p99_ms=469.40\nwith_documents rate=3064 p50_ms=520.16 p99_ms=640.52\n";
        let run = |per_second, p99_ms| Some(Run { per_second, p99_ms, generator: 0.0 });
        assert_eq!(reservation(said, "executor "), run(6_006.0, 469.4));
        assert_eq!(reservation(said, "with_documents "), run(3_064.0, 640.52));
        assert_eq!(reservation("nothing", "executor "), None);
    }
}
