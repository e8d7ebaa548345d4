//! `/orders/{order}/events`: tells a page that its order has changed, as server-sent events.
//! It does not say what changed: the page asks for itself again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::orders::Checkout;
use domain::ids::OrderId;
use futures::stream;
use platform::http::problem::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::visitor::Visitor;
use super::{Front, cookies};

/// Pages that listen at once. One more looks again by itself every now and then.
const STREAMS_MAX: usize = 2_000;
/// A stream ends after this and the browser begins another one, so that stopping a shop never waits longer.
const LASTS: Duration = Duration::from_secs(20);
/// How long a browser waits before it begins another one, in milliseconds.
const AGAIN_AFTER_MS: u32 = 1_000;
const RETRY_AFTER_S: u32 = 15;

/// Places for pages that listen.
pub struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS_MAX)))
    }
}

struct Listening {
    checkout: Arc<dyn Checkout>,
    order: OrderId,
    token: String,
    revision: String,
    until: Instant,
    /// Said first, so that a proxy passes the head on.
    greeting: bool,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn stream(State(front): State<Front>, order: Option<Path<String>>, visitor: Visitor) -> Response {
    let order = order.and_then(|Path(order)| OrderId::parse(&order).ok());
    let (Some(order), Some(token)) = (order, cookies::order_token(&visitor)) else {
        return Problem::not_found().into_response();
    };
    let Ok(place) = front.streams.0.clone().try_acquire_owned() else {
        return Problem::unavailable(RETRY_AFTER_S).into_response();
    };
    if front.services.checkout.watch(&order, &token).await.is_err() {
        return Problem::not_found().into_response();
    }
    // A browser that begins another stream says what it heard last.
    let heard = visitor.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let revision = heard.or(visitor.asked("revision")).unwrap_or_default().to_owned();
    let listening = Listening {
        checkout: front.services.checkout.clone(),
        order,
        token,
        revision,
        until: Instant::now() + LASTS,
        greeting: true,
        _place: place,
    };
    let body = Body::from_stream(stream::unfold(listening, next));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::OK, headers, body).into_response()
}

async fn next(mut listening: Listening) -> Option<(Result<Bytes, Infallible>, Listening)> {
    if listening.greeting {
        listening.greeting = false;
        return Some((Ok(Bytes::from(format!("retry: {AGAIN_AFTER_MS}\n\n"))), listening));
    }
    let left = listening.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
    let Listening { checkout, order, token, revision, .. } = &listening;
    let watched = checkout.changed(order, token, revision, left).await.ok()??;
    let event = format!("event: changed\nid: {0}\ndata: {0}\n\n", watched.revision);
    listening.revision = watched.revision;
    Some((Ok(Bytes::from(event)), listening))
}
