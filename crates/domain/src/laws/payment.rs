//! Payments: a bank that answers late, twice, out of order or not at all, but never lies; staff who capture and refund; an
//! order that is undone meanwhile. The books always balance, nobody is charged more than was promised, and what is undone is
//! given back whole.

use std::collections::BTreeMap;

use crate::ids::OrderId;
use crate::ledger::{Account, Fact as LedgerFact, Ledger, Posting};
use crate::money::Currency;
use crate::payment::{Authorizing, Call, Fact, MANUAL, Opening, Operation, Outcome, Payment, Progress, Undo};
use jiff::Timestamp;
use proptest::prelude::*;

const AMOUNT: i64 = 1_000;

#[derive(Debug, Clone)]
enum Move {
    /// The shop asks the bank to authorise; the bank decides like that.
    Authorize(Mind),
    Capture {
        request: u8,
        amount: i64,
    },
    Refund {
        request: u8,
        amount: i64,
    },
    /// Calls what was begun, by its place among what is open.
    Call {
        nth: usize,
        mind: Mind,
    },
    /// An answer that was given arrives, again perhaps.
    Arrives {
        nth: usize,
    },
    /// One step of undoing.
    Undo,
    MarkPaid {
        request: u8,
        amount: Option<i64>,
    },
}

/// What the bank makes of a call that it sees for the first time.
#[derive(Debug, Clone, Copy)]
enum Mind {
    Does,
    Declines,
    /// Nothing happened; another attempt has another key.
    Fails,
    Asks,
}

fn mind() -> impl Strategy<Value = Mind> {
    prop_oneof![5 => Just(Mind::Does), 1 => Just(Mind::Declines), 2 => Just(Mind::Fails), 1 => Just(Mind::Asks)]
}

fn a_move() -> impl Strategy<Value = Move> {
    let amount = || prop_oneof![-1..=AMOUNT + 1, Just(AMOUNT)];
    prop_oneof![
        4 => mind().prop_map(Move::Authorize),
        4 => (0..4u8, amount()).prop_map(|(request, amount)| Move::Capture { request, amount }),
        3 => (0..4u8, amount()).prop_map(|(request, amount)| Move::Refund { request, amount }),
        6 => (0..4usize, mind()).prop_map(|(nth, mind)| Move::Call { nth, mind }),
        10 => (0..8usize).prop_map(|nth| Move::Arrives { nth }),
        2 => Just(Move::Undo),
        2 => (0..4u8, prop::option::of(amount())).prop_map(|(request, amount)| Move::MarkPaid { request, amount }),
    ]
}

fn key(call: &Call) -> String {
    format!("{}.{}.{}", call.operation.as_str(), call.request, call.n)
}

/// The bank's own books. The same key is the same wish.
#[derive(Default)]
struct Bank {
    answers: BTreeMap<String, (Call, Outcome)>,
    /// By key, what is promised of each authorisation that stands.
    promised: BTreeMap<String, i64>,
    captured: i64,
    refunded: i64,
}

impl Bank {
    fn call(&mut self, call: &Call, amount: i64, mind: Mind) -> Outcome {
        if let Some((_, known)) = self.answers.get(&key(call)) {
            return known.clone();
        }
        let outcome = self.decide(call, amount, mind);
        self.answers.insert(key(call), (call.clone(), outcome.clone()));
        outcome
    }

    fn decide(&mut self, call: &Call, amount: i64, mind: Mind) -> Outcome {
        let declined = Outcome::Declined { code: "no".to_owned(), message: "no".to_owned() };
        let promised: i64 = self.promised.values().sum();
        match (mind, call.operation) {
            (Mind::Fails, _) => Outcome::Failed { reason: "not now".to_owned() },
            (Mind::Declines, Operation::Void) => Outcome::Failed { reason: "not now".to_owned() },
            (Mind::Declines, _) => declined,
            (Mind::Asks, Operation::Authorize) => Outcome::ActionRequired {
                reference: key(call),
                url: "/bank".to_owned(),
                expires_at: Timestamp::UNIX_EPOCH,
            },
            (_, Operation::Authorize) => {
                self.promised.insert(key(call), amount);
                done(call)
            }
            (_, Operation::Capture) if amount > promised => declined,
            (_, Operation::Capture) => {
                let mut left = amount;
                for part in self.promised.values_mut() {
                    let taken = left.min(*part);
                    *part -= taken;
                    left -= taken;
                }
                self.captured += amount;
                done(call)
            }
            (_, Operation::Void) => {
                self.promised.clear();
                done(call)
            }
            (_, Operation::Refund) if amount > self.captured - self.refunded => declined,
            (_, Operation::Refund) => {
                self.refunded += amount;
                done(call)
            }
        }
    }
}

