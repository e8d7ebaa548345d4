//! PostgreSQL: the log and the documents of a shop whose nodes share one database.
//! It does not know what a fact or a document means, nor how many nodes there are.
//!
//! Every write is one statement of its own, most of them calls of a function ([`schema`]): no transaction waits for a
//! client, so a node that freezes holds no lock. Reads and writes have connections of their own ([`pool`]); nothing
//! ever cancels a write, but whoever runs the shop is told when one waits ([`health`]). The host that takes writes is
//! looked for again whenever a connection is lost ([`connector`]).
//! Lists may be read from hosts that follow it ([`Replicas`]).
//! The tables are told in `tables.sql`, the reasons in `docs/adr/0009-postgresql.md`.

mod append;
mod bulk;
mod connector;
mod facts;
mod failure;
mod gather;
mod health;
mod lane;
mod plan;
mod pool;
mod ports;
mod reads;
mod replicas;
mod rows;
mod schema;
mod values;
mod writes;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use platform::copying::Origin;
use platform::documents::Documents;
use platform::log::{Log, Shard};
use platform::store::StoreResult;
use tokio::runtime::Handle;

pub use append::AppendStats;
pub use bulk::{Arrival, Destined};
pub use health::Health;
pub use pool::PoolStats;
pub use replicas::{Replica, Replicas};

use append::Appender;
use bulk::PostgresOrigin;
use connector::{ConnectError, Connector, Purpose};
use gather::Gatherer;
use health::Lookout;
use lane::Lane;
use pool::{Bounds, Neighbours, Pool};
use ports::{PostgresDocuments, PostgresLog};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("PostgreSQL cannot be reached: {0}")]
    Unreachable(String),
    #[error("PostgreSQL {found} is too old; version 15 or later is needed")]
    TooOld { found: String },
    #[error("the schema `{0}` holds tables of something else; name another schema")]
    Foreign(String),
    #[error("the schema `{0}` holds a shop already; name another schema, or drop this one first")]
    Used(String),
    #[error(
        "the schema `{0}` holds a part of a shop that was being copied there; copy again to complete it, or begin anew \
         after `DROP SCHEMA {0} CASCADE`"
    )]
    Incomplete(String),
    #[error(
        "the schema `{0}` holds a part of another shop, or of this one as it was before; begin anew after \
         `DROP SCHEMA {0} CASCADE`"
    )]
    IncompleteOther(String),
    #[error(
        "the database has format {found}, and this version knows only format {known}; use the version that wrote it"
    )]
    OtherVersion { found: i32, known: i32 },
    #[error(
        "`sslmode=require` asks for TLS: name a file with the certificate authority that the server's is signed by"
    )]
    NoAuthority,
    #[error("the database cannot be used: {0}")]
    Unusable(String),
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Unusable(failure::describe(&error))
    }
}

/// Shards of a new store. A batch of many orders touches nearly all of them, and each costs it a lock and two looks.
const NEW_SHARDS: Shard = 16;

/// Connections for appends. One is under way at a time; the other is there when that one stands still.
pub const APPENDERS: usize = 2;

/// Where the database is, and bounds of one node's use of it. The defaults suit two nodes on two cores.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user@host:5432/database`, or several hosts, `postgres://user@one:5432,two:5432/database`, of which
    /// one takes writes.
    pub url: String,
    /// Takes the place of the one in the address.
    pub password: Option<String>,
    /// PEM. Connections are encrypted, and the server's certificate must be signed by one of these.
    pub ca: Option<String>,
    /// The schema that holds the store. It is made when it is not there.
    pub schema: String,
    /// Shards of a new store; one that exists keeps its own.
    pub shards: Shard,
    /// Connections that read.
    pub readers: usize,
    /// Connections that write. Appends have [`APPENDERS`] more.
    pub writers: usize,
    /// How long a caller waits for a connection, made or given back: also how long a failover may take unnoticed. One who
    /// waits for an answer for so long looks whether another host has become the one that takes writes.
    pub wait: Duration,
    /// A connection that nobody used for so long is closed.
    pub idle: Duration,
    /// How long one read may take.
    pub read_max: Duration,
    /// Addresses of hosts that follow the one that takes writes, one each, with user and database as in `url`. They have
    /// `readers` connections each.
    pub replicas: Vec<String>,
    /// A replica that is further behind answers nothing.
    pub max_lag: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "postgres://cloudmart@localhost/cloudmart".into(),
            password: None,
            ca: None,
            schema: "cloudmart".into(),
            shards: NEW_SHARDS,
            readers: 8,
            writers: 8,
            wait: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            read_max: Duration::from_secs(5),
            replicas: Vec::new(),
            max_lag: Duration::from_secs(1),
        }
    }
}

/// Counters since start, for `/metrics`.
#[derive(Debug, Default, Clone)]
pub struct Stats {
    pub readers: Arc<PoolStats>,
    pub writers: Arc<PoolStats>,
    pub appends: Arc<AppendStats>,
}

/// A store as it is at one moment, to be looked at while others write.
pub struct Moment {
    log: Arc<PostgresLog>,
    documents: Arc<PostgresDocuments>,
    stats: Arc<PoolStats>,
}

impl Moment {
    pub fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    pub fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    /// All of it, to be copied or summed up.
    pub fn origin(&self) -> Arc<dyn Origin> {
        Arc::new(PostgresOrigin { log: self.log.clone(), store: self.documents.store.clone() })
    }

