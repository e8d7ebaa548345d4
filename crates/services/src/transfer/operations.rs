//! Operations: long work that goes on after it was asked for, with how far it is and what came of it.
//! It does not know what is done. What a crash interrupted is told as such; doing it again is whoever asked's to decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::catalog::Listing;
use contracts::transfer::{Operation, OperationKind, OperationState, Progress, RowProblem, Severity};
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::ids::OperationId;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use platform::documents::tuple::Key;
use platform::documents::{Collection, Conditional, Document, Entry, Expected, Put, Query, Range};
use platform::http::lists::{Cursor, Fingerprint};

use crate::machinery::{Machinery, stored};

pub const OPERATIONS: Collection = Collection::primary("operations");
/// All of them, by the time at which they began.
const BY_TIME: &str = "by_time";
/// Problems that are told one by one.
pub const PROBLEMS_MAX: usize = 1_000;
/// How long an operation can be looked up.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often progress is written down.
const NOTED_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// An operation of another node that was not written down for so long is not under way any more.
const SILENT_FOR: SignedDuration = SignedDuration::from_secs(120);
const LIMIT_MAX: usize = 100;
/// How much of a bad value is told, in characters.
const VALUE_CHARS_MAX: usize = 80;

/// All operations, those under way in memory.
pub struct Operations {
    machinery: Machinery,
    running: Mutex<BTreeMap<String, Arc<Running>>>,
}

/// An operation under way.
pub struct Running {
    operation: Mutex<Operation>,
    noted_at: Mutex<Timestamp>,
}

impl Running {
    pub fn update(&self, change: impl FnOnce(&mut Operation)) {
        change(&mut self.operation.lock());
    }

    pub fn shown(&self) -> Operation {
        let mut shown = self.operation.lock().clone();
        // They come in the order in which products are done, which differs from run to run.
        shown.problems.sort_by_key(|problem| problem.line);
        shown.categories_created.sort();
        shown
    }

    /// Of as many as are told, those that came first.
    pub fn tell(&self, problem: RowProblem) {
        self.update(|operation| {
            match problem.severity {
                Severity::Error => operation.errors += 1,
                Severity::Warning => operation.warnings += 1,
            }
            if operation.problems.len() < PROBLEMS_MAX {
                operation.problems.push(problem);
            }
        });
    }
}

/// A problem with the beginning of what stood there.
pub fn problem(line: u64, severity: Severity, column: Option<&str>, error: &FieldError, value: &str) -> RowProblem {
    let shown: String = value.chars().take(VALUE_CHARS_MAX).collect();
    let is_cut = shown.len() < value.len();
    RowProblem {
        line,
        severity,
        column: column.map(ToOwned::to_owned),
        code: error.code.clone(),
        message: error.message.clone(),
        value: (!shown.is_empty()).then(|| if is_cut { format!("{shown}…") } else { shown }),
    }
}

/// An operation that is about to begin.
pub fn fresh(id: &OperationId, kind: OperationKind, unit: &str, total: u64) -> Operation {
    Operation {
        id: id.to_string(),
        kind,
        state: OperationState::Running,
        progress: Progress { done: 0, total, unit: unit.to_owned() },
        dry_run: false,
        format: None,
        currency: None,
        product: None,
        rows: 0,
        products: Default::default(),
        pictures: Default::default(),
        categories_created: Vec::new(),
        ignored_columns: Vec::new(),
        errors: 0,
        warnings: 0,
        problems: Vec::new(),
        failure: None,
        created_at: String::new(),
        updated_at: String::new(),
    }
}

impl Operations {
    pub fn new(machinery: Machinery) -> Self {
        Self { machinery, running: Mutex::default() }
    }

    /// Begins an operation, unless as many of its kind as may are under way.
    ///
    /// # Errors
    /// 409 `operation_running`, with the id of one.
    pub async fn begin(&self, mut operation: Operation, at_once_max: usize) -> Result<Arc<Running>> {
        let now = self.machinery.clock.now();
        operation.created_at = now.to_string();
        operation.updated_at = now.to_string();
        let id = operation.id.clone();
        let running = Arc::new(Running { operation: Mutex::new(operation), noted_at: Mutex::new(now) });
        {
            let mut all = self.running.lock();
            let kind = running.operation.lock().kind;
            let is_same = |other: &Running| {
                let other = other.operation.lock();
                other.kind == kind && other.state == OperationState::Running
            };
            let same: Vec<&String> = all.iter().filter(|(_, other)| is_same(other)).map(|(id, _)| id).collect();
            if let Some(other) = same.first().filter(|_| same.len() >= at_once_max) {
                let message = format!("{other} is still under way; wait for it, then ask again");
                return Err(Error::conflict("operation_running", message).with("operation", other.as_str()));
            }
            all.insert(id.clone(), running.clone());
        }
        if let Err(error) = self.note(&running).await {
            self.running.lock().remove(&id);
            return Err(error);
        }
        Ok(running)
    }

