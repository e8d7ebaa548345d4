//! `/admin/processes`: what is under way by itself, what waits for staff, and how they take it on.
//! It does not know how a step is done or undone.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use contracts::Error;
use contracts::orders::{OrderView, ProcessOrder, ProcessState, TaskView};
use domain::ids::OrderId;
use futures::TryStreamExt;
use platform::http::extract::{Params, Segments};
use platform::http::problem::Problem;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::csv;
use super::flash::Flash;
use super::form::Form;
use super::frame::Frame;
use super::lists::{Choice, Pager, href};
use super::order::shown::{can_skip, can_undo, left_to_ship};
use super::session::Session;
use super::sheet::Sheet;
use super::words::fill;

const ROWS: usize = 50;
const COLUMNS: [&str; 9] = ["order", "number", "state", "step", "attempts", "reason", "since", "due_at", "test"];

pub fn router() -> Router<Admin> {
    Router::new().route("/admin/processes", get(show)).route("/admin/processes/{order}/{action}", get(ask).post(direct))
}

#[derive(Template)]
#[template(path = "admin/processes/list.html")]
struct ProcessesPage {
    frame: Frame,
    views: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
    only_parked: bool,
}

struct Row {
    order: String,
    number: String,
    is_parked: bool,
    can_retry: bool,
    can_skip: bool,
    can_undo: bool,
    is_test: bool,
    step: String,
    reason: String,
    attempts: u32,
    since: String,
    due_at: String,
}

#[derive(Template)]
#[template(path = "admin/processes/sheet.html")]
struct DirectSheet {
    frame: Frame,
    sheet: Sheet,
    wants_reason: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    state: String,
    cursor: Option<String>,
    format: String,
}

impl Asked {
    fn state(&self) -> Option<ProcessState> {
        match self.state.as_str() {
            "running" => Some(ProcessState::Running),
            "parked" => Some(ProcessState::Parked),
            _ => None,
        }
    }
}

async fn show(State(admin): State<Admin>, session: Session, asked: Result<Params<Asked>, Problem>) -> Answer {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let state = asked.state();
    let orders = admin.services.orders.clone();
    if asked.format == "csv" {
        let rows = csv::all(move |cursor| {
            let orders = orders.clone();
            async move { orders.processes(state, cursor.as_deref(), csv::ROWS_AT_A_TIME).await }
        });
        return Ok(csv::download("processes.csv", &COLUMNS, rows.map_ok(|task| cells(&task))));
    }
    let tasks = orders.processes(state, asked.cursor.as_deref(), ROWS).await?;
    let frame = admin.frame(&session, session.words.frame.processes).await?;
    let mut rows = Vec::with_capacity(tasks.items.len());
    for task in &tasks.items {
        let id = OrderId::parse(&task.order_id).map_err(|error| Error::internal(error.to_string()))?;
        rows.push(row(&frame, task, &admin.order(&id).await?));
    }
    let pairs = [("state", asked.state.as_str())];
    let words = session.words.processes;
    let view = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        href: href("/admin/processes", &[("state", value)]),
        is_current: asked.state == value,
    };
    let page = ProcessesPage {
        views: vec![view("", words.all), view("parked", words.parked), view("running", words.running)],
        rows,
        pager: Pager::new("/admin/processes", &pairs, asked.cursor.as_deref(), tasks.next_cursor.as_deref()),
        only_parked: state == Some(ProcessState::Parked),
        frame,
    };
    Ok(answer::page(&page))
}

/// `order`: what the process belongs to; the list of processes forgets numbers of orders that were at their end before.
fn row(frame: &Frame, task: &TaskView, order: &OrderView) -> Row {
    let is_parked = task.state == "parked";
    let time = |at: &Option<String>| at.as_deref().map(|at| frame.times.of_text(at)).unwrap_or_default();
    Row {
        order: task.order_id.clone(),
        number: order.number.clone(),
        is_parked,
        // A step that failed and is tried again later: staff need not wait.
        can_retry: is_parked || task.attempts > 0,
        can_skip: can_skip(order),
        can_undo: is_parked && can_undo(order),
        is_test: task.test,
        step: task.step.as_deref().map(|step| frame.words.happening(step)).unwrap_or_default(),
        reason: task.reason.clone().unwrap_or_default(),
        attempts: task.attempts,
        since: time(&task.since),
        due_at: time(&task.due_at),
    }
}

