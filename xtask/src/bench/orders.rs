//! Confirmed orders of one line, over 50 SKUs and over one, in turns with pgbench's TPC-B on the same disk.
//! Each run has a shop of its own, so that none of them finds what another left in the log or in the mail.

use super::postgres::Postgres;
use super::table::{Cells, ORDERS, ORDERS_ONE_SKU};
use super::{Bench, Error, load, median, shop, text};

/// At least so much of what pgbench does, and of what many SKUs do.
const PGBENCH_REACH: f64 = 0.8;
const ONE_SKU_REACH: f64 = 0.9;
/// And at least so many per second, at most so slow.
const RATE_REACH: f64 = 5_000.0;
const P99_REACH_MS: f64 = 30.0;

pub fn measure(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let sample = shop::sample(bench)?;
    let postgres = Postgres::start(bench)?;
    let (mut many, mut one, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        many.push(checkout(bench, &sample, "50")?);
        theirs.push(postgres.bench(bench)?);
        one.push(checkout(bench, &sample, "1")?);
    }
    drop(postgres);
    let of = |runs: &[load::Run], value: fn(&load::Run) -> f64| median(runs.iter().map(value));
    let (rate, p99_ms, generator) =
        (of(&many, |run| run.per_second), of(&many, |run| run.p99_ms), of(&many, |run| run.generator));
    let (one_rate, one_p99_ms) = (of(&one, |run| run.per_second), of(&one, |run| run.p99_ms));
    let their_rate = median(theirs.iter().map(|run| run.per_second));
    let their_p99_ms = median(theirs.iter().map(|run| run.p99_ms));
    Ok(vec![
        Cells {
            ratio: text::ratio(rate, their_rate),
            ours: text::whole(rate),
            p99: text::ms(p99_ms),
            beside: format!("pgbench {}, p99 {}", text::whole(their_rate), text::ms(their_p99_ms)),
            reached: Some(rate >= PGBENCH_REACH * their_rate && rate >= RATE_REACH && p99_ms <= P99_REACH_MS),
            note: format!("the load used {generator:.2} processors"),
            ..Cells::of(ORDERS)
        },
        Cells {
            ratio: text::ratio(one_rate, rate),
            ours: text::whole(one_rate),
            p99: text::ms(one_p99_ms),
            beside: format!("over 50 SKUs {}", text::whole(rate)),
            reached: Some(one_rate >= ONE_SKU_REACH * rate),
            ..Cells::of(ORDERS_ONE_SKU)
        },
    ])
}

fn checkout(bench: &Bench, sample: &std::path::Path, skus: &str) -> Result<load::Run, Error> {
    let server = shop::start(bench, &shop::copy(bench, sample, "orders")?)?;
    let run = load::run(bench, server.address, &["checkout", "--concurrency", "64", "--skus", skus], "order")?;
    server.stop()?;
    Ok(run)
}
