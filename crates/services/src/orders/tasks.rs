//! The derived collection of orders whose process is not at its end: what the sweeper looks at, and staff.
//! It holds just enough to tell what is open; the order's own facts decide what is done about it.

use std::collections::BTreeSet;

use contracts::orders::TaskView;
use domain::order::checkout::GRACE;
use domain::order::{Cancellation, Fact, StepKind};
use jiff::Timestamp;
use platform::documents::tuple::Key;
use platform::documents::{Collection, Entry};
use platform::log::executor::CommittedFact;
use platform::projection::Projection;
use serde::{Deserialize, Serialize};

use super::OrderKind;

pub const TASKS: Collection = Collection::derived("order_tasks");
/// When a sweeper should look.
pub const BY_DUE: &str = "due";
/// `running` or `parked`, by time.
pub const BY_STATE: &str = "state";

/// What is open in one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub order: String,
    #[serde(default)]
    pub number: Option<String>,
    pub state: TaskState,
    /// What is being done, in the order in which it will be.
    pub open: BTreeSet<Open>,
    pub attempts: u32,
    pub step: Option<StepKind>,
    pub reason: Option<String>,
    pub since: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
    pub test: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    #[default]
    Running,
    Parked,
}

impl TaskState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
        }
    }
}

/// One thing that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    Placing,
    Undoing,
    Capture(String),
    Ship(String),
    Refund(String),
    Restock(String),
}

/// A task as staff see it.
pub fn task_view(task: Task) -> TaskView {
    TaskView {
        order_id: task.order,
        number: task.number,
        state: task.state.as_str().to_owned(),
        step: task.step.map(|step| step.as_str().to_owned()),
        attempts: task.attempts,
        reason: task.reason,
        since: task.since.map(|at| at.to_string()),
        due_at: task.due_at.map(|at| at.to_string()),
        test: task.test,
    }
}

pub struct OrderTasks;

impl Projection for OrderTasks {
    const NAME: &'static str = "order_tasks";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = TASKS;
    type Doc = Task;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        if fact.stream.kind() == "order" { vec![fact.stream.key()] } else { Vec::new() }
    }

    fn fold(&self, id: &str, document: Option<Task>, event: &CommittedFact) -> Option<Task> {
        let Some(fact) = event.of::<OrderKind>() else { return document };
        let mut task = document.unwrap_or_else(|| Task { order: format!("ord_{id}"), ..Task::default() });
        note(&mut task, fact);
        if task.open.is_empty() {
            return None;
        }
        match fact {
            Fact::StepFailed { step, attempt, reason, retry_at } => {
                task.attempts = *attempt;
                task.step = Some(*step);
                task.reason = Some(reason.clone());
                task.due_at = Some(*retry_at);
            }
            Fact::Parked { step, reason } => {
                task.state = TaskState::Parked;
                task.step = Some(*step);
                task.reason = Some(reason.clone());
                task.due_at = None;
            }
            Fact::ActionRequired { expires_at, .. } => task.due_at = Some(*expires_at),
            // Notes and the like do not move the process.
            Fact::Noted { .. } | Fact::Erased {} | Fact::Delivered { .. } => {}
            _ => {
                if task.state == TaskState::Running || moves_parked(fact) {
                    task.state = TaskState::Running;
                    task.attempts = 0;
                    task.step = None;
                    task.reason = None;
                    task.due_at = Some(event.time.saturating_add(GRACE).unwrap_or(Timestamp::MAX));
                }
            }
        }
        task.since.get_or_insert(event.time);
        Some(task)
    }

    fn entries(&self, _id: &str, task: &Task) -> Vec<Entry> {
        let since = task.since.unwrap_or(Timestamp::MIN);
        let state = Entry::new(BY_STATE, Key::new().text(task.state.as_str()).time(since));
        let due = task.due_at.map(|due_at| Entry::new(BY_DUE, Key::new().time(due_at)));
        std::iter::once(state).chain(due).collect()
    }
}

/// Whether a fact takes a parked process on.
fn moves_parked(fact: &Fact) -> bool {
    matches!(fact, Fact::Resumed {} | Fact::StepSkipped { .. } | Fact::CancellationRequested { .. })
}

/// Opens and closes what a fact opens and closes.
fn note(task: &mut Task, fact: &Fact) {
    let open = &mut task.open;
    match fact {
        Fact::Placed { placement } => {
            task.number = Some(placement.number.to_string());
            task.test = placement.payment.test;
            open.insert(Open::Placing);
        }
        Fact::Confirmed {} | Fact::Rejected { .. } => {
            open.remove(&Open::Placing);
        }
        Fact::CancellationRequested { why } => {
            let is_by_staff = matches!(why, Cancellation::ByStaff { .. });
            open.remove(&Open::Placing);
            if is_by_staff {
                open.retain(|entry| matches!(entry, Open::Undoing));
            }
            open.insert(Open::Undoing);
        }
        Fact::Cancelled {} => open.clear(),
        Fact::CaptureRequested { request, .. } => {
            open.insert(Open::Capture(request.clone()));
        }
        Fact::Captured { request } | Fact::CaptureFailed { request, .. } => {
            open.remove(&Open::Capture(request.clone()));
        }
        Fact::Shipped { shipment } => {
            open.insert(Open::Ship(shipment.id.to_string()));
        }
        Fact::StockShipped { shipment } => {
            open.remove(&Open::Ship(shipment.to_string()));
        }
        Fact::RefundRequested { refund } => {
            open.insert(Open::Refund(refund.id.to_string()));
            if refund.moves_stock() {
                open.insert(Open::Restock(refund.id.to_string()));
            }
        }
        Fact::Refunded { refund } => {
            open.remove(&Open::Refund(refund.to_string()));
        }
        Fact::RefundFailed { refund, .. } => {
            open.remove(&Open::Refund(refund.to_string()));
            open.remove(&Open::Restock(refund.to_string()));
        }
        Fact::Restocked { refund } => {
            open.remove(&Open::Restock(refund.to_string()));
        }
        Fact::StepSkipped { step, .. } => pass_over(open, *step),
        _ => {}
    }
}

/// What the state of an order does with a skipped step: the first of its kind counts as seen to.
fn pass_over(open: &mut BTreeSet<Open>, step: StepKind) {
    let is_kind = |entry: &Open| match step {
        StepKind::Capture => matches!(entry, Open::Capture(_)),
        StepKind::ShipStock => matches!(entry, Open::Ship(_)),
        StepKind::Refund => matches!(entry, Open::Refund(_)),
        StepKind::Restock => matches!(entry, Open::Restock(_)),
        _ => false,
    };
    let Some(first) = open.iter().find(|entry| is_kind(entry)).cloned() else { return };
    open.remove(&first);
    if let Open::Refund(refund) = first {
        open.remove(&Open::Restock(refund));
    }
}
