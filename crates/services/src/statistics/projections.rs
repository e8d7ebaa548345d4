//! What statistics are read from: sales per shard and UTC day, in quarter hours; and currencies per shard.
//! It does not add shards up; that is done when they are read.
//!
//! A sale is counted when the books say that the order was placed, once it is confirmed. The fact that confirms an order
//! does not repeat what was bought, so a day remembers what was placed on it; an order that is confirmed on a later day is
//! written down by its key there, looked up when it is read, and counted when it was confirmed. So are refunds.

use std::collections::BTreeMap;

use domain::ids::OrderId;
use domain::ledger::{self, Account};
use domain::money::Currency;
use domain::order::{Fact, Placement};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use platform::documents::{Collection, Entry, tuple};
use platform::log::StreamId;
use platform::log::executor::CommittedFact;
use platform::projection::Projection;
use serde::{Deserialize, Serialize};

use contracts::statistics::Sales;
use contracts::{Error, Result};

use super::{KNOWN_MAX, Statistics};
use crate::machinery::stored;

pub const SALES: Collection = Collection::derived("sales");
pub const CURRENCIES: Collection = Collection::derived("sales_currencies");

/// Documents by the UTC days on which they hold sales.
pub const BY_DAY: &str = "day";

const ORDER: &str = "order";
const LEDGER: &str = "ledger";
const QUARTER_S: i64 = 15 * 60;
const DAY_S: i64 = 24 * 60 * 60;
/// Documents per read while they are added up.
const SCAN_CHUNK: usize = 500;

/// A quarter of an hour in UTC, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quarter(i64);

impl Quarter {
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(QUARTER_S))
    }

    /// The first quarter that begins then or later.
    pub fn from(at: Timestamp) -> Self {
        let begins_then = at.as_second().rem_euclid(QUARTER_S) == 0 && at.subsec_nanosecond() == 0;
        Self(Self::of(at).0 + i64::from(!begins_then))
    }

    /// Its UTC day, counted from 1970.
    pub fn day(self) -> i64 {
        (self.0 * QUARTER_S).div_euclid(DAY_S)
    }
}

/// What was confirmed, for as long as it is not known to be sold, or by whom it is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    #[serde(rename = "q")]
    quarter: Quarter,
    #[serde(rename = "c")]
    currency: Currency,
    #[serde(rename = "t", default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(rename = "a")]
    amount: i64,
    #[serde(rename = "u")]
    units: u64,
}

impl Sale {
    fn of(placement: &Placement) -> Self {
        Self {
            quarter: Quarter::of(placement.placed_at),
            currency: placement.currency,
            test: placement.payment.test,
            amount: placement.total(),
            units: placement.lines.iter().map(|line| u64::from(line.quantity.get())).sum(),
        }
    }
}

/// Sales of one quarter hour. Its names are short because a day has many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sold {
    #[serde(rename = "q")]
    quarter: Quarter,
    #[serde(rename = "c")]
    currency: Currency,
    #[serde(rename = "t", default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(rename = "o")]
    orders: u64,
    #[serde(rename = "a")]
    revenue: i64,
    #[serde(rename = "u")]
    units: u64,
}

/// Money that went back, for an order of whatever day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Refunded {
    order: String,
    quarter: Quarter,
    currency: Currency,
    amount: i64,
}

/// What one shard wrote down on one UTC day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayDoc {
    /// By quarter, currency and kind.
    sold: Vec<Sold>,
    /// Placed on this day and not decided on it, by the order's key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    waiting: BTreeMap<String, Sale>,
    /// Confirmed on this day and placed on an earlier one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    confirmed: BTreeMap<String, Quarter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunded: Vec<Refunded>,
}

impl DayDoc {
    fn count(&mut self, sale: &Sale) {
        let key = |sold: &Sold| (sold.quarter, sold.currency, sold.test);
        let place = self.sold.binary_search_by_key(&(sale.quarter, sale.currency, sale.test), key);
        let index = place.unwrap_or_else(|index| {
            let Sale { quarter, currency, test, .. } = *sale;
            self.sold.insert(index, Sold { quarter, currency, test, orders: 0, revenue: 0, units: 0 });
            index
        });
        let sold = &mut self.sold[index];
        sold.orders += 1;
        sold.revenue = sold.revenue.saturating_add(sale.amount);
        sold.units = sold.units.saturating_add(sale.units);
    }
}

