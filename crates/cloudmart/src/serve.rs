//! Serves a shop: opens it, fills it when it is new, answers requests until it is told to stop, and closes it.
//! It does not know any route of a service.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contracts::staff::{NewSecret, Staff as _};
use platform::http::metrics::Registry;
use platform::http::serve::{ServeConfig, serve};
use services::payments::{Notices, run_test_bank};
use services::search;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Engine, Loaded, LogFormat, Secrets};
use crate::readiness::Readiness;
use crate::routes;
use crate::wiring::{self, Mart};
use crate::{Failure, sample};

/// Who the first member of staff is until they say otherwise.
const FIRST_STAFF: &str = "owner@shop.local";
/// How often documents that expired are deleted, and how many at once.
const EXPIRY: (Duration, usize) = (Duration::from_secs(60), 1_000);
/// How long a stop waits for mail that is on its way.
const MAIL_PATIENCE: Duration = Duration::from_secs(5);
/// How long a start waits for derived documents before it says that it is still building them.
const PATIENCE: Duration = Duration::from_secs(2);

/// SIGXFSZ, which comes with a write beyond the size that files may have.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// Runs a shop until Ctrl-C or SIGTERM.
pub async fn run(loaded: Loaded) -> Result<(), Failure> {
    let warnings: Vec<String> = loaded.warnings().map(ToString::to_string).collect();
    let (config, secrets) = loaded.into_parts()?;
    begin_logging(&config);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    // Whoever listens is not ended by it: the write fails, and the buyer is told to come again.
    let _listening = signal(FILE_TOO_LARGE)?;
    let listener = listen(config.listen).await?;
    let mart = Arc::new(wiring::open(&config, &secrets).await?);
    let readiness = Readiness::default();
    let registry = Registry::new();
    let site = routes::site(&mart, &config, &secrets, &readiness, &registry)?;
    let address = listener.local_addr()?;

    let stop = told_to_stop(mart.clone(), Duration::from_secs(config.http.notice_s), readiness.clone())?;
    let beginning = tokio::spawn(begin(mart.clone(), config.clone(), secrets, readiness, address));
    let served = serve(
        listener,
        site,
        stop,
        ServeConfig {
            connections: config.http.connections,
            drain: Duration::from_secs(config.http.drain_s),
            metrics: Some(registry),
            ..ServeConfig::default()
        },
    )
    .await;
    if served.cut > 0 {
        tracing::warn!(connections = served.cut, "some requests took longer than drain_s and were cut off");
    }
    mart.mail.close(MAIL_PATIENCE).await;
    beginning.abort();
    mart.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Ends with the word to stop, and answers for how long everything goes on all the same, so that a load balancer can see
/// that this node is not ready: no time where no other node would take over, and none for somebody at the keyboard.
fn told_to_stop(
    mart: Arc<Mart>,
    notice: Duration,
    readiness: Readiness,
) -> std::io::Result<impl Future<Output = Duration>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let is_polite = tokio::select! {
            biased;
            _ = terminate.recv() => true,
            _ = interrupt.recv() => false,
        };
        readiness.set_stopping();
        let notice = if is_polite && mart.machinery.projector.leases().nodes() > 1 { notice } else { Duration::ZERO };
        tracing::info!(notice_s = notice.as_secs(), "stopping: requests that were accepted are answered first");
        notice
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(format!(
            "{address} is in use: another program listens there; stop it, or choose another address with --listen"
        )),
        _ => Failure::new(format!("cannot listen on {address}: {error}")),
    })
}

/// What happens once the shop can answer: it is filled, its documents catch up, its sweepers run.
async fn begin(mart: Arc<Mart>, config: Config, secrets: Secrets, readiness: Readiness, address: SocketAddr) {
    match try_begin(&mart, &config, &secrets, &readiness).await {
        Ok(news) => {
            announce(address, &config, news);
            readiness.set_ready();
        }
        Err(error) => {
            tracing::error!(error = error.message, "the shop could not begin; it answers, but is not ready");
            readiness.missing(error.message);
            return;
        }
    }
    tokio::join!(
        mart.orders.clone().run_sweeper(),
        mart.inventory.clone().run_sweeper(),
        mart.payments.clone().run_sweeper(),
        mart.mail.clone().run(),
        deliver_test_notices(&mart),
        delete_expired(&mart),
    );
}

