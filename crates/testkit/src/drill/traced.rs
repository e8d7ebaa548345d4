//! Nothing is acknowledged before it is on the disk: for each answer, strace shows that the write-ahead log was written
//! and then synced after the request was read.
//! It does not follow what was written; [`super::unsynced`] does.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::trace::{self, Recorded, Trace, What};
use super::{Ground, Outcome};
use crate::mart::{Mart, Plan, eventually};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub orders: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { orders: 100 }
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

/// One event of the trace, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    /// A request that changes an order is read.
    Asked,
    /// Bytes go to the write-ahead log.
    WalWrite,
    /// They are on the disk.
    WalSync,
    /// The caller is told that it is done.
    Answered,
}

/// # Panics
/// When an answer went out before what it tells was synced.
pub async fn run(ground: &Ground, options: Options) -> Outcome {
    if !trace::has_strace() {
        return Outcome::skipped("strace is missing; `cargo xtask test` installs it");
    }
    let file = ground.path("trace");
    let wrapper = trace::wrapper(&file, Recorded::Beginnings);
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let mut mart = Mart::open_as(Plan::empty(ground.binary()).data(ground.path("data")).under(&wrapper)).await;
    mart.product("LAMP", 4_900, 1_000).await;
    for _ in 0..options.orders {
        let id = mart.buy("LAMP", 1).await.text("id");
        mart.act(&id, "capture", &json!({"amount": 1_000})).await.expect(200);
        mart.act(&id, "refund", &json!({"amount": 500})).await.expect(200);
        mart.act(&id, "ship", &json!({})).await.expect(200);
    }
    assert!(mart.terminate().await.success(), "{}", mart.log());
    eventually("the trace is whole", PATIENCE, async || Trace::is_whole(&file).then_some(())).await;
    let events = events(&Trace::read(&file));
    let asked: Vec<usize> = (0..events.len()).filter(|&at| events[at] == Event::Asked).collect();
    assert_eq!(asked.len(), options.orders * 4, "the trace shows every request");
    for at in &asked {
        let length =
            events[*at..].iter().position(|event| *event == Event::Answered).expect("an answer to every request");
        let between = &events[*at..at + length];
        let written = between.iter().position(|event| *event == Event::WalWrite);
        let synced = between.iter().rposition(|event| *event == Event::WalSync);
        let is_safe = written.zip(synced).is_some_and(|(written, synced)| written < synced);
        assert!(is_safe, "acknowledged before it was written and synced: {between:?}");
    }
    ground.tell(format!("{} answers, each after the fdatasync of what it tells", asked.len()));
    Outcome::default()
        .with("answers to orders, captures, refunds, shipments", asked.len())
        .with("answered before fdatasync", 0)
}

/// A call of one thread may be cut in two by another's: then a write counts when it begins and a sync when it ends.
fn events(trace: &Trace) -> Vec<Event> {
    let mut of_wal = BTreeSet::new();
    let mut events: Vec<(usize, Event)> = Vec::new();
    for call in &trace.calls {
        match &call.what {
            What::Open { path, .. } => {
                let fd = call.result.and_then(|fd| i32::try_from(fd).ok()).unwrap_or(-1);
                of_wal.remove(&fd);
                if path.to_string_lossy().ends_with("-wal") {
                    of_wal.insert(fd);
                }
            }
            What::Write { fd, at: Some(_), .. } if of_wal.contains(fd) => events.push((call.entered, Event::WalWrite)),
            What::Sync { fd } if of_wal.contains(fd) => {
                events.extend(call.left.map(|left| (left, Event::WalSync)));
            }
            What::Read { bytes }
                if bytes.starts_with(b"POST /api/orders HTTP") || bytes.starts_with(b"POST /api/admin/orders/") =>
            {
                events.push((call.left.unwrap_or(call.entered), Event::Asked));
            }
            What::Write { bytes, at: None, .. } if bytes.starts_with(b"HTTP/1.1 20") => {
                events.push((call.entered, Event::Answered));
            }
            _ => {}
        }
    }
    events.sort_by_key(|(line, _)| *line);
    events.into_iter().map(|(_, event)| event).collect()
}
