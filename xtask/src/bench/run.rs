//! What one run of a load came to, whoever made it, and the medians of several.
//! It does not run anything.

use super::median;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Run {
    pub per_second: f64,
    pub p99_ms: f64,
    /// Processors that the generator kept busy; zero where nobody looked.
    pub generator: f64,
}

/// The median of each figure, which need not be of the same run.
///
/// # Panics
/// When there are no runs.
pub fn medians(runs: &[Run]) -> Run {
    let of = |value: fn(&Run) -> f64| median(runs.iter().map(value));
    Run { per_second: of(|run| run.per_second), p99_ms: of(|run| run.p99_ms), generator: of(|run| run.generator) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median() {
        let run = |per_second, p99_ms| Run { per_second, p99_ms, generator: 0.5 };
        assert_eq!(medians(&[run(3.0, 9.0), run(1.0, 7.0), run(2.0, 8.0)]), run(2.0, 8.0));
        assert_eq!(medians(&[run(3.0, 7.0), run(1.0, 8.0), run(2.0, 9.0)]), run(2.0, 8.0));
    }
}
