//! Reads a whole log, shard by shard, and hands each fact to what checks it.
//! It does not judge more than the log itself: gaps, order, facts that nobody can read.

use std::collections::BTreeMap;

use domain::money::Currency;
use domain::order::Status;
use domain::{ledger, order, payment, reservation, stock};
use jiff::Timestamp;
use platform::log::check::{SNAPSHOT_EVERY, snapshot_is_right};
use platform::log::kind::{AnyFact, Kinds};
use platform::log::{Log, RecordedFact, ShardInfo, StreamId, Version};
use platform::store::StoreResult;

use super::case::{Case, State};
use super::findings::{Check, count};
use super::shelves::Shelves;
use crate::progress::Progress;

const READ_CHUNK: usize = 1_000;

/// All that is known so far.
pub struct Examination {
    log: Check,
    orders: Check,
    payments: Check,
    ledger: Check,
    shelves: Shelves,
    balances: BTreeMap<Currency, i128>,
    seen: Seen,
}

/// How much was looked at.
#[derive(Default)]
struct Seen {
    facts: u64,
    streams: u64,
    snapshots: u64,
    orders: u64,
    lines: u64,
    payments: u64,
    reservations: u64,
    postings: u64,
    running: u64,
    waiting: u64,
    parked: u64,
    late: u64,
    by_status: BTreeMap<Status, u64>,
}

/// One shard while it is read. Whatever belongs to one order lies in one shard, so it is let go of afterwards.
#[derive(Default)]
struct Shard {
    streams: BTreeMap<StreamId, (Version, Timestamp)>,
    cases: BTreeMap<String, Case>,
}

