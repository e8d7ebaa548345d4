//! The settings of a cluster's engines: which store, where PostgreSQL and Redis are, what this node is called.
//! It does not know the adapters: who puts a shop together hands them these values.

use std::path::PathBuf;

use serde::Deserialize;

use super::address::{Address, Host};
use super::secret::{Secret, SecretUrl};

pub const POSTGRES_SCHEMES: &[&str] = &["postgres", "postgresql"];
pub const POSTGRES_PORT: u16 = 5432;
pub const REDIS_SCHEMES: &[&str] = &["redis", "rediss"];
pub const REDIS_PORT: u16 = 6379;

/// This process among those that serve the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Empty for the machine's name and the process's number.
    pub name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    pub engine: Engine,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    #[default]
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Postgres {
    pub url: SecretUrl,
    pub hosts: Vec<String>,
    pub replicas: Vec<String>,
    pub max_lag_ms: u64,
    pub user: String,
    pub password_file: PathBuf,
    pub database: String,
    pub schema: String,
    pub connections: usize,
    pub wait_ms: u64,
    pub idle_s: u64,
    pub tls: PostgresTls,
    pub ca_file: PathBuf,
}

/// As libpq's `sslmode` names the second: the server proves its name. What encrypts without that keeps nobody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PostgresTls {
    Off,
    VerifyFull,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    pub url: SecretUrl,
    pub password_file: PathBuf,
    pub tls: RedisTls,
    pub ca_file: PathBuf,
    pub timeout_ms: u64,
    pub prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedisTls {
    Off,
    VerifyFull,
}

impl Default for Postgres {
    fn default() -> Self {
        Self {
            url: SecretUrl::default(),
            hosts: Vec::new(),
            replicas: Vec::new(),
            max_lag_ms: 1_000,
            user: String::new(),
            password_file: PathBuf::new(),
            database: "cloudmart".to_owned(),
            schema: "cloudmart".to_owned(),
            connections: 16,
            wait_ms: 2_000,
            idle_s: 300,
            tls: PostgresTls::Off,
            ca_file: PathBuf::new(),
        }
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: SecretUrl::default(),
            password_file: PathBuf::new(),
            tls: RedisTls::Off,
            ca_file: PathBuf::new(),
            timeout_ms: 50,
            prefix: "cloudmart".to_owned(),
        }
    }
}

/// Where PostgreSQL is and who asks there, whichever way it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresServer {
    /// The primary is one of them.
    pub hosts: Vec<Host>,
    /// What follows the primary, and may answer what is only shown.
    pub replicas: Vec<Host>,
    pub user: String,
    pub password: Option<Secret>,
    pub database: String,
}

/// A key that is wrong, and why.
pub type Wrong = (&'static str, String);

impl Postgres {
    /// # Errors
    /// The first key that is wrong, and why.
    pub fn server(&self, password: Option<Secret>) -> Result<PostgresServer, Wrong> {
        let (server, wrong) = self.read(password);
        wrong.into_iter().next().map_or(Ok(server), Err)
    }

    /// As much as can be understood, and all that is wrong.
    pub fn read(&self, password: Option<Secret>) -> (PostgresServer, Vec<Wrong>) {
        let mut wrong = Vec::new();
        let mut listed = |key: &'static str, list: &[String]| {
            let parsed = list.iter().map(|host| Host::parse(host, POSTGRES_PORT).map_err(|reason| (key, reason)));
            let (hosts, refused): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
            wrong.extend(refused.into_iter().filter_map(Result::err));
            hosts.into_iter().flatten().collect()
        };
        let mut server = PostgresServer {
            hosts: if self.url.is_empty() { listed("postgres.hosts", &self.hosts) } else { Vec::new() },
            replicas: listed("postgres.replicas", &self.replicas),
            user: self.user.clone(),
            password,
            database: self.database.clone(),
        };
        if !self.url.is_empty() {
            match Address::parse(self.url.expose(), POSTGRES_SCHEMES, POSTGRES_PORT) {
                Ok(address) => server.take(address),
                // Who signs in may stand in what was not understood.
                Err(reason) => {
                    wrong.insert(0, ("postgres.url", reason));
                    return (server, wrong);
                }
            }
        } else if self.hosts.is_empty() {
            wrong.push(("postgres.url", "it must say where PostgreSQL is".to_owned()));
        }
        let mut missing =
            |key, what: &str| wrong.push((key, format!("{what} is not said, neither here nor in postgres.url")));
        if server.user.is_empty() && !(self.url.is_empty() && self.hosts.is_empty()) {
            missing("postgres.user", "who signs in");
        }
        if server.database.is_empty() {
            missing("postgres.database", "the database's name");
        }
        (server, wrong)
    }
}

impl PostgresServer {
    /// What an address says stands above the keys, but for the password: that is secret where it is said alone.
    fn take(&mut self, address: Address) {
        self.hosts = address.hosts;
        self.user = address.user.filter(|user| !user.is_empty()).unwrap_or_else(|| std::mem::take(&mut self.user));
        self.password = self.password.take().or(address.password);
        if !address.name.is_empty() {
            self.database = address.name;
        }
    }
}

/// Where Redis is and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisServer {
    pub host: Host,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// The number of its database.
    pub database: i64,
    pub is_encrypted: bool,
}

impl Redis {
    /// `None` where no Redis is said.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn server(&self, password: Option<Secret>) -> Result<Option<RedisServer>, Wrong> {
        if self.url.is_empty() {
            return Ok(None);
        }
        let wrong = |reason: String| ("redis.url", reason);
        let address = Address::parse(self.url.expose(), REDIS_SCHEMES, REDIS_PORT).map_err(wrong)?;
        let database = match &*address.name {
            "" => 0,
            number => number.parse::<u16>().map_err(|_| wrong("behind the slash stands a number".to_owned()))?.into(),
        };
        let [host] = &address.hosts[..] else {
            return Err(wrong(
                "one host, please: what Redis holds can be made again, so it needs no second".to_owned(),
            ));
        };
        Ok(Some(RedisServer {
            host: host.clone(),
            user: address.user,
            password: password.or(address.password),
            database,
            is_encrypted: address.scheme == "rediss" || self.tls == RedisTls::VerifyFull,
        }))
    }
}

impl Node {
    /// As it was said, else the machine's name and the process's number.
    pub fn name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let machine = Some(machine.trim()).filter(|name| !name.is_empty()).unwrap_or("node").to_owned();
        format!("{machine}-{}", std::process::id())
    }
}
