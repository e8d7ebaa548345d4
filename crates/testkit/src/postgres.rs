//! PostgreSQL for tests: servers in temporary folders on free ports, standbys of them, and a schema for each store.
//! It does not know what a store keeps there.
//!
//! A server outlives nobody: a shell beside it waits for the end of a pipe that this process holds open, so that it is
//! stopped and its folder removed however the process ends.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Debian keeps each version's programs apart.
const VERSIONS: &str = "/usr/lib/postgresql";
const VERSION_MIN: u32 = 15;
/// The user that Debian's package makes; the programs refuse to run as root.
const USER: &str = "postgres";
const STARTS_MAX: u32 = 3;
/// Waits until nobody holds the pipe's other end, then stops the server at once, though it be frozen, and removes its folder.
const GUARD: &str = r#"cat > /dev/null
first="$(head -n 1 "$1/data/postmaster.pid")"
kill -QUIT "$first" 2> /dev/null
kill -CONT "$first" $(ps -o pid= --ppid "$first") 2> /dev/null
for _ in $(seq 200); do [ -e "$1/data/postmaster.pid" ] || break; sleep 0.05; done
rm -rf "$1""#;

/// What a server promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Commits are synced, as in a shop.
    Synced,
    /// `fsync = off`: what a test writes is gone with the test anyway, and this one does not pull the plug.
    Forgetful,
}

/// A server that runs until this is dropped.
pub struct Server {
    folder: PathBuf,
    port: u16,
    guard: Mutex<Child>,
}

impl Server {
    /// A new cluster, on a port that nobody else uses.
    pub fn start(durability: Durability) -> Self {
        Self::initialized(durability).started()
    }

    /// One that takes encrypted connections only, and the certificate of the authority that signed its own.
    pub fn encrypted() -> (Self, String) {
        let server = Self::initialized(Durability::Forgetful);
        let authority = server.certify();
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
        std::fs::write(Path::new(&server.data()).join("pg_hba.conf"), rules).expect("who may connect");
        server.configure("ssl = on\n");
        (server.started(), authority)
    }

    fn initialized(durability: Durability) -> Self {
        let server = Self::prepare();
        let data = server.data();
        server.run("initdb", &["-D", &data, "-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"]);
        let fsync = if durability == Durability::Synced { "on" } else { "off" };
        server.configure(&format!(
            "fsync = {fsync}\nsynchronous_commit = on\nfull_page_writes = {fsync}\nmax_connections = 300\n\
             shared_buffers = 64MB\nmax_wal_size = 1GB\nmax_wal_senders = 8\nwal_keep_size = 256MB\n\
             log_min_messages = warning\n\
             wal_receiver_timeout = 5s\nwal_sender_timeout = 5s\n"
        ));
        server
    }

    /// Makes an authority and lets it sign a certificate for this server; answers the authority's own.
    fn certify(&self) -> String {
        let file = |name: &str| Path::new(&self.data()).join(name).to_string_lossy().into_owned();
        let (ca, ca_key) = (file("ca.crt"), file("ca.key"));
        let (own, own_key) = (file("server.crt"), file("server.key"));
        let fresh = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        let make = |more: &[&str]| {
            told(Command::new("openssl").args(fresh).args(more)).unwrap_or_else(|said| panic!("openssl: {said}"))
        };
        make(&["-subj", "/CN=authority", "-keyout", &ca_key, "-out", &ca]);
        let names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
        let signed = ["-CA", &ca, "-CAkey", &ca_key, "-subj", "/CN=127.0.0.1", "-keyout", &own_key, "-out", &own];
        make(&[&signed[..], &names].concat());
        if is_root() {
            told(Command::new("chown").arg(USER).args([&own, &own_key])).expect("they are given to PostgreSQL's user");
        }
        std::fs::read_to_string(ca).expect("the authority's certificate")
    }