fn done(call: &Call) -> Outcome {
    Outcome::Done { reference: key(call) }
}

struct Till {
    payment: Payment,
    bank: Bank,
    ledger: Ledger,
    facts: Vec<Fact>,
    authorized_at_most: i64,
}

impl Till {
    fn open(provider: &str) -> Self {
        let opening = Opening {
            order: OrderId::from_bytes([1; 16]),
            provider: provider.to_owned(),
            amount: AMOUNT,
            currency: Currency::parse("USD").unwrap(),
            test: true,
            token: None,
        };
        let mut till = Self {
            payment: Payment::default(),
            bank: Bank::default(),
            ledger: Ledger::default(),
            facts: Vec::new(),
            authorized_at_most: 0,
        };
        let opened = till.payment.open(opening).unwrap();
        till.write(opened, None);
        till
    }

    fn write(&mut self, fact: Fact, posting: Option<Posting>) {
        self.payment.apply(&fact, Timestamp::UNIX_EPOCH);
        self.facts.push(fact);
        self.authorized_at_most = self.authorized_at_most.max(self.payment.authorized);
        posting.iter().for_each(|posting| self.ledger.apply(&LedgerFact::Posted { posting: posting.clone() }));
    }

    fn settle(&mut self, call: &Call, outcome: &Outcome) {
        if let Some((fact, posting)) = self.payment.settle(call, outcome) {
            self.write(fact, posting);
        }
    }

    fn amount_of(&self, call: &Call) -> i64 {
        self.payment.requests.get(&call.request).map_or(AMOUNT, |request| request.amount)
    }

    fn happens(&mut self, what: &Move) {
        match what {
            Move::Authorize(mind) => {
                if let Authorizing::Ask { call, .. } | Authorizing::Waits { call, .. } = self.payment.authorizing() {
                    self.bank.call(&call, AMOUNT, *mind);
                }
            }
            Move::Capture { request, amount } => {
                let fact = self.payment.begin_capture(&format!("c{request}"), *amount);
                fact.ok().flatten().into_iter().for_each(|fact| self.write(fact, None));
            }
            Move::Refund { request, amount } => {
                let fact = self.payment.begin_refund(&format!("r{request}"), *amount);
                fact.ok().flatten().into_iter().for_each(|fact| self.write(fact, None));
            }
            Move::Call { nth, mind } => {
                let open = self.payment.requests.iter().filter(|(_, request)| request.progress == Progress::Started);
                let calls: Vec<Call> = open.map(|(name, request)| request.call(name)).collect();
                if let Some(call) = calls.get(nth % calls.len().max(1)) {
                    let amount = self.amount_of(call);
                    self.bank.call(call, amount, *mind);
                }
            }
            Move::Arrives { nth } => {
                let answers: Vec<(Call, Outcome)> = self.bank.answers.values().cloned().collect();
                if let Some((call, outcome)) = answers.get(nth % answers.len().max(1)) {
                    self.settle(call, outcome);
                }
            }
            Move::Undo => {
                self.undo_a_step(Mind::Does);
            }
            Move::MarkPaid { request, amount } => {
                let paid = self.payment.mark_paid(&format!("m{request}"), *amount);
                paid.ok().flatten().into_iter().for_each(|(fact, posting)| self.write(fact, Some(posting)));
            }
        }
    }

