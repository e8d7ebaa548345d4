//! The port to whoever moves money: cards, wallets, or staff with the bank's statement.
//! It does not know orders; a provider is told amounts and keys, and what it told us before.

use async_trait::async_trait;
use contracts::payments::ProviderInfo;
use domain::ids::{OrderId, PaymentId};
use domain::money::Currency;
use domain::payment::Operation;
use jiff::Timestamp;

pub use axum::http::{HeaderMap, HeaderName, HeaderValue};
pub use domain::payment::{Call, Outcome};

/// What a provider knows a wish by: the same key is the same wish, however often it is sent.
/// As text: `pay_….capture.{request}.{n}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub payment: PaymentId,
    pub call: Call,
}

impl Key {
    pub fn of(order: &OrderId, call: Call) -> Self {
        Self { payment: payment_of(order), call }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (payment, rest) = text.split_once('.')?;
        let (operation, rest) = rest.split_once('.')?;
        let (request, n) = rest.rsplit_once('.')?;
        let call = Call { operation: Operation::parse(operation)?, request: request.to_owned(), n: n.parse().ok()? };
        Some(Self { payment: PaymentId::parse(payment).ok()?, call })
    }

    pub fn order(&self) -> OrderId {
        order_of(&self.payment)
    }
}

/// A payment is named after its order.
pub fn payment_of(order: &OrderId) -> PaymentId {
    PaymentId::from_key(order.key()).expect("an order's key is a key")
}

pub fn order_of(payment: &PaymentId) -> OrderId {
    OrderId::from_key(payment.key()).expect("a payment's key is a key")
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call { operation, request, n } = &self.call;
        write!(f, "{}.{}.{request}.{n}", self.payment, operation.as_str())
    }
}

/// What is captured, voided or refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge<'a> {
    /// What the provider called the authorisation; empty where there is none.
    pub reference: &'a str,
    pub amount: i64,
    pub currency: Currency,
}

/// What a provider knows of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It certainly never saw it.
    Absent,
    Known(Outcome),
    Unknown {
        reason: String,
    },
}

/// Something that a provider tells by itself. It may come twice, late, or before the answer to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub key: Key,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNotice {
    #[error("the notice is not signed by the provider")]
    Forged,
    #[error("the notice cannot be read: {0}")]
    Unreadable(String),
}

/// Every call answers, whatever happens; the caller bounds its time and takes silence for `Unknown`.
#[async_trait]
pub trait Provider: Send + Sync {
    /// As payments and accounts name it.
    fn name(&self) -> &'static str;

    /// `None`: not offered here. What was begun with it is still finished.
    fn info(&self) -> Option<ProviderInfo>;

    async fn authorize(&self, key: &Key, amount: i64, currency: Currency, token: Option<&str>) -> Outcome;

    async fn capture(&self, key: &Key, of: Charge<'_>) -> Outcome;

    /// Lets go of what is authorised and not captured, and calls off what the buyer was asked to do. `Done` also
    /// when nothing is held any more.
    async fn void(&self, key: &Key, of: Charge<'_>) -> Outcome;

    async fn refund(&self, key: &Key, of: Charge<'_>) -> Outcome;

    async fn find(&self, key: &Key) -> Found;

    /// Checks the signature and reads what is told.
    fn parse_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Notice>, BadNotice>;
}

/// A notice as it goes over the wire.
#[derive(Debug, Clone)]
pub struct SignedNotice {
    pub provider: &'static str,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// How a test payment that waits for its buyer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestStatus {
    Waiting,
    Approved,
    Declined,
    Expired,
    Cancelled,
}

/// A test payment that waits, or waited, for its buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestPayment {
    pub reference: String,
    pub order: OrderId,
    pub amount: i64,
    pub currency: Currency,
    pub status: TestStatus,
    pub expires_at: Timestamp,
}

/// The bank behind test payments: what the buyer would see there, and the notices that it sends.
#[async_trait]
pub trait TestBank: Send + Sync {
    /// `None`: there is no such payment.
    async fn look(&self, reference: &str) -> contracts::Result<Option<TestPayment>>;

    /// The buyer approves or declines. Answers how it stands now and the notices that the bank sends about it; of a
    /// payment that does not wait nothing changes.
    async fn decide(
        &self,
        reference: &str,
        approve: bool,
    ) -> contracts::Result<Option<(TestPayment, Vec<SignedNotice>)>>;

    /// The next notice that the bank sends by itself; waits for it.
    async fn next_notice(&self) -> SignedNotice;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let order = OrderId::from_bytes([5; 16]);
        for request in ["order", "rfd_1", "a.b.c"] {
            let call = Call { operation: Operation::Refund, request: request.to_owned(), n: 7 };
            let key = Key::of(&order, call);
            assert_eq!(Key::parse(&key.to_string()), Some(key.clone()));
            assert_eq!(key.order(), order);
        }
        for bad in ["", "pay_x.refund.r.1", "refund.r.1"] {
            assert_eq!(Key::parse(bad), None);
        }
    }
}
