//! A Redis on a port of its own that keeps nothing on disk.
//! It does not know what is kept there.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Bench, Error, io};
use crate::process;

const START_LIMIT: Duration = Duration::from_secs(10);

pub struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    pub fn start(bench: &Bench) -> Result<Self, Error> {
        let folder = bench.fresh("redis")?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(io("no free port"))?.port();
        let path = folder.join("said");
        let log = File::create(&path).map_err(io("cannot write Redis' log"))?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]).current_dir(&folder);
        let line = process::line_of(&command);
        let child = command.stdin(Stdio::null()).stdout(log).spawn();
        let redis = Self { child: child.map_err(|source| process::Error::Start { line, source })?, port };
        if process::wait_until(START_LIMIT, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return Ok(redis);
        }
        Err(Error::Unreadable { program: "redis-server", said: std::fs::read_to_string(path).unwrap_or_default() })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        process::stop_now(&mut self.child);
    }
}
