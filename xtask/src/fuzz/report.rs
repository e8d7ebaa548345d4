//! What libFuzzer prints, as figures and as a table. It starts nothing.

/// What came of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub name: String,
    pub executions: u64,
    pub per_second: u64,
    /// Edges of the program that some input reached.
    pub coverage: u64,
    /// Inputs that each reach something that no other does.
    pub inputs: u64,
    /// Where the input lies that broke it, or what it died of.
    pub finding: Option<String>,
}

/// Lines of a panic that are shown.
const PANIC_LINES: usize = 30;

pub fn read(name: &str, log: &str, ended_well: bool) -> Outcome {
    let last = last_line(log).unwrap_or_default();
    // The last one: before it, inputs are kept that were merely slow, as on a busy machine all are now and then.
    let artifact = log.lines().rev().find_map(|line| line.split_once("Test unit written to "));
    let finding = match (ended_well, artifact) {
        (true, _) => None,
        (false, Some((_, path))) => Some(path.trim().to_owned()),
        (false, None) => Some("it did not end well; see its log".to_owned()),
    };
    Outcome {
        name: name.to_owned(),
        executions: stat(log, "number_of_executed_units").or_else(|| executions(last)).unwrap_or(0),
        per_second: stat(log, "average_exec_per_sec").unwrap_or(0),
        coverage: after(last, "cov: ").unwrap_or(0),
        inputs: after(last, "corp: ").unwrap_or(0),
        finding,
    }
}

/// The last line that tells how far it is: `#1024 NEW cov: 81 ft: 120 corp: 12/340b …`.
pub fn last_line(log: &str) -> Option<&str> {
    log.lines().rev().find(|line| line.starts_with('#') && line.contains("cov: ")).map(str::trim)
}

/// From where a panic begins; the lines of libFuzzer's progress before it say nothing of it.
pub fn panic_in(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
    lines[from.unwrap_or(lines.len())..].iter().take(PANIC_LINES).fold(String::new(), |text, line| {
        let line: String = line.chars().take(400).collect();
        text + "      " + &line + "\n"
    })
}

/// `stat::number_of_executed_units: 1024`
fn stat(log: &str, name: &str) -> Option<u64> {
    log.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

fn executions(line: &str) -> Option<u64> {
    line.strip_prefix('#')?.split_whitespace().next()?.parse().ok()
}

fn after(line: &str, mark: &str) -> Option<u64> {
    let (_, rest) = line.split_once(mark)?;
    let digits = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// One line for each target.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut lines = vec![format!(
        "{:14} {:>12} {:>10} {:>9} {:>7}  finding",
        "target", "executions", "per second", "coverage", "inputs"
    )];
    lines.extend(outcomes.iter().map(|outcome| {
        let Outcome { name, executions, per_second, coverage, inputs, finding } = outcome;
        let finding = finding.as_deref().unwrap_or("none");
        format!("{name:14} {executions:>12} {per_second:>10} {coverage:>9} {inputs:>7}  {finding}")
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "INFO: Seed: 1\n#2\tINITED cov: 71 ft: 72 corp: 1/1b exec/s: 0 rss: 30Mb\n\
        #8000\tDONE   cov: 90 ft: 120 corp: 12/340b lim: 4096 exec/s: 4000 rss: 41Mb\n\
        stat::number_of_executed_units: 8000\nstat::average_exec_per_sec:     4000\n";
    const BAD: &str = "#2\tINITED cov: 71 ft: 72 corp: 1/1b exec/s: 0 rss: 30Mb\n\
        thread '<unnamed>' panicked at crates/x.rs:1:1:\nassertion failed\n==7== ERROR: libFuzzer: deadly signal\n\
        artifact_prefix='fuzz/artifacts/html/'; Test unit written to fuzz/artifacts/html/crash-0a\n";

    #[test]
    fn figures_are_read_from_the_log() {
        let outcome = read("html", GOOD, true);
        assert_eq!((outcome.executions, outcome.per_second, outcome.coverage, outcome.inputs), (8_000, 4_000, 90, 12));
        assert_eq!(outcome.finding, None);
        let slow = format!("Test unit written to fuzz/artifacts/html/slow-unit-0a\n{GOOD}");
        assert_eq!(read("html", &slow, true).finding, None);
        assert!(table(&[outcome]).ends_with("none"));
    }

    #[test]
    fn a_finding_is_told_with_its_input_and_its_panic() {
        let outcome = read("html", BAD, false);
        assert_eq!(outcome.finding.as_deref(), Some("fuzz/artifacts/html/crash-0a"));
        assert_eq!(outcome.executions, 2);
        assert!(panic_in(BAD).starts_with("      thread '<unnamed>' panicked"), "{}", panic_in(BAD));
        assert!(read("html", "", false).finding.is_some(), "what dies without a word is a finding, too");
    }
}
