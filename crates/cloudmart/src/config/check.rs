//! Settings with which no shop could work, and those that make no sense together.
//! It does not know the engines: whether a server is there is found out by starting.

use std::net::IpAddr;
use std::path::Path;

use super::address::Host;
use super::contents::check_authority;
use super::engines::{Engine, PostgresTls, RedisTls};
use super::keys::ADDRESSES;
use super::layers::Layers;
use super::problem::{Origin, Problem};
use super::settings::{Config, MailTls, MailTransport, given};
use super::variables::Secrets;

/// PostgreSQL keeps so many bytes of a name.
const NAME_BYTES_MAX: usize = 63;
/// How far a replica is behind is looked at twenty times a second.
const MAX_LAG_MS_MIN: u64 = 200;
/// A stop takes no longer, in all it waits for: whoever asks for more has mistaken the unit.
const STOP_S_MAX: u64 = 3_600;
/// A request waits no longer for what is only a help.
const REDIS_TIMEOUT_MS_MAX: u64 = 10_000;

/// All that is wrong, errors and warnings.
pub fn check(layers: &Layers, secrets: &Secrets) -> Vec<Problem> {
    let config = &layers.config;
    let mut found = Found { layers, problems: Vec::new() };
    found.numbers(config);
    found.texts(config);
    found.mail(config, secrets);
    found.store(config, secrets);
    found.postgres(config, secrets);
    found.redis(config, secrets);
    // What is wrong already is not told twice.
    found.problems.retain(|problem| !layers.is_wrong(&problem.key));
    found.problems
}

