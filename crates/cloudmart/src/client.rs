//! Speaks to a running shop's HTTP API as staff do, with their key.
//! It does not know what is asked; it sees to keys, retries and errors that say what to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode, Url, header};
use serde_json::Value;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);
/// How often one request is sent before it is given up.
const ATTEMPTS: u32 = 10;
/// The first pause between two attempts; it doubles, unless the shop says how long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How much of an answer that cannot be read is shown.
const SHOWN_CHARS: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{0}` is no address of a shop; expected something like http://127.0.0.1:8080")]
    Address(String),
    #[error("a staff key is needed; set CLOUDMART_ADMIN_TOKEN to the one that the shop printed at its first start")]
    NoToken,
    #[error("the shop at {url} does not accept this staff key; `cloudmart staff new-key` makes another")]
    Unauthorized { url: Url },
    #[error("no shop answers at {url}: {reason}")]
    Unreachable { url: Url, reason: String },
    #[error("{method} {path}: the shop answered {status} {code}: {detail}")]
    Refused { method: Method, path: String, status: u16, code: String, detail: String },
}

/// A shop, and the key to it.
pub struct Shop {
    http: reqwest::Client,
    base: Url,
    token: String,
    /// Once it has answered, a connection that fails is worth another attempt.
    has_answered: AtomicBool,
}

/// What is asked.
pub struct Ask<'a> {
    pub method: Method,
    /// Segments below the shop's address; each is encoded.
    pub path: &'a [&'a str],
    pub key: Option<&'a str>,
    pub if_match: Option<&'a str>,
    pub body: Option<&'a Value>,
    /// How long one answer may take.
    pub patience: Duration,
}

impl<'a> Ask<'a> {
    pub fn get(path: &'a [&'a str]) -> Self {
        Self { method: Method::GET, path, key: None, if_match: None, body: None, patience: PATIENCE }
    }

    pub fn post(path: &'a [&'a str], key: &'a str, body: Option<&'a Value>) -> Self {
        Self { method: Method::POST, path, key: Some(key), if_match: None, body, patience: PATIENCE }
    }
}

/// What the shop says.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    /// It answers as it did when this was asked before.
    pub is_repetition: bool,
    pub body: Value,
}

impl Answer {
    /// The code of a problem; empty where there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Shop {
    pub fn at(address: &str, token: Option<&str>) -> Result<Self, Error> {
        let wrong = || Error::Address(address.to_owned());
        let base = Url::parse(address).map_err(|_| wrong())?;
        let host = base.host_str().ok_or_else(wrong)?;
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let token = token.map(str::trim).filter(|token| !token.is_empty()).ok_or(Error::NoToken)?;
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(redirects);
        let http = if is_here { http.no_proxy() } else { http };
        let http = http.build();
        let http = http.map_err(|error| Error::Unreachable { url: base.clone(), reason: told(&error) })?;
        Ok(Self { http, base, token: token.to_owned(), has_answered: AtomicBool::new(false) })
    }

    pub fn address(&self) -> &Url {
        &self.base
    }

    /// Asks until there is an answer that is worth having. Only what may come twice may be asked: reads, and what
    /// carries a key or an `If-Match`.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, Error> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let wait = match self.once(ask).await {
                Ok((answer, wait)) if wait.is_none() || attempt == ATTEMPTS => return Ok(answer),
                Ok((_, wait)) => wait.unwrap_or(pause),
                Err(error) if !self.has_answered.load(Ordering::Relaxed) || attempt == ATTEMPTS => return Err(error),
                Err(_) => pause,
            };
            tokio::time::sleep(wait.max(pause).min(LONGEST_PAUSE)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("the last attempt returns")
    }

    /// Asks, and takes whatever comes.
    pub async fn ask_once(&self, ask: &Ask<'_>) -> Result<Answer, Error> {
        self.once(ask).await.map(|(answer, _)| answer)
    }

    /// Asks for what must work: any answer but these is an error that says what was asked.
    pub async fn expect(&self, ask: &Ask<'_>, statuses: &[u16]) -> Result<Answer, Error> {
        let answer = self.ask(ask).await?;
        if statuses.contains(&answer.status) { Ok(answer) } else { Err(self.refused(ask, &answer)) }
    }

    /// Nothing where the answer is one of these; else why not, unless no other request would fare better.
    pub fn judged(&self, ask: &Ask<'_>, answer: &Answer, statuses: &[u16]) -> Result<Option<String>, Error> {
        if statuses.contains(&answer.status) {
            return Ok(None);
        }
        match self.refused(ask, answer) {
            error @ Error::Unauthorized { .. } => Err(error),
            error => Ok(Some(error.to_string())),
        }
    }

    pub fn refused(&self, ask: &Ask<'_>, answer: &Answer) -> Error {
        if answer.status == 401 || answer.status == 403 {
            return Error::Unauthorized { url: self.base.clone() };
        }
        let first = answer.body["errors"][0]["message"].as_str();
        let pointer = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default();
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        let detail = match first {
            Some(first) if first != detail => format!("{detail} ({pointer}: {first})"),
            _ => detail.to_owned(),
        };
        let path = format!("/{}", ask.path.join("/"));
        let code = answer.code().to_owned();
        Error::Refused { method: ask.method.clone(), path, status: answer.status, code, detail }
    }

    /// The answer, and how long to wait where it is worth asking again.
    async fn once(&self, ask: &Ask<'_>) -> Result<(Answer, Option<Duration>), Error> {
        let unreachable = |error: reqwest::Error| Error::Unreachable { url: self.base.clone(), reason: told(&error) };
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(ask.path);
        }
        let mut request = self.http.request(ask.method.clone(), url).bearer_auth(&self.token).timeout(ask.patience);
        for (name, value) in [("idempotency-key", ask.key), ("if-match", ask.if_match)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        self.has_answered.store(true, Ordering::Relaxed);
        let status = response.status();
        let text = |name: header::HeaderName| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
        };
        let etag = text(header::ETAG);
        let retry_after = text(header::RETRY_AFTER).and_then(|value| value.parse().ok()).map(Duration::from_secs);
        let is_repetition = response.headers().contains_key("idempotent-replayed");
        let bytes = response.bytes().await.map_err(unreachable)?;
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| unread(&bytes));
        let answer = Answer { status: status.as_u16(), etag, is_repetition, body };
        let is_worth_asking = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            || answer.code() == "idempotency_in_flight";
        Ok((answer, is_worth_asking.then(|| retry_after.unwrap_or(FIRST_PAUSE))))
    }
}

/// Something that is no JSON: perhaps there is no shop at this address.
fn unread(bytes: &[u8]) -> Value {
    let text: String = String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS).collect();
    serde_json::json!({ "detail": text })
}

/// The innermost cause, which is the one that helps.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `main` does.
    fn with_tls() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    #[test]
    fn an_address_and_a_key_are_needed() {
        with_tls();
        for bad in ["", "shop", "ftp://shop.example", "mailto:me@shop.example"] {
            assert!(matches!(Shop::at(bad, Some("key")), Err(Error::Address(_))), "{bad}");
        }
        assert!(matches!(Shop::at("http://127.0.0.1:8080", Some(" ")), Err(Error::NoToken)));
        assert!(matches!(Shop::at("http://127.0.0.1:8080", None), Err(Error::NoToken)));
        assert!(Shop::at("http://127.0.0.1:8080", Some("key")).is_ok());
    }

    #[tokio::test]
    async fn where_no_shop_is_it_says_so_at_once() {
        with_tls();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let shop = Shop::at(&address, Some("key")).unwrap();
        let error = shop.ask(&Ask::get(&["health"])).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }
}
