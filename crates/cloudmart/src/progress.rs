//! Shows how far long work has come, a bar on a terminal, a line now and then elsewhere; and in the end what came of it.
//! It does not know what is being done.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// Lines between start and end where there is no terminal.
const LINES: u64 = 10;

/// Tells what came of it, on standard output. Whoever has read enough of it may close the pipe.
pub fn say(text: &impl Display) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// One piece of work, counted in its own units.
pub struct Progress {
    label: &'static str,
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// On standard error.
    pub fn start(label: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(label, total));
        Self { label, total, done: 0, bar }
    }

    /// For work that nobody watches.
    pub fn silent() -> Self {
        Self { label: "", total: 0, done: 0, bar: None }
    }

    pub fn step(&mut self) {
        self.reach(self.done + 1, self.total);
    }

    /// Sets how far it has come, and the total, which can become known on the way.
    pub fn reach(&mut self, done: u64, total: u64) {
        let before = self.tenths();
        (self.done, self.total) = (done, total);
        match &self.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            None if !self.label.is_empty() && self.tenths() > before => {
                eprintln!("{}: {done} of {total}", self.label);
            }
            None => {}
        }
    }

    fn tenths(&self) -> u64 {
        (self.done * LINES).checked_div(self.total).unwrap_or(0)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(label: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} [{wide_bar}] {pos} of {len}, {eta} left");
    let bar = ProgressBar::new(total).with_message(label);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}
