//! Serves a site on a listener, and stops so that nobody notices: first others are given time to hear of it, then no new
//! connections, every request answered.
//! It does not know what is served, nor who says when to stop, or how others hear of it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, header};
use futures::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Site;
use super::metrics::Registry;

/// How connections are kept.
#[derive(Clone)]
pub struct ServeConfig {
    /// At once; more wait to be accepted.
    pub connections: usize,
    /// To send a request's head in, and to keep a connection without asking anything. Whoever keeps connections to us must give
    /// them up sooner, or a request may meet one that is just being closed: load balancers do after 60 s, Go's and hyper's
    /// clients after 90 s.
    pub idle: Duration,
    /// Of one request's head; hyper itself allows 100 header lines.
    pub header_bytes: usize,
    /// After the word to stop, how long kept-alive connections may still ask, to be told `Connection: close` rather than
    /// be cut off between two requests.
    pub farewell: Duration,
    /// After the word to stop, how long running requests may take.
    pub drain: Duration,
    /// Where open connections are counted.
    pub metrics: Option<Arc<Registry>>,
}

impl Default for ServeConfig {
    fn default() -> ServeConfig {
        ServeConfig {
            connections: 10_000,
            idle: Duration::from_secs(100),
            header_bytes: 32 * 1024,
            farewell: Duration::from_millis(500),
            drain: Duration::from_secs(30),
            metrics: None,
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were still at work when the time to drain was over; they are cut.
    pub cut: usize,
}

/// How far serving has come. From the second on, every answer says that it is its connection's last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Others are hearing of it; whoever still comes is let in.
    Leaving,
    Ending,
}

/// When accepting fails for want of file descriptors, trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What hyper can do with at least.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Serves until `stop` is done, and for as long as it answers with: meanwhile a load balancer hears of it, and whoever it
/// still sends is served, and told to come by another connection next time. Then drains: what the system has accepted
/// by then is still answered.
pub async fn serve(
    listener: TcpListener,
    site: impl Into<Site>,
    stop: impl Future<Output = Duration>,
    config: ServeConfig,
) -> Ended {
    let site = site.into();
    let places = Arc::new(Semaphore::new(config.connections));
    if let Some(metrics) = &config.metrics {
        let (open, all) = (Arc::clone(&places), config.connections);
        #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
        metrics.gauge("http_connections_open", "Connections being served.", move || {
            all.saturating_sub(open.available_permits()) as f64
        });
    }
    let (turning, phase) = watch::channel(Phase::Serving);
    let mut tasks = JoinSet::new();
    let mut end = pin!(async {
        let notice = stop.await;
        turning.send_replace(Phase::Leaving);
        tokio::time::sleep(notice).await;
    });
    loop {
        tokio::select! {
            biased;
            () = &mut end => break,
            Some(_) = tasks.join_next() => {}
            (place, stream, peer) = accept(&listener, &places) => {
                tasks.spawn(converse(stream, peer, site.clone(), config.clone(), phase.clone(), place));
            }
        }
    }
    for (stream, peer) in backlog(listener) {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
        tasks.spawn(converse(stream, peer, site.clone(), config.clone(), phase.clone(), place));
    }
    turning.send_replace(Phase::Ending);
    let all_done = async { while tasks.join_next().await.is_some() {} };
    let in_time = tokio::time::timeout(config.farewell + config.drain, all_done).await;
    let ended = Ended { cut: if in_time.is_ok() { 0 } else { tasks.len() } };
    tasks.shutdown().await;
    ended
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (OwnedSemaphorePermit, TcpStream, SocketAddr) {
    loop {
        // The semaphore is never closed, so there is always a place to wait for.
        let Ok(place) = Arc::clone(places).acquire_owned().await else { continue };
        match listener.accept().await {
            Ok((stream, peer)) => return (place, stream, peer),
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes a listener. Whoever is connected but waits to be accepted is not turned away: the system is asked itself, because the
/// runtime may not have heard of them yet.
fn backlog(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut waiting = Vec::new();
    let Ok(listener) = listener.into_std() else { return waiting };
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                waiting.extend(stream.map(|stream| (stream, peer)));
            }
            Err(error) if is_the_peers(&error) => {}
            Err(_) => return waiting,
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    site: Site,
    config: ServeConfig,
    mut phase: watch::Receiver<Phase>,
    _place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection is gone already");
        return;
    }
    let caller = Arc::new(Caller { site, peer, phase: phase.clone() });
    let service = service_fn(move |request| {
        let caller = Arc::clone(&caller);
        caller.answer(request).map(move |answer| Ok::<_, Infallible>(caller.last_word(answer)))
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(config.idle)
            .max_buf_size(config.header_bytes.max(BUFFER_BYTES_MIN))
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        result = &mut connection => return note(result),
        _ = phase.wait_for(|phase| *phase == Phase::Ending) => {}
    }
    // A kept-alive connection may be sending its next request just now; its answer says that it is the last.
    if let Ok(result) = tokio::time::timeout(config.farewell, &mut connection).await {
        return note(result);
    }
    connection.as_mut().graceful_shutdown();
    note(connection.await);
}

/// The other end of a connection, and what it is served.
struct Caller {
    site: Site,
    peer: SocketAddr,
    phase: watch::Receiver<Phase>,
}

impl Caller {
    fn answer(&self, mut request: Request<Incoming>) -> impl Future<Output = Response<Body>> + use<> {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.site.answer(request)
    }

    /// Says in an answer when it is the last one.
    fn last_word(&self, mut answer: Response<Body>) -> Response<Body> {
        if *self.phase.borrow() != Phase::Serving {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

fn note(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, oneshot};

    use super::*;

    struct Served {
        address: SocketAddr,
        stop: oneshot::Sender<Duration>,
        ended: tokio::task::JoinHandle<Ended>,
        begun: Arc<Notify>,
        go_on: Arc<Notify>,
    }

    async fn served(config: ServeConfig) -> Served {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
        let slow = move || async move {
            tell.notify_one();
            wait.notified().await;
            "slow"
        };
        let router = Router::new().route("/", get(|| async { "quick" })).route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(serve(listener, router, async { stopped.await.unwrap() }, config));
        Served { address, stop, ended, begun, go_on }
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.unwrap()
    }

    async fn send(stream: &mut TcpStream, path: &str) {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    }

    /// Reads until the answer's text has come.
    async fn receive(stream: &mut TcpStream, until: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(until) {
            let mut buffer = [0; 1_024];
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "the connection ended after {text:?}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        text
    }

    async fn is_closed(stream: &mut TcpStream) -> bool {
        matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }

    #[tokio::test]
    async fn what_has_begun_is_finished() {
        let served = served(ServeConfig::default()).await;
        let (mut slow, mut kept, mut fresh) =
            (connect(served.address).await, connect(served.address).await, connect(served.address).await);
        send(&mut kept, "/").await;
        assert!(!receive(&mut kept, "quick").await.contains("connection: close"));
        send(&mut slow, "/slow").await;
        served.begun.notified().await;

        served.stop.send(Duration::ZERO).unwrap();
        // Connected before the end, asked after it: one on a kept connection, one on a new one.
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        for stream in [&mut kept, &mut fresh] {
            send(stream, "/").await;
            assert!(receive(stream, "quick").await.contains("connection: close"));
            assert!(is_closed(stream).await);
        }
        assert!(!served.ended.is_finished());
        served.go_on.notify_one();
        assert!(receive(&mut slow, "slow").await.contains("connection: close"));
        assert_eq!(served.ended.await.unwrap(), Ended { cut: 0 });
    }

    #[tokio::test]
    async fn whoever_comes_before_all_have_heard_is_served() {
        let served = served(ServeConfig::default()).await;
        let mut kept = connect(served.address).await;
        send(&mut kept, "/").await;
        receive(&mut kept, "quick").await;
        served.stop.send(Duration::from_millis(300)).unwrap();
        // On a kept connection, and on new ones for as long as was said.
        let mut farewells = 0;
        let mut next = Ok(kept);
        while let Ok(mut stream) = next {
            send(&mut stream, "/").await;
            if receive(&mut stream, "quick").await.contains("connection: close") {
                assert!(is_closed(&mut stream).await);
                farewells += 1;
            }
            next = TcpStream::connect(served.address).await;
        }
        assert!(farewells > 1, "{farewells}");
        assert_eq!(served.ended.await.unwrap(), Ended { cut: 0 });
    }

    #[tokio::test]
    async fn draining_has_an_end() {
        let config =
            ServeConfig { farewell: Duration::from_millis(5), drain: Duration::from_millis(20), ..Default::default() };
        let served = served(config).await;
        let (mut slow, mut idle) = (connect(served.address).await, connect(served.address).await);
        send(&mut slow, "/slow").await;
        served.begun.notified().await;
        served.stop.send(Duration::ZERO).unwrap();
        assert!(is_closed(&mut idle).await);
        assert_eq!(served.ended.await.unwrap(), Ended { cut: 1 });
        assert!(is_closed(&mut slow).await);
    }

    #[tokio::test]
    async fn heads_are_bounded_in_size_and_time() {
        let config = ServeConfig { idle: Duration::from_millis(30), ..Default::default() };
        let served = served(config).await;
        let mut large = connect(served.address).await;
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(100_000));
        let _ = large.write_all(head.as_bytes()).await;
        let mut answer = [0; 12];
        large.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 431");
        let mut dawdling = connect(served.address).await;
        dawdling.write_all(b"GET / HT").await.unwrap();
        let mut rest = Vec::new();
        let _ = dawdling.read_to_end(&mut rest).await;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"));
    }

    #[tokio::test]
    async fn connections_are_bounded() {
        let served = served(ServeConfig { connections: 1, ..Default::default() }).await;
        let mut first = connect(served.address).await;
        send(&mut first, "/").await;
        receive(&mut first, "quick").await;
        let mut second = connect(served.address).await;
        send(&mut second, "/").await;
        let early = tokio::time::timeout(Duration::from_millis(20), receive(&mut second, "quick")).await;
        assert!(early.is_err());
        drop(first);
        receive(&mut second, "quick").await;
    }
}
