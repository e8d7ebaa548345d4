//! `cargo xtask simulate`: the release build of the simulation, on all cores.
//! It does not know what is simulated; what it is told it hands on.

use std::process::Command;

use crate::process::{self, cargo};
use crate::workspace::Workspace;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many seeds to run
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "S", default_value_t = 1)]
    from: u64,
    /// Run this seed alone, and show its last steps
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Plant a bug by its name; docs/SIMULATION.md lists them
    #[arg(long, value_name = "NAME")]
    plant: Option<String>,
    /// How many of the last steps to show
    #[arg(long, value_name = "N")]
    lines: Option<usize>,
    /// Go on after a seed that fails
    #[arg(long)]
    keep_going: bool,
}

pub fn run(workspace: &Workspace, options: &Options) -> Result<(), process::Error> {
    let arguments = ["build", "--release", "--locked", "--package", "simulation", "--bin", "simulate"];
    process::run(&mut cargo(&workspace.root, &arguments))?;
    let mut simulate = Command::new(workspace.target.join("release").join("simulate"));
    simulate.args(arguments_of(options));
    process::run(&mut simulate)
}

fn arguments_of(options: &Options) -> Vec<String> {
    let mut arguments = vec![format!("--seeds={}", options.seeds), format!("--from={}", options.from)];
    arguments.extend(options.seed.map(|seed| format!("--seed={seed}")));
    arguments.extend(options.plant.iter().map(|plant| format!("--plant={plant}")));
    arguments.extend(options.lines.map(|lines| format!("--lines={lines}")));
    arguments.extend(options.keep_going.then(|| "--keep-going".to_owned()));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_handed_on() {
        let options =
            Options { seeds: 5, from: 2, seed: None, plant: Some("lost-timer".into()), lines: None, keep_going: true };
        assert_eq!(arguments_of(&options), ["--seeds=5", "--from=2", "--plant=lost-timer", "--keep-going"]);
    }
}
