//! What is served: routes, and the edge in front of them.
//! It does not know connections.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
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

    /// The answer of the edge; without one, that of a route.
    pub async fn answer<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        if let Some(conventions) = &self.conventions
            && let Some(answer) = conventions.answer_at_edge(&mut parts)
        {
            return answer;
        }
        let Ok(answer) = self.routes.clone().oneshot(Request::from_parts(parts, Body::new(body))).await;
        answer
    }
}

impl From<Router> for Site {
    /// Routes alone.
    fn from(routes: Router) -> Site {
        Site { routes, conventions: None }
    }
}
