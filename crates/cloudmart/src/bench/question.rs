//! A single question to the shop, before or after a load, asked with the patience of an ordinary buyer.
//! It does not know what the answers are for. What is measured is asked by `load`, which waits for nobody.

use std::time::Duration;

use serde_json::Value;

use super::wire::{Line, Lost, Request};
use crate::until_ready;

/// How a shop answers one who asks too often.
const LIMITED: u16 = 429;
/// Where it does not say when to ask again.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// How long the answer to one question is waited for in all, where the shop limits how often it is asked.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{asked}: {reason}")]
    NoAnswer { asked: String, reason: Lost },
    #[error("{asked}: the shop answered {status}: {detail}")]
    Refused { asked: String, status: u16, detail: String },
    #[error(
        "{asked}: this shop limits how often one address may ask (429), and would answer again in {} s; wait for it, or let \
         its operator raise http.rate_limit_per_minute for the load (for what is asked with a staff key, \
         http.rate_limit_staff_per_minute)", again_in.as_secs()
    )]
    Limited { asked: String, again_in: Duration },
    #[error("the shop did not get ready within {} s: {missing}", until_ready::WITHIN.as_secs())]
    NotReady { missing: String },
}

/// What the shop says.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub status: u16,
    /// Null where it is no JSON.
    pub body: Value,
}

impl Said {
    /// The reason that a refusal gives.
    pub fn detail(&self) -> String {
        let told = ["detail", "title"].iter().find_map(|member| self.body[*member].as_str());
        told.unwrap_or("it is no answer of a shop").to_owned()
    }
}

/// Asks, and again where the shop says that this is too often, as long as it does not say so for long.
pub async fn ask(line: &mut Line, request: &Request) -> Result<Said, Error> {
    let asked = || format!("{} {}", request.method, request.path);
    let mut waited = Duration::ZERO;
    loop {
        let answer = line.exchange(request).await.map_err(|reason| Error::NoAnswer { asked: asked(), reason })?;
        if answer.status != LIMITED {
            let body = serde_json::from_slice(&answer.body).unwrap_or_default();
            return Ok(Said { status: answer.status, body });
        }
        let again_in = answer.retry_after.unwrap_or(USUAL_PAUSE).max(USUAL_PAUSE);
        waited += again_in;
        if waited > PATIENCE {
            return Err(Error::Limited { asked: asked(), again_in });
        }
        tokio::time::sleep(again_in).await;
    }
}

/// Reads a document that anybody, or with a key staff, may read.
pub async fn read(line: &mut Line, request: &Request) -> Result<Value, Error> {
    match ask(line, request).await? {
        Said { status: 200, body } => Ok(body),
        said => Err(refused(request, &said)),
    }
}

/// An answer that is not what was asked for.
pub fn refused(request: &Request, said: &Said) -> Error {
    let asked = format!("{} {}", request.method, request.path);
    Error::Refused { asked, status: said.status, detail: said.detail() }
}

/// Waits until the shop is ready to sell. One that does not tell whether it is, behind a gateway perhaps, counts as ready.
pub async fn ready(line: &mut Line) -> Result<(), Error> {
    let request = Request::get(format!("/{}", until_ready::PATH.join("/")));
    let (status, said) = until_ready::wait("bench", async || {
        let said = ask(line, &request).await?;
        Ok::<_, Error>((said.status, said.body))
    })
    .await?;
    match status {
        until_ready::NOT_READY => Err(Error::NotReady { missing: until_ready::missing(&said) }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::super::wire::Target;
    use super::*;

    /// A server that gives each request the next of these answers, and then none.
    async fn answering(answers: &'static [&'static str]) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1_024];
            for answer in answers {
                // Each request is one small write.
                let read = stream.read(&mut asked).await.unwrap();
                assert!(read > 0, "asked too seldom");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Line::to(&Target::find(&target).await.unwrap())
    }

    const LIMITED_FOR_1: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    const LIMITED_FOR_30: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    const STARTING: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 26\r\n\r\n{\"missing\": [\"its goods\"]}";
    const BROKEN: &str = "HTTP/1.1 500 Broken\r\ncontent-length: 16\r\n\r\n{\"title\":\"Oops\"}";

    #[tokio::test]
    async fn a_short_limit_is_waited_for() {
        let began = Instant::now();
        let mut line = answering(&[LIMITED_FOR_1, OK]).await;
        assert!(read(&mut line, &Request::get("/api/shop")).await.is_ok());
        assert!(began.elapsed() >= Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_long_limit_is_told_with_what_to_do() {
        let mut line = answering(&[LIMITED_FOR_30]).await;
        let error = read(&mut line, &Request::get("/api/shop")).await.unwrap_err().to_string();
        for wanted in ["GET /api/shop", "limits how often one address", "again in 30 s", "http.rate_limit_per_minute"] {
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
    }

    #[tokio::test]
    async fn a_shop_that_is_starting_is_waited_for_and_what_is_refused_is_told() {
        let mut line = answering(&[STARTING, STARTING, OK, BROKEN]).await;
        ready(&mut line).await.unwrap();
        let error = read(&mut line, &Request::get("/api/shop")).await.unwrap_err().to_string();
        assert_eq!(error, "GET /api/shop: the shop answered 500: Oops");
    }
}
