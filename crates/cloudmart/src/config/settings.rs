//! The settings as plain data, and what they are when nobody says anything.
//! It does not know where values come from; the engines of a cluster have their own file.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::engines::{Engine, Node, Postgres, Redis, Store};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub data: PathBuf,
    pub media: PathBuf,
    pub listen: SocketAddr,
    pub public_url: String,
    pub sample_shop: SampleShop,
    pub log_format: LogFormat,
    pub log_level: String,
    pub master_key_file: PathBuf,
    pub admin_token_file: PathBuf,
    pub node: Node,
    pub store: Store,
    pub postgres: Postgres,
    pub redis: Redis,
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
    pub rate_limit_staff_per_minute: u32,
    pub rate_limit_on_loopback: bool,
    pub in_flight: usize,
    pub connections: usize,
    pub request_timeout_s: u64,
    pub notice_s: u64,
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
            media: PathBuf::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            sample_shop: SampleShop::Default,
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            master_key_file: PathBuf::new(),
            admin_token_file: PathBuf::new(),
            node: Node::default(),
            store: Store::default(),
            postgres: Postgres::default(),
            redis: Redis::default(),
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
            rate_limit_staff_per_minute: 0,
            rate_limit_on_loopback: false,
            in_flight: 4_096,
            connections: 10_000,
            request_timeout_s: 30,
            notice_s: 5,
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
    /// The address under which the shop is reached from outside, if the operator said so. Without a slash at its end.
    pub fn public_url(&self) -> Option<&str> {
        let url = self.public_url.trim_end_matches('/');
        (!url.is_empty()).then_some(url)
    }

    /// Where the shop is reached on this machine.
    pub fn listen_url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Where pictures are kept. Beside SQLite they belong to the data folder, which is saved and brought back as one.
    pub fn media_folder(&self) -> PathBuf {
        let shared = given(&self.media).filter(|_| self.store.engine == Engine::Postgres);
        shared.map_or_else(|| self.data.join(MEDIA_FOLDER), PathBuf::from)
    }

    /// Where mail into a folder goes.
    pub fn mail_folder(&self) -> PathBuf {
        given(&self.mail.folder).map_or_else(|| self.data.join(MAIL_FOLDER), PathBuf::from)
    }
}

/// The folder of uploaded pictures in the data folder.
pub const MEDIA_FOLDER: &str = "media";
/// The folder of mail in the data folder.
const MAIL_FOLDER: &str = "mail";

/// A path that was said at all.
pub fn given(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}
