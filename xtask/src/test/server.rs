//! A CloudMart that runs beside the tests: started, waited for, stopped by its process id and never left behind.
//! It does not know what is asked of the shop.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use crate::process;

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// For one readiness question, so that a server that accepts and then hangs cannot stall the wait.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT_BYTES: u64 = 64 * 1024;
const LOG_LINES_SHOWN: usize = 40;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot prepare {what}: {source}")]
    Prepare { what: String, source: io::Error },
    #[error("cloudmart ended before it was ready ({status}); {log}")]
    EndedEarly { status: ExitStatus, log: Log },
    #[error(
        "cloudmart did not answer 200 on /health/ready within {} s (last: {last}); {log}",
        START_LIMIT.as_secs()
    )]
    NotReady { last: String, log: Log },
    #[error("cloudmart did not end within {} s of SIGTERM and was killed; {log}", STOP_LIMIT.as_secs())]
    WouldNotStop { log: Log },
    #[error("cloudmart should exit with 0 on SIGTERM and ended with {status}; {log}")]
    StoppedBadly { status: ExitStatus, log: Log },
    #[error("cannot follow the process of cloudmart: {0}")]
    Lost(io::Error),
}

/// Where the server writes; shown by its last lines.
#[derive(Debug, Clone)]
pub struct Log(PathBuf);

#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Log,
}

impl Server {
    /// Starts the binary with everything it keeps under `folder`, and waits until it is ready.
    pub fn start(binary: &Path, folder: &Path, admin_token: &str) -> Result<Self, Error> {
        let mut server = Self::spawn(binary, folder, admin_token, &[])?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Starts it and does not wait.
    pub fn spawn(binary: &Path, folder: &Path, admin_token: &str, arguments: &[&str]) -> Result<Self, Error> {
        let prepare = |what: &str| {
            let what = what.to_owned();
            move |source| Error::Prepare { what, source }
        };
        let address = free_address().map_err(prepare("a free port"))?;
        let log = Log(folder.join("server.log"));
        let output = File::create(&log.0).map_err(prepare("the server's log file"))?;
        let errors = output.try_clone().map_err(prepare("the server's log file"))?;
        let child = Command::new(binary)
            .arg("serve")
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--listen")
            .arg(address.to_string())
            .args(arguments)
            .env("CLOUDMART_ADMIN_TOKEN", admin_token)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(prepare(&format!("{}", binary.display())))?;
        println!("    cloudmart is process {}, at http://{address}", child.id());
        Ok(Self { child, address, log })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn wait_until_ready(&mut self) -> Result<(), Error> {
        let mut last = "no answer yet".to_owned();
        let mut ended = None;
        process::wait_until(START_LIMIT, || {
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => ended = Some(Ok(status)),
                Err(error) => ended = Some(Err(error)),
            }
            if ended.is_some() {
                return true;
            }
            match status_of(self.address, "/health/ready") {
                Ok(200) => {
                    last.clear();
                    return true;
                }
                Ok(status) => last = format!("status {status}"),
                Err(error) => last = error.to_string(),
            }
            false
        });
        let log = self.log.clone();
        match ended {
            Some(Ok(status)) => Err(Error::EndedEarly { status, log }),
            Some(Err(error)) => Err(Error::Lost(error)),
            None if last.is_empty() => Ok(()),
            None => Err(Error::NotReady { last, log }),
        }
    }

    /// Asks it to end as an operator would, and demands that it ends well.
    pub fn stop(mut self) -> Result<(), Error> {
        // The standard library sends no signals, and the shell's own kill is everywhere.
        let id = self.child.id().to_string();
        process::succeeds(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]));
        let log = self.log.clone();
        match process::exit_within(&mut self.child, STOP_LIMIT) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(Error::StoppedBadly { status, log }),
            Ok(None) => Err(Error::WouldNotStop { log }),
            Err(error) => Err(Error::Lost(error)),
        }
    }

    pub fn log(&self) -> &Log {
        &self.log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::stop_now(&mut self.child);
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::fs::read(&self.0).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        write!(f, "its log ({}) ends with:", self.0.display())?;
        for line in last_lines(&text, LOG_LINES_SHOWN) {
            write!(f, "\n    | {line}")?;
        }
        Ok(())
    }
}

fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

/// A port that nobody listens on. Another program could take it before the server does; then the start says so.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The status that a GET is answered with.
fn status_of(address: SocketAddr, path: &str) -> io::Result<u16> {
    let mut connection = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    connection.set_read_timeout(Some(ANSWER_LIMIT))?;
    connection.set_write_timeout(Some(ANSWER_LIMIT))?;
    let question = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(question.as_bytes())?;
    // Read to its end: who closes before that leaves an error in the server's log.
    let mut answer = Vec::new();
    connection.take(ANSWER_LIMIT_BYTES).read_to_end(&mut answer)?;
    status_in(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
}

/// From `HTTP/1.1 200 OK`.
fn status_in(answer: &[u8]) -> Option<u16> {
    let start = std::str::from_utf8(answer.get(..12)?).ok()?;
    start.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()
}

#[cfg(test)]
mod tests;
