//! Hands mails over when they are due, and again with growing pauses where that did not work.
//! It does not know what happened to an order; a mail is written from how the order is now.
//!
//! A server that cannot be reached says nothing about a mail: everything waits, however long that takes. A server that says "later" to
//! one mail is asked for three days; one that says "never" is believed, and staff may send the mail again.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::Result;
use contracts::mail::{MailKind, MailState};
use domain::text::Email;
use futures::{FutureExt as _, StreamExt as _};
use jiff::{Timestamp, ToSpan};
use platform::documents::tuple::Key;
use platform::documents::{Change, Conditional, Expected, Query, Range, WriteBatch};
use platform::entropy::draw;

use super::record::{BY_CLAIM, BY_DUE, MAILS, Record, due_at};
use super::settings::Sender;
use super::transport::{Letter, Refused};
use super::{Mailroom, addressee, is_callers, name_of, one_line};
use crate::machinery::stored;

/// How often the log is looked at while nothing calls.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After a failure of the store.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);
/// How long a mail is one node's that is about to send it, unless that node is known to be dead.
const CLAIMED_FOR: Duration = Duration::from_secs(120);
/// Mails of one round.
const ROUND: usize = 50;
/// Mails that dead nodes had claimed, taken back at once. A node claims only what is on its way.
const CLAIMS: usize = 100;
/// Mails on their way at once; those of one order go one after the other.
const AT_ONCE: usize = 4;
/// How long a mail is tried that the server puts off, in hours.
const TRIED_FOR_H: i64 = 72;
/// The first pause and the longest after a server could not be reached, and after it put a mail off.
const UNREACHABLE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
const LATER: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(60 * 60));
/// The longest problem that is kept, in characters.
const PROBLEM_CHARS_MAX: usize = 300;

/// Closed while the server cannot be reached.
#[derive(Debug, Default)]
pub(super) struct Gate {
    failures: u32,
    closed_until: Option<Timestamp>,
}

