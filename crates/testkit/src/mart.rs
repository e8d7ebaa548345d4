//! A mart in a box: the real binary on a free port with a data folder of its own, asked as its customers ask it.
//! It does not know what a test wants to see; it starts, asks, kills and starts again.

mod answer;
mod ask;
mod gateway;
mod guard;
mod mail;
mod process;
mod shop;
mod stand;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

pub use answer::{Answer, total_of};
pub use ask::{Ask, Till};
pub use gateway::{Gateway, Lost};
pub use mail::{Mail, MailServer, Speaks};
pub use process::{Output, Process, Running, Signal, run_to_its_end};
pub use shop::{guest_order, settings, with};
pub use stand::Stand;

/// Marts at once: a machine with two cores has no use for more.
const PLACES: usize = 4;
/// A debug build that loads the sample shop takes some seconds, and the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(45);
/// A command such as `doctor`, `restore` or `replay`.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);
/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(20);
/// The same while a shop starts, which is measured.
const START_POLL: Duration = Duration::from_millis(4);
/// Another program may take a free port before the mart does.
const STARTS_TRIED: u32 = 3;

/// Keys that one of those uses which are asked through a gateway.
const KEYS_EACH: u64 = 1_000_000;

static BEHIND_GATEWAYS: AtomicU64 = AtomicU64::new(1);
static FREE_PLACES: Semaphore = Semaphore::const_new(PLACES);

/// How a mart is to be started.
#[derive(Debug, Clone)]
pub struct Plan {
    binary: PathBuf,
    /// Put before the binary's own command line: `strace …`, `prlimit …`.
    wrapper: Vec<String>,
    arguments: Vec<String>,
    /// `None`: the mart makes a key of its own and tells it.
    admin_token: Option<String>,
    data: Option<PathBuf>,
    listen_ip: Ipv4Addr,
    is_alone: bool,
}

impl Plan {
    /// An empty shop.
    pub fn empty(binary: impl AsRef<Path>) -> Self {
        let plan = Self::sample(binary);
        plan.argument("--sample-shop").argument("none")
    }

    /// The sample shop, as a newcomer sees it.
    pub fn sample(binary: impl AsRef<Path>) -> Self {
        Self {
            binary: binary.as_ref().to_owned(),
            wrapper: Vec::new(),
            arguments: Vec::new(),
            admin_token: Some("a-key-for-tests-that-nobody-else-has".to_owned()),
            data: None,
            listen_ip: Ipv4Addr::LOCALHOST,
            is_alone: false,
        }
    }

    /// Listens on every address of this machine, as a shop that others can reach.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.listen_ip = Ipv4Addr::UNSPECIFIED;
        self
    }

    /// On a folder of its own whatever the run says: the test looks into it, or is about one process.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs it under another program, which must keep its process id.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The key that staff send, and the first sign-in, are then the mart's own.
    #[must_use]
    pub fn without_admin_token(mut self) -> Self {
        self.admin_token = None;
        self
    }

    /// Keeps the data elsewhere than in a folder that goes away with the mart.
    #[must_use]
    pub fn data(mut self, data: impl Into<PathBuf>) -> Self {
        self.data = Some(data.into());
        self
    }
}

/// How long a start took, from the process's begin.
#[derive(Debug, Clone, Copy, Default)]
pub struct StartTimes {
    /// Until a shopper was answered.
    pub first_answer: Duration,
    /// Until it said that it can sell.
    pub ready: Duration,
}

/// A store that several nodes share.
#[derive(Debug, Clone)]
pub struct Database {
    pub url: String,
    pub schema: String,
}

/// A running shop. Ends with the test, however that ends.
#[derive(Debug)]
pub struct Mart {
    plan: Plan,
    folder: TempDir,
    address: SocketAddr,
    process: Option<Process>,
    /// The second node, where there are two.
    second: Option<(SocketAddr, Process)>,
    shared: stand::Shared,
    stand: Stand,
    asked: AtomicU64,
    starts: u32,
    last_start: StartTimes,
    client: reqwest::Client,
    keys: AtomicU64,
    /// Whom it is asked through, where its nodes are somebody else's.
    gateway: Option<Arc<Gateway>>,
    /// Where its bank's books are, other than in its folder.
    database: Option<Database>,
    _place: Option<SemaphorePermit<'static>>,
}

