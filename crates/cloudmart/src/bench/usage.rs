//! How much of the machine a process uses, and which process listens where, as Linux tells it in `/proc`.
//! Elsewhere it does not know, and says nothing.

use std::fs;
use std::path::Path;

use super::wire::Target;

/// Linux tells processor time in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;
/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Processor seconds of this process so far; zero where nobody tells.
pub fn own_cpu_s() -> f64 {
    cpu_of("self").unwrap_or(0.0)
}

/// Processor seconds of these processes so far, where all of them are known.
pub fn all_cpu_s(processes: &[Option<u32>]) -> Option<f64> {
    processes.iter().map(|process| cpu_of(&(*process)?.to_string())).sum()
}

/// How many processors this machine has for us.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The process that listens where a shop was found, if that is on this machine and may be looked at.
pub fn process_at(target: &Target) -> Option<u32> {
    if !target.is_here() {
        return None;
    }
    let port = target.url.port_or_known_default()?;
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listening(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| holds_one_of(&format!("/proc/{id}/fd"), &sockets))
}

fn cpu_of(process: &str) -> Option<f64> {
    spent(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Fields 14 and 15; the second field is the program's name, which may hold anything.
fn spent(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_S)
}

fn listening(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&port) && *fields.get(3)? == LISTENS;
        is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().skip(1).filter_map(listens).collect()
}

fn holds_one_of(folder: &str, sockets: &[String]) -> bool {
    let Ok(open) = fs::read_dir(Path::new(folder)) else { return false };
    open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|link| {
        let link = link.to_string_lossy();
        sockets.iter().any(|socket| *socket == link)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_after_a_name_with_anything_in_it() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 3 0 1000 0 0";
        assert_eq!(spent(stat), Some(2.0));
        assert_eq!(spent("nothing"), None);
    }

    #[tokio::test]
    async fn the_process_that_listens_is_found() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::find(&format!("http://{}", listener.local_addr().unwrap())).await.unwrap();
        assert_eq!(process_at(&target), Some(std::process::id()));
        let own = Some(std::process::id());
        assert!(all_cpu_s(&[own, own]).is_some());
        assert!(all_cpu_s(&[own, None]).is_none());
    }
}