/// What a start has to tell.
struct News {
    loaded_sample: bool,
}

/// Told at once, before anything else can go wrong: it is told only once.
async fn tell_first_staff(mart: &Mart, first: NewSecret, secrets: &Secrets) -> Result<(), contracts::Error> {
    println!("Staff, told only this once:");
    println!("  sign-in   {}   {}", first.email, first.secret);
    match &secrets.admin_token {
        Some(_) => println!("  API key   the one in CLOUDMART_ADMIN_TOKEN"),
        None => println!("  API key   {}", mart.staff.new_key(None).await?.secret),
    }
    println!("Lost? Make new ones with `cloudmart staff reset-password` and `cloudmart staff new-key`.\n");
    Ok(())
}

async fn try_begin(
    mart: &Mart,
    config: &Config,
    secrets: &Secrets,
    readiness: &Readiness,
) -> Result<News, contracts::Error> {
    readiness.missing("another node opens the shop".to_owned());
    let opening = mart.machinery.duty("opening");
    opening.begins().await;
    readiness.missing("the first member of staff is being added".to_owned());
    if let Some(first) = mart.staff.create_first(FIRST_STAFF).await? {
        tell_first_staff(mart, first, secrets).await?;
    }
    readiness.missing("the sample shop is being loaded".to_owned());
    let loaded_sample = sample::begin(mart, config.sample_shop).await?;
    drop(opening);
    readiness.missing("derived documents are being built".to_owned());
    while !mart.machinery.projector.wait_for_heads(PATIENCE).await.map_err(services::machinery::stored)? {
        let lags = mart.machinery.projector.lags().await.map_err(services::machinery::stored)?;
        if let Some(reason) = lags.iter().find_map(|lag| lag.stopped.clone()) {
            return Err(contracts::Error::internal(format!("a projection stopped: {reason}")));
        }
        let facts: u64 = lags.iter().map(|lag| lag.facts).sum();
        tracing::info!(facts, "building derived documents; facts still to go");
    }
    readiness.missing("the search index is being built".to_owned());
    while !mart.search.wait_for_heads(PATIENCE).await.map_err(services::machinery::stored)? {
        let search::Lag { facts, failure, .. } = mart.search.lag().await.map_err(services::machinery::stored)?;
        if let Some(reason) = failure {
            tracing::warn!(reason, "the search index cannot be written; lists come from documents meanwhile");
            break;
        }
        tracing::info!(facts, "building the search index; facts still to go");
    }
    Ok(News { loaded_sample })
}

fn announce(address: SocketAddr, config: &Config, news: News) {
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    println!("CloudMart {}", env!("CARGO_PKG_VERSION"));
    println!("  shop     http://{address}/");
    println!("  API      http://{address}/docs   (OpenAPI: /openapi.json)");
    println!("  data     {}", data.display());
    if config.store.engine == Engine::Postgres {
        println!("  node     {}", config.node.name());
    }
    if news.loaded_sample {
        println!("  The sample shop was loaded. Begin with an empty one by --sample-shop none.");
    }
}

/// The made-up bank tells the shop what its buyers did.
async fn deliver_test_notices(mart: &Mart) {
    if let Some(bank) = mart.test_bank.clone() {
        run_test_bank(Arc::new(Notices::new(mart.payments.clone(), mart.orders.clone())), bank).await;
    }
}

async fn delete_expired(mart: &Mart) {
    let duty = mart.machinery.duty("expiry");
    loop {
        duty.begins().await;
        let now = mart.machinery.clock.now();
        match mart.machinery.documents.delete_expired(now, EXPIRY.1).await {
            Ok(EXPIRY_FULL) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "expired documents could not be deleted; they stay hidden"),
        }
        tokio::time::sleep(EXPIRY.0).await;
    }
}

/// A deletion that took all it may goes on at once.
const EXPIRY_FULL: usize = EXPIRY.1;

fn begin_logging(config: &Config) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second shop in one process keeps the first one's log.
    let _ = match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
