//! Orders as shoppers place, watch and find them.
//! It does not show them what is for staff.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::orders::{BuyCart, Checkout, Milestone, MilestoneKind, OrderView, Watched};
use contracts::{Error, Kind, Result};
use domain::ids::{CartId, OrderId, OrderNumber};
use domain::order::Channel;
use domain::text::Email;
use platform::http::etag::ETag;
use platform::log::RecordedFact;
use platform::naming;
use tokio::time::Instant;

use super::Orders;
use super::news::{NEWS_BATCHES, News};
use super::personal::{email_lookup, opens};
use super::place::{Fate, PlaceOrder, REUSED, WantedLines, WantedShipping};
use super::query::Wanted;
use super::refusal::refusal;
use super::view::Reader;

/// Who watches looks again after this long even when nothing was heard: another process may have changed the order.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// Who comes from a cart that is becoming an order waits no longer than this for the order.
const PLACED_WITHIN: Duration = Duration::from_secs(2);
/// They look at the cart this often: that an order came to nothing is no news of the order.
const CART_LOOKED_AT_EVERY: Duration = Duration::from_millis(50);

/// What shoppers reach of the orders service.
pub struct Counter {
    orders: Arc<Orders>,
    news: Arc<News>,
}

impl Counter {
    /// Also begins to listen to what is committed, on the current runtime.
    pub fn new(orders: Arc<Orders>) -> Self {
        let news = Arc::new(News::default());
        news.follow(orders.machinery.executor.subscribe(NEWS_BATCHES));
        Self { orders, news }
    }

    async fn told(&self, id: &OrderId) -> Result<OrderView> {
        let mut view = self.orders.view(id, Reader::Buyer).await?;
        view.access_token = Some(self.orders.token_of(id));
        Ok(view)
    }

    /// What was told of the order that an earlier wish of this name became, where the bank declined it.
    async fn declined_before(&self, id: &OrderId) -> Result<Option<Error>> {
        let (order, _) = self.orders.read(id).await?;
        let declined = refusal(&order).filter(|refusal| refusal.kind == Kind::Declined);
        Ok(declined.map(|declined| told_of(declined, id, true)))
    }
}

#[async_trait]
impl Checkout for Counter {
    async fn buy(&self, wish: BuyCart, caller: &Caller) -> Result<OrderView> {
        let body = serde_json::to_vec(&wish).map_err(|error| Error::internal(error.to_string()))?;
        let named = [wish.cart.as_str().as_bytes(), wish.once.as_bytes()];
        let name = self.orders.bytes_named("order of a page", &named);
        // A cart is named by its moment: orders of one time lie together.
        let id = OrderId::from_bytes(naming::beside(wish.cart.bytes(), name));
        let wish = PlaceOrder {
            id: id.clone(),
            body_hash: self.orders.master().hash_text("body of a page's order", &[&body]),
            channel: Channel::Storefront,
            currency: String::new(),
            locale: Some(wish.locale),
            lines: WantedLines::Cart { id: wish.cart, token: wish.cart_token },
            buyer: Some(wish.buyer),
            shipping_address: Some(wish.shipping_address),
            shipping: WantedShipping::Method(wish.shipping_method),
            provider: wish.payment_method,
            token: wish.payment_token,
            note: wish.note,
            expected_total: Some(wish.expected_total),
            order_discount: 0,
            with_tax: true,
            placed_at: None,
            draft: None,
        };
        let placed = match self.orders.place(wish, caller).await {
            Err(error) if error.code == REUSED => return Err(self.declined_before(&id).await?.unwrap_or(error)),
            placed => placed?,
        };
        match refusal(&placed.order) {
            Some(refusal) => Err(told_of(refusal, &id, placed.repeated)),
            None => self.told(&id).await,
        }
    }

