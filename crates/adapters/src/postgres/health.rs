//! Notices when writes are not answered, and says why in a sentence for whoever runs the shop.
//! It cancels nothing: a commit that waits for a standby has to wait for as long as it takes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use platform::http::metrics::Registry;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::connector::{Connection, Connector, Primary, Purpose};
use super::failure::describe;
use super::values::get;
use super::{OpenError, Options, Store};

/// A commit that has waited for a standby for so long is told about: with one that is well it takes milliseconds.
const LATE_AFTER: Duration = Duration::from_secs(2);
/// The same of a write that waits for anything else, or that has much to do.
const SLOW_AFTER: Duration = Duration::from_secs(10);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the server may take to say what a write waits for.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// How many sessions wait for a standby, for which ones commits wait, who follows, and what the write that was begun first
/// waits for. Everybody may see the names of those who follow; what a session waits for, only its own user.
const WAITS: &str = "SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'),
    current_setting('synchronous_standby_names'),
    ARRAY(SELECT application_name FROM pg_stat_replication ORDER BY 1),
    (SELECT wait_event_type || ': ' || wait_event FROM pg_stat_activity
        WHERE usename = current_user AND datname = current_database() AND state = 'active'
            AND pid <> pg_backend_pid() AND wait_event IS NOT NULL ORDER BY query_start LIMIT 1)";

/// What keeps writes waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Commits wait for a standby. Nothing that was sent is lost, and it goes on by itself when one is there.
    Standby(String),
    /// Anything else.
    Other(String),
}

impl Trouble {
    pub fn text(&self) -> &str {
        match self {
            Self::Standby(text) | Self::Other(text) => text,
        }
    }

    pub fn is_standby(&self) -> bool {
        matches!(self, Self::Standby(_))
    }
}

/// How writes do.
pub struct Health {
    standing: Arc<Mutex<Option<Trouble>>>,
    store: Weak<Store>,
    watching: AbortHandle,
}

impl Health {
    /// Begins to watch a store's writes, on the current runtime.
    pub(super) fn start(store: &Arc<Store>, lookout: Lookout) -> Self {
        let standing = Arc::default();
        let watching = tokio::spawn(watch(Arc::downgrade(store), lookout, Arc::clone(&standing))).abort_handle();
        Self { standing, store: Arc::downgrade(store), watching }
    }

    /// Why writes are not answered at the moment, in a sentence.
    pub fn trouble(&self) -> Option<String> {
        self.standing.lock().as_ref().map(|trouble| trouble.text().to_owned())
    }

    /// Shows how writes do among the metrics. Metrics may outlive the store.
    pub fn show_in(&self, registry: &Registry) {
        let store = self.store.clone();
        let help = "How long the write has been waiting that PostgreSQL has owed an answer for longest.";
        registry.gauge("store_write_wait_seconds", help, move || {
            let waiting = store.upgrade().and_then(|store| store.longest_wait());
            waiting.map_or(0.0, |waiting| waiting.as_secs_f64())
        });
        let standing = self.standing.clone();
        let help = "1 while commits wait for a synchronous standby, else 0.";
        registry.gauge("store_waits_for_standby", help, move || {
            f64::from(u8::from(standing.lock().as_ref().is_some_and(Trouble::is_standby)))
        });
        let store = self.store.clone();
        let help = "1 from when PostgreSQL refuses writes until /health/ready finds that it takes them.";
        registry.gauge("store_refuses_writes", help, move || {
            f64::from(u8::from(store.upgrade().is_some_and(|store| store.writing.is_stuck())))
        });
    }

    pub(super) fn close(&self) {
        self.watching.abort();
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.close();
    }
}

/// Until the store is gone. What changes is logged once.
async fn watch(store: Weak<Store>, mut lookout: Lookout, standing: Arc<Mutex<Option<Trouble>>>) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(waiting) = store.upgrade().map(|store| store.longest_wait()) else { return };
        let found = match waiting {
            Some(waiting) if waiting >= LATE_AFTER => lookout.why(waiting).await,
            _ => None,
        };
        tell(standing.lock().as_ref(), found.as_ref());
        if found.is_none() {
            lookout.rest();
        }
        *standing.lock() = found;
    }
}

/// Logs what has changed.
fn tell(before: Option<&Trouble>, now: Option<&Trouble>) {
    let kind = |trouble: Option<&Trouble>| trouble.map(Trouble::is_standby);
    match now {
        Some(trouble) if kind(before) != kind(now) => tracing::warn!("{}", trouble.text()),
        None if before.is_some() => tracing::info!("writes are answered again"),
        _ => {}
    }
}

/// Asks the server what a write waits for, on a connection of its own that is there only while there is a reason.
pub struct Lookout {
    connector: Connector,
    connection: Option<Connection>,
}

/// What the server said.
struct Said {
    standby_waiters: i64,
    wanted: String,
    following: Vec<String>,
    event: Option<String>,
}

