//! Processes for staff: what is running, what is parked and why, and the three buttons.
//! It does not know what the steps do.

use axum::Json;
use axum::extract::State;
use contracts::Error;
use domain::ids::OrderId;
use platform::http::extract::{OptionalBody, Params, Segments};
use platform::http::lists::{Cursor, Fingerprint, Limit, Listing};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Http;
use super::staff::malformed;
use crate::http::{Answer, StaffCaller};
use crate::orders::act::acceptable;
use crate::orders::personal::{REASON_MAX, check_text};
use crate::orders::tasks::{TaskState, task_view};
use crate::orders::view::Reader;
use contracts::orders::{OrderView, ProcessOrder, TaskView};

/// A page of processes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tasks {
    pub items: Vec<TaskView>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTasks {
    /// `running` or `parked`; both, parked first, unless told.
    state: Option<String>,
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Limit,
}

/// Lists processes that are not at their end.
#[utoipa::path(
    get, path = "/api/admin/processes", tag = "processes", params(ListTasks), security(("staff_key" = [])),
    responses((status = 200, description = "A page of processes", body = Tasks))
)]
pub async fn list_processes(
    State(http): State<Http>,
    _: StaffCaller,
    Params(asked): Params<ListTasks>,
) -> Answer<Json<Tasks>> {
    let state = match asked.state.as_deref() {
        None => None,
        Some("running") => Some(TaskState::Running),
        Some("parked") => Some(TaskState::Parked),
        Some(_) => return Err(malformed("state", "running or parked").into()),
    };
    let fingerprint = Fingerprint::new("processes").with("state", asked.state.as_deref());
    let cursor = Cursor::decode_opt(asked.cursor.as_deref(), &fingerprint)?;
    let (tasks, next) = http.orders.tasks(state, cursor, asked.limit.get()).await?;
    let page = Listing::new(tasks, next, &fingerprint).map(task_view);
    Ok(Json(Tasks { items: page.items, next_cursor: page.next_cursor }))
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectBody {
    /// Kept beside the fact.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Takes a process on: `retry` its step at once, `compensate` (undo the order), or `skip` the step.
#[utoipa::path(
    post, path = "/api/admin/processes/{order}/{action}", tag = "processes", security(("staff_key" = [])),
    params(
        ("order" = String, Path, description = "The order's id"),
        ("action" = String, Path, description = "`retry`, `compensate` or `skip`"),
    ),
    request_body(content = Option<DirectBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The order after it", body = OrderView),
        (status = 409, description = "`not_parked` · `not_skippable` · `not_undoable`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn direct_process(
    State(http): State<Http>,
    StaffCaller(caller): StaffCaller,
    Segments(id, action): Segments<OrderId, String>,
    body: OptionalBody<DirectBody>,
) -> Answer<Json<OrderView>> {
    let what = match action.as_str() {
        "retry" => ProcessOrder::Retry,
        "compensate" => ProcessOrder::Compensate,
        "skip" => ProcessOrder::Skip,
        _ => return Err(Error::not_found("action").into()),
    };
    let reason = body.value.unwrap_or_default().reason;
    let mut errors = Vec::new();
    check_text(reason.as_deref(), "/reason", REASON_MAX, &mut errors);
    acceptable(errors)?;
    http.orders.existing(&id).await?;
    http.orders.direct(&id, what, reason, &caller).await?;
    Ok(Json(http.orders.view(&id, Reader::Staff).await?))
}
