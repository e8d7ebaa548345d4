//! Facts for integrations: everything that happened in the shop, in one sequence.
//! It does not open what is sealed.

use axum::Json;
use axum::extract::State;
use contracts::orders::EventView;
use platform::http::extract::Params;
use platform::http::lists::Limit;
use platform::log::RecordedFact;
use platform::log::feed::{self, BadCursor, FeedCursor, FeedError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Http;
use super::staff::malformed;
use crate::http::{Answer, Refusal, StaffCaller};
use crate::machinery::stored;

/// A fact as staff and integrations read it.
pub fn event_view(fact: &RecordedFact) -> EventView {
    EventView {
        stream: fact.stream.to_string(),
        version: fact.version,
        kind: fact.type_name.to_string(),
        schema: fact.schema,
        time: fact.time.to_string(),
        actor: fact.cause.actor.to_string(),
        command: fact.cause.command.to_string(),
        trace_id: fact.cause.trace.as_ref().map(ToString::to_string),
        data: serde_json::from_str(&fact.body).unwrap_or(Value::Null),
    }
}

/// A part of the sequence.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Events {
    pub items: Vec<EventView>,
    /// Send it as `after` to go on; it stays the same until something new happens.
    pub next: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadEvents {
    /// Where the last answer ended (`next`); from the beginning without it.
    #[serde(default)]
    after: String,
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Limit,
}

/// Reads everything that happened, in order. Nothing is left out, and nothing comes twice.
#[utoipa::path(
    get, path = "/api/admin/events", tag = "events", params(ReadEvents), security(("staff_key" = [])),
    responses((status = 200, description = "The next facts", body = Events))
)]
pub async fn read_events(
    State(http): State<Http>,
    _: StaffCaller,
    Params(asked): Params<ReadEvents>,
) -> Answer<Json<Events>> {
    let bad_cursor = |error: BadCursor| Refusal::from(malformed("after", &error.to_string()));
    let cursor = FeedCursor::decode(&asked.after).map_err(bad_cursor)?;
    let read = feed::read(http.orders.log().as_ref(), &cursor, asked.limit.get()).await;
    let (facts, next) = read.map_err(|error| match error {
        FeedError::BadCursor(error) => bad_cursor(error),
        FeedError::Store(error) => stored(error).into(),
    })?;
    Ok(Json(Events { items: facts.iter().map(event_view).collect(), next: next.encode() }))
}
