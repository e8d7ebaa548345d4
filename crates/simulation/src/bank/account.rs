//! One card's account: what was promised, captured and given back, each wish once.
//! It does not know keys; it knows when it is asked for the same thing under another one.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What happened to the money behind one payment.
#[derive(Debug, Clone, Default)]
pub struct Account {
    promises: BTreeMap<u32, Promise>,
    captures: BTreeMap<String, i64>,
    refunds: BTreeMap<String, i64>,
}

#[derive(Debug, Clone)]
struct Promise {
    reference: String,
    amount: i64,
    captured: i64,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Approved,
    /// For the buyer, until then.
    Waiting(Timestamp),
    Declined,
    Expired,
    /// Let go of: what is not captured is the buyer's again.
    Cancelled,
}

/// Why a wish is not granted.
pub enum No {
    Declined(&'static str),
    /// The shop asks for what it has got already.
    Twice(String),
}

impl Account {
    pub fn authorize(
        &mut self,
        n: u32,
        amount: i64,
        token: &str,
        reference: String,
        until: Timestamp,
    ) -> Result<(), No> {
        let standing = match token {
            "tok_success" => Standing::Approved,
            "tok_action" => Standing::Waiting(until),
            "tok_poor" => return Err(No::Declined("insufficient_funds")),
            _ => return Err(No::Declined("card_declined")),
        };
        let is_open = |promise: &&Promise| matches!(promise.standing, Standing::Approved | Standing::Waiting(_));
        if let Some(open) = self.promises.values().find(is_open) {
            return Err(No::Twice(format!("{} is promised already, as {}", open.amount, open.reference)));
        }
        self.promises.insert(n, Promise { reference, amount, captured: 0, standing });
        Ok(())
    }

    fn promise(&mut self, reference: &str) -> Option<&mut Promise> {
        self.promises.values_mut().find(|promise| promise.reference == reference)
    }

    pub fn capture(&mut self, request: &str, reference: &str, amount: i64) -> Result<(), No> {
        if let Some(known) = self.captures.get(request) {
            return Err(No::Twice(format!("{known} was captured already")));
        }
        let Some(promise) = self.promise(reference).filter(|promise| promise.standing == Standing::Approved) else {
            return Err(No::Declined("nothing_promised"));
        };
        if promise.captured + amount > promise.amount {
            return Err(No::Declined("more_than_promised"));
        }
        promise.captured += amount;
        self.captures.insert(request.to_owned(), amount);
        Ok(())
    }

    pub fn void(&mut self, reference: &str) -> Result<(), No> {
        if let Some(promise) = self.promise(reference)
            && matches!(promise.standing, Standing::Approved | Standing::Waiting(_))
        {
            promise.standing = Standing::Cancelled;
        }
        Ok(())
    }

    pub fn refund(&mut self, request: &str, reference: &str, amount: i64) -> Result<(), No> {
        if let Some(known) = self.refunds.get(request) {
            return Err(No::Twice(format!("{known} was refunded already")));
        }
        if self.refunded() + amount > self.captured() || self.promise(reference).is_none() {
            return Err(No::Declined("more_than_captured"));
        }
        self.refunds.insert(request.to_owned(), amount);
        Ok(())
    }

    pub fn standing(&self, n: u32, now: Timestamp) -> Option<Standing> {
        self.promises.get(&n).map(|promise| match promise.standing {
            Standing::Waiting(until) if until <= now => Standing::Expired,
            standing => standing,
        })
    }

    /// The buyer decides about what waits. Answers which attempt it was.
    pub fn decide(&mut self, approve: bool, now: Timestamp) -> Option<u32> {
        let waits = |promise: &Promise| matches!(promise.standing, Standing::Waiting(until) if until > now);
        let (n, promise) = self.promises.iter_mut().find(|(_, promise)| waits(promise))?;
        promise.standing = if approve { Standing::Approved } else { Standing::Declined };
        Some(*n)
    }

    /// What is promised and neither captured nor let go of.
    pub fn held(&self) -> i64 {
        let approved = self.promises.values().filter(|promise| promise.standing == Standing::Approved);
        approved.map(|promise| promise.amount - promise.captured).sum()
    }

    pub fn captured(&self) -> i64 {
        self.captures.values().sum()
    }

    pub fn refunded(&self) -> i64 {
        self.refunds.values().sum()
    }

    pub fn has_promised(&self) -> bool {
        self.promises.values().any(|promise| {
            promise.standing == Standing::Approved || promise.standing == Standing::Cancelled || promise.captured > 0
        })
    }
}
