//! What came of a replay, for people: what was sold, what was left out and why, and whether shop and file agree.
//! It does not sell anything.

use std::fmt;
use std::time::Duration;

use super::book::{Book, Sums};
use super::orders::Sold;
use super::shelves::Filled;
use crate::numbers::grouped;

/// How many failures of one sort are told one by one.
const TOLD_MAX: usize = 20;

pub struct Report {
    pub file: String,
    pub address: String,
    pub book: Book,
    pub filled: Filled,
    pub sold: Sold,
    pub took: Duration,
}

impl Report {
    /// Whether the shop says what the file says.
    pub fn is_right(&self) -> bool {
        self.sold.sums == self.book.sums && self.sold.failed.is_empty() && self.filled.failed.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shop, file) = (self.sold.sums, self.book.sums);
        writeln!(f, "{} → {}", self.file, self.address)?;
        writeln!(f)?;
        writeln!(f, "  {:<10} {:>16} {:>16}", "", "shop", "file")?;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, of: fn(&Sums) -> String| {
            let mark = if of(&shop) == of(&file) { "" } else { "   differs" };
            writeln!(f, "  {name:<10} {:>16} {:>16}{mark}", of(&shop), of(&file))
        };
        row(f, "orders", |sums| grouped(sums.orders))?;
        row(f, "lines", |sums| grouped(sums.lines))?;
        row(f, "units", |sums| grouped(sums.units))?;
        row(f, "revenue", |sums| pounds(sums.revenue))?;
        writeln!(f)?;
        writeln!(f, "  {} placed, {} were there already", grouped(self.sold.placed), grouped(self.sold.found))?;
        let (created, found) = (self.filled.created, self.filled.found);
        writeln!(f, "  {} products made, {} were there already", grouped(created), grouped(found))?;
        let received = u64::try_from(self.filled.received).unwrap_or(0);
        writeln!(f, "  {} units received; {} named customers", grouped(received), grouped(self.book.customers as u64))?;
        let (skipped, rows) = (self.book.skipped_rows(), self.book.rows);
        writeln!(f, "  {} of {} rows skipped", grouped(skipped), grouped(rows))?;
        for (reason, rows) in &self.book.skipped {
            writeln!(f, "    {:>6}  {reason}", grouped(*rows))?;
        }
        for (line, reason) in &self.book.unreadable {
            writeln!(f, "            line {line}: {reason}")?;
        }
        failures(f, "products", "failed", &self.filled.failed)?;
        failures(f, "invoices", "failed", &self.sold.failed)?;
        writeln!(f, "  took {:.1} s", self.took.as_secs_f64())?;
        writeln!(f)?;
        writeln!(f, "{}", if self.is_right() { "The shop says what the file says." } else { "Shop and file differ." })
    }
}

fn failures(f: &mut fmt::Formatter<'_>, what: &str, how: &str, failed: &[(String, String)]) -> fmt::Result {
    if failed.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {} {what} {how}", grouped(failed.len() as u64))?;
    for (name, reason) in failed.iter().take(TOLD_MAX) {
        writeln!(f, "    {name}: {reason}")?;
    }
    if failed.len() > TOLD_MAX {
        writeln!(f, "    and {} more", failed.len() - TOLD_MAX)?;
    }
    Ok(())
}

/// Pence as £184,248.33.
fn pounds(pence: i128) -> String {
    let sign = if pence < 0 { "-" } else { "" };
    let pence = pence.unsigned_abs();
    let whole = u64::try_from(pence / 100).unwrap_or(u64::MAX);
    format!("{sign}£{}.{:02}", grouped(whole), pence % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(pounds(18_424_833), "£184,248.33");
        assert_eq!((pounds(5), pounds(-123_456), pounds(0)), ("£0.05".into(), "-£1,234.56".into(), "£0.00".into()));
        assert_eq!(
            (grouped(424), grouped(9_854), grouped(1_000_000)),
            ("424".into(), "9,854".into(), "1,000,000".into())
        );
    }

    #[test]
    fn what_differs_is_said() {
        let sums = Sums { orders: 1, lines: 2, units: 3, revenue: 450 };
        let book = Book { sums, rows: 2, ..Book::default() };
        let sold = |sums| Sold { placed: 0, found: 1, sums, failed: Vec::new() };
        let report = |sold| Report {
            file: "f".into(),
            address: "a".into(),
            book: Book { sums: book.sums, rows: 2, ..Book::default() },
            filled: Filled::default(),
            sold,
            took: Duration::from_millis(1_500),
        };
        let right = report(sold(sums));
        assert!(right.is_right());
        assert!(right.to_string().contains("0 placed, 1 were there already"));
        let wrong = report(sold(Sums { revenue: 449, ..sums }));
        assert!(!wrong.is_right());
        assert!(wrong.to_string().contains("differs") && wrong.to_string().ends_with("Shop and file differ.\n"));
    }
}
