//! The streams that orders write: one per order, and a claim per order number and per cart.
//! It does not decide anything.

use domain::ids::{CartId, OrderId, OrderNumber};
use domain::order::{Fact, Order};
use jiff::Timestamp;
use platform::log::StreamId;
use platform::log::kind::Kind;
use serde::{Deserialize, Serialize};

/// `order-{key}`: everything that happened to one order.
pub struct OrderKind;

impl Kind for OrderKind {
    const NAME: &'static str = "order";
    const STATE_VERSION: u32 = 2;
    type State = Order;
    type Fact = Fact;

    fn apply(state: &mut Order, fact: &Fact, at: Timestamp) {
        state.apply(fact, at);
    }

    fn weight(state: &Order) -> usize {
        1_024 + state.lines().len() * 320 + (state.shipments.len() + state.refunds.len()) * 256
    }
}

/// `claim_number-{number}`: whose number it is.
pub struct NumberKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFact {
    Taken { order: OrderId },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberClaim {
    pub order: Option<OrderId>,
}

impl Kind for NumberKind {
    const NAME: &'static str = "claim_number";
    const STATE_VERSION: u32 = 1;
    type State = NumberClaim;
    type Fact = NumberFact;

    fn apply(state: &mut NumberClaim, fact: &NumberFact, _at: Timestamp) {
        let NumberFact::Taken { order } = fact;
        state.order = Some(order.clone());
    }
}

pub fn number_stream(number: &OrderNumber) -> StreamId {
    StreamId::new(NumberKind::NAME, number.as_str())
}

/// `claim_cart-{cart}`: the last order that a cart became. The next one names it, and must know that it was undone.
pub struct CartKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartFact {
    Taken { order: OrderId },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartClaim {
    pub order: Option<OrderId>,
}

impl Kind for CartKind {
    const NAME: &'static str = "claim_cart";
    const STATE_VERSION: u32 = 1;
    type State = CartClaim;
    type Fact = CartFact;

    fn apply(state: &mut CartClaim, fact: &CartFact, _at: Timestamp) {
        let CartFact::Taken { order } = fact;
        state.order = Some(order.clone());
    }
}

pub fn cart_stream(cart: &CartId) -> StreamId {
    StreamId::new(CartKind::NAME, cart.key())
}
