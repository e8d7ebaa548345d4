//! What a doctor tells: what was looked at, what is wrong, and what is worth knowing.
//! It does not look at anything.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many problems of one check are told one by one.
pub const PROBLEMS_TOLD_MAX: usize = 50;

/// One thing that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    pub name: String,
    /// Such as `424 orders, 9,854 lines`.
    pub looked_at: String,
    /// The first few.
    pub problems: Vec<String>,
    /// How many more there are.
    #[serde(default)]
    pub untold: u64,
}

impl Check {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub fn of(name: impl Into<String>, looked_at: impl Into<String>, problems: Vec<String>) -> Self {
        let mut check = Self { looked_at: looked_at.into(), ..Self::new(name) };
        problems.into_iter().for_each(|problem| check.tell(problem));
        check
    }

    pub fn tell(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_TOLD_MAX {
            self.problems.push(problem);
        } else {
            self.untold += 1;
        }
    }

    pub fn tell_all(&mut self, problems: impl IntoIterator<Item = String>) {
        problems.into_iter().for_each(|problem| self.tell(problem));
    }

    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }
}

/// All that a doctor found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    pub checks: Vec<Check>,
    /// Worth knowing, and nothing wrong.
    pub notes: Vec<String>,
}

impl Findings {
    pub fn is_well(&self) -> bool {
        self.checks.iter().all(Check::is_well)
    }

    pub fn problems(&self) -> u64 {
        self.checks.iter().map(|check| check.problems.len() as u64 + check.untold).sum()
    }

    /// What a program that only looks at the exit code is told.
    pub fn exit_code(&self) -> ExitCode {
        if self.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        for check in &self.checks {
            let mark = if check.is_well() { "ok" } else { "!!" };
            writeln!(f, "  {mark}  {:<width$}  {}", check.name, check.looked_at)?;
            for problem in &check.problems {
                writeln!(f, "        {problem}")?;
            }
            if check.untold > 0 {
                writeln!(f, "        and {} more", check.untold)?;
            }
        }
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        writeln!(f)?;
        match self.problems() {
            0 => writeln!(f, "all is well"),
            1 => writeln!(f, "1 problem"),
            count => writeln!(f, "{count} problems"),
        }
    }
}

/// `1 order`, `424 orders`.
pub fn count(number: impl TryInto<u64>, singular: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let text = match singular.strip_suffix("ry") {
        _ if number == 1 => singular.to_owned(),
        Some(stem) => format!("{stem}ries"),
        None => format!("{singular}s"),
    };
    format!("{} {text}", crate::numbers::grouped(number))
}

/// `1 order was`, `424 orders were`.
pub fn were(number: u64, singular: &str) -> String {
    format!("{} {}", count(number, singular), if number == 1 { "was" } else { "were" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_problems_are_counted_not_told() {
        let problems = (0..PROBLEMS_TOLD_MAX + 3).map(|n| format!("problem {n}")).collect();
        let check = Check::of("stock", "2 SKUs", problems);
        let findings = Findings { checks: vec![Check::of("log", "", Vec::new()), check], notes: vec!["a note".into()] };
        assert!(!findings.is_well());
        assert_eq!(findings.problems(), PROBLEMS_TOLD_MAX as u64 + 3);
        let text = findings.to_string();
        assert!(text.contains("and 3 more") && text.ends_with("53 problems\n"), "{text}");
    }

    #[test]
    fn what_is_well_says_so() {
        let findings = Findings { checks: vec![Check::of("log", count(1_234_u64, "fact"), Vec::new())], notes: vec![] };
        assert_eq!(findings.to_string(), "  ok  log  1,234 facts\n\nall is well\n");
        assert_eq!((count(1_u64, "key"), count(2_u64, "key")), ("1 key".into(), "2 keys".into()));
        assert_eq!((were(1, "key"), were(0, "key")), ("1 key was".into(), "0 keys were".into()));
    }
}
