//! Finding orders for staff: by status, number, e-mail and time; and the processes that are open.
//! It does not know pages.

use std::sync::Arc;

use contracts::Result;
use domain::ids::{OrderId, OrderNumber};
use domain::order::Status;
use domain::text::Email;
use jiff::Timestamp;
use platform::documents::tuple::{self, Key};
use platform::documents::{Query, Range};
use platform::http::lists::Cursor;
use platform::log::{Log, RecordedFact, StreamId};
use platform::sealing::MasterKey;

use super::kinds::{NumberKind, number_stream};
use super::list::{BY_STATUS, BY_TIME, ORDERS, OrderRow};
use super::personal::{access_token, email_lookup};
use super::tasks::{BY_STATE, TASKS, Task, TaskState};
use super::view::name_of;
use super::{Orders, stream};
use crate::machinery::stored;

/// The most orders of one buyer that a search by e-mail looks at.
const ORDERS_OF_ONE_BUYER: usize = 1_000;
const READ_CHUNK: usize = 1_000;

/// Which orders to list.
#[derive(Debug, Default)]
pub struct Wanted {
    pub status: Option<Status>,
    pub payment_status: Option<String>,
    pub fulfillment_status: Option<String>,
    pub number: Option<OrderNumber>,
    pub email: Option<Email>,
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    pub cursor: Option<Cursor>,
    pub limit: usize,
}

impl Wanted {
    fn accepts(&self, row: &OrderRow) -> bool {
        let is = |wanted: &Option<String>, name: String| wanted.as_ref().is_none_or(|wanted| *wanted == name);
        self.number.as_ref().is_none_or(|number| row.number == number.as_str())
            && is(&self.payment_status, name_of(&row.payment_status()))
            && is(&self.fulfillment_status, name_of(&row.fulfillment()))
            && self.from.is_none_or(|from| row.placed_at >= from)
            && self.until.is_none_or(|until| row.placed_at < until)
            && match self.status {
                Some(status) => row.status == status,
                None => row.status != Status::Rejected || self.number.is_some(),
            }
    }
}

impl Orders {
    /// A page of orders, the newest first.
    pub async fn list(&self, wanted: Wanted) -> Result<(Vec<OrderRow>, Option<Cursor>)> {
        self.machinery.settle_lists().await?;
        if wanted.email.is_some() {
            return self.list_by_email(wanted).await;
        }
        if let Some(number) = &wanted.number {
            let rows = self.rows_of(&self.numbered(number).await?, &wanted).await?;
            return Ok((rows, None));
        }
        let now = self.machinery.clock.now();
        let (index, prefix) = match wanted.status {
            Some(status) => (BY_STATUS, Key::new().text(status.as_str())),
            None => (BY_TIME, Key::new()),
        };
        let from = wanted.from.map_or(prefix.clone(), |from| prefix.clone().time(from)).into_bytes();
        let to = match wanted.until {
            Some(until) => prefix.time(until).into_bytes(),
            None => tuple::after_prefix(&prefix.into_bytes()),
        };
        let query = Query::new(ORDERS, index, Range { from, to }).descending().limit(wanted.limit);
        let query = query.after(wanted.cursor.clone().map(Cursor::after));
        let page = self.machinery.lists().query(query, now).await.map_err(stored)?;
        let mut rows = Vec::with_capacity(page.documents.len());
        for document in &page.documents {
            let row: OrderRow = document.read().map_err(stored)?;
            if wanted.accepts(&row) {
                rows.push(row);
            }
        }
        Ok((rows, Cursor::next_of(&page)))
    }

    /// A buyer's orders are found by their sealing keys: what was erased is not found any more.
    async fn list_by_email(&self, wanted: Wanted) -> Result<(Vec<OrderRow>, Option<Cursor>)> {
        let Some(email) = &wanted.email else { return Ok((Vec::new(), None)) };
        let lookup = email_lookup(self.machinery.vault.master(), email);
        let mut rows = self.rows_of(&self.subjects(&lookup).await?, &wanted).await?;
        rows.sort_by(|a, b| (b.placed_at, &b.id).cmp(&(a.placed_at, &a.id)));
        let place = |row: &OrderRow| (Key::new().time(row.placed_at).into_bytes(), row.id.clone());
        if let Some(cursor) = wanted.cursor {
            let after = cursor.after();
            rows.retain(|row| place(row) < after);
        }
        let is_more = rows.len() > wanted.limit;
        rows.truncate(wanted.limit);
        let next = rows.last().filter(|_| is_more).map(place).map(|(key, id)| Cursor { key, id });
        Ok((rows, next))
    }

