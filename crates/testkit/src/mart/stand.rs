//! What the marts of a run stand on: a folder each, a database, or a database with a read replica, and Redis, with two nodes
//! in front of them. The
//! environment says it, so that the same tests run on each.
//! It does not know what a test does.

use tempfile::TempDir;

use crate::postgres::Server;
use crate::redis::RedisServer;

/// Which of [`Stand`]: `postgres` or `cluster`; a folder without it.
pub const VARIABLE: &str = "CLOUDMART_TEST_STAND";
/// Of each node; PostgreSQL has 300 for all.
const CONNECTIONS: &str = "8";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// SQLite in the mart's own folder.
    Folder,
    /// One node on PostgreSQL.
    Postgres,
    /// Two nodes on PostgreSQL with a replica that answers lists, and Redis; the nodes are asked in turns.
    Cluster,
}

impl Stand {
    /// # Panics
    /// When the environment names none of them.
    pub fn of_this_run() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the run of the tests says what they stand on")]
        let named = std::env::var(VARIABLE);
        match named.as_deref() {
            Err(_) => Self::Folder,
            Ok("postgres") => Self::Postgres,
            Ok("cluster") => Self::Cluster,
            Ok(other) => panic!("{VARIABLE} is `{other}`, which is neither `postgres` nor `cluster`"),
        }
    }
}

/// What one mart's nodes share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub variables: Vec<(&'static str, String)>,
    /// In the database that all marts of this process share.
    schema: Option<String>,
    _media: Option<TempDir>,
    _redis: Option<RedisServer>,
}

impl Shared {
    pub async fn of(stand: Stand) -> Self {
        if stand == Stand::Folder {
            return Self::default();
        }
        let (server, replica) = shared_servers(stand).await;
        let schema = Server::new_schema();
        let mut variables = vec![
            ("CLOUDMART_STORE_ENGINE", "postgres".to_owned()),
            ("CLOUDMART_POSTGRES_URL", server.url()),
            ("CLOUDMART_POSTGRES_SCHEMA", schema.clone()),
            ("CLOUDMART_POSTGRES_CONNECTIONS", CONNECTIONS.to_owned()),
        ];
        if stand == Stand::Postgres {
            return Self { variables, schema: Some(schema), ..Self::default() };
        }
        let media = tempfile::tempdir().expect("a folder for pictures");
        let redis = RedisServer::start().await;
        variables
            .extend(replica.map(|replica| ("CLOUDMART_POSTGRES_REPLICAS", format!("127.0.0.1:{}", replica.port()))));
        variables.extend([
            ("CLOUDMART_MEDIA", media.path().to_string_lossy().into_owned()),
            ("CLOUDMART_MASTER_KEY", "5".repeat(64)),
            ("CLOUDMART_REDIS_URL", redis.url()),
            // No load balancer stands before them.
            ("CLOUDMART_HTTP_NOTICE_S", "0".to_owned()),
        ]);
        Self { variables, schema: Some(schema), _media: Some(media), _redis: Some(redis) }
    }

    /// Somebody else's; commands find it by these.
    pub fn told(variables: Vec<(&'static str, String)>) -> Self {
        Self { variables, ..Self::default() }
    }

    /// Every row, as text.
    pub fn dump(&self) -> Option<Vec<u8>> {
        self.schema.as_ref().map(|schema| Server::shared().dump(schema).into_bytes())
    }
}

/// The primary, and where nodes read lists from. Started once; that takes seconds, on a thread that may wait.
async fn shared_servers(stand: Stand) -> (&'static Server, Option<&'static Server>) {
    let start = move || (Server::shared(), (stand == Stand::Cluster).then(Server::shared_replica));
    #[expect(clippy::disallowed_methods, reason = "servers start while other tests go on")]
    let servers = tokio::task::spawn_blocking(start).await.expect("PostgreSQL starts");
    servers
}
