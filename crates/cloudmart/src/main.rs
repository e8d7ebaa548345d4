//! The binary: reads what it was asked, and has it done.
//! It does not know how.

mod api_docs;
mod backup;
mod bench;
mod cli;
mod client;
mod commands;
mod config;
#[cfg(test)]
mod damaged;
mod doctor;
mod failure;
mod numbers;
mod openapi;
mod progress;
mod readiness;
mod replay;
mod routes;
mod sample;
mod serve;
mod transfer;
mod until_ready;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
pub use failure::Failure;

/// Requests allocate on one thread and free on another, which the C library does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(commands::run(cli)));
    done.unwrap_or_else(|failure| failure.report())
}
