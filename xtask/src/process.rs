//! Starting other programs and saying clearly what went wrong. It does not know what the programs are for.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(50);

/// `cargo run` sets these for xtask. Handed on to an inner cargo they would make build scripts that watch them run again.
const SET_BY_CARGO_RUN: &[&str] = &[
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start `{line}`: {source}; is it installed and on PATH?")]
    Start { line: String, source: std::io::Error },
    #[error("lost track of `{line}`: {source}")]
    Lost { line: String, source: std::io::Error },
    #[error("{program} failed ({status}); its own words are above")]
    Failed { program: String, status: ExitStatus },
    #[error("{program} was not done after {limit_s} s and was stopped")]
    TooSlow { program: String, limit_s: u64 },
}

/// A cargo that runs in the workspace's root.
pub fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root);
    for name in SET_BY_CARGO_RUN {
        command.env_remove(name);
    }
    command
}

/// Runs to the end, its output shown; anything but success is an error.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let line = line_of(command);
    println!("    $ {line}");
    let status = command.status().map_err(|source| Error::Start { line: line.clone(), source })?;
    demand_success(command, status)
}

/// As `run`, but stopped when it takes longer than `limit`.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<(), Error> {
    let line = line_of(command);
    println!("    $ {line}");
    let mut child = command.spawn().map_err(|source| Error::Start { line: line.clone(), source })?;
    match exit_within(&mut child, limit) {
        Ok(Some(status)) => demand_success(command, status),
        Ok(None) => {
            stop_now(&mut child);
            Err(Error::TooSlow { program: name_of(command), limit_s: limit.as_secs() })
        }
        Err(source) => {
            stop_now(&mut child);
            Err(Error::Lost { line, source })
        }
    }
}

/// Whether it can be started and succeeds; its output is not shown.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The exit status, or none when it still runs after `limit`.
pub fn exit_within(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let mut status = None;
    let mut failure = None;
    wait_until(limit, || match child.try_wait() {
        Ok(found) => {
            status = found;
            found.is_some()
        }
        Err(error) => {
            failure = Some(error);
            true
        }
    });
    failure.map_or(Ok(status), Err)
}

/// Asks `condition` until it holds or `limit` has passed; says whether it held.
#[expect(clippy::disallowed_methods, reason = "a synchronous tool without a runtime waits for other programs")]
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Kills the process at once and waits for it, so that nothing is left behind.
pub fn stop_now(child: &mut Child) {
    // Both fail only for a process that has already ended, which is what we want.
    let _ = child.kill();
    let _ = child.wait();
}

/// The command as one would type it.
pub fn line_of(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn demand_success(command: &Command, status: ExitStatus) -> Result<(), Error> {
    if status.success() { Ok(()) } else { Err(Error::Failed { program: name_of(command), status }) }
}

/// Enough to know it by where the whole line was shown before: `cargo clippy`, `schemathesis run`.
fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let first = command.get_args().next().unwrap_or_default().to_string_lossy();
    let verb = if first.starts_with(|c: char| c.is_ascii_alphabetic()) { &*first } else { "" };
    format!("{} {verb}", program.to_string_lossy()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("curl");
        command.args(["-H", "Accept: it's"]);
        assert_eq!(line_of(&command), r"curl -H 'Accept: it'\''s'");
    }

    #[test]
    fn a_missing_program_says_so() {
        let error = run(&mut Command::new("no-such-program-at-all")).unwrap_err();
        assert!(error.to_string().contains("is it installed"), "{error}");
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert!(error.to_string().starts_with("false failed"), "{error}");
    }

    #[test]
    fn what_takes_too_long_is_stopped() {
        let error = run_within(Command::new("sleep").arg("60"), Duration::ZERO).unwrap_err();
        assert!(matches!(error, Error::TooSlow { .. }), "{error}");
    }

    #[test]
    fn a_wait_ends_with_its_condition() {
        let mut looks = 0;
        let held = wait_until(Duration::from_secs(10), || {
            looks += 1;
            looks == 2
        });
        assert!(held);
        assert_eq!(looks, 2);
    }

    #[test]
    fn a_wait_ends_with_its_limit() {
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
