//! A shop to measure: the release binary on a folder of its own, timed from its start, and ended as wanted.
//! It does not measure anything but the start.

use std::io::{self as std_io, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Bench, Error, io};
use crate::process;
use crate::test::server::Server;

pub const ADMIN_TOKEN: &str = "figures-on-a-throwaway-data-folder";
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the first answer after a start.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The pause between two attempts to get it: finer than what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Starts a shop whose data lies in `folder/data`, and waits until it is ready.
pub fn start(bench: &Bench, folder: &Path) -> Result<Server, Error> {
    start_as(bench, folder, &[])
}

pub fn start_as(bench: &Bench, folder: &Path, arguments: &[&str]) -> Result<Server, Error> {
    std::fs::create_dir_all(folder).map_err(io(format!("cannot make {}", folder.display())))?;
    let mut server = Server::spawn(&bench.cloudmart, folder, ADMIN_TOKEN, arguments)?;
    server.wait_until_ready()?;
    Ok(server)
}

/// Starts a shop, and tells how long it took to the first answer of `path`, whatever its status, and until it was ready.
#[expect(clippy::disallowed_methods, reason = "a synchronous tool that measures a start")]
pub fn time_start(
    bench: &Bench,
    folder: &Path,
    arguments: &[&str],
    path: &str,
) -> Result<(Server, Duration, Duration), Error> {
    std::fs::create_dir_all(folder).map_err(io(format!("cannot make {}", folder.display())))?;
    let began = Instant::now();
    let mut server = Server::spawn(&bench.cloudmart, folder, ADMIN_TOKEN, arguments)?;
    let mut first = None;
    loop {
        match (first, get(server.address, path)) {
            (None, Ok((200 | 404, _))) => first = Some(began.elapsed()),
            (Some(first), _) if get(server.address, "/health/ready").is_ok_and(|(status, _)| status == 200) => {
                return Ok((server, first, began.elapsed()));
            }
            // It says what went wrong, with the server's last words.
            _ if began.elapsed() > START_LIMIT => {
                server.wait_until_ready()?;
            }
            _ => {}
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A shop folder that others are copied from: as it is after its first start with the sample shop.
pub fn sample(bench: &Bench) -> Result<std::path::PathBuf, Error> {
    let folder = bench.folder.join("sample");
    if !folder.exists() {
        start(bench, &folder)?.stop()?;
    }
    Ok(folder)
}

/// A fresh copy of a folder.
pub fn copy(bench: &Bench, from: &Path, name: &str) -> Result<std::path::PathBuf, Error> {
    let to = bench.fresh(name)?;
    process::run(Command::new("cp").arg("-a").arg(from.join("data")).arg(&to))?;
    Ok(to)
}

/// Waits until so many products are found by who searches as the load does, in the shop's own currency.
#[expect(clippy::disallowed_methods, reason = "a synchronous tool that waits for the search index")]
pub fn wait_until_found(shop: SocketAddr, wanted: u64) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        let list: serde_json::Value =
            serde_json::from_slice(&body_of(shop, "/api/products?limit=1")?).unwrap_or_default();
        match list["total"].as_u64().unwrap_or(0) {
            found if found >= wanted => return Ok(()),
            found if began.elapsed() > START_LIMIT => return Err(Error::TooFewFound { found, wanted }),
            _ => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// Status and body of a GET.
pub fn get(shop: SocketAddr, path: &str) -> std_io::Result<(u16, Vec<u8>)> {
    let mut connection = TcpStream::connect_timeout(&shop, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {shop}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    split(&answer).ok_or_else(|| std_io::Error::new(ErrorKind::InvalidData, "not an HTTP answer with a length"))
}

/// The body, where it was not sent in chunks.
pub fn body_of(shop: SocketAddr, path: &str) -> Result<Vec<u8>, Error> {
    match get(shop, path).map_err(io(format!("cannot read {path}")))? {
        (200, body) => Ok(body),
        (status, _) => Err(Error::Refused { path: path.to_owned(), status }),
    }
}

fn split(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase();
    let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
    (!head.contains("transfer-encoding")).then(|| (status, answer[end + 4..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_into_status_and_body() {
        assert_eq!(split(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Some((200, b"ok".to_vec())));
        assert_eq!(split(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok"), None);
        assert_eq!(split(b"nothing"), None);
    }
}
