//! What came of an import, as people read it.
//! It does not know how it came about.

use std::fmt;

use contracts::transfer::{Operation, OperationState, RowProblem, Severity};

use crate::numbers::grouped;

/// Problems that are printed; the API tells more.
const PROBLEMS_SHOWN: usize = 50;

/// Counts first, then what was wrong.
pub struct Report<'a>(pub &'a Operation);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.0;
        let counts = operation.products;
        match operation.state {
            OperationState::Failed => {
                writeln!(f, "The import could not go on: {}", operation.failure.as_deref().unwrap_or_default())?;
            }
            OperationState::Interrupted => {
                writeln!(f, "The import was interrupted; the same again goes on where it was.")?;
            }
            _ if operation.dry_run => writeln!(f, "A dry run: nothing was changed. This is what would come of it.")?,
            _ => writeln!(f, "The import is done.")?,
        }
        for (count, what) in [
            (operation.rows, "rows"),
            (counts.created, "products created"),
            (counts.updated, "products updated"),
            (counts.unchanged, "products unchanged"),
            (counts.failed, "products not taken"),
            (operation.errors, "bad rows"),
            (operation.warnings, "warnings"),
        ] {
            writeln!(f, "  {:>11}  {what}", grouped(count))?;
        }
        let pictures = operation.pictures;
        if pictures.fetched + pictures.failed > 0 {
            writeln!(f, "  {:>11}  pictures fetched, {} failed", grouped(pictures.fetched), grouped(pictures.failed))?;
        }
        if !operation.categories_created.is_empty() {
            writeln!(f, "Categories that were missing: {}", operation.categories_created.join(", "))?;
        }
        if !operation.ignored_columns.is_empty() {
            writeln!(f, "Passed over: {}", operation.ignored_columns.join(", "))?;
        }
        for problem in operation.problems.iter().take(PROBLEMS_SHOWN) {
            write_problem(f, problem)?;
        }
        let told = operation.problems.len().min(PROBLEMS_SHOWN) as u64;
        let all = operation.errors + operation.warnings;
        if all > told {
            writeln!(f, "… and {} more.", grouped(all - told))?;
        }
        Ok(())
    }
}

fn write_problem(f: &mut fmt::Formatter<'_>, problem: &RowProblem) -> fmt::Result {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    write!(f, "line {}: {severity}: ", problem.line)?;
    if let Some(column) = &problem.column {
        write!(f, "{column}: ")?;
    }
    write!(f, "{}", problem.message)?;
    match &problem.value {
        Some(value) => writeln!(f, " ({})", value.escape_debug()),
        None => writeln!(f),
    }
}
