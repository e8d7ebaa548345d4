//! The drill's figures: a table for people, `figures.json` for programs, `figures.md` for the documentation.
//! It does not run anything.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use testkit::drill::Outcome;

use crate::Wanted;

const JSON: &str = "figures.json";
const MARKDOWN: &str = "figures.md";

#[derive(Serialize)]
pub struct Report {
    seed: u64,
    scenarios: Vec<Scenario>,
}

#[derive(Serialize)]
struct Scenario {
    name: String,
    verdict: &'static str,
    seconds: u64,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Report {
    pub fn new(wanted: &Wanted) -> Self {
        Self { seed: wanted.seed, scenarios: Vec::new() }
    }

    /// Without an outcome it has panicked.
    pub fn add(&mut self, name: &str, outcome: Option<Outcome>, took: Duration) {
        let verdict = match &outcome {
            None => "FAILED",
            Some(outcome) if outcome.skipped.is_some() => "skipped",
            Some(_) => "passed",
        };
        let outcome = outcome.unwrap_or_default();
        let scenario = Scenario { name: name.to_owned(), verdict, seconds: took.as_secs(), outcome };
        scenario.print();
        self.scenarios.push(scenario);
    }

    /// Prints all of it once more and writes it down.
    pub fn conclude(&self, wanted: &Wanted) -> ExitCode {
        println!();
        self.scenarios.iter().for_each(Scenario::print);
        let text = serde_json::to_string_pretty(self).expect("figures are JSON");
        for (name, text) in [(JSON, text), (MARKDOWN, self.markdown(wanted))] {
            let file = wanted.folder.join(name);
            if let Err(error) = std::fs::write(&file, text) {
                eprintln!("cannot write {}: {error}", file.display());
                return ExitCode::FAILURE;
            }
            println!("  {}", file.display());
        }
        let is_fine = self.scenarios.iter().all(|scenario| scenario.verdict != "FAILED");
        if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn markdown(&self, wanted: &Wanted) -> String {
        let seconds: u64 = self.scenarios.iter().map(|scenario| scenario.seconds).sum();
        let mut text = format!(
            "`cargo xtask crash{} --rounds {} --seed {}` on {}: {} min {:02} s.\n\n| scenario | | |\n|---|---|---:|\n",
            if wanted.is_clusters() { " --cluster" } else { "" },
            wanted.rounds,
            self.seed,
            machine(),
            seconds / 60,
            seconds % 60
        );
        for scenario in &self.scenarios {
            let Scenario { name, verdict, outcome, seconds } = scenario;
            let _ = writeln!(text, "| **{name}** | **{verdict}** | {seconds} s |");
            if let Some(reason) = &outcome.skipped {
                let _ = writeln!(text, "| | {reason} | |");
            }
            for (figure, value) in &outcome.figures {
                let _ = writeln!(text, "| | {figure} | {} |", value.to_string().trim_matches('"'));
            }
        }
        text
    }
}

/// What the figures were made on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a machine without a name", |(_, model)| model.trim());
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} × {model}, Linux {}", kernel.trim())
}

impl Scenario {
    fn print(&self) {
        println!("  {:<14} {:<8} {:>5} s", self.name, self.verdict, self.seconds);
        if let Some(reason) = &self.outcome.skipped {
            println!("    {reason}");
        }
        for (name, value) in &self.outcome.figures {
            println!("    {name:<52} {value:>10}");
        }
    }
}
