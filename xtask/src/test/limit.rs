//! Sees to it that `cargo xtask test` ends: what hangs is named and stopped rather than waited for.
//! It does not know what the steps do.

use std::collections::BTreeSet;
use std::io;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::process;
use crate::steps::Told;

/// Until it is dropped, the time counts.
pub struct Limit {
    _ends: Sender<()>,
}

impl Limit {
    /// When `limit` is over, tells how far the steps are and what still runs, stops that, and ends this process as a failure.
    #[expect(clippy::disallowed_methods, reason = "a synchronous tool without a runtime watches its own time")]
    pub fn start(limit: Duration, steps: Told) -> Self {
        let (ends, ended) = mpsc::channel();
        std::thread::spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                end(limit, &steps);
                std::process::exit(1);
            }
        });
        Self { _ends: ends }
    }
}

fn end(limit: Duration, steps: &Told) {
    println!("\n{}", steps.summary());
    eprintln!(
        "\nerror: not done after {} minutes (`--within` gives more); what still ran is stopped:",
        limit.as_secs() / 60
    );
    for started in descendants(std::process::id()).unwrap_or_default() {
        eprintln!("    {}  {}", started.id, started.line);
        process::succeeds(Command::new("kill").args(["-KILL", &started.id.to_string()]));
    }
}

/// A process that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Started {
    id: u32,
    parent: u32,
    line: String,
}

/// What a process has started, and what that has started, in the order of their numbers.
fn descendants(of: u32) -> io::Result<Vec<Started>> {
    let there: Vec<Started> = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| read(&entry.path())).collect();
    let mut ours = BTreeSet::from([of]);
    loop {
        let known = ours.len();
        ours.extend(
            there.iter().filter(|process| ours.contains(&process.parent)).map(|process| process.id).collect::<Vec<_>>(),
        );
        if ours.len() == known {
            break;
        }
    }
    let mut found: Vec<Started> =
        there.into_iter().filter(|process| process.id != of && ours.contains(&process.id)).collect();
    found.sort_by_key(|process| process.id);
    Ok(found)
}

/// None for what is no process, or is gone by now.
fn read(folder: &std::path::Path) -> Option<Started> {
    let id = folder.file_name()?.to_str()?.parse().ok()?;
    // `PID (name) state parent …`, where the name may hold anything.
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    let line = std::fs::read(folder.join("cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ");
    Some(Started { id, parent, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_is_found_with_what_that_started() {
        // The shell tells when it has started the other one.
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 600 & echo; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        io::BufRead::read_line(&mut io::BufReader::new(shell.stdout.as_mut().unwrap()), &mut line).unwrap();
        let found = descendants(std::process::id()).unwrap();
        let child = found.iter().find(|process| process.id == shell.id()).expect("the shell");
        assert_eq!((child.parent, child.line.starts_with("sh -c sleep")), (std::process::id(), true), "{child:?}");
        let grandchild = found.iter().find(|process| process.parent == shell.id()).expect("what it started");
        assert!(grandchild.line.contains("600"), "{grandchild:?}");
        assert!(process::succeeds(Command::new("kill").args(["-KILL", &grandchild.id.to_string()])));
        process::stop_now(&mut shell);
        assert!(descendants(grandchild.id).unwrap().is_empty());
    }
}
