//! Orders: placing and watching them as a shopper, working on them as staff.
//! It does not know pages, nor how a payment or a parcel is made.

mod drafts;
mod placing;
mod staff;
mod views;

use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{CartId, DraftId, OrderId, OrderNumber};
use domain::text::Email;
use jiff::Timestamp;

pub use drafts::{DraftBody, DraftLine, DraftView};
pub use placing::BuyCart;
pub use staff::{
    AmountBody, CancelBody, DeliverBody, EventView, NoteBody, OrderAction, OrderRowView, ProcessOrder, ProcessState,
    RefundBody, ShipBody, TaskView, WantedOrders,
};
pub use views::{
    AddressBody, BuyerView, CancellationView, LineQuantityBody, LineView, Milestone, MilestoneKind, NextActionView,
    NoteView, OrderView, PaymentView, ProcessView, RefundView, ShipmentView, ShippingView, ShortageView, TotalView,
};

use crate::caller::Caller;
use crate::{Listing, Result};

#[async_trait]
pub trait Orders: Send + Sync {
    /// Something that an order waits for has happened: its process looks again, and goes on.
    async fn advance(&self, order: &OrderId) -> Result<()>;
}

/// An order as its buyer reads it, and how far it has changed.
#[derive(Clone)]
pub struct Watched {
    pub order: OrderView,
    pub milestones: Vec<Milestone>,
    /// Another one whenever anything of it is different.
    pub revision: String,
}

/// What shoppers do with orders.
#[async_trait]
pub trait Checkout: Send + Sync {
    /// Orders what is in a cart, once per `once`, and drives the order for some seconds. The answer has its
    /// `access_token`; one that is `pending` may have a `next_action` for the buyer.
    ///
    /// # Errors
    /// `Invalid` with the fields · `cart_already_ordered`, `insufficient_stock`, `price_changed`, `order_cancelled`, each
    /// with `order_id` where there is one · `Declined` with the bank's words. What came of an earlier wish of the same
    /// `once` has `repeated`; that it was declined is told to a wish with other contents, too.
    async fn buy(&self, wish: BuyCart, caller: &Caller) -> Result<OrderView>;

    /// An order and what happened to it, for whoever has its token; otherwise as if it did not exist.
    ///
    /// # Errors
    /// `order_not_placed` for whoever has the token of an order that is on its way, or never came about.
    async fn watch(&self, order: &OrderId, token: &str) -> Result<Watched>;

    /// The same as soon as it differs from `revision`, or `None` when nothing happened `within` that time.
    async fn changed(&self, order: &OrderId, token: &str, revision: &str, within: Duration) -> Result<Option<Watched>>;

    /// The order's id and token, for whoever knows its number and its buyer's e-mail address.
    async fn find(&self, number: &OrderNumber, email: &Email) -> Result<(OrderId, String)>;

    /// The order that a cart became or is becoming, and its token, for whoever has the cart's. Waits a moment for one that
    /// is on its way. Where the order was undone, or never came about, the cart is opened again: `None`.
    async fn of_cart(&self, cart: &CartId, token: &str) -> Result<Option<(OrderId, String)>>;
}

/// What staff do with orders.
#[async_trait]
pub trait OrderDesk: Send + Sync {
    /// The newest first.
    async fn orders(&self, wanted: &WantedOrders) -> Result<Listing<OrderRowView>>;

    /// Now, or as it was at a past instant (inclusive); with its access token.
    async fn order(&self, order: &OrderId, at: Option<Timestamp>) -> Result<OrderView>;

    /// Every fact of an order, its payment, its stock and its ledger, by time.
    async fn events(&self, order: &OrderId) -> Result<Vec<EventView>>;

    /// Does something to an order, once per `once`; answers with the order as it is then.
    async fn act(&self, order: &OrderId, action: OrderAction, once: &str, caller: &Caller) -> Result<OrderView>;

    /// Processes that are not at their end; without a state, parked ones first.
    async fn processes(
        &self,
        state: Option<ProcessState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<TaskView>>;

    /// Takes a parked process on.
    async fn direct(
        &self,
        order: &OrderId,
        what: ProcessOrder,
        reason: Option<String>,
        caller: &Caller,
    ) -> Result<OrderView>;

    /// The newest first.
    async fn drafts(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<DraftView>>;

    /// A draft and its version.
    async fn draft(&self, draft: &DraftId) -> Result<(DraftView, u64)>;

    /// Writes a new draft, once per `once`.
    async fn create_draft(&self, body: DraftBody, once: &str) -> Result<DraftView>;

    /// Replaces a draft on the version that was seen.
    async fn replace_draft(&self, draft: &DraftId, body: DraftBody, seen: u64) -> Result<(DraftView, u64)>;

    async fn delete_draft(&self, draft: &DraftId) -> Result<()>;

    /// Makes a draft an order. Again: answers with that order.
    async fn complete_draft(&self, draft: &DraftId, caller: &Caller) -> Result<OrderView>;
}
