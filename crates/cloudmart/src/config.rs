//! Configuration: read once, from a file, the environment and the command line, into plain data.
//! It does not know what the values do. Nothing else in the shop reads the environment.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::Serve;

/// Every key with its default and meaning, as users read it. A test keeps it together with [`Config`].
pub const REFERENCE: &str = include_str!("../cloudmart.toml");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the setting {key} cannot work: {reason}")]
    Unworkable { key: &'static str, reason: String },
    #[error("{path} is not right: {reason}")]
    Wrong { path: PathBuf, reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub public_url: String,
    pub sample_shop: SampleShop,
    pub log_format: LogFormat,
    pub log_level: String,
    pub payments: Payments,
    pub orders: Orders,
    pub mail: Mail,
    pub http: Http,
    pub executor: Executor,
    pub imports: Imports,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum SampleShop {
    Default,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payments {
    pub allow_test: bool,
    pub wait_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Orders {
    pub reservation_ttl_s: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    pub transport: MailTransport,
    pub folder: PathBuf,
    pub keep: usize,
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub ca_file: PathBuf,
    pub username: String,
    pub password_file: PathBuf,
    pub timeout_s: u64,
    pub per_second: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTransport {
    Folder,
    Smtp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    Implicit,
    Starttls,
    Opportunistic,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub cors_origins: Vec<String>,
    pub trusted_proxies: Vec<IpAddr>,
    pub rate_limit_per_minute: u32,
    pub rate_limit_on_loopback: bool,
    pub in_flight: usize,
    pub connections: usize,
    pub request_timeout_s: u64,
    pub drain_s: u64,
    pub json_body_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Executor {
    pub queue: usize,
    pub batch_groups: usize,
    pub states_bytes: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Imports {
    pub fetch_from_loopback: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            sample_shop: SampleShop::Default,
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            payments: Payments::default(),
            orders: Orders::default(),
            mail: Mail::default(),
            http: Http::default(),
            executor: Executor::default(),
            imports: Imports::default(),
        }
    }
}

impl Default for Payments {
    fn default() -> Self {
        Self { allow_test: false, wait_ms: 5_000 }
    }
}

impl Default for Orders {
    fn default() -> Self {
        Self { reservation_ttl_s: 45 * 60 }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: MailTransport::Folder,
            folder: PathBuf::new(),
            keep: 1_000,
            host: String::new(),
            port: 587,
            tls: MailTls::Starttls,
            ca_file: PathBuf::new(),
            username: String::new(),
            password_file: PathBuf::new(),
            timeout_s: 30,
            per_second: 50,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            rate_limit_per_minute: 1_200,
            rate_limit_on_loopback: false,
            in_flight: 4_096,
            connections: 10_000,
            request_timeout_s: 30,
            drain_s: 30,
            json_body_bytes: 1 << 20,
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self { queue: 8_192, batch_groups: 512, states_bytes: 64 << 20 }
    }
}

impl Config {
    /// The file's values, and defaults for what it does not say.
    pub fn read(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| Error::Wrong {
            path: path.to_owned(),
            reason: error.message().to_owned() + &place(&text, error.span()),
        })
    }
}

impl Config {
    /// Values with which no shop could work.
    fn check(&self) -> Result<(), Error> {
        let numbers = [
            ("payments.wait_ms", self.payments.wait_ms),
            ("orders.reservation_ttl_s", self.orders.reservation_ttl_s),
            ("mail.keep", self.mail.keep as u64),
            ("mail.timeout_s", self.mail.timeout_s),
            ("mail.per_second", u64::from(self.mail.per_second)),
            ("http.in_flight", self.http.in_flight as u64),
            ("http.connections", self.http.connections as u64),
            ("http.request_timeout_s", self.http.request_timeout_s),
            ("http.json_body_bytes", self.http.json_body_bytes as u64),
            ("executor.queue", self.executor.queue as u64),
            ("executor.batch_groups", self.executor.batch_groups as u64),
        ];
        if let Some((key, _)) = numbers.iter().find(|(_, value)| *value == 0) {
            return Err(Error::Unworkable { key, reason: "it must be above zero".to_owned() });
        }
        let levels = ["error", "warn", "info", "debug", "trace"];
        if !levels.contains(&self.log_level.as_str()) {
            let reason = format!("`{}` is none of {}", self.log_level, levels.join(", "));
            return Err(Error::Unworkable { key: "log_level", reason });
        }
        if !(self.public_url.is_empty() || is_origin(&self.public_url)) {
            let reason = "it must be like https://shop.example, without a path".to_owned();
            return Err(Error::Unworkable { key: "public_url", reason });
        }
        self.mail.check()
    }

    /// The address under which the shop is reached from outside, if the operator said so. Without a slash at its end.
    pub fn public_url(&self) -> Option<&str> {
        let url = self.public_url.trim_end_matches('/');
        (!url.is_empty()).then_some(url)
    }

    /// Where the shop is reached on this machine.
    pub fn listen_url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Where mail into a folder goes.
    pub fn mail_folder(&self) -> PathBuf {
        if self.mail.folder.as_os_str().is_empty() { self.data.join(MAIL_FOLDER) } else { self.mail.folder.clone() }
    }
}

/// The folder of mail in the data folder.
const MAIL_FOLDER: &str = "mail";

/// Scheme and host, perhaps a port, perhaps a slash.
fn is_origin(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host)).unwrap_or_default();
    !host.is_empty() && host.chars().all(|char| char.is_ascii_alphanumeric() || "-.:[]_".contains(char))
}

impl Mail {
    fn check(&self) -> Result<(), Error> {
        if self.transport == MailTransport::Folder {
            return Ok(());
        }
        if self.host.is_empty() {
            let reason = "name the server that takes mail".to_owned();
            return Err(Error::Unworkable { key: "mail.host", reason });
        }
        let is_local = self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let is_readable = matches!(self.tls, MailTls::None | MailTls::Opportunistic);
        if !self.username.is_empty() && is_readable && !is_local {
            let reason = "a password must not travel where others can read it: \"starttls\" or \"implicit\"".to_owned();
            return Err(Error::Unworkable { key: "mail.tls", reason });
        }
        Ok(())
    }

    /// The server's password: from the environment, else from its file.
    pub fn password(&self, secrets: &Secrets) -> Result<String, Error> {
        if let Some(password) = &secrets.smtp_password {
            return Ok(password.clone());
        }
        if self.password_file.as_os_str().is_empty() {
            let reason = "it needs a password: CLOUDMART_SMTP_PASSWORD, or mail.password_file".to_owned();
            return Err(Error::Unworkable { key: "mail.username", reason });
        }
        let path = self.password_file.clone();
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Unreadable { path, source })?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Prints every key with its default.
pub fn print_reference() -> std::process::ExitCode {
    print!("{REFERENCE}");
    std::process::ExitCode::SUCCESS
}

impl Serve {
    /// The file's values under those of the command line.
    pub fn into_config(self) -> Result<Config, Error> {
        let mut config = Config::read(self.config.as_deref())?;
        config.data = self.data.unwrap_or(config.data);
        config.listen = self.listen.unwrap_or(config.listen);
        config.sample_shop = self.sample_shop.unwrap_or(config.sample_shop);
        config.payments.allow_test |= self.allow_test_payments;
        config.check()?;
        Ok(config)
    }
}

fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let line =
        |span: std::ops::Range<usize>| text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
    span.map(|span| format!(" (line {})", line(span))).unwrap_or_default()
}

/// What only the environment says, because it is secret.
#[derive(Default, Clone)]
pub struct Secrets {
    /// `CLOUDMART_ADMIN_TOKEN`: a staff key that is not stored.
    pub admin_token: Option<String>,
    /// `CLOUDMART_MASTER_KEY`: 64 hexadecimal digits, in place of the key file.
    pub master_key: Option<String>,
    /// `CLOUDMART_SMTP_PASSWORD`: what the mail server wants to hear.
    pub smtp_password: Option<String>,
}

/// Which are there, and nothing of what they are.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = |secret: &Option<String>| if secret.is_some() { "set" } else { "not set" };
        formatter
            .debug_struct("Secrets")
            .field("admin_token", &told(&self.admin_token))
            .field("master_key", &told(&self.master_key))
            .field("smtp_password", &told(&self.smtp_password))
            .finish()
    }
}