impl Examination {
    pub fn new() -> Self {
        Self {
            log: Check::new("log"),
            orders: Check::new("orders"),
            payments: Check::new("payments"),
            ledger: Check::new("ledger"),
            shelves: Shelves::default(),
            balances: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// Reads every shard up to these heads, which were taken at one moment: a group of facts is seen whole or not at
    /// all, even while the shop goes on selling.
    pub async fn read(
        &mut self,
        log: &dyn Log,
        kinds: &Kinds,
        heads: &[ShardInfo],
        progress: &mut Progress,
    ) -> StoreResult<()> {
        let shards = u16::try_from(heads.len()).unwrap_or(u16::MAX);
        let total = heads.iter().map(|head| head.head).sum();
        for head in heads {
            let mut shard = Shard::default();
            let mut at = 0;
            while at < head.head {
                let facts = log.read_shard(head.shard, at, READ_CHUNK).await?;
                if facts.is_empty() {
                    self.log.tell(format!("shard {} ends at {at}, and should at {}", head.shard, head.head));
                    break;
                }
                for fact in facts.into_iter().take_while(|fact| fact.position <= head.head) {
                    if fact.position != at + 1 {
                        self.log.tell(format!("shard {}: position {at} is followed by {}", head.shard, fact.position));
                    }
                    at = fact.position;
                    self.fact(&fact, kinds, shards, &mut shard);
                }
                progress.reach(self.seen.facts, total);
            }
            self.snapshots(log, kinds, &shard).await?;
            self.close(&shard);
        }
        Ok(())
    }

    fn fact(&mut self, fact: &RecordedFact, kinds: &Kinds, shards: u16, shard: &mut Shard) {
        self.seen.facts += 1;
        let stream = &fact.stream;
        if stream.shard(shards) != fact.shard {
            self.log.tell(format!("{stream} lies in shard {}, and belongs to {}", fact.shard, stream.shard(shards)));
        }
        let (version, time) = shard.streams.get(stream).copied().unwrap_or((0, Timestamp::MIN));
        if fact.version != version + 1 {
            self.log.tell(format!("{stream}: version {version} is followed by {}", fact.version));
        }
        if fact.time < time {
            self.log.tell(format!("{stream}: version {} is older than the one before", fact.version));
        }
        shard.streams.insert(stream.clone(), (fact.version, fact.time));
        match kinds.decode(fact) {
            Ok(decoded) => self.meaning(fact, &decoded, shard),
            Err(error) => self.log.tell(error.to_string()),
        }
    }

    fn meaning(&mut self, recorded: &RecordedFact, decoded: &AnyFact, shard: &mut Shard) {
        let key = recorded.stream.key();
        if let Some(fact) = decoded.downcast_ref::<stock::Fact>() {
            self.shelves.stock_fact(&key, fact, recorded.version);
        } else if let Some(fact) = decoded.downcast_ref::<reservation::Fact>() {
            self.shelves.reservation_fact(fact);
            shard.cases.entry(key).or_default().reservation_fact(fact);
        } else if let Some(fact) = decoded.downcast_ref::<order::Fact>() {
            shard.cases.entry(key).or_default().order_fact(fact, recorded.time);
        } else if let Some(fact) = decoded.downcast_ref::<payment::Fact>() {
            shard.cases.entry(key).or_default().payment_fact(fact, recorded.time);
        } else if let Some(fact) = decoded.downcast_ref::<ledger::Fact>() {
            self.posting(recorded, fact);
            shard.cases.entry(key).or_default().ledger_fact(fact);
        }
    }

    fn posting(&mut self, recorded: &RecordedFact, fact: &ledger::Fact) {
        let ledger::Fact::Posted { posting } = fact;
        let sum: i128 = posting.entries.iter().map(|entry| i128::from(entry.amount)).sum();
        if sum != 0 {
            let (stream, version) = (&recorded.stream, recorded.version);
            self.ledger.tell(format!("{stream}: the posting of version {version} is {sum} {} off", posting.currency));
        }
        *self.balances.entry(posting.currency).or_default() += sum;
        self.seen.postings += 1;
    }

    async fn snapshots(&mut self, log: &dyn Log, kinds: &Kinds, shard: &Shard) -> StoreResult<()> {
        for (stream, _) in shard.streams.iter().filter(|(_, (version, _))| *version >= SNAPSHOT_EVERY) {
            match snapshot_is_right(log, kinds, stream).await {
                Ok(None) => {}
                Ok(Some(is_right)) => {
                    self.seen.snapshots += 1;
                    if !is_right {
                        self.log.tell(format!("{stream}: its snapshot is not what its facts come to"));
                    }
                }
                // A fact that nobody can read was told already.
                Err(platform::store::StoreError::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn close(&mut self, shard: &Shard) {
        self.seen.streams += shard.streams.len() as u64;
        for (key, case) in &shard.cases {
            self.orders.tell_all(case.order_problems(key));
            self.payments.tell_all(case.payment_problems(key));
            self.seen.payments += u64::from(case.payment.opening.is_some());
            self.seen.reservations += u64::from(!case.reservation.open.is_empty());
            self.seen.late += u64::from(case.owes_late_money());
            if !case.order.exists() {
                continue;
            }
            self.seen.orders += 1;
            self.seen.lines += case.order.lines().len() as u64;
            *self.seen.by_status.entry(case.order.status).or_default() += 1;
            match case.state() {
                State::Finished => {}
                State::Running => self.seen.running += 1,
                State::Waiting => self.seen.waiting += 1,
                State::Parked => self.seen.parked += 1,
            }
        }
    }

    /// What it comes to, once everything was read.
    pub fn conclude(self) -> (Vec<Check>, Vec<String>) {
        let Self { mut log, mut orders, mut payments, mut ledger, shelves, balances, seen } = self;
        log.looked_at = format!(
            "{} in {}, {}",
            count(seen.facts, "fact"),
            count(seen.streams, "stream"),
            count(seen.snapshots, "snapshot")
        );
        orders.looked_at = format!("{}, {}", count(seen.orders, "order"), count(seen.lines, "line"));
        payments.looked_at = count(seen.payments, "payment");
        for (currency, balance) in balances.iter().filter(|(_, balance)| **balance != 0) {
            ledger.tell(format!("the trial balance is {balance} {currency} instead of zero"));
        }
        let currencies: Vec<String> = balances.keys().map(ToString::to_string).collect();
        ledger.looked_at = format!("{} in {}", count(seen.postings, "posting"), listed(&currencies));
        let skus = format!("{}, {}", count(shelves.len() as u64, "SKU"), count(seen.reservations, "open reservation"));
        let stock = Check::of("stock", skus, shelves.problems());
        let notes = notes(&seen);
        (vec![log, stock, orders, payments, ledger], notes)
    }
}

fn listed(currencies: &[String]) -> String {
    if currencies.is_empty() { "no currency".to_owned() } else { currencies.join(", ") }
}

fn notes(seen: &Seen) -> Vec<String> {
    let mut notes = Vec::new();
    let by_status = seen.by_status.iter().map(|(status, orders)| format!("{orders} {}", status.as_str()));
    if seen.orders > 0 {
        notes.push(format!("orders: {}", by_status.collect::<Vec<_>>().join(", ")));
    }
    let unfinished = seen.running + seen.waiting + seen.parked;
    if unfinished > 0 {
        notes.push(format!(
            "{} not finished: {} running, {} waiting, {} parked for staff",
            count(unfinished, "order"),
            seen.running,
            seen.waiting,
            seen.parked
        ));
    }
    if seen.late > 0 {
        notes.push(format!("{} whose money came late and is on its way back", count(seen.late, "order")));
    }
    notes
}
