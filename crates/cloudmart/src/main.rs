//! The binary: reads what it was asked, and has it done.
//! It does not know how.

mod cli;
mod config;
mod wiring;
mod serve;
mod routes;
mod openapi;
mod api_docs;
mod sample;
mod commands;
mod replay;
mod doctor;
mod backup;
mod failure;

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
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(options) => serve::run(options.into_config()?, secrets).await.map(|()| ExitCode::SUCCESS),
        Command::Replay(options) => commands::replay(options, secrets).await,
        Command::Rebuild(at) => commands::rebuild(&at.data).await,
        Command::Backup { file, at } => commands::backup(&at.data, &file).await,
        Command::Restore { file, at } => commands::restore(&file, &at.data).await,
        Command::Erase { order, at } => commands::erase(&order, at, secrets).await,
        Command::Staff { what, at } => commands::staff(what, &at.data, secrets).await,
        Command::Doctor { at } => commands::doctor(at, secrets).await,
        Command::Config => Ok(config::print_reference()),
    }
}
