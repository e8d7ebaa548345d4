//! The store of a shop: SQLite in its data folder, or PostgreSQL, which its nodes share.
//! It does not know what is stored; nobody but it asks which engine that is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adapters::postgres::{self, Postgres};
use adapters::sqlite::{self, Sqlite};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use platform::copying::Origin;
use platform::documents::Documents;
use platform::http::metrics::Registry;
use platform::log::Log;
use platform::store::StoreResult;
use tokio::runtime::Handle;

use super::Error;
use crate::config::{self, Config, Engine, PostgresTls, Secrets};

/// The file that says that a folder's shop has moved: it sells elsewhere now, and must not sell from here as well.
pub const MOVED_FILE: &str = "moved";

/// One of the engines, open.
pub enum Store {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Opens what the settings name, creating it where it is not there.
    pub async fn open(config: &Config, secrets: &Secrets) -> Result<Self, Error> {
        Ok(match config.store.engine {
            Engine::Sqlite => {
                stays(&config.data)?;
                Self::Sqlite(Sqlite::open(&config.data, &sqlite::Options::default())?)
            }
            Engine::Postgres => {
                // What is this node's own lies there: the search index, imports under way.
                std::fs::create_dir_all(&config.data)?;
                Self::Postgres(Postgres::connect(&postgres_options(config, secrets)?).await?)
            }
        })
    }

    /// Opens what the settings name for whoever sees to a shop: there must be one. A database's schema is made by whoever serves.
    pub async fn open_existing(config: &Config, secrets: &Secrets) -> Result<Self, Error> {
        must_be_there(config)?;
        Self::open(config, secrets).await
    }

    /// What tells it from a copy of it elsewhere in the same database, or in another one; the same for all nodes.
    pub fn place(config: &Config, secrets: &Secrets) -> Result<String, Error> {
        Ok(match config.store.engine {
            Engine::Sqlite => String::new(),
            Engine::Postgres => {
                let server = config.postgres.server(secrets.postgres_password.clone());
                let server = server.map_err(|(key, reason)| config::Error::Unworkable { key, reason })?;
                format!("{}.{}", server.database, config.postgres.schema)
            }
        })
    }

    /// Copies of the documents that may answer what is only shown, where there are any.
    pub fn replicas(&self) -> Option<&Arc<postgres::Replicas>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres) => postgres.replicas(),
        }
    }

    pub fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Sqlite(sqlite) => sqlite.log(),
            Self::Postgres(postgres) => postgres.log(),
        }
    }

    pub fn documents(&self) -> Arc<dyn Documents> {
        match self {
            Self::Sqlite(sqlite) => sqlite.documents(),
            Self::Postgres(postgres) => postgres.documents(),
        }
    }

    /// Where whoever appends is to run, if it matters.
    pub fn lane(&self) -> Option<&Handle> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres) => Some(postgres.lane()),
        }
    }

    /// What is in it now. `data`: the folder that it was opened in.
    pub fn at_one_moment(&self, data: &Path) -> Result<Moment, Error> {
        match self {
            Self::Sqlite(_) => Moment::of_folder(data),
            Self::Postgres(postgres) => Ok(Moment::Postgres(postgres.at_one_moment()?)),
        }
    }

    /// Whether a write failed for want of room, because the disk fails, or because the database takes no writes or no connection. Whoever is
    /// told writes something large, and says [`Self::goes_on`] when that was done.
    pub fn is_stuck(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.stats().writer.is_stuck.load(Ordering::Relaxed),
            Self::Postgres(postgres) => postgres.is_stuck(),
        }
    }

    /// Something large was written; makes sure of what else an order needs.
    pub async fn goes_on(&self) -> StoreResult<()> {
        match self {
            // It sees for itself.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(postgres) => postgres.goes_on().await,
        }
    }

    /// What makes it slower at the moment, or keeps answers waiting, in sentences for whoever runs it.
    pub fn trouble(&self) -> Vec<String> {
        match self {
            Self::Sqlite(_) => Vec::new(),
            Self::Postgres(postgres) => {
                let replicas = postgres.replicas().map(|replicas| replicas.trouble());
                postgres.health().trouble().into_iter().chain(replicas.unwrap_or_default()).collect()
            }
        }
    }

    /// Shows how it does among the metrics.
    pub fn show_in(&self, registry: &Registry) {
        if let Self::Postgres(postgres) = self {
            postgres.health().show_in(registry);
            if let Some(replicas) = postgres.replicas() {
                replicas.show_in(registry);
            }
        }
    }

    /// Makes the bytes of what was deleted before vanish, as far as the engine lets us.
    pub async fn purge(&self) -> StoreResult<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.purge().await,
            // Dead rows go with the next vacuum, archived WAL with its backups; docs/OPERATIONS.md says how to hurry both.
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Finishes what was begun, and gives back what it holds.
    pub async fn close(&self) -> StoreResult<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// A store as it is at one moment, to be looked at while others write.
