//! What payments are read from besides their streams: the books, and payments whose money is to be given back.
//! It does not answer for one payment: that is read from its stream, which never lags.

use std::collections::BTreeMap;

use contracts::payments::AccountBalance;
use contracts::{Error, Result};
use domain::ids::OrderId;
use domain::ledger;
use domain::money::Currency;
use domain::payment::{Fact, is_way_back};
use jiff::Timestamp;
use platform::documents::{Collection, Entry, tuple};
use platform::log::executor::CommittedFact;
use platform::projection::Projection;
use serde::{Deserialize, Serialize};

use super::kinds::{LedgerKind, PaymentKind};
use super::service::Payments;
use crate::machinery::stored;

pub const LEDGER: Collection = Collection::derived("ledger");
pub const CLOSING: Collection = Collection::derived("payments_closing");

/// Payments that are over while money may still be held, by the time since when.
pub const BY_SINCE: &str = "since";

/// Documents per read while the books are added up.
const SCAN_CHUNK: usize = 500;

/// The books: per shard and currency, what each account was debited and credited. A posting lies in one document, so
/// that the books balance at whatever moment they are read.
pub struct Books;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksDoc {
    pub currency: Currency,
    pub accounts: BTreeMap<String, Sums>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub debit: i64,
    pub credit: i64,
}

impl Projection for Books {
    const NAME: &'static str = "ledger";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = LEDGER;
    type Doc = BooksDoc;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        match fact.of::<LedgerKind>() {
            Some(ledger::Fact::Posted { posting }) => vec![format!("{:05}/{}", fact.shard, posting.currency)],
            None => Vec::new(),
        }
    }

    fn fold(&self, _: &str, document: Option<BooksDoc>, fact: &CommittedFact) -> Option<BooksDoc> {
        let ledger::Fact::Posted { posting } = fact.of::<LedgerKind>()?;
        let mut books = document.unwrap_or_else(|| BooksDoc { currency: posting.currency, accounts: BTreeMap::new() });
        for entry in &posting.entries {
            let sums = books.accounts.entry(entry.account.clone().into()).or_default();
            sums.debit = sums.debit.saturating_add(entry.amount.max(0));
            sums.credit = sums.credit.saturating_sub(entry.amount.min(0));
        }
        Some(books)
    }

    fn entries(&self, _: &str, _: &BooksDoc) -> Vec<Entry> {
        Vec::new()
    }
}

/// Payments that are over while money may still be held: a sweeper gives it back, and then they are gone from here.
pub struct ClosingPayments;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosingDoc {
    pub order: OrderId,
    pub open_since: Timestamp,
}

impl Projection for ClosingPayments {
    const NAME: &'static str = "payments_closing";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = CLOSING;
    type Doc = ClosingDoc;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        match fact.of::<PaymentKind>() {
            Some(Fact::Closing {} | Fact::Late {} | Fact::Voided {} | Fact::Declined { .. } | Fact::Failed { .. }) => {
                vec![fact.stream.key()]
            }
            // What happens to most payments is not looked at, so that selling does not pay for it.
            _ => Vec::new(),
        }
    }

    fn fold(&self, id: &str, document: Option<ClosingDoc>, fact: &CommittedFact) -> Option<ClosingDoc> {
        let open_since = match fact.of::<PaymentKind>()? {
            Fact::Closing {} | Fact::Late {} => fact.time,
            Fact::Voided {} | Fact::Declined { .. } => return None,
            // The provider will not give it back: staff decide.
            Fact::Failed { request, .. } if is_way_back(request) => return None,
            _ => return document,
        };
        Some(ClosingDoc { order: OrderId::from_key(id).ok()?, open_since })
    }

    fn entries(&self, _: &str, document: &ClosingDoc) -> Vec<Entry> {
        vec![Entry::new(BY_SINCE, tuple::Key::new().time(document.open_since))]
    }
}

impl Payments {
    /// All accounts over all shards, and what each currency comes to.
    pub(super) async fn balance(&self) -> Result<(Vec<AccountBalance>, BTreeMap<Currency, i64>)> {
        self.machinery.settle_lists().await?;
        let mut sums: BTreeMap<(String, Currency), Sums> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let documents = self.machinery.lists().scan(LEDGER, after.as_deref(), SCAN_CHUNK).await;
            let documents = documents.map_err(stored)?;
            for document in &documents {
                let BooksDoc { currency, accounts } = document.read().map_err(stored)?;
                for (account, part) in accounts {
                    let sum = sums.entry((account, currency)).or_default();
                    sum.debit = sum.debit.checked_add(part.debit).ok_or_else(too_large)?;
                    sum.credit = sum.credit.checked_add(part.credit).ok_or_else(too_large)?;
                }
            }
            match documents.last() {
                Some(last) if documents.len() == SCAN_CHUNK => after = Some(last.id.clone()),
                _ => break,
            }
        }
        let mut totals: BTreeMap<Currency, i64> = BTreeMap::new();
        let mut accounts = Vec::with_capacity(sums.len());
        for ((account, currency), Sums { debit, credit }) in sums {
            *totals.entry(currency).or_default() += debit - credit;
            accounts.push(AccountBalance { account, currency, debit, credit });
        }
        Ok((accounts, totals))
    }
}

fn too_large() -> Error {
    Error::internal("the books do not fit 64 bits")
}
