//! `cargo xtask fuzz`: runs every fuzz target for some minutes, some at a time, and tells what came of it.
//! It does not know what a target does, and it is no part of the tests: what it finds becomes a seed, which is.

mod report;
mod running;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;

use report::Outcome;
use running::Running;

const TOLD_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long each target runs
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// How many targets run at once; with more than there are processors, each gets less done in its time
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    at_once: u64,
    /// Run this target only; may be given several times
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cargo-fuzz is needed for this: cargo install cargo-fuzz --locked")]
    NoCargoFuzz,
    #[error("nightly Rust is needed for this: rustup toolchain install nightly --profile minimal")]
    NoNightly,
    #[error("there is no target {name}; there are {known}")]
    NoTarget { name: String, known: String },
    #[error(transparent)]
    Process(#[from] process::Error),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{0} of the targets found something; each input is named above, and `fuzz/targets` says what it breaks")]
    Findings(usize),
}

/// Runs the targets that are wanted, and fails where one finds something.
pub fn run(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let host = host()?;
    let folder = workspace.root.join("fuzz");
    let targets = wanted(&targets_in(&read(&folder.join("Cargo.toml"))?), &options.target)?;
    let build = workspace.target.join("fuzz");
    steps.run("fuzz targets", || process::run(&mut build_command(&folder, &build, &targets)))?;
    let programs = build.join(host).join("release");
    let minutes = options.minutes;
    let outcomes = steps.run(&format!("{} targets, {minutes} minutes each", targets.len()), || {
        let (logs, time) = (build.join("logs"), Duration::from_secs(60 * minutes));
        all(&targets, options.at_once, &programs, &folder, &logs, time)
    })?;
    println!("\n{}", report::table(&outcomes));
    match outcomes.iter().filter(|outcome| outcome.finding.is_some()).count() {
        0 => Ok(()),
        findings => Err(Error::Findings(findings)),
    }
}

/// The platform that nightly builds for, where both tools are there.
fn host() -> Result<String, Error> {
    if !process::succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        return Err(Error::NoCargoFuzz);
    }
    let output = Command::new("rustc").args(["+nightly", "--version", "--verbose"]).output();
    let output = output.ok().filter(|output| output.status.success()).ok_or(Error::NoNightly)?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = words.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(ToOwned::to_owned).ok_or(Error::NoNightly)
}

/// Without a sanitizer: our crates forbid `unsafe`, so that there is nothing for it to find but in C that others fuzz; without,
/// a target builds in half the time and runs several times as often.
fn build_command(folder: &Path, build: &Path, targets: &[String]) -> Command {
    let mut command = process::cargo(folder, &["+nightly", "fuzz", "build", "--fuzz-dir", ".", "--sanitizer", "none"]);
    command.arg("--target-dir").arg(build);
    if let [one] = targets {
        command.arg(one);
    }
    command
}

/// The names of the binaries that a manifest declares.
fn targets_in(manifest: &str) -> Vec<String> {
    let bins = manifest.split("[[bin]]").skip(1);
    let name =
        |bin: &str| bin.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"').map(str::to_owned));
    bins.filter_map(name).collect()
}

fn wanted(known: &[String], named: &[String]) -> Result<Vec<String>, Error> {
    if let Some(name) = named.iter().find(|name| !known.contains(name)) {
        return Err(Error::NoTarget { name: name.clone(), known: known.join(", ") });
    }
    let is_wanted = |name: &&String| named.is_empty() || named.contains(name);
    Ok(known.iter().filter(is_wanted).cloned().collect())
}

/// So many at a time; a new one begins when one ends.
fn all(
    targets: &[String],
    at_once: u64,
    programs: &Path,
    folder: &Path,
    logs: &Path,
    time: Duration,
) -> Result<Vec<Outcome>, Error> {
    std::fs::create_dir_all(logs).map_err(|source| Error::Io { what: logs.display().to_string(), source })?;
    let mut waiting = targets.iter();
    let mut running: Vec<Running> = Vec::new();
    let mut outcomes = Vec::new();
    loop {
        while (running.len() as u64) < at_once
            && let Some(name) = waiting.next()
        {
            running.push(Running::start(name, programs, folder, logs, time)?);
        }
        if running.is_empty() {
            return Ok(outcomes);
        }
        process::wait_until(TOLD_EVERY, || running.iter_mut().any(Running::has_ended));
        for mut one in std::mem::take(&mut running) {
            println!("    {}", one.line());
            if one.has_ended() {
                outcomes.push(one.outcome()?);
            } else {
                running.push(one);
            }
        }
    }
}

fn read(path: &PathBuf) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { what: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_targets() {
        let manifest =
            "[package]\nname = \"fuzz\"\n\n[[bin]]\nname = \"api\"\npath = \"x\"\n\n[[bin]]\nname = \"html\"\n";
        assert_eq!(targets_in(manifest), ["api", "html"]);
        let known = targets_in(manifest);
        assert_eq!(wanted(&known, &[]).unwrap(), known);
        assert_eq!(wanted(&known, &["html".to_owned()]).unwrap(), ["html"]);
        let error = wanted(&known, &["pages".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("api, html"), "{error}");
    }

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let targets = targets_in(&read(&folder.join("Cargo.toml")).unwrap());
        assert!(!targets.is_empty());
        for name in targets {
            assert!(folder.join(format!("targets/{name}.rs")).is_file(), "{name} has no program");
            assert!(folder.join("seeds").join(&name).is_dir(), "{name} has no seeds");
        }
    }
}
