//! The API kept to its word: schemathesis reads the OpenAPI document of a running shop and calls every operation as it is
//! described, and as it forbids. It knows no operation by name.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::server::{self, Server};
use crate::process;
use crate::workspace::Workspace;

/// For this run only, on a data folder that is thrown away.
const ADMIN_TOKEN: &str = "conformance-run-on-a-throwaway-data-folder";
/// The same cases every time; another seed is another test.
const SEED: &str = "20261120";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Stateful walks are left out: they are neither bounded nor repeatable.
const PHASES: &str = "examples,coverage,fuzzing";
const REQUEST_LIMIT_S: &str = "10";
/// A shop with a few hundred operations takes some minutes at 20 cases each.
const RUN_LIMIT: Duration = Duration::from_secs(20 * 60);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot prepare {folder}: {source}")]
    Prepare { folder: String, source: io::Error },
    #[error(transparent)]
    Server(#[from] server::Error),
    #[error(
        "{source}\nthe API and its OpenAPI document differ; each failure above comes with the curl line that shows it. {log}"
    )]
    Differs { source: process::Error, log: server::Log },
}

pub fn run(workspace: &Workspace, schemathesis: &Path, examples: u32) -> Result<(), Error> {
    let folder = workspace.target.join("conformance");
    empty(&folder).map_err(|source| Error::Prepare { folder: folder.display().to_string(), source })?;
    let binary = workspace.target.join("debug").join("cloudmart");
    let server = Server::start(&binary, &folder, ADMIN_TOKEN)?;
    let arguments = arguments(server.address, examples);
    let mut command = Command::new(schemathesis);
    command.args(arguments).current_dir(&folder);
    process::run_within(&mut command, RUN_LIMIT)
        .map_err(|source| Error::Differs { source, log: server.log().clone() })?;
    server.stop()?;
    Ok(())
}

/// What the last run left is kept until this one, to be looked at.
fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}

fn arguments(address: SocketAddr, examples: u32) -> Vec<String> {
    let url = format!("http://{address}/openapi.json");
    let authorization = format!("Authorization: Bearer {ADMIN_TOKEN}");
    let examples = examples.to_string();
    [
        "run",
        &url,
        "--header",
        &authorization,
        "--checks",
        CHECKS,
        "--phases",
        PHASES,
        "--max-examples",
        &examples,
        "--seed",
        SEED,
        "--generation-database",
        "none",
        "--request-timeout",
        REQUEST_LIMIT_S,
        "--continue-on-failure",
        "--report",
        "junit",
        "--report-junit-path",
        "report.xml",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_is_bounded_and_repeatable() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4711));
        let line = arguments(address, 7).join(" ");
        assert!(line.starts_with("run http://127.0.0.1:4711/openapi.json"));
        assert!(line.contains("--max-examples 7"));
        assert!(line.contains("--seed "));
        assert!(line.contains("--generation-database none"));
    }
}