    /// Whose number it is: the claim by which it is unique says so, and needs no index beside it.
    async fn numbered(&self, number: &OrderNumber) -> Result<Option<OrderId>> {
        let claim = self.machinery.executor.read::<NumberKind>(&number_stream(number)).await;
        claim.map(|(claim, _)| claim.order.clone()).map_err(stored)
    }

    /// Those of these orders that are wanted.
    async fn rows_of(&self, orders: impl IntoIterator<Item = &OrderId>, wanted: &Wanted) -> Result<Vec<OrderRow>> {
        let keys: Vec<String> = orders.into_iter().map(|id| id.key().to_owned()).collect();
        let found = self.machinery.lists().get_many(ORDERS, &keys, self.machinery.clock.now()).await.map_err(stored)?;
        let rows = found.iter().map(|document| document.read::<OrderRow>().map_err(stored));
        rows.filter(|row| row.as_ref().map_or(true, |row| wanted.accepts(row))).collect()
    }

    /// A page of processes that are not at their end; without a state, parked ones first.
    pub async fn tasks(
        &self,
        state: Option<TaskState>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Task>, Option<Cursor>)> {
        self.machinery.settle_lists().await?;
        let range = state.map_or_else(Range::all, |state| Range::prefix(Key::new().text(state.as_str())));
        let query = Query::new(TASKS, BY_STATE, range).limit(limit).after(cursor.map(Cursor::after));
        let page = self.machinery.lists().query(query, self.machinery.clock.now()).await.map_err(stored)?;
        let tasks: std::result::Result<Vec<Task>, _> = page.documents.iter().map(|document| document.read()).collect();
        Ok((tasks.map_err(stored)?, Cursor::next_of(&page)))
    }

    /// Every fact of an order, its payment, its reservation and its ledger, by time.
    pub async fn facts_of(&self, id: &OrderId) -> Result<Vec<RecordedFact>> {
        self.existing(id).await?;
        let case = ["order", "payment", "reservation", "ledger"];
        let mut facts = Vec::new();
        for kind in case {
            let stream = if kind == "order" { stream(id) } else { StreamId::new(kind, id.key()) };
            let mut after = 0;
            loop {
                let read = self.log().read_stream(&stream, after, READ_CHUNK).await.map_err(stored)?;
                let is_last = read.len() < READ_CHUNK;
                after = read.last().map_or(after, |last| last.version);
                facts.extend(read);
                if is_last {
                    break;
                }
            }
        }
        facts.sort_by_key(|fact| (fact.time, fact.position));
        Ok(facts)
    }

    pub(super) fn log(&self) -> &Arc<dyn Log> {
        self.machinery.executor.log()
    }

    pub(super) fn master(&self) -> &MasterKey {
        self.machinery.vault.master()
    }

    pub(super) fn token_of(&self, id: &OrderId) -> String {
        access_token(self.master(), id)
    }

    /// The orders of a buyer by the keyed hash of an e-mail address; none that were erased.
    pub(super) async fn subjects(&self, lookup: &str) -> Result<Vec<OrderId>> {
        let subjects = self.machinery.vault.find(lookup, ORDERS_OF_ONE_BUYER).await.map_err(stored)?;
        Ok(subjects.iter().filter_map(|id| OrderId::parse(id).ok()).collect())
    }

    /// Sixteen bytes that only this shop makes of these names: the same names come to the same id.
    pub(super) fn bytes_named(&self, purpose: &str, names: &[&[u8]]) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.master().hash(purpose, names)[..16]);
        bytes
    }

    pub(super) fn fresh_bytes(&self) -> [u8; 16] {
        self.machinery.id_bytes()
    }
}
