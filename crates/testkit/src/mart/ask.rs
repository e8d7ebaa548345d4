//! Asking a mart over HTTP.
//! It does not know any route.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{Answer, Gateway, Mart, POLL};

/// Longer than anything the mart itself allows.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// A mart closes connections on which nothing is asked for 100 s.
const IDLE: Duration = Duration::from_secs(45);
/// Characters of a path that failures tell.
const ASKED_SHOWN: usize = 200;

pub(super) fn client() -> reqwest::Client {
    // Another mart may have done it before.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().timeout(ANSWER_LIMIT).pool_idle_timeout(IDLE).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client")
}

/// A request that is being put together.
#[derive(Debug)]
pub struct Ask {
    asked: String,
    request: reqwest::RequestBuilder,
    gateway: Option<Arc<Gateway>>,
}

impl Ask {
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    #[must_use]
    pub fn if_match(self, tag: &str) -> Self {
        self.header("if-match", tag)
    }

    /// Does not wait any longer than this.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.request = self.request.timeout(limit);
        self
    }

    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Bytes as they are, called JSON unless a header said otherwise before.
    #[must_use]
    pub fn raw(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request = self.request.header("content-type", media_type).body(body.into());
        self
    }

    /// # Panics
    /// When there is no answer at all.
    pub async fn send(self) -> Answer {
        let asked = self.asked.clone();
        match self.try_send().await {
            Ok(answer) => answer,
            Err(error) => panic!("{asked} was not answered: {:?}", error.without_url()),
        }
    }

    /// As `send`, for a mart that may be gone.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let (status, headers, bytes) = match &self.gateway {
            Some(gateway) => gateway.pass(&self.asked, self.request.build()?).await?,
            None => whole(self.request.send().await?).await?,
        };
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { asked: self.asked, status, headers, bytes, body })
    }
}

/// An answer's status, headers and body.
pub(super) async fn whole(response: reqwest::Response) -> Result<(u16, HeaderMap, Vec<u8>), reqwest::Error> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok((status, headers, response.bytes().await?.to_vec()))
}

/// How long to ask again for.
#[derive(Debug, Clone, Copy)]
pub struct Till(pub Duration);

impl Mart {
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        let asked: String = format!("{method} {path}").chars().take(ASKED_SHOWN).collect();
        Ask { asked, request: self.client.request(method, self.url(path)), gateway: self.gateway.clone() }
    }

    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Ask {
        self.ask(Method::POST, path)
    }

    /// As staff.
    pub fn staff(&self, method: Method, path: &str) -> Ask {
        self.ask(method, path).bearer(self.admin_token().expect("a key"))
    }

    pub fn staff_get(&self, path: &str) -> Ask {
        self.staff(Method::GET, path)
    }

    /// As staff, with a key that was not used before.
    pub fn staff_post(&self, path: &str) -> Ask {
        self.staff(Method::POST, path).key(&self.fresh_key())
    }

    /// Asks as staff until the answer is as wanted.
    ///
    /// # Panics
    /// When it is not within the limit.
    pub async fn staff_get_until(&self, path: &str, limit: Till, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = tokio::time::Instant::now() + limit.0;
        loop {
            let answer = self.staff_get(path).send().await;
            if is_wanted(&answer) {
                return answer;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not as wanted after {:?}: {answer}{}",
                limit.0,
                self.log()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// All items of a list, page by page.
    pub async fn staff_list(&self, path: &str) -> Vec<Value> {
        let glue = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut page = self.staff_get(&format!("{path}{glue}limit=100")).send().await.expect(200);
        loop {
            items.extend_from_slice(page.items());
            let Some(cursor) = page.body["next_cursor"].as_str() else { return items };
            page = self.staff_get(&format!("{path}{glue}limit=100&cursor={cursor}")).send().await.expect(200);
        }
    }

    /// Everything that ever happened, in order.
    pub async fn all_events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.staff_get(&format!("/api/admin/events?limit=100&after={next}")).send().await.expect(200);
            if page.items().is_empty() {
                return events;
            }
            events.extend_from_slice(page.items());
            next = page.text("next");
        }
    }
}