    /// Whether all that was read so far is of one moment: not when the connection was lost in between.
    pub fn is_one(&self) -> bool {
        self.stats.connects.load(Ordering::Relaxed) <= 1
    }
}

/// How long somebody who looks at a moment may take to think.
const MOMENT_IDLE: Duration = Duration::from_secs(300);

/// A store in a database.
pub struct Postgres {
    log: Arc<PostgresLog>,
    documents: Arc<PostgresDocuments>,
    replicas: Option<Arc<Replicas>>,
    health: Health,
    store: Arc<Store>,
    stats: Stats,
    lane: Lane,
    options: Box<Options>,
}

/// What both ports stand on.
struct Store {
    reading: Pool,
    writing: Pool,
    /// Apart, so that they live where appends are asked for ([`Postgres::lane`]).
    appending: Pool,
    shards: Shard,
    lock_class: i32,
}

impl Store {
    /// How long the server has owed the answer to a write, to whoever has waited longest for one.
    fn longest_wait(&self) -> Option<Duration> {
        self.writing.longest_wait().max(self.appending.longest_wait())
    }
}

impl Postgres {
    /// Connects, and makes the store where it is not there.
    pub async fn connect(options: &Options) -> Result<Self, OpenError> {
        schema::check_name(&options.schema)?;
        let stats = Stats::default();
        let (primary, neighbours) = (Arc::default(), Neighbours::default());
        let pool = |purpose, connections, stats: &Arc<PoolStats>| {
            // The server ends a read by itself, unless it stands still.
            let answer_max = (purpose == Purpose::Reading).then_some(options.read_max * 2);
            let bounds = Bounds { connections, wait: options.wait, idle: options.idle, answer_max };
            let connector = Connector::new(options, purpose, Arc::clone(&primary))?;
            Ok::<_, OpenError>(Pool::new(connector, bounds, stats.clone(), &neighbours))
        };
        let reading = pool(Purpose::Reading, options.readers, &stats.readers)?;
        let writing = pool(Purpose::Writing, options.writers, &stats.writers)?;
        let appending = pool(Purpose::Writing, APPENDERS, &stats.writers)?;
        let mut first = writing.new_connection().await?;
        let mut lookout = Lookout::new(options, &primary)?;
        let found = lookout.during(schema::prepare(&mut first.client, &options.schema, options.shards)).await?;
        writing.give(first);

        let lock_class = schema::lock_class(&options.schema);
        let store = Arc::new(Store { reading, writing, appending, shards: found.shards, lock_class });
        let appender = Arc::new(Appender::new(store.clone(), stats.appends.clone()));
        let gatherer = Gatherer::new(store.clone());
        let replicas = match options.replicas.is_empty() {
            true => None,
            false => Some(Arc::new(Replicas::start(options, &primary)?)),
        };
        Ok(Self {
            replicas,
            health: Health::start(&store, lookout),
            log: Arc::new(PostgresLog::new(store.clone(), appender)),
            documents: Arc::new(PostgresDocuments { store: store.clone(), gatherer }),
            store,
            stats,
            lane: Lane::open().map_err(|error| OpenError::Unusable(format!("no thread for appends: {error}")))?,
            options: Box::new(options.clone()),
        })
    }

    /// The store as it is when it is first read from there, on a connection of its own. Nothing can be written by it.
    pub fn at_one_moment(&self) -> Result<Moment, OpenError> {
        let stats = Arc::new(PoolStats::default());
        let bounds = Bounds { connections: 1, wait: self.options.wait, idle: MOMENT_IDLE, answer_max: None };
        let pool = || {
            let connector = Connector::new(&self.options, Purpose::Moment, Arc::default())?;
            Ok::<_, OpenError>(Pool::new(connector, bounds, stats.clone(), &Neighbours::default()))
        };
        let (reading, writing, appending) = (pool()?, pool()?, pool()?);
        writing.close();
        appending.close();
        let (shards, lock_class) = (self.store.shards, self.store.lock_class);
        let store = Arc::new(Store { reading, writing, appending, shards, lock_class });
        let appender = Arc::new(Appender::new(store.clone(), Arc::default()));
        let gatherer = Gatherer::new(store.clone());
        Ok(Moment {
            log: Arc::new(PostgresLog::new(store.clone(), appender)),
            documents: Arc::new(PostgresDocuments { store, gatherer }),
            stats,
        })
    }

    pub fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    pub fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    /// Copies of the documents, for what is only shown; where some are named.
    pub fn replicas(&self) -> Option<&Arc<Replicas>> {
        self.replicas.as_ref()
    }

    /// Where to start whoever appends: the answer of the server, for which all orders wait, is not queued behind requests there.
    pub fn lane(&self) -> &Handle {
        self.lane.handle()
    }

    /// How writes do.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether a write was refused for want of room, or because the server takes no writes; until [`Self::goes_on`].
    pub fn is_stuck(&self) -> bool {
        self.store.writing.is_stuck()
    }

    /// Something large was written since. What is small finds room where an order does not; and appends, whose connections
    /// lie apart, must find one.
    pub async fn goes_on(&self) -> StoreResult<()> {
        drop(self.store.appending.lease().await?);
        self.store.writing.goes_on();
        Ok(())
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Closes every connection, those in use as soon as they are answered. Whoever still holds a port is told that the
    /// store was closed.
    pub async fn close(&self) -> StoreResult<()> {
        if let Some(replicas) = &self.replicas {
            replicas.close();
        }
        self.health.close();
        self.store.reading.close();
        self.store.writing.close();
        self.store.appending.close();
        Ok(())
    }
}
