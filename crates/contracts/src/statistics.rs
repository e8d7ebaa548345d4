//! Numbers about what was sold: for the dashboard.
//! It does not know pages, nor who bought. Test orders are counted apart.

use async_trait::async_trait;
use domain::money::Currency;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::Result;

/// What was sold in one stretch of time, in one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// Confirmed orders.
    pub orders: u64,
    /// Their totals, in minor units.
    pub revenue: i64,
    /// What went back to buyers in that time, in minor units.
    pub refunded: i64,
    /// Pieces.
    pub units: u64,
}

/// A stretch of time and what was sold in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    pub from: Timestamp,
    pub until: Timestamp,
    /// The day in the shop's time zone on which it begins.
    pub day: Date,
    pub sales: Sales,
}

/// Sales over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesReport {
    pub currency: Currency,
    /// IANA name: days are the shop's.
    pub time_zone: String,
    /// From midnight until now.
    pub today: Sales,
    /// Yesterday until the same time of the day.
    pub yesterday_so_far: Sales,
    pub yesterday: Sales,
    /// The last days, the oldest first, today at the end.
    pub days: Vec<Bar>,
    /// The hours of today so far and to come, and of yesterday.
    pub today_by_hour: Vec<Bar>,
    pub yesterday_by_hour: Vec<Bar>,
}

#[async_trait]
pub trait Statistics: Send + Sync {
    /// `days`: 1 to 366. With `test`, orders with which no money moves are counted, and no others.
    async fn sales(&self, currency: Currency, days: u16, test: bool) -> Result<SalesReport>;

    /// Currencies in which anything was ever sold, the one with the most orders first.
    async fn currencies(&self, test: bool) -> Result<Vec<Currency>>;
}
