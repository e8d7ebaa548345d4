//! The binary: reads what it was asked, and has it done.
//! It does not know how.

mod api_docs;
mod backup;
mod cli;
mod client;
mod commands;
mod config;
mod doctor;
mod failure;
mod numbers;
mod openapi;
mod progress;
mod replay;
mod routes;
mod sample;
mod serve;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
pub use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(dispatch(cli)));
    done.unwrap_or_else(|failure| failure.report())
}

async fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let secrets = config::Secrets::read();
    // TLS for the commands that ask a shop by https; a second installation is no mistake.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(options) => serve::run(options.into_config()?, secrets).await.map(|()| ExitCode::SUCCESS),
        Command::Replay(options) => commands::replay(options, secrets).await,
        Command::Rebuild(at) => commands::rebuild(&at.data).await,
        Command::Backup { file, at } => commands::backup(&at.data, &file).await,
        Command::Restore { file, at } => commands::restore(&file, &at.data).await,
        Command::Erase { order, at } => commands::erase(&order, at, secrets).await,
        Command::Staff { what } => commands::staff(what, secrets).await,
        Command::Doctor { at } => commands::doctor(at, secrets).await,
        Command::Config => Ok(config::print_reference()),
    }
}
