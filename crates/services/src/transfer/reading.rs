//! A file of products, one product after the other, with everything that is wrong told on the way.
//! It does not know the shop. What it remembers of the file is a few bytes for each product and SKU, to tell doubles.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use contracts::transfer::{Format, RowProblem, Severity};
use contracts::{Error, Result};
use domain::field::FieldError;
use domain::money::Currency;
use domain::text::Slug;

use super::columns::{Column, Header};
use super::goods::{Goods, Told};
use super::lines::{LINE_BYTES_MAX, Line};
use super::operations::{Running, problem};
use super::records::{Record, Records};
use super::sheet::SheetReader;
use super::spool::Reader;

/// A product with 2,000 variants and all its pictures, each on a row of its own.
const ROWS_OF_ONE_MAX: usize = 2_500;
/// Members that mean nothing are told up to so many.
const IGNORED_MAX: usize = 200;

/// The products of a file.
pub struct Products {
    source: Source,
    running: Arc<Running>,
    seen: Seen,
}

enum Source {
    Csv { records: Box<Records>, header: Option<Header>, currency: Option<Currency>, next: Option<Record> },
    Jsonl { reader: Reader, buffer: BytesMut, line: u64, is_end: bool },
}

/// Which names stood where: 64 bits of each are enough to tell them apart.
#[derive(Default)]
struct Seen(BTreeMap<u64, u32>);

impl Seen {
    /// The line on which it stood before.
    fn before(&mut self, kind: &str, name: &str, line: u64) -> Option<u32> {
        let mut hasher = DefaultHasher::new();
        (kind, name).hash(&mut hasher);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        match self.0.entry(hasher.finish()) {
            std::collections::btree_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(line);
                None
            }
        }
    }
}

impl Products {
    pub fn new(reader: Reader, format: Format, currency: Option<Currency>, running: Arc<Running>) -> Self {
        let source = match format {
            Format::Csv => Source::Csv { records: Box::new(Records::new(reader)), header: None, currency, next: None },
            Format::Jsonl => Source::Jsonl { reader, buffer: BytesMut::new(), line: 0, is_end: false },
        };
        Self { source, running, seen: Seen::default() }
    }

    /// The next product of which anything can be used.
    pub async fn next(&mut self) -> Result<Option<Goods>> {
        loop {
            let (goods, is_end) = match &self.source {
                Source::Csv { .. } => self.next_of_csv().await?,
                Source::Jsonl { .. } => self.next_of_jsonl().await?,
            };
            let read = match &self.source {
                Source::Csv { records, .. } => records.read(),
                Source::Jsonl { reader, buffer, .. } => reader.read() - buffer.len() as u64,
            };
            self.running.update(|operation| operation.progress.done = read);
            match goods {
                Some(goods) => return Ok(Some(goods)),
                None if is_end => return Ok(None),
                None => self.running.update(|operation| operation.products.failed += 1),
            }
        }
    }

    /// All rows of the next handle. Rows that belong to no product are told.
    async fn next_of_csv(&mut self) -> Result<(Option<Goods>, bool)> {
        let Some((handle, rows)) = self.rows_of_one().await? else { return Ok((None, true)) };
        let Source::Csv { header: Some(header), currency: Some(currency), .. } = &self.source else {
            return Err(Error::internal("a file of rows is read without a currency"));
        };
        let line = rows.first().map_or(0, |row| row.line);
        let tell = |severity, column, code: &str, message: String, value: &str, line| {
            let name = header.name(column);
            self.running.tell(problem(line, severity, name, &FieldError::new("", code, message), value));
        };
        let slug = match Slug::parse(&handle).or_else(|_| Slug::from_title(&handle)) {
            Ok(slug) => slug,
            Err(error) => {
                tell(Severity::Error, Column::Handle, "invalid_slug", error.to_string(), &handle, line);
                return Ok((None, false));
            }
        };
        if let Some(before) = self.seen.before("product", slug.as_str(), line) {
            let message = format!("stands on line {before} already: the rows of a product must follow each other");
            tell(Severity::Error, Column::Handle, "duplicate", message, &handle, line);
            return Ok((None, false));
        }
        let mut reader = SheetReader { header, currency: *currency, problems: Vec::new() };
        let sheet = reader.read(slug.clone(), &rows);
        reader.problems.into_iter().for_each(|problem| self.running.tell(problem));
        let Some(mut sheet) = sheet else { return Ok((None, false)) };
        sheet.variants.retain(|variant| match self.seen.before("sku", variant.sku.as_str(), variant.line) {
            Some(before) => {
                let message = format!("stands on line {before} already");
                tell(Severity::Error, Column::Sku, "duplicate", message, variant.sku.as_str(), variant.line);
                false
            }
            None => true,
        });
        if sheet.variants.is_empty() {
            return Ok((None, false));
        }
        Ok((Some(Goods { line, slug, told: Told::Sheet(Box::new(sheet)) }), false))
    }

