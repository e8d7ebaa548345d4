//! Statistics: what was sold when, kept per UTC quarter hour and added up in the shop's own zone.
//! It does not know pages, nor who bought; it hears facts and asks nobody but the shop's settings.

pub mod http;
mod projections;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::shop::Shop;
use contracts::statistics::{SalesReport, Statistics as Contract};
use contracts::{Error, Result};
use domain::money::Currency;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use platform::projection::ErasedProjection;

use crate::machinery::Machinery;
use projections::Sale;

pub use projections::{CURRENCIES, SALES};

/// The longest report, in days: a leap year.
pub const DAYS_MAX: u16 = 366;
/// Orders that are remembered because other days needed to know about them; then all are forgotten.
const KNOWN_MAX: usize = 100_000;

pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    vec![Arc::new(projections::SalesByDay), Arc::new(projections::SoldIn)]
}

pub struct Statistics {
    machinery: Machinery,
    shop: Arc<dyn Shop>,
    /// What orders of other days were; a placement never changes.
    known: Mutex<BTreeMap<String, Sale>>,
}

impl Statistics {
    pub fn new(machinery: &Machinery, shop: Arc<dyn Shop>) -> Self {
        Self { machinery: machinery.clone(), shop, known: Mutex::default() }
    }
}

#[async_trait]
impl Contract for Statistics {
    async fn sales(&self, currency: Currency, days: u16, test: bool) -> Result<SalesReport> {
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Error::field("/days", "out_of_range", format!("1 to {DAYS_MAX} days")));
        }
        let name = self.shop.settings().await?.settings.time_zone.clone();
        // The settings' own rules keep this from happening; numbers in UTC are better than none.
        let zone = TimeZone::get(&name).unwrap_or(TimeZone::UTC);
        let calendar = report::Calendar::new(self.machinery.clock.now(), zone, days)?;
        self.machinery.settle_lists().await?;
        let tally = self.tally(&calendar, currency, test).await?;
        Ok(calendar.report(currency, &tally))
    }

    async fn currencies(&self, test: bool) -> Result<Vec<Currency>> {
        self.machinery.settle_lists().await?;
        let mut orders: BTreeMap<Currency, u64> = BTreeMap::new();
        for sold in self.sold_in().await? {
            if sold.test == test {
                *orders.entry(sold.currency).or_default() += sold.orders;
            }
        }
        let mut orders: Vec<(Currency, u64)> = orders.into_iter().collect();
        orders.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        Ok(orders.into_iter().map(|(currency, _)| currency).collect())
    }
}