impl Mart {
    /// Starts a mart and waits until it is ready.
    pub async fn start(plan: Plan) -> Self {
        let mut mart = Self::prepare(plan).await;
        mart.restart().await;
        mart
    }

    /// An empty shop that sells in five currencies to six countries, with nothing on its shelves.
    pub async fn open(binary: impl AsRef<Path>) -> Self {
        Self::open_as(Plan::empty(binary)).await
    }

    /// The same, started in another way.
    pub async fn open_as(plan: Plan) -> Self {
        let mart = Self::start(plan).await;
        mart.put_settings(&shop::settings()).await;
        mart
    }

    /// A place to run in, and nothing running yet.
    pub async fn prepare(plan: Plan) -> Self {
        let place = FREE_PLACES.acquire().await.expect("the places are never closed");
        let stand = if plan.is_alone { Stand::Folder } else { Stand::of_this_run() };
        let shared = stand::Shared::of(stand).await;
        Self::nowhere(plan, stand, shared, Some(place))
    }

    /// A shop whose nodes run elsewhere, asked through a gateway. `config`: their file of settings, by which commands find
    /// the store; the same store for whoever looks into the bank's books.
    pub fn behind(gateway: Arc<Gateway>, plan: Plan, config: &Path, database: Database) -> Self {
        let variables = vec![("CLOUDMART_CONFIG", config.to_string_lossy().into_owned())];
        let shared = stand::Shared::told(variables);
        let mut mart = Self::nowhere(plan, Stand::Cluster, shared, None);
        // Several may ask one shop.
        mart.keys = AtomicU64::new(BEHIND_GATEWAYS.fetch_add(1, Ordering::Relaxed) * KEYS_EACH);
        (mart.gateway, mart.database) = (Some(gateway), Some(database));
        mart
    }

    fn nowhere(plan: Plan, stand: Stand, shared: stand::Shared, place: Option<SemaphorePermit<'static>>) -> Self {
        Self {
            plan,
            folder: tempfile::Builder::new().prefix("mart-").tempdir().expect("a folder for a mart"),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            process: None,
            second: None,
            shared,
            stand,
            asked: AtomicU64::new(0),
            starts: 0,
            last_start: StartTimes::default(),
            client: ask::client(),
            keys: AtomicU64::new(0),
            gateway: None,
            database: None,
            _place: place,
        }
    }

    /// Starts it again on the same data, and waits until it is ready. It must not be running.
    pub async fn restart(&mut self) {
        for attempt in 1.. {
            self.spawn();
            let ready = self.wait_until_ready().await;
            let Err(ended) = ready else { break };
            let is_taken = self.output().contains("in use");
            assert!(is_taken && attempt < STARTS_TRIED, "cloudmart ended before it was ready: {ended}{}", self.log());
        }
        if self.stand == Stand::Cluster {
            self.start_second().await;
        }
    }

    async fn start_second(&mut self) {
        let address = free_address();
        let command = self.serving(&self.data_of_second(), address);
        let (out, err) = (self.folder.path().join("second.out"), self.folder.path().join("second.err"));
        self.second = Some((address, Process::spawn(command, &out, &err)));
        eventually("the second node is ready", START_LIMIT, async || {
            let url = format!("http://{address}/health/ready");
            let asked = self.client.get(url).timeout(Duration::from_secs(5)).send().await;
            asked.is_ok_and(|response| response.status() == 200).then_some(())
        })
        .await;
    }

