//! Follows the log and notes which mails are due: from a checkpoint of its own, written together with what it led to, so
//! that a fact causes its mails once, whatever is interrupted or built anew.
//! It does not write the mails' texts.

use contracts::mail::{MailKind, MailSettings};
use contracts::orders::OrderView;
use contracts::{Error, Result};
use domain::ids::OrderId;
use domain::locale::Locale;
use domain::order::Fact;
use domain::text::Email;
use jiff::Timestamp;
use platform::documents::tuple::Key;
use platform::documents::{Change, Checkpoint, Put, Query, Range, WriteBatch};
use platform::log::RecordedFact;
use platform::store::StoreError;

use super::news::{self, News};
use super::record::{BY_DUE, BY_ORDER, MAILS, Record, due_at};
use super::{MailState, Mailroom, hex, name_of};
use crate::machinery::stored;

/// Its name among those who follow the log.
const CHECKPOINT: &str = "mail";
/// Facts per read.
const READ_CHUNK: usize = 500;
/// Mails that are due and not sent; with so many the rest stays in the log until they are fewer.
const BACKLOG: usize = 200;
/// Waiting mails of one order that are given up together.
const MAILS_OF_AN_ORDER: usize = 1_000;

impl Mailroom {
    /// Finds its place in the log. A shop that never had mail begins at the end: nobody is told old news.
    pub async fn begin(&self) -> Result<()> {
        let mut place = self.place.lock().await;
        let shards = self.machinery.executor.log().shards().await.map_err(stored)?;
        let documents = &self.machinery.documents;
        let mut checkpoints = documents.checkpoints(CHECKPOINT).await.map_err(stored)?;
        if checkpoints.is_empty() {
            let heads = shards.iter().map(|info| Checkpoint::first(CHECKPOINT, info.shard, info.head)).collect();
            match documents.write(WriteBatch { changes: Vec::new(), checkpoints: heads }).await {
                // Another node began just now.
                Ok(()) | Err(StoreError::Overtaken(_)) => {}
                Err(error) => return Err(stored(error)),
            }
            checkpoints = documents.checkpoints(CHECKPOINT).await.map_err(stored)?;
        }
        let mut positions = vec![None; shards.len()];
        for point in checkpoints {
            if let Some(position) = positions.get_mut(usize::from(point.shard)) {
                *position = Some(point.position);
            }
        }
        *place = Some(positions);
        Ok(())
    }

    /// Follows the log to its end, or until enough is waiting. Answers how many mails are new.
    pub async fn collect(&self) -> Result<usize> {
        if self.place.lock().await.is_none() {
            self.begin().await?;
        }
        let mut place = self.place.lock().await;
        let Some(mut positions) = place.take() else { return Ok(0) };
        let mut found = 0;
        // On a failure the place is read again: what was written may be further than what is known here.
        for info in self.machinery.executor.log().shards().await.map_err(stored)? {
            let Some(at) = positions.get_mut(usize::from(info.shard)) else { continue };
            while at.unwrap_or(0) < info.head {
                if self.due(BACKLOG).await? >= BACKLOG {
                    *place = Some(positions);
                    return Ok(found);
                }
                let log = self.machinery.executor.log();
                let facts = log.read_shard(info.shard, at.unwrap_or(0), READ_CHUNK).await.map_err(stored)?;
                let Some(last) = facts.last() else { break };
                let reached = last.position;
                let moved = Checkpoint { from: *at, ..Checkpoint::first(CHECKPOINT, info.shard, reached) };
                found += self.note(&facts, moved).await?;
                *at = Some(reached);
            }
        }
        *place = Some(positions);
        Ok(found)
    }

    /// How many mails could be sent now, counted up to a limit.
    async fn due(&self, limit: usize) -> Result<usize> {
        let now = self.machinery.clock.now();
        let query = Query::new(MAILS, BY_DUE, due_at(now)).limit(limit);
        Ok(self.machinery.documents.query(query, now).await.map_err(stored)?.documents.len())
    }

    /// Writes the mails that some facts cause, and how far it has come.
    async fn note(&self, facts: &[RecordedFact], reached: Checkpoint) -> Result<usize> {
        let mut puts: Vec<Put> = Vec::new();
        let mut changes = Vec::new();
        for fact in facts.iter().filter(|fact| news::may_be_news(&fact.type_name)) {
            let Ok(order) = OrderId::from_key(&fact.stream.key()) else { continue };
            for news in self.news(fact).await? {
                match news {
                    News::Mail { kind, about } => puts.extend(self.caused(kind, about, fact, &order).await?),
                    News::Erased => {
                        let gone = self.give_up(&order).await?;
                        puts.retain(|put| !put.id.starts_with(order.key()));
                        changes.extend(gone.into_iter().map(|id| Change::Delete { collection: MAILS, id }));
                    }
                }
            }
        }
        let ids: Vec<String> = puts.iter().map(|put| put.id.clone()).collect();
        let there = self.machinery.documents.get_many(MAILS, &ids, Timestamp::MIN).await.map_err(stored)?;
        puts.retain(|put| !there.iter().any(|document| document.id == put.id));
        let found = puts.len();
        changes.extend(puts.into_iter().map(Change::Put));
        let checkpoints = vec![reached];
        self.machinery.documents.write(WriteBatch { changes, checkpoints }).await.map_err(stored)?;
        Ok(found)
    }

