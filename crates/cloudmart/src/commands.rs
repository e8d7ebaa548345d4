//! The commands beside `serve`, each a few lines around what does the work.
//! It does not do the work itself.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use contracts::caller::Caller;
use contracts::staff::Staff as _;
use domain::ids::OrderId;
use platform::clock::SystemClock;
use platform::documents::{Change, WriteBatch};
use platform::entropy::SystemEntropy;
use platform::log::executor::{Executor, Limits};
use platform::projection::Projector;

use crate::cli::{AtData, AtDataOrUrl, Cli, Command, ExportCommand, ImportCommand, Replay, StaffCommand};
use crate::config::{self, Engine, Secrets, Variables};
use crate::progress::Progress;
use crate::{Failure, backup, bench, doctor, progress, replay, transfer, wiring};

/// How often a long rebuild looks how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Does what the command line asks for; without a command, serves.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let said = Variables::read();
    // TLS for the commands that ask a shop by https; a second installation is no mistake.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    if !matches!(command, Command::Serve(_)) {
        progress::tell_what_is_waited_for();
    }
    match command {
        Command::Serve(options) => crate::serve::run(options.load(&said)).await.map(|()| ExitCode::SUCCESS),
        Command::Replay(options) => replay(options, Secrets::of_caller(&said)).await,
        Command::Bench(options) => Ok(bench::run(&options, &Secrets::of_caller(&said)).await),
        Command::Import { what: ImportCommand::Products(options) } => transfer::import(options.into(), &said).await,
        Command::Export { what: ExportCommand::Products(options) } => transfer::export(options.into(), &said).await,
        Command::Rebuild(at) => rebuild(at, &said).await,
        Command::Backup { file, at } => {
            let (config, secrets) = at.load(&said)?;
            backup::backup(&config, &secrets, &file).await
        }
        Command::Restore { file, at } => {
            let (config, secrets) = at.load(&said)?;
            backup::restore(&file, &config, &secrets).await
        }
        Command::MigrateStore(options) => {
            let (config, secrets) = options.load(&said)?;
            backup::migrate(&options.from, &config, &secrets).await
        }
        Command::Erase { order, at } => erase(&order, at, &said).await,
        Command::Staff { what } => staff(what, &said).await,
        Command::Doctor { at, json } => doctor(at, json, &said).await,
        Command::Config { what } => Ok(config::run(what, &said)),
    }
}

pub async fn replay(options: Replay, secrets: Secrets) -> Result<ExitCode, Failure> {
    let token = secrets.admin_token.ok_or_else(needs_token)?;
    replay::run(replay::Options { file: options.file, url: options.url, token: token.expose().to_owned() }).await
}

pub async fn doctor(at: AtDataOrUrl, json: bool, said: &Variables) -> Result<ExitCode, Failure> {
    let (config, secrets) = at.load(said)?;
    match at.url {
        Some(url) => doctor::run_on_url(&url, secrets.admin_token.ok_or_else(needs_token)?.expose(), json).await,
        None if config.store.engine == Engine::Postgres => doctor::run_on_database(&config, &secrets, json).await,
        None => doctor::run_on_data(&config.data, secrets.master_key.as_ref(), json).await,
    }
}

pub fn needs_token() -> Failure {
    Failure::new("set CLOUDMART_ADMIN_TOKEN to a staff API key of that shop".to_owned())
}

/// Throws every derived collection away and builds it from the log.
pub async fn rebuild(at: AtData, said: &Variables) -> Result<ExitCode, Failure> {
    let (config, secrets) = at.load(said)?;
    let store = wiring::Store::open_existing(&config, &secrets).await?;
    let documents = store.documents();
    let projections = services::projections();
    let mut progress = Progress::start("collections cleared", projections.len() as u64);
    for projection in &projections {
        let changes = vec![Change::Clear { collection: projection.collection() }];
        let name = platform::projection::checkpoint_name(projection.as_ref());
        let checkpoints = documents.checkpoints(&name).await?;
        let checkpoints = checkpoints.into_iter().map(|checkpoint| checkpoint.moved_to(0)).collect();
        documents.write(WriteBatch { changes, checkpoints }).await?;
        progress.step();
    }
    drop(progress);
    let clock: Arc<dyn platform::clock::Clock> = Arc::new(SystemClock);
    let entropy = Arc::new(SystemEntropy);
    let executor = Executor::start(store.log(), services::kinds(), clock.clone(), entropy, Limits::default()).await?;
    let projector = Projector::start(&executor, &documents, &clock, &projections).await?;
    let (mut progress, mut total) = (Progress::start("facts folded", 0), 0);
    loop {
        let lags = projector.lags().await?;
        if let Some((lag, reason)) = lags.iter().find_map(|lag| Some((lag, lag.stopped.as_ref()?))) {
            return Err(Failure::new(format!("{} cannot be built: {reason}", lag.projection)));
        }
        let left: u64 = lags.iter().map(|lag| lag.facts).sum();
        total = left.max(total);
        progress.reach(total - left, total);
        if projector.wait_for_heads(PROGRESS_EVERY).await? {
            break;
        }
    }
    drop(progress);
    forget_search_index(&config.data)?;
    println!("{} derived collections were built anew; the search index follows at the next start.", projections.len());
    drop(executor);
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// The next start builds it from the log.
fn forget_search_index(data: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(data.join(wiring::SEARCH_FOLDER)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Erases in a shop that is stopped, or asks a running one.
pub async fn erase(order: &str, at: AtDataOrUrl, said: &Variables) -> Result<ExitCode, Failure> {
    let id = OrderId::parse(order).map_err(|_| Failure::new(format!("{order} is not an order's id (ord_…)")))?;
    let (config, secrets) = at.load(said)?;
    if let Some(url) = at.url {
        let token = secrets.admin_token.ok_or_else(needs_token)?;
        let address = format!("{}/api/admin/orders/{id}/erase", url.trim_end_matches('/'));
        let answer = reqwest::Client::new().post(address).bearer_auth(token.expose()).send().await?;
        if !answer.status().is_success() {
            return Err(Failure::new(format!("the shop answered {}: {}", answer.status(), answer.text().await?)));
        }
    } else {
        wiring::must_be_there(&config)?;
        let mart = wiring::open(&config, &secrets).await?;
        mart.orders.erase(&id, &Caller::system()).await?;
        mart.mail.forget(&id).await?;
        mart.store.purge().await?;
        mart.machinery.projector.wait_for_heads(PROGRESS_EVERY).await?;
        mart.close().await?;
    }
    println!("{id} was erased: its buyer, addresses and notes cannot be read any more.");
    Ok(ExitCode::SUCCESS)
}

/// Works beside a running shop, too: staff are nobody's history.
pub async fn staff(what: StaffCommand, said: &Variables) -> Result<ExitCode, Failure> {
    let (StaffCommand::ResetPassword { at, .. } | StaffCommand::NewKey { at, .. }) = &what;
    let (config, secrets) = at.clone().load(said)?;
    let beside = wiring::Beside::open(&config, &secrets).await?;
    let staff = wiring::staff_beside(beside.documents(), &config.data, &secrets)?;
    match what {
        StaffCommand::ResetPassword { email, .. } => {
            let new = staff.reset_password(&email).await?;
            println!("sign-in   {}   {}", new.email, new.secret);
        }
        StaffCommand::NewKey { email, .. } => {
            let new = staff.new_key(email.as_deref()).await?;
            println!("API key of {}   {}", new.email, new.secret);
        }
    }
    beside.close().await?;
    Ok(ExitCode::SUCCESS)
}
