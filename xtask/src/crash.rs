//! `cargo xtask crash`: the crash drill against the release build, and its figures in `docs/RELIABILITY.md`.
//! It builds and starts; what is tried stands in testkit's `drill`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/RELIABILITY.md";

/// A shop in its folder, or on several nodes: what is tried, and where the figures stand.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    command: &'static str,
    scenarios: &'static [Scenario],
    /// So many by default, and from so many on a run of every scenario is worth writing down.
    rounds: u32,
    folder: &'static str,
}

const FOLDER: Kind = Kind {
    command: "cargo xtask crash",
    scenarios: &[
        Scenario::Kill,
        Scenario::Unsynced,
        Scenario::Traced,
        Scenario::TornWal,
        Scenario::DiskFull,
        Scenario::ReadOnly,
        Scenario::Frozen,
        Scenario::TwoProcesses,
    ],
    rounds: 100,
    folder: "crash",
};
const CLUSTER: Kind = Kind {
    command: "cargo xtask crash --cluster",
    scenarios: &[
        Scenario::NodeKilled,
        Scenario::NodeFrozen,
        Scenario::PrimaryLost,
        Scenario::RedisRestarted,
        Scenario::ReplicaFrozen,
        Scenario::FlashSale,
        Scenario::RollingDeploy,
    ],
    rounds: 20,
    folder: "crash-cluster",
};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// A shop on two nodes, with a primary, its standby, a replica and Redis, instead of one in a folder
    #[arg(long)]
    cluster: bool,
    /// How often the shop is killed under load; also how often the power goes, from 20 to 120 times. 100, and 20 on a
    /// cluster, when it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Try this only; may be given several times
    #[arg(long, value_enum, value_name = "SCENARIO")]
    only: Vec<Scenario>,
    /// Decides what is bought, when the shop is killed, and what a power cut leaves; told when it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// This binary, instead of a release build
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Write the figures into docs/RELIABILITY.md, as a run of everything with all rounds does
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
    /// On a cluster: `kill -9` of a node under load
    NodeKilled,
    /// On a cluster: a node stopped for some seconds, and woken
    NodeFrozen,
    /// On a cluster: the primary is killed and the standby promoted
    PrimaryLost,
    /// On a cluster: Redis ends under load, and begins anew
    RedisRestarted,
    /// On a cluster: a replica stops and lags, and comes back
    ReplicaFrozen,
    /// On a cluster: 1,200 buyers at once on a stock of 1,000
    FlashSale,
    /// On a cluster: both nodes are replaced while orders flow
    RollingDeploy,
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
    #[error("`{command}` does not try {scenario}; with or without `--cluster` it is tried")]
    Elsewhere { scenario: &'static str, command: &'static str },
}

pub fn run(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<(), Error> {
    let kind = if options.cluster { &CLUSTER } else { &FOLDER };
    let chosen = kind.chosen(&options.only)?;
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => steps.run("release binary", || build_release(workspace))?,
    };
    let drill = steps.run("the drill", || build_drill(workspace))?;
    let folder = workspace.target.join(kind.folder);
    let (seed, rounds) = (options.seed.unwrap_or_else(any_seed), options.rounds.unwrap_or(kind.rounds));
    steps.run(&format!("{rounds} rounds, seed {seed}"), || {
        let mut command = Command::new(drill);
        command.arg(binary).arg(&folder).arg(rounds.to_string()).arg(seed.to_string());
        command.args(chosen.iter().map(|scenario| scenario.name()));
        process::run(&mut command).map_err(|source| Error::Broken { source, folder: folder.clone() })
    })?;
    let is_whole = options.only.is_empty() && options.binary.is_none() && rounds >= kind.rounds;
    if is_whole || options.record { record(workspace, kind, &folder.join("figures.md")) } else { Ok(()) }
}

impl Kind {
    /// Those that are wanted of its scenarios; all when none is named.
    fn chosen(&self, only: &[Scenario]) -> Result<Vec<Scenario>, Error> {
        if let Some(other) = only.iter().find(|scenario| !self.scenarios.contains(scenario)) {
            return Err(Error::Elsewhere { scenario: other.name(), command: self.command });
        }
        Ok(if only.is_empty() { self.scenarios.to_vec() } else { only.to_vec() })
    }

    fn begin(&self) -> String {
        format!("<!-- figures of `{}`: begin -->", self.command)
    }

    fn end(&self) -> String {
        format!("<!-- figures of `{}`: end -->", self.command)
    }
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
            Self::NodeKilled => "node-killed",
            Self::NodeFrozen => "node-frozen",
            Self::PrimaryLost => "primary-lost",
            Self::RedisRestarted => "redis-restarted",
            Self::ReplicaFrozen => "replica-frozen",
            Self::FlashSale => "flash-sale",
            Self::RollingDeploy => "rolling-deploy",
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

fn record(workspace: &Workspace, kind: &Kind, figures: &Path) -> Result<(), Error> {
    let path = workspace.root.join(DOCUMENT);
    let told = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Document { path, source }
    };
    let figures = std::fs::read_to_string(figures).map_err(told(figures))?;
    let text = std::fs::read_to_string(&path).map_err(told(&path))?;
    let text = with_figures(&text, kind, &figures).ok_or(Error::NoMarks)?;
    std::fs::write(&path, text).map_err(told(&path))?;
    println!("    {DOCUMENT} has the new figures");
    Ok(())
}

fn with_figures(text: &str, kind: &Kind, figures: &str) -> Option<String> {
    let (begin, end) = (kind.begin(), kind.end());
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", figures.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_replace_what_stood_between_the_marks() {
        let text = |old: &str, new: &str| {
            let between = |kind: &Kind, figures| format!("{}\n{figures}\n{}\n", kind.begin(), kind.end());
            format!("before\n{}{}after\n", between(&FOLDER, old), between(&CLUSTER, new))
        };
        assert_eq!(with_figures(&text("old", "old"), &CLUSTER, "new\n").unwrap(), text("old", "new"));
        assert_eq!(with_figures(&text("old", "old"), &FOLDER, "new\n").unwrap(), text("new", "old"));
        assert_eq!(with_figures("no marks", &FOLDER, "new"), None);
    }

    #[test]
    fn the_document_has_the_marks() {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(DOCUMENT);
        let text = std::fs::read_to_string(document).unwrap();
        assert!([FOLDER, CLUSTER].iter().all(|kind| with_figures(&text, kind, "").is_some()));
    }

    #[test]
    fn a_scenario_is_tried_where_it_belongs() {
        assert_eq!(CLUSTER.chosen(&[Scenario::FlashSale]).unwrap(), [Scenario::FlashSale]);
        assert_eq!(CLUSTER.chosen(&[]).unwrap(), CLUSTER.scenarios);
        assert!(matches!(FOLDER.chosen(&[Scenario::FlashSale]), Err(Error::Elsewhere { .. })));
    }
}
