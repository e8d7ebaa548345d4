//! Orders as staff's pages work on them.
//! It does not know pages.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::orders::{
    DraftBody, DraftView, EventView, OrderAction, OrderDesk, OrderRowView, OrderView, ProcessOrder, ProcessState,
    TaskView, WantedOrders,
};
use contracts::{Error, Listing, Result};
use domain::ids::{DraftId, OrderId, OrderNumber};
use domain::text::Email;
use jiff::Timestamp;
use platform::http::lists::Fingerprint;

use super::Orders;
use super::act::acceptable;
use super::http::event_view;
use super::list::row_view;
use super::personal::{REASON_MAX, check_text};
use super::query::Wanted;
use super::refusal::refusal;
use super::tasks::{TaskState, task_view};
use super::view::Reader;
use crate::machinery::cursor_of;

/// What staff's pages reach of the orders service.
pub struct Desk(Arc<Orders>);

impl Desk {
    pub fn new(orders: Arc<Orders>) -> Self {
        Self(orders)
    }

    async fn told(&self, id: &OrderId) -> Result<OrderView> {
        let mut view = self.0.view(id, Reader::Staff).await?;
        view.access_token = Some(self.0.token_of(id));
        Ok(view)
    }
}

#[async_trait]
impl OrderDesk for Desk {
    async fn orders(&self, wanted: &WantedOrders) -> Result<Listing<OrderRowView>> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let fingerprint = Fingerprint::new("orders of the desk")
            .with("status", wanted.status.map(|status| status.as_str()))
            .with("payment_status", wanted.payment_status.as_deref())
            .with("fulfillment_status", wanted.fulfillment_status.as_deref())
            .with("number", wanted.number.as_deref())
            .with("email", wanted.email.as_deref())
            .with("from", time(wanted.from).as_deref())
            .with("until", time(wanted.until).as_deref());
        let number = wanted.number.as_deref().map(OrderNumber::parse).transpose();
        let number = number.map_err(|error| Error::field("/number", "malformed", error.to_string()))?;
        let email = wanted.email.as_deref().map(Email::parse).transpose();
        let email = email.map_err(|error| Error::field("/email", "malformed", error.to_string()))?;
        let wish = Wanted {
            status: wanted.status,
            payment_status: wanted.payment_status.clone(),
            fulfillment_status: wanted.fulfillment_status.clone(),
            number,
            email,
            from: wanted.from,
            until: wanted.until,
            cursor: cursor_of(wanted.cursor.as_deref(), &fingerprint)?,
            limit: wanted.limit.clamp(1, 100),
        };
        let (rows, next) = self.0.list(wish).await?;
        let items = rows.into_iter().map(row_view).collect();
        Ok(Listing { items, next_cursor: next.map(|next| next.encode(&fingerprint)) })
    }

    async fn order(&self, order: &OrderId, at: Option<Timestamp>) -> Result<OrderView> {
        match at {
            Some(at) => self.0.view_at(order, at).await,
            None => self.told(order).await,
        }
    }

    async fn events(&self, order: &OrderId) -> Result<Vec<EventView>> {
        Ok(self.0.facts_of(order).await?.iter().map(event_view).collect())
    }

    async fn act(&self, order: &OrderId, action: OrderAction, once: &str, caller: &Caller) -> Result<OrderView> {
        let named = [order.as_str().as_bytes(), once.as_bytes()];
        self.0.act(order, action, self.0.bytes_named("action of a page", &named), caller).await?;
        self.told(order).await
    }

    async fn processes(
        &self,
        state: Option<ProcessState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<TaskView>> {
        let state = state.map(|state| match state {
            ProcessState::Running => TaskState::Running,
            ProcessState::Parked => TaskState::Parked,
        });
        let fingerprint = Fingerprint::new("processes of the desk").with("state", state.map(TaskState::as_str));
        let cursor = cursor_of(cursor, &fingerprint)?;
        let (tasks, next) = self.0.tasks(state, cursor, limit.clamp(1, 100)).await?;
        let items = tasks.into_iter().map(task_view).collect();
        Ok(Listing { items, next_cursor: next.map(|next| next.encode(&fingerprint)) })
    }

    async fn direct(
        &self,
        order: &OrderId,
        what: ProcessOrder,
        reason: Option<String>,
        caller: &Caller,
    ) -> Result<OrderView> {
        let mut errors = Vec::new();
        check_text(reason.as_deref(), "/reason", REASON_MAX, &mut errors);
        acceptable(errors)?;
        self.0.existing(order).await?;
        self.0.direct(order, what, reason, caller).await?;
        self.told(order).await
    }

    async fn drafts(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<DraftView>> {
        let fingerprint = Fingerprint::new("draft orders of the desk");
        let cursor = cursor_of(cursor, &fingerprint)?;
        let (items, next) = self.0.drafts(cursor, limit.clamp(1, 100)).await?;
        Ok(Listing { items, next_cursor: next.map(|next| next.encode(&fingerprint)) })
    }

    async fn draft(&self, draft: &DraftId) -> Result<(DraftView, u64)> {
        self.0.draft(draft).await
    }

    async fn create_draft(&self, body: DraftBody, once: &str) -> Result<DraftView> {
        let id = DraftId::from_bytes(self.0.bytes_named("draft of a page", &[once.as_bytes()]));
        Ok(self.0.create_draft(&id, body).await?.0)
    }

    async fn replace_draft(&self, draft: &DraftId, body: DraftBody, seen: u64) -> Result<(DraftView, u64)> {
        self.0.replace_draft(draft, body, seen).await
    }

    async fn delete_draft(&self, draft: &DraftId) -> Result<()> {
        self.0.delete_draft(draft).await
    }

    async fn complete_draft(&self, draft: &DraftId, caller: &Caller) -> Result<OrderView> {
        let (id, placed) = self.0.complete_draft(draft, caller).await?;
        match refusal(&placed.order) {
            Some(refusal) => Err(refusal.with("order_id", id.as_str())),
            None => self.told(&id).await,
        }
    }
}
