//! What a file of invoice lines comes to: invoices in the file's order, the goods that they need, and the totals.
//! It does not know the shop; what the shop answers is compared with these totals.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;

use domain::country::Country;
use domain::quantity::Quantity;
use domain::sku::Sku;
use jiff::Timestamp;

use super::rows::{Error, NoSale, Rows, Sale};

/// How many unreadable rows are told one by one.
pub const UNREADABLE_TOLD_MAX: usize = 20;

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub sku: Sku,
    pub title: String,
    pub quantity: Quantity,
    /// Pence.
    pub unit_price: i64,
}

/// One invoice, its lines in the file's order and never merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub number: String,
    /// Of its first line.
    pub at: Timestamp,
    pub customer: Option<String>,
    pub country: Option<Country>,
    pub lines: Vec<Line>,
}

/// What is sold under one stock code.
#[derive(Debug, Clone)]
pub struct Goods {
    pub sku: Sku,
    /// Its most frequent description; of equally frequent ones, the first.
    pub title: String,
    /// Its most frequent price, in pence.
    pub price: i64,
    /// Units sold, over all invoices.
    pub units: i64,
    /// Which invoices take how many: another file with the same sum needs its own goods.
    pub uses: Vec<(String, u32)>,
}

/// Sums that the shop's answers must come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub orders: u64,
    pub lines: u64,
    pub units: u64,
    /// Pence.
    pub revenue: i128,
}

