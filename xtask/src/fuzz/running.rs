//! One fuzz target that runs: its program, its folders, its log. It does not know the others.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Error;
use super::report::{self, Outcome};

/// An input that takes longer is a finding.
const INPUT_LIMIT_S: u64 = 30;
const MEMORY_LIMIT_MB: u64 = 3_072;
const INPUT_BYTES_MAX: u64 = 16 * 1024;

pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    artifacts: PathBuf,
    ended: bool,
}

impl Running {
    pub fn start(name: &str, programs: &Path, folder: &Path, logs: &Path, time: Duration) -> Result<Self, Error> {
        let (corpus, artifacts) = (folder.join("corpus").join(name), folder.join("artifacts").join(name));
        for made in [&corpus, &artifacts] {
            fs::create_dir_all(made).map_err(|source| told(made, source))?;
        }
        let log = logs.join(format!("{name}.log"));
        let output = File::create(&log).map_err(|source| told(&log, source))?;
        let errors = output.try_clone().map_err(|source| told(&log, source))?;
        let program = programs.join(name);
        let mut command = Command::new(&program);
        command.arg(&corpus).arg(folder.join("seeds").join(name));
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg(format!("-max_total_time={}", time.as_secs()));
        command.arg(format!("-timeout={INPUT_LIMIT_S}"));
        command.arg(format!("-rss_limit_mb={MEMORY_LIMIT_MB}"));
        command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command.args(["-use_value_profile=1", "-print_final_stats=1"]);
        let dictionary = folder.join("dictionaries").join(format!("{name}.txt"));
        if dictionary.is_file() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.map_err(|source| told(&program, source))?;
        Ok(Self { name: name.to_owned(), child, log, artifacts, ended: false })
    }

    /// Asked again and again; once it has ended it stays so.
    pub fn has_ended(&mut self) -> bool {
        self.ended |= !matches!(self.child.try_wait(), Ok(None));
        self.ended
    }

    /// How far it is, for people.
    pub fn line(&self) -> String {
        let log = self.log_text().unwrap_or_default();
        format!("{:14} {}", self.name, report::last_line(&log).unwrap_or("begins"))
    }

    pub fn outcome(mut self) -> Result<Outcome, Error> {
        let status = self.child.wait().map_err(|source| told(&self.log, source))?;
        let log = self.log_text().map_err(|source| told(&self.log, source))?;
        let outcome = report::read(&self.name, &log, status.success());
        if outcome.finding.is_some() {
            println!("{}\n    the whole log: {}", report::panic_in(&log), self.log.display());
            println!("    inputs: {}", self.artifacts.display());
        }
        Ok(outcome)
    }

    /// Inputs are bytes, and a panic may show them.
    fn log_text(&self) -> io::Result<String> {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn told(path: &Path, source: io::Error) -> Error {
    Error::Io { what: path.display().to_string(), source }
}
