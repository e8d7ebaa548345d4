//! What a handler takes from a request: body, query, path, preconditions, bearer token. Each answers a bad one with a problem.
//! It does not know which fields are valid; that is for the types behind, and their answer is 422.

mod body;
mod headers;
mod pointer;

use std::borrow::Cow;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
pub use body::{Body, OptionalBody};
pub use headers::{Bearer, IfMatch, IfNoneMatch};

/// The query string, read as `T`.
///
/// Answers 400 `malformed_query` with the parameter's name. Unknown parameters pass unless `T` denies them.
#[derive(Debug, Clone, Default)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read_query(parts.uri.query().unwrap_or_default()).map(Params)
    }
}

fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    if !is_text(query) {
        return Err(Problem::malformed("malformed_query", "the query string is not percent-encoded UTF-8 text"));
    }
    let pairs = serde_urlencoded::Deserializer::new(percent_pairs(query));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let mistake = pointer::Mistake::of(error.path(), &error.inner().to_string());
        let detail = match mistake.pointer.trim_start_matches('/') {
            "" => mistake.message.clone(),
            name => format!("{name}: {}", mistake.message),
        };
        Problem::malformed("malformed_query", detail).error(mistake.pointer, mistake.code, mistake.message)
    })
}

fn percent_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

/// Whether this is well-formed percent-encoding of UTF-8 without NUL.
pub(super) fn is_text(encoded: &str) -> bool {
    let bytes = encoded.as_bytes();
    let whole = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
    let decoded = percent_encoding::percent_decode(bytes).decode_utf8();
    whole && decoded.is_ok_and(|text: Cow<'_, str>| !text.contains('\0'))
}

/// The one parameter of the path. One that is no `T` names nothing, so the answer is 404.
#[derive(Debug, Clone)]
pub struct Segment<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        parse(&text).map(Segment)
    }
}

/// The two parameters of the path, in their order.
#[derive(Debug, Clone)]
pub struct Segments<A, B>(pub A, pub B);

impl<A: FromStr, B: FromStr, S: Send + Sync> FromRequestParts<S> for Segments<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = path.map_err(|_| Problem::not_found())?;
        Ok(Segments(parse(&first)?, parse(&second)?))
    }
}

fn parse<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body as HttpBody;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use serde::Deserialize;
    use tower::ServiceExt;

    use super::*;
    use crate::http::lists::Limit;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[serde(default)]
        limit: Limit,
        word: Option<String>,
        after: Option<u32>,
    }

    #[test]
    fn a_bad_query_names_the_parameter() {
        let asked: Asked = read_query("word=a+b%20%EA%B0%80&after=7").unwrap();
        assert_eq!((asked.word.as_deref(), asked.after), (Some("a b 가"), Some(7)));
        for (query, pointer) in
            [("limit=0", "/limit"), ("after=x", "/after"), ("nope=1", "/nope"), ("word=a&word=b", "/word")]
        {
            let problem = read_query::<Asked>(query).unwrap_err();
            assert_eq!((problem.status(), problem.code()), (StatusCode::BAD_REQUEST, "malformed_query"));
            assert_eq!(problem.details().errors[0].pointer, pointer, "{query}: {problem:?}");
        }
        for query in ["word=%", "word=%f", "word=%zz", "word=%FF", "word=%00"] {
            assert!(read_query::<Asked>(query).is_err(), "{query}");
        }
    }

    #[tokio::test]
    async fn an_id_that_is_none_is_not_found() {
        let router = Router::new()
            .route("/one/{id}", get(|Segment(id): Segment<u32>| async move { id.to_string() }))
            .route("/two/{a}/{b}", get(|Segments(a, b): Segments<u32, u8>| async move { format!("{a} {b}") }));
        for (path, status) in [
            ("/one/7", StatusCode::OK),
            ("/one/x", StatusCode::NOT_FOUND),
            ("/one/%FF", StatusCode::NOT_FOUND),
            ("/two/7/8", StatusCode::OK),
            ("/two/7/800", StatusCode::NOT_FOUND),
        ] {
            let request = Request::get(path).body(HttpBody::empty()).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), status, "{path}");
        }
    }
}
