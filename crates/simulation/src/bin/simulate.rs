//! `simulate`: runs many seeds on all cores, says how far it is, and of a seed that fails shows the last steps and the
//! command that runs it again.
//! It does not know what a seed does.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::Parser;
use simulation::{Plant, Report, run};

/// Steps that are shown of a seed that failed.
const LINES: usize = 120;
/// How often progress is told, in seeds.
const TOLD_EVERY: u64 = 500;

#[derive(Parser)]
#[command(name = "simulate", about = "Runs the whole core under simulated storms, one for each seed")]
struct Options {
    /// How many seeds to run
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Run this seed alone, and show its last steps
    #[arg(long)]
    seed: Option<u64>,
    /// The first of many seeds
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Plant a bug: lost-release, skipped-version-check, reply-before-commit, non-idempotent-step, skipping-projection or
    /// lost-timer
    #[arg(long, value_parser = parse_plant)]
    plant: Option<Plant>,
    /// How many of the last steps to show
    #[arg(long, default_value_t = LINES)]
    lines: usize,
    /// Go on after a seed that fails
    #[arg(long)]
    keep_going: bool,
}

fn parse_plant(name: &str) -> Result<Plant, String> {
    let known = || Plant::ALL.map(Plant::name).join(", ");
    Plant::parse(name).ok_or_else(|| format!("there is no such plant; there are {}", known()))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let failed = match options.seed {
        Some(seed) => {
            let report = run(seed, options.plant, options.lines);
            tell(&report, &options);
            u64::from(report.violation.is_some())
        }
        None => run_many(&options),
    };
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each core takes the next seed; answers how many failed.
fn run_many(options: &Options) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (next, done, failed) = (AtomicU64::new(options.from), AtomicU64::new(0), AtomicU64::new(0));
    let (orders, steps) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let telling = Mutex::new(());
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= options.from.saturating_add(options.seeds) {
                return;
            }
            let report = run(seed, options.plant, 0);
            orders.fetch_add(report.orders as u64, Ordering::Relaxed);
            steps.fetch_add(report.steps, Ordering::Relaxed);
            if report.violation.is_some() {
                failed.fetch_add(1, Ordering::Relaxed);
                stop.fetch_or(!options.keep_going, Ordering::Relaxed);
                let _one_at_a_time = telling.lock();
                let lines = if options.keep_going { 0 } else { options.lines };
                tell(&if lines > 0 { run(seed, options.plant, lines) } else { report }, options);
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done % TOLD_EVERY == 0 {
                println!("{done} of {} seeds, {} failed", options.seeds, failed.load(Ordering::Relaxed));
            }
        }
    };
    std::thread::scope(|scope| {
        for core in 0..cores {
            let named = std::thread::Builder::new().name(format!("{}{core}", simulation::THREADS));
            // Without another thread, this one does it all.
            if named.spawn_scoped(scope, work).is_err() {
                work();
            }
        }
    });
    let failed = failed.into_inner();
    println!(
        "{} seeds: {} orders, {} steps, {failed} failed",
        done.into_inner(),
        orders.into_inner(),
        steps.into_inner()
    );
    failed
}

fn tell(report: &Report, options: &Options) {
    for line in &report.lines {
        println!("{line}");
    }
    let Report { seed, hash, steps, orders, lives, .. } = report;
    println!("seed {seed}: {steps} steps, {orders} orders, {lives} lives, trace {hash:016x}");
    if let Some(violation) = &report.violation {
        let plant = options.plant.map_or(String::new(), |plant| format!(" --plant {}", plant.name()));
        println!("FAILED {:?}: {}", violation.invariant, violation.detail);
        println!("again: cargo xtask simulate --seed {seed}{plant}");
    }
}
