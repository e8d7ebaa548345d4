//! Says what is being done and how long each step took. It does not know what the steps do.

use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    passed: bool,
}

impl Steps {
    /// Does `work` as the next step, with a line before and after it. What went wrong is the caller's to tell.
    #[expect(clippy::disallowed_methods, reason = "a synchronous tool tells how long its steps take")]
    pub fn run<T, E>(&mut self, name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let number = self.done.len() + 1;
        println!("\n==> {number}. {name}");
        let start = Instant::now();
        let outcome = work();
        let took = start.elapsed();
        let word = if outcome.is_ok() { "done in" } else { "FAILED after" };
        println!("    {word} {}", human(took));
        self.done.push(Step { name: name.to_owned(), took, passed: outcome.is_ok() });
        outcome
    }

    /// One line per step, and the sum.
    pub fn print_summary(&self) {
        println!("\n{}", self.summary());
    }

    fn summary(&self) -> String {
        let mut lines = Vec::new();
        for step in &self.done {
            let word = if step.passed { "ok" } else { "FAILED" };
            lines.push(format!("{:>8}  {word:<6}  {}", human(step.took), step.name));
        }
        let total = self.done.iter().map(|step| step.took).sum();
        lines.push(format!("{:>8}  in all", human(total)));
        lines.join("\n")
    }
}

fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_kept_and_passed_on() {
        let mut steps = Steps::default();
        let fine: Result<u8, String> = steps.run("first", || Ok(7));
        let bad: Result<u8, String> = steps.run("second", || Err("no".to_owned()));
        assert_eq!(fine, Ok(7));
        assert!(bad.is_err());
        let summary = steps.summary();
        assert!(summary.contains("ok      first"), "{summary}");
        assert!(summary.contains("FAILED  second"), "{summary}");
    }

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(human(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(human(Duration::from_secs(125)), "2 m 05 s");
    }
}
