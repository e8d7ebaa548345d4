//! The streams of payments: `payment-{order}` and `ledger-{order}`, named like the order's own stream.
//! It decides nothing; the rules are the domain's.

use domain::ids::OrderId;
use domain::ledger::{self, Ledger};
use domain::payment::{self, Payment};
use jiff::Timestamp;
use platform::log::StreamId;
use platform::log::kind::Kind;

const STATE_BYTES: usize = 512;
const REQUEST_BYTES: usize = 160;

/// The payment of one order.
pub struct PaymentKind;

impl Kind for PaymentKind {
    const NAME: &'static str = "payment";
    const STATE_VERSION: u32 = 1;
    type State = Payment;
    type Fact = payment::Fact;

    fn apply(state: &mut Payment, fact: &payment::Fact, at: Timestamp) {
        state.apply(fact, at);
    }

    fn weight(state: &Payment) -> usize {
        STATE_BYTES + state.requests.len() * REQUEST_BYTES
    }
}

/// What an order did to the books.
pub struct LedgerKind;

impl Kind for LedgerKind {
    const NAME: &'static str = "ledger";
    const STATE_VERSION: u32 = 1;
    type State = Ledger;
    type Fact = ledger::Fact;

    fn apply(state: &mut Ledger, fact: &ledger::Fact, _: Timestamp) {
        state.apply(fact);
    }
}

pub fn payment_stream(order: &OrderId) -> StreamId {
    StreamId::new(PaymentKind::NAME, order.key())
}

pub fn ledger_stream(order: &OrderId) -> StreamId {
    StreamId::new(LedgerKind::NAME, order.key())
}