    async fn rows_of_one(&mut self) -> Result<Option<(String, Vec<Record>)>> {
        let Source::Csv { records, header, next, .. } = &mut self.source else { return Ok(None) };
        if header.is_none() {
            let first = records.next().await?;
            let read = Header::read(first.and_then(|first| first.fields).unwrap_or_default())?;
            self.running.update(|operation| operation.ignored_columns = read.ignored());
            *header = Some(read);
        }
        let Some(header) = header else { return Ok(None) };
        let mut one: Option<(String, Vec<Record>)> = None;
        loop {
            let record = match next.take() {
                Some(record) => record,
                None => match records.next().await? {
                    Some(record) => {
                        self.running.update(|operation| operation.rows += 1);
                        record
                    }
                    None => return Ok(one),
                },
            };
            let bad = |column: Option<Column>, code: &str, message: &str| {
                let name = column.and_then(|column| header.name(column));
                let error = FieldError::new("", code, message);
                self.running.tell(problem(record.line, Severity::Error, name, &error, ""));
            };
            let Some(fields) = &record.fields else {
                bad(None, "not_utf8", "this is not UTF-8: save the file as CSV UTF-8");
                continue;
            };
            if fields.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            if fields.len() > header.width() && fields[header.width()..].iter().any(|field| !field.trim().is_empty()) {
                bad(None, "too_many_fields", "has more fields than the first row: a comma outside of quotation marks?");
                continue;
            }
            let Some(handle) = header.value(fields, Column::Handle).map(ToOwned::to_owned) else {
                bad(Some(Column::Handle), "required", "a row must say which product it belongs to");
                continue;
            };
            match &mut one {
                None => one = Some((handle, vec![record])),
                Some((known, _)) if *known != handle => {
                    *next = Some(record);
                    return Ok(one);
                }
                Some((_, rows)) if rows.len() < ROWS_OF_ONE_MAX => rows.push(record),
                Some(_) => bad(Some(Column::Handle), "too_many", "a product has at most 2,500 rows"),
            }
        }
    }

    async fn next_of_jsonl(&mut self) -> Result<(Option<Goods>, bool)> {
        let Some((number, text)) = self.next_line().await? else { return Ok((None, true)) };
        self.running.update(|operation| operation.rows += 1);
        let tell = |pointer: Option<&str>, code: &str, message: String, value: &str| {
            let error = FieldError::new("", code, message);
            let problem: RowProblem = problem(number, Severity::Error, pointer, &error, value);
            self.running.tell(problem);
        };
        let Some(text) = text else {
            tell(None, "not_utf8", "this is not UTF-8".to_owned(), "");
            return Ok((None, false));
        };
        let line = match Line::read(&text) {
            Ok(line) => line,
            Err(message) => {
                tell(None, "malformed", message, &text);
                return Ok((None, false));
            }
        };
        let slug = match line.slug() {
            Ok(slug) => slug,
            Err(message) => {
                tell(Some("/slug"), "invalid_slug", message, line.slug.as_deref().unwrap_or_default());
                return Ok((None, false));
            }
        };
        self.tell_ignored(&line);
        let skus: Vec<String> = line.variants.iter().flatten().map(|variant| variant.variant.sku.clone()).collect();
        let names = std::iter::once(("/slug".to_owned(), "product", slug.to_string()))
            .chain(skus.into_iter().enumerate().map(|(at, sku)| (format!("/variants/{at}/sku"), "sku", sku)));
        let mut doubles = Vec::new();
        for (pointer, kind, name) in names {
            doubles.extend(self.seen.before(kind, &name, number).map(|before| (pointer, name, before)));
        }
        if let Some((pointer, name, before)) = doubles.first() {
            tell(Some(pointer), "duplicate", format!("stands on line {before} already"), name);
            return Ok((None, false));
        }
        Ok((Some(Goods { line: number, slug, told: Told::Line(Box::new(line)) }), false))
    }

    fn tell_ignored(&self, line: &Line) {
        let ignored = line.ignored();
        if ignored.is_empty() {
            return;
        }
        self.running.update(|operation| {
            for name in ignored {
                let told = &mut operation.ignored_columns;
                if told.len() < IGNORED_MAX && !told.iter().any(|known| known == name) {
                    told.push(name.chars().take(80).collect());
                }
            }
        });
    }

    /// The next line with anything on it; `None` for its text where it is no UTF-8.
    async fn next_line(&mut self) -> Result<Option<(u64, Option<String>)>> {
        let Source::Jsonl { reader, buffer, line, is_end } = &mut self.source else { return Ok(None) };
        let mut looked_at = 0;
        loop {
            let end = buffer[looked_at..].iter().position(|byte| *byte == b'\n').map(|at| looked_at + at);
            let text = match end {
                Some(end) => {
                    let text = buffer.split_to(end);
                    buffer.advance(1);
                    text
                }
                None if *is_end && buffer.is_empty() => return Ok(None),
                None if *is_end => buffer.split(),
                None => {
                    looked_at = buffer.len();
                    if looked_at > LINE_BYTES_MAX {
                        let message = format!("line {} has more than {LINE_BYTES_MAX} bytes", *line + 1);
                        return Err(Error::field("", "endless_row", message));
                    }
                    match reader.next().await? {
                        Some(piece) => buffer.extend_from_slice(&piece),
                        None => *is_end = true,
                    }
                    continue;
                }
            };
            *line += 1;
            looked_at = 0;
            let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
            if !text.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((*line, std::str::from_utf8(text).ok().map(ToOwned::to_owned))));
            }
        }
    }
}
