//! Runs a program to its end and tells what it printed, how long it took and what it used of the machine.
//! It does not know what the program is for. What it used is read from `/proc` shortly before it ends.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Error, io};
use crate::process;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Linux tells processor time in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;

/// What came of it.
#[derive(Debug)]
pub struct Done {
    pub said: String,
    pub took: Duration,
    /// Processor seconds.
    pub cpu_s: f64,
    pub peak_bytes: u64,
}

/// Memory of a process: resident, and with what it shares counted by halves.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub rss_bytes: u64,
    pub pss_bytes: u64,
}

/// Runs it; what it says goes into files in `folder`.
///
/// # Errors
/// When it cannot be started or does not succeed; then with all that it said.
#[expect(clippy::disallowed_methods, reason = "a synchronous tool waits for other programs")]
pub fn run(command: &mut Command, folder: &Path) -> Result<Done, Error> {
    let line = process::line_of(command);
    let [out, errors] = ["said", "said.errors"].map(|name| folder.join(name));
    let file = |path: &Path| File::create(path).map_err(io("cannot keep a program's output"));
    command.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&errors)?);
    let read = |path: &Path| fs::read_to_string(path).map_err(io("cannot read a program's output"));
    let began = Instant::now();
    let child = command.spawn();
    let mut child = child.map_err(|source| process::Error::Start { line: line.clone(), source })?;
    let (mut cpu_s, mut peak_bytes) = (0.0, 0);
    let status = loop {
        match child.try_wait().map_err(io(format!("lost track of `{line}`")))? {
            Some(status) => break status,
            None => {
                cpu_s = cpu_of(child.id()).unwrap_or(cpu_s);
                peak_bytes = peak_of(child.id()).unwrap_or(peak_bytes);
                std::thread::sleep(LOOK_EVERY);
            }
        }
    };
    let took = began.elapsed();
    let said = read(&out)?;
    if !status.success() {
        return Err(Error::Failed { program: line, status, said: said + &read(&errors)? });
    }
    Ok(Done { said, took, cpu_s, peak_bytes })
}

fn cpu_of(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_S)
}

fn peak_of(process: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmHWM:")
}

pub fn memory_of(process: u32) -> Result<Memory, Error> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(io(format!("cannot read {path}")))?;
    let read = |name| kilobytes(&text, name);
    match (read("Rss:"), read("Pss:")) {
        (Some(rss_bytes), Some(pss_bytes)) => Ok(Memory { rss_bytes, pss_bytes }),
        _ => Err(Error::Unreadable { program: "smaps_rollup", said: text }),
    }
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let number: u64 =
        text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_and_uses_is_told() {
        let folder = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let done = run(Command::new("sh").args(["-c", "sleep 0.1; echo done"]), &folder).unwrap();
        assert_eq!(done.said, "done\n");
        assert!(done.took >= Duration::from_millis(100) && done.peak_bytes > 0, "{done:?}");
        let error = run(Command::new("sh").args(["-c", "echo what; echo why >&2; exit 3"]), &folder).unwrap_err();
        assert!(error.to_string().ends_with("what\nwhy\n"), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(kilobytes("Name: x\nRss:    2 kB\nPss: 1 kB\n", "Rss:"), Some(2_048));
        assert!(memory_of(std::process::id()).unwrap().rss_bytes > 0);
    }
}
