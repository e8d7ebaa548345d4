//! Reads a file of invoice lines, `;`-separated, row by row. A bad row costs that row and nothing else.
//! It does not add anything up, and it does not know the shop.
//!
//! Each line of the file is one row: a quotation mark that is never closed spoils its own line only.

use std::fmt;
use std::io::BufRead;

use domain::country::Country;
use domain::money::{Currency, parse_decimal};
use domain::quantity::Quantity;
use domain::sku::Sku;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::countries::country;

/// The longest line that is read.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The longest invoice number: what an order's reference takes.
const INVOICE_CHARS_MAX: usize = 100;
const COLUMNS: [&str; 8] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];
/// Where the retailer's clocks hang.
const ZONE: &str = "Europe/London";
/// What the retailer's prices are in.
pub const CURRENCY: &str = "GBP";

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("the first line names no column {name}; expected `{}`", COLUMNS.join(";"))]
    Column { name: &'static str },
    #[error("the file is empty")]
    Empty,
    #[error("this build knows no {0}")]
    Unknown(&'static str),
}

/// A line that was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    pub invoice: String,
    /// As it is written: case counts.
    pub sku: Sku,
    pub description: String,
    pub quantity: Quantity,
    /// Pence.
    pub unit_price: i64,
    pub at: Timestamp,
    pub customer: Option<String>,
    pub country: Option<Country>,
}

/// Why a row is no sale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoSale {
    Cancellation,
    StockCorrection,
    ZeroPrice,
    NegativeQuantity,
    NegativePrice,
    Unreadable(String),
}

impl fmt::Display for NoSale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancellation => "cancellation",
            Self::StockCorrection => "stock correction (below zero, without a price)",
            Self::ZeroPrice => "no price",
            Self::NegativeQuantity => "quantity not above zero",
            Self::NegativePrice => "price below zero",
            Self::Unreadable(_) => "unreadable",
        })
    }
}

/// One row and the number of its line in the file, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub content: Result<Box<Sale>, NoSale>,
}

/// The rows of a file.
pub struct Rows<R> {
    source: R,
    line: u64,
    columns: [usize; COLUMNS.len()],
    zone: TimeZone,
    currency: Currency,
}

/// How a line of the file came out.
enum Line {
    End,
    Whole(Vec<u8>),
    TooLong,
}

impl<R: BufRead> Rows<R> {
    /// Reads the first line, which names the columns, in any order.
    pub fn new(mut source: R) -> Result<Self, Error> {
        let Line::Whole(line) = read_line(&mut source)? else { return Err(Error::Empty) };
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        let names = split(line).map_err(|_| Error::Column { name: COLUMNS[0] })?;
        let mut columns = [0; COLUMNS.len()];
        for (column, wanted) in columns.iter_mut().zip(COLUMNS) {
            let found = names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
            *column = found.ok_or(Error::Column { name: wanted })?;
        }
        let zone = TimeZone::get(ZONE).map_err(|_| Error::Unknown(ZONE))?;
        let currency = Currency::parse(CURRENCY).map_err(|_| Error::Unknown(CURRENCY))?;
        Ok(Self { source, line: 1, columns, zone, currency })
    }

    fn read(&self, line: &[u8]) -> Result<Box<Sale>, NoSale> {
        let fields = split(line).map_err(NoSale::Unreadable)?;
        let unreadable = |reason: String| NoSale::Unreadable(reason);
        if fields.len() != COLUMNS.len() {
            return Err(unreadable(format!("{} columns instead of {}", fields.len(), COLUMNS.len())));
        }
        let [invoice, sku, description, quantity, at, price, customer, place] =
            self.columns.map(|column| fields[column].as_str());
        let invoice = invoice.trim();
        let units: i64 = quantity.trim().parse().map_err(|_| unreadable(format!("quantity `{quantity}`")))?;
        let price = self.price(price.trim()).map_err(unreadable)?;
        if invoice.starts_with(['C', 'c']) {
            return Err(NoSale::Cancellation);
        }
        match (units, price) {
            (..0, 0) => return Err(NoSale::StockCorrection),
            (_, 0) => return Err(NoSale::ZeroPrice),
            (_, ..0) => return Err(NoSale::NegativePrice),
            (..=0, _) => return Err(NoSale::NegativeQuantity),
            _ => {}
        }
        if invoice.is_empty() || invoice.chars().count() > INVOICE_CHARS_MAX {
            return Err(unreadable("no usable invoice number".to_owned()));
        }
        let sku = Sku::parse(sku.trim()).map_err(|error| unreadable(format!("stock code: {error}")))?;
        let quantity = u32::try_from(units).ok().and_then(|units| Quantity::new(units).ok());
        let quantity = quantity.ok_or_else(|| unreadable(format!("quantity {units} is beyond what an order takes")))?;
        let customer = Some(customer.trim()).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        Ok(Box::new(Sale {
            invoice: invoice.to_owned(),
            sku,
            description: cleaned(description),
            quantity,
            unit_price: price,
            at: self.time(at.trim()).ok_or_else(|| unreadable(format!("date `{at}`")))?,
            customer,
            country: country(place),
        }))
    }

