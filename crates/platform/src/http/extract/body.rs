//! JSON bodies: content type, size, syntax, types, each with its own answer; and the hash of the bytes as they came.
//! It does not know how large a body may be: [`crate::http::limits`] says so per route.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::pointer::{self, Mistake};
use crate::http::problem::Problem;

/// A JSON body, and the SHA-256 of its bytes, by which a repeated request is known.
///
/// Nesting ends at serde_json's 128 levels. Unknown members are refused where `T` denies them. Of a member that comes
/// twice the last one counts unless `T` is a derived struct, which refuses it.
#[derive(Debug, Clone)]
pub struct Body<T> {
    pub value: T,
    pub hash: [u8; 32],
}

/// A JSON body that may be missing; the content type matters only when it is there.
#[derive(Debug, Clone)]
pub struct OptionalBody<T> {
    pub value: Option<T>,
    pub hash: [u8; 32],
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type("application/json"));
        }
        let bytes = read(request, state).await?;
        Ok(Body { value: parse(&bytes)?, hash: Sha256::digest(&bytes).into() })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = read(request, state).await?;
        let hash = Sha256::digest(&bytes).into();
        if bytes.is_empty() {
            return Ok(OptionalBody { value: None, hash });
        }
        if !json {
            return Err(Problem::unsupported_media_type("application/json"));
        }
        Ok(OptionalBody { value: Some(parse(&bytes)?), hash })
    }
}

/// `application/json` or `application/…+json`, in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media_type = parts.next().unwrap_or_default();
    let json =
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    let utf8 = |parameter: String| match parameter.strip_prefix("charset=") {
        Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"),
        None => true,
    };
    json && parts.all(utf8)
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::too_large()
        } else {
            malformed("the body did not arrive whole")
        }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("the body is not UTF-8"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (line, column) = (error.inner().line(), error.inner().column());
        if error.inner().is_syntax() || error.inner().is_eof() {
            return malformed(format!("this is no JSON: {}", error.inner()));
        }
        let mistake = Mistake::of(error.path(), &error.inner().to_string());
        malformed(format!("line {line}, column {column}: {}", mistake.message)).error(
            mistake.pointer,
            mistake.code,
            mistake.message,
        )
    })?;
    deserializer.end().map_err(|error| malformed(format!("something follows the JSON: {error}")))?;
    refuse_nul(text)?;
    Ok(value)
}

/// No store and no header takes a NUL in a text, so it ends here. It can only stand as an escape, which is rare.
fn refuse_nul(text: &str) -> Result<(), Problem> {
    if !text.contains("\\u0000") {
        return Ok(());
    }
    let value = serde_json::from_str(text).map_err(|_| malformed("this is no JSON"))?;
    match pointer::of_nul(&value) {
        Some(pointer) => {
            Err(malformed("a text holds a NUL").error(pointer, "nul", "a text cannot hold the character U+0000"))
        }
        None => Ok(()),
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::malformed("malformed_body", detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body as HttpBody;
    use axum::extract::DefaultBodyLimit;
    use axum::routing::post;
    use axum::{Json, Router};
    use serde::Deserialize;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct Sent {
        #[serde(default)]
        rows: Vec<Row>,
        note: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct Row {
        #[serde(rename = "a/b")]
        count: u32,
    }

    fn fails(body: &str) -> (String, Vec<(String, String)>) {
        let problem = parse::<Sent>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        let errors = problem.details().errors.iter();
        (problem.code().to_owned(), errors.map(|error| (error.pointer.clone(), error.code.to_string())).collect())
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        for (body, pointer, code) in [
            (r#"{"rows": [{"a/b": 1}, {"a/b": "2"}]}"#, "/rows/1/a~1b", "wrong_type"),
            (r#"{"rows": [{"a/b": -1}]}"#, "/rows/0/a~1b", "invalid_value"),
            (r#"{"rows": [{}]}"#, "/rows/0/a~1b", "missing"),
            (r#"{"rows": [{"a/b": 1, "c": 2}]}"#, "/rows/0/c", "unknown_field"),
            (r#"{"note": "a", "note": "b"}"#, "/note", "duplicate_field"),
            (r#"{"rows": {}}"#, "/rows", "wrong_type"),
            (r#""text""#, "", "wrong_type"),
            (r#"{"note": "a\u0000"}"#, "/note", "nul"),
        ] {
            let expected = ("malformed_body".to_owned(), vec![(pointer.to_owned(), code.to_owned())]);
            assert_eq!(fails(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for body in ["", "{", "{}x", "{} {}", r#"{"note": "\ud800"}"#, "{\"note\": \"a\0\"}", "nul", deep.as_str()] {
            assert_eq!(fails(body).0, "malformed_body", "{body}");
        }
        assert!(parse::<Value>(deep.as_bytes()).is_err());
        assert!(parse::<Sent>(b"{\"note\": \"\xff\"}").is_err());
        assert!(parse::<Sent>(br#"{"note": "\\u0000 is fine"}"#).unwrap().note.is_some());
    }

    fn router() -> Router {
        Router::new()
            .route("/", post(|body: Body<Value>| async move { Json((body.value, body.hash.to_vec())) }))
            .route("/optional", post(|body: OptionalBody<Value>| async move { Json(body.value.is_some()) }))
            .layer(DefaultBodyLimit::max(64))
    }

    async fn status(path: &str, content_type: Option<&str>, body: &str) -> StatusCode {
        let mut request = Request::post(path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(HttpBody::from(body.to_owned())).unwrap();
        router().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn each_failure_has_its_status() {
        assert_eq!(status("/", Some("application/json"), "{}").await, StatusCode::OK);
        assert_eq!(status("/", Some("Application/JSON; charset=UTF-8"), "{}").await, StatusCode::OK);
        assert_eq!(status("/", Some("application/merge-patch+json"), "{}").await, StatusCode::OK);
        for wrong in [None, Some("text/plain"), Some("application/jsonp"), Some("application/json; charset=latin1")] {
            assert_eq!(status("/", wrong, "{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{wrong:?}");
        }
        let long = format!("[{}]", " ".repeat(64));
        assert_eq!(status("/", Some("application/json"), &long).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(status("/", Some("application/json"), "").await, StatusCode::BAD_REQUEST);
        assert_eq!(status("/optional", None, "").await, StatusCode::OK);
        assert_eq!(status("/optional", None, "{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(status("/optional", Some("application/json"), "{").await, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn the_hash_is_of_the_bytes_as_they_came() {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
        let response = router().oneshot(request.body(HttpBody::from("{ }")).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let (_, hash): (Value, Vec<u8>) = serde_json::from_slice(&body).unwrap();
        assert_eq!(hash, Sha256::digest(b"{ }").to_vec());
    }
}
