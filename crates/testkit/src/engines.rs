//! The engines that suites are run against, each as a maker of fresh stores.
//! It does not know the suites.

use std::sync::Arc;
use std::time::Duration;

use adapters::postgres::{self, Postgres};
use adapters::sqlite::{Options, Sqlite};
use async_trait::async_trait;
use platform::documents::Documents;
use platform::documents::memory::MemoryDocuments;
use platform::log::memory::MemoryLog;
use platform::log::{DEFAULT_SHARDS, Log};
use tempfile::TempDir;

use crate::contract::{Engine, Store};
use crate::postgres::Server;
use crate::shown::ShownDocuments;

/// Stores in memory.
pub struct InMemory;

struct MemoryStore {
    log: Arc<MemoryLog>,
    documents: Arc<MemoryDocuments>,
}

#[async_trait]
impl Engine for InMemory {
    async fn fresh(&self) -> Box<dyn Store> {
        Box::new(MemoryStore { log: Arc::new(MemoryLog::new(DEFAULT_SHARDS)), documents: Arc::default() })
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    async fn reopened(self: Box<Self>) -> Option<Box<dyn Store>> {
        None
    }
}

/// Stores in SQLite, each in its own folder that goes away with it.
pub struct OnSqlite {
    pub options: Options,
}

impl Default for OnSqlite {
    /// As many shards as the store in memory, so that both can be compared.
    fn default() -> Self {
        Self { options: Options { shards: DEFAULT_SHARDS, ..Options::default() } }
    }
}

struct SqliteStore {
    sqlite: Sqlite,
    options: Options,
    folder: TempDir,
}

impl SqliteStore {
    fn open(folder: TempDir, options: Options) -> Self {
        let sqlite = Sqlite::open(folder.path(), &options).expect("a store opens in its folder");
        Self { sqlite, options, folder }
    }
}

#[async_trait]
impl Engine for OnSqlite {
    async fn fresh(&self) -> Box<dyn Store> {
        let folder = tempfile::tempdir().expect("a folder for a test");
        Box::new(SqliteStore::open(folder, self.options.clone()))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn log(&self) -> Arc<dyn Log> {
        self.sqlite.log()
    }

    fn documents(&self) -> Arc<dyn Documents> {
        self.sqlite.documents()
    }

    async fn reopened(self: Box<Self>) -> Option<Box<dyn Store>> {
        let Self { sqlite, options, folder } = *self;
        sqlite.close().await.expect("a store closes");
        Some(Box::new(Self::open(folder, options)))
    }
}

/// Stores in PostgreSQL, each in a schema of its own.
pub struct OnPostgres {
    pub server: &'static Server,
    pub options: postgres::Options,
}

impl Default for OnPostgres {
    fn default() -> Self {
        Self::on(Server::shared())
    }
}

struct PostgresStore {
    postgres: Postgres,
    options: postgres::Options,
}

impl OnPostgres {
    pub fn on(server: &'static Server) -> Self {
        let options = postgres::Options {
            url: server.url(),
            shards: DEFAULT_SHARDS,
            // A machine that runs many tests at once is slow, which is nobody's fault.
            wait: Duration::from_secs(30),
            read_max: Duration::from_secs(30),
            ..postgres::Options::default()
        };
        Self { server, options }
    }

    /// Options that name a schema which nobody has used.
    pub fn fresh_options(&self) -> postgres::Options {
        postgres::Options { schema: Server::new_schema(), ..self.options.clone() }
    }

    /// Two handles on one new store, as two nodes have them.
    pub async fn shared_by_two(&self) -> [Arc<dyn Log>; 2] {
        let options = self.fresh_options();
        let nodes = [connect(&options).await, connect(&options).await];
        nodes.map(|node| node.log())
    }
}

async fn connect(options: &postgres::Options) -> Postgres {
    Postgres::connect(options).await.expect("a store opens in its schema")
}

#[async_trait]
impl Engine for OnPostgres {
    async fn fresh(&self) -> Box<dyn Store> {
        let options = self.fresh_options();
        Box::new(PostgresStore { postgres: connect(&options).await, options })
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn log(&self) -> Arc<dyn Log> {
        self.postgres.log()
    }

    fn documents(&self) -> Arc<dyn Documents> {
        self.postgres.documents()
    }

    async fn reopened(self: Box<Self>) -> Option<Box<dyn Store>> {
        let Self { postgres, options } = *self;
        postgres.close().await.expect("a store closes");
        Some(Box::new(Self { postgres: connect(&options).await, options }))
    }
}

/// Stores in PostgreSQL whose documents are read from a replica.
pub struct OnReplica {
    engine: OnPostgres,
    replica: &'static Server,
}

impl OnReplica {
    pub fn of(primary: &'static Server, replica: &'static Server) -> Self {
        Self { engine: OnPostgres::on(primary), replica }
    }
}

struct ReplicaStore {
    store: PostgresStore,
    documents: Arc<ShownDocuments>,
}

impl ReplicaStore {
    async fn open(options: postgres::Options) -> Self {
        let postgres = connect(&options).await;
        let replicas = postgres.replicas().expect("a replica is named").clone();
        let documents = Arc::new(ShownDocuments::of(postgres.documents(), replicas).await);
        Self { store: PostgresStore { postgres, options }, documents }
    }
}

#[async_trait]
impl Engine for OnReplica {
    async fn fresh(&self) -> Box<dyn Store> {
        let replicas = vec![self.replica.url()];
        // However busy the machine is: a replica that is too far behind would answer nothing.
        let max_lag = Duration::from_secs(600);
        let options = postgres::Options { replicas, max_lag, ..self.engine.fresh_options() };
        Box::new(ReplicaStore::open(options).await)
    }
}

#[async_trait]
impl Store for ReplicaStore {
    fn log(&self) -> Arc<dyn Log> {
        self.store.log()
    }

    fn documents(&self) -> Arc<dyn Documents> {
        self.documents.clone()
    }

    async fn reopened(self: Box<Self>) -> Option<Box<dyn Store>> {
        let PostgresStore { postgres, options } = self.store;
        postgres.close().await.expect("a store closes");
        Some(Box::new(Self::open(options).await))
    }
}
