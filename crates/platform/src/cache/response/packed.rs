//! Finished answers as bytes, for other processes.
//! It does not know where they are kept; what cannot be read is no answer.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::{Buf, BufMut, BytesMut};

use super::{ETag, Finished, Form};

/// The first byte: another for another form.
const FORM: u8 = 1;

impl Finished {
    /// `None` for what may not be given to others.
    pub fn pack(&self) -> Option<Bytes> {
        if !self.may_be_kept() || self.problem.is_some() {
            return None;
        }
        let gzip = self.gzip.as_ref().map_or(0, |form| form.body.len());
        let mut bytes = BytesMut::with_capacity(self.plain.body.len() + gzip + 2 * super::HEAD_BYTES);
        bytes.put_u8(FORM);
        bytes.put_u8(u8::from(self.gzip.is_some()));
        for form in [Some(&self.plain), self.gzip.as_ref()].into_iter().flatten() {
            put_headers(&mut bytes, &form.headers)?;
            put(&mut bytes, &form.body)?;
        }
        Some(bytes.freeze())
    }

    /// What [`Finished::pack`] made, in this version or another.
    pub fn unpack(mut bytes: Bytes) -> Option<Finished> {
        if bytes.try_get_u8().ok()? != FORM {
            return None;
        }
        let has_gzip = bytes.try_get_u8().ok()? == 1;
        let plain = form(&mut bytes)?;
        let gzip = if has_gzip { Some(form(&mut bytes)?) } else { None };
        let tag = plain.headers.get(header::ETAG)?.to_str().ok()?;
        let etag = ETag::parse(tag.strip_prefix('"')?.strip_suffix('"')?)?;
        Some(Finished { status: StatusCode::OK, plain, gzip, etag, problem: None, tags: Vec::new() })
    }

    /// As it is, not compressed.
    pub fn body(&self) -> &Bytes {
        &self.plain.body
    }
}

fn put(bytes: &mut BytesMut, part: &[u8]) -> Option<()> {
    bytes.put_u32(u32::try_from(part.len()).ok()?);
    bytes.put_slice(part);
    Some(())
}

fn put_headers(bytes: &mut BytesMut, headers: &HeaderMap) -> Option<()> {
    bytes.put_u16(u16::try_from(headers.len()).ok()?);
    for (name, value) in headers {
        put(bytes, name.as_str().as_bytes())?;
        put(bytes, value.as_bytes())?;
    }
    Some(())
}

fn take(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn form(bytes: &mut Bytes) -> Option<Form> {
    let mut headers = HeaderMap::new();
    for _ in 0..bytes.try_get_u16().ok()? {
        let name = HeaderName::from_bytes(&take(bytes)?).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(take(bytes)?).ok()?);
    }
    Some(Form { headers, body: take(bytes)? })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::response::{Html, IntoResponse};

    use super::*;

    #[tokio::test]
    async fn an_answer_is_the_same_in_another_process() {
        let page = ([(header::CACHE_CONTROL, "public, max-age=5")], Html("x".repeat(5_000))).into_response();
        let made = Finished::of(page).await;
        let packed = made.pack().unwrap();
        let read = Finished::unpack(packed.clone()).unwrap();
        for coding in [None, Some("gzip")] {
            let asked = coding.map(|coding| (header::ACCEPT_ENCODING, HeaderValue::from_static(coding)));
            let asked = HeaderMap::from_iter(asked);
            let (made, read) = (made.respond(&asked), read.respond(&asked));
            assert_eq!((made.status(), made.headers()), (read.status(), read.headers()));
            let body = |answer: axum::response::Response| axum::body::to_bytes(answer.into_body(), usize::MAX);
            assert_eq!(body(made).await.unwrap(), body(read).await.unwrap());
        }
        for length in 0..packed.len() {
            assert!(Finished::unpack(packed.slice(..length)).is_none(), "half an answer is none");
        }
        let private = ([(header::CACHE_CONTROL, "private")], "yours").into_response();
        assert!(Finished::of(private).await.pack().is_none());
    }
}