    /// What a fact has to tell.
    async fn news(&self, recorded: &RecordedFact) -> Result<Vec<News>> {
        let decoded = self.machinery.executor.kinds().decode(recorded);
        let decoded = decoded.map_err(|error| Error::internal(error.to_string()))?;
        let Some(fact) = decoded.downcast_ref::<Fact>() else { return Ok(Vec::new()) };
        let was_confirmed = matches!(fact, Fact::Cancelled {}) && self.was_confirmed(recorded).await?;
        Ok(news::of(fact, was_confirmed))
    }

    async fn was_confirmed(&self, fact: &RecordedFact) -> Result<bool> {
        let log = self.machinery.executor.log();
        let mut after = 0;
        loop {
            let before = log.read_stream(&fact.stream, after, READ_CHUNK).await.map_err(stored)?;
            if before.iter().any(|earlier| &*earlier.type_name == "order.confirmed") {
                return Ok(true);
            }
            match before.last() {
                Some(last) if before.len() == READ_CHUNK => after = last.version,
                _ => return Ok(false),
            }
        }
    }

    /// The mails of one kind that a fact causes: none, one to the buyer, or one to each who is told of the staff.
    async fn caused(
        &self,
        kind: MailKind,
        about: Option<String>,
        fact: &RecordedFact,
        order: &OrderId,
    ) -> Result<Vec<Put>> {
        let (settings, _) = self.read_settings().await?;
        let to = recipients(kind, &settings);
        if to.is_empty() {
            return Ok(Vec::new());
        }
        let view = self.order(order).await?;
        if !news::is_told(kind, &view) {
            return Ok(Vec::new());
        }
        let put = |to: Option<Email>| {
            let mut id = format!("{}-{}-{}", order.key(), fact.version, name_of(&kind).replace('_', "-"));
            if let Some(to) = &to {
                let hash = self.machinery.vault.master().hash("mail to staff", &[to.normalized().as_bytes()]);
                id.push('-');
                id.push_str(&hex(&hash[..4]));
            }
            self.record(kind, &view, about.clone(), to, fact.time)?.put(&id)
        };
        to.into_iter().map(put).collect()
    }

    /// A mail that waits.
    pub(super) fn record(
        &self,
        kind: MailKind,
        order: &OrderView,
        about: Option<String>,
        to: Option<Email>,
        at: Timestamp,
    ) -> Result<Record> {
        let id = OrderId::parse(&order.id).map_err(|error| Error::internal(error.to_string()))?;
        let locale = order.locale.as_deref().and_then(|text| Locale::parse(text).ok());
        Ok(Record {
            kind,
            order: id,
            number: order.number.clone(),
            locale: locale.map(|locale| locale.as_str().to_owned()).unwrap_or_default(),
            about,
            to,
            asked_by: None,
            state: MailState::Waiting,
            attempts: 0,
            problem: None,
            created_at: at,
            sent_at: None,
            due_at: Some(at),
            put_off_since: None,
            claimed_by: None,
        })
    }

    /// Destroys the copies of an order's mails that are still in our hands.
    pub async fn forget(&self, order: &OrderId) -> Result<()> {
        let number = self.order(order).await?.number;
        let forgotten = self.transport.forget(&number).await;
        forgotten.map_err(|refused| Error::unavailable(refused.reason(), 1))
    }

    /// Destroys what is still here of an order's mails; answers the ids of those that wait.
    async fn give_up(&self, order: &OrderId) -> Result<Vec<String>> {
        let range = Range::prefix(Key::new().text(order.as_str()));
        let query = Query::new(MAILS, BY_ORDER, range).limit(MAILS_OF_AN_ORDER);
        let page = self.machinery.documents.query(query, self.machinery.clock.now()).await.map_err(stored)?;
        self.forget(order).await?;
        let waiting = page.documents.into_iter().filter_map(|document| match document.read::<Record>() {
            Ok(record) if record.state == MailState::Waiting => Some(document.id),
            _ => None,
        });
        Ok(waiting.collect())
    }
}

/// `None` stands for the buyer.
fn recipients(kind: MailKind, settings: &MailSettings) -> Vec<Option<Email>> {
    if settings.muted.contains(&kind) {
        return Vec::new();
    }
    match kind {
        MailKind::NewOrder => settings.staff.iter().filter_map(|text| Email::parse(text).ok()).map(Some).collect(),
        _ => vec![None],
    }
}
