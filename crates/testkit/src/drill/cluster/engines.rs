//! The databases of a cluster: a primary whose commits wait for a standby, replicas of it, and what happens to them.
//! It does not know what is kept there.

use std::sync::Arc;
use std::time::Duration;

use crate::mart::Database;
use crate::postgres::{Durability, Server};

/// A primary and its synchronous standby. Shops on them have a schema each, so that several drills can follow one another.
pub struct Engines {
    primary: Arc<Server>,
    standby: Arc<Server>,
    /// How many standbys there were.
    standbys: u32,
    wait: Duration,
}

impl Engines {
    /// `wait`: how long a node's request waits for a connection to them.
    pub async fn start(durability: Durability, wait: Duration) -> Self {
        on_a_thread(move || {
            let primary = Server::start(durability);
            let standby = primary.standby("standby_1");
            primary.wait_for_standby("standby_1");
            Self { primary: Arc::new(primary), standby: Arc::new(standby), standbys: 1, wait }
        })
        .await
    }

    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    /// A new shop's place, by an address that names both servers.
    pub fn database(&self) -> Database {
        Database { url: Server::url_of(&[&self.primary, &self.standby]), schema: Server::new_schema() }
    }

    /// A server that follows what is the primary now, until it is dropped.
    pub async fn replica(&self) -> Replica {
        let primary = self.primary.clone();
        Replica(on_a_thread(move || Arc::new(primary.replica())).await)
    }

    /// How many facts of a shop the primary has and a replica does not show.
    ///
    /// # Panics
    /// When one of them does not answer.
    pub async fn lacking(&self, replica: &Replica, schema: &str) -> u64 {
        let (primary, replica) = (self.primary.clone(), replica.0.clone());
        let counted = format!("SELECT count(*) FROM {schema}.facts");
        on_a_thread(move || {
            let count = |server: &Server| -> u64 { server.sql(&counted).parse().expect("a count") };
            let there = count(&primary);
            there.saturating_sub(count(&replica))
        })
        .await
    }

    /// Every process of the primary is gone at once.
    pub async fn kill_primary(&self) {
        let primary = self.primary.clone();
        on_a_thread(move || primary.kill()).await;
    }

    /// The standby takes writes from now on.
    pub async fn promote_standby(&mut self) {
        let standby = self.standby.clone();
        on_a_thread(move || standby.promote()).await;
        std::mem::swap(&mut self.primary, &mut self.standby);
    }

    /// What was the primary is thrown away, and a new standby stands at its address; commits wait for it.
    pub async fn replace_standby(self) -> Self {
        let Self { primary, standby, standbys, wait } = self;
        let gone = Arc::into_inner(standby).expect("nobody else looks after it");
        let standbys = standbys + 1;
        on_a_thread(move || {
            let name = format!("standby_{standbys}");
            let standby = primary.standby_in_place_of(gone, &name);
            primary.wait_for_standby(&name);
            Self { primary, standby: Arc::new(standby), standbys, wait }
        })
        .await
    }

    /// From now on commits wait for nobody, and the standby hears of nothing more.
    pub async fn deafen_standby(&self) {
        let (primary, standby) = (self.primary.clone(), self.standby.clone());
        on_a_thread(move || {
            primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''");
            standby.sql("ALTER SYSTEM SET primary_conninfo = ''");
            for server in [&primary, &standby] {
                server.sql("SELECT pg_reload_conf()");
            }
            while primary.sql("SELECT count(*) FROM pg_stat_replication") != "0" {}
        })
        .await;
    }
}

/// A server that follows the primary, and for which no commit waits.
pub struct Replica(Arc<Server>);

impl Replica {
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// It goes on taking in what the primary writes, and shows nothing of it.
    pub async fn pause(&self) {
        self.tell(Server::pause_replay).await;
    }

    pub async fn resume(&self) {
        self.tell(Server::resume_replay).await;
    }

    /// It keeps its connections and says nothing, until [`Self::wake`].
    pub async fn freeze(&self) {
        self.tell(Server::freeze).await;
    }

    pub async fn wake(&self) {
        self.tell(Server::wake).await;
    }

    async fn tell(&self, what: fn(&Server)) {
        let server = self.0.clone();
        on_a_thread(move || what(&server)).await;
    }
}

/// Servers are started and stopped by programs that are waited for.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    #[expect(clippy::disallowed_methods, reason = "a shop sells meanwhile")]
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("the work was done")
}
