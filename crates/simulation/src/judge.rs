//! The judge: sees every group of facts as it becomes durable, folds it as the domain does, and says when something
//! cannot be right.
//! It does not know what is in flight, nor what the nodes believe.

mod case;
mod shelf;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::ids::OrderId;
use domain::ledger;
use domain::order::{self, Next};
use domain::payment::{self, Undo};
use domain::reservation::{self, Status};
use domain::stock;
use jiff::Timestamp;
use parking_lot::Mutex;
use platform::log::kind::{AnyFact, Kinds};
use platform::log::{Position, RecordedFact, Shard, StreamId, Version};

use crate::bank::Bank;
use crate::trace::digest;
use crate::world::World;

pub use case::Case;
pub use shelf::Shelves;

/// What must hold, whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Positions of a shard and versions of a stream have no gaps; time does not fall within a stream.
    FactsFollow,
    /// Every fact is one that the state before it allows.
    LawfulFacts,
    /// Never more is reserved than is on hand.
    NeverOversold,
    /// What is reserved is what open reservations hold; what is on hand is what came, less what left.
    StockConserved,
    /// An order is confirmed only with its stock held and its payment authorised.
    ConfirmedIsCovered,
    /// An order that was undone holds no stock.
    UndoneHoldsNoStock,
    /// An order that was undone, or does not exist, keeps no money.
    UndoneKeepsNoMoney,
    /// A cart becomes at most one order.
    CartOnce,
    /// Debits equal credits, and the books are what the payments say.
    LedgerBalances,
    /// The books are what the bank really did.
    LedgerIsTheBanks,
    /// No buyer is charged, captured or refunded twice for one wish.
    ChargedOnce,
    /// What was acknowledged is there, and whole.
    AcknowledgedIsThere,
    /// Answers to one wish do not contradict each other.
    AnswersAgree,
    /// Every process comes to its end, or is parked with a reason.
    ProcessesEnd,
    /// Derived documents are what a fresh fold of the log comes to.
    ProjectionsAgree,
    /// Of two nodes, never both believe that a duty is their own.
    OneHasEachDuty,
    /// Nothing panics, and nothing fails inside.
    NothingBreaks,
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    pub detail: String,
}

/// Sees what becomes durable.
pub struct Judge {
    world: Arc<World>,
    bank: Arc<Bank>,
    kinds: Kinds,
    seen: Mutex<Seen>,
}

/// Everything durable, folded.
#[derive(Default)]
pub struct Seen {
    heads: BTreeMap<Shard, Position>,
    streams: BTreeMap<StreamId, (Version, Timestamp)>,
    pub cases: BTreeMap<String, Case>,
    pub shelves: Shelves,
    /// The names under which counts were changed.
    pub counted: BTreeMap<String, i64>,
}

type Finding = (Invariant, String);

impl Judge {
    pub fn new(world: &Arc<World>, bank: &Arc<Bank>) -> Arc<Self> {
        let (world, bank) = (world.clone(), bank.clone());
        Arc::new(Self { world, bank, kinds: services::kinds(), seen: Mutex::default() })
    }

    /// One group, in the order of its facts.
    pub fn see(&self, facts: &[RecordedFact]) {
        let seen = &mut *self.seen.lock();
        let mut touched: Vec<String> = Vec::new();
        for fact in facts {
            self.world.trace.step(fact.time, "log", digest(&fact.body) ^ fact.position, || {
                format!("{} {} v{} {}", fact.type_name, fact.stream, fact.version, shortened(&fact.body))
            });
            if let Err((invariant, detail)) = self.take(seen, fact, &mut touched) {
                let detail = format!("{} in {} (version {}): {detail}", fact.type_name, fact.stream, fact.version);
                return self.world.violated(invariant, detail);
            }
        }
        let checked = seen.shelves.check().and_then(|()| {
            touched.sort();
            touched.dedup();
            touched.iter().try_for_each(|key| match seen.cases.get(key) {
                Some(case) => case.check(&self.bank),
                None => Ok(()),
            })
        });
        if let Err((invariant, detail)) = checked {
            self.world.violated(invariant, detail);
        }
    }

