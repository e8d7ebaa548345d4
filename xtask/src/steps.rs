//! Says what is being done and how long each step took. It does not know what the steps do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Steps {
    told: Told,
}

/// How far the steps are, for whoever watches them.
#[derive(Debug, Default, Clone)]
pub struct Told(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    done: Vec<Step>,
    running: Option<(String, Instant)>,
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
        let start = Instant::now();
        let number = self.told.begin(name, start);
        println!("\n==> {number}. {name}");
        let outcome = work();
        let took = start.elapsed();
        let word = if outcome.is_ok() { "done in" } else { "FAILED after" };
        println!("    {word} {}", human(took));
        self.told.end(Step { name: name.to_owned(), took, passed: outcome.is_ok() });
        outcome
    }

    pub fn told(&self) -> Told {
        self.told.clone()
    }

    /// One line per step, and the sum.
    pub fn print_summary(&self) {
        println!("\n{}", self.told.summary());
    }
}

impl Told {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, name: &str, at: Instant) -> usize {
        let mut progress = self.progress();
        progress.running = Some((name.to_owned(), at));
        progress.done.len() + 1
    }

    fn end(&self, step: Step) {
        let mut progress = self.progress();
        progress.running = None;
        progress.done.push(step);
    }

    /// One line per step, the one that runs among them, and the sum.
    pub fn summary(&self) -> String {
        let progress = self.progress();
        let mut lines = Vec::new();
        let mut total = Duration::ZERO;
        let mut line = |took: Duration, word: &str, name: &str| {
            total += took;
            lines.push(format!("{:>8}  {word:<6}  {name}", human(took)));
        };
        for step in &progress.done {
            line(step.took, if step.passed { "ok" } else { "FAILED" }, &step.name);
        }
        if let Some((name, since)) = &progress.running {
            line(since.elapsed(), "runs", name);
        }
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
        let summary = steps.told().summary();
        assert!(summary.contains("ok      first"), "{summary}");
        assert!(summary.contains("FAILED  second"), "{summary}");
        let watched = steps.told();
        let during: Result<String, String> = steps.run("third", || Ok(watched.summary()));
        assert!(during.as_ref().is_ok_and(|during| during.contains("runs    third")), "{during:?}");
    }

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(human(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(human(Duration::from_secs(125)), "2 m 05 s");
    }
}
