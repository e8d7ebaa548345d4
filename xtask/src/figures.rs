//! The README's figures, by one command: confirmed orders, product reads and product pages per second, with wrk on the
//! same machine.
//! It compares nothing and judges nothing; the machine's own disk is measured beside, for such figures follow it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process;
use crate::test::server::{self, Server};
use crate::workspace::Workspace;

const ADMIN_TOKEN: &str = "figures-on-a-throwaway-data-folder";
const CONNECTIONS: &str = "64";
const RUN: &str = "10s";
/// Medians are of this many runs.
const RUNS: usize = 3;
const SKUS: u32 = 50;
const SYNCS_FOR: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const ORDERS: &str = include_str!("figures/orders.lua");
const READS: &str = include_str!("figures/reads.lua");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("wrk is needed for this: apt-get install wrk")]
    NoWrk,
    #[error(transparent)]
    Process(#[from] process::Error),
    #[error(transparent)]
    Server(#[from] server::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the shop refused {path}: {answer}")]
    Refused { path: String, answer: String },
    #[error("wrk said something else than figures: {0}")]
    Unreadable(String),
}

/// What one run of wrk came to.
#[derive(Debug, Clone, PartialEq)]
struct Figures {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    not_2xx: u64,
}

pub fn run(workspace: &Workspace) -> Result<(), Error> {
    if !process::succeeds(Command::new("sh").args(["-c", "command -v wrk"])) {
        return Err(Error::NoWrk);
    }
    process::run(Command::new("cargo").args(["build", "--release", "--locked"]).current_dir(&workspace.root))?;
    let folder = workspace.target.join("figures");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let server = Server::start(&workspace.target.join("release").join("cloudmart"), &folder, ADMIN_TOKEN)?;
    stock_up(server.address)?;
    let (orders, reads) = (folder.join("orders.lua"), folder.join("reads.lua"));
    std::fs::write(&orders, ORDERS)?;
    std::fs::write(&reads, READS)?;
    let mut measured: [Vec<Figures>; 3] = Default::default();
    for n in 0..RUNS {
        measured[0].push(wrk(server.address, "/", &orders, &n.to_string())?);
        measured[1].push(wrk(server.address, "/api/products/figures", &reads, "")?);
        measured[2].push(wrk(server.address, "/p/figures", &reads, "")?);
    }
    server.stop()?;
    println!("\nmedians of {RUNS} runs of {RUN}, {CONNECTIONS} connections, wrk on the same machine:");
    for (name, runs) in ["confirmed orders", "product reads (JSON)", "product pages (HTML)"].iter().zip(measured) {
        let Figures { rate, p50_ms, p99_ms, not_2xx } = median(runs);
        println!("  {name:22} {rate:>8.0} per second   p50 {p50_ms:.1} ms   p99 {p99_ms:.1} ms   not 2xx {not_2xx}");
    }
    println!("  append 4 KiB + fdatasync {:>6} per second", syncs_per_second(&folder)?);
    Ok(())
}

/// One product with 50 variants, and more of each than can be sold.
fn stock_up(shop: SocketAddr) -> Result<(), Error> {
    let values: Vec<String> = (0..SKUS).map(|n| format!("\"{n}\"")).collect();
    let variant = |n| {
        format!(
            "{{\"sku\":\"FIGURE-{n:02}\",\"options\":{{\"N\":\"{n}\"}},\"prices\":[{{\"amount\":1999,\"currency\":\"EUR\"}}]}}"
        )
    };
    let variants: Vec<String> = (0..SKUS).map(variant).collect();
    let product = format!(
        "{{\"title\":\"Figures\",\"slug\":\"figures\",\"options\":[{{\"name\":\"N\",\"values\":[{}]}}],\"variants\":[{}]}}",
        values.join(","),
        variants.join(",")
    );
    post(shop, "/api/admin/products", "product", &product)?;
    for n in 0..SKUS {
        let path = format!("/api/admin/stock/FIGURE-{n:02}/adjustments");
        post(shop, &path, &format!("stock-{n}"), "{\"delta\":100000000,\"reason\":\"received\"}")?;
    }
    Ok(())
}

fn post(shop: SocketAddr, path: &str, key: &str, body: &str) -> Result<(), Error> {
    let mut connection = TcpStream::connect_timeout(&shop, ANSWER_LIMIT)?;
    connection.set_read_timeout(Some(ANSWER_LIMIT))?;
    write!(
        connection,
        "POST {path} HTTP/1.1\r\nHost: {shop}\r\nConnection: close\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n\
         Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 201") {
        return Ok(());
    }
    Err(Error::Refused { path: path.to_owned(), answer: answer.lines().last().unwrap_or_default().to_owned() })
}

fn wrk(shop: SocketAddr, path: &str, script: &Path, argument: &str) -> Result<Figures, Error> {
    let mut command = Command::new("wrk");
    command.args(["--threads", "1", "--connections", CONNECTIONS, "--duration", RUN, "--latency", "--script"]);
    command.arg(script).arg(format!("http://{shop}{path}")).arg("--").arg(argument);
    let output = command.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let figures = said.lines().find_map(|line| line.strip_prefix("FIGURES ")).and_then(read);
    figures.ok_or_else(|| Error::Unreadable(said.into_owned()))
}

/// From `rate=1 p50_ms=2 p99_ms=3 not_2xx=0`.
fn read(line: &str) -> Option<Figures> {
    let value = |name: &str| line.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    Some(Figures {
        rate: value("rate")?.parse().ok()?,
        p50_ms: value("p50_ms")?.parse().ok()?,
        p99_ms: value("p99_ms")?.parse().ok()?,
        not_2xx: value("not_2xx")?.parse().ok()?,
    })
}

/// The run whose rate is in the middle.
fn median(mut runs: Vec<Figures>) -> Figures {
    runs.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let middle = runs.len() / 2;
    runs.swap_remove(middle)
}

#[expect(clippy::disallowed_methods, reason = "xtask measures the machine, not the shop")]
fn syncs_per_second(folder: &Path) -> io::Result<u64> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(folder.join("syncs"))?;
    let page = [0_u8; 4_096];
    let began = Instant::now();
    let mut syncs = 0;
    while began.elapsed() < SYNCS_FOR {
        file.write_all(&page)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(syncs / SYNCS_FOR.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scripts_print_is_read() {
        let figures = read("rate=1234 p50_ms=5.5 p99_ms=20.1 not_2xx=3").unwrap();
        assert_eq!(figures, Figures { rate: 1234.0, p50_ms: 5.5, p99_ms: 20.1, not_2xx: 3 });
        assert_eq!(read("rate=fast"), None);
    }

    #[test]
    fn the_median_is_the_run_in_the_middle() {
        let run = |rate| Figures { rate, p50_ms: rate, p99_ms: 0.0, not_2xx: 0 };
        assert_eq!(median(vec![run(3.0), run(1.0), run(2.0)]).p50_ms, 2.0);
    }
}
