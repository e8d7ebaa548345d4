//! Makes connections: finds among several hosts the one that takes writes, and sets the session up.
//! It does not know what is asked on a connection, nor how many there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use platform::store::StoreError;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{describe, has_no_writer, is_crowded, is_final};
use super::{OpenError, Options};

/// Its last statement takes the moment.
const TAKE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT format FROM meta";
/// How long one host may take until its connection is set up. One that is frozen takes connections and says nothing.
const HOST_MAX: Duration = Duration::from_secs(3);
/// The host that answered last is asked first; each further one is asked this much later.
const NEXT_HOST_AFTER: Duration = Duration::from_millis(300);
/// A peer that acknowledges nothing for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(5);
const KEEPALIVE_AFTER: Duration = Duration::from_secs(3);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(1);
const KEEPALIVES: u32 = 3;

const APPLICATION: &str = "cloudmart";

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Statements end after a while, so that none of them holds the past back for long.
    Reading,
    /// Nothing ever cancels a statement: a commit that waits for the standby would look as if it were done.
    Writing,
    /// Everything is read as it was when the connection was made.
    Moment,
    /// As reading, on a host that follows the one that takes writes.
    Following,
}

/// Knows the hosts.
pub struct Connector {
    /// One for each host.
    hosts: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
    set_up: String,
    purpose: Purpose,
    primary: Arc<Primary>,
}

/// The host that last turned out to take writes, as all connectors of a store know it.
#[derive(Debug, Default)]
pub struct Primary(AtomicUsize);

/// A session on the server, with the statements that were prepared in it.
pub struct Connection {
    pub client: Client,
    /// Counted as the address names them.
    host: usize,
    driver: AbortHandle,
    statements: Mutex<HashMap<String, Statement>>,
}

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{0}")]
    Refused(String),
    /// Who answers follows another one, or was told to be read only.
    #[error("PostgreSQL takes no writes: no host that is named and answers allows them")]
    ReadOnly,
    #[error(
        "PostgreSQL takes no more connections ({0}); raise its limit, of the server or of this user, or lower \
         postgres.connections of each node"
    )]
    Crowded(String),
    #[error("PostgreSQL does not answer")]
    Silent,
    /// Trying again is in vain.
    #[error("{0}")]
    Forbidden(String),
}

impl ConnectError {
    /// Of several hosts' errors the one that tells most counts: who follows has to refuse, who is gone has to be silent.
    fn tells(&self) -> u8 {
        match self {
            Self::Silent => 0,
            Self::ReadOnly => 1,
            Self::Refused(_) => 2,
            Self::Crowded(_) => 3,
            Self::Forbidden(_) => 4,
        }
    }
}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> Self {
        if has_no_writer(&error) {
            return Self::ReadOnly;
        }
        let text = describe(&error);
        if is_crowded(&error) {
            return Self::Crowded(text);
        }
        if is_final(&error) { Self::Forbidden(text) } else { Self::Refused(text) }
    }
}

impl Connector {
    pub fn new(options: &Options, purpose: Purpose, primary: Arc<Primary>) -> Result<Self, OpenError> {
        let unusable = |error: tokio_postgres::Error| OpenError::Unusable(describe(&error));
        let mut asked: Config = options.url.parse().map_err(unusable)?;
        if let Some(password) = &options.password {
            asked.password(password);
        }
        if asked.get_hosts().is_empty() {
            return Err(OpenError::Unusable("its address names no host".into()));
        }
        let tls = match (&options.ca, asked.get_ssl_mode()) {
            (Some(ca), _) => {
                asked.ssl_mode(SslMode::Require);
                Some(MakeRustlsConnect::new(trusting(ca)?))
            }
            (None, SslMode::Require) => return Err(OpenError::NoAuthority),
            (None, _) => {
                asked.ssl_mode(SslMode::Disable);
                None
            }
        };
        let hosts = (0..asked.get_hosts().len()).map(|nth| one_host(&asked, nth, purpose)).collect();
        Ok(Self { hosts, tls, set_up: set_up(options, purpose), purpose, primary })
    }

