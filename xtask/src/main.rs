//! `cargo xtask`: what is done around the code, in Rust instead of shell scripts.
//! It knows the workspace and its tools; it links none of our crates, so it builds in seconds on a fresh clone.

mod bench;
mod check;
mod crash;
mod fuzz;
mod process;
mod simulate;
mod steps;
mod test;
mod tidy;
mod window;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use steps::Steps;
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks and tests CloudMart")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, tidy, clippy and cargo-deny: what CI runs before the tests.
    Check,
    /// Everything that CI runs: installs what the tests need, then check, unit tests, browser tests, release build,
    /// API conformance.
    Test(test::Options),
    /// Every parser that faces the outside, against inputs that nobody thought of; needs cargo-fuzz and nightly Rust.
    Fuzz(fuzz::Options),
    /// The crash drill: kills, power cuts, full disks and more, and everything acknowledged must be there; see
    /// docs/RELIABILITY.md.
    Crash(crash::Options),
    /// The project's figures on this machine, beside nginx and PostgreSQL; writes docs/BENCHMARKS.md.
    Bench(bench::Options),
    /// Lighthouse's points for home, product and checkout as a phone sees them; fails below 95.
    Lighthouse(window::Options),
    /// Pictures of every page, into target/screenshots.
    Screenshots(window::Options),
    /// Writes a file of made-up products for `cloudmart import products`.
    GenerateProducts { products: u32, file: PathBuf },
    /// Simulated storms over the whole core, one for each seed; a seed that fails is told with the command that runs it
    /// again.
    Simulate(simulate::Options),
    /// The architecture's rules, each violation with what to do instead.
    Tidy,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
    #[error(transparent)]
    Check(#[from] check::Error),
    #[error(transparent)]
    Test(#[from] test::Error),
    #[error(transparent)]
    Bench(#[from] bench::Error),
    #[error(transparent)]
    Fuzz(#[from] fuzz::Error),
    #[error(transparent)]
    Crash(#[from] crash::Error),
    #[error(transparent)]
    Window(#[from] window::Error),
    #[error(transparent)]
    Process(#[from] process::Error),
    #[error("there is no such folder: {0}")]
    Folder(std::io::Error),
    #[error(transparent)]
    Tidy(#[from] tidy::Error),
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::default();
    match command {
        Command::Check => {
            let outcome = check::run(&workspace, &mut steps);
            steps.print_summary();
            outcome?;
        }
        Command::Test(options) => test::run(&workspace, &options, &mut steps)?,
        Command::Fuzz(options) => fuzz::run(&workspace, &options, &mut steps)?,
        Command::Crash(options) => crash::run(&workspace, &options, &mut steps)?,
        Command::Bench(options) => bench::run(&workspace, &options, &mut steps)?,
        Command::Lighthouse(options) => window::lighthouse(&workspace, &options, &mut steps)?,
        Command::Screenshots(options) => window::screenshots(&workspace, &options, &mut steps)?,
        Command::GenerateProducts { products, file } => generate_products(&workspace, products, &file)?,
        Command::Simulate(options) => simulate::run(&workspace, &options)?,
        Command::Tidy => tidy::run(&workspace)?,
    }
    Ok(())
}

/// The tests know how; this crate links none of ours.
fn generate_products(workspace: &Workspace, products: u32, file: &Path) -> Result<(), Error> {
    let file = std::path::absolute(file).map_err(Error::Folder)?;
    let number = products.to_string();
    let arguments = ["run", "--quiet", "-p", "testkit", "--example", "generate-products", "--", &number];
    process::run(process::cargo(&workspace.root, &arguments).arg(file))?;
    Ok(())
}
