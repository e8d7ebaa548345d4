//! What a load came to, as a table for people and as JSON for programs.
//! It does not measure and does not judge.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::load::{Loaded, Press};
use super::script::{Kind, Scenario};
use super::tally::{Count, Latencies};
use super::usage;
use super::verdict::Verdict;
use crate::doctor::were;
use crate::numbers::grouped;

#[derive(Debug, Serialize)]
pub struct Report {
    pub scenario: Scenario,
    pub url: String,
    pub press: Pressed,
    pub connections: u32,
    pub warm_up_s: f64,
    pub duration_s: f64,
    pub all: Row,
    pub kinds: BTreeMap<Kind, Row>,
    /// Due within the measured time and never sent: the shop could not keep up with the rate.
    pub unsent: u64,
    pub cpu: Cpu,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "loop", rename_all = "snake_case")]
pub enum Pressed {
    Open { per_second: f64 },
    Closed { at_once: u32 },
}

/// One kind of request, or all of them.
#[derive(Debug, Serialize)]
pub struct Row {
    pub answered: u64,
    /// What was done as asked within the measured time: neither refused nor put off.
    pub per_second: f64,
    /// At a rate from when a request was due, else from when it was sent.
    pub latency_ms: Latencies,
    pub statuses: BTreeMap<u16, u64>,
    pub lost: BTreeMap<String, u64>,
}

/// Processors in use while the load was measured; 1 is one of them, busy all the time.
#[derive(Debug, Serialize)]
pub struct Cpu {
    pub processors: usize,
    pub generator: f64,
    pub shop: Option<f64>,
}

impl Row {
    fn of(count: &Count, seconds: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "requests of one run are fewer than 2^52")]
        let per_second = count.done as f64 / seconds;
        let lost = count.lost.iter().map(|(lost, number)| (lost.to_string(), *number)).collect();
        let statuses = count.statuses.clone();
        Self { answered: count.answered(), per_second, latency_ms: count.latencies(), statuses, lost }
    }
}

impl Report {
    pub fn new(
        (scenario, url): (Scenario, String),
        press: Press,
        warm_up_s: f64,
        loaded: &Loaded,
        verdict: Verdict,
    ) -> Self {
        let seconds = loaded.lasted.as_secs_f64();
        let kinds = loaded.tally.kinds.iter().map(|(kind, count)| (*kind, Row::of(count, seconds))).collect();
        let pressed = match press {
            Press::Rate { per_second, .. } => Pressed::Open { per_second },
            Press::AtOnce(at_once) => Pressed::Closed { at_once },
        };
        Self {
            scenario,
            url,
            press: pressed,
            connections: press.connections(),
            warm_up_s,
            duration_s: seconds,
            all: Row::of(&loaded.tally.whole(), seconds),
            kinds,
            unsent: loaded.tally.unsent,
            cpu: Cpu {
                processors: usage::processors(),
                generator: loaded.own_cpu_s / seconds,
                shop: loaded.shop_cpu_s.map(|spent| spent / seconds),
            },
            verdict,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.press {
            Pressed::Open { per_second } => format!("{per_second} requests due per second"),
            Pressed::Closed { at_once } => format!("{at_once} at once"),
        };
        writeln!(f, "{} at {}: {how}, {} s measured", self.scenario.name(), self.url, self.duration_s)?;
        writeln!(f)?;
        let heads = ["answers", "done/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"];
        let [answers, per_second, rest @ ..] = heads;
        write!(f, "  {:<16}{answers:>10}{per_second:>12}", "")?;
        rest.iter().try_for_each(|head| write!(f, "{head:>10}"))?;
        writeln!(f)?;
        for (kind, row) in &self.kinds {
            line(f, kind.name(), row)?;
        }
        if self.kinds.len() > 1 {
            line(f, "all", &self.all)?;
        }
        writeln!(f)?;
        let statuses = self.all.statuses.iter().map(|(status, count)| format!("{status}: {}", grouped(*count)));
        let lost = self.all.lost.iter().map(|(why, count)| format!("{why}: {}", grouped(*count)));
        writeln!(f, "  answers    {}", statuses.chain(lost).collect::<Vec<_>>().join("   "))?;
        if self.unsent > 0 {
            writeln!(f, "  behind     {} due and could not be sent", were(self.unsent, "request"))?;
        }
        writeln!(f, "  processors {}", self.cpu)?;
        writeln!(f)?;
        write!(f, "{}", self.verdict.findings)?;
        let word = match self.verdict.is_good {
            Some(true) => "The shop kept its word.",
            Some(false) => "The shop did NOT keep its word.",
            None => "Whether the shop kept its word is not known.",
        };
        writeln!(f, "{word}")
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, row: &Row) -> fmt::Result {
    let Latencies { p50, p90, p99, p999, max, .. } = row.latency_ms;
    write!(f, "  {name:<16}{:>10}{:>12.1}", grouped(row.answered), row.per_second)?;
    [p50, p90, p99, p999, max].iter().try_for_each(|ms| write!(f, "{ms:>10.2}"))?;
    writeln!(f)
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, generator, shop } = self;
        #[expect(clippy::cast_precision_loss, reason = "processors of one machine")]
        let share = generator / *processors as f64 * 100.0;
        write!(f, "this generator {generator:.2} of {processors} ({share:.0} %)")?;
        shop.map_or(Ok(()), |shop| write!(f, ", the shop {shop:.2}"))
    }
}
