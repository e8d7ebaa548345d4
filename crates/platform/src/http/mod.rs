//! How this server speaks HTTP: problems, bodies, lists, tags, keys for repeating, limits, traces.
//! It does not know what is served; the services bring the routes.

pub mod compress;
pub mod edge;
pub mod etag;
pub mod extract;
mod fallback;
pub mod guard;
pub mod idempotency;
pub mod limits;
mod linger;
pub mod lists;
pub mod metrics;
pub mod problem;
pub mod rate;
pub mod serve;
mod site;
pub mod trace;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use tokio::time::Instant;
use tower::ServiceBuilder;
use tracing::{Instrument, Span};

use self::edge::{Again, Edge, Kept};
use self::guard::Guard;
use self::limits::{Limits, Place};
use self::metrics::{HttpMetrics, Registry};
use self::problem::Problem;
use self::rate::{Client, RateLimiter, Spent};
use self::trace::RequestContext;
use crate::entropy::{Buffered, Entropy};

pub use self::site::Site;
/// An answer that is made once and given to many.
pub use crate::cache::{Finished, Weigh};

/// Whether a request passes although its client has asked too often: staff's, say. Asked only then, so it may take a
/// look-up.
pub type IsExempt = Arc<dyn Fn(&Parts) -> BoxFuture<'static, bool> + Send + Sync>;

/// Who has a credential, of those who count by it and not by their address.
#[derive(Clone)]
pub struct Holder {
    /// The credential.
    pub key: String,
    /// Whose it is.
    pub user: String,
}

/// Who a request's credential belongs to; `None` for everybody else.
pub type Holders = Arc<dyn Fn(&Parts) -> BoxFuture<'static, Option<Holder>> + Send + Sync>;

/// An answer on its way, and who asked for it.
pub struct Given<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub client: Option<IpAddr>,
    /// What the client's program says of itself.
    pub agent: &'a HeaderValue,
    pub answer: &'a Response,
}

/// Told of each answer that a program was given which says what it is; to count, say. Answers of the edge, too, so it looks at
/// what is at hand and waits for nothing.
pub type Witness = Arc<dyn Fn(&Given<'_>) + Send + Sync>;

/// How often those may ask who count by their credential.
pub struct HolderRate {
    pub limiter: RateLimiter,
    pub who: Holders,
}

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
    /// Who has a credential counts by it, and by whose it is.
    pub rate_of_holders: Option<HolderRate>,
    /// Whether requests from this machine are counted, too.
    pub rate_on_loopback: bool,
    pub witness: Option<Witness>,
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
            rate_of_holders: None,
            rate_on_loopback: false,
            witness: None,
        }
    }
}

/// Puts the conventions around all routes that the router has by now. Call it last.
pub fn conventions(router: Router, config: Config) -> Router {
    Conventions::new(config).around(router)
}

/// What is done for every request, whoever answers it.
pub struct Conventions {
    config: Config,
    /// Of requests' names.
    entropy: Buffered,
    metrics: HttpMetrics,
    edge: Edge,
}

impl Conventions {
    pub fn new(config: Config) -> Arc<Conventions> {
        let metrics = HttpMetrics::new(Arc::clone(&config.metrics));
        let entropy = Buffered::new(Arc::clone(&config.entropy));
        Arc::new(Conventions { config, entropy, metrics, edge: Edge::default() })
    }

    /// Puts them around all routes that the router has by now.
    ///
    /// From the outside in: tag, compression, then [`converse`], then the body limit of routes that set none of their own.
    pub fn around(self: &Arc<Conventions>, router: Router) -> Router {
        router.layer(
            ServiceBuilder::new()
                .map_response(compress::tag)
                .layer(compress::layer())
                .layer(middleware::from_fn_with_state(Arc::clone(self), converse))
                .layer(DefaultBodyLimit::max(self.config.limits.json_body_bytes)),
        )
    }
}

/// One request, from its head to its answer's head.
async fn converse(State(conventions): State<Arc<Conventions>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let mut visit = conventions.begin(&parts, route);
    let span = visit.span();
    parts.extensions.insert(visit.context.clone());
    visit.spent = conventions.spend(&mut parts, &visit.context).await;
    let is_plain = edge::is_plain(&parts);

    let mut answer = if let Some(answer) = conventions.config.guard.preflight(&parts) {
        answer
    } else {
        match conventions.admit(&parts, visit.spent) {
            Ok(place) => {
                let body = linger::to_the_end(&parts.headers, body);
                let request = Request::from_parts(parts, body);
                let answer = conventions.handle(request, next).instrument(span.clone()).await;
                drop(place);
                answer
            }
            Err(problem) => problem.into_response(),
        }
    };
    if let Some(again) = answer.extensions_mut().remove::<Again>().filter(|_| is_plain) {
        conventions.edge.keep(&visit.uri, visit.route.clone(), again);
    }
    conventions.end(&visit, &span, fallback::as_problem(answer))
}

