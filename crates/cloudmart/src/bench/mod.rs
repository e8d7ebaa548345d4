//! `cloudmart bench`: puts a measured load on any running shop, and asks its books afterwards whether it kept its word.
//! It knows the shop by its address alone; what it measures is what a buyer's own program would.
//!
//! A load runs on one thread over connections of its own (`load`), in turns that `pace` hands out; `script` says what is
//! asked in each turn. `nodes` sees to it that all of it goes to one shop, `goods` and `till` make what orders need,
//! `aftermath` asks again for what got no answer and reads the books, `verdict` compares.

mod options;

mod nodes;

mod goods;
mod question;
mod script;
mod till;

mod load;
mod pace;
mod tally;
mod usage;
mod wire;

mod aftermath;
mod output;
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
use crate::config::Secrets;
use crate::doctor::count;
use crate::numbers::grouped;
use load::{Loaded, Press, Watch};
pub use options::Options;
use output::Output;
use report::Report;
use script::{Ground, Scenario, Script};
use till::Till;
use verdict::Verdict;
use wire::{Line, Target};

/// How a program is told that the shop did not keep its word,
const WORD_NOT_KEPT: u8 = 1;
/// and that this is not known, or that something was left undone: the code of a command line that makes no sense, too.
const NOT_MEASURED: u8 = 2;
/// How often the progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Puts the load on, prints what came of it, and tells by its exit code whether the shop kept its word.
pub async fn run(options: &Options, secrets: &Secrets) -> ExitCode {
    try_run(options, secrets).await.unwrap_or_else(|failure| {
        failure.report();
        ExitCode::from(NOT_MEASURED)
    })
}

async fn try_run(options: &Options, secrets: &Secrets) -> Result<ExitCode, Failure> {
    let press = options.press()?;
    let output = Output::open(options.json())?;
    let mut told_to_stop = std::pin::pin!(told_to_stop()?);
    let broken_off = || Failure::new("told to stop before the end; there are no figures");
    let targets = tokio::select! {
        targets = nodes::reach_all(options) => targets?,
        () = &mut told_to_stop => return Err(broken_off()),
    };
    let mut line = Line::to(&targets[0]);
    let (ground, till) = prepare(options, secrets, &mut line).await?;
    let done = tokio::select! {
        done = measure(options, press, &targets, ground, &mut line, till.as_ref()) => done,
        () = &mut told_to_stop => Err(broken_off()),
    };
    // Whatever became of it, the product that was made is put away, and what was measured is told.
    let closed = match &till {
        Some(till) => till.close(&targets[0]).await,
        None => Ok(()),
    };
    let (is_good, told) = match done {
        Ok(report) => (report.verdict.is_good, output.tell(&report)),
        Err(failure) => (None, Err(failure)),
    };
    let undone: Vec<Failure> = [told, closed].into_iter().filter_map(Result::err).collect();
    for failure in &undone {
        failure.report();
    }
    Ok(match is_good {
        // That is the news, whatever else went wrong.
        Some(false) => ExitCode::from(WORD_NOT_KEPT),
        Some(true) if undone.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::from(NOT_MEASURED),
    })
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

/// What a scenario needs of the shop, and a till where it places orders.
async fn prepare(options: &Options, secrets: &Secrets, line: &mut Line) -> Result<(Ground, Option<Till>), Failure> {
    let mut ground = match options.scenario {
        Scenario::Checkout | Scenario::FlashSale => Ground::default(),
        _ => goods::look_around(line).await?,
    };
    let till = match options.scenario.places_orders() {
        true => Some(Till::open(options, secrets, line, &mut ground).await?),
        false => None,
    };
    if options.scenario.fills_carts() {
        ground.cart_skus = match &ground.checkout {
            Some(checkout) => checkout.skus.clone(),
            None => goods::look_for_stock(line, &ground).await?,
        };
    }
    Ok((ground, till))
}

async fn measure(
    options: &Options,
    press: Press,
    targets: &[Target],
    ground: Ground,
    line: &mut Line,
    till: Option<&Till>,
) -> Result<Report, Failure> {
    let again = Script::new(options.scenario, ground.clone());
    // Whether any order can be placed shows before the load.
    let selling = match till {
        Some(till) => Some((till, aftermath::first_order(line, &again).await?)),
        None => None,
    };
    let mut loaded = put_load_on(options, press, targets, Script::new(options.scenario, ground)).await?;
    let of_orders = match selling {
        Some((till, first)) => till.judge(&targets[0], line, &again, first, &mut loaded.sales).await,
        None => Verdict::default(),
    };
    let mut verdict = Verdict::default();
    verdict.blame(verdict::answers(&loaded));
    let mut heard = verdict::heard(&loaded);
    match nodes::missing(targets).await {
        // Who has died has broken no word by its silence.
        Some(gone) if !heard.is_well() => {
            heard.tell(gone.to_string());
            verdict.doubt(heard);
        }
        _ => verdict.blame(heard),
    }
    verdict.join(of_orders);
    let nodes: Vec<&str> = targets.iter().map(|target| target.url.as_str()).collect();
    let what = (options.scenario, nodes.join(" "));
    Ok(Report::new(what, press, options.warm_up().as_secs_f64(), &loaded, verdict))
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
    bar.set_message(format!("{part}: {}, {rate:.0} per second{lost}", count(answered, "answer")));
}
