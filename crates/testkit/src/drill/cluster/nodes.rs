//! Two nodes of one shop, started with a file of settings as an operator does it, and a gateway in front of them.
//! It does not know what happens to them.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Engines, PATIENCE};
use crate::drill::Ground;
use crate::mart::{Database, Gateway, Mart, Plan, Process, Signal, eventually, settings};
use crate::redis::RedisServer;

const NAMES: [&str; 2] = ["first", "second"];
const ADMIN_TOKEN: &str = "a-key-for-tests-that-nobody-else-has";
/// As the servers' own limit allows for both nodes, commands and those who look on.
const CONNECTIONS: u32 = 16;

/// What a drill decides of the shop's settings.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub reservation_ttl: Duration,
    /// How long a node that was told to stop goes on all the same.
    pub notice: Duration,
    /// Whether the gateway hands on what no node has heard.
    pub passes_on: bool,
    /// Who answers lists beside the primary.
    pub following: Option<Following>,
}

/// A replica that nodes are told of.
#[derive(Debug, Clone, Copy)]
pub struct Following {
    pub port: u16,
    /// When it is further behind, it is left out.
    pub max_lag: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let reservation_ttl = Duration::from_secs(45 * 60);
        Self { reservation_ttl, notice: Duration::from_secs(2), passes_on: true, following: None }
    }
}

/// A shop on two nodes.
pub struct Cluster {
    /// Asked through the gateway.
    pub mart: Arc<Mart>,
    pub gateway: Arc<Gateway>,
    pub redis: RedisServer,
    nodes: [Node; 2],
    binary: PathBuf,
    folder: PathBuf,
}

/// One process of it.
struct Node {
    address: SocketAddr,
    /// Asked by itself.
    mart: Mart,
    process: Option<Process>,
    starts: u32,
}

impl Cluster {
    /// A new shop on these servers, with both nodes ready and nothing on its shelves.
    pub async fn start(ground: &Ground, engines: &Engines, wanted: Settings) -> Self {
        let redis = RedisServer::start().await;
        let database = engines.database();
        let folder = ground.path("cluster");
        let config = folder.join("cluster.toml");
        std::fs::create_dir_all(folder.join("media")).expect("a folder for pictures");
        let key = folder.join("master.key");
        std::fs::write(&key, "5".repeat(64)).expect("a key");
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a key that is its owner's");
        let text = settings_file(&folder, &database, engines.wait(), &redis, wanted);
        std::fs::write(&config, text).expect("a file of settings");
        let addresses = NAMES.map(|_| free_address());
        let gateway = Gateway::start(&addresses, wanted.passes_on);
        let plan = || Plan::empty(ground.binary()).data(folder.join("commands"));
        let mart_behind = |gateway| Mart::behind(gateway, plan(), &config, database.clone());
        let nodes = addresses.map(|address| {
            let mart = mart_behind(Gateway::to(address));
            Node { address, mart, process: None, starts: 0 }
        });
        let mart = Arc::new(mart_behind(gateway.clone()));
        let binary = ground.binary().to_owned();
        let mut cluster = Self { mart, gateway, redis, nodes, binary, folder };
        for node in 0..NAMES.len() {
            cluster.start_node(node, &[]).await;
        }
        cluster.mart.put_settings(&settings()).await;
        cluster.nodes_agree().await;
        cluster.duties_are_shared().await;
        cluster
    }

    /// Starts a node that is not running, and waits until the gateway counts on it.
    pub async fn start_node(&mut self, node: usize, variables: &[(&str, &str)]) {
        let config = self.folder.join("cluster.toml");
        let it = &mut self.nodes[node];
        assert!(it.process.is_none(), "it is running already");
        it.starts += 1;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(config).arg("--data").arg(self.folder.join(NAMES[node]));
        command.arg("--listen").arg(it.address.to_string());
        command.env("CLOUDMART_ADMIN_TOKEN", ADMIN_TOKEN).env("CLOUDMART_NODE_NAME", NAMES[node]);
        command.envs(variables.iter().copied()).current_dir(&self.folder);
        let log = |kind: &str| self.folder.join(format!("{}-{}.{kind}", NAMES[node], it.starts));
        it.process = Some(Process::spawn(command, &log("out"), &log("err")));
        eventually("a node is ready", PATIENCE, async || self.is_well(node).await.then_some(())).await;
        let address = self.nodes[node].address;
        eventually("the gateway has seen it", PATIENCE, async || self.gateway.counts_on(address).then_some(())).await;
    }

