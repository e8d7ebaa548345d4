//! What was written to the buyer and to staff about an order, for its page.
//! It does not know addresses; reading and sending anew are the mail pages' own.

use contracts::mail::{MailKind, MailState, MailView};
use domain::ids::OrderId;

use crate::admin::Admin;
use crate::admin::frame::Frame;
use crate::admin::lists::href;
use crate::admin::words::Words;

/// Mails of one order that its page shows.
const MAILS_MAX: usize = 20;

pub struct SentMail {
    pub label: &'static str,
    pub state: &'static str,
    pub tone: &'static str,
    pub at: String,
    pub problem: Option<String>,
    pub read: String,
    pub resend: String,
}

impl Admin {
    /// The newest first.
    pub async fn mails_of(&self, frame: &Frame, order: &OrderId) -> contracts::Result<Vec<SentMail>> {
        let mails = self.services.mail.mails(Some(order), None, None, MAILS_MAX).await?;
        Ok(mails.items.iter().map(|mail| sent(frame, mail)).collect())
    }
}

fn sent(frame: &Frame, mail: &MailView) -> SentMail {
    let words = frame.words.orders;
    let (state, tone) = match mail.state {
        MailState::Waiting => (words.mail_waiting, "wait"),
        MailState::Sent => (words.mail_sent, "good"),
        MailState::Failed => (words.mail_failed, "bad"),
    };
    let order = mail.order.to_string();
    let asked = [("kind", name(mail.kind)), ("order", order.as_str())];
    SentMail {
        label: label(frame.words, mail.kind),
        state,
        tone,
        at: frame.times.minute(mail.sent_at.unwrap_or(mail.created_at)),
        problem: mail.problem.clone().filter(|_| mail.state != MailState::Sent),
        read: href("/admin/mail/read", &asked),
        resend: href("/admin/mail/resend", &[asked[0], asked[1], ("number", &mail.order_number)]),
    }
}

fn name(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Placed => "placed",
        MailKind::Shipped => "shipped",
        MailKind::Cancelled => "cancelled",
        MailKind::Refunded => "refunded",
        MailKind::NewOrder => "new_order",
    }
}

fn label(words: &Words, kind: MailKind) -> &'static str {
    let words = words.orders;
    match kind {
        MailKind::Placed => words.mail_placed,
        MailKind::Shipped => words.mail_shipped,
        MailKind::Cancelled => words.mail_cancelled,
        MailKind::Refunded => words.mail_refunded,
        MailKind::NewOrder => words.mail_new_order,
    }
}
