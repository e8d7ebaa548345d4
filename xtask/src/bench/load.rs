//! `cloudmart bench` against a shop, and what it says as JSON.
//! It does not know what the figures are compared with.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use super::run::Run;
use super::{Bench, Error, io, shop, watched};

/// Runs a scenario, and tells of one kind of request among it. A bad verdict is an error.
pub fn run(bench: &Bench, shop: SocketAddr, arguments: &[&str], kind: &str) -> Result<Run, Error> {
    let file = bench.folder.join("load.json");
    let mut command = command(bench, shop, arguments);
    watched::run(command.arg(format!("--json={}", file.display())), &bench.folder)?;
    let said = std::fs::read_to_string(&file).map_err(io("cannot read the load's figures"))?;
    read(&said, kind).ok_or(Error::Unreadable { program: "cloudmart bench", said })
}

/// The command itself, to be started beside something else.
pub fn command(bench: &Bench, shop: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(&bench.cloudmart);
    command.arg("bench").args(arguments).args(["--no-doctor", "--duration", &bench.seconds()]);
    command.args(["--url", &format!("http://{shop}")]).env("CLOUDMART_ADMIN_TOKEN", shop::ADMIN_TOKEN);
    command
}

fn read(said: &str, kind: &str) -> Option<Run> {
    let report: Value = serde_json::from_str(said).ok()?;
    let row = &report["kinds"][kind];
    Some(Run {
        per_second: row["per_second"].as_f64()?,
        p99_ms: row["latency_ms"]["p99"].as_f64()?,
        generator: report["cpu"]["generator"].as_f64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_out_of_a_report() {
        let said = r#"{"kinds":{"order":{"per_second":5.5,"latency_ms":{"p99":30.25}}},"cpu":{"generator":0.4}}"#;
        let run = read(said, "order").unwrap();
        assert_eq!((run.per_second, run.p99_ms, run.generator), (5.5, 30.25, 0.4));
        assert!(read(said, "page").is_none());
        assert!(read("no", "order").is_none());
    }
}