    async fn watch(&self, order: &OrderId, token: &str) -> Result<Watched> {
        if !opens(self.orders.master(), order, token) {
            return Err(Error::not_found("order"));
        }
        let order_view = self.told(order).await.map_err(|error| match error.kind {
            Kind::NotFound => {
                Error::new(Kind::NotFound, "order_not_placed", "there is no order yet, or there will be none")
            }
            _ => error,
        })?;
        let facts = self.orders.facts_of(order).await?;
        let milestones: Vec<Milestone> = facts.iter().filter_map(milestone).collect();
        let shown = serde_json::to_vec(&(&order_view, &milestones));
        let shown = shown.map_err(|error| Error::internal(error.to_string()))?;
        Ok(Watched { order: order_view, milestones, revision: ETag::of_bytes(&shown).as_str().to_owned() })
    }

    async fn changed(&self, order: &OrderId, token: &str, revision: &str, within: Duration) -> Result<Option<Watched>> {
        let watcher = self.news.watcher(order);
        let until = Instant::now() + within;
        loop {
            let mut told = std::pin::pin!(watcher.notify.notified());
            // From here on no news is missed, though it is only awaited after the look.
            told.as_mut().enable();
            let watched = self.watch(order, token).await?;
            if watched.revision != revision {
                return Ok(Some(watched));
            }
            let now = Instant::now();
            if now >= until {
                return Ok(None);
            }
            let _ = tokio::time::timeout_at(until.min(now + LOOKED_AT_EVERY), told).await;
        }
    }

    async fn find(&self, number: &OrderNumber, email: &Email) -> Result<(OrderId, String)> {
        let wanted = Wanted { number: Some(number.clone()), limit: 1, ..Wanted::default() };
        let (rows, _) = self.orders.list(wanted).await?;
        let id = rows.first().and_then(|row| OrderId::parse(&row.id).ok());
        // The address is looked up whether or not there is such an order, so that both take as long.
        let lookup = email_lookup(self.orders.master(), email);
        let theirs = self.orders.subjects(&lookup).await?;
        let id = id.filter(|id| theirs.contains(id)).ok_or_else(|| Error::not_found("order"))?;
        let token = self.orders.token_of(&id);
        Ok((id, token))
    }

    async fn of_cart(&self, cart: &CartId, token: &str) -> Result<Option<(OrderId, String)>> {
        let until = Instant::now() + PLACED_WITHIN;
        loop {
            let held = self.orders.carts.cart(cart, token).await?;
            let Some(order) = held.order() else { return Ok(None) };
            let watcher = self.news.watcher(order);
            let mut told = std::pin::pin!(watcher.notify.notified());
            // From here on the order is not missed, though it is only awaited after the look.
            told.as_mut().enable();
            let fate = self.orders.fate_of(order, &held).await?;
            let now = Instant::now();
            match fate {
                Fate::Awaited if now < until => {
                    let _ = tokio::time::timeout_at(until.min(now + CART_LOOKED_AT_EVERY), told).await;
                }
                Fate::Awaited | Fate::Placed => return Ok(Some((order.clone(), self.orders.token_of(order)))),
                Fate::Nothing => {
                    self.orders.let_go_of_cart(cart, order).await;
                    return Ok(None);
                }
            }
        }
    }
}

fn told_of(refusal: Error, order: &OrderId, repeated: bool) -> Error {
    refusal.with("order_id", order.as_str()).with("repeated", repeated)
}

fn milestone(fact: &RecordedFact) -> Option<Milestone> {
    let kind = match &*fact.type_name {
        "order.placed" => MilestoneKind::Placed,
        "payment.authorized" => MilestoneKind::Authorized,
        "order.confirmed" => MilestoneKind::Confirmed,
        "payment.declined" => MilestoneKind::Declined,
        "order.rejected" => MilestoneKind::Rejected,
        "payment.captured" | "payment.marked_paid" => MilestoneKind::Paid,
        "order.shipped" => MilestoneKind::Shipped,
        "order.delivered" => MilestoneKind::Delivered,
        "payment.refunded" => MilestoneKind::Refunded,
        "order.cancelled" => MilestoneKind::Cancelled,
        _ => return None,
    };
    Some(Milestone { kind, at: fact.time })
}
