//! nginx with files to serve: a configuration of its own, on a port of its own, ended with its workers.
//! It does not know the shop; the files hold the bytes that the shop answers.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Bench, Error, io, shop};
use crate::process;

const START_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(10);

pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
    folder: PathBuf,
}

impl Nginx {
    /// Serves these files, each with its type.
    pub fn start(bench: &Bench, files: &[(&str, &str, &[u8])]) -> Result<Self, Error> {
        let folder = bench.fresh("nginx")?;
        let www = folder.join("www");
        fs::create_dir(&www).map_err(io("cannot make nginx's folder"))?;
        for (name, _, bytes) in files {
            fs::write(www.join(name), bytes).map_err(io(format!("cannot write {name}")))?;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.map_err(io("no free port"))?;
        let config = folder.join("nginx.conf");
        let types: Vec<(&str, &str)> = files.iter().map(|(name, media_type, _)| (*name, *media_type)).collect();
        fs::write(&config, configuration(&folder, address, &types)).map_err(io("cannot write nginx.conf"))?;
        let log = fs::File::create(folder.join("said")).map_err(io("cannot write nginx's log"))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&config).arg("-e").arg(folder.join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let line = process::line_of(&command);
        let child = command.spawn().map_err(|source| process::Error::Start { line, source })?;
        let nginx = Self { child, address, folder };
        let path = format!("/{}", files[0].0);
        let serves = || shop::get(address, &path).is_ok_and(|(status, body)| status == 200 && body == files[0].2);
        if process::wait_until(START_LIMIT, serves) {
            return Ok(nginx);
        }
        let read = |name: &str| fs::read_to_string(nginx.folder.join(name)).unwrap_or_default();
        Err(Error::Unreadable { program: "nginx", said: read("said") + &read("error.log") })
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let id = self.child.id().to_string();
        process::succeeds(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]));
        if !matches!(process::exit_within(&mut self.child, STOP_LIMIT), Ok(Some(_))) {
            process::stop_now(&mut self.child);
        }
    }
}

/// What suits a file that is served from memory, and nothing that a shop would not do.
fn configuration(folder: &Path, address: SocketAddr, files: &[(&str, &str)]) -> String {
    let folder = folder.display();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    // Its workers must be able to read below our folder.
    let user = if is_root { "user root;" } else { "" };
    let locations: String = files
        .iter()
        .map(|(name, media_type)| format!("location = /{name} {{ types {{ }} default_type \"{media_type}\"; }}\n"))
        .collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off; {user} worker_processes auto; pid {folder}/nginx.pid;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=64;\n\
         {temporary}server {{ listen {address}; root {folder}/www;\n{locations}}} }}\n"
    )
}