    /// One of the nodes, asked by itself.
    pub fn node(&self, node: usize) -> &Mart {
        &self.nodes[node].mart
    }

    pub fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].address
    }

    pub fn signal(&self, node: usize, signal: Signal) {
        self.nodes[node].process.as_ref().expect("it is running").signal(signal);
    }

    /// It is gone before this ends, and so are its connections.
    pub fn kill_node(&mut self, node: usize) {
        self.nodes[node].process.take().expect("it is running").kill();
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop_node(&mut self, node: usize) -> ExitStatus {
        self.signal(node, Signal::Terminate);
        let mut process = self.nodes[node].process.take().expect("it is running");
        let ended = process.wait(PATIENCE).await;
        ended.unwrap_or_else(|| panic!("still running after {PATIENCE:?}"))
    }

    /// What a node says of itself; `None` when it says nothing.
    pub async fn readiness(&self, node: usize) -> Option<Value> {
        let ask = self.nodes[node].mart.get("/health/ready").within(Duration::from_secs(2));
        ask.try_send().await.ok().map(|answer| answer.body)
    }

    /// Whether it can do everything.
    pub async fn is_well(&self, node: usize) -> bool {
        let ready = self.readiness(node).await.unwrap_or_default();
        ready["status"] == "ready" && ready["degraded"].is_null()
    }

    /// Waits until both tell shoppers the same of the shop.
    async fn nodes_agree(&self) {
        eventually("both nodes have the same settings", PATIENCE, async || {
            let [one, other] = [0, 1].map(|node| self.node(node).get("/api/shop").send());
            let (one, other) = futures::join!(one, other);
            (one.bytes == other.bytes && one.body["currencies"].as_array().is_some_and(|all| all.len() == 5))
                .then_some(())
        })
        .await;
    }

    /// Waits until each node does a part of what one of them does for all.
    pub async fn duties_are_shared(&self) {
        for node in 0..NAMES.len() {
            eventually("a node has duties", PATIENCE, async || (self.duties(node).await > 0.0).then_some(())).await;
        }
    }

    /// How many duties a node has, by its metrics.
    pub async fn duties(&self, node: usize) -> f64 {
        self.metric(node, "duties").await
    }

    /// A number that a node tells of itself; the name is told with its labels.
    pub async fn metric(&self, node: usize, name: &str) -> f64 {
        let metrics = self.node(node).get("/metrics").send().await.expect(200);
        let text = String::from_utf8_lossy(&metrics.bytes).into_owned();
        let told = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        told.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number {name}: {text}"))
    }
}

fn settings_file(folder: &Path, database: &Database, wait: Duration, redis: &RedisServer, wanted: Settings) -> String {
    let (key, media) = (folder.join("master.key"), folder.join("media"));
    let (ttl, notice, wait) = (wanted.reservation_ttl.as_secs(), wanted.notice.as_secs(), wait.as_millis());
    let Database { url, schema } = database;
    let redis = redis.url();
    let replicas = wanted.following.map_or_else(String::new, |Following { port, max_lag }| {
        format!("replicas = [\"127.0.0.1:{port}\"]\nmax_lag_ms = {}\n", max_lag.as_millis())
    });
    format!(
        "sample_shop = \"none\"\nmaster_key_file = {key:?}\nmedia = {media:?}\n\
         [store]\nengine = \"postgres\"\n\
         [postgres]\nurl = \"{url}\"\nschema = \"{schema}\"\nconnections = {CONNECTIONS}\nwait_ms = {wait}\n{replicas}\
         [redis]\nurl = \"{redis}\"\n\
         [orders]\nreservation_ttl_s = {ttl}\n\
         [http]\nnotice_s = {notice}\n"
    )
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number")
}