    /// Connects to the first host that takes writes.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        let (first, count) = (self.primary.0.load(Ordering::Relaxed), self.hosts.len());
        let attempts = (0..count).map(|nth| {
            let host = (first + nth) % count;
            let begin = NEXT_HOST_AFTER * u32::try_from(nth).unwrap_or(u32::MAX);
            async move {
                sleep(begin).await;
                timeout(HOST_MAX, self.connect_to(host)).await.map_err(|_| ConnectError::Silent)?
            }
        });
        let mut attempts: FuturesUnordered<_> = attempts.collect();
        let mut told = ConnectError::Silent;
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(connection) => {
                    self.primary.0.store(connection.host, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) if error.tells() >= told.tells() => told = error,
                Err(_) => {}
            }
        }
        Err(told)
    }

    /// Its first host, as people name it.
    pub fn name(&self) -> String {
        let Some(first) = self.hosts.first() else { return String::new() };
        let port = first.get_ports().first().map_or(String::new(), |port| format!(":{port}"));
        match first.get_hosts().first() {
            Some(Host::Tcp(name)) if name.contains(':') => format!("[{name}]{port}"),
            Some(Host::Tcp(name)) => format!("{name}{port}"),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => String::new(),
        }
    }

    /// Whether a connection leads to the host that takes writes, as far as anybody here knows. One to a former primary that
    /// is still there must not be read from: it would show an old state for ever.
    pub fn is_current(&self, connection: &Connection) -> bool {
        connection.host == self.primary.0.load(Ordering::Relaxed)
    }

    /// Whether another host takes writes by now: then nobody needs to wait for this connection's any longer.
    pub async fn has_moved(&self, from: &Connection) -> bool {
        for host in (0..self.hosts.len()).filter(|host| *host != from.host) {
            if matches!(timeout(HOST_MAX, self.connect_to(host)).await, Ok(Ok(_))) {
                // Else every idle connection to the old one would be waited for again, one after the other.
                self.primary.0.store(host, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    async fn connect_to(&self, host: usize) -> Result<Connection, ConnectError> {
        let (client, driver) = match &self.tls {
            Some(tls) => begin(&self.hosts[host], tls.clone()).await?,
            None => begin(&self.hosts[host], NoTls).await?,
        };
        client.batch_execute(&self.set_up).await?;
        if self.purpose == Purpose::Moment {
            // By itself: what came with it would have begun a transaction before.
            client.batch_execute(TAKE_MOMENT).await?;
        }
        Ok(Connection { client, host, driver, statements: Mutex::default() })
    }
}

/// The task that drives a connection ends when its client is dropped, or with the connection.
async fn begin<T>(config: &Config, tls: T) -> Result<(Client, AbortHandle), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await?;
    let driving = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = describe(&error), "a connection to PostgreSQL ended");
        }
    });
    Ok((client, driving.abort_handle()))
}

