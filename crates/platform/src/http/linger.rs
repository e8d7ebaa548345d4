//! Reads on when an answer is ready before a long request was heard to its end, so that whoever sends it can finish and
//! then read why it was refused, instead of finding the connection cut.
//! It keeps nothing of what it reads, and does not know what was asked.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use futures::StreamExt;
use hyper::body::{Frame, SizeHint};

/// A body of this length fits the buffers between both sides, in bytes.
const SHORT: u64 = 64 << 10;
/// A longer body is cut off all the same, in bytes.
const LONG: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// The same body; what is left of a long one is read when it is let go of.
pub(super) fn to_the_end(headers: &HeaderMap, body: Body) -> Body {
    let length: Option<u64> = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(length) if (SHORT..=LONG).contains(&length) => Body::new(Lingering(body)),
        _ => body,
    }
}

struct Lingering(Body);

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        let mut rest = std::mem::take(&mut self.0).into_data_stream();
        tokio::spawn(tokio::time::timeout(PATIENCE, async move { while let Some(Ok(_)) = rest.next().await {} }));
    }
}
