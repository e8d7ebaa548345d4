//! What is served: routes, and the edge in front of them.
//! It does not know connections.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use futures::future::{BoxFuture, Either, Ready, ready};
use tower::ServiceExt;

use super::Conventions;

/// Cheap to clone.
#[derive(Clone)]
pub struct Site {
    routes: Router,
    conventions: Option<Arc<Conventions>>,
}

impl Site {
    /// `routes` have these conventions around them.
    pub fn new(routes: Router, conventions: Arc<Conventions>) -> Site {
        Site { routes, conventions: Some(conventions) }
    }

    /// The answer of the edge, at once; without one, that of a route.
    pub fn answer<B>(&self, request: Request<B>) -> Either<Ready<Response>, BoxFuture<'static, Response>>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        let at_edge = self.conventions.as_ref().and_then(|conventions| conventions.answer_at_edge(&mut parts));
        if let Some(answer) = at_edge {
            return Either::Left(ready(answer));
        }
        let routed = self.routes.clone().oneshot(Request::from_parts(parts, Body::new(body)));
        Either::Right(Box::pin(async move {
            let Ok(answer) = routed.await;
            answer
        }))
    }
}

impl From<Router> for Site {
    /// Routes alone.
    fn from(routes: Router) -> Site {
        Site { routes, conventions: None }
    }
}