pub struct SalesByDay;

impl Projection for SalesByDay {
    const NAME: &'static str = "sales";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = SALES;
    type Doc = DayDoc;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        let counts = match (order_fact(fact), refund(fact)) {
            (Some(fact), _) => {
                matches!(fact, Fact::Placed { .. } | Fact::Confirmed {} | Fact::Rejected { .. } | Fact::Cancelled {})
            }
            (None, refund) => refund.is_some(),
        };
        if counts { vec![format!("{:05}/{}", fact.shard, day_of(fact.time))] } else { Vec::new() }
    }

    fn fold(&self, _: &str, document: Option<DayDoc>, fact: &CommittedFact) -> Option<DayDoc> {
        let mut day = document.unwrap_or_default();
        let order = fact.stream.key();
        if let Some((currency, amount)) = refund(fact) {
            day.refunded.push(Refunded { order, quarter: Quarter::of(fact.time), currency, amount });
            return Some(day);
        }
        match order_fact(fact)? {
            Fact::Placed { placement } => {
                day.waiting.insert(order, Sale::of(placement));
            }
            Fact::Confirmed {} => match day.waiting.remove(&order) {
                Some(sale) => day.count(&sale),
                None => {
                    day.confirmed.insert(order, Quarter::of(fact.time));
                }
            },
            Fact::Rejected { .. } | Fact::Cancelled {} => {
                day.waiting.remove(&order);
            }
            _ => {}
        }
        Some(day)
    }

    fn entries(&self, _: &str, document: &DayDoc) -> Vec<Entry> {
        let sold = document.sold.iter().map(|sold| sold.quarter);
        let later = document.refunded.iter().map(|refunded| refunded.quarter);
        let mut days: Vec<i64> =
            sold.chain(document.confirmed.values().copied()).chain(later).map(Quarter::day).collect();
        days.sort_unstable();
        days.dedup();
        days.into_iter().map(|day| Entry::new(BY_DAY, tuple::Key::new().int(day))).collect()
    }
}

/// How many orders were placed in each currency, per shard. One that came to nothing counts, too: this only says which
/// currencies are worth asking about.
pub struct SoldIn;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldInCurrency {
    pub currency: Currency,
    pub test: bool,
    pub orders: u64,
}

impl Projection for SoldIn {
    const NAME: &'static str = "sales_currencies";
    const VERSION: u32 = 1;
    const COLLECTION: Collection = CURRENCIES;
    type Doc = Vec<SoldInCurrency>;

    fn keys(&self, fact: &CommittedFact) -> Vec<String> {
        match order_fact(fact) {
            Some(Fact::Placed { .. }) => vec![format!("{:05}", fact.shard)],
            _ => Vec::new(),
        }
    }

    fn fold(&self, _: &str, document: Option<Self::Doc>, fact: &CommittedFact) -> Option<Self::Doc> {
        let Fact::Placed { placement } = order_fact(fact)? else { return document };
        let mut all = document.unwrap_or_default();
        let (currency, test) = (placement.currency, placement.payment.test);
        match all.iter_mut().find(|sold| sold.currency == currency && sold.test == test) {
            Some(sold) => sold.orders += 1,
            None => all.push(SoldInCurrency { currency, test, orders: 1 }),
        }
        Some(all)
    }

    fn entries(&self, _: &str, _: &Self::Doc) -> Vec<Entry> {
        Vec::new()
    }
}

fn order_fact(fact: &CommittedFact) -> Option<&Fact> {
    if fact.stream.kind() == ORDER { fact.fact.downcast_ref() } else { None }
}

