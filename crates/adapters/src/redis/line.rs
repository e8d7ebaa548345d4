//! The connection: kept up in the background, and given up as soon as it makes others wait.
//! It does not know what is asked through it.
//!
//! One connection carries all requests, each bounded in time. Whoever stops waiting leaves nothing behind: the connection
//! has a task of its own, which pairs answers with questions. When several questions in a row come too late, or the
//! connection breaks, it is dropped; until there is another, nobody waits at all.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Options, limits, presence, shelf};

/// Until a connection stands, with everything that is said first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two attempts; doubled each time.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often it is tried whether it still answers and takes what is written.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// So many late answers in a row, and nobody waits for the next.
const LATE_MAX: u32 = 3;
/// How long a probe's key lives.
const PROBE_LIVES_MS: u64 = 5_000;

/// What became of the questions so far.
#[derive(Debug, Default)]
pub struct Counts {
    pub answered: AtomicU64,
    /// No answer in time.
    pub late: AtomicU64,
    /// The connection broke.
    pub broken: AtomicU64,
    /// Redis said no: it is full, or not yet loaded.
    pub refused: AtomicU64,
    /// Not even asked, because there was no connection.
    pub unasked: AtomicU64,
    /// Connections made.
    pub connected: AtomicU64,
}

pub struct Line {
    pub options: Options,
    pub counts: Counts,
    client: Client,
    up: RwLock<Option<Up>>,
    late_in_a_row: AtomicU32,
    trouble: RwLock<Option<String>>,
    is_told: AtomicBool,
    /// The keeper is to look at once.
    look: Arc<Notify>,
    /// There is a connection again.
    risen: Notify,
}

/// A connection, and what Redis calls the scripts that it knows.
#[derive(Clone)]
pub struct Up {
    connection: MultiplexedConnection,
    nth: u64,
    pub limits: Arc<limits::Scripts>,
    pub shelf: Arc<shelf::Scripts>,
    pub presence: Arc<presence::Scripts>,
}

/// Nothing came of a question, and who asked decides alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered;

impl Line {
    pub fn start(options: Options, client: Client) -> Arc<Self> {
        let look = Arc::new(Notify::new());
        let line = Arc::new(Self {
            options,
            counts: Counts::default(),
            client,
            up: RwLock::default(),
            late_in_a_row: AtomicU32::default(),
            trouble: RwLock::new(Some("not connected yet".to_owned())),
            is_told: AtomicBool::default(),
            look: look.clone(),
            risen: Notify::new(),
        });
        tokio::spawn(keep(Arc::downgrade(&line), look));
        line
    }

    /// A key of ours.
    pub fn key(&self, kind: &str, name: &str) -> String {
        [&self.options.prefix, ":", kind, ":", name].concat()
    }

    pub fn trouble(&self) -> Option<String> {
        self.trouble.read().clone()
    }

    pub fn is_up(&self) -> bool {
        self.up.read().is_some()
    }

