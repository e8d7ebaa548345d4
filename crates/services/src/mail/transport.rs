//! The port by which letters leave the shop.
//! It does not know orders, nor how often a letter is tried.

use async_trait::async_trait;
use contracts::mail::MailKind;
use domain::text::Email;
use jiff::Timestamp;

/// Somebody who writes or is written to.
#[derive(Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// One line.
    pub name: Option<String>,
    pub address: Email,
}

/// A mail, ready to go. Personal: it lives only as long as it takes to hand it over.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The same for every attempt, so that a receiver can tell that it has it already. Letters, digits and hyphens.
    pub id: String,
    pub kind: MailKind,
    /// `None` for a letter that is tried out.
    pub order_number: Option<String>,
    pub written_at: Timestamp,
    /// BCP 47.
    pub language: &'static str,
    pub from: Correspondent,
    pub to: Correspondent,
    pub reply_to: Option<Email>,
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Why a letter was not taken, in the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Nobody answers, or we may not come in: it says nothing about the letter.
    Unreachable(String),
    /// Not now.
    Later(String),
    /// Not this letter, not ever.
    Never(String),
}

impl Refused {
    pub fn reason(&self) -> &str {
        let (Self::Unreachable(reason) | Self::Later(reason) | Self::Never(reason)) = self;
        reason
    }
}

/// Hands letters over.
#[async_trait]
pub trait Transport: Send + Sync {
    /// `Ok`: somebody else answers for the letter now. The same letter may come again after an answer was lost.
    async fn send(&self, letter: &Letter) -> Result<(), Refused>;

    /// Destroys the copies of an order's letters that are still in our hands, where there are any.
    async fn forget(&self, order_number: &str) -> Result<(), Refused>;

    /// Where letters go, for staff: a folder, or a server's name and port.
    fn describe(&self) -> String;

    /// Who writes for a shop that has no address of its own; `None`: then nobody does.
    fn stand_in_sender(&self) -> Option<Email>;
}
