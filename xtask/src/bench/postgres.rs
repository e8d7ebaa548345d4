//! PostgreSQL with pgbench's tables: a cluster of its own, as its own user, on a port of its own; and pgbench against it.
//! It does not know the shop.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run::Run;
use super::{Bench, Error, io, watched};
use crate::process;

/// Debian keeps each version's programs apart.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The user that Debian's package makes; initdb refuses to run as root.
const USER: &str = "postgres";
const CLIENTS: &str = "32";
const SCALE: &str = "32";
/// The port is told by the environment.
const DATABASE: [&str; 5] = ["-h", "127.0.0.1", "-U", USER, "postgres"];

pub struct Postgres {
    folder: PathBuf,
    port: u16,
    as_user: bool,
}

impl Postgres {
    /// Makes the cluster and fills pgbench's tables.
    pub fn start(bench: &Bench) -> Result<Self, Error> {
        let folder = bench.fresh("postgres")?;
        let as_user = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
        if as_user {
            process::run(Command::new("chown").arg(USER).arg(&folder))?;
            let mut look = Command::new("runuser");
            if !process::succeeds(look.args(["-u", USER, "--", "test", "-w"]).arg(&folder)) {
                return Err(Error::NotForPostgres(folder));
            }
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(io("no free port"))?.port();
        let postgres = Self { folder, port, as_user };
        let data = postgres.data();
        postgres.run("initdb", &["-D", &data, "-A", "trust", "-U", USER, "--no-sync"])?;
        let config = Path::new(&data).join("postgresql.conf");
        let settings = fs::read_to_string(&config).map_err(io("cannot read postgresql.conf"))? + &postgres.settings();
        fs::write(&config, settings).map_err(io("cannot write postgresql.conf"))?;
        let log = postgres.folder.join("log").to_string_lossy().into_owned();
        postgres.run("pg_ctl", &["-D", &data, "-l", &log, "-w", "start"])?;
        postgres.run("pgbench", &[&["-i", "-q", "-s", SCALE], &DATABASE[..]].concat())?;
        Ok(postgres)
    }

    /// TPC-B as pgbench has it, each transaction durable before its answer.
    pub fn bench(&self, bench: &Bench) -> Result<Run, Error> {
        let logs = self.folder.join("transactions");
        let prefix = logs.to_string_lossy().into_owned();
        let seconds = bench.seconds();
        let options = ["-c", CLIENTS, "-j", "2", "-T", &seconds, "-l", "--log-prefix", &prefix];
        let said = self.run("pgbench", &[&options[..], &DATABASE].concat())?;
        let per_second = read(&said).ok_or(Error::Unreadable { program: "pgbench", said })?;
        let mut micros = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io("cannot list pgbench's logs"))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with("transactions") {
                let text = fs::read_to_string(entry.path()).map_err(io("cannot read pgbench's log"))?;
                micros.extend(text.lines().filter_map(transaction_us));
                fs::remove_file(entry.path()).map_err(io("cannot remove pgbench's log"))?;
            }
        }
        Ok(Run { per_second, p99_ms: p99_ms(micros), ..Run::default() })
    }

    /// Where another program finds it.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> String {
        self.folder.join("data").to_string_lossy().into_owned()
    }

    fn settings(&self) -> String {
        let (port, folder) = (self.port, self.folder.display());
        format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\nfsync = on\n\
             synchronous_commit = on\nshared_buffers = 512MB\nmax_wal_size = 4GB\n"
        )
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Error> {
        let path = format!("{PROGRAMS}/{program}");
        let mut command = Command::new(if self.as_user { "runuser" } else { &path });
        if self.as_user {
            command.args(["-u", USER, "--", &path]);
        }
        command.args(arguments).env("PGPORT", self.port.to_string()).current_dir(&self.folder);
        println!("    $ {}", process::line_of(&command));
        Ok(watched::run(&mut command, self.folder.parent().unwrap_or(&self.folder))?.said)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        if let Err(error) = self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]) {
            println!("    PostgreSQL could not be stopped: {error}");
        }
    }
}

/// Transactions per second, where none failed.
fn read(said: &str) -> Option<f64> {
    let after = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if !after("number of failed transactions:").is_none_or(|failed| failed.starts_with("0 ")) {
        return None;
    }
    after("tps =")?.split(' ').next()?.parse().ok()
}

/// From `client transaction time_us …`.
fn transaction_us(line: &str) -> Option<u32> {
    line.split(' ').nth(2)?.parse().ok()
}

fn p99_ms(mut micros: Vec<u32>) -> f64 {
    micros.sort_unstable();
    micros.get(micros.len() * 99 / 100).map_or(0.0, |us| f64::from(*us) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "pgbench (15.20 (Debian 15.20-0+deb12u1))
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 32
number of transactions actually processed: 31561
number of failed transactions: 0 (0.000%)
latency average = 10.123 ms
initial connection time = 20.1 ms
tps = 3156.123456 (without initial connection time)
";

    #[test]
    fn what_pgbench_says_is_read() {
        assert_eq!(read(SAID), Some(3_156.123_456));
        assert_eq!(read(&SAID.replace("0 (0.000%)", "3 (0.010%)")), None);
        assert_eq!(read("pgbench: error: connection failed"), None);
    }

    #[test]
    fn its_log_tells_each_transaction() {
        let log: String = (1..=100).map(|n| format!("0 {n} {} 0 1412881037 912698\n", n * 1_000)).collect();
        assert_eq!(p99_ms(log.lines().filter_map(transaction_us).collect()), 100.0);
        assert_eq!(p99_ms(Vec::new()), 0.0);
    }
}
