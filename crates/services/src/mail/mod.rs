//! Mail about orders: follows what happens to them, writes to buyers and staff, and keeps at it until a mail was taken.
//! It does not know how mail travels, nor does it decide anything about an order.
//!
//! [`collect`] follows the log from a checkpoint of its own and notes which mails are due; [`send`] writes each one from what
//! the order opens at that moment, and hands it to the [`Transport`]. See docs/adr/0007-mail.md.

mod news;
mod record;

mod collect;
mod send;

mod letter;
mod settings;
mod transport;

pub mod http;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::mail::{Mail, MailKind, MailPreview, MailSettings, MailState, MailView};
use contracts::orders::{OrderDesk, OrderView};
use contracts::shop::Shop;
use contracts::{Error, Kind, Listing, Result};
use domain::ids::OrderId;
use domain::locale::Locale;
use domain::text::Email;
use parking_lot::Mutex;
use platform::documents::tuple::Key;
use platform::documents::{Conditional, Documents, Expected, Filter, Query, Range};
use platform::http::lists::{Cursor, Fingerprint};
use platform::log::Position;
use platform::store::StoreResult;
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior};

use crate::machinery::{Machinery, cursor_of, stored};
use record::{BY_ORDER, BY_STATE, BY_TIME, MAILS, Record};
use send::Gate;
pub use transport::{Correspondent, Letter, Refused, Transport};

/// What the operator decides about mail.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where buyers reach the shop, for the links in a mail; staff's own setting stands in while this is not known.
    pub public_url: Option<String>,
    /// For a shop that neither the operator nor staff gave an address: where it listens.
    pub listen_url: String,
    /// Mails handed over in a second, at most: a sale is not slowed down by its mails, and providers count them.
    pub per_second: u32,
}

/// Where mail is written and sent from.
pub struct Mailroom {
    machinery: Machinery,
    shop: Arc<dyn Shop>,
    orders: Arc<dyn OrderDesk>,
    transport: Arc<dyn Transport>,
    options: Options,
    /// The checkpoint of each shard as it is stored, where one is; whoever holds it follows on. `None`: they must be read.
    place: tokio::sync::Mutex<Option<Vec<Option<Position>>>>,
    /// Held while mails are on their way.
    round: tokio::sync::Mutex<()>,
    pace: tokio::sync::Mutex<Interval>,
    gate: Mutex<Gate>,
    news: Notify,
    is_closing: AtomicBool,
    counts: Counts,
}

/// Since the start, for `/metrics`.
#[derive(Debug, Default)]
pub struct Counts {
    pub sent: AtomicU64,
    /// Attempts after which a mail is tried again.
    pub put_off: AtomicU64,
    pub failed: AtomicU64,
}