impl Mailroom {
    /// Follows the log and sends, until the shop closes; of several nodes, one does.
    pub async fn run(self: Arc<Self>) {
        let duty = self.machinery.duty("mail");
        let mut begun = duty.term();
        while !self.is_closing() {
            if duty.term() != begun || begun.is_none() {
                // How far others have come is read anew; between looks it is seen whether the shop closes.
                begun = None;
                if tokio::time::timeout(LOOK_EVERY, duty.begins()).await.is_ok() {
                    *self.place.lock().await = None;
                    begun = duty.term();
                    if let Err(error) = self.take_over().await {
                        tracing::warn!(%error, "what a dead node was sending is tried again later");
                    }
                }
                continue;
            }
            let pause = match self.turn().await {
                Ok(sent) if sent >= ROUND => continue,
                Ok(_) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "mail could not be looked after; trying again");
                    FAILURE_PAUSE
                }
            };
            // A mail that was asked for just now need not wait; that nobody calls is no mistake.
            let _ = tokio::time::timeout(pause, self.news.notified()).await;
        }
    }

    /// What nodes had claimed that are dead by now is due at once.
    async fn take_over(&self) -> Result<()> {
        if self.machinery.is_alone() {
            return Ok(());
        }
        let now = self.machinery.clock.now();
        let query = Query::new(MAILS, BY_CLAIM, Range::prefix(Key::new())).limit(CLAIMS);
        for document in self.machinery.documents.query(query, now).await.map_err(stored)?.documents {
            let record: Record = document.read().map_err(stored)?;
            let leases = self.machinery.projector.leases();
            if record.claimed_by.as_deref().is_none_or(|node| leases.lives(node)) {
                continue;
            }
            // Whoever changed it meanwhile knows better.
            let put = record.let_go(now).put(&document.id)?;
            let expected = Expected::Version(document.version);
            self.machinery.documents.put_if(put, expected, now).await.map_err(stored)?;
        }
        Ok(())
    }

    async fn turn(&self) -> Result<usize> {
        self.collect().await?;
        self.send_due().await
    }

    /// Tries the mails that are due, at most a round of them. Answers how many were tried.
    pub async fn send_due(&self) -> Result<usize> {
        let _round = self.round.lock().await;
        let now = self.machinery.clock.now();
        if self.gate.lock().closed_until.is_some_and(|until| until > now) {
            return Ok(0);
        }
        let (mail, _) = self.read_settings().await?;
        let shop = self.shop.settings().await?;
        if self.sender(&mail, &shop.settings).is_none() {
            return Ok(0);
        }
        let query = Query::new(MAILS, BY_DUE, due_at(now)).limit(ROUND);
        let page = self.machinery.documents.query(query, now).await.map_err(stored)?;
        let mut by_order: BTreeMap<String, Vec<(String, u64, Record)>> = BTreeMap::new();
        let mut in_turn = Vec::new();
        for document in page.documents {
            let record: Record = document.read().map_err(stored)?;
            let order = record.order.as_str().to_owned();
            let mails = by_order.entry(order.clone()).or_insert_with(|| {
                in_turn.push(order);
                Vec::new()
            });
            mails.push((document.id, document.version, record));
        }
        let orders = in_turn.into_iter().filter_map(|order| by_order.remove(&order));
        let sent = orders.map(|mails| self.send_in_turn(mails));
        Ok(futures::stream::iter(sent).buffer_unordered(AT_ONCE).fold(0, |sum, sent| async move { sum + sent }).await)
    }

    /// The mails of one order. What is not tried now stays due.
    async fn send_in_turn(&self, mails: Vec<(String, u64, Record)>) -> usize {
        let mut tried = 0;
        for (id, version, record) in mails {
            if self.is_closing()
                || self.gate.lock().closed_until.is_some_and(|until| until > self.machinery.clock.now())
            {
                break;
            }
            let kind = name_of(&record.kind);
            if let Err(error) = self.send_one(&id, version, record).await {
                tracing::warn!(mail = id, kind, %error, "a mail could not be looked after; trying again");
                break;
            }
            tried += 1;
        }
        tried
    }

    async fn send_one(&self, id: &str, version: u64, record: Record) -> Result<()> {
        let letter = match unless_it_panics(self.letter(id, &record)).await.unwrap_or_else(|| Err(unwritable())) {
            Ok(Some(letter)) => letter,
            Ok(None) => return self.drop_mail(id).await,
            Err(error) if is_callers(&error) => return self.keep(id, version, record.failed(error.message)).await,
            Err(error) => return Err(error),
        };
        self.pace.lock().await.tick().await;
        let Some(version) = self.claim(id, version, &record).await? else { return Ok(()) };
        let outcome = unless_it_panics(self.transport.send(&letter)).await;
        let outcome = outcome.unwrap_or_else(|| Err(Refused::Never(unwritable().message)));
        let now = self.machinery.clock.now();
        let record = match outcome {
            Ok(()) => {
                self.counts.sent.fetch_add(1, Ordering::Relaxed);
                *self.gate.lock() = Gate::default();
                record.sent(now)
            }
            Err(refused) => self.refused(id, record, &refused, &letter, now),
        };
        self.keep(id, version, record).await
    }

    /// Where other nodes send, too, notes that this one is about to: should it die, whoever takes over tries it again; should
    /// it stand still without being missed, another one does after a while. `None`: another one is at it, or will be.
    async fn claim(&self, id: &str, version: u64, record: &Record) -> Result<Option<u64>> {
        if self.machinery.is_alone() {
            return Ok(Some(version));
        }
        let (now, leases) = (self.machinery.clock.now(), self.machinery.projector.leases());
        let claimed = record.clone().claimed(leases.me(), after(now, CLAIMED_FOR));
        let put = self.machinery.documents.put_if(claimed.put(id)?, Expected::Version(version), now).await;
        let version = match put.map_err(stored)? {
            Conditional::Written(version) => version,
            Conditional::Differs(_) => return Ok(None),
        };
        if !leases.is_sure() {
            // It stood still meanwhile, and may be dead to the others: whoever has the duty now sends it.
            let put = record.clone().let_go(now).put(id)?;
            self.machinery.documents.put_if(put, Expected::Version(version), now).await.map_err(stored)?;
            return Ok(None);
        }
        Ok(Some(version))
    }

    fn refused(&self, id: &str, record: Record, refused: &Refused, letter: &Letter, now: Timestamp) -> Record {
        let problem = without_addresses(refused.reason(), &letter.to.address);
        let since = record.put_off_since.unwrap_or(now);
        let too_long = since.checked_add(TRIED_FOR_H.hours()).is_ok_and(|end| end <= now);
        match refused {
            Refused::Unreachable(_) => {
                let pause = self.close_gate(now);
                tracing::warn!(mail = id, problem, "the mail server cannot be reached; mail waits");
                self.counts.put_off.fetch_add(1, Ordering::Relaxed);
                record.put_off(after(now, pause), problem)
            }
            Refused::Later(_) if !too_long => {
                let pause = self.pause(LATER, record.attempts);
                let record = Record { put_off_since: Some(since), ..record };
                tracing::info!(mail = id, problem, "a mail was put off; it is tried again");
                self.counts.put_off.fetch_add(1, Ordering::Relaxed);
                record.put_off(after(now, pause), problem)
            }
            Refused::Later(_) | Refused::Never(_) => {
                tracing::warn!(mail = id, problem, "a mail was refused; staff may send it again");
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                record.failed(problem)
            }
        }
    }

    fn close_gate(&self, now: Timestamp) -> Duration {
        let failures = self.gate.lock().failures;
        let pause = self.pause(UNREACHABLE, failures);
        *self.gate.lock() = Gate { failures: failures.saturating_add(1), closed_until: Some(after(now, pause)) };
        pause
    }

    /// Twice as long each time, up to the longest; between three quarters and five quarters of that, so that not all
    /// come back at once.
    fn pause(&self, (first, longest): (Duration, Duration), failures: u32) -> Duration {
        let pause = first.saturating_mul(2_u32.saturating_pow(failures.min(20))).min(longest);
        let [jitter]: [u8; 1] = draw(self.machinery.entropy.as_ref());
        pause * 3 / 4 + pause * u32::from(jitter) / 512
    }

    /// Writes the mail, if anybody is still to get it.
    async fn letter(&self, id: &str, record: &Record) -> Result<Option<Letter>> {
        let order = self.order(&record.order).await?;
        let (mail, _) = self.read_settings().await?;
        let is_muted = mail.muted.contains(&record.kind) && record.asked_by.is_none();
        let to = addressee(record.kind, &order, record.to.clone());
        let (Some(to), false) = (to, order.erased || is_muted) else { return Ok(None) };
        let shop = self.shop.settings().await?;
        let Some(Sender { from, reply_to }) = self.sender(&mail, &shop.settings) else {
            return Err(contracts::Error::unavailable("the shop has no address to write from", 1));
        };
        let written = self.written(record.kind, &order, record.about.as_deref(), None).await?;
        let reply_to = if record.kind == MailKind::NewOrder { None } else { reply_to };
        Ok(Some(Letter {
            id: id.to_owned(),
            kind: record.kind,
            order_number: Some(record.number.clone()),
            written_at: record.created_at,
            language: written.language,
            from,
            to,
            reply_to,
            subject: one_line(&written.subject),
            text: written.text,
            html: written.html,
        }))
    }

    /// Keeps what became of a mail. It is this mailroom's alone while it is sent; somebody else's change would be a mistake that
    /// is told, and does not stop the others.
    async fn keep(&self, id: &str, version: u64, record: Record) -> Result<()> {
        let is_over = record.state != MailState::Waiting;
        let now = self.machinery.clock.now();
        let kept = self.machinery.documents.put_if(record.put(id)?, Expected::Version(version), now).await;
        match kept.map_err(stored)? {
            Conditional::Written(_) => Ok(()),
            Conditional::Differs(_) => {
                tracing::warn!(mail = id, is_over, "a mail changed while it was sent");
                Ok(())
            }
        }
    }

    async fn drop_mail(&self, id: &str) -> Result<()> {
        let changes = vec![Change::Delete { collection: MAILS, id: id.to_owned() }];
        self.machinery.documents.write(WriteBatch { changes, checkpoints: Vec::new() }).await.map_err(stored)
    }
}

/// One mail that nobody foresaw must not keep all others from being sent.
async fn unless_it_panics<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

fn unwritable() -> contracts::Error {
    contracts::Error::conflict("unwritable", "the mail could not be put together; the log says where")
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// What a server says names the address more often than not; that is the order's to keep.
fn without_addresses(reason: &str, to: &Email) -> String {
    let reason = one_line(reason);
    let words = reason.split(' ').map(|word| if word.contains('@') { "…" } else { word });
    let hidden = words.collect::<Vec<_>>().join(" ");
    let local = to.as_str().split('@').next().unwrap_or_default();
    let hidden = if local.chars().count() > 2 { hidden.replace(local, "…") } else { hidden };
    hidden.chars().take(PROBLEM_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_nobody() {
        let to = Email::parse("wilhelmina@personal.example").unwrap();
        let told = without_addresses("550 5.1.1 <wilhelmina@personal.example>: user wilhelmina\r\nunknown", &to);
        assert_eq!(told, "550 5.1.1 … user … unknown");
        assert!(without_addresses(&"x".repeat(1_000), &to).chars().count() <= PROBLEM_CHARS_MAX);
    }
}