    /// Writes progress down, now and then.
    pub async fn note_now_and_then(&self, running: &Running) -> Result<()> {
        let now = self.machinery.clock.now();
        let is_due = {
            let mut noted_at = running.noted_at.lock();
            let is_due = now.duration_since(*noted_at) >= NOTED_EVERY;
            if is_due {
                *noted_at = now;
            }
            is_due
        };
        if is_due { self.note(running).await } else { Ok(()) }
    }

    /// Ends an operation, as done or as failed. Whoever sees that it has ended can begin another.
    pub async fn end(&self, running: &Running, came_of_it: Result<()>) {
        let mut ended = running.shown();
        ended.state = OperationState::Done;
        if let Err(error) = came_of_it {
            let is_ours = error.kind == Kind::Internal;
            if is_ours {
                tracing::error!(operation = ended.id, reason = error.message, "an operation failed");
            }
            ended.state = OperationState::Failed;
            ended.failure =
                Some(if is_ours { "something went wrong on the shop's side".to_owned() } else { error.message });
        }
        let id = ended.id.clone();
        match self.write(&mut ended).await {
            Ok(()) => drop(self.running.lock().remove(&id)),
            Err(error) => {
                tracing::warn!(reason = error.message, "how an operation ended could not be written down");
                running.update(|operation| *operation = ended);
            }
        }
    }

    async fn note(&self, running: &Running) -> Result<()> {
        self.write(&mut running.shown()).await
    }

    async fn write(&self, operation: &mut Operation) -> Result<()> {
        let now = self.machinery.clock.now();
        operation.updated_at = now.to_string();
        let body = serde_json::to_string(operation).map_err(|error| Error::internal(error.to_string()))?;
        let began: Timestamp = operation.created_at.parse().unwrap_or(now);
        let put = Put {
            collection: OPERATIONS,
            id: operation.id.clone(),
            body: body.into(),
            entries: vec![Entry::new(BY_TIME, Key::new().time(began))],
            expires: Some(began + KEPT_FOR),
        };
        let documents = &self.machinery.documents;
        let held = documents.get(OPERATIONS, &operation.id, now).await.map_err(stored)?;
        let expected = held.map_or(Expected::Absent, |held| Expected::Version(held.version));
        match documents.put_if(put, expected, now).await.map_err(stored)? {
            Conditional::Written(_) => Ok(()),
            Conditional::Differs(_) => Err(Error::internal("an operation was written by two at once")),
        }
    }

    pub async fn find(&self, id: &OperationId) -> Result<Option<Operation>> {
        let running = self.running.lock().get(id.as_str()).cloned();
        if let Some(running) = running {
            return Ok(Some(running.shown()));
        }
        let now = self.machinery.clock.now();
        let held = self.machinery.documents.get(OPERATIONS, id.as_str(), now).await.map_err(stored)?;
        held.as_ref().map(|document| self.read(document)).transpose()
    }

    /// The newest first; without their problems.
    pub async fn list(&self, cursor: Option<&str>, limit: usize) -> Result<Listing<Operation>> {
        let fingerprint = Fingerprint::new("operations");
        let cursor = Cursor::decode_opt(cursor, &fingerprint).map_err(|_| {
            let fields = vec![FieldError::new("/cursor", "bad_cursor", "damaged, or from another list")];
            Error { fields, ..Error::new(Kind::Malformed, "bad_cursor", "send next_cursor as it was") }
        })?;
        let query = Query::new(OPERATIONS, BY_TIME, Range::all())
            .descending()
            .limit(limit.clamp(1, LIMIT_MAX))
            .after(cursor.map(Cursor::after));
        let page = self.machinery.documents.query(query, self.machinery.clock.now()).await.map_err(stored)?;
        let mut items = page.documents.iter().map(|document| self.read(document)).collect::<Result<Vec<_>>>()?;
        items.iter_mut().for_each(|operation| operation.problems.clear());
        let next_cursor = Cursor::next_of(&page).map(|cursor| cursor.encode(&fingerprint));
        Ok(Listing { items, next_cursor })
    }

    /// One that is under way nowhere was interrupted. Other nodes tell of theirs by writing them down now and then.
    fn read(&self, document: &Document) -> Result<Operation> {
        if let Some(running) = self.running.lock().get(&document.id) {
            return Ok(running.shown());
        }
        let mut operation: Operation = document.read().map_err(stored)?;
        if operation.state == OperationState::Running && !self.may_run_elsewhere(&operation) {
            operation.state = OperationState::Interrupted;
        }
        Ok(operation)
    }

    fn may_run_elsewhere(&self, operation: &Operation) -> bool {
        let noted: Option<Timestamp> = operation.updated_at.parse().ok();
        let is_recent = |at: Timestamp| self.machinery.clock.now().duration_since(at) < SILENT_FOR;
        !self.machinery.is_alone() && noted.is_some_and(is_recent)
    }
}