/// A request that is being answered: what of it is still needed when it is gone.
struct Visit {
    began: Instant,
    context: RequestContext,
    method: Method,
    uri: Uri,
    origin: Option<HeaderValue>,
    /// Only where somebody wants to know.
    agent: Option<HeaderValue>,
    route: Option<MatchedPath>,
    spent: Option<Spent>,
}

/// What the edge has for a request.
enum AtEdge {
    Answer {
        kept: Arc<Kept>,
        visit: Visit,
    },
    /// An answer, once other processes have said how often this client asked them.
    AfterAsking {
        kept: Arc<Kept>,
        visit: Visit,
        client: IpAddr,
    },
    Nothing,
}

impl Visit {
    fn span(&self) -> Span {
        self.context.span(&self.method, self.route.as_ref())
    }
}

impl Conventions {
    fn begin(&self, parts: &Parts, route: Option<MatchedPath>) -> Visit {
        let agent = self.config.witness.as_ref().and_then(|_| parts.headers.get(header::USER_AGENT));
        Visit {
            began: Instant::now(),
            context: RequestContext::of(parts, &self.config.trusted_proxies, &self.entropy),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            origin: parts.headers.get(header::ORIGIN).cloned(),
            agent: agent.cloned(),
            route,
            spent: None,
        }
    }

    /// What every answer says, and what is noted of it.
    fn end(&self, visit: &Visit, span: &Span, answer: Response) -> Response {
        let mut response = finish(answer, visit.uri.path(), &visit.context);
        if let Some(spent) = visit.spent {
            spent.write_to(response.headers_mut());
        }
        self.config.guard.write_cors(visit.origin.as_ref(), response.headers_mut());
        guard::secure(&mut response);
        self.show(visit, &response);
        let took = visit.began.elapsed();
        let route = visit.route.as_ref().map(MatchedPath::as_str);
        self.metrics.answered(&visit.method, route, response.status(), took);
        span.in_scope(|| note(span, response.status(), took));
        response
    }

    fn show(&self, visit: &Visit, answer: &Response) {
        if let (Some(witness), Some(agent)) = (&self.config.witness, &visit.agent) {
            let Visit { method, uri, context, .. } = visit;
            witness(&Given { method, uri, client: context.client, agent, answer });
        }
    }

    /// What the edge has for this request.
    fn look_at_edge(&self, parts: &Parts) -> AtEdge {
        let Some(kept) = self.edge.get(parts) else { return AtEdge::Nothing };
        let mut visit = self.begin(parts, kept.route.clone());
        match (self.counted(parts, &visit.context), &self.config.rate) {
            (Some(client), Some(rate)) if rate.is_shared() => AtEdge::AfterAsking { kept, visit, client },
            (Some(client), Some(rate)) => {
                visit.spent = Some(rate.spend_here(&[Client::Address(client)]));
                AtEdge::Answer { kept, visit }
            }
            _ => AtEdge::Answer { kept, visit },
        }
    }

    /// Counts this request together with other processes.
    async fn ask_others(&self, visit: &mut Visit, client: IpAddr) {
        if let Some(rate) = &self.config.rate {
            visit.spent = Some(rate.spend(&[Client::Address(client)]).await);
        }
    }

    /// The answer that the edge has. Whoever has asked too often is passed on, with what was spent: the routes know who is
    /// exempt, and how to refuse.
    fn answer_at_edge(&self, kept: &Kept, visit: Visit, parts: &mut Parts) -> Option<Response> {
        if let Some(spent) = visit.spent.filter(Spent::is_refused) {
            parts.extensions.insert(spent);
            return None;
        }
        self.metrics.from_edge.add(1);
        // Without something to log, nobody would see the span.
        let span = if tracing::enabled!(tracing::Level::DEBUG) { visit.span() } else { Span::none() };
        Some(self.end(&visit, &span, kept.respond(&parts.headers)))
    }

    /// `None` for those who are not limited.
    async fn spend(&self, parts: &mut Parts, context: &RequestContext) -> Option<Spent> {
        let at_edge = parts.extensions.remove::<Spent>();
        let client = self.counted(parts, context)?;
        if let Some(HolderRate { limiter, who }) = &self.config.rate_of_holders
            && let Some(Holder { key, user }) = who(parts).await
        {
            return Some(limiter.spend(&[Client::Key(&key), Client::User(&user)]).await);
        }
        let rate = self.config.rate.as_ref()?;
        let spent = match at_edge {
            Some(spent) => spent,
            None => rate.spend(&[Client::Address(client)]).await,
        };
        let passes = spent.is_refused() && (self.config.rate_exempt)(parts).await;
        if passes { None } else { Some(spent) }
    }

    /// The client, if its requests are counted.
    fn counted(&self, parts: &Parts, context: &RequestContext) -> Option<IpAddr> {
        let is_here = |client: &IpAddr| client.is_loopback() && !self.config.rate_on_loopback;
        context.client.filter(|client| !is_here(client) && !self.config.limits.is_exempt(parts.uri.path()))
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
