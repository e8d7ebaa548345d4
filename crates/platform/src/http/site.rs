//! What is served: routes, and the edge in front of them.
//! It does not know connections.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use futures::future::{BoxFuture, Either, Ready, ready};
use tower::ServiceExt;

use super::{AtEdge, Conventions};

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
        let mut waiting = None;
        if let Some(conventions) = &self.conventions {
            match conventions.look_at_edge(&parts) {
                AtEdge::Answer { kept, visit } => {
                    if let Some(answer) = conventions.answer_at_edge(&kept, visit, &mut parts) {
                        return Either::Left(ready(answer));
                    }
                }
                AtEdge::AfterAsking { kept, visit, client } => {
                    waiting = Some((conventions.clone(), kept, visit, client))
                }
                AtEdge::Nothing => {}
            }
        }
        let routes = self.routes.clone();
        Either::Right(Box::pin(async move {
            if let Some((conventions, kept, mut visit, client)) = waiting {
                conventions.ask_others(&mut visit, client).await;
                if let Some(answer) = conventions.answer_at_edge(&kept, visit, &mut parts) {
                    return answer;
                }
            }
            let Ok(answer) = routes.oneshot(Request::from_parts(parts, Body::new(body))).await;
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