    fn data_of_second(&self) -> PathBuf {
        self.folder.path().join("data-of-second")
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "it is running already");
        self.starts += 1;
        self.address = free_address();
        let command = self.serving(&self.data(), self.address);
        self.process = Some(Process::spawn(command, &self.log_path("out"), &self.log_path("err")));
    }

    fn serving(&self, data: &Path, address: SocketAddr) -> Command {
        let mut words: Vec<&OsStr> = self.plan.wrapper.iter().map(OsStr::new).collect();
        words.push(self.plan.binary.as_os_str());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("serve").arg("--data").arg(data);
        command.arg("--listen").arg(format!("{}:{}", self.plan.listen_ip, address.port())).args(&self.plan.arguments);
        match &self.plan.admin_token {
            Some(token) => command.env("CLOUDMART_ADMIN_TOKEN", token),
            None => command.env_remove("CLOUDMART_ADMIN_TOKEN"),
        };
        command.envs(self.shared.variables.clone()).current_dir(self.folder.path());
        command
    }

    async fn wait_until_ready(&mut self) -> Result<(), ExitStatus> {
        let began = Instant::now();
        let mut first_answer = None;
        loop {
            let process = self.process.as_mut().expect("it was started");
            if let Some(status) = process.ended() {
                self.process = None;
                return Err(status);
            }
            if first_answer.is_none() && self.answers().await {
                first_answer = Some(began.elapsed());
            }
            if first_answer.is_some() && self.is_ready().await {
                let ready = began.elapsed();
                self.last_start = StartTimes { first_answer: first_answer.unwrap_or(ready), ready };
                return Ok(());
            }
            assert!(began.elapsed() < START_LIMIT, "not ready after {START_LIMIT:?}{}", self.log());
            tokio::time::sleep(START_POLL).await;
        }
    }

    /// Waits until it is ready, or has ended; answers which. It was started before.
    pub async fn is_there(&mut self) -> bool {
        eventually("it is ready or ends", START_LIMIT, async || {
            if !self.is_alive() {
                return Some(false);
            }
            self.is_ready().await.then_some(true)
        })
        .await
    }

    /// Whether a shopper gets an answer.
    async fn answers(&self) -> bool {
        let asked = self.client.get(self.url("/api/products?limit=1")).timeout(Duration::from_secs(5)).send().await;
        asked.is_ok_and(|response| response.status() == 200)
    }

    /// How long the last start took.
    pub fn last_start(&self) -> StartTimes {
        self.last_start
    }

    /// Whether it says that it can sell.
    pub async fn is_ready(&self) -> bool {
        let asked = self.client.get(self.url("/health/ready")).timeout(Duration::from_secs(5)).send().await;
        asked.is_ok_and(|response| response.status() == 200)
    }

    /// Whether the process lives.
    pub fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// Waits for it to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it was started");
        match process.wait(STOP_LIMIT).await {
            Some(status) => status,
            None => panic!("still running after {STOP_LIMIT:?}{}", self.log()),
        }
    }

    /// Ends it at once, as a power cut does.
    pub fn kill9(&mut self) {
        for process in self.process.take().into_iter().chain(self.second.take().map(|(_, process)| process)) {
            process.kill();
        }
    }

    /// Asks it to end and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::Terminate);
        if let Some((_, mut second)) = self.second.take() {
            second.signal(Signal::Terminate);
            assert!(second.wait(STOP_LIMIT).await.is_some(), "the second node is still running");
        }
        self.ended().await
    }

    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("it is running").signal(signal);
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("it is running").id()
    }

    /// Where it keeps its data.
    pub fn data(&self) -> PathBuf {
        self.plan.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// The database that holds its store, other than its folder.
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// A path beside the data, gone when the test is over.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a path; of two nodes, each in its turn.
    pub fn url(&self, path: &str) -> String {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed);
        let address = match &self.second {
            Some((second, _)) if turn % 2 == 1 => second,
            _ => &self.address,
        };
        format!("http://{address}{path}")
    }

    /// Of its nodes; twice the same where there is one.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.address, self.second.as_ref().map_or(self.address, |(address, _)| *address)]
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What staff send as their key.
    pub fn admin_token(&self) -> Option<&str> {
        self.plan.admin_token.as_deref()
    }

    /// From now on staff send this one.
    pub fn use_admin_token(&mut self, token: &str) {
        self.plan.admin_token = Some(token.to_owned());
    }

    /// The next start is not told any.
    pub fn forget_admin_token(&mut self) {
        self.plan.admin_token = None;
    }

    /// Runs another command of the same binary to its end, with the same environment.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        self.command_begun(arguments).to_its_end(COMMAND_LIMIT).await
    }

    /// The same, not waited for.
    pub fn command_begun(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(&self.plan.binary);
        command.args(arguments).envs(self.shared.variables.clone()).current_dir(self.folder.path());
        if let Some(token) = &self.plan.admin_token {
            command.env("CLOUDMART_ADMIN_TOKEN", token);
        }
        Running::begin(command)
    }

    /// `doctor` beside the running or stopped shop; it must be content.
    pub async fn doctor(&self) {
        let data = self.data();
        let told = self.command(&["doctor", "--data", &data.to_string_lossy()]).await;
        assert!(told.status.success(), "doctor is not content: {told}{}", self.log());
    }

    /// What the last start has printed so far, on both of its outputs.
    pub fn output(&self) -> String {
        let read = |kind| std::fs::read(self.log_path(kind)).unwrap_or_default();
        let both = [read("out"), read("err")].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    /// What all starts have printed so far, as bytes.
    pub fn all_output(&self) -> Vec<u8> {
        let paths = (1..=self.starts).flat_map(|start| ["out", "err"].map(|kind| self.log_of(start, kind)));
        paths.flat_map(|path| std::fs::read(path).unwrap_or_default()).collect()
    }

    /// The end of the output, for failure messages.
    pub fn log(&self) -> String {
        const LINES_SHOWN: usize = 30;
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
        let shown: String = shown.iter().map(|line| format!("\n    | {line}")).collect();
        format!("\n  the mart's last words:{shown}")
    }

    fn log_path(&self, kind: &str) -> PathBuf {
        self.log_of(self.starts, kind)
    }

    fn log_of(&self, start: u32, kind: &str) -> PathBuf {
        self.folder.path().join(format!("start-{start}.{kind}"))
    }

    /// Whether any file of its data, or any line that it printed, holds these bytes.
    pub fn holds(&self, wanted: &str) -> Option<PathBuf> {
        if contains(&self.all_output(), wanted.as_bytes()) {
            return Some(PathBuf::from("its output"));
        }
        self.holds_in_data(wanted)
    }

    /// Whether any file of its data, or any row of its database, holds these bytes. Mail that went into its folder was sent: it is readable, and is not
    /// looked at.
    pub fn holds_in_data(&self, wanted: &str) -> Option<PathBuf> {
        if self.shared.dump().is_some_and(|rows| contains(&rows, wanted.as_bytes())) {
            return Some(PathBuf::from("its database"));
        }
        let holds = |path: &PathBuf| contains(&std::fs::read(path).unwrap_or_default(), wanted.as_bytes());
        let mail = self.data().join("mail");
        files_under(&self.data()).into_iter().filter(|path| !path.starts_with(&mail)).find(holds)
    }

    /// The files of mail that went into its folder.
    pub fn mail_files(&self) -> Vec<PathBuf> {
        let mut files = files_under(&self.data().join("mail"));
        files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        files.sort();
        files
    }

    /// A key that was not used before in this mart.
    pub fn fresh_key(&self) -> String {
        format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed))
    }
}

impl Drop for Mart {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        self.kill9();
    }
}

/// Looks until there is something to see. The limit is for a busy machine; nobody waits longer than needed.
///
/// # Panics
/// When there is nothing to see within the limit.
pub async fn eventually<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// How often a test does something that is worth doing more often: from the environment, or `usual`.
pub fn rounds(name: &str, usual: u32) -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a test may be asked to go on for longer")]
    let wanted = std::env::var(name);
    wanted.ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// All files under a folder, whatever its depth.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    assert!(wanted.len() >= 4, "too short to be told from noise");
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A port that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number")
}
