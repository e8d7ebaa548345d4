//! The bank: what really happened to buyers' money, by the key of each wish. It keeps its books whatever the shop
//! believes, and says so when the shop asks for the same thing twice.
//! It does not know orders beyond their payment's name; how it answers badly is [`provider`]'s.

mod account;
mod mailbag;
mod provider;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::{OrderId, PaymentId};
use domain::payment::Operation;
use jiff::Timestamp;
use parking_lot::Mutex;
use services::payments::provider::{Call, Key, Outcome, payment_of};

use crate::chance::Chance;
use crate::judge::Invariant;
use crate::world::World;

pub use account::Account;
use account::Standing;
pub use mailbag::Letter;
use mailbag::Mailbag;
pub use provider::{BankProvider, ByHand};

/// The bank's name as a provider.
pub const NAME: &str = "sim";

/// How long a buyer has to act, in seconds.
const ACTION_S: (u64, u64) = (30, 600);

/// The bank behind all nodes.
pub struct Bank {
    world: Arc<World>,
    chance: Chance,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    accounts: BTreeMap<PaymentId, Account>,
    /// What each key came to. The same key comes to the same, for ever.
    known: BTreeMap<String, Known>,
    /// Wishes that were taken, and are granted later.
    queue: Vec<(Timestamp, Wish)>,
    mailbag: Mailbag,
}

enum Known {
    Queued,
    /// It failed for certain; this key is never granted.
    Failed,
    Granted(Key),
    Declined(String),
}

/// What is asked of the bank.
#[derive(Debug, Clone)]
pub struct Wish {
    pub key: Key,
    pub amount: i64,
    /// The buyer's token, where there is one.
    pub token: String,
    /// Of an earlier authorisation.
    pub reference: String,
}

/// What became of a wish that reached the bank.
pub enum Taken {
    Now(Outcome),
    /// It is granted at a later time.
    Later(Duration),
}

impl Bank {
    pub fn new(world: &Arc<World>) -> Arc<Self> {
        let chance = Chance::new(world.seed, "bank");
        Arc::new(Self { world: world.clone(), chance, inner: Mutex::default() })
    }

    /// A wish arrives.
    fn take(&self, wish: Wish, now: Timestamp) -> Taken {
        let inner = &mut *self.inner.lock();
        self.grant_what_is_due(inner, now);
        let name = wish.key.to_string();
        let faults = &self.world.faults;
        match inner.known.get(&name) {
            Some(Known::Queued) => return Taken::Later(Duration::from_secs(1)),
            Some(_) => return Taken::Now(inner.outcome(&wish.key, now)),
            None => {}
        }
        if self.world.fails(faults.bank_fails) {
            inner.known.insert(name, Known::Failed);
            return Taken::Now(failed());
        }
        if self.world.fails(faults.bank_late) {
            let wait = Duration::from_secs(self.chance.within(1..=120));
            inner.known.insert(name, Known::Queued);
            inner.queue.push((now.saturating_add(wait).unwrap_or(Timestamp::MAX), wish));
            return Taken::Later(wait);
        }
        let key = wish.key.clone();
        self.grant(inner, wish, now);
        Taken::Now(inner.outcome(&key, now))
    }

    fn grant(&self, inner: &mut Inner, wish: Wish, now: Timestamp) {
        let account = inner.accounts.entry(wish.key.payment.clone()).or_default();
        let until = now
            .saturating_add(Duration::from_secs(self.chance.within(ACTION_S.0..=ACTION_S.1)))
            .unwrap_or(Timestamp::MAX);
        let Key { call: Call { operation, request, n }, .. } = &wish.key;
        let granted = match operation {
            Operation::Authorize => account.authorize(*n, wish.amount, &wish.token, reference(&wish.key), until),
            Operation::Capture => account.capture(request, &wish.reference, wish.amount),
            Operation::Void => account.void(&wish.reference),
            Operation::Refund => account.refund(request, &wish.reference, wish.amount),
        };
        let known = match granted {
            Ok(()) => Known::Granted(wish.key.clone()),
            Err(account::No::Declined(code)) => Known::Declined(code.to_owned()),
            Err(account::No::Twice(what)) => {
                self.world.violated(Invariant::ChargedOnce, format!("{}: {what}", wish.key));
                Known::Declined("twice".to_owned())
            }
        };
        inner.known.insert(wish.key.to_string(), known);
        self.tell(inner, &wish.key, now);
    }