/// What a posting gives back to a buyer.
fn refund(fact: &CommittedFact) -> Option<(Currency, i64)> {
    if fact.stream.kind() != LEDGER {
        return None;
    }
    let ledger::Fact::Posted { posting } = fact.fact.downcast_ref()?;
    let entry = posting.entries.iter().find(|entry| entry.account == Account::Refunds)?;
    Some((posting.currency, entry.amount))
}

fn day_of(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(TimeZone::UTC).date()
}

impl Statistics {
    /// Sales per quarter of some UTC days, and of a few quarters around them.
    pub(super) async fn tally(
        &self,
        calendar: &super::report::Calendar,
        currency: Currency,
        test: bool,
    ) -> Result<BTreeMap<Quarter, Sales>> {
        let mut tally: BTreeMap<Quarter, Sales> = BTreeMap::new();
        for (_, day) in self.days(calendar).await? {
            for sold in day.sold.iter().filter(|sold| sold.currency == currency && sold.test == test) {
                add(tally.entry(sold.quarter).or_default(), sold.orders, sold.revenue, sold.units);
            }
            for (order, quarter) in &day.confirmed {
                let sale = self.sale(order).await?;
                if sale.currency == currency && sale.test == test {
                    add(tally.entry(*quarter).or_default(), 1, sale.amount, sale.units);
                }
            }
            for refunded in day.refunded.iter().filter(|refunded| refunded.currency == currency) {
                if self.sale(&refunded.order).await?.test == test {
                    let sales = tally.entry(refunded.quarter).or_default();
                    sales.refunded = sales.refunded.saturating_add(refunded.amount);
                }
            }
        }
        Ok(tally)
    }

    async fn days(&self, calendar: &super::report::Calendar) -> Result<BTreeMap<String, DayDoc>> {
        use platform::documents::{Query, Range};
        let (first, last) = calendar.utc_days();
        let range = Range::between(tuple::Key::new().int(first), tuple::Key::new().int(last + 1));
        let mut days = BTreeMap::new();
        let mut after = None;
        loop {
            let query = Query::new(SALES, BY_DAY, range.clone()).limit(SCAN_CHUNK).after(after);
            let page = self.machinery.lists().query(query, self.machinery.clock.now()).await.map_err(stored)?;
            for document in &page.documents {
                // One that holds sales of several days, as after an import of older books, comes once for each.
                if !days.contains_key(&document.id) {
                    days.insert(document.id.clone(), document.read().map_err(stored)?);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(days),
            }
        }
    }

    /// What an order was, whenever it was placed.
    async fn sale(&self, order: &str) -> Result<Sale> {
        if let Some(known) = self.known.lock().get(order) {
            return Ok(*known);
        }
        let id = OrderId::from_key(order).map_err(|error| Error::internal(error.to_string()))?;
        let executor = &self.machinery.executor;
        let facts = executor.log().read_stream(&StreamId::new(ORDER, id.key()), 0, 1).await.map_err(stored)?;
        let missing = || Error::internal(format!("order {id} has no first fact"));
        let decoded = executor.kinds().decode(facts.first().ok_or_else(missing)?);
        let decoded = decoded.map_err(|error| Error::internal(error.to_string()))?;
        let Some(Fact::Placed { placement }) = decoded.downcast_ref() else { return Err(missing()) };
        let sale = Sale::of(placement);
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(order.to_owned(), sale);
        Ok(sale)
    }

    pub(super) async fn sold_in(&self) -> Result<Vec<SoldInCurrency>> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let shards = self.machinery.lists().scan(CURRENCIES, after.as_deref(), SCAN_CHUNK).await;
            let shards = shards.map_err(stored)?;
            for shard in &shards {
                all.extend(shard.read::<Vec<SoldInCurrency>>().map_err(stored)?);
            }
            match shards.last() {
                Some(last) if shards.len() == SCAN_CHUNK => after = Some(last.id.clone()),
                _ => return Ok(all),
            }
        }
    }
}

fn add(sales: &mut Sales, orders: u64, revenue: i64, units: u64) {
    sales.orders += orders;
    sales.revenue = sales.revenue.saturating_add(revenue);
    sales.units = sales.units.saturating_add(units);
}