    /// Whether something is left to undo.
    fn undo_a_step(&mut self, mind: Mind) -> bool {
        match self.payment.undo() {
            Undo::Done => return false,
            Undo::Record(fact) => self.write(fact, None),
            Undo::Find(call) => match self.bank.answers.get(&key(&call)).cloned() {
                Some((_, outcome)) => self.settle(&call, &outcome),
                None => {
                    if let Some(fact) = self.payment.absent(&call) {
                        // The bank remembers that it said so: a call that is still on its way finds a closed door.
                        let refused = Outcome::Failed { reason: "called off".to_owned() };
                        self.bank.answers.insert(key(&call), (call, refused));
                        self.write(fact, None);
                    }
                }
            },
            Undo::Drive(call) => {
                let amount = self.amount_of(&call);
                let outcome = if self.payment.is_manual() { done(&call) } else { self.bank.call(&call, amount, mind) };
                self.settle(&call, &outcome);
            }
        }
        true
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Payment { captured, refunded, authorized, .. } = self.payment;
        let cap = if self.payment.is_manual() { AMOUNT } else { self.authorized_at_most };
        prop_assert!((0..=cap).contains(&captured), "captured {captured} of {authorized}");
        prop_assert!((0..=captured).contains(&refunded), "refunded {refunded} of {captured}");
        let open = self.payment.requests.values().filter(|request| request.progress == Progress::Started);
        let going_back: i64 =
            open.filter(|request| request.operation == Operation::Refund).map(|request| request.amount).sum();
        prop_assert!(refunded + going_back <= captured, "{going_back} more is on its way back");
        prop_assert!(self.ledger.trial_balance().values().all(|sum| *sum == 0));
        let held = |account: &Account| -> i64 {
            self.ledger.balances.get(account).map_or(0, |by_currency| by_currency.values().sum())
        };
        let provider = self.payment.opening.as_ref().map_or("", |opening| &opening.provider);
        prop_assert_eq!(held(&Account::Clearing(provider.to_owned())), captured - refunded);
        prop_assert_eq!((held(&Account::Sales), held(&Account::Refunds)), (-captured, refunded));
        Ok(())
    }

    fn check_replay(&self) -> Result<(), TestCaseError> {
        let mut replayed = Payment::default();
        for fact in &self.facts {
            let stored = serde_json::to_string(fact).unwrap();
            replayed.apply(&serde_json::from_str(&stored).unwrap(), Timestamp::UNIX_EPOCH);
        }
        prop_assert_eq!(&replayed, &self.payment);
        Ok(())
    }

    /// Undone to the end, with every answer that is still on its way arriving once more: nothing of the buyer's is kept.
    fn undone(&mut self) -> Result<(), TestCaseError> {
        for round in 0..3 {
            let mut steps = 0;
            while self.undo_a_step(Mind::Does) {
                steps += 1;
                prop_assert!(steps < 100, "it is never undone: {:?}", self.payment.undo());
                self.check()?;
            }
            if round == 2 {
                break;
            }
            let answers: Vec<(Call, Outcome)> = self.bank.answers.values().cloned().collect();
            answers.iter().for_each(|(call, outcome)| self.settle(call, outcome));
        }
        prop_assert_eq!(self.payment.undo(), Undo::Done);
        prop_assert_eq!(self.payment.refunded, self.payment.captured);
        if !self.payment.is_manual() {
            prop_assert_eq!((self.bank.captured, self.bank.refunded), (self.payment.captured, self.payment.refunded));
            prop_assert_eq!(self.bank.promised.values().sum::<i64>(), 0, "nothing stays promised");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_books_balance_whatever_arrives_when(moves in prop::collection::vec(a_move(), 1..60)) {
        let mut till = Till::open("test");
        for what in &moves {
            till.happens(what);
            till.check()?;
        }
        till.check_replay()?;
        till.undone()?;
        till.check_replay()?;
    }

    #[test]
    fn what_staff_saw_is_given_back_whole(moves in prop::collection::vec(a_move(), 1..30)) {
        let mut till = Till::open(MANUAL);
        for what in &moves {
            till.happens(what);
            till.check()?;
        }
        till.undone()?;
        till.check_replay()?;
    }
}