fn cells(task: &TaskView) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        task.order_id.clone(),
        text(&task.number),
        task.state.clone(),
        text(&task.step),
        task.attempts.to_string(),
        text(&task.reason),
        text(&task.since),
        text(&task.due_at),
        task.test.to_string(),
    ]
}

type Names = Result<Segments<OrderId, String>, Problem>;

fn read(names: Names) -> contracts::Result<(OrderId, ProcessOrder, &'static str)> {
    let Segments(id, action) = names.map_err(|_| Error::not_found("order"))?;
    match action.as_str() {
        "retry" => Ok((id, ProcessOrder::Retry, "retry")),
        "compensate" => Ok((id, ProcessOrder::Compensate, "compensate")),
        "skip" => Ok((id, ProcessOrder::Skip, "skip")),
        _ => Err(Error::not_found("action")),
    }
}

async fn ask(State(admin): State<Admin>, session: Session, names: Names) -> Answer {
    let (id, what, name) = read(names)?;
    let order = admin.order(&id).await?;
    admin.direct_sheet(&session, &order, (what, name), Form::default(), StatusCode::OK).await
}

async fn direct(State(admin): State<Admin>, session: Session, names: Names, mut form: Form) -> Answer {
    let (id, what, name) = read(names)?;
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    let back = format!("/admin/orders/{id}");
    if !admin.seen.first(&once) {
        return Ok(answer::see_other(&back));
    }
    match admin.services.orders.direct(&id, what, form.text("reason"), &session.caller()).await {
        Ok(order) => Ok(admin.done(&back, &told(&session, what, &order))),
        Err(error) => {
            admin.seen.forget(&once);
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            let order = admin.order(&id).await?;
            admin.direct_sheet(&session, &order, (what, name), form, status).await
        }
    }
}

fn told(session: &Session, what: ProcessOrder, order: &OrderView) -> Flash {
    let words = session.words.processes;
    let parked = order.process.as_ref().filter(|process| process.state == "parked");
    match (what, parked) {
        (ProcessOrder::Retry, Some(process)) => {
            Flash::bad(fill(words.still_parked, &[process.reason.as_deref().unwrap_or_default()]))
        }
        (ProcessOrder::Retry, None) => Flash::good(words.done_retry),
        (ProcessOrder::Skip, _) => Flash::good(words.done_skip),
        (ProcessOrder::Compensate, _) => Flash::good(words.done_compensate),
    }
}

impl Admin {
    async fn direct_sheet(
        &self,
        session: &Session,
        order: &OrderView,
        (what, name): (ProcessOrder, &str),
        form: Form,
        status: StatusCode,
    ) -> Answer {
        let words = session.words.processes;
        let (title, button) = match what {
            ProcessOrder::Retry => (words.retry_title, words.retry),
            ProcessOrder::Compensate => (words.compensate_title, words.compensate),
            ProcessOrder::Skip => (words.skip_title, words.skip),
        };
        let frame = self.frame(session, title).await?;
        let number = fill(session.words.orders.order_number, &[&order.number]);
        let back = format!("/admin/orders/{}", order.id);
        let frame = frame.below("/admin/processes", session.words.frame.processes).below(back.clone(), number);
        let action = format!("/admin/processes/{}/{name}", order.id);
        let mut sheet = Sheet::new(&frame, action, back, form).button(button);
        if let Some(process) = &order.process {
            if let Some(step) = &process.step {
                sheet = sheet.says(fill(words.at_step, &[&session.words.happening(step)]));
            }
            if let Some(reason) = &process.reason {
                sheet = sheet.says(fill(words.failed_with, &[reason]));
            }
        }
        let sheet = match what {
            ProcessOrder::Retry => sheet.says(words.says_retry).says(words.says_retry_again),
            ProcessOrder::Skip => sheet.says(words.says_skip).says(words.says_skip_not).grave(),
            ProcessOrder::Compensate => {
                let pieces: u32 = order.lines.iter().map(left_to_ship).sum();
                let undo = fill(words.says_compensate, &[&pieces.to_string()]);
                sheet.says(undo).says(words.says_compensate_mail).says(words.says_compensate_only).grave()
            }
        };
        let wants_reason = what != ProcessOrder::Retry;
        Ok(answer::page_with(status, &DirectSheet { frame, sheet, wants_reason }))
    }
}