impl Secrets {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Self {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            admin_token: read("CLOUDMART_ADMIN_TOKEN"),
            master_key: read("CLOUDMART_MASTER_KEY"),
            smtp_password: read("CLOUDMART_SMTP_PASSWORD"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_says_every_key_with_its_default() {
        let read: Config = toml::from_str(REFERENCE).unwrap();
        assert_eq!(read, Config::default());
        let debug = format!("{:?}", Config::default());
        let keys = debug.split([' ', '{', ',']).filter_map(|word| word.strip_suffix(':'));
        let tables = ["payments", "orders", "mail", "http", "executor", "imports"];
        for key in keys.filter(|key| !tables.contains(key)) {
            let is_documented = REFERENCE.lines().any(|line| line.starts_with(&format!("{key} =")));
            assert!(is_documented, "{key} is not in cloudmart.toml");
        }
    }

    #[test]
    fn values_with_which_nothing_works_are_refused() {
        assert!(Config::default().check().is_ok());
        let mut config = Config::default();
        config.executor.queue = 0;
        assert!(config.check().unwrap_err().to_string().contains("executor.queue"));
        let config = Config { log_level: "loud".to_owned(), ..Config::default() };
        assert!(config.check().unwrap_err().to_string().contains("loud"));
    }

    #[test]
    fn mail_is_set_up_so_that_it_works_and_no_password_can_be_read_on_its_way() {
        let smtp = |host: &str, tls: MailTls, username: &str| Config {
            mail: Mail {
                transport: MailTransport::Smtp,
                host: host.to_owned(),
                tls,
                username: username.to_owned(),
                ..Mail::default()
            },
            ..Config::default()
        };
        let told = |config: Config| config.check().map_err(|error| error.to_string());
        assert!(told(smtp("", MailTls::Starttls, "")).unwrap_err().contains("mail.host"));
        assert!(told(smtp("mail.example", MailTls::None, "shop")).unwrap_err().contains("mail.tls"));
        assert!(told(smtp("mail.example", MailTls::Opportunistic, "shop")).is_err());
        for good in [
            smtp("mail.example", MailTls::Starttls, "shop"),
            smtp("mail.example", MailTls::None, ""),
            smtp("127.0.0.1", MailTls::None, "shop"),
        ] {
            assert_eq!(told(good), Ok(()));
        }
        let secrets = Secrets { smtp_password: Some("hush".to_owned()), ..Secrets::default() };
        assert!(Mail::default().password(&Secrets::default()).is_err());
        assert_eq!(Mail::default().password(&secrets).unwrap(), "hush");
        assert!(!format!("{secrets:?}").contains("hush"));
    }

    #[test]
    fn the_public_address_is_an_origin() {
        for (url, is_good) in [
            ("", true),
            ("https://shop.example", true),
            ("http://127.0.0.1:8080/", true),
            ("shop.example", false),
            ("https://", false),
            ("https://shop.example/path", false),
            ("https://shop.example\"><b", false),
        ] {
            let config = Config { public_url: url.to_owned(), ..Config::default() };
            assert_eq!(config.check().is_ok(), is_good, "{url}");
        }
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:80\"\nlissten = 3\n").unwrap();
        let error = Config::read(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("lissten") && error.contains("line 2"), "{error}");
    }
}
