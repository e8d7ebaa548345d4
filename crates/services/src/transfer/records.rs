//! CSV as it comes, piece by piece, into records that know on which line they begin.
//! It does not know what a column means. Commas, semicolons or tabs: whichever the first line has most of.

use bytes::{Buf, Bytes, BytesMut};
use contracts::{Error, Result};
use csv_core::ReadRecordResult;

use super::spool::Reader;

/// One row. A quote that is opened and never closed would otherwise swallow the rest of the file.
const RECORD_BYTES_MAX: usize = 2 * 1024 * 1024;
const FIELDS_MAX: usize = 2_000;
const FIRST_BYTES: usize = 16 * 1024;
const DELIMITERS: [u8; 3] = *b",;\t";

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// From 1; where it begins.
    pub line: u64,
    /// `None` where it is no UTF-8.
    pub fields: Option<Vec<String>>,
}

/// The rows of a file.
pub struct Records {
    reader: Reader,
    core: Option<csv_core::Reader>,
    input: Bytes,
    is_end: bool,
    output: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    pub fn new(reader: Reader) -> Self {
        let (output, ends) = (vec![0; FIRST_BYTES], vec![0; FIELDS_MAX]);
        Self { reader, core: None, input: Bytes::new(), is_end: false, output, ends }
    }

    /// Bytes of the file that were read.
    pub fn read(&self) -> u64 {
        self.reader.read() - self.input.len() as u64
    }

    /// The next row that is not empty.
    ///
    /// # Errors
    /// Where the rest cannot be read as rows any more.
    pub async fn next(&mut self) -> Result<Option<Record>> {
        let (mut bytes, mut fields) = (0, 0);
        let mut last_byte = 0;
        loop {
            if self.input.is_empty() && !self.is_end {
                self.fill().await?;
            }
            let core = self.core.get_or_insert_with(csv_core::Reader::new);
            let (result, read, written, ended) =
                core.read_record(&self.input, &mut self.output[bytes..], &mut self.ends[fields..]);
            last_byte = if read > 0 { self.input[read - 1] } else { last_byte };
            self.input.advance(read);
            bytes += written;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.output.len() < RECORD_BYTES_MAX => {
                    let size = self.output.len() * 2;
                    self.output.resize(size, 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(self.endless(bytes));
                }
                ReadRecordResult::Record => return Ok(Some(self.record(bytes, fields, last_byte))),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    async fn fill(&mut self) -> Result<()> {
        match self.reader.next().await? {
            Some(piece) if self.core.is_none() => {
                self.input = self.with_first_line(piece).await?;
                self.core = Some(csv_core::ReaderBuilder::new().delimiter(delimiter(&self.input)).build());
            }
            Some(piece) => self.input = piece,
            None => self.is_end = true,
        }
        Ok(())
    }

    /// As many pieces as hold the first line, which says what separates fields. A spool may give less than it is asked for.
    async fn with_first_line(&mut self, piece: Bytes) -> Result<Bytes> {
        let mut pieces = BytesMut::from(piece);
        while !pieces.contains(&b'\n') && pieces.len() < RECORD_BYTES_MAX {
            let Some(piece) = self.reader.next().await? else { break };
            pieces.extend_from_slice(&piece);
        }
        Ok(pieces.freeze())
    }

    fn record(&self, bytes: usize, fields: usize, last_byte: u8) -> Record {
        let all = &self.output[..bytes];
        let mut from = 0;
        let texts = self.ends[..fields].iter().map(|end| {
            let field = std::str::from_utf8(&all[from..*end]).ok().map(ToOwned::to_owned);
            from = *end;
            field
        });
        Record { line: self.line_of(bytes, last_byte == b'\n'), fields: texts.collect() }
    }

    /// The line on which what was read begins: lines are counted where they end.
    fn line_of(&self, bytes: usize, is_ended: bool) -> u64 {
        let now = self.core.as_ref().map_or(1, csv_core::Reader::line);
        let within = self.output[..bytes].iter().filter(|byte| **byte == b'\n').count() as u64;
        now - within - u64::from(is_ended)
    }

    fn endless(&self, bytes: usize) -> Error {
        let line = self.line_of(bytes, false);
        let message = format!(
            "the row on line {line} has more than {RECORD_BYTES_MAX} bytes or {FIELDS_MAX} columns: perhaps a quotation \
             mark is opened there and never closed"
        );
        Error::field("", "endless_row", message)
    }
}

/// By the first line.
fn delimiter(piece: &[u8]) -> u8 {
    let line = piece.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: &u8| line.iter().filter(|byte| *byte == wanted).count();
    // The first of several that are equally frequent.
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::spool::{MemorySpool, Spool};
    use super::*;

    async fn records(text: &[u8]) -> Vec<(u64, Vec<String>)> {
        let spool = Arc::new(MemorySpool::default());
        spool.append("f", Bytes::copy_from_slice(text)).await.unwrap();
        let mut records = Records::new(Reader::new(spool, "f"));
        let mut all = Vec::new();
        while let Some(record) = records.next().await.unwrap() {
            all.push((record.line, record.fields.unwrap_or_default()));
        }
        assert_eq!(records.read(), text.len() as u64);
        all
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn rows_know_their_line() {
        for end in ["\n", "\r\n"] {
            let text = ["a,b", "1,\"two", "lines\"", "", "2,\"say \"\"hi\"\"\"", "3,5\" pipe", "4,x"].join(end);
            let two = format!("two{end}lines");
            let wanted = vec![
                row(1, &["a", "b"]),
                row(2, &["1", &two]),
                row(5, &["2", "say \"hi\""]),
                row(6, &["3", "5\" pipe"]),
                row(7, &["4", "x"]),
            ];
            assert_eq!(records(text.as_bytes()).await, wanted, "{end:?}");
            assert_eq!(records(format!("\u{feff}{text}{end}").as_bytes()).await, wanted, "{end:?}");
        }
    }

    #[tokio::test]
    async fn other_separators_are_known_by_the_first_line() {
        assert_eq!(records(b"a;b,c;d\n1;2;3\n").await[1], row(2, &["1", "2", "3"]));
        assert_eq!(records(b"a\tb\n1\t2\n").await[1], row(2, &["1", "2"]));
        assert_eq!(records(b"\xff,a\nb,c").await, [row(1, &[]), row(2, &["b", "c"])]);
        assert!(records(b"").await.is_empty());
    }

    #[tokio::test]
    async fn a_quote_that_is_never_closed_has_an_end() {
        let spool = Arc::new(MemorySpool::default());
        let text = format!("a,b\n1,2\n3,\"{}", "x\n".repeat(RECORD_BYTES_MAX));
        spool.append("f", text.into()).await.unwrap();
        let mut records = Records::new(Reader::new(spool, "f"));
        records.next().await.unwrap();
        records.next().await.unwrap();
        let error = records.next().await.unwrap_err();
        assert!(error.message.contains("line 3"), "{error}");
    }
}