/// The same settings, for one of the hosts alone: each is given its own time.
fn one_host(asked: &Config, nth: usize, purpose: Purpose) -> Config {
    let mut one = Config::new();
    match &asked.get_hosts()[nth] {
        Host::Tcp(name) => one.host(name),
        #[cfg(unix)]
        Host::Unix(folder) => one.host_path(folder),
    };
    if let Some(address) = asked.get_hostaddrs().get(nth) {
        one.hostaddr(*address);
    }
    if let Some(port) = asked.get_ports().get(nth).or(asked.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = asked.get_user() {
        one.user(user);
    }
    if let Some(password) = asked.get_password() {
        one.password(password);
    }
    if let Some(database) = asked.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = asked.get_options() {
        one.options(options);
    }
    one.application_name(asked.get_application_name().unwrap_or(APPLICATION))
        .ssl_mode(asked.get_ssl_mode())
        .channel_binding(asked.get_channel_binding())
        .target_session_attrs(match purpose {
            // What it is, is asked again and again.
            Purpose::Following => TargetSessionAttrs::Any,
            Purpose::Reading | Purpose::Writing | Purpose::Moment => TargetSessionAttrs::ReadWrite,
        })
        .connect_timeout(*asked.get_connect_timeout().unwrap_or(&HOST_MAX))
        .tcp_user_timeout(*asked.get_tcp_user_timeout().unwrap_or(&SILENCE_MAX))
        .keepalives_idle(KEEPALIVE_AFTER)
        .keepalives_interval(KEEPALIVE_EVERY)
        .keepalives_retries(KEEPALIVES);
    one
}

/// Every plan here is the same for all values: it begins with the few rows that are named and goes on through an index,
/// whatever the statistics say today. Left to itself the planner keeps what it found best on empty tables, and on full
/// ones it starts helpers for a page of twenty documents, or joins a whole table for a list whose length it cannot know.
fn set_up(options: &Options, purpose: Purpose) -> String {
    let mut statements = format!(
        "SET search_path TO {};
         SET jit = off;
         SET plan_cache_mode = force_generic_plan;
         SET enable_seqscan = off;
         SET enable_hashjoin = off;
         SET enable_mergejoin = off;
         SET max_parallel_workers_per_gather = 0;
         SET idle_in_transaction_session_timeout = '10s';
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';",
        options.schema,
    );
    match purpose {
        Purpose::Reading | Purpose::Following => {
            let read_max = options.read_max.as_millis();
            statements.push_str(&format!("SET statement_timeout = {read_max}; SET lock_timeout = {read_max};"));
        }
        Purpose::Writing => statements.push_str("SET statement_timeout = 0; SET lock_timeout = 0;"),
        Purpose::Moment => statements.push_str("SET idle_in_transaction_session_timeout = '5min';"),
    }
    statements
}

fn trusting(ca: &str) -> Result<ClientConfig, OpenError> {
    let unusable = |error: &dyn std::fmt::Display| OpenError::Unusable(format!("its certificate authority: {error}"));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"there is no certificate in it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl Connection {
    /// Whoever waits for an answer is told that the connection is gone. The server is not asked to cancel anything.
    pub fn cut(&self) {
        self.driver.abort();
    }

    /// Prepares a statement, once in this session.
    pub async fn prepare(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(url: &str, ca: Option<&str>) -> Result<Connector, OpenError> {
        let options = Options { url: url.to_owned(), ca: ca.map(str::to_owned), ..Options::default() };
        Connector::new(&options, Purpose::Writing, Arc::default())
    }

    #[test]
    fn each_host_is_asked_by_itself() {
        let connector = connector("postgres://shop:secret@one:5001,two:5002/mart", None).expect("two hosts");
        let [one, two] = connector.hosts.as_slice() else { panic!("two hosts") };
        assert_eq!((one.get_hosts(), one.get_ports()), (&[Host::Tcp("one".into())][..], &[5001][..]));
        assert_eq!((two.get_hosts(), two.get_ports()), (&[Host::Tcp("two".into())][..], &[5002][..]));
        for host in [one, two] {
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!((host.get_user(), host.get_dbname()), (Some("shop"), Some("mart")));
            assert_eq!(host.get_password(), Some(&b"secret"[..]));
        }
    }

    #[test]
    fn encryption_is_not_left_to_chance() {
        assert!(matches!(connector("postgres://shop@one/mart?sslmode=require", None), Err(OpenError::NoAuthority)));
        assert!(matches!(connector("postgres://shop@one/mart", Some("no certificate")), Err(OpenError::Unusable(_))));
        assert!(matches!(connector("postgres:///mart?user=shop", None), Err(OpenError::Unusable(_))));
        assert!(connector("one two", None).is_err());
    }
}
