//! wrk against an address, and what it says.
//! It does not know what is served there.

use std::path::Path;
use std::process::Command;

use super::run::Run;
use super::{Bench, Error, watched};

const CONNECTIONS: &str = "64";

/// # Errors
/// When wrk fails, or anything was answered but 2xx.
pub fn run(bench: &Bench, url: &str, folder: &Path) -> Result<Run, Error> {
    run_with(bench, &[url], folder)
}

/// As [`run`], asking what a Lua script says.
pub fn run_script(bench: &Bench, url: &str, script: &Path, folder: &Path) -> Result<Run, Error> {
    run_with(bench, &["--script", &script.to_string_lossy(), url], folder)
}

fn run_with(bench: &Bench, arguments: &[&str], folder: &Path) -> Result<Run, Error> {
    let duration = format!("{}s", bench.seconds());
    let mut command = Command::new("wrk");
    command.args(["--threads", "1", "--connections", CONNECTIONS, "--duration", &duration, "--latency"]);
    command.args(arguments);
    let done = watched::run(&mut command, folder)?;
    let mut run = read(&done.said).ok_or(Error::Unreadable { program: "wrk", said: done.said })?;
    run.generator = done.cpu_s / done.took.as_secs_f64();
    Ok(run)
}

fn read(said: &str) -> Option<Run> {
    // Nothing else than figures may be among the answers.
    if said.contains("Non-2xx") || said.contains("Socket errors") {
        return None;
    }
    let after = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let per_second = after("Requests/sec:")?.parse().ok()?;
    Some(Run { per_second, p99_ms: ms(after("99%")?)?, ..Run::default() })
}

/// From `870.00us`, `5.78ms` or `1.20s`.
fn ms(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("m", 60_000.0), ("s", 1_000.0)];
    let (number, each) = units.iter().find_map(|(unit, each)| Some((text.strip_suffix(unit)?, each)))?;
    Some(number.parse::<f64>().ok()? * each)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 1s test @ http://127.0.0.1:18431/api/products/tea
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     5.78ms   11.04ms  79.46ms   90.70%
    Req/Sec     1.79k     1.08k    4.05k    60.00%
  Latency Distribution
     50%  870.00us
     75%    4.33ms
     90%   15.90ms
     99%    1.20s
  1786 requests in 1.01s, 3.79MB read
Requests/sec:   1763.85
Transfer/sec:      3.74MB
";

    #[test]
    fn what_wrk_says_is_read() {
        let run = read(SAID).unwrap();
        assert_eq!((run.per_second, run.p99_ms), (1_763.85, 1_200.0));
        assert_eq!(
            (ms("870.00us"), ms("5.78ms"), ms("2.00m"), ms("soon")),
            (Some(0.87), Some(5.78), Some(120_000.0), None)
        );
    }

    #[test]
    fn a_run_with_other_answers_is_no_figure() {
        assert_eq!(read(&format!("{SAID}  Non-2xx or 3xx responses: 3\n")), None);
        assert_eq!(read(&format!("{SAID}  Socket errors: connect 0, read 1, write 0, timeout 0\n")), None);
        assert_eq!(read("unable to connect to 127.0.0.1:1 Connection refused"), None);
    }
}