    /// `2,55` or `2.55` in pence.
    fn price(&self, text: &str) -> Result<i64, String> {
        let amount = parse_decimal(text, self.currency).map_err(|error| format!("price `{text}`: {error}"))?;
        Ok(amount.amount())
    }

    /// `1/12/2010 08:26`, day first, on the retailer's clock.
    fn time(&self, text: &str) -> Option<Timestamp> {
        let (date, time) = text.split_once(' ')?;
        let [day, month, year] = numbers(date, '/')?[..] else { return None };
        let (hour, minute, second) = match numbers(time.trim(), ':')?[..] {
            [hour, minute] => (hour, minute, 0),
            [hour, minute, second] => (hour, minute, second),
            _ => return None,
        };
        let small = |number: i16| i8::try_from(number).ok();
        let clock = (small(hour)?, small(minute)?, small(second)?);
        let local = DateTime::new(year, small(month)?, small(day)?, clock.0, clock.1, clock.2, 0).ok()?;
        Some(local.to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let read = read_line(&mut self.source);
            self.line += 1;
            let content = match read {
                Err(error) => return Some(Err(error.into())),
                Ok(Line::End) => return None,
                Ok(Line::TooLong) => Err(NoSale::Unreadable(format!("the line is longer than {LINE_BYTES_MAX} bytes"))),
                Ok(Line::Whole(line)) if line.trim_ascii().is_empty() => continue,
                Ok(Line::Whole(line)) => self.read(&line),
            };
            return Some(Ok(Row { line: self.line, content }));
        }
    }
}

/// The next line without its end. Of one that is too long only the end is looked for.
fn read_line(source: &mut impl BufRead) -> std::io::Result<Line> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    let mut is_end = true;
    loop {
        let available = source.fill_buf()?;
        if available.is_empty() {
            break;
        }
        is_end = false;
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        is_too_long |= line.len() + taken > LINE_BYTES_MAX;
        if !is_too_long {
            line.extend_from_slice(&available[..taken]);
        }
        source.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(match (is_end, is_too_long) {
        (true, _) => Line::End,
        (_, true) => Line::TooLong,
        _ => Line::Whole(line),
    })
}

