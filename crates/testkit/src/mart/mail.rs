//! A real SMTP server for a mart to send to: aiosmtpd, started, stopped and started again on the same port.
//! It does not know what a mail says.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::process::Process;
use super::{eventually, free_address};

/// Debian's own Python has the package; `cargo xtask test` installs it.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];
const SERVER: &str = include_str!("../../smtp_server.py");
const START_LIMIT: Duration = Duration::from_secs(20);

/// How the server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Plainly,
    StartTls,
    Tls,
}

/// A mail server and what it took.
#[derive(Debug)]
pub struct MailServer {
    folder: TempDir,
    port: u16,
    speaks: Speaks,
    /// Who may sign in.
    user: Option<(String, String)>,
    process: Option<Process>,
}

impl MailServer {
    pub async fn start(speaks: Speaks, user: Option<(&str, &str)>) -> Self {
        let mut server = Self::stopped(speaks, user);
        server.restart().await;
        server
    }

    /// A server that has its port, and does not listen on it yet.
    pub fn stopped(speaks: Speaks, user: Option<(&str, &str)>) -> Self {
        let folder = tempfile::Builder::new().prefix("smtp-").tempdir().expect("a folder for a mail server");
        std::fs::write(folder.path().join("server.py"), SERVER).expect("its program");
        std::fs::create_dir(folder.path().join("mails")).expect("a folder for mails");
        let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
        let server = Self { folder, port: free_address().port(), speaks, user, process: None };
        if speaks != Speaks::Plainly {
            server.certify();
        }
        server
    }

    /// A certificate of its own, for `localhost`.
    fn certify(&self) {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]).arg(self.key());
        let made = command.arg("-out").arg(self.authority()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(made.is_ok_and(|status| status.success()), "openssl is missing; `cargo xtask test` installs it");
    }

    /// Who vouches for it: itself.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub async fn restart(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(python());
        command.arg(path("server.py")).arg("--port").arg(self.port.to_string());
        command.arg("--folder").arg(path("mails"));
        let tls = match self.speaks {
            Speaks::Plainly => "none",
            Speaks::StartTls => "starttls",
            Speaks::Tls => "implicit",
        };
        command.args(["--tls", tls]).arg("--cert").arg(self.authority()).arg("--key").arg(self.key());
        if let Some((user, password)) = &self.user {
            command.args(["--user", user, "--password", password]);
        }
        self.process = Some(Process::spawn(command, &path("out"), &path("err")));
        let port = self.port;
        eventually("the mail server listens", START_LIMIT, async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
    }

    /// Gone, as a machine that is switched off.
    pub fn stop(&mut self) {
        self.process = None;
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that it took.
    pub fn mails(&self) -> Vec<Mail> {
        self.taken().iter().map(|path| Mail::read(path)).collect()
    }

    fn taken(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("mails");
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths
    }

    /// Waits until it has taken so many.
    pub async fn has_taken(&self, count: usize, limit: Duration) -> Vec<Mail> {
        let what = format!("{count} mails arrive");
        eventually(&what, limit, async || (self.taken().len() >= count).then_some(())).await;
        self.mails()
    }
}

/// A mail as the server got it.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub tls: bool,
    pub user: Option<String>,
    /// As Python's own library reads it.
    pub subject: String,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
}

/// Python reads what another program wrote: a second opinion on our MIME.
const READER: &str = r#"
import email, email.policy, json, sys
told = json.load(open(sys.argv[1], encoding="utf-8"))
mail = email.message_from_string(told["data"], policy=email.policy.default)
defects = [str(defect) for part in mail.walk() for defect in part.defects]
json.dump({**told, "subject": mail["subject"], "headers": [[name, str(value)] for name, value in mail.items()],
    "text": mail.get_body(("plain",)).get_content(), "html": mail.get_body(("html",)).get_content(),
    "defects": defects}, sys.stdout)
"#;

impl Mail {
    fn read(path: &Path) -> Self {
        let read = Command::new(python()).args(["-c", READER]).arg(path).output().expect("Python runs");
        let errors = String::from_utf8_lossy(&read.stderr).into_owned();
        let told: Value = serde_json::from_slice(&read.stdout).unwrap_or_else(|_| panic!("not a mail: {errors}"));
        assert_eq!(told["defects"], serde_json::json!([]), "{told:#}");
        let text = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
        let headers = serde_json::from_value(told["headers"].clone()).expect("headers are pairs");
        Self {
            from: text("from"),
            to: serde_json::from_value(told["to"].clone()).expect("addresses"),
            tls: told["tls"] == true,
            user: told["user"].as_str().map(str::to_owned),
            subject: text("subject"),
            headers,
            text: text("text"),
            html: text("html"),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The first Python that has the package.
fn python() -> &'static str {
    let has_it = |python: &&str| {
        let asked = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    PYTHONS.into_iter().find(has_it).expect("python3-aiosmtpd is missing; `cargo xtask test` installs it")
}
