//! How this server speaks HTTP: problems, bodies, lists, tags, keys for repeating, limits, traces.
//! It does not know what is served; the services bring the routes.

pub mod compress;
pub mod etag;
pub mod extract;
mod fallback;
pub mod guard;
pub mod idempotency;
pub mod limits;
pub mod lists;
pub mod metrics;
pub mod problem;
pub mod rate;
pub mod serve;
pub mod trace;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use tokio::time::Instant;
use tower::ServiceBuilder;
use tracing::Instrument;

use self::guard::Guard;
use self::limits::{Limits, Place};
use self::metrics::{HttpMetrics, Registry};
use self::problem::Problem;
use self::rate::{RateLimiter, Spent};
use self::trace::RequestContext;
use crate::entropy::Entropy;

/// An answer that is made once and given to many.
pub use crate::cache::{Finished, Weigh};

/// Whether a request passes although its client has asked too often: staff's, say. Asked only then, so it may take a
/// look-up.
pub type IsExempt = Arc<dyn Fn(&Parts) -> BoxFuture<'static, bool> + Send + Sync>;

/// What the conventions need to know.
pub struct Config {
    pub entropy: Arc<dyn Entropy>,
    pub metrics: Arc<Registry>,
    pub limits: Limits,
    pub guard: Guard,
    /// Proxies in front that say truly for whom they ask.
    pub trusted_proxies: Vec<IpAddr>,
    pub rate: Option<RateLimiter>,
    pub rate_exempt: IsExempt,
    /// Whether requests from this machine are counted, too.
    pub rate_on_loopback: bool,
}

impl Config {
    /// The defaults: no other site, no proxy, no rate limit.
    pub fn new(entropy: Arc<dyn Entropy>, metrics: Arc<Registry>) -> Config {
        Config {
            entropy,
            metrics,
            limits: Limits::default(),
            guard: Guard::default(),
            trusted_proxies: Vec::new(),
            rate: None,
            rate_exempt: Arc::new(|_| Box::pin(std::future::ready(false))),
            rate_on_loopback: false,
        }
    }
}

/// Puts the conventions around all routes that the router has by now. Call it last.
///
/// From the outside in: tag, compression, then [`converse`], then the body limit of routes that set none of their own.
pub fn conventions(router: Router, config: Config) -> Router {
    let json_body_bytes = config.limits.json_body_bytes;
    let metrics = HttpMetrics::new(Arc::clone(&config.metrics));
    let conventions = Arc::new(Conventions { config, metrics });
    router.layer(
        ServiceBuilder::new()
            .map_response(compress::tag)
            .layer(compress::layer())
            .layer(middleware::from_fn_with_state(conventions, converse))
            .layer(DefaultBodyLimit::max(json_body_bytes)),
    )
}

struct Conventions {
    config: Config,
    metrics: HttpMetrics,
}

/// One request, from its head to its answer's head.
async fn converse(State(conventions): State<Arc<Conventions>>, request: Request, next: Next) -> Response {
    let Conventions { config, metrics } = &*conventions;
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let context = RequestContext::of(&parts, &config.trusted_proxies, &*config.entropy);
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let span = context.span(&parts.method, route.as_ref());
    parts.extensions.insert(context.clone());
    let asked = Asked {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        origin: parts.headers.get(header::ORIGIN).cloned(),
    };

    let spent = conventions.spend(&parts, &context).await;
    let answer = if let Some(answer) = config.guard.preflight(&parts) {
        answer
    } else {
        match conventions.admit(&parts, spent) {
            Ok(place) => {
                let request = Request::from_parts(parts, body);
                let answer = conventions.handle(request, next).instrument(span.clone()).await;
                drop(place);
                answer
            }
            Err(problem) => problem.into_response(),
        }
    };

    let mut response = finish(fallback::as_problem(answer), &asked.path, &context);
    if let Some(spent) = spent {
        spent.write_to(response.headers_mut());
    }
    config.guard.write_cors(asked.origin.as_ref(), response.headers_mut());
    guard::secure(&mut response);
    let took = began.elapsed();
    metrics.answered(&asked.method, route.as_ref().map(MatchedPath::as_str), response.status(), took);
    span.in_scope(|| note(&span, response.status(), took));
    response
}

/// What of the request is still needed when it is gone.
struct Asked {
    method: axum::http::Method,
    path: String,
    origin: Option<axum::http::HeaderValue>,
}

impl Conventions {
    /// `None` for those who are not limited.
    async fn spend(&self, parts: &Parts, context: &RequestContext) -> Option<Spent> {
        let rate = self.config.rate.as_ref()?;
        let client = context.client?;
        if (client.is_loopback() && !self.config.rate_on_loopback) || self.config.limits.is_exempt(parts.uri.path()) {
            return None;
        }
        let spent = rate.spend_ip(client);
        let passes = spent.check().is_err() && (self.config.rate_exempt)(parts).await;
        if passes { None } else { Some(spent) }
    }

    /// All that can be refused before a handler sees it, the cheapest first; a place to work in when nothing is.
    fn admit(&self, parts: &Parts, spent: Option<Spent>) -> Result<Option<Place>, Problem> {
        limits::check_uri(&parts.uri)?;
        fallback::check_path(parts.uri.path())?;
        self.config.guard.check(parts)?;
        if let Some(spent) = spent {
            spent.check().inspect_err(|_| self.metrics.rate_limited.add(1))?;
        }
        if self.config.limits.is_exempt(parts.uri.path()) {
            return Ok(None);
        }
        let place = Place::take(self.metrics.in_flight(), self.config.limits.in_flight);
        place.map(Some).inspect_err(|_| self.metrics.shed.add(1))
    }

    async fn handle(&self, request: Request, next: Next) -> Response {
        let timeout = self.config.limits.timeout(request.uri().path());
        let handler = fallback::catch_panic(next.run(request));
        match tokio::time::timeout(timeout, handler).await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => {
                self.metrics.panicked.add(1);
                problem.into_response()
            }
            Err(_) => {
                self.metrics.timed_out.add(1);
                limits::timed_out().into_response()
            }
        }
    }
}

/// Names the request in its answer, and in the problem if it is one.
fn finish(mut response: Response, path: &str, context: &RequestContext) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let problem = problem.of_request(path, &context.trace_id);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = problem.to_body().into();
        response.extensions_mut().insert(problem);
    }
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // What is left of the body is not read, so this connection cannot be used again; the client must know.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    context.write_to(response.headers_mut());
    response
}

fn note(span: &tracing::Span, status: StatusCode, took: std::time::Duration) {
    span.record("status", status.as_u16());
    span.record("latency_us", u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::warn!("answered with an error of ours");
    } else {
        tracing::debug!("answered");
    }
}

#[cfg(test)]
mod tests;
