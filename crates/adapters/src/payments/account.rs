//! The test bank's own books on one payment: what was really authorised, captured, voided and refunded, per key.
//! It does not know tokens nor time; it is changed by compare-and-set, as a real bank's would be by its transactions.

use std::collections::{BTreeMap, BTreeSet};

use domain::money::Currency;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One payment at the test bank.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    /// By the attempt that asked for them.
    pub authorizations: BTreeMap<u32, Authorization>,
    /// Keys of captures, voids and refunds that were done.
    pub done: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authorization {
    pub reference: String,
    pub amount: i64,
    pub currency: Currency,
    pub status: Status,
    /// Until when the buyer can decide.
    pub expires_at: Option<Timestamp>,
    pub voided: bool,
    pub captured: i64,
    pub refunded: i64,
    /// The bank refuses the first wish to void it.
    #[serde(default)]
    pub stubborn: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Waiting,
    Approved,
    Declined,
    Cancelled,
}

/// What an account cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(pub &'static str);

impl Account {
    pub fn of(&mut self, reference: &str) -> Option<&mut Authorization> {
        self.authorizations.values_mut().find(|known| known.reference == reference)
    }

    /// Keeps an authorisation. Answers whether this attempt is new.
    pub fn authorize(&mut self, n: u32, authorization: Authorization) -> bool {
        if self.authorizations.contains_key(&n) {
            return false;
        }
        self.authorizations.insert(n, authorization);
        true
    }

    pub fn make_stubborn(&mut self, n: u32) {
        self.authorizations.get_mut(&n).into_iter().for_each(|known| known.stubborn = true);
    }

    pub fn capture(&mut self, key: &str, reference: &str, amount: i64) -> Result<(), Refused> {
        if self.done.contains(key) {
            return Ok(());
        }
        let known = self.of(reference).ok_or(Refused("unknown_reference"))?;
        if known.status != Status::Approved || known.voided || known.captured + amount > known.amount {
            return Err(Refused("not_capturable"));
        }
        known.captured += amount;
        self.done.insert(key.to_owned());
        Ok(())
    }

    pub fn refund(&mut self, key: &str, reference: &str, amount: i64) -> Result<(), Refused> {
        if self.done.contains(key) {
            return Ok(());
        }
        let known = self.of(reference).ok_or(Refused("unknown_reference"))?;
        if known.refunded + amount > known.captured {
            return Err(Refused("not_refundable"));
        }
        known.refunded += amount;
        self.done.insert(key.to_owned());
        Ok(())
    }

    /// Lets go of what is not captured, and calls off what waits for the buyer.
    pub fn void(&mut self, key: &str, n: u32, reference: &str) -> Result<(), Refused> {
        if let Some(known) = self.of(reference) {
            if known.stubborn && n == 1 {
                return Err(Refused("not_voidable"));
            }
            known.voided = true;
            if known.status == Status::Waiting {
                known.status = Status::Cancelled;
            }
        }
        self.done.insert(key.to_owned());
        Ok(())
    }
}
