//! The drill's figures: a table for people, `figures.json` for programs.
//! It does not run anything.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use testkit::drill::Outcome;

use crate::Wanted;

/// The file of figures.
const FILE: &str = "figures.json";

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
        let file = wanted.folder.join(FILE);
        let text = serde_json::to_string_pretty(self).expect("figures are JSON");
        if let Err(error) = std::fs::write(&file, text) {
            eprintln!("cannot write {}: {error}", file.display());
            return ExitCode::FAILURE;
        }
        println!("\n  {} has the figures; seed {}", file.display(), self.seed);
        let is_fine = self.scenarios.iter().all(|scenario| scenario.verdict != "FAILED");
        if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
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
