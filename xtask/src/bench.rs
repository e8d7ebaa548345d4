//! `cargo xtask bench`: the project's figures, measured in one run on one machine, ours and the yardsticks in turns.
//! It knows how each figure is measured; what is reached and what is not stands in docs/BENCHMARKS.md, which it writes.

mod cluster;
mod disk;
mod growth;
mod load;
mod nginx;
mod orders;
mod postgres;
mod reach;
mod reads;
mod redis;
mod run;
mod shop;
mod single;
mod table;
mod text;
mod watched;
mod wrk;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::test::{packages, server};
use crate::workspace::Workspace;
use table::{Cells, Table};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Measure this row only; may be given several times
    #[arg(long, value_enum, value_name = "ROW")]
    only: Vec<Row>,
    /// One short run of each with a thousandth of the orders and a debug build, to see that everything works; writes nothing
    #[arg(long)]
    quick: bool,
    /// Keep the folders that were filled with orders, and use those that an earlier run kept
    #[arg(long)]
    keep: bool,
    /// Where everything lies meanwhile; the disk under it is what is measured [default: target/bench]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// `append 4 KiB + fdatasync` per second, which everything durable follows
    Disk,
    /// Product JSON and product page, beside nginx with the same bytes
    Reads,
    /// Search with facets over 10,000 products
    Search,
    /// Confirmed orders over 50 SKUs and over one, beside pgbench
    Orders,
    /// Reservations of one SKU at the executor
    Reservations,
    /// Orders per second with 10 thousand, 100 thousand and 1 million orders in the log; then memory, and the start after kill -9
    Growth,
    /// On PostgreSQL: confirmed orders on one node and on two, and one SKU over two nodes, beside pgbench
    Cluster,
    /// Product JSON out of Redis
    SecondLevel,
    /// Start and memory of an empty shop and of the sample shop
    Rest,
    /// A line into a cart, at 1,000 per second
    Cart,
    /// Import of 100,000 products
    Import,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Packages(#[from] packages::Error),
    #[error(transparent)]
    Process(#[from] process::Error),
    #[error(transparent)]
    Server(#[from] server::Error),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("{program} said something else than figures:\n{said}")]
    Unreadable { program: &'static str, said: String },
    #[error("{program} failed ({status}):\n{said}")]
    Failed { program: String, status: std::process::ExitStatus, said: String },
    #[error("the shop answered {path} with {status}")]
    Refused { path: String, status: u16 },
    #[error("the shop finds {found} products instead of {wanted}, so a search of them cannot be measured")]
    TooFewFound { found: u64, wanted: u64 },
    #[error("the user `postgres` cannot enter {0}: name another --folder on the same disk, such as one below /var/tmp")]
    NotForPostgres(PathBuf),
    #[error("not measured: {0}; why stands where it was tried, above")]
    NotMeasured(String),
    #[error("docs/BENCHMARKS.md has no place for `{0}`; its markers are gone")]
    NoMarkers(&'static str),
}

/// Says what could not be done to what.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}

/// What every measurement is given.
pub struct Bench {
    /// The binary that is measured.
    cloudmart: PathBuf,
    /// testkit's example, for what needs no HTTP.
    in_process: PathBuf,
    /// xtask's own folder, emptied at the start.
    folder: PathBuf,
    /// Filled folders that outlive a run.
    kept: PathBuf,
    keep: bool,
    /// Medians are of this many runs.
    runs: usize,
    run: Duration,
    /// What large numbers of orders and products are divided by.
    shrink: u64,
}

impl Bench {
    /// An empty folder below its own.
    fn fresh(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder.join(name);
        empty(&folder)?;
        Ok(folder)
    }

    fn seconds(&self) -> String {
        self.run.as_secs().to_string()
    }
}

fn empty(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(io(format!("cannot empty {}", folder.display())))?;
    }
    std::fs::create_dir_all(folder).map_err(io(format!("cannot make {}", folder.display())))
}

pub fn run(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let outcome = run_rows(workspace, options, steps);
    steps.print_summary();
    outcome
}

fn run_rows(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let wants = |row| options.only.is_empty() || options.only.contains(&row);
    steps.run("yardsticks", packages::provide_yardsticks)?;
    let bench = steps.run("binaries", || build(workspace, options))?;
    let mut table = Table::read(&workspace.root)?;
    println!("    everything lies in {}; nothing else should run on this machine meanwhile", bench.folder.display());
    type Measure = fn(&Bench) -> Result<Vec<Cells>, Error>;
    let rows: [(Row, &str, Measure); 11] = [
        (Row::Disk, "append and fdatasync", disk::measure),
        (Row::Reads, "product JSON and product page, beside nginx", reads::measure),
        (Row::Search, "search", single::search),
        (Row::Cart, "cart", single::cart),
        (Row::Rest, "start and memory at rest", single::rest),
        (Row::Reservations, "reservations", single::reservations),
        (Row::Orders, "orders, beside pgbench", orders::measure),
        (Row::Cluster, "orders on PostgreSQL, one node and two", cluster::orders),
        (Row::SecondLevel, "products out of Redis", cluster::reads),
        (Row::Import, "import", single::import),
        (Row::Growth, "growth", growth::measure),
    ];
    let mut failed = Vec::new();
    for (_, name, measure) in rows.into_iter().filter(|(row, ..)| wants(*row)) {
        let cells = match steps.run(name, || measure(&bench)) {
            Ok(cells) => cells,
            // The others are worth measuring all the same.
            Err(error) => {
                println!("    {error}");
                failed.push(name);
                continue;
            }
        };
        let syncs = disk::syncs_per_second(&bench)?;
        table.take(cells, syncs);
        // Row by row, so that what was measured is there whatever happens next.
        if !options.quick {
            table.write(&workspace.root)?;
        }
    }
    println!("\n{}", table.to_markdown());
    if options.quick {
        println!("quick: these are no figures, and docs/BENCHMARKS.md is as it was");
    }
    std::fs::remove_dir_all(&bench.folder).map_err(io("cannot tidy up"))?;
    if failed.is_empty() { Ok(()) } else { Err(Error::NotMeasured(failed.join(", "))) }
}

const EXAMPLES: [&str; 4] = ["--example", "in_process", "--example", "generate-products"];

/// What is shipped, as it is shipped; and apart from it the examples, whose features differ.
fn build_release(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = ["build", "--release", "--locked", "--package", "cloudmart"];
    process::run(&mut cargo(&workspace.root, &arguments))?;
    let arguments = ["build", "--release", "--locked", "--package", "testkit"];
    process::run(cargo(&workspace.root, &arguments).args(EXAMPLES))?;
    Ok(workspace.target.join("release"))
}

/// The whole workspace's features, as the tests have them, so that nothing is built in two ways.
fn build_debug(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = ["build", "--workspace", "--locked", "--bin", "cloudmart"];
    process::run(cargo(&workspace.root, &arguments).args(EXAMPLES))?;
    Ok(workspace.target.join("debug"))
}

fn build(workspace: &Workspace, options: &Options) -> Result<Bench, Error> {
    let binaries = if options.quick { build_debug(workspace)? } else { build_release(workspace)? };
    let folder = options.folder.clone().unwrap_or_else(|| workspace.target.join("bench"));
    let folder = std::path::absolute(folder).map_err(io("there is no such folder"))?;
    let kept = folder.join("kept");
    let folder = folder.join("run");
    empty(&folder)?;
    if !options.keep && kept.exists() {
        std::fs::remove_dir_all(&kept).map_err(io("cannot remove what an earlier run kept"))?;
    }
    Ok(Bench {
        cloudmart: binaries.join("cloudmart"),
        in_process: binaries.join("examples").join("in_process"),
        folder,
        kept,
        keep: options.keep && !options.quick,
        runs: if options.quick { 1 } else { 3 },
        run: Duration::from_secs(if options.quick { 2 } else { 10 }),
        shrink: if options.quick { 1_000 } else { 1 },
    })
}

/// The value in the middle.
///
/// # Panics
/// When there is none.
fn median<T: Copy + PartialOrd>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    // Nobody measures what cannot be compared.
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    values[values.len() / 2]
}
