//! Who else works on the same thing right now, and how many people look around in the shop.
//! It does not know what anybody does.

use async_trait::async_trait;
use domain::ids::{OrderId, ProductId, StaffId};
use jiff::Timestamp;

/// Something that a member of staff has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    Order(OrderId),
    Product(ProductId),
}

/// A member of staff who has the same thing open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleague {
    pub staff: StaffId,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleagues {
    /// Whoever came first, first.
    pub others: Vec<Colleague>,
    /// Whether these are all; otherwise those that the node which was asked has seen itself.
    pub is_whole: bool,
}

/// People who were shown a page of the shop within the last five minutes, crawlers left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitors {
    /// Told apart by address and browser, without keeping either.
    pub count: u64,
    /// Whether all nodes' are counted; otherwise those of the node which was asked.
    pub is_whole: bool,
}

/// It never fails: what cannot be known now is left out, and the answer says so.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Somebody has something open in a window of theirs, until a minute and a half are over or they say so again. Who else has?
    async fn open(&self, thing: &Thing, staff: &StaffId, window: &str) -> Colleagues;

    /// They have closed that window.
    async fn close(&self, thing: &Thing, staff: &StaffId, window: &str);

    async fn visitors(&self) -> Visitors;
}