    /// The one that all tests of this process share. It forgets what a power cut would take.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Durability::Forgetful))
    }

    /// A standby that follows this server under a name, and can be promoted. It is an asynchronous replica until
    /// [`Self::wait_for_standby`] says that commits wait for it.
    pub fn standby(&self, name: &str) -> Self {
        self.followed_by(Self::prepare(), name)
    }

    /// A standby of this server where another one is gone, so that whoever knows that address finds it there.
    pub fn standby_in_place_of(&self, gone: Self, name: &str) -> Self {
        let port = gone.port;
        drop(gone);
        let mut standby = Self::prepare();
        standby.port = port;
        let standby = self.followed_by(standby, name);
        assert_eq!(standby.port, port, "somebody took its port");
        standby
    }

    fn followed_by(&self, standby: Self, name: &str) -> Self {
        let primary = format!("host=127.0.0.1 port={} user={USER} application_name={name}", self.port);
        standby.run(
            "pg_basebackup",
            &["-D", &standby.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &primary],
        );
        standby.configure(&format!("primary_conninfo = '{primary}'\n"));
        let standby = standby.started();
        // Once it is promoted, its own commits wait for nobody until somebody says so.
        standby.sql("ALTER SYSTEM RESET synchronous_standby_names");
        standby.sql("SELECT pg_reload_conf()");
        standby
    }

    /// A replica of [`Self::shared`] that all tests of this process share.
    pub fn shared_replica() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::shared().replica())
    }

    /// A replica that nobody waits for.
    pub fn replica(&self) -> Self {
        self.standby("replica")
    }

    /// A replica goes on taking in what the primary writes, and shows nothing of it.
    pub fn pause_replay(&self) {
        self.sql("SELECT pg_wal_replay_pause()");
        while self.sql("SELECT pg_get_wal_replay_pause_state()") != "paused" {}
    }

    pub fn resume_replay(&self) {
        self.sql("SELECT pg_wal_replay_resume()");
    }

    /// Waits until a replica shows everything that its primary has now.
    pub fn wait_for_all_of(&self, primary: &Self) {
        let place = primary.sql("SELECT pg_current_wal_flush_lsn()");
        while self.sql(&format!("SELECT pg_last_wal_replay_lsn() >= '{place}'")) != "t" {}
    }

    /// From now on a commit is answered when the standby of this name has it, too.
    pub fn wait_for_standby(&self, name: &str) {
        self.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'"));
        self.sql("SELECT pg_reload_conf()");
        let is_synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        while self.sql(is_synchronous) != "1" {}
    }

    /// Makes a standby the server that takes writes. Ends when it does.
    pub fn promote(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "promote"]);
    }

    /// As if its machine had lost power: every process of it is gone at once.
    pub fn kill(&self) {
        for pid in self.signal("KILL") {
            // What is dead and not yet buried has no root.
            while Path::new("/proc").join(&pid).join("root").exists() {}
        }
        std::fs::remove_file(Path::new(&self.data()).join("postmaster.pid")).expect("a file that a reboot makes stale");
    }

    /// It keeps its connections and says nothing, until [`Self::wake`].
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    pub fn wake(&self) {
        self.signal("CONT");
    }

    /// Starts again what was killed.
    pub fn restart(&self) {
        self.try_start().unwrap_or_else(|said| panic!("PostgreSQL does not start again: {said}\n{}", self.log()));
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// The address of several servers, of which one takes writes.
    pub fn url_of(servers: &[&Self]) -> String {
        let hosts: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("postgres://{USER}@{}/postgres", hosts.join(","))
    }

    /// The name of a schema that this process has not used.
    pub fn new_schema() -> String {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        format!("shop_{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a statement and answers its rows, one a line, columns parted by `|`.
    pub fn sql(&self, statement: &str) -> String {
        let said =
            self.run("psql", &["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", statement]);
        said.trim().to_owned()
    }

    /// Every row of a schema, as text.
    pub fn dump(&self, schema: &str) -> String {
        self.run("pg_dump", &["-a", "-n", schema, "-d", &self.url()])
    }

    /// A session that does what it is told, and holds what it has locked until it is dropped.
    pub fn session(&self) -> Session {
        let mut command = Command::new(programs().join("psql"));
        command.args(["-X", "-A", "-t", "-q", "-d", &self.url()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql starts");
        let answers = std::io::BufReader::new(child.stdout.take().expect("its output"));
        Session { child, answers }
    }

    fn prepare() -> Self {
        let folder = tempfile::Builder::new().prefix("cloudmart-postgres-").tempdir().expect("a folder").keep();
        if is_root() {
            told(Command::new("chown").arg(USER).arg(&folder)).expect("the folder is given to PostgreSQL's user");
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to stop the server");
        Self { port: free.expect("a free port").port(), folder, guard: Mutex::new(guard) }
    }

    fn started(mut self) -> Self {
        for _ in 0..STARTS_MAX {
            let Err(said) = self.try_start() else { return self };
            // Somebody may have taken the port since it was found to be free.
            println!("PostgreSQL did not start on port {}: {said}", self.port);
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
            self.port = free.expect("a free port").port();
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    fn try_start(&self) -> Result<String, String> {
        let (data, log) = (self.data(), self.folder.join("log").to_string_lossy().into_owned());
        let options = format!("-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c port={}", self.port);
        self.try_run("pg_ctl", &["-D", &data, "-l", &log, "-o", &options, "-w", "start"])
    }

    fn configure(&self, settings: &str) {
        let file = Path::new(&self.data()).join("postgresql.conf");
        let mut file = std::fs::File::options().append(true).open(file).expect("postgresql.conf");
        file.write_all(settings.as_bytes()).expect("settings are written");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn data(&self) -> String {
        self.folder.join("data").to_string_lossy().into_owned()
    }

    /// To the server's first process and all that it started; answers which ones.
    fn signal(&self, name: &str) -> Vec<String> {
        let pids = std::fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).expect("a server that runs");
        let first = pids.lines().next().expect("its process").trim().to_owned();
        let children = told(Command::new("ps").args(["-o", "pid=", "--ppid", &first])).unwrap_or_default();
        let all: Vec<String> = [&*first].into_iter().chain(children.split_whitespace()).map(str::to_owned).collect();
        for pid in &all {
            // It may have ended by itself.
            let _ = told(Command::new("kill").args([&format!("-{name}"), pid]));
        }
        all
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.try_run(program, arguments).unwrap_or_else(|said| panic!("{program} failed: {said}"))
    }

    fn try_run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let path = programs().join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(&path);
            command
        } else {
            Command::new(&path)
        };
        told(command.args(arguments).current_dir(&self.folder))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let guard = &mut *self.guard.lock();
        drop(guard.stdin.take());
        let _ = guard.wait();
    }
}

/// A session of its own, beside those of the store under test.
pub struct Session {
    child: Child,
    answers: std::io::BufReader<std::process::ChildStdout>,
}

impl Session {
    /// Runs statements and waits until they are done.
    pub fn run(&mut self, statements: &str) {
        use std::io::BufRead;
        let input = self.child.stdin.as_mut().expect("its input");
        writeln!(input, "{statements};\nSELECT 'done';").expect("psql listens");
        let mut line = String::new();
        while line.trim() != "done" {
            line.clear();
            let read = self.answers.read_line(&mut line).expect("psql answers");
            assert!(read > 0, "psql ended");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a program said, on its error output where it failed.
fn told(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout))
}

fn is_root() -> bool {
    static IS_ROOT: OnceLock<bool> = OnceLock::new();
    *IS_ROOT.get_or_init(|| told(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0"))
}

/// Where the newest version's programs lie.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
        let numbers = versions.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
        let newest = numbers.filter(|version| *version >= VERSION_MIN).max();
        let newest = newest.expect("PostgreSQL 15 or later: `cargo xtask test` installs Debian's package `postgresql`");
        Path::new(VERSIONS).join(newest.to_string()).join("bin")
    })
}
