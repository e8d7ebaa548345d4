//! `cargo xtask crash`: the crash drill against the release build, and its figures in `docs/RELIABILITY.md`.
//! It builds and starts; what is tried stands in testkit's `drill`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/RELIABILITY.md";
const BEGIN: &str = "<!-- figures of `cargo xtask crash`: begin -->";
const END: &str = "<!-- figures of `cargo xtask crash`: end -->";
/// From so many rounds on a run of every scenario is worth writing down.
const ROUNDS_RECORDED: u32 = 100;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// How often the shop is killed under load; also how often the power goes, from 20 to 120 times
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Try this only; may be given several times
    #[arg(long, value_enum, value_name = "SCENARIO")]
    only: Vec<Scenario>,
    /// Decides what is bought, when the shop is killed, and what a power cut leaves; told when it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// This binary, instead of a release build
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Write the figures into docs/RELIABILITY.md, as a run of everything with 100 rounds does
    #[arg(long)]
    record: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    /// `kill -9` under load, at the start and in recovery
    Kill,
    /// Power cuts: what was not synced is there, or not, or in part
    Unsynced,
    /// strace shows the fdatasync between a write and its answer
    Traced,
    /// The end of the write-ahead log is cut, flipped or wiped
    TornWal,
    /// There is no room, and later there is
    DiskFull,
    /// The data folder cannot be written
    ReadOnly,
    /// Stopped for some seconds, and woken
    Frozen,
    /// Started a second time on the same folder
    TwoProcesses,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}\nthe shop did not build")]
    Build(process::Error),
    #[error("{source}\nthe shop did not keep its word; what was found is above, and the data is kept in {}", folder.display())]
    Broken { source: process::Error, folder: PathBuf },
    #[error("{}: {source}", path.display())]
    Document { path: PathBuf, source: std::io::Error },
    #[error("{DOCUMENT} has lost the lines between which the figures stand")]
    NoMarks,
}

pub fn run(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => steps.run("release binary", || build_release(workspace))?,
    };
    let drill = steps.run("the drill", || build_drill(workspace))?;
    let folder = workspace.target.join("crash");
    let seed = options.seed.unwrap_or_else(any_seed);
    steps.run(&format!("{} rounds, seed {seed}", options.rounds), || {
        let mut command = Command::new(drill);
        command.arg(binary).arg(&folder).arg(options.rounds.to_string()).arg(seed.to_string());
        command.args(options.only.iter().map(|scenario| scenario.name()));
        process::run(&mut command).map_err(|source| Error::Broken { source, folder: folder.clone() })
    })?;
    let is_whole = options.only.is_empty() && options.binary.is_none() && options.rounds >= ROUNDS_RECORDED;
    if is_whole || options.record { record(workspace, &folder.join("figures.md")) } else { Ok(()) }
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Unsynced => "unsynced",
            Self::Traced => "traced",
            Self::TornWal => "torn-wal",
            Self::DiskFull => "disk-full",
            Self::ReadOnly => "read-only",
            Self::Frozen => "frozen",
            Self::TwoProcesses => "two-processes",
        }
    }
}

fn build_release(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = ["build", "--release", "--locked", "--package", "cloudmart"];
    process::run(&mut cargo(&workspace.root, &arguments)).map_err(Error::Build)?;
    Ok(workspace.target.join("release").join("cloudmart"))
}

/// The whole workspace's features, as the tests have them, so that nothing is built in two ways.
fn build_drill(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = ["build", "--workspace", "--example", "crash_drill", "--locked"];
    process::run(&mut cargo(&workspace.root, &arguments)).map_err(Error::Build)?;
    Ok(workspace.target.join("debug").join("examples").join("crash_drill"))
}

/// Another one each time, short enough to be typed again.
fn any_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}

fn record(workspace: &Workspace, figures: &Path) -> Result<(), Error> {
    let path = workspace.root.join(DOCUMENT);
    let told = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Document { path, source }
    };
    let figures = std::fs::read_to_string(figures).map_err(told(figures))?;
    let text = std::fs::read_to_string(&path).map_err(told(&path))?;
    let text = with_figures(&text, &figures).ok_or(Error::NoMarks)?;
    std::fs::write(&path, text).map_err(told(&path))?;
    println!("    {DOCUMENT} has the new figures");
    Ok(())
}

fn with_figures(text: &str, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", figures.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_replace_what_stood_between_the_marks() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = with_figures(&text, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(with_figures("no marks", "new"), None);
    }

    #[test]
    fn the_document_has_the_marks() {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(DOCUMENT);
        assert!(with_figures(&std::fs::read_to_string(document).unwrap(), "").is_some());
    }
}
