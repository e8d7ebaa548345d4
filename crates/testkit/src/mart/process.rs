//! Another program, started with its output in files and always ended by its process id, at the latest with this process.
//! It does not know that it is a mart.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::{POLL, guard};

#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// What a service manager sends.
    Terminate,
    /// What Ctrl-C sends.
    Interrupt,
    /// What nobody can refuse.
    Kill,
    /// Stands still until it is told to go on.
    Stop,
    Continue,
}

/// A program that runs.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// It was waited for.
    is_over: bool,
}

impl Process {
    /// # Panics
    /// It cannot be started.
    pub fn spawn(mut command: Command, out: &Path, err: &Path) -> Self {
        let create = |path: &Path| File::create(path).expect("a file for the program's output");
        let child = command.stdin(Stdio::null()).stdout(create(out)).stderr(create(err)).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {}: {error}", command.get_program().display()));
        guard::begun(child.id());
        Self { child, is_over: false }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("the program can be followed");
        self.is_over_now(status.is_some());
        status
    }

    fn is_over_now(&mut self, is_over: bool) {
        if is_over && !self.is_over {
            self.is_over = true;
            guard::ended(self.child.id());
        }
    }

    /// `None`: it is still running, and is killed.
    pub(crate) async fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The standard library sends no signal but one, and the shell's own `kill` is everywhere.
    pub fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Terminate => "-TERM",
            Signal::Interrupt => "-INT",
            Signal::Kill => "-KILL",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        };
        let id = self.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill \"$0\" \"$1\"", name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name} to {id}");
    }

    /// Ends it now.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself meanwhile.
        self.child.kill().ok();
        let waited = self.child.wait();
        self.is_over_now(waited.is_ok());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Output {
    /// Both outputs.
    pub fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n{}\n{}", self.status, self.out, self.err)
    }
}

/// A program that runs beside the test until somebody waits for what it said.
#[derive(Debug)]
pub struct Running {
    process: Process,
    folder: TempDir,
}

impl Running {
    pub(super) fn begin(command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the program's output");
        let process = Process::spawn(command, &folder.path().join("out"), &folder.path().join("err"));
        Self { process, folder }
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// What it has said so far on its error output.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("err")).unwrap_or_default()).into_owned()
    }

    /// # Panics
    /// When it is not done within the limit; it is killed then.
    pub async fn to_its_end(mut self, limit: Duration) -> Output {
        let status = self.process.wait(limit).await;
        let read = |name| {
            String::from_utf8_lossy(&std::fs::read(self.folder.path().join(name)).unwrap_or_default()).into_owned()
        };
        let (out, err) = (read("out"), read("err"));
        match status {
            Some(status) => Output { status, out, err },
            None => panic!("still running after {limit:?}: {out}\n{err}"),
        }
    }
}

/// Runs a program to its end while everything else on this runtime goes on.
///
/// # Panics
/// When it is not done within the limit; it is killed then.
pub async fn run_to_its_end(command: Command, limit: Duration) -> Output {
    Running::begin(command).to_its_end(limit).await
}