impl Lookout {
    pub fn new(options: &Options, primary: &Arc<Primary>) -> Result<Self, OpenError> {
        Ok(Self { connector: Connector::new(options, Purpose::Reading, primary.clone())?, connection: None })
    }

    /// Does what has to be written, and tells meanwhile what it waits for: once, and when it goes on.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (began, mut told) = (Instant::now(), None);
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                () = sleep(LOOK_EVERY) => {
                    if began.elapsed() >= LATE_AFTER && let Some(found) = self.why(began.elapsed()).await {
                        tell(told.as_ref(), Some(&found));
                        told = Some(found);
                    }
                }
            }
        };
        tell(told.as_ref(), None);
        self.rest();
        done
    }

    /// What a write waits for that was sent so long ago; nothing where that is no reason to worry.
    async fn why(&mut self, waiting: Duration) -> Option<Trouble> {
        let said = match timeout(LOOK_MAX, self.ask()).await {
            Ok(said) => said,
            Err(_) => Err("it does not answer".to_owned()),
        };
        let seconds = waiting.as_secs();
        let is_slow = waiting >= SLOW_AFTER;
        match said {
            Ok(said) if said.standby_waiters > 0 => Some(Trouble::Standby(said.of_standbys(seconds))),
            Ok(Said { event: Some(event), .. }) if is_slow => {
                Some(Trouble::Other(format!("a write has been waiting for {seconds} s; PostgreSQL waits for {event}")))
            }
            Ok(_) if is_slow => Some(Trouble::Other(format!("PostgreSQL has been at one write for {seconds} s"))),
            Ok(_) => None,
            Err(reason) => {
                self.rest();
                let text =
                    format!("PostgreSQL has not answered a write for {seconds} s, and cannot be asked why: {reason}");
                is_slow.then_some(Trouble::Other(text))
            }
        }
    }

    async fn ask(&mut self) -> Result<Said, String> {
        let is_over = |connection: &Connection| connection.client.is_closed() || !self.connector.is_current(connection);
        if self.connection.as_ref().is_none_or(is_over) {
            self.connection = Some(self.connector.connect().await.map_err(|error| error.to_string())?);
        }
        let connection = self.connection.as_ref().ok_or("there is no connection")?;
        let row = connection.client.query_one(WAITS, &[]).await.map_err(|error| describe(&error))?;
        let read = || Ok((get(&row, 0)?, get::<&str>(&row, 1)?.to_owned(), get(&row, 2)?, get(&row, 3)?));
        let read: platform::store::StoreResult<_> = read();
        let (standby_waiters, wanted, following, event) = read.map_err(|error| error.to_string())?;
        Ok(Said { standby_waiters, wanted, following, event })
    }

    fn rest(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.cut();
        }
    }
}

impl Said {
    fn of_standbys(&self, seconds: u64) -> String {
        let Self { wanted, following, .. } = self;
        let those = match &following[..] {
            [] => "nobody follows".to_owned(),
            names => format!("those who follow: {}", names.join(", ")),
        };
        let is_there = following.iter().any(|name| is_among(wanted, name));
        let what = match (&wanted[..], is_there) {
            // It was taken back, and those who wait go on in a moment.
            ("", _) => "none is asked for any more".to_owned(),
            (_, true) => {
                format!("of synchronous_standby_names ('{wanted}') too few confirm what they are sent; {those}")
            }
            (_, false) => format!("none of synchronous_standby_names ('{wanted}') is connected; {those}"),
        };
        format!("commits wait for a synchronous standby, since {seconds} s: {what}")
    }
}

/// Whether a name is one of those that `synchronous_standby_names` has: `db2`, `FIRST 1 (db2, db3)`, `ANY 1 ("db2")`, `*`.
fn is_among(wanted: &str, name: &str) -> bool {
    let names = wanted.split(['(', ')', ',', ' ', '"']).filter(|word| !word.is_empty());
    names.into_iter().any(|word| word == "*" || word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(wanted: &str, following: &[&str]) -> String {
        let following = following.iter().map(|name| (*name).to_owned()).collect();
        Said { standby_waiters: 1, wanted: wanted.to_owned(), following, event: None }.of_standbys(7)
    }

    #[test]
    fn who_is_missing_is_told() {
        let begin = "commits wait for a synchronous standby, since 7 s: ";
        let none = "none of synchronous_standby_names ('db2') is connected; ";
        assert_eq!(said("db2", &[]), format!("{begin}{none}nobody follows"));
        assert_eq!(said("db2", &["db3", "db4"]), format!("{begin}{none}those who follow: db3, db4"));
        for wanted in ["db2", "*", "FIRST 1 (db9, DB2)", "ANY 1 (\"db2\")"] {
            assert!(said(wanted, &["db2"]).contains("too few confirm"), "{wanted}");
        }
        assert!(said("", &["db2"]).ends_with("none is asked for any more"));
    }
}
