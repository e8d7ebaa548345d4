//! Mail about orders: what was sent, what waits, and how it reads.
//! It does not know how mail travels. Mail waits until it was sent: a server that is down delays it, nothing is lost.

use async_trait::async_trait;
use domain::ids::OrderId;
use domain::locale::Locale;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::{Listing, Result};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    Placed,
    Shipped,
    Cancelled,
    Refunded,
    /// To staff.
    NewOrder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// It will be sent, or tried again.
    Waiting,
    Sent,
    /// The server refused it for good; staff can send it again.
    Failed,
}

/// A mail as staff see it. It names no address: that is the order's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    pub id: String,
    pub kind: MailKind,
    pub order: OrderId,
    pub order_number: String,
    pub locale: String,
    pub state: MailState,
    pub attempts: u32,
    /// What the server said last.
    pub problem: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
}

/// A mail as it reads.
#[derive(Clone, PartialEq, Eq)]
pub struct MailPreview {
    pub from: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// From whom mail comes, and who of the staff is told. The server's address is the operator's setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailSettings {
    /// The shop's name unless told.
    pub from_name: Option<String>,
    /// Without one, mail waits.
    pub from_address: Option<String>,
    pub reply_to: Option<String>,
    /// Who is told of new orders, at most 20.
    pub staff: Vec<String>,
    /// Kinds that are not sent.
    pub muted: Vec<MailKind>,
}

#[async_trait]
pub trait Mail: Send + Sync {
    /// The newest first; of one order, or in one state.
    async fn mails(
        &self,
        order: Option<&OrderId>,
        state: Option<MailState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<MailView>>;

    /// How a mail about an order reads; without an order, about one that is made up. `locale`: the order's unless told.
    async fn preview(&self, kind: MailKind, order: Option<&OrderId>, locale: Option<&Locale>) -> Result<MailPreview>;

    /// Sends a mail about an order anew, once per `once`.
    async fn resend(&self, kind: MailKind, order: &OrderId, once: &str, caller: &Caller) -> Result<MailView>;

    /// Sends a made-up mail to an address at once, and says what the server said.
    async fn try_out(&self, to: &str) -> Result<()>;

    /// Where mail goes: a folder, or a server's name and port.
    fn transport(&self) -> String;

    async fn settings(&self) -> Result<(MailSettings, u64)>;

    /// On the version that was seen; answers the new one.
    async fn replace_settings(&self, settings: MailSettings, seen: u64) -> Result<u64>;
}