fn split(line: &[u8]) -> Result<Vec<String>, String> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(b';').has_headers(false).buffer_capacity(1 << 10).from_reader(line);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(ToOwned::to_owned).collect()),
        Ok(false) => Err("nothing in it".to_owned()),
        Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => Err("not UTF-8".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn numbers(text: &str, mark: char) -> Option<Vec<i16>> {
    text.split(mark).map(|part| part.parse().ok()).collect()
}

/// On one line, single spaces between words.
fn cleaned(text: &str) -> String {
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\u{feff}InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country\r\n";

    fn rows(body: &[u8]) -> Vec<Row> {
        let file = [HEAD.as_bytes(), body].concat();
        Rows::new(&file[..]).unwrap().map(Result::unwrap).collect()
    }

    fn only(body: &str) -> Result<Box<Sale>, NoSale> {
        let mut rows = rows(body.as_bytes());
        assert_eq!(rows.len(), 1);
        rows.remove(0).content
    }

    fn unreadable(body: &str) -> String {
        match only(body) {
            Err(NoSale::Unreadable(reason)) => reason,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_sale_is_read_exactly() {
        let sale = only("536365;85123a; \"LETTER \"\"D\"\"  RING\" ;6;1/12/2010 08:26;2,5;17850;EIRE").unwrap();
        assert_eq!((sale.sku.as_str(), sale.quantity.get(), sale.unit_price), ("85123a", 6, 250));
        assert_eq!(
            (sale.at.to_string().as_str(), sale.country.map(Country::code)),
            ("2010-12-01T08:26:00Z", Some("IE"))
        );
        assert_eq!((sale.invoice.as_str(), sale.customer.as_deref()), ("536365", Some("17850")));
        let quoted = only("1;A;\"LETTER \"\"D\"\"  RING \";6;1/12/2010 08:26;2.55;;Unspecified").unwrap();
        assert_eq!((quoted.description.as_str(), quoted.unit_price), ("LETTER \"D\" RING", 255));
        assert_eq!((quoted.customer, quoted.country), (None, None));
    }

    #[test]
    fn times_are_london_s() {
        let at = |text: &str| only(&format!("1;A;B;1;{text};1;;")).unwrap().at.to_string();
        assert_eq!(at("31/7/2011 08:26"), "2011-07-31T07:26:00Z");
        assert_eq!(at("5/12/2010 20:28:59"), "2010-12-05T20:28:59Z");
        for bad in ["12/31/2010 08:26", "1/12/2010", "yesterday", "1/12/2010 25:00", "1/12 08:00", ""] {
            assert!(unreadable(&format!("1;A;B;1;{bad};1;;")).contains("date"), "{bad}");
        }
    }

    #[test]
    fn what_is_no_sale_says_why() {
        assert_eq!(only("C536379;D;Discount;-1;1/12/2010 09:41;27,50;14527;United Kingdom"), Err(NoSale::Cancellation));
        assert_eq!(only("536589;21777;;-10;1/12/2010 16:50;0;;United Kingdom"), Err(NoSale::StockCorrection));
        assert_eq!(only("536414;22139;;56;1/12/2010 11:52;0;;United Kingdom"), Err(NoSale::ZeroPrice));
        assert_eq!(only("A563186;B;Adjust bad debt;1;1/12/2010 14:51;-11062,06;;"), Err(NoSale::NegativePrice));
        assert_eq!(only("536589;21777;X;-10;1/12/2010 16:50;1,00;;"), Err(NoSale::NegativeQuantity));
    }

    #[test]
    fn bad_rows_are_told_and_cost_only_themselves() {
        assert!(unreadable("1;A;B").contains("3 columns"));
        assert!(unreadable("1;A;B;C;1/12/2010 08:26;1;;").contains("quantity"));
        assert!(unreadable("1;A;B;1;1/12/2010 08:26;0,001;;").contains("price"));
        assert!(unreadable("1;A;B;1;1/12/2010 08:26;1.234,56;;").contains("price"));
        assert!(unreadable("1;A;B;10000000;1/12/2010 08:26;1;;").contains("quantity"));
        assert!(unreadable(";A;B;1;1/12/2010 08:26;1;;").contains("invoice"));
        assert!(unreadable("1;;B;1;1/12/2010 08:26;1;;").contains("stock code"));

        let mut body = b"1;A;\"never closed;1;1/12/2010 08:26;1;;\n\n2;A;B\xff;1;1/12/2010 08:26;1;;\n".to_vec();
        body.extend(std::iter::repeat_n(b'x', LINE_BYTES_MAX + 1));
        body.extend(b"\n3;A;B;1;1/12/2010 08:26;1;;");
        let rows = rows(&body);
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 5, 6]);
        assert_eq!(rows.iter().filter(|row| row.content.is_ok()).count(), 1);
        assert_eq!(rows[1].content, Err(NoSale::Unreadable("not UTF-8".to_owned())));
    }

    #[test]
    fn columns_may_stand_in_any_order_but_must_be_there() {
        let file = "Country;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;InvoiceNo\n\
                    Spain;A;B;2;1/12/2010 08:26;1;;77\n";
        let row = Rows::new(file.as_bytes()).unwrap().next().unwrap().unwrap();
        assert_eq!(row.content.unwrap().invoice, "77");
        assert!(matches!(Rows::new(&b"a;b;c\n"[..]), Err(Error::Column { name: "InvoiceNo" })));
        assert!(matches!(Rows::new(&b""[..]), Err(Error::Empty)));
    }
}