struct Found<'l> {
    layers: &'l Layers,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn error(&mut self, key: &str, says: impl Into<String>, right: impl Into<Option<String>>) {
        self.problems.push(Problem::error(self.layers.origin(key), key, says).right(right));
    }

    fn warn(&mut self, key: &str, says: impl Into<String>, right: impl Into<Option<String>>) {
        self.problems.push(Problem::warning(self.layers.origin(key), key, says).right(right));
    }

    /// Warns of what was said for nothing.
    fn unused(&mut self, keys: impl IntoIterator<Item = String>, because: &str) {
        for key in keys {
            if self.layers.is_said(&key) {
                self.warn(&key, format!("this changes nothing: {because}"), None);
            }
        }
    }

    /// What was said of a section.
    fn said_of(&self, section: &str) -> Vec<String> {
        let is_of = |key: &&String| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        self.layers.values.keys().filter(is_of).cloned().collect()
    }

    fn numbers(&mut self, config: &Config) {
        let (mail, http, executor) = (&config.mail, &config.http, &config.executor);
        let (postgres, redis) = (&config.postgres, &config.redis);
        let numbers = [
            ("payments.wait_ms", config.payments.wait_ms),
            ("orders.reservation_ttl_s", config.orders.reservation_ttl_s),
            ("mail.keep", mail.keep as u64),
            ("mail.timeout_s", mail.timeout_s),
            ("mail.per_second", u64::from(mail.per_second)),
            ("http.in_flight", http.in_flight as u64),
            ("http.connections", http.connections as u64),
            ("http.request_timeout_s", http.request_timeout_s),
            ("http.json_body_bytes", http.json_body_bytes as u64),
            ("executor.queue", executor.queue as u64),
            ("executor.batch_groups", executor.batch_groups as u64),
            ("postgres.connections", postgres.connections as u64),
            ("postgres.wait_ms", postgres.wait_ms),
            ("postgres.idle_s", postgres.idle_s),
            ("redis.timeout_ms", redis.timeout_ms),
        ];
        for (key, _) in numbers.iter().filter(|(_, value)| *value == 0) {
            self.error(key, "it must be above zero", None);
        }
        if redis.timeout_ms > REDIS_TIMEOUT_MS_MAX {
            let right = format!("at most {REDIS_TIMEOUT_MS_MAX}");
            self.error("redis.timeout_ms", "no request should wait so long for what is only a help", right);
        }
        for (key, value) in [("http.notice_s", http.notice_s), ("http.drain_s", http.drain_s)] {
            if value > STOP_S_MAX {
                self.error(key, "no stop should take so long", format!("at most {STOP_S_MAX} seconds"));
            }
        }
        if http.rate_limit_per_minute == 0 && http.rate_limit_staff_per_minute == 0 {
            self.unused(["http.rate_limit_on_loopback".to_owned()], "nobody is counted");
        }
    }

    fn texts(&mut self, config: &Config) {
        let levels = ["error", "warn", "info", "debug", "trace"];
        if !levels.contains(&config.log_level.as_str()) {
            self.error("log_level", format!("`{}` is none of {}", config.log_level, levels.join(", ")), None);
        }
        if !(config.public_url.is_empty() || is_origin(&config.public_url)) {
            let right = "it must be like https://shop.example, without a path".to_owned();
            self.error("public_url", "this is not where a shop is", right);
        }
        let is_name = |text: &str, also: &str| text.chars().all(|l| l.is_ascii_alphanumeric() || also.contains(l));
        if !is_name(&config.node.name, "-._") || config.node.name.len() > NAME_BYTES_MAX {
            let right = format!("letters, digits, `-`, `.` and `_`, at most {NAME_BYTES_MAX}");
            self.error("node.name", "this cannot be a node's name", right);
        }
        let schema = &config.postgres.schema;
        let is_schema = is_name(schema, "_")
            && schema.len() <= NAME_BYTES_MAX
            && schema.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
            && !schema.contains(|letter: char| letter.is_ascii_uppercase())
            && !schema.starts_with("pg_");
        if !is_schema {
            let right = "small letters, digits and `_`, such as \"cloudmart\"".to_owned();
            self.error("postgres.schema", "this cannot be a schema's name", right);
        }
        let prefix = &config.redis.prefix;
        if prefix.is_empty() || prefix.len() > NAME_BYTES_MAX || !is_name(prefix, "-._:") {
            let right = "letters, digits, `-`, `.`, `_` and `:`, such as \"cloudmart\"".to_owned();
            self.error("redis.prefix", "keys in Redis cannot begin with this", right);
        }
        for key in ADDRESSES {
            let in_file = matches!(self.layers.origin(key), Origin::File { .. });
            let url = if key == "redis.url" { &config.redis.url } else { &config.postgres.url };
            if in_file && url.expose() != url.to_string() && url.to_string().contains("(set)@") {
                let right = format!("better in a file of its own, named by {}", key.replace("url", "password_file"));
                self.warn(key, "its password can be read by everybody who may read this file", right);
            }
        }
    }

    fn mail(&mut self, config: &Config, secrets: &Secrets) {
        let mail = &config.mail;
        let named = |keys: &[&str]| keys.iter().map(|key| format!("mail.{key}")).collect::<Vec<_>>();
        if mail.transport == MailTransport::Folder {
            let keys =
                named(&["host", "port", "tls", "ca_file", "username", "password_file", "timeout_s", "per_second"]);
            return self.unused(keys, "mail.transport is \"folder\"");
        }
        self.unused(named(&["folder", "keep"]), "mail.transport is \"smtp\"");
        if mail.host.is_empty() {
            self.error("mail.host", "name the server that takes mail", None);
        }
        self.trusted("mail.ca_file", &mail.ca_file);
        if mail.username.is_empty() {
            return;
        }
        let is_local = mail.host == "localhost" || mail.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if matches!(mail.tls, MailTls::None | MailTls::Opportunistic) && !is_local {
            let right = "\"starttls\" or \"implicit\"".to_owned();
            self.error("mail.tls", "a password must not travel where others can read it", right);
        }
        if secrets.smtp_password.is_none() && given(&mail.password_file).is_none() {
            let right = "CLOUDMART_SMTP_PASSWORD, or mail.password_file".to_owned();
            self.error("mail.username", "it needs a password", right);
        }
    }

    fn store(&mut self, config: &Config, secrets: &Secrets) {
        match self.layers.engine() {
            Some(Engine::Postgres) => {}
            Some(Engine::Sqlite) => {
                return self.unused(["media".to_owned()], "beside SQLite, pictures lie in the data folder");
            }
            None => return,
        }
        if given(&config.media).is_none() {
            let right = "name a folder that all nodes share, by media".to_owned();
            self.warn(
                "media",
                "each node would keep its pictures in its own data folder, and not find those of others",
                right,
            );
        }
        if secrets.master_key.is_none() && given(&config.master_key_file).is_none() {
            let right = "the same for all: CLOUDMART_MASTER_KEY, or master_key_file".to_owned();
            self.warn("master_key_file", "each node would look for the master key in its own data folder", right);
        }
    }

    fn postgres(&mut self, config: &Config, secrets: &Secrets) {
        let postgres = &config.postgres;
        match self.layers.engine() {
            Some(Engine::Postgres) => {}
            Some(Engine::Sqlite) => {
                let keys = self.said_of("postgres");
                return self.unused(keys, "store.engine is \"sqlite\"");
            }
            // Whoever says where it is means it.
            None if postgres.url.is_empty() && postgres.hosts.is_empty() => return,
            None => {}
        }
        if !postgres.url.is_empty() {
            self.unused(["postgres.hosts".to_owned()], "postgres.url says where PostgreSQL is");
        }
        let (server, wrong) = postgres.read(secrets.postgres_password.clone());
        for (key, reason) in wrong {
            self.error(key, reason, None);
        }
        if postgres.replicas.is_empty() {
            self.unused(["postgres.max_lag_ms".to_owned()], "postgres.replicas is empty");
        } else if postgres.max_lag_ms < MAX_LAG_MS_MIN {
            let right = format!("at least {MAX_LAG_MS_MIN}");
            self.error("postgres.max_lag_ms", "no replica can be known to be so near", right);
        }
        let twice = server.replicas.iter().enumerate().find(|(nth, host)| server.replicas[..*nth].contains(host));
        if let Some((_, host)) = twice {
            self.error("postgres.replicas", format!("{host} is named twice"), None);
        }
        let away = server.hosts.iter().chain(&server.replicas).find(|host| !host.is_loopback());
        if let Some(host) = away.filter(|_| postgres.tls == PostgresTls::Off) {
            self.in_the_clear("postgres.tls", host, "\"verify-full\", with a ca_file");
        }
        if postgres.tls == PostgresTls::VerifyFull && given(&postgres.ca_file).is_none() {
            let reason = "the server's name cannot be verified without an authority".to_owned();
            self.error(
                "postgres.ca_file",
                reason,
                Some("a file with the certificate (PEM) that signed the server's".to_owned()),
            );
        }
        self.authority("postgres.ca_file", &postgres.ca_file, postgres.tls != PostgresTls::Off);
    }

    fn redis(&mut self, config: &Config, secrets: &Secrets) {
        let redis = &config.redis;
        if redis.url.is_empty() {
            let keys = self.said_of("redis").into_iter().filter(|key| key != "redis.url");
            return self.unused(keys.collect::<Vec<_>>(), "redis.url is empty");
        }
        let server = match redis.server(secrets.redis_password.clone()) {
            Ok(Some(server)) => server,
            Ok(None) => return,
            Err((key, reason)) => {
                self.error(key, reason, None);
                return self.authority("redis.ca_file", &redis.ca_file, true);
            }
        };
        if self.layers.engine() == Some(Engine::Sqlite) {
            let right = "one process has all of it at hand, and is faster without".to_owned();
            self.warn("redis.url", "Redis shares what several nodes know, and store.engine is \"sqlite\"", right);
        }
        if !server.host.is_loopback() && !server.is_encrypted {
            self.in_the_clear("redis.tls", &server.host, "\"verify-full\", or a url that begins with rediss://");
        }
        let is_off = redis.tls == RedisTls::Off && !server.is_encrypted;
        self.authority("redis.ca_file", &redis.ca_file, !is_off);
    }

    fn in_the_clear(&mut self, key: &str, host: &Host, right: &str) {
        let says = format!("what is said to {} may travel where others can read it", host.name);
        self.warn(key, says, right.to_owned());
    }

    fn authority(&mut self, key: &str, file: &Path, is_encrypted: bool) {
        if !is_encrypted {
            return self.unused([key.to_owned()], "nothing is encrypted");
        }
        self.trusted(key, file);
    }

    fn trusted(&mut self, key: &str, file: &Path) {
        if let Some(Err(says)) = given(file).map(check_authority) {
            self.error(key, says, None);
        }
    }
}

/// Scheme and host, perhaps a port, perhaps a slash.
fn is_origin(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host)).unwrap_or_default();
    !host.is_empty() && host.chars().all(|char| char.is_ascii_alphanumeric() || "-.:[]_".contains(char))
}
