//! What comes in over a connection: the head of an answer and its body, as HTTP/1.1 frames them.
//! It does not send anything, and reads no more of a head than a load needs.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::TcpStream;

use super::{Answer, Lost, PUT_OFF};

/// A larger answer is not read.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Room that a read finds at least.
const READ_BYTES: usize = 16 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What came in, from its beginning; reused for every answer.
#[derive(Default)]
pub struct Input {
    bytes: Vec<u8>,
    filled: usize,
    /// A body that came in chunks, put together.
    joined: Vec<u8>,
}

/// What the head of an answer says, and where its body lies once it has all come.
pub struct Head {
    status: u16,
    end: usize,
    body: Framing,
    pub closes: bool,
}

enum Framing {
    Length(usize),
    Chunks,
}

impl Input {
    /// Reads one whole answer.
    pub async fn receive(&mut self, stream: &TcpStream) -> Result<Head, Lost> {
        self.filled = 0;
        self.joined.clear();
        let head = loop {
            self.more(stream).await?;
            if let Some(end) = find(&self.bytes[..self.filled], HEAD_END) {
                break read_head(&self.bytes[..end], end + HEAD_END.len()).ok_or(Lost::Unreadable)?;
            }
        };
        match head.body {
            Framing::Length(length) => {
                while self.filled < head.end + length {
                    self.more(stream).await?;
                }
            }
            Framing::Chunks => self.join_chunks(stream, head.end).await?,
        }
        Ok(head)
    }

    pub fn answer(&self, head: &Head) -> Answer<'_> {
        let said = |name: &[u8]| header(&self.bytes[..head.end], name).and_then(|text| std::str::from_utf8(text).ok());
        let retry_after = if PUT_OFF.contains(&head.status) { said(b"retry-after").and_then(seconds) } else { None };
        let body = match head.body {
            Framing::Length(length) => &self.bytes[head.end..head.end + length],
            Framing::Chunks => &self.joined[..],
        };
        let etag = said(b"etag").map(Cow::Borrowed);
        Answer { status: head.status, etag, retry_after, body: Cow::Borrowed(body) }
    }

    async fn more(&mut self, stream: &TcpStream) -> Result<(), Lost> {
        if self.filled > ANSWER_BYTES_MAX {
            return Err(Lost::Unreadable);
        }
        if self.bytes.len() < self.filled + READ_BYTES {
            self.bytes.resize(self.filled + READ_BYTES, 0);
        }
        loop {
            match stream.try_read(&mut self.bytes[self.filled..]) {
                Ok(0) => return Err(Lost::Broke),
                Ok(read) => {
                    self.filled += read;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stream.readable().await.map_err(|_| Lost::Broke)?;
                }
                Err(_) => return Err(Lost::Broke),
            }
        }
    }

    async fn join_chunks(&mut self, stream: &TcpStream, mut at: usize) -> Result<(), Lost> {
        loop {
            let line = loop {
                match find(&self.bytes[at..self.filled], b"\r\n") {
                    Some(length) => break at + length,
                    None => self.more(stream).await?,
                }
            };
            let size = chunk_size(&self.bytes[at..line]).ok_or(Lost::Unreadable)?;
            let begin = line + 2;
            // Nobody sends trailers to a client that did not say that it takes any.
            while self.filled < begin + size + 2 {
                self.more(stream).await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.joined.extend_from_slice(&self.bytes[begin..begin + size]);
            at = begin + size + 2;
        }
    }
}

/// `Retry-After` as shops write it; a date is not waited for.
pub fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| *byte == b';').next()?;
    let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), 16).ok()?;
    (size <= ANSWER_BYTES_MAX).then_some(size)
}

/// `head` ends before the empty line, the body begins at `end`.
fn read_head(head: &[u8], end: usize) -> Option<Head> {
    let status = std::str::from_utf8(head.strip_prefix(b"HTTP/1.")?.get(2..5)?).ok()?.parse().ok()?;
    let closes = header(head, b"connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    let is_chunked = header(head, b"transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
    let body = match header(head, b"content-length") {
        _ if is_chunked => Framing::Chunks,
        Some(length) => Framing::Length(std::str::from_utf8(length).ok()?.parse().ok()?),
        None if matches!(status, 204 | 304) => Framing::Length(0),
        // Until the connection ends: no shop answers so.
        None => return None,
    };
    match body {
        Framing::Length(length) if length > ANSWER_BYTES_MAX => None,
        body => Some(Head { status, end, body, closes }),
    }
}

/// The value of a header line; names are compared without their case.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        key.eq_ignore_ascii_case(name).then_some(())?;
        Some(value.strip_prefix(b":")?.trim_ascii())
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_long_the_body_is() {
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nETag: \"a\"\r\nConnection: close";
        let read = read_head(head, head.len() + 4).unwrap();
        assert_eq!((read.status, read.closes), (201, true));
        assert!(matches!(read.body, Framing::Length(12)));
        assert_eq!(header(head, b"etag"), Some(&b"\"a\""[..]));
        for bad in ["", "HTTP/1.1 2", "SMTP 200 no", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nContent-Length: many"] {
            assert!(read_head(bad.as_bytes(), bad.len()).is_none(), "{bad}");
        }
    }
}
