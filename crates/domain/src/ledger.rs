//! Double-entry bookkeeping: every posting's debits equal its credits, so that the trial balance is always zero.
//! It knows accounts and amounts, not what was sold; revenue is recognised when money is captured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Currency;

/// Where money can be. The text form is what is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// What a payment provider, or the bank for manual payments, holds for the shop.
    Clearing(String),
    Sales,
    Refunds,
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        match account {
            Account::Clearing(provider) => format!("clearing:{provider}"),
            Account::Sales => "sales".to_owned(),
            Account::Refunds => "refunds".to_owned(),
        }
    }
}

impl TryFrom<String> for Account {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        match text.as_str() {
            "sales" => Ok(Self::Sales),
            "refunds" => Ok(Self::Refunds),
            other => match other.strip_prefix("clearing:") {
                Some(provider) if !provider.is_empty() => Ok(Self::Clearing(provider.to_owned())),
                _ => Err(Error::UnknownAccount(text)),
            },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no account `{0}`")]
    UnknownAccount(String),
    #[error("debits and credits differ by {0}")]
    Unbalanced(i128),
}

/// One side of a posting, in minor units: debits above zero, credits below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub account: Account,
    pub amount: i64,
}

/// Entries in one currency that add up to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    pub currency: Currency,
    pub entries: Vec<Entry>,
}

impl Posting {
    pub fn new(currency: Currency, entries: Vec<Entry>) -> Result<Self, Error> {
        match entries.iter().map(|entry| i128::from(entry.amount)).sum() {
            0 => Ok(Self { currency, entries }),
            difference => Err(Error::Unbalanced(difference)),
        }
    }

    /// Money came in.
    pub fn payment(provider: &str, amount: i64, currency: Currency) -> Self {
        Self::transfer(Account::Clearing(provider.to_owned()), Account::Sales, amount, currency)
    }

    /// Money went back.
    pub fn refund(provider: &str, amount: i64, currency: Currency) -> Self {
        Self::transfer(Account::Refunds, Account::Clearing(provider.to_owned()), amount, currency)
    }

    fn transfer(debit: Account, credit: Account, amount: i64, currency: Currency) -> Self {
        let entries = vec![Entry { account: debit, amount }, Entry { account: credit, amount: -amount }];
        Self { currency, entries }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Posted { posting: Posting },
}

/// What the accounts of one case come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    pub balances: BTreeMap<Account, BTreeMap<Currency, i64>>,
}

impl Ledger {
    pub fn apply(&mut self, fact: &Fact) {
        let Fact::Posted { posting } = fact;
        for entry in &posting.entries {
            *self.balances.entry(entry.account.clone()).or_default().entry(posting.currency).or_default() +=
                entry.amount;
        }
    }

    /// Debits minus credits per currency; zero everywhere when the books are right.
    pub fn trial_balance(&self) -> BTreeMap<Currency, i64> {
        let mut sums = BTreeMap::new();
        for (currency, amount) in self.balances.values().flatten() {
            *sums.entry(*currency).or_default() += amount;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    #[test]
    fn a_posting_that_does_not_balance_is_refused() {
        let entries = vec![Entry { account: Account::Sales, amount: 5 }];
        assert_eq!(Posting::new(eur(), entries), Err(Error::Unbalanced(5)));
    }

    #[test]
    fn payments_and_refunds_keep_the_trial_balance_at_zero() {
        let mut ledger = Ledger::default();
        ledger.apply(&Fact::Posted { posting: Posting::payment("test", 1299, eur()) });
        ledger.apply(&Fact::Posted { posting: Posting::refund("test", 300, eur()) });
        assert_eq!(ledger.trial_balance(), BTreeMap::from([(eur(), 0)]));
        let clearing = &ledger.balances[&Account::Clearing("test".to_owned())];
        assert_eq!(clearing[&eur()], 999);
    }

    #[test]
    fn accounts_are_stored_by_their_names() {
        for account in [Account::Sales, Account::Refunds, Account::Clearing("manual".to_owned())] {
            let text = serde_json::to_string(&account).unwrap();
            assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), account);
        }
        assert!(Account::try_from("pocket".to_owned()).is_err());
    }
}