    /// The bank tells the shop how a wish stands: soon or late, once or twice, or not at all.
    fn tell(&self, inner: &mut Inner, key: &Key, now: Timestamp) {
        let faults = &self.world.faults;
        // Between two nodes only the bank's own word tells of what one of them asked for and died.
        let may_be_lost = faults.nodes == 1;
        if may_be_lost && self.world.fails(faults.notice_lost) {
            return;
        }
        let copies = if self.world.fails(faults.notice_twice) { 2 } else { 1 };
        for _ in 0..copies {
            let wait = Duration::from_millis(self.chance.within(10..=20_000));
            let outcome = inner.outcome(key, now);
            let due = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
            inner.mailbag.put(due, key.clone(), outcome);
        }
    }

    fn grant_what_is_due(&self, inner: &mut Inner, now: Timestamp) {
        let calm = self.world.is_calm();
        let (due, later) = std::mem::take(&mut inner.queue).into_iter().partition(|(at, _)| *at <= now || calm);
        inner.queue = later;
        let due: Vec<(Timestamp, Wish)> = due;
        for (_, wish) in due {
            self.grant(inner, wish, now);
        }
    }

    /// Time has passed.
    pub fn pass(&self) {
        let inner = &mut *self.inner.lock();
        self.grant_what_is_due(inner, self.world.now());
    }

    /// How a key stands; `None`: the bank never saw it.
    fn look(&self, key: &Key, now: Timestamp) -> Option<Option<Outcome>> {
        let inner = &mut *self.inner.lock();
        self.grant_what_is_due(inner, now);
        match inner.known.get(&key.to_string()) {
            None => None,
            Some(Known::Queued) => Some(None),
            Some(_) => Some(Some(inner.outcome(key, now))),
        }
    }

    /// The buyer approves or declines what waits.
    pub fn decide(&self, order: &OrderId, approve: bool) {
        let now = self.world.now();
        let inner = &mut *self.inner.lock();
        let payment = payment_of(order);
        let Some(n) = inner.accounts.get_mut(&payment).and_then(|account| account.decide(approve, now)) else {
            return;
        };
        let call = Call { operation: Operation::Authorize, request: "order".to_owned(), n };
        self.tell(inner, &Key { payment, call }, now);
    }

    /// Letters that are due, at most one per key at a time.
    pub fn letters(&self) -> Vec<Letter> {
        self.inner.lock().mailbag.due(self.world.now())
    }

    /// A letter was not taken; it is sent again. In calm times and between two nodes for ever, else some times.
    pub fn send_again(&self, letter: Letter) {
        let for_ever = self.world.is_calm() || self.world.faults.nodes > 1;
        let now = self.world.now();
        self.inner.lock().mailbag.again(letter, now, for_ever);
    }

    pub fn has_letters(&self) -> bool {
        let inner = self.inner.lock();
        !inner.mailbag.is_empty() || !inner.queue.is_empty()
    }

    /// Whether money was ever promised for an order.
    pub fn has_promised(&self, order: &OrderId) -> bool {
        let inner = self.inner.lock();
        inner.accounts.get(&payment_of(order)).is_some_and(Account::has_promised)
    }

    /// The books of all payments.
    pub fn accounts(&self) -> BTreeMap<PaymentId, Account> {
        self.inner.lock().accounts.clone()
    }
}

impl Inner {
    fn outcome(&self, key: &Key, now: Timestamp) -> Outcome {
        match self.known.get(&key.to_string()) {
            None | Some(Known::Queued) => Outcome::Unknown { reason: "the bank has not finished".to_owned() },
            Some(Known::Failed) => failed(),
            Some(Known::Declined(code)) => declined(code),
            Some(Known::Granted(key)) if key.call.operation == Operation::Authorize => {
                let standing = self.accounts.get(&key.payment).and_then(|account| account.standing(key.call.n, now));
                match standing {
                    Some(Standing::Approved) => Outcome::Done { reference: reference(key) },
                    Some(Standing::Waiting(until)) => Outcome::ActionRequired {
                        reference: reference(key),
                        url: format!("https://bank.example/{}", reference(key)),
                        expires_at: until,
                    },
                    Some(Standing::Declined) => declined("authentication_failed"),
                    Some(Standing::Expired) => declined("action_expired"),
                    Some(Standing::Cancelled) | None => declined("cancelled"),
                }
            }
            Some(Known::Granted(key)) => Outcome::Done { reference: reference(key) },
        }
    }
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "the bank is out of order".to_owned() }
}

fn declined(code: &str) -> Outcome {
    Outcome::Declined { code: code.to_owned(), message: format!("the bank says no: {code}") }
}

fn reference(key: &Key) -> String {
    format!("sim_{key}")
}
