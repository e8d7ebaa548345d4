//! A real Redis for tests: in a folder and on a port of its own, frozen, filled, ended and started again as a test wants.
//! It does not know what is kept in it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::mart::{Process, Signal, eventually};

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends with the test.
#[derive(Debug)]
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    tls: bool,
    process: Option<Process>,
}

impl RedisServer {
    /// One that answers.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with options of its own, such as `--requirepass hush`.
    ///
    /// # Panics
    /// There is no `redis-server` here; `cargo xtask test` installs it.
    pub async fn start_with(options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let folder = tempfile::tempdir().expect("a folder for Redis");
        let mut server = Self { folder, port: free_port(), options, tls: false, process: None };
        server.run().await;
        server
    }

    /// One that speaks TLS only, with a certificate for `localhost` that its own authority signed.
    pub async fn start_encrypted() -> Self {
        let folder = tempfile::tempdir().expect("a folder for Redis");
        make_certificates(folder.path());
        let mut server = Self { folder, port: free_port(), options: Vec::new(), tls: true, process: None };
        server.run().await;
        server
    }

    /// Its process id.
    ///
    /// # Panics
    /// It does not run.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("Redis runs").id()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As settings have it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts it again where it was, empty.
    pub async fn run(&mut self) {
        self.process = None;
        let path = |name: &str| self.folder.path().join(name);
        let port = self.port.to_string();
        let ports =
            if self.tls { ["--port", "0", "--tls-port", &port] } else { ["--port", &port, "--protected-mode", "no"] };
        let mut command = Command::new("redis-server");
        command.args(ports).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "4"]);
        command.arg("--dir").arg(self.folder.path());
        if self.tls {
            command.arg("--tls-cert-file").arg(path("server.pem")).arg("--tls-key-file").arg(path("server.key"));
            command.arg("--tls-ca-cert-file").arg(path("ca.pem")).args(["--tls-auth-clients", "no"]);
        }
        command.args(&self.options);
        self.process = Some(Process::spawn(command, &path("out"), &path("err")));
        let (port, is_plain) = (self.port, !self.tls);
        eventually("Redis answers", PATIENCE, async || {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
            if is_plain {
                stream.write_all(b"PING\r\n").await.ok()?;
                let mut answer = [0; 5];
                // "+PONG", or "-NOAU" where there is a password.
                stream.read_exact(&mut answer).await.ok()?;
            }
            Some(())
        })
        .await;
    }

    /// Ends it as a crash does.
    pub fn end(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// It stands still, and its connections with it.
    pub fn freeze(&self) {
        self.signal(Signal::Stop);
    }

    pub fn thaw(&self) {
        self.signal(Signal::Continue);
    }

    fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("Redis runs").signal(signal);
    }

    /// Asks it something as a person would, and answers with what it said, up to a line or so.
    ///
    /// # Panics
    /// It does not answer.
    pub async fn ask(&self, words: &[&str]) -> String {
        let mut question = format!("*{}\r\n", words.len());
        for word in words {
            question += &format!("${}\r\n{word}\r\n", word.len());
        }
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.expect("Redis is there");
        stream.write_all(question.as_bytes()).await.expect("Redis listens");
        let mut answer = vec![0; 64 * 1024];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
        let length = read.expect("in time").expect("Redis answers");
        answer.truncate(length);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// No room for anything more, or room again.
    pub async fn set_full(&self, is_full: bool) {
        let bytes = if is_full { "1" } else { "0" };
        self.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
        assert_eq!(self.ask(&["CONFIG", "SET", "maxmemory", bytes]).await, "+OK\r\n");
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.expect("a free port").port()
}

/// An authority, and a certificate that it signed.
fn make_certificates(folder: &Path) {
    let run = |line: &str| {
        let mut command = Command::new("sh");
        command.current_dir(folder).args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().is_ok_and(|status| status.success()), "{line}");
    };
    let new = "openssl req -x509 -newkey rsa:2048 -nodes -days 2";
    run(&format!("{new} -keyout ca.key -out ca.pem -subj '/CN=authority of a test'"));
    run("openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    run("echo subjectAltName=DNS:localhost > names && openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key \
         -CAcreateserial -days 2 -extfile names -out server.pem");
}