    fn take(&self, seen: &mut Seen, fact: &RecordedFact, touched: &mut Vec<String>) -> Result<(), Finding> {
        seen.follow(fact)?;
        let decoded = self.kinds.decode(fact).map_err(|error| (Invariant::LawfulFacts, error.to_string()))?;
        let key = fact.stream.key();
        let kind = fact.stream.kind();
        match kind {
            "stock" => return seen.shelves.change(&key, of::<stock::Fact>(&decoded)?),
            "once" => {
                let delta = serde_json::from_str::<serde_json::Value>(&fact.body).ok();
                let delta = delta.and_then(|body| body["delta"].as_i64()).unwrap_or(0);
                return match seen.counted.insert(key.clone(), delta) {
                    None => Ok(()),
                    Some(_) => Err((Invariant::LawfulFacts, format!("{key} was counted before"))),
                };
            }
            "order" | "payment" | "reservation" | "ledger" => {}
            _ => return Ok(()),
        }
        touched.push(key.clone());
        let case = seen.cases.entry(key.clone()).or_default();
        match kind {
            "order" => case.take_order(of::<order::Fact>(&decoded)?, fact.time)?,
            "payment" => case.take_payment(of::<payment::Fact>(&decoded)?, fact.time)?,
            "ledger" => case.take_ledger(of::<ledger::Fact>(&decoded)?)?,
            _ => {
                let before = case.reservation.open.clone();
                case.take_reservation(of::<reservation::Fact>(&decoded)?)?;
                seen.shelves.hold(&before, &case.reservation.open);
            }
        }
        seen.check_cart(&key)
    }

    /// Looks at everything that was seen so far.
    pub fn look<R>(&self, look: impl FnOnce(&Seen) -> R) -> R {
        look(&self.seen.lock())
    }
}

fn of<F: 'static>(fact: &AnyFact) -> Result<&F, Finding> {
    fact.downcast_ref().ok_or_else(|| (Invariant::LawfulFacts, "a fact of another kind".to_owned()))
}

fn shortened(body: &str) -> String {
    const CHARS: usize = 160;
    if body.len() <= CHARS { body.to_owned() } else { body.chars().take(CHARS).chain("…".chars()).collect() }
}

impl Seen {
    fn follow(&mut self, fact: &RecordedFact) -> Result<(), Finding> {
        let head = self.heads.entry(fact.shard).or_default();
        if fact.position != *head + 1 {
            let detail = format!("position {} of shard {} after {head}", fact.position, fact.shard);
            return Err((Invariant::FactsFollow, detail));
        }
        *head = fact.position;
        let (version, time) = self.streams.entry(fact.stream.clone()).or_insert((0, Timestamp::MIN));
        if fact.version != *version + 1 {
            return Err((Invariant::FactsFollow, format!("after version {version}")));
        }
        if fact.time < *time {
            return Err((Invariant::FactsFollow, format!("at {} after {time}", fact.time)));
        }
        (*version, *time) = (fact.version, fact.time);
        Ok(())
    }

    fn check_cart(&self, key: &str) -> Result<(), Finding> {
        let cart_of = |case: &Case| case.order.placement.as_ref().and_then(|placement| placement.cart.clone());
        let Some(case) = self.cases.get(key) else { return Ok(()) };
        let Some(cart) = cart_of(case).filter(|_| !case.is_undone()) else { return Ok(()) };
        let other = self
            .cases
            .iter()
            .find(|(other, case)| *other != key && cart_of(case).as_ref() == Some(&cart) && !case.is_undone());
        match other {
            None => Ok(()),
            Some((other, _)) => Err((Invariant::CartOnce, format!("{cart} is order {other} already"))),
        }
    }

    /// Orders whose process has not come to an end and is not parked, with what is next.
    pub fn open_orders(&self, now: Timestamp) -> Vec<(String, String)> {
        let next = |case: &Case| match case.order.next(now) {
            Next::Idle | Next::Parked => None,
            next => Some(format!("{next:?}")),
        };
        self.cases.iter().filter_map(|(key, case)| next(case).map(|next| (key.clone(), next))).collect()
    }

    /// Orders that wait for staff, with what holds them up.
    pub fn parked_orders(&self) -> Vec<(OrderId, String)> {
        let parked = |case: &Case| {
            let parking = case.order.process.parked.as_ref()?;
            Some(format!("{}: {}", parking.step.as_str(), parking.reason))
        };
        let id = |key: &String| OrderId::from_key(key).ok();
        self.cases.iter().filter_map(|(key, case)| Some((id(key)?, parked(case)?))).collect()
    }

    /// Reservations that may still expire.
    pub fn held_reservations(&self) -> Vec<String> {
        let held = self.cases.iter().filter(|(_, case)| case.reservation.status == Status::Held);
        held.map(|(key, _)| key.clone()).collect()
    }

    /// Payments that are over and may hold money.
    pub fn closing_payments(&self) -> Vec<String> {
        let closing = self.cases.iter().filter(|(_, case)| case.payment.is_over() && case.payment.undo() != Undo::Done);
        closing.map(|(key, _)| key.clone()).collect()
    }

    pub fn order_ids(&self) -> Vec<OrderId> {
        let placed = self.cases.iter().filter(|(_, case)| case.order.exists());
        placed.filter_map(|(key, _)| OrderId::from_key(key).ok()).collect()
    }

    pub fn case(&self, order: &OrderId) -> Option<&Case> {
        self.cases.get(order.key())
    }
}
