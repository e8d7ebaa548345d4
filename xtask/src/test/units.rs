//! Runs `cargo test` and adds up what its many test binaries say. It does not know the tests.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::process::{self, cargo};
use crate::workspace::Workspace;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start cargo test: {0}")]
    Start(io::Error),
    #[error("lost the output of cargo test: {0}")]
    Output(io::Error),
    #[error("{failed} of the tests failed; each is named above, run one with `cargo test NAME`")]
    Failed { failed: u64 },
    #[error("`cargo test` did not build or did not end well; its own words are above")]
    Broken,
    #[error("cargo test ran no test at all")]
    Nothing,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Every test of the workspace, but for those that need a browser.
pub fn run(workspace: &Workspace, counts: &mut Option<Counts>) -> Result<(), Error> {
    run_tests(cargo(&workspace.root, &["test", "--workspace", "--locked", "--no-fail-fast"]), counts)
}

/// Adds to `counts` even when tests fail, so that the sum can be told at the very end.
pub fn run_tests(mut command: Command, counts: &mut Option<Counts>) -> Result<(), Error> {
    println!("    $ {}", process::line_of(&command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(Error::Start)?;
    let copied = match child.stdout.take() {
        Some(output) => copy_and_count(BufReader::new(output), io::stdout().lock()),
        None => Ok(Counts::default()),
    };
    if copied.is_err() {
        process::stop_now(&mut child);
    }
    let sum = copied.map_err(Error::Output)?;
    counts.get_or_insert_default().add(sum);
    let status = child.wait().map_err(Error::Output)?;
    verdict(sum, status.success())
}

fn verdict(sum: Counts, ended_well: bool) -> Result<(), Error> {
    match sum {
        Counts { failed: 1.., .. } => Err(Error::Failed { failed: sum.failed }),
        _ if !ended_well => Err(Error::Broken),
        Counts { passed: 0, .. } => Err(Error::Nothing),
        _ => Ok(()),
    }
}

/// Passes every line on as it comes. Tests may print anything, so lines are bytes.
fn copy_and_count(mut from: impl BufRead, mut to: impl Write) -> io::Result<Counts> {
    let mut sum = Counts::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        if let Some(counts) = parse(&String::from_utf8_lossy(&line)) {
            sum.add(counts);
        }
        line.clear();
    }
    Ok(sum)
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
fn parse(line: &str) -> Option<Counts> {
    let (_verdict, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in numbers.split("; ") {
        let Some((number, what)) = part.trim().split_once(' ') else {
            continue;
        };
        match what {
            "passed" => counts.passed = number.parse().ok()?,
            "failed" => counts.failed = number.parse().ok()?,
            "ignored" => counts.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 2 tests\ntest a ... ok\n\n\
        test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
        test result: FAILED. 4 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";

    #[test]
    fn the_results_of_all_binaries_are_added_up() {
        let mut shown = Vec::new();
        let sum = copy_and_count(OUTPUT.as_bytes(), &mut shown).unwrap();
        assert_eq!(sum.to_string(), "6 passed, 3 failed, 1 skipped");
        assert_eq!(shown, OUTPUT.as_bytes());
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(parse("test result of mine: ok"), None);
        assert_eq!(parse("test a ... ok"), None);
    }

    #[test]
    fn failures_a_broken_build_and_no_tests_are_told_apart() {
        let sum = |passed, failed| Counts { passed, failed, skipped: 0 };
        assert!(matches!(verdict(sum(4, 1), false), Err(Error::Failed { failed: 1 })));
        assert!(matches!(verdict(sum(4, 0), false), Err(Error::Broken)));
        assert!(matches!(verdict(sum(0, 0), true), Err(Error::Nothing)));
        assert!(verdict(sum(4, 0), true).is_ok());
    }
}
