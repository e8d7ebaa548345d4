//! What `cargo xtask crash` starts: the scenarios of the drill, one after the other, against one binary.
//! It does not build anything.

mod report;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use futures::FutureExt as _;
use testkit::drill::cluster::{
    Engines, flash_sale, node_frozen, node_killed, primary_lost, redis_restarted, replica_frozen, rolling_deploy,
};
use testkit::drill::{Ground, Outcome, disk_full, frozen, kill, read_only, torn_wal, traced, two_processes, unsynced};
use testkit::postgres::Durability;

use report::Report;

/// Every scenario of a shop in a folder, in the order in which they are run.
const SCENARIOS: [&str; 8] =
    ["kill", "unsynced", "traced", "torn-wal", "disk-full", "read-only", "frozen", "two-processes"];
/// Those of a shop on several nodes, which are run when they are asked for.
const OF_A_CLUSTER: [&str; 7] =
    ["node-killed", "node-frozen", "primary-lost", "redis-restarted", "replica-frozen", "flash-sale", "rolling-deploy"];
/// As settings have it by default.
const WAIT: Duration = Duration::from_secs(2);
/// Power cuts that one recording is worth, however many rounds there are.
const CUTS: std::ops::RangeInclusive<usize> = 20..=120;

/// What was asked for.
pub struct Wanted {
    pub binary: PathBuf,
    pub folder: PathBuf,
    pub rounds: u32,
    pub seed: u64,
    pub only: Vec<String>,
}

const USAGE: &str = "crash_drill BINARY FOLDER ROUNDS SEED [SCENARIO…]";

impl Wanted {
    fn read(words: &[String]) -> Option<Self> {
        let [binary, folder, rounds, seed, only @ ..] = words else { return None };
        // The shop is started in a folder of its own.
        let absolute = |path: &String| std::path::absolute(path).unwrap_or_else(|_| path.into());
        let is_known = |name: &String| SCENARIOS.iter().chain(&OF_A_CLUSTER).any(|known| known == name);
        Some(Self {
            binary: absolute(binary),
            folder: absolute(folder),
            rounds: rounds.parse().ok()?,
            seed: seed.parse().ok()?,
            only: only.iter().all(is_known).then(|| only.to_vec())?,
        })
    }

    fn has(&self, scenario: &str) -> bool {
        let is_usual = self.only.is_empty() && SCENARIOS.contains(&scenario);
        is_usual || self.only.iter().any(|wanted| wanted == scenario)
    }

    /// Whether it is about several nodes.
    fn is_clusters(&self) -> bool {
        self.only.iter().any(|wanted| OF_A_CLUSTER.contains(&wanted.as_str()))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(wanted) = Wanted::read(&words) else {
        eprintln!("{USAGE}; scenarios: {}, {}", SCENARIOS.join(", "), OF_A_CLUSTER.join(", "));
        return ExitCode::FAILURE;
    };
    // What went wrong is in the message; where the drill noticed is of no use to whoever reads it.
    std::panic::set_hook(Box::new(|panic| eprintln!("\n  FAILED: {panic}")));
    let mut report = Report::new(&wanted);
    for scenario in SCENARIOS.into_iter().chain(OF_A_CLUSTER).filter(|scenario| wanted.has(scenario)) {
        println!("\n  {scenario}");
        let began = tokio::time::Instant::now();
        let ground = Ground::at(&wanted.binary, wanted.folder.join(scenario), wanted.seed);
        let outcome = AssertUnwindSafe(run(scenario, ground, &wanted)).catch_unwind().await;
        report.add(scenario, outcome.ok(), began.elapsed());
    }
    report.conclude(&wanted)
}

async fn run(scenario: &str, ground: Ground, wanted: &Wanted) -> Outcome {
    let cuts = usize::try_from(wanted.rounds).unwrap_or(0).clamp(*CUTS.start(), *CUTS.end());
    match scenario {
        "kill" => kill::run(&ground, kill::Options { rounds: wanted.rounds, ..kill::Options::default() }).await,
        "unsynced" => unsynced::run(&ground, unsynced::Options { cuts, ..unsynced::Options::default() }).await,
        "traced" => traced::run(&ground, traced::Options::default()).await,
        "torn-wal" => torn_wal::run(&ground, torn_wal::Options::default()).await,
        "disk-full" => disk_full::run(&ground, disk_full::Options::default()).await,
        "read-only" => read_only::run(&ground).await,
        "frozen" => frozen::run(&ground, frozen::Options::default()).await,
        "two-processes" => two_processes::run(&ground, two_processes::Options::default()).await,
        _ => run_on_a_cluster(scenario, ground, wanted).await,
    }
}

/// On servers of its own, so that one drill that goes wrong is no trouble to the next.
async fn run_on_a_cluster(scenario: &str, ground: Ground, wanted: &Wanted) -> Outcome {
    let engines = Engines::start(Durability::Synced, WAIT).await;
    let rounds = wanted.rounds;
    // Those that take long, and those of which each time is much like the last.
    let (some, few) = (rounds.div_ceil(2), rounds.div_ceil(4));
    match scenario {
        "node-killed" => {
            node_killed::run(&ground, &engines, node_killed::Options { rounds, ..Default::default() }).await
        }
        "node-frozen" => {
            node_frozen::run(&ground, &engines, node_frozen::Options { times: few, ..Default::default() }).await
        }
        "primary-lost" => {
            primary_lost::run(&ground, engines, primary_lost::Options { rounds, ..Default::default() }).await.0
        }
        "redis-restarted" => {
            redis_restarted::run(&ground, &engines, redis_restarted::Options { times: some, ..Default::default() })
                .await
        }
        "replica-frozen" => {
            replica_frozen::run(&ground, &engines, replica_frozen::Options { times: few, ..Default::default() }).await
        }
        "flash-sale" => flash_sale::run(&ground, &engines, flash_sale::Options { times: few }).await,
        "rolling-deploy" => {
            rolling_deploy::run(&ground, &engines, rolling_deploy::Options { times: some, ..Default::default() }).await
        }
        _ => unreachable!("only known scenarios are asked for"),
    }
}
