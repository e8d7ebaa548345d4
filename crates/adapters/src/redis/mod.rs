//! Redis: what nodes share and could do without, so that a shop sells on when it is slow, full or gone.
//! It keeps nothing that cannot be made again, and decides nothing.

mod limits;
mod line;
mod metrics;
mod presence;
mod shelf;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use platform::cache::SharedShelf;
use platform::http::metrics::Registry;
use platform::http::rate::SharedBuckets;
use platform::presence::SharedPresence;
use redis::{Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, TlsCertificates};

use self::line::Line;

/// Where Redis is and how it is spoken to.
#[derive(Clone)]
pub struct Options {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    /// The number of its database.
    pub database: i64,
    /// TLS, with a certificate that proves the host's name.
    pub is_encrypted: bool,
    /// An authority (PEM) to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The longest that anybody waits for an answer.
    pub timeout: Duration,
    /// What each key begins with.
    pub prefix: String,
}

/// Nothing of the password.
impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "redis at {}:{}/{}", self.host, self.port, self.database)
    }
}

/// What keeps Redis from being spoken to at all, whatever happens later.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the authority {path} cannot be read: {source}")]
    Authority { path: PathBuf, source: std::io::Error },
    #[error("redis cannot be spoken to: {0}")]
    Settings(String),
}

/// One Redis. Cheap to clone; the connection ends with the last clone and the last port.
#[derive(Clone)]
pub struct Redis {
    line: Arc<Line>,
}

impl Redis {
    /// Begins to connect, and comes back by itself whenever the connection breaks. It is no error that Redis is away.
    ///
    /// # Errors
    /// The settings cannot work.
    pub fn start(options: Options) -> Result<Self, OpenError> {
        let client = client(&options)?;
        Ok(Self { line: Line::start(options, client) })
    }

    /// Rate limits that all nodes share.
    pub fn buckets(&self) -> Arc<dyn SharedBuckets> {
        Arc::new(limits::Buckets(self.line.clone()))
    }

    /// The second level of the nodes' caches.
    pub fn shelf(&self) -> Arc<dyn SharedShelf> {
        Arc::new(shelf::Shelf(self.line.clone()))
    }

    /// Who is where, and how many have come by.
    pub fn presence(&self) -> Arc<dyn SharedPresence> {
        Arc::new(presence::Presence(self.line.clone()))
    }

    /// Why nodes count and remember alone at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.line.trouble()
    }

    /// Waits until it answers, at most so long; whether it does.
    pub async fn wait_until_up(&self, limit: Duration) -> bool {
        self.line.wait_until_up(limit).await
    }

    /// Shows how it does among the metrics.
    pub fn show_in(&self, registry: &Registry) {
        metrics::show(&self.line, registry);
    }
}

fn client(options: &Options) -> Result<Client, OpenError> {
    let wrong = |error: redis::RedisError| OpenError::Settings(error.to_string());
    let mut who = RedisConnectionInfo::default().set_db(options.database);
    if let Some(user) = &options.user {
        who = who.set_username(user);
    }
    if let Some(password) = &options.password {
        who = who.set_password(password);
    }
    let (host, port) = (options.host.clone(), options.port);
    let address = match options.is_encrypted {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    };
    let info = address.into_connection_info().map_err(wrong)?.set_redis_settings(who);
    if !options.is_encrypted {
        return Client::open(info).map_err(wrong);
    }
    let authority = options
        .ca_file
        .as_ref()
        .map(|path| std::fs::read(path).map_err(|source| OpenError::Authority { path: path.clone(), source }));
    let certificates = TlsCertificates { client_tls: None, root_cert: authority.transpose()? };
    Client::build_with_tls(info, certificates).map_err(wrong)
}