    pub async fn wait_until_up(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let risen = self.risen.notified();
            if self.is_up() && self.trouble.read().is_none() {
                return true;
            }
            if tokio::time::timeout_at(deadline, risen).await.is_err() {
                return false;
            }
        }
    }

    /// Asks, and waits no longer than is allowed.
    pub async fn ask(&self, question: impl FnOnce(&Up) -> Cmd) -> Result<Value, Unanswered> {
        let Some(mut up) = self.up.read().clone() else {
            self.counts.unasked.fetch_add(1, Ordering::Relaxed);
            return Err(Unanswered);
        };
        let question = question(&up);
        let answer = timeout(self.options.timeout, say(&mut up.connection, &question)).await;
        self.judge(&up, answer.ok())
    }

    fn judge(&self, up: &Up, answer: Option<RedisResult<Value>>) -> Result<Value, Unanswered> {
        let error = match answer {
            Some(Ok(value)) => {
                self.late_in_a_row.store(0, Ordering::Relaxed);
                self.counts.answered.fetch_add(1, Ordering::Relaxed);
                return Ok(value);
            }
            Some(Err(error)) if error.is_timeout() => return self.late(up),
            Some(Err(error)) => error,
            None => return self.late(up),
        };
        // A primary no more, or one that forgot our scripts: another connection puts it right.
        let is_gone = error.is_io_error()
            || error.is_connection_dropped()
            || matches!(error.code(), Some("READONLY" | "NOSCRIPT"));
        if is_gone {
            self.counts.broken.fetch_add(1, Ordering::Relaxed);
            self.drop(up, refusal(&error));
        } else {
            self.late_in_a_row.store(0, Ordering::Relaxed);
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            self.tell(refusal(&error));
        }
        Err(Unanswered)
    }

    fn late(&self, up: &Up) -> Result<Value, Unanswered> {
        self.counts.late.fetch_add(1, Ordering::Relaxed);
        if self.late_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= LATE_MAX {
            self.drop(up, self.too_late());
        }
        Err(Unanswered)
    }

    fn too_late(&self) -> String {
        format!("no answer within {} ms", self.options.timeout.as_millis())
    }

    /// Gives this connection up, unless there is another already.
    fn drop(&self, up: &Up, reason: String) {
        let mut known = self.up.write();
        if known.as_ref().is_some_and(|known| known.nth == up.nth) {
            *known = None;
            drop(known);
            self.tell(reason);
            self.look.notify_one();
        }
    }

    /// Says once what is wrong, and shows it until it is over.
    fn tell(&self, reason: String) {
        *self.trouble.write() = Some(reason.clone());
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason, redis = ?self.options, "redis does not help; this node counts and remembers alone");
        }
    }

    fn all_is_well(&self) {
        *self.trouble.write() = None;
        self.risen.notify_waiters();
        if self.is_told.swap(false, Ordering::Relaxed) {
            tracing::info!(redis = ?self.options, "redis helps again");
        }
    }

    /// Another connection, if Redis answers on it as fast as it must.
    async fn connect(&self) -> Result<Up, String> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(CONNECT_TIMEOUT.max(self.options.timeout)));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.map_err(|error| refusal(&error))?;
        let limits = limits::Scripts {
            take: load(&mut connection, limits::TAKE).await?,
            give_back: load(&mut connection, limits::GIVE_BACK).await?,
        };
        let shelf = shelf::Scripts {
            get: load(&mut connection, shelf::GET).await?,
            put: load(&mut connection, shelf::PUT).await?,
            forget: load(&mut connection, shelf::FORGET).await?,
        };
        let presence = presence::Scripts {
            enter: load(&mut connection, presence::ENTER).await?,
            came: load(&mut connection, presence::CAME).await?,
            count: load(&mut connection, presence::COUNT).await?,
        };
        match timeout(self.options.timeout, say(&mut connection, &redis::cmd("PING"))).await {
            Ok(answer) => _ = answer.map_err(|error| refusal(&error))?,
            Err(_) => return Err(self.too_late()),
        }
        let nth = self.counts.connected.fetch_add(1, Ordering::Relaxed);
        Ok(Up { connection, nth, limits: Arc::new(limits), shelf: Arc::new(shelf), presence: Arc::new(presence) })
    }

    /// Connects, unless there is a connection.
    async fn rise(&self) {
        if self.is_up() {
            return;
        }
        match self.connect().await {
            Ok(up) => {
                self.late_in_a_row.store(0, Ordering::Relaxed);
                *self.up.write() = Some(up);
            }
            Err(reason) => self.tell(reason),
        }
    }

    /// Whether Redis takes what is written; only that ends a trouble.
    async fn probe(&self) -> bool {
        if !self.is_up() {
            return false;
        }
        let (key, value) = (self.key("probe", "write"), "1");
        let question = |_: &Up| {
            let mut command = redis::cmd("SET");
            command.arg(&key).arg(value).arg("PX").arg(PROBE_LIVES_MS);
            command
        };
        let is_taken = self.ask(question).await.is_ok();
        if is_taken {
            self.all_is_well();
        }
        is_taken
    }
}

async fn load(connection: &mut MultiplexedConnection, script: &str) -> Result<String, String> {
    let mut command = redis::cmd("SCRIPT");
    command.arg("LOAD").arg(script);
    match timeout(CONNECT_TIMEOUT, say(connection, &command)).await {
        Ok(Ok(Value::BulkString(name))) => Ok(String::from_utf8_lossy(&name).into_owned()),
        Ok(Ok(_)) => Err("it knows no scripts".to_owned()),
        Ok(Err(error)) => Err(refusal(&error)),
        Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

/// A question and its answer; what Redis refuses is an error.
async fn say(connection: &mut MultiplexedConnection, question: &Cmd) -> RedisResult<Value> {
    connection.send_packed_command(question).await?.extract_error()
}

fn refusal(error: &RedisError) -> String {
    match error.code() {
        Some("OOM") => "it is full (maxmemory)".to_owned(),
        Some("LOADING") => "it is loading its data".to_owned(),
        Some(code) => format!("it refuses: {code} {}", error.detail().unwrap_or_default()),
        None => format!("no connection: {error}"),
    }
}

/// Sees to it that there is a connection, until nobody needs one. One that is of no use, such as to a replica, is not tried
/// again at once.
async fn keep(line: Weak<Line>, look: Arc<Notify>) {
    let mut pause = PAUSE.0;
    loop {
        let Some(line) = line.upgrade() else { return };
        line.rise().await;
        if line.probe().await {
            pause = PAUSE.0;
        }
        let is_up = line.is_up();
        drop(line);
        if is_up {
            // Woken when a connection is given up.
            let _ = timeout(PROBE_EVERY, look.notified()).await;
        } else {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}
