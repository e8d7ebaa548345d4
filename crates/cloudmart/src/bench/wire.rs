//! One connection to a shop, kept open, over which one request after another goes out: HTTP/1.1 by hand, because a
//! generator that shares a machine with the shop must cost little.
//! It does not know what is asked, nor when. It speaks HTTP alone; for https each request goes through the ordinary client.

mod input;

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::net::{TcpStream, lookup_host};

use self::input::{Head, Input, seconds};

/// How long one answer may take; longer is no answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: &'static str,
    /// With its query, from the slash on.
    pub path: String,
    pub bearer: Option<Arc<str>>,
    pub key: Option<String>,
    pub if_match: Option<String>,
    /// JSON.
    pub body: Option<String>,
}

impl Request {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), ..Self::default() }
    }

    pub fn post(path: impl Into<String>, body: String) -> Self {
        Self { method: "POST", path: path.into(), body: Some(body), ..Self::default() }
    }
}

/// 429, to one who asks too often; and 503, for a shop that has too much to do.
pub const PUT_OFF: [u16; 2] = [429, 503];

/// What the shop says.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub etag: Option<Cow<'a, str>>,
    /// Told only by a shop that puts this request off ([`PUT_OFF`]).
    pub retry_after: Option<Duration>,
    pub body: Cow<'a, [u8]>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Lost {
    #[error("no connection")]
    NoConnection,
    #[error("the connection broke")]
    Broke,
    #[error("no answer within 30 s")]
    TooLate,
    #[error("an answer that is no HTTP, or too large")]
    Unreadable,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{0}` is no address of a shop; expected something like http://127.0.0.1:8080")]
    Address(String),
    #[error("no shop answers at {address}: {reason}")]
    Unreachable { address: Url, reason: io::Error },
}

/// Where the shop is.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: Url,
    addresses: Arc<[SocketAddr]>,
    /// As the `Host` line says it.
    host: String,
    /// What lies before every path.
    prefix: String,
}

impl Target {
    /// Looks the address up. Nobody is asked anything there.
    pub async fn find(address: &str) -> Result<Self, Error> {
        let wrong = || Error::Address(address.to_owned());
        let url = Url::parse(address).map_err(|_| wrong())?;
        let name = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
        let port = url.port_or_known_default().ok_or_else(wrong)?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let unreachable = |reason| Error::Unreachable { address: url.clone(), reason };
        let looked_up = format!("{name}:{port}");
        let addresses: Arc<[SocketAddr]> = lookup_host(looked_up).await.map_err(unreachable)?.collect();
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self { url, addresses, host, prefix })
    }

    /// Tries whether anybody listens there.
    pub async fn reach(&self) -> Result<(), Error> {
        let connected = TcpStream::connect(&*self.addresses).await;
        connected.map(|_| ()).map_err(|reason| Error::Unreachable { address: self.url.clone(), reason })
    }

    /// Whether the other one leads to the same node of the same shop.
    pub fn leads_where(&self, other: &Self) -> bool {
        let socket = |target: &Self| (target.url.host_str().map(str::to_owned), target.url.port_or_known_default());
        let shares_one = self.addresses.iter().any(|address| other.addresses.contains(address));
        // Elsewhere one gateway may stand before several names.
        let is_same_socket = self.is_here() && other.is_here() && shares_one;
        self.prefix == other.prefix && (is_same_socket || socket(self) == socket(other))
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether it is this machine.
    pub fn is_here(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().is_loopback())
    }

    fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// A connection, made when it is first needed and again after it was lost.
pub struct Line {
    target: Target,
    stream: Option<TcpStream>,
    out: Vec<u8>,
    input: Input,
    https: Option<reqwest::Client>,
}

impl Line {
    pub fn to(target: &Target) -> Self {
        let https = target.is_https().then(|| {
            let one = reqwest::Client::builder().pool_max_idle_per_host(1).redirect(reqwest::redirect::Policy::none());
            one.timeout(ANSWER_LIMIT).build().unwrap_or_default()
        });
        Self { target: target.clone(), stream: None, out: Vec::new(), input: Input::default(), https }
    }

    /// Asks, and waits for the answer; the connection stays for the next request.
    pub async fn exchange(&mut self, request: &Request) -> Result<Answer<'_>, Lost> {
        if let Some(client) = &self.https {
            return by_client(client, &self.target, request).await;
        }
        let head = match tokio::time::timeout(ANSWER_LIMIT, self.over_the_wire(request)).await {
            Ok(Ok(head)) => head,
            Ok(Err(lost)) => {
                self.stream = None;
                return Err(lost);
            }
            Err(_) => {
                self.stream = None;
                return Err(Lost::TooLate);
            }
        };
        if head.closes {
            self.stream = None;
        }
        Ok(self.input.answer(&head))
    }

    async fn over_the_wire(&mut self, request: &Request) -> Result<Head, Lost> {
        if self.stream.as_ref().is_some_and(is_closed) {
            self.stream = None;
        }
        self.out.clear();
        // Into memory; it cannot fail.
        let _ = write_request(&mut self.out, &self.target, request);
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(connect(&self.target).await?),
        };
        send(stream, &self.out).await?;
        self.input.receive(stream).await
    }
}

async fn connect(target: &Target) -> Result<TcpStream, Lost> {
    let stream = TcpStream::connect(&*target.addresses).await.map_err(|_| Lost::NoConnection)?;
    stream.set_nodelay(true).map_err(|_| Lost::NoConnection)?;
    Ok(stream)
}

/// A server may close a connection that it has not heard from for a while.
fn is_closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn write_request(out: &mut Vec<u8>, target: &Target, request: &Request) -> io::Result<()> {
    write!(out, "{} {}{} HTTP/1.1\r\nhost: {}\r\n", request.method, target.prefix, request.path, target.host)?;
    if let Some(bearer) = &request.bearer {
        write!(out, "authorization: Bearer {bearer}\r\n")?;
    }
    for (name, value) in [("idempotency-key", &request.key), ("if-match", &request.if_match)] {
        if let Some(value) = value {
            write!(out, "{name}: {value}\r\n")?;
        }
    }
    match &request.body {
        Some(body) => write!(out, "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        None => out.write_all(b"\r\n"),
    }
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> Result<(), Lost> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.writable().await.map_err(|_| Lost::Broke)?,
            Err(_) => return Err(Lost::Broke),
        }
    }
    Ok(())
}

async fn by_client(client: &reqwest::Client, target: &Target, request: &Request) -> Result<Answer<'static>, Lost> {
    let lost = |error: reqwest::Error| match error {
        error if error.is_timeout() => Lost::TooLate,
        error if error.is_connect() => Lost::NoConnection,
        _ => Lost::Broke,
    };
    let url = format!("https://{}{}{}", target.host, target.prefix, request.path);
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| Lost::Unreadable)?;
    let mut asked = client.request(method, url);
    if let Some(bearer) = &request.bearer {
        asked = asked.bearer_auth(bearer);
    }
    for (name, value) in [("idempotency-key", &request.key), ("if-match", &request.if_match)] {
        if let Some(value) = value {
            asked = asked.header(name, value);
        }
    }
    if let Some(body) = &request.body {
        asked = asked.header("content-type", "application/json").body(body.clone());
    }
    let response = asked.send().await.map_err(lost)?;
    let said = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let etag = said("etag").map(|tag| Cow::Owned(tag.to_owned()));
    let retry_after = said("retry-after").and_then(seconds);
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(lost)?;
    Ok(Answer { status, etag, retry_after, body: Cow::Owned(body.to_vec()) })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_answer_may_come_in_chunks_and_in_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            for piece in
                ["HTTP/1.1 200 OK\r\ntransfer-enc", "oding: chunked\r\n\r\n3\r\nabc\r", "\n2;x\r\nde\r\n0\r\n\r\n"]
            {
                send(&stream, piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            stream
        });
        let target = Target::find(&target).await.unwrap();
        assert!(target.is_here());
        let mut line = Line::to(&target);
        let answer = line.exchange(&Request::get("/")).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"abcde"[..]));
        drop(server.await.unwrap());
        assert_eq!(line.exchange(&Request::get("/")).await.map(|_| ()), Err(Lost::NoConnection));
    }

    #[tokio::test]
    async fn two_addresses_of_one_node_are_told_from_two_nodes() {
        let leads = async |one: &str, other: &str| {
            let (one, other) = (Target::find(one).await.unwrap(), Target::find(other).await.unwrap());
            one.leads_where(&other)
        };
        let node = "http://127.0.0.1:8080";
        for same in [node, "http://127.0.0.1:8080/", "http://localhost:8080", "HTTP://LOCALHOST:8080"] {
            assert!(leads(node, same).await, "{same}");
        }
        for other in ["http://127.0.0.1:8081", "http://127.0.0.2:8080", "http://127.0.0.1:8080/shop"] {
            assert!(!leads(node, other).await, "{other}");
        }
        // Not on this machine: the name counts, whatever lies behind it.
        assert!(leads("http://192.0.2.1", "http://192.0.2.1:80/").await);
        assert!(!leads("http://192.0.2.1", "http://192.0.2.2").await);
    }

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_told() {
        assert!(matches!(Target::find("shop").await, Err(Error::Address(_))));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = Target::find(&address).await.unwrap().reach().await.unwrap_err();
        assert!(error.to_string().starts_with("no shop answers at http://127.0.0.1:"), "{error}");
    }
}
