//! Payments: authorise, capture, refund, undo; each by a name that makes it happen once.
//! It does not know what was bought. Providers are the service's own business.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::ids::OrderId;
use domain::money::Currency;
use domain::payment::Payment;
use domain::seal::Sealed;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::Result;
use crate::caller::Caller;

/// How an order is to be paid.
#[derive(Debug, Clone)]
pub struct OpenPayment {
    pub order: OrderId,
    pub provider: String,
    pub amount: i64,
    pub currency: Currency,
    /// What the provider gave the buyer, sealed with the order's key.
    pub token: Option<Sealed>,
}

/// Which state of a payment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// With all that was acknowledged before, wherever.
    Now,
    /// With all that this process did; of what others did, the last moments may be missing.
    OwnWrites,
    /// As it was at a past instant, what happened at that very instant included.
    Instant(Timestamp),
}

/// What became of a wish to authorise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// The money is promised, or is seen to by hand.
    Granted,
    /// The buyer must do something first.
    ActionRequired {
        url: String,
        expires_at: Timestamp,
    },
    Declined {
        code: String,
        message: String,
    },
    /// Certainly without effect; it can be tried again.
    Failed {
        reason: String,
    },
    /// Nobody knows; asking again asks under the same key.
    Unknown {
        reason: String,
    },
    /// The payment is closed, or was never opened.
    Over {
        reason: String,
    },
}

/// What became of a wish to capture, refund or undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    Done,
    /// For good.
    Refused {
        reason: String,
    },
    /// Not yet: it is worth asking again.
    Pending {
        reason: String,
    },
}

/// What a provider can do in this shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderInfo {
    /// No money moves.
    pub test: bool,
    /// Whether it needs a token from the buyer.
    pub needs_token: bool,
}

/// Sums of one account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    pub account: String,
    pub currency: Currency,
    pub debit: i64,
    pub credit: i64,
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// `None`: not offered here, or test payments are not allowed on this address.
    fn provider(&self, name: &str) -> Option<ProviderInfo>;

    /// Opens the payment of an order; of one that is open nothing happens.
    async fn open(&self, payment: OpenPayment, caller: &Caller) -> Result<()>;

    /// Asks the provider for its promise. `when_granted` is driven while a promise that has just been given is written
    /// down, so that both take one commit's time; where none is given now, it is dropped.
    async fn authorize(
        &self,
        order: &OrderId,
        when_granted: BoxFuture<'_, ()>,
        caller: &Caller,
    ) -> Result<Authorization>;

    async fn capture(&self, order: &OrderId, request: &str, amount: i64, caller: &Caller) -> Result<Settlement>;

    async fn refund(&self, order: &OrderId, request: &str, amount: i64, caller: &Caller) -> Result<Settlement>;

    /// Voids what is authorised, refunds what is captured, and sees to it that nothing comes late.
    async fn undo(&self, order: &OrderId, caller: &Caller) -> Result<Settlement>;

    /// Staff saw the money of a manual payment; `None`: all that is outstanding.
    async fn mark_paid(&self, order: &OrderId, request: &str, amount: Option<i64>, caller: &Caller) -> Result<Payment>;

    /// The payment of an order.
    async fn payment(&self, order: &OrderId, as_of: AsOf) -> Result<Payment>;

    /// All accounts, and per currency what they come to: zero when the books are right.
    async fn trial_balance(&self) -> Result<(Vec<AccountBalance>, BTreeMap<Currency, i64>)>;
}

/// The bank that plays along with test payments, as far as a buyer reaches it.
#[async_trait]
pub trait TestBank: Send + Sync {
    /// Plays the buyer who approves or declines the payment behind a reference; answers the order that it pays for. One that
    /// was decided, called off or has expired stays as it is. `NotFound`: there is no such payment.
    async fn play(&self, reference: &str, approve: bool) -> Result<OrderId>;
}