impl Sums {
    pub fn add_line(&mut self, quantity: u32, unit_price: i64) {
        self.lines += 1;
        self.units += u64::from(quantity);
        self.revenue += i128::from(quantity) * i128::from(unit_price);
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Book {
    pub rows: u64,
    pub invoices: Vec<Invoice>,
    /// By stock code.
    pub goods: Vec<Goods>,
    pub customers: usize,
    pub sums: Sums,
    pub skipped: BTreeMap<String, u64>,
    /// Line number and reason, of the first few.
    pub unreadable: Vec<(u64, String)>,
}

#[derive(Default)]
struct Tally {
    titles: Votes<String>,
    prices: Votes<i64>,
    units: i64,
    uses: Vec<(String, u32)>,
}

/// Counts what comes, and keeps the order in which it came first.
struct Votes<T>(Vec<(T, u64)>);

impl<T> Default for Votes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Votes<T> {
    fn count(&mut self, value: T) {
        match self.0.iter_mut().find(|(known, _)| *known == value) {
            Some((_, votes)) => *votes += 1,
            None => self.0.push((value, 1)),
        }
    }

    fn winner(self) -> Option<T> {
        let most = self.0.iter().map(|(_, votes)| *votes).max()?;
        self.0.into_iter().find(|(_, votes)| *votes == most).map(|(value, _)| value)
    }
}

impl Book {
    /// Reads a whole file. Only a file that is none of this kind is an error; bad rows are counted.
    pub fn read(source: impl BufRead) -> Result<Self, Error> {
        let mut book = Self::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut tallies: BTreeMap<Sku, Tally> = BTreeMap::new();
        let mut customers: BTreeSet<String> = BTreeSet::new();
        for row in Rows::new(source)? {
            let row = row?;
            book.rows += 1;
            let sale = match row.content {
                Ok(sale) => *sale,
                Err(no_sale) => {
                    book.skip(row.line, &no_sale);
                    continue;
                }
            };
            customers.extend(sale.customer.clone());
            let tally = tallies.entry(sale.sku.clone()).or_default();
            tally.titles.count(sale.description.clone());
            tally.prices.count(sale.unit_price);
            tally.units += i64::from(sale.quantity.get());
            tally.uses.push((sale.invoice.clone(), sale.quantity.get()));
            book.sums.add_line(sale.quantity.get(), sale.unit_price);
            let place = *places.entry(sale.invoice.clone()).or_insert(book.invoices.len());
            book.enter(place, sale);
        }
        book.sums.orders = book.invoices.len() as u64;
        book.customers = customers.len();
        book.goods = tallies.into_iter().map(|(sku, tally)| goods(sku, tally)).collect();
        Ok(book)
    }

    pub fn skipped_rows(&self) -> u64 {
        self.skipped.values().sum()
    }

    fn skip(&mut self, line: u64, why: &NoSale) {
        *self.skipped.entry(why.to_string()).or_default() += 1;
        if let NoSale::Unreadable(reason) = why
            && self.unreadable.len() < UNREADABLE_TOLD_MAX
        {
            self.unreadable.push((line, reason.clone()));
        }
    }

    fn enter(&mut self, place: usize, sale: Sale) {
        let line =
            Line { sku: sale.sku, title: sale.description, quantity: sale.quantity, unit_price: sale.unit_price };
        match self.invoices.get_mut(place) {
            Some(invoice) => {
                invoice.customer = invoice.customer.take().or(sale.customer);
                invoice.country = invoice.country.or(sale.country);
                invoice.lines.push(line);
            }
            None => self.invoices.push(Invoice {
                number: sale.invoice,
                at: sale.at,
                customer: sale.customer,
                country: sale.country,
                lines: vec![line],
            }),
        }
    }
}

fn goods(sku: Sku, tally: Tally) -> Goods {
    let named = tally.titles.winner().filter(|title| title.chars().any(char::is_alphanumeric));
    Goods {
        title: named.unwrap_or_else(|| sku.to_string()),
        price: tally.prices.winner().unwrap_or(0),
        units: tally.units,
        uses: tally.uses,
        sku,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../../../data/online-retail.csv");

    /// The numbers of data/README.md, which were computed from the file by other means.
    #[test]
    fn the_real_file_comes_to_its_ground_truth() {
        let book = Book::read(REAL).unwrap();
        assert_eq!(book.rows, 10_000);
        assert_eq!(book.sums, Sums { orders: 424, lines: 9_854, units: 90_121, revenue: 18_424_833 });
        assert_eq!((book.goods.len(), book.customers), (1_990, 303));
        let largest = book.invoices.iter().max_by_key(|invoice| invoice.lines.len()).unwrap();
        assert_eq!((largest.number.as_str(), largest.lines.len()), ("536876", 593));
        let skipped: Vec<(&str, u64)> = book.skipped.iter().map(|(why, rows)| (why.as_str(), *rows)).collect();
        let correction = "stock correction (below zero, without a price)";
        assert_eq!(skipped, [("cancellation", 100), ("no price", 16), (correction, 30)]);
        assert_eq!(book.skipped_rows(), 146);
        assert!(book.unreadable.is_empty());
    }

    #[test]
    fn the_real_file_is_as_odd_as_real_input_is() {
        let book = Book::read(REAL).unwrap();
        let folded: BTreeSet<String> = book.goods.iter().map(|goods| goods.sku.as_str().to_lowercase()).collect();
        assert_eq!(folded.len(), 1_963);
        let repeats = |invoice: &&Invoice| {
            let skus: BTreeSet<&Sku> = invoice.lines.iter().map(|line| &line.sku).collect();
            skus.len() < invoice.lines.len()
        };
        assert_eq!(book.invoices.iter().filter(repeats).count(), 66);
        let units: i64 = book.goods.iter().map(|goods| goods.units).sum();
        assert_eq!(units, 90_121);
        assert!(book.goods.iter().all(|goods| goods.price > 0 && !goods.title.is_empty()));
        let countries: BTreeSet<&str> =
            book.invoices.iter().filter_map(|invoice| invoice.country).map(Country::code).collect();
        assert_eq!(countries.len(), 15, "{countries:?}");
        assert!(countries.contains("IE"));
    }

    #[test]
    fn what_is_most_frequent_names_and_prices_goods() {
        let head = "InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country\n";
        let rows = "1;A;cup;1;1/12/2010 08:26;1;;\n2;A;mug;1;1/12/2010 08:26;2;9;\n1;A;mug;3;1/12/2010 08:27;2;7;GB\n\
                    1;b;?;1;1/12/2010 08:26;5;;\n";
        let book = Book::read(format!("{head}{rows}").as_bytes()).unwrap();
        let found: Vec<_> = book.goods.iter().map(|goods| (goods.title.as_str(), goods.price, goods.units)).collect();
        assert_eq!(found, [("mug", 200, 5), ("b", 500, 1)]);
        let numbers: Vec<_> =
            book.invoices.iter().map(|invoice| (invoice.number.as_str(), invoice.lines.len())).collect();
        assert_eq!(numbers, [("1", 3), ("2", 1)]);
        assert_eq!(book.invoices[0].customer.as_deref(), Some("7"));
        assert_eq!(book.customers, 2);
    }
}