pub enum Moment {
    Sqlite(sqlite::Inspection),
    Postgres(postgres::Moment),
}

impl Moment {
    pub fn of_folder(data: &Path) -> Result<Self, Error> {
        Ok(Self::Sqlite(sqlite::open_read_only(data)?))
    }

    pub fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Sqlite(sqlite) => sqlite.log(),
            Self::Postgres(postgres) => postgres.log(),
        }
    }

    pub fn documents(&self) -> Arc<dyn Documents> {
        match self {
            Self::Sqlite(sqlite) => sqlite.documents(),
            Self::Postgres(postgres) => postgres.documents(),
        }
    }

    /// All of it, to be copied or summed up.
    pub fn origin(&self) -> Arc<dyn Origin> {
        match self {
            Self::Sqlite(sqlite) => sqlite.origin(),
            Self::Postgres(postgres) => postgres.origin(),
        }
    }

    /// Whether all that was read so far is of that moment.
    pub fn is_one(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(postgres) => postgres.is_one(),
        }
    }
}

/// A store beside the processes that serve it, for what is nobody's history.
pub enum Beside {
    Sqlite(sqlite::Beside),
    Postgres(Postgres),
}

impl Beside {
    /// The store must be there.
    pub async fn open(config: &Config, secrets: &Secrets) -> Result<Self, Error> {
        Ok(match config.store.engine {
            Engine::Sqlite => {
                stays(&config.data)?;
                Self::Sqlite(sqlite::open_beside(&config.data)?)
            }
            Engine::Postgres => {
                let alone = postgres::Options { replicas: Vec::new(), ..postgres_options(config, secrets)? };
                Self::Postgres(Postgres::connect(&alone).await?)
            }
        })
    }

    pub fn documents(&self) -> Arc<dyn Documents> {
        match self {
            Self::Sqlite(sqlite) => sqlite.documents(),
            Self::Postgres(postgres) => postgres.documents(),
        }
    }

    pub async fn close(&self) -> StoreResult<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// Whether a folder's shop is there; what is in a database, only the database tells.
pub fn must_be_there(config: &Config) -> Result<(), Error> {
    if config.store.engine == Engine::Sqlite {
        sqlite::existing(&config.data)?;
    }
    Ok(())
}

fn stays(data: &Path) -> Result<(), Error> {
    let file = data.join(MOVED_FILE);
    if file.exists() { Err(Error::Moved { data: data.to_owned(), file }) } else { Ok(()) }
}

/// Where the settings say that PostgreSQL is.
pub fn postgres_options(config: &Config, secrets: &Secrets) -> Result<postgres::Options, Error> {
    let said = &config.postgres;
    let wrong = |(key, reason): (&'static str, String)| config::Error::Unworkable { key, reason };
    let server = said.server(secrets.postgres_password.clone()).map_err(wrong)?;
    let ca = match said.tls {
        PostgresTls::Off => None,
        PostgresTls::VerifyFull => Some(std::fs::read_to_string(&said.ca_file).map_err(|error| {
            wrong(("postgres.ca_file", format!("{} cannot be read: {error}", said.ca_file.display())))
        })?),
    };
    let hosts: Vec<String> = server.hosts.iter().map(config::Host::to_string).collect();
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (user, database) = (encoded(&server.user), encoded(&server.database));
    let at = |hosts: &str| format!("postgres://{user}@{hosts}/{database}");
    Ok(postgres::Options {
        url: at(&hosts.join(",")),
        replicas: server.replicas.iter().map(|host| at(&host.to_string())).collect(),
        max_lag: Duration::from_millis(said.max_lag_ms),
        password: server.password.map(|password| password.expose().to_owned()),
        ca,
        schema: said.schema.clone(),
        // Half of them each: carts and lists keep both busy alike.
        readers: (said.connections / 2).max(1),
        writers: (said.connections - said.connections / 2).saturating_sub(postgres::APPENDERS).max(1),
        wait: Duration::from_millis(said.wait_ms),
        idle: Duration::from_secs(said.idle_s),
        ..postgres::Options::default()
    })
}
