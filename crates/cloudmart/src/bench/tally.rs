//! What came back, counted: how long each kind of request took, with which status, and what got no answer.
//! It does not know what a status means for the shop's books.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::script::Kind;
use super::wire::{Lost, PUT_OFF};

/// Three digits of every latency are kept.
const DIGITS: u8 = 3;
/// Whatever takes longer counts as an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// One kind of request.
#[derive(Debug, Clone)]
pub struct Count {
    /// In microseconds.
    latencies: Histogram<u64>,
    pub statuses: BTreeMap<u16, u64>,
    pub lost: BTreeMap<Lost, u64>,
    /// Done as asked, and answered within the measured time, whenever they were due.
    pub done: u64,
}

impl Count {
    fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        // Digits from 0 to 5 and bounds in their order are taken.
        let latencies = latencies.unwrap_or_else(|_| unreachable!("{DIGITS} digits up to {LONGEST_US}"));
        Self { latencies, statuses: BTreeMap::new(), lost: BTreeMap::new(), done: 0 }
    }

    fn took(&mut self, latency: Duration) {
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was answered, whatever the status.
    pub fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    pub fn latencies(&self) -> Latencies {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one run, told to two digits")]
        let ms = |micros: u64| micros as f64 / 1_000.0;
        let at = |quantile| ms(self.latencies.value_at_quantile(quantile));
        Latencies {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(self.latencies.max()),
            mean: self.latencies.mean() / 1_000.0,
        }
    }
}

/// In milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latencies {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    pub mean: f64,
}

/// All kinds.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub kinds: BTreeMap<Kind, Count>,
    /// Due within the measured time, and not sent before its end.
    pub unsent: u64,
}

impl Tally {
    /// Whoever was put off has not been served, however quickly.
    pub fn answered(&mut self, kind: Kind, status: u16, latency: Duration) {
        let count = self.of(kind);
        if !PUT_OFF.contains(&status) {
            count.took(latency);
        }
        *count.statuses.entry(status).or_default() += 1;
    }

    /// A request that never went out took no time.
    pub fn lost(&mut self, kind: Kind, lost: Lost, latency: Duration) {
        let count = self.of(kind);
        if lost != Lost::NoConnection {
            count.took(latency);
        }
        *count.lost.entry(lost).or_default() += 1;
    }

    pub fn done(&mut self, kind: Kind) {
        self.of(kind).done += 1;
    }

    /// A request that was due and could not even be sent has taken at least so long.
    pub fn unsent(&mut self, kind: Kind, latency: Duration) {
        self.of(kind).took(latency);
        self.unsent += 1;
    }

    fn of(&mut self, kind: Kind) -> &mut Count {
        self.kinds.entry(kind).or_insert_with(Count::new)
    }

    /// Every kind together.
    pub fn whole(&self) -> Count {
        let mut whole = Count::new();
        for count in self.kinds.values() {
            // Both keep the same digits and grow as needed.
            let _ = whole.latencies.add(&count.latencies);
            whole.done += count.done;
            for (status, number) in &count.statuses {
                *whole.statuses.entry(*status).or_default() += number;
            }
            for (lost, number) in &count.lost {
                *whole.lost.entry(*lost).or_default() += number;
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_keep_three_digits_up_to_the_slowest() {
        let mut tally = Tally::default();
        for millis in 1..=1_000 {
            tally.answered(Kind::Page, 200, Duration::from_millis(millis));
        }
        tally.lost(Kind::Order, Lost::TooLate, Duration::from_secs(30));
        // Neither who was put off nor who found nobody makes the shop quicker.
        tally.answered(Kind::Page, 503, Duration::ZERO);
        tally.answered(Kind::Page, 429, Duration::ZERO);
        tally.lost(Kind::Page, Lost::NoConnection, Duration::ZERO);
        let pages = tally.kinds[&Kind::Page].latencies();
        for (told, wanted) in [(pages.p50, 500.0), (pages.p90, 900.0), (pages.p99, 990.0), (pages.p999, 999.0)] {
            assert!((told - wanted).abs() / wanted < 0.002, "{told} {wanted}");
        }
        let whole = tally.whole();
        assert_eq!((whole.answered(), whole.lost[&Lost::TooLate]), (1_002, 1));
        assert!((whole.latencies().max - 30_000.0).abs() < 30.0);
    }
}
