//! How much of the machine a process uses, and which process listens where, as Linux tells it in `/proc`.
//! Elsewhere it does not know, and says nothing.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
pub fn cpu_s_of(processes: &BTreeSet<u32>) -> Option<f64> {
    processes.iter().map(|process| cpu_of(&process.to_string())).sum()
}

/// How many processors this machine has for us.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The processes that listen where a shop's nodes were found, each of them once, if all are on this machine and may be
/// looked at.
pub fn processes_at(nodes: &[Target]) -> Option<BTreeSet<u32>> {
    nodes.iter().map(process_at).collect()
}

fn process_at(node: &Target) -> Option<u32> {
    if !node.is_here() {
        return None;
    }
    let written: Vec<String> = node.addresses().iter().flat_map(|address| listening_as(*address)).collect();
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listening(&table, &written))
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

/// What stands in `/proc/net/tcp` and `tcp6` for sockets that take connections to an address: itself, or every address.
fn listening_as(address: SocketAddr) -> [String; 4] {
    let port = address.port();
    let mapped = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let hosts = [address.ip(), mapped.into(), Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    hosts.map(|host| format!("{}:{port:04X}", in_words(host)))
}

/// Each four bytes of an address as a number of this machine, in hexadecimal digits.
fn in_words(address: IpAddr) -> String {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect()
}

fn listening(table: &str, addresses: &[String]) -> Vec<String> {
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = addresses.iter().any(|address| fields.get(1) == Some(&&**address)) && *fields.get(3)? == LISTENS;
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
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn time_is_read_after_a_name_with_anything_in_it() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 3 0 1000 0 0";
        assert_eq!(spent(stat), Some(2.0));
        assert_eq!(spent("nothing"), None);
    }

    #[tokio::test]
    async fn the_process_that_listens_is_found_and_counted_once() {
        let at = async |listener: &TcpListener, host: &str| {
            let port = listener.local_addr().unwrap().port();
            Target::find(&format!("http://{host}:{port}")).await.unwrap()
        };
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let nodes = [at(&one, "127.0.0.1").await, at(&one, "localhost").await, at(&everywhere, "127.0.0.1").await];
        let found = processes_at(&nodes).unwrap();
        assert_eq!(found, BTreeSet::from([std::process::id()]));
        assert!(cpu_s_of(&found).is_some());
        // The same port of another address is somebody else's.
        assert_eq!(processes_at(&[at(&one, "127.0.0.1").await, at(&one, "127.0.0.2").await]), None);
        assert_eq!(cpu_s_of(&BTreeSet::from([std::process::id(), u32::MAX])), None);
    }

    #[test]
    fn addresses_are_read_as_linux_writes_them() {
        let told = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
   3: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1 0 100 0";
        let at = |address: &str| listening(told, &listening_as(address.parse().unwrap()));
        // Written so by machines whose lowest byte comes first, as nearly all do.
        if cfg!(target_endian = "little") {
            assert_eq!((at("127.0.0.1:8080"), at("[::1]:8080")), (vec!["4711".to_owned()], vec!["4714".to_owned()]));
            assert_eq!((at("127.0.0.1:8081"), at("127.0.0.2:8080")), (vec!["4713".to_owned()], Vec::new()));
        }
    }
}
