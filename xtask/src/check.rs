//! `cargo xtask check`: formatting, tidy, clippy, cargo-deny; the quickest first. It runs no test.

use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::tidy;
use crate::workspace::Workspace;

/// Builds in a bit over two minutes on two cores; a machine needs it once.
const CARGO_DENY_VERSION: &str = "0.20.2";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}\nrun `cargo fmt --all`")]
    Format(process::Error),
    #[error(transparent)]
    Tidy(#[from] tidy::Error),
    #[error("{0}\nclippy.toml tells why something is banned and what to use instead")]
    Clippy(process::Error),
    #[error("{0}\ncargo-deny could not be installed; by hand: cargo install --locked cargo-deny@{CARGO_DENY_VERSION}")]
    Install(process::Error),
    #[error("{0}\ndeny.toml tells what is accepted and why")]
    Deny(process::Error),
}

pub fn run(workspace: &Workspace, steps: &mut Steps) -> Result<(), Error> {
    let root = &workspace.root;
    steps.run("formatting", || process::run(&mut cargo(root, &["fmt", "--all", "--check"])).map_err(Error::Format))?;
    steps.run("tidy", || tidy::run(workspace))?;
    steps.run("clippy", || {
        let arguments = ["clippy", "--workspace", "--keep-going", "--all-targets", "--locked", "--", "-D", "warnings"];
        process::run(&mut cargo(root, &arguments)).map_err(Error::Clippy)?;
        // What `cargo test` leaves out, `--all-targets` leaves out, too.
        let arguments = ["clippy", "--workspace", "--test", "browser", "--locked", "--", "-D", "warnings"];
        process::run(&mut cargo(root, &arguments)).map_err(Error::Clippy)
    })?;
    if !process::succeeds(&mut cargo(root, &["deny", "--version"])) {
        steps.run("install cargo-deny", || install_cargo_deny(workspace))?;
    }
    steps.run("cargo-deny", || {
        // Duplicates are warnings, and long ones: `cargo deny check bans` shows them.
        let arguments = ["deny", "--log-level", "error", "--locked", "check", "bans", "licenses", "sources"];
        process::run(&mut cargo(root, &arguments)).map_err(Error::Deny)
    })
}

fn install_cargo_deny(workspace: &Workspace) -> Result<(), Error> {
    let tool = format!("cargo-deny@{CARGO_DENY_VERSION}");
    let arguments = ["install", "--quiet", "--locked", tool.as_str()];
    process::run(&mut cargo(&workspace.root, &arguments)).map_err(Error::Install)
}
