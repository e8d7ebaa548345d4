//! The `Idempotency-Key` header, wanted or allowed.
//! It does not know what the key guards.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::problem::Problem;

pub const HEADER: &str = "idempotency-key";
pub const CHARS_MAX: usize = 255;

/// A key: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// # Errors
    /// 400 `malformed_idempotency_key`
    pub fn parse(text: &str) -> Result<Key, Problem> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > CHARS_MAX || !visible { Err(malformed()) } else { Ok(Key(text.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whoever knows a key may get its answer, so it is not printed.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(…)")
    }
}

/// The key of a request that must have one.
#[derive(Debug, Clone)]
pub struct Required(pub Key);

/// The key of a request that may have one.
#[derive(Debug, Clone)]
pub struct Optional(pub Option<Key>);

impl<S: Sync> FromRequestParts<S> for Required {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        of(parts)?.map(Required).ok_or_else(|| {
            Problem::malformed("idempotency_key_required", "send an Idempotency-Key of your own, the same on a retry")
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Optional {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        of(parts).map(Optional)
    }
}

fn of(parts: &Parts) -> Result<Option<Key>, Problem> {
    let mut lines = parts.headers.get_all(HEADER).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => line.to_str().map_err(|_| malformed()).and_then(Key::parse).map(Some),
        (Some(_), Some(_)) => Err(malformed()),
    }
}

fn malformed() -> Problem {
    Problem::malformed(
        "malformed_idempotency_key",
        format!("Idempotency-Key is one text of 1 to {CHARS_MAX} visible ASCII characters"),
    )
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn required(lines: &[&str]) -> Result<String, String> {
        let mut request = Request::post("/");
        for line in lines {
            request = request.header(HEADER, *line);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        let required = Required::from_request_parts(&mut parts, &()).await;
        required.map(|key| key.0.as_str().to_owned()).map_err(|problem| problem.code().to_owned())
    }

    #[tokio::test]
    async fn a_key_is_short_and_visible() {
        assert_eq!(required(&["a-1"]).await.as_deref(), Ok("a-1"));
        assert!(required(&["k".repeat(255).as_str()]).await.is_ok());
        for bad in [&["k".repeat(256).as_str()][..], &[""], &["a b"], &["ü"], &["a", "a"]] {
            assert_eq!(required(bad).await, Err("malformed_idempotency_key".to_owned()), "{bad:?}");
        }
        assert_eq!(required(&[]).await, Err("idempotency_key_required".to_owned()));
        let mut parts = Request::post("/").body(()).unwrap().into_parts().0;
        assert!(Optional::from_request_parts(&mut parts, &()).await.unwrap().0.is_none());
    }
}
