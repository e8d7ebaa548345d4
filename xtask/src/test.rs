//! `cargo xtask test`: everything that CI runs, from a bare machine to the last line.
//! It knows the order of the parts; each part lives in its own file.

mod browser;
mod conformance;
mod limit;
pub mod npm;
pub mod packages;
mod python;
mod scenarios;
pub mod server;
mod units;

use std::time::Duration;

use crate::check;
use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::workspace::Workspace;

use limit::Limit;
use scenarios::Stand;
use units::Counts;

const EXAMPLES_PER_OPERATION: u32 = 20;
/// Two slow cores need half of it from a clean clone.
const WITHIN_MINUTES: u64 = 85;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Leave out formatting, tidy, clippy and cargo-deny
    #[arg(long)]
    skip_check: bool,
    /// Run this part only; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// How many cases the API conformance step makes up for each operation
    #[arg(long, value_name = "N", default_value_t = EXAMPLES_PER_OPERATION, value_parser = clap::value_parser!(u32).range(1..))]
    examples: u32,
    /// After so many minutes, tells what still runs, stops it and fails
    #[arg(long, value_name = "MINUTES", default_value_t = WITHIN_MINUTES, value_parser = clap::value_parser!(u64).range(1..))]
    within: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Formatting, tidy, clippy, cargo-deny
    Check,
    /// Every test of the workspace
    Unit,
    /// The shop's scenarios on PostgreSQL, and on two nodes with Redis; drills of a cluster
    Cluster,
    /// The shop in a real browser
    Browser,
    /// The shop against its own OpenAPI document
    Api,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Packages(#[from] packages::Error),
    #[error(transparent)]
    Check(#[from] check::Error),
    #[error(transparent)]
    Units(#[from] units::Error),
    #[error("{0}\nthe shop's binary did not build")]
    Build(process::Error),
    #[error(transparent)]
    Npm(#[from] npm::Error),
    #[error(transparent)]
    Python(#[from] python::Error),
    #[error(transparent)]
    Conformance(#[from] conformance::Error),
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        let named = self.only.is_empty() || self.only.contains(&part);
        named && !(part == Part::Check && self.skip_check)
    }
}

/// Runs the parts that are wanted; the last line printed says how many tests passed and failed.
pub fn run(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let mut counts = None;
    let _limit = Limit::start(Duration::from_secs(options.within * 60), steps.told());
    let outcome = run_parts(workspace, options, steps, &mut counts);
    steps.print_summary();
    if let Some(counts) = counts {
        println!("\n{counts}");
    }
    outcome
}

fn run_parts(
    workspace: &Workspace,
    options: &Options,
    steps: &mut Steps,
    counts: &mut Option<Counts>,
) -> Result<(), Error> {
    // Scenarios need the servers that other tests need.
    let needs = |part| options.wants(part) || (part == Part::Unit && options.wants(Part::Cluster));
    steps.run("system packages", || packages::provide(needs))?;
    if options.wants(Part::Check) {
        check::run(workspace, steps)?;
    }
    if options.wants(Part::Unit) {
        steps.run("tests of the workspace", || units::run(workspace, counts))?;
    }
    if options.wants(Part::Cluster) {
        steps.run("scenarios on PostgreSQL", || scenarios::run(workspace, Stand::Postgres, counts))?;
        steps.run("scenarios on two nodes with Redis", || scenarios::run(workspace, Stand::Cluster, counts))?;
        steps.run("drills of a cluster", || scenarios::drills(workspace, counts))?;
    }
    if options.wants(Part::Browser) {
        let packages = steps.run("npm packages", || npm::provide(workspace))?;
        steps.run("tests in a browser", || browser::run(workspace, &packages, counts))?;
    }
    if options.wants(Part::Api) {
        steps.run("the shop's binary", || {
            // The one that the tests start, so that it is there already.
            let arguments = ["build", "--locked", "--workspace", "--bin", "cloudmart"];
            process::run(&mut cargo(&workspace.root, &arguments)).map_err(Error::Build)
        })?;
        let schemathesis = steps.run("schemathesis", || python::provide(workspace))?;
        steps.run("API conformance", || conformance::run(workspace, &schemathesis, options.examples))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(skip_check: bool, only: &[Part]) -> Options {
        Options { skip_check, only: only.to_vec(), examples: EXAMPLES_PER_OPERATION, within: WITHIN_MINUTES }
    }

    #[test]
    fn without_flags_every_part_runs() {
        let all = options(false, &[]);
        let parts = [Part::Check, Part::Unit, Part::Browser, Part::Api];
        assert!(parts.iter().all(|part| all.wants(*part)));
    }

    #[test]
    fn skip_check_leaves_out_the_check_alone() {
        let most = options(true, &[]);
        assert!(!most.wants(Part::Check) && most.wants(Part::Unit) && most.wants(Part::Api));
    }

    #[test]
    fn only_names_the_parts_that_run() {
        let some = options(false, &[Part::Api]);
        assert!(!some.wants(Part::Check) && !some.wants(Part::Unit) && some.wants(Part::Api));
    }
}
