//! What is stored under a key: the body's hash and, where it may be kept, the answer.
//! It does not know how the key is named in the store.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::ANSWER_BYTES_MAX;
use crate::http::problem::{self, Problem};

/// The headers that belong to the answer itself; all others are made anew.
const KEPT_HEADERS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::LOCATION,
    header::ETAG,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
];

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Hex.
    pub body_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: StoredBody,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredBody {
    Text(String),
    Base64(String),
}

impl Answer {
    /// Reads a response and gives it back with its copy; without one when it is larger than [`ANSWER_BYTES_MAX`].
    pub async fn of(response: Response) -> Result<(Option<Answer>, Response), axum::Error> {
        let (parts, body) = response.into_parts();
        // The answer was made by us, in memory; only keeping it has a limit.
        let bytes = axum::body::to_bytes(body, usize::MAX).await?;
        let answer = (bytes.len() <= ANSWER_BYTES_MAX).then(|| Answer {
            status: parts.status.as_u16(),
            headers: KEPT_HEADERS
                .iter()
                .filter_map(|name| {
                    let value = parts.headers.get(name)?.to_str().ok()?;
                    Some((name.to_string(), value.to_owned()))
                })
                .collect(),
            body: match std::str::from_utf8(&bytes) {
                Ok(text) => StoredBody::Text(text.to_owned()),
                Err(_) => StoredBody::Base64(STANDARD.encode(&bytes)),
            },
        });
        Ok((answer, Response::from_parts(parts, Body::from(bytes))))
    }

    pub fn into_response(self) -> Response {
        let bytes = match self.body {
            StoredBody::Text(text) => Bytes::from(text),
            StoredBody::Base64(text) => Bytes::from(STANDARD.decode(text).unwrap_or_default()),
        };
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let is_problem = self.headers.iter().any(|(_, value)| value == problem::CONTENT_TYPE);
        let problem = if is_problem { Problem::read(&bytes) } else { None };
        let mut response = (status, bytes).into_response();
        response.headers_mut().remove(header::CONTENT_TYPE);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        // So that this request's path and trace go in, as with a new problem.
        if let Some(problem) = problem {
            response.extensions_mut().insert(problem);
        }
        response
    }
}