impl Mailroom {
    /// Needs a runtime: pauses are tokio's.
    pub fn new(
        machinery: Machinery,
        shop: Arc<dyn Shop>,
        orders: Arc<dyn OrderDesk>,
        transport: Arc<dyn Transport>,
        options: Options,
    ) -> Arc<Self> {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / options.per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Arc::new(Self {
            machinery,
            shop,
            orders,
            transport,
            options,
            place: tokio::sync::Mutex::default(),
            round: tokio::sync::Mutex::default(),
            pace: tokio::sync::Mutex::new(pace),
            gate: Mutex::default(),
            news: Notify::new(),
            is_closing: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Somebody should look: there is mail to send, or it may go now.
    fn wake(&self) {
        self.news.notify_one();
    }

    /// Begins nothing new, and waits at most so long for what is on its way.
    pub async fn close(&self, wait: Duration) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.wake();
        if tokio::time::timeout(wait, self.round.lock()).await.is_err() {
            tracing::warn!("a mail was still on its way when the shop stopped; it may go out twice");
        }
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Bytes that name one request.
    fn fresh(&self) -> [u8; 16] {
        self.machinery.id_bytes()
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView> {
        self.orders.order(id, None).await
    }
}

#[async_trait]
impl Mail for Mailroom {
    async fn mails(
        &self,
        order: Option<&OrderId>,
        state: Option<MailState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<MailView>> {
        let state = state.map(|state| name_of(&state));
        let fingerprint =
            Fingerprint::new("mails").with("order", order.map(OrderId::as_str)).with("state", state.as_deref());
        let cursor = cursor_of(cursor, &fingerprint)?;
        let (index, key) = match (order, &state) {
            (Some(order), _) => (BY_ORDER, Key::new().text(order.as_str())),
            (None, Some(state)) => (BY_STATE, Key::new().text(state)),
            (None, None) => (BY_TIME, Key::new()),
        };
        let mut query = Query::new(MAILS, index, Range::prefix(key)).descending().limit(limit.clamp(1, 100));
        if let (Some(_), Some(state)) = (order, state) {
            query = query.filter(Filter::equals("state", state));
        }
        let query = query.after(cursor.map(Cursor::after));
        let page = self.machinery.documents.query(query, self.machinery.clock.now()).await.map_err(stored)?;
        let view = |document: &platform::documents::Document| -> Result<MailView> {
            Ok(document.read::<Record>().map_err(stored)?.view(document.id.clone()))
        };
        let items = page.documents.iter().map(view).collect::<Result<_>>()?;
        Ok(Listing { items, next_cursor: Cursor::next_of(&page).map(|next| next.encode(&fingerprint)) })
    }

    async fn preview(&self, kind: MailKind, order: Option<&OrderId>, locale: Option<&Locale>) -> Result<MailPreview> {
        let order = match order {
            Some(order) => self.order(order).await?,
            None => self.made_up(locale).await?,
        };
        let (settings, _) = self.read_settings().await?;
        let to = addressee(kind, &order, settings.staff.first().and_then(|text| Email::parse(text).ok()));
        let written = self.written(kind, &order, None, locale).await?;
        let shop = self.shop.settings().await?;
        let from = self.sender(&settings, &shop.settings).map(|sender| shown(&sender.from));
        let (from, to) = (from.unwrap_or_default(), to.as_ref().map(shown).unwrap_or_default());
        Ok(MailPreview { from, to, subject: written.subject, text: written.text, html: written.html })
    }

    async fn resend(&self, kind: MailKind, order: &OrderId, once: &str, caller: &Caller) -> Result<MailView> {
        let view = self.order(order).await?;
        // Says what is missing: a shipment, a refund, the buyer.
        self.written(kind, &view, None, None).await?;
        let (settings, _) = self.read_settings().await?;
        let to: Vec<Option<Email>> = match kind {
            MailKind::NewOrder => settings.staff.iter().filter_map(|text| Email::parse(text).ok()).map(Some).collect(),
            _ => addressee(kind, &view, None).map(|_| None).into_iter().collect(),
        };
        let mut first = None;
        for to in to {
            let record = self.record(kind, &view, None, to, self.machinery.clock.now())?;
            let record = Record { asked_by: Some(caller.actor()), ..record };
            let told = record.to.as_ref().map(Email::as_str).unwrap_or_default();
            let kind = name_of(&kind);
            let named = [order.as_str(), once, &kind, told].map(str::as_bytes);
            let hash = self.machinery.vault.master().hash("mail sent again", &named);
            let id = format!("{}-again-{}", order.key(), hex(&hash[..8]));
            let put = record.put(&id)?;
            let now = self.machinery.clock.now();
            let kept = match self.machinery.documents.put_if(put, Expected::Absent, now).await.map_err(stored)? {
                Conditional::Written(_) => record,
                Conditional::Differs(Some(there)) => there.read().map_err(stored)?,
                Conditional::Differs(None) => return Err(Error::unavailable("this mail is being changed", 1)),
            };
            first.get_or_insert(kept.view(id));
        }
        self.wake();
        first.ok_or_else(|| Error::conflict("no_address", "there is nobody to write to"))
    }

    async fn try_out(&self, to: &str) -> Result<()> {
        let to = Email::parse(to).map_err(|error| Error::field("/to", "invalid_email", error.to_string()))?;
        let letter = self.trial(to).await?;
        match self.transport.send(&letter).await {
            Ok(()) => Ok(()),
            Err(refused) => Err(Error::conflict("mail_not_taken", refused.reason())),
        }
    }

    fn transport(&self) -> String {
        self.transport.describe()
    }

    async fn settings(&self) -> Result<(MailSettings, u64)> {
        self.read_settings().await
    }

    async fn replace_settings(&self, settings: MailSettings, seen: u64) -> Result<u64> {
        self.write_settings(settings, seen).await
    }
}

/// How many mails were refused for good, counted up to a limit; for whoever examines the shop's data.
pub async fn failed_mails(documents: &dyn Documents, now: jiff::Timestamp, limit: usize) -> StoreResult<usize> {
    let range = Range::prefix(Key::new().text(&name_of(&MailState::Failed)));
    Ok(documents.query(Query::new(MAILS, BY_STATE, range).limit(limit), now).await?.documents.len())
}

/// Whom a mail goes to: the buyer, or the given member of staff.
fn addressee(kind: MailKind, order: &OrderView, staff: Option<Email>) -> Option<Correspondent> {
    if kind == MailKind::NewOrder {
        return staff.map(|address| Correspondent { name: None, address });
    }
    let buyer = order.buyer.as_ref()?;
    let address = Email::parse(buyer.email.as_deref()?).ok()?;
    Some(Correspondent { name: buyer.name.as_deref().map(one_line).filter(|name| !name.is_empty()), address })
}

/// What goes into a header is one line, whatever was typed.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(who: &Correspondent) -> String {
    match &who.name {
        Some(name) => format!("{name} <{}>", who.address.as_str()),
        None => who.address.as_str().to_owned(),
    }
}

/// The snake-case name that serde gives a plain enum.
fn name_of(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether somebody must be told that something is missing, rather than that we failed.
fn is_callers(error: &Error) -> bool {
    !matches!(error.kind, Kind::Unavailable | Kind::Internal)
}
