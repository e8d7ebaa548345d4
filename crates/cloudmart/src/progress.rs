//! Shows how far long work has come, a bar on a terminal, a line every few seconds elsewhere; and in the end what came of it.
//! It does not know what is being done.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use crate::Failure;
use crate::numbers::grouped;

/// How often a line is written where there is no terminal. What is done sooner needs none.
const LINE_EVERY: Duration = Duration::from_secs(3);
/// How often a bar moves though nothing was counted, so that it can be told from one that is stuck.
const TICK: Duration = Duration::from_millis(250);

const COUNTED: &str = "{msg:>12} [{wide_bar}] {pos} of {len}, {eta} left";
/// For work that nobody can count, or not yet.
const UNCOUNTED: &str = "{msg:>12} {spinner} for {elapsed}";

/// Tells what came of it, on standard output. Whoever has read enough of it may close the pipe.
///
/// # Errors
/// When it takes no more: the disk that it goes to may be full.
pub fn say(text: &impl Display) -> Result<(), Failure> {
    let written = write_to(&mut io::stdout(), text);
    written.map_err(|error| Failure::new(format!("standard output cannot be written: {error}")))
}

/// The same, on standard error: what a program that reads the other one is not meant to read.
///
/// # Errors
/// As for [`say`].
pub fn say_aside(text: &impl Display) -> Result<(), Failure> {
    let written = write_to(&mut io::stderr(), text);
    written.map_err(|error| Failure::new(format!("standard error cannot be written: {error}")))
}

fn write_to(out: &mut impl Write, text: &impl Display) -> io::Result<()> {
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// From now on a command says on standard error what its writes wait for, where they wait long; `serve` logs it.
pub fn tell_what_is_waited_for() {
    let filter = EnvFilter::new("off,adapters::postgres::health=info");
    let plain = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let plain = plain.without_time().with_level(false).with_target(false).with_ansi(false);
    // A second one in one process leaves the first one in place.
    let _ = plain.try_init();
}

/// One piece of work, counted in its own units.
pub struct Progress {
    reached: Arc<Reached>,
    shown: Shown,
}

#[derive(Default)]
struct Reached {
    done: AtomicU64,
    /// Zero as long as nobody knows.
    total: AtomicU64,
}

enum Shown {
    Bar(ProgressBar),
    Lines(AbortHandle),
    Nothing,
}

impl Progress {
    /// On standard error. A total of zero: it cannot be counted, or not yet.
    pub fn start(label: &'static str, total: u64) -> Self {
        let reached = Arc::new(Reached { total: total.into(), ..Reached::default() });
        let shown = match tokio::runtime::Handle::try_current() {
            _ if std::io::stderr().is_terminal() => Shown::Bar(bar(label, total)),
            // On another thread than the work's, which may be at it for long without counting.
            Ok(runtime) => Shown::Lines(runtime.spawn(write_lines(label, reached.clone())).abort_handle()),
            Err(_) => Shown::Nothing,
        };
        Self { reached, shown }
    }

    /// For work that nobody watches.
    pub fn silent() -> Self {
        Self { reached: Arc::default(), shown: Shown::Nothing }
    }

    pub fn step(&mut self) {
        self.reach(self.reached.done() + 1, self.reached.total());
    }

    /// Sets how far it has come, and the total, which can become known on the way.
    pub fn reach(&mut self, done: u64, total: u64) {
        let before = self.reached.total.swap(total, Ordering::Relaxed);
        self.reached.done.store(done, Ordering::Relaxed);
        if let Shown::Bar(bar) = &self.shown {
            if (before == 0) != (total == 0) {
                bar.set_style(style(total));
            }
            bar.set_length(total);
            bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match &self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines(writing) => writing.abort(),
            Shown::Nothing => {}
        }
    }
}

impl Reached {
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

async fn write_lines(label: &'static str, reached: Arc<Reached>) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(LINE_EVERY).await;
        // Whoever does not want to read it may close it.
        let _ = writeln!(std::io::stderr(), "{}", line(label, reached.done(), reached.total(), began.elapsed()));
    }
}

fn line(label: &str, done: u64, total: u64, since: Duration) -> String {
    if total == 0 {
        return format!("{label}: for {} s", since.as_secs());
    }
    let told = format!("{label}: {} of {}", grouped(done), grouped(total));
    let left = u128::from(total.saturating_sub(done)) * u128::from(since.as_secs());
    match left.checked_div(done.into()) {
        Some(seconds) if done < total => format!("{told}, about {seconds} s left"),
        _ => told,
    }
}

fn bar(label: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(label).with_style(style(total));
    bar.enable_steady_tick(TICK);
    bar
}

fn style(total: u64) -> ProgressStyle {
    let template = if total == 0 { UNCOUNTED } else { COUNTED };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing.
    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_could_not_be_told_is_an_error_unless_nobody_reads_on() {
        assert!(write_to(&mut Closed(ErrorKind::StorageFull), &"text").is_err());
        assert!(write_to(&mut Closed(ErrorKind::BrokenPipe), &"text").is_ok());
        let mut told = Vec::new();
        write_to(&mut told, &"text").unwrap();
        assert_eq!(told, b"text");
    }

    #[test]
    fn a_line_says_how_far_it_is() {
        let told = |done, total, seconds| line("copied", done, total, Duration::from_secs(seconds));
        assert_eq!(told(0, 0, 6), "copied: for 6 s");
        assert_eq!(told(0, 9_000, 3), "copied: 0 of 9,000");
        assert_eq!(told(3_000, 9_000, 6), "copied: 3,000 of 9,000, about 12 s left");
        assert_eq!(told(9_000, 9_000, 9), "copied: 9,000 of 9,000");
    }
}
