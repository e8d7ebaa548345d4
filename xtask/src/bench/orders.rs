//! Confirmed orders of one line, over 50 SKUs and over one, in turns with pgbench's TPC-B on the same disk.
//! Each run has a shop of its own, so that none of them finds what another left in the log or in the mail.

use std::path::Path;

use super::postgres::Postgres;
use super::reach::Reach;
use super::run::{Run, medians};
use super::table::{Cells, ORDERS, ORDERS_ONE_SKU};
use super::{Bench, Error, load, shop, text};

/// At least so much of what pgbench does, and of what many SKUs do.
const PGBENCH_REACH: f64 = 0.8;
const ONE_SKU_REACH: f64 = 0.9;
/// And at least so many per second, at most so slow, where the disk allows it.
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
    Ok(cells(medians(&many), medians(&theirs), medians(&one)))
}

fn cells(many: Run, theirs: Run, one: Run) -> Vec<Cells> {
    let is_fast = many.per_second >= RATE_REACH && many.p99_ms <= P99_REACH_MS;
    vec![
        Cells {
            ratio: text::ratio(many.per_second, theirs.per_second),
            beside: format!("pgbench {}, p99 {}", text::whole(theirs.per_second), text::ms(theirs.p99_ms)),
            reach: Reach::ratio(many.per_second >= PGBENCH_REACH * theirs.per_second).and_durable(is_fast),
            note: format!("the load used {:.2} processors", many.generator),
            ..Cells::of_run(ORDERS, many)
        },
        Cells {
            ratio: text::ratio(one.per_second, many.per_second),
            beside: format!("over 50 SKUs {}", text::whole(many.per_second)),
            reach: Reach::ratio(one.per_second >= ONE_SKU_REACH * many.per_second),
            ..Cells::of_run(ORDERS_ONE_SKU, one)
        },
    ]
}

fn checkout(bench: &Bench, sample: &Path, skus: &str) -> Result<Run, Error> {
    let server = shop::start(bench, &shop::copy(bench, sample, "orders")?)?;
    let run = load::run(bench, server.address, &["checkout", "--concurrency", "64", "--skus", skus], "order")?;
    server.stop()?;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_slow_disk_pgbench_decides() {
        let run = |per_second| Run { per_second, p99_ms: 43.0, generator: 0.06 };
        let cells = cells(run(4_191.0), run(4_737.0), run(4_254.0));
        let verdicts = |syncs| cells.iter().map(|cells| cells.reach.verdict(syncs)).collect::<Vec<_>>();
        assert_eq!(verdicts(4_967.0), ["yes (ratio; slow disk)", "yes (ratio)"]);
        assert_eq!(verdicts(5_812.0), ["**no** (ratio and absolute)", "yes (ratio)"]);
    }
}
