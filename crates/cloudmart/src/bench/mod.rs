//! `cloudmart bench`: puts a measured load on any running shop, and asks its books afterwards whether it kept its word.
//! It knows the shop by its address alone; what it measures is what a buyer's own program would.
//!
//! A load runs on one thread over connections of its own (`load`), in turns that `pace` hands out; `script` says what is
//! asked in each turn. `goods` makes what orders need, `aftermath` asks again for what got no answer and reads the books,
//! `verdict` compares.

mod options;

mod goods;
mod script;

mod load;
mod pace;
mod tally;
mod usage;
mod wire;

mod aftermath;
mod report;
mod verdict;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::Failure;
use crate::client::{Ask, Shop};
use crate::commands::needs_token;
use crate::config::Secrets;
use crate::doctor::{Check, Findings};
use crate::numbers::grouped;
use crate::progress::say;
use goods::OwnProduct;
use load::{Loaded, Press, Watch};
use options::Json;
pub use options::Options;
use report::Report;
use script::{Ground, Scenario, Script};
use wire::{Line, Target};

/// More of a SKU than any load orders.
const PLENTY: i64 = 100_000_000;
/// How often the progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Puts the load on and prints what came of it. Success: the shop kept its word.
pub async fn run(options: Options, secrets: Secrets) -> Result<ExitCode, Failure> {
    let press = options.press()?;
    if options.duration.is_zero() {
        return Err(Failure::new("--duration must be above 0"));
    }
    let mut told_to_stop = std::pin::pin!(told_to_stop()?);
    let target = reach(&options.url, &options).await?;
    let mut targets = vec![target.clone()];
    for url in &options.also {
        targets.push(reach(url, &options).await?);
    }
    let mut line = Line::to(&target);
    let mut ground = match options.scenario {
        Scenario::Checkout | Scenario::FlashSale => Ground::default(),
        _ => goods::look_around(&mut line).await?,
    };
    let mut till = match options.scenario.places_orders() {
        true => Some(Till::open(&options, &secrets, &mut line, &mut ground).await?),
        false => None,
    };
    if options.scenario.fills_carts() {
        ground.cart_skus = match &ground.checkout {
            Some(checkout) => checkout.skus.clone(),
            None => goods::look_for_stock(&mut line, &ground).await?,
        };
    }
    let done = tokio::select! {
        done = measure(&options, press, &targets, ground, &mut line, till.as_mut()) => done,
        () = &mut told_to_stop => Err(Failure::new("told to stop before the end; there are no figures")),
    };
    // Whatever became of it, the product that was made is put away, and what was measured is told.
    let closed = match &till {
        Some(till) => till.close(&target).await,
        None => Ok(()),
    };
    if let (Err(_), Err(error)) = (&done, &closed) {
        let _ = error.report();
    }
    let report = done?;
    tell(&report, &options.json())?;
    closed?;
    Ok(if report.verdict.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Ends with Ctrl-C, or the word to stop. Whoever says it while something is made waits until that is done.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A node that answers, and that may be loaded.
async fn reach(url: &str, options: &Options) -> Result<Target, Failure> {
    let target = Target::find(url).await?;
    if !target.is_here() && !options.yes {
        let advice = "is not on this machine; say --yes when it is yours to put a load on";
        return Err(Failure::new(format!("{} {advice}", target.url)));
    }
    target.reach().await?;
    Ok(target)
}

/// What orders need: staff's key, and a product that is nobody else's.
struct Till {
    shop: Shop,
    token: Arc<str>,
    run: String,
    product: OwnProduct,
}

impl Till {
    /// Tells first what it is about to make.
    async fn open(options: &Options, secrets: &Secrets, line: &mut Line, ground: &mut Ground) -> Result<Self, Failure> {
        let token = secrets.admin_token.as_ref().ok_or_else(needs_token)?.expose().to_owned();
        let shop = Shop::at(&options.url, Some(&token))?;
        let mail = shop.expect(&Ask::get(&["api", "admin", "mail-settings"]), &[200]).await?;
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|error| Failure::new(error.to_string()))?;
        let run = format!("{:08x}", u32::from_be_bytes(bytes));
        let (skus, given) = match options.scenario {
            Scenario::FlashSale => (1, i64::from(options.stock)),
            _ => (options.skus, PLENTY),
        };
        let (currency, checkout) = goods::look_at_checkout(line, &run, skus).await?;
        eprintln!(
            "In this shop it makes a product of its own, {}, which shoppers see while it runs: {skus} SKUs with {} pieces \
             each; and as many orders as the load comes to, paid by test payments. Afterwards the product is archived; the \
             orders stay. The shop writes to their buyers, buyer…@example.com, which takes no mail; its mail goes to {}.",
            OwnProduct::slug(&run),
            grouped(given.unsigned_abs()),
            mail.body["transport"].as_str().unwrap_or("where it always goes")
        );
        let product = OwnProduct::make(&shop, &checkout, &currency, given).await?;
        ground.currency = currency;
        ground.checkout = Some(checkout);
        Ok(Self { shop, token: token.into(), run, product })
    }

    async fn close(&self, target: &Target) -> Result<(), Failure> {
        let closed = match target.reach().await {
            Ok(()) => self.product.put_away(&self.shop).await.map_err(|error| error.to_string()),
            Err(gone) => Err(gone.to_string()),
        };
        closed.map_err(|error| {
            let name = OwnProduct::slug(&self.run);
            Failure::new(format!("the product {name} could not be put away, archive it by hand: {error}"))
        })
    }
}

async fn measure(
    options: &Options,
    press: Press,
    targets: &[Target],
    ground: Ground,
    line: &mut Line,
    till: Option<&mut Till>,
) -> Result<Report, Failure> {
    let again = Script::new(options.scenario, ground.clone());
    let first = match &till {
        Some(_) => Some(aftermath::first_order(line, &again).await?),
        None => None,
    };
    let mut loaded = put_load_on(options, press, targets, Script::new(options.scenario, ground)).await?;
    let mut findings = Findings::default();
    if let (Some(till), Some(first)) = (till, first) {
        loaded.sales.accepted.push((first.id.into(), aftermath::FIRST));
        if let Some(note) = aftermath::ask_again(line, &again, &mut loaded.sales).await {
            findings.notes.push(note);
        }
        findings.checks.push(verdict::known(&loaded.sales));
        let books = match targets[0].reach().await {
            Ok(()) => aftermath::read_books(line, &till.shop, &till.product, &till.token, &first.placed_at).await,
            Err(gone) => Err(gone.into()),
        };
        match books {
            Ok(books) => {
                findings.checks.extend(verdict::orders(&loaded.sales, &books));
                if !options.no_doctor {
                    eprintln!("bench: the shop's doctor is looking");
                    let own = crate::doctor::ask_url(&options.url, &till.token).await?;
                    findings.checks.extend(own.checks);
                    findings.notes.extend(own.notes);
                }
            }
            // What was measured is told all the same.
            Err(error) => findings.checks.push(Check::of("the shop's books", String::new(), vec![error.to_string()])),
        }
    }
    findings.checks.insert(0, verdict::answers(&loaded));
    let nodes: Vec<&str> = targets.iter().map(|target| target.url.as_str()).collect();
    let what = (options.scenario, nodes.join(" "));
    Ok(Report::new(what, press, options.warm_up().as_secs_f64(), &loaded, findings))
}

/// Runs the load on a thread of its own, and tells how far it is.
async fn put_load_on(options: &Options, press: Press, targets: &[Target], script: Script) -> Result<Loaded, Failure> {
    let watch = Arc::new(Watch::default());
    let (done, mut is_done) = oneshot::channel();
    let times = (options.warm_up(), options.duration);
    let (targets, watched) = (targets.to_vec(), watch.clone());
    let load = move || {
        // Whoever waits may be gone; then nobody wants to know.
        let _ = done.send(load::run(targets, script, press, times, watched));
    };
    std::thread::Builder::new().name("load".to_owned()).spawn(load)?;
    let bar = std::io::stderr().is_terminal().then(|| bar(options.warm_up() + options.duration));
    let began = Instant::now();
    loop {
        match tokio::time::timeout(TOLD_EVERY, &mut is_done).await {
            Ok(loaded) => {
                bar.inspect(ProgressBar::finish_and_clear);
                return loaded.map_err(|_| Failure::new("the load ended without a result"))?.map_err(Failure::from);
            }
            Err(_) => bar.iter().for_each(|bar| show(bar, began.elapsed(), options.warm_up(), &watch)),
        }
    }
}

fn bar(takes: Duration) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(takes.as_millis()).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("[{wide_bar}] {msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, since: Duration, warm_up: Duration, watch: &Watch) {
    bar.set_position(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let (answered, lost) = (watch.answered.load(Ordering::Relaxed), watch.lost.load(Ordering::Relaxed));
    let part = if since < warm_up { "warming up" } else { "measuring" };
    let lost = if lost > 0 { format!(", {} without answer", grouped(lost)) } else { String::new() };
    #[expect(clippy::cast_precision_loss, reason = "a rate that is shown")]
    let rate = answered as f64 / since.as_secs_f64().max(f64::EPSILON);
    bar.set_message(format!("{part}: {} answers, {rate:.0} per second{lost}", grouped(answered)));
}

fn tell(report: &Report, json: &Json) -> Result<(), Failure> {
    let text = || serde_json::to_string_pretty(report).map(|text| text + "\n");
    match json {
        Json::None => say(report),
        Json::StandardOutput => {
            eprint!("{report}");
            say(&text()?);
        }
        Json::File(path) => {
            say(report);
            std::fs::write(path, text()?)
                .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?;
        }
    }
    Ok(())
}
