//! What is kept of a mail: which order it is about, and how far it has come. Primary: that a mail was sent is in no fact,
//! and building collections anew must not send it again.
//! It holds nothing personal; a mail is written when it is sent, from what the order then opens.

use contracts::Result;
use contracts::mail::{MailKind, MailState, MailView};
use domain::ids::OrderId;
use domain::text::Email;
use jiff::{Timestamp, ToSpan};
use platform::documents::tuple::Key;
use platform::documents::{Collection, Entry, Put, Range};
use serde::{Deserialize, Serialize};

use super::name_of;

pub const MAILS: Collection = Collection::primary("mails");
/// Waiting mails, by when they are tried.
pub const BY_DUE: &str = "due";
/// All, by time.
pub const BY_TIME: &str = "time";
/// (state, time)
pub const BY_STATE: &str = "state";
/// (order, time)
pub const BY_ORDER: &str = "order";
/// (node): those that a node is about to hand over.
pub const BY_CLAIM: &str = "claim";

/// How long it is remembered what became of a mail: a year. The place in the log is remembered for ever, so a mail
/// that is forgotten is not sent again.
const KEPT_H: i64 = 365 * 24;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub kind: MailKind,
    pub order: OrderId,
    pub number: String,
    /// The order's language.
    pub locale: String,
    /// The shipment or refund that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// For mail to staff: who of them. A buyer's address is the order's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Email>,
    /// Set where staff asked for it: `staff:…`. Such a mail goes out even if its kind is muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    pub state: MailState,
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When the server first said "later".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_off_since: Option<Timestamp>,
    /// The node that is about to hand it over, where several could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
}

impl Record {
    pub fn put(&self, id: &str) -> Result<Put> {
        let body = serde_json::to_string(self).map_err(|error| contracts::Error::internal(error.to_string()))?;
        let mut entries = vec![
            Entry::new(BY_TIME, Key::new().time(self.created_at)),
            Entry::new(BY_STATE, Key::new().text(&name_of(&self.state)).time(self.created_at)),
            Entry::new(BY_ORDER, Key::new().text(self.order.as_str()).time(self.created_at)),
        ];
        entries.extend(self.due_at.map(|due_at| Entry::new(BY_DUE, Key::new().time(due_at))));
        entries.extend(self.claimed_by.as_ref().map(|node| Entry::new(BY_CLAIM, Key::new().text(node))));
        let ended_at = self.sent_at.unwrap_or(self.created_at);
        let expires = (self.state != MailState::Waiting).then(|| later(ended_at, KEPT_H));
        Ok(Put { collection: MAILS, id: id.to_owned(), body: body.into(), entries, expires })
    }

    pub fn claimed(self, node: &str, until: Timestamp) -> Self {
        Self { due_at: Some(until), claimed_by: Some(node.to_owned()), ..self }
    }

    /// As if nobody had been about to hand it over.
    pub fn let_go(self, due_at: Timestamp) -> Self {
        Self { due_at: Some(due_at), claimed_by: None, ..self }
    }

    pub fn sent(self, at: Timestamp) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let state = MailState::Sent;
        Self { state, attempts, problem: None, sent_at: Some(at), due_at: None, claimed_by: None, ..self }
    }

    pub fn put_off(self, until: Timestamp, problem: String) -> Self {
        let attempts = self.attempts.saturating_add(1);
        Self { attempts, problem: Some(problem), due_at: Some(until), claimed_by: None, ..self }
    }

    pub fn failed(self, problem: String) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let state = MailState::Failed;
        Self { state, attempts, problem: Some(problem), due_at: None, claimed_by: None, ..self }
    }

    pub fn view(self, id: String) -> MailView {
        let Self { kind, order, number, locale, state, attempts, problem, created_at, sent_at, due_at, .. } = self;
        MailView {
            id,
            kind,
            order,
            order_number: number,
            locale,
            state,
            attempts,
            problem,
            created_at,
            sent_at,
            due_at,
        }
    }
}

/// The mails that are due at an instant.
pub fn due_at(now: Timestamp) -> Range {
    // A time is whole microseconds, and a range leaves its end out.
    let end = now.checked_add(1.microsecond()).unwrap_or(now);
    Range::between(Key::new(), Key::new().time(end))
}

fn later(at: Timestamp, hours: i64) -> Timestamp {
    at.checked_add(hours.hours()).unwrap_or(Timestamp::MAX)
}
