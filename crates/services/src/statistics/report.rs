//! Quarter hours added up to the days and hours of the shop's own zone, also where a day has 23 or 25 of them.
//! It does not know where the quarters come from.

use std::collections::BTreeMap;

use contracts::statistics::{Bar, Sales, SalesReport};
use contracts::{Error, Result};
use domain::money::Currency;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::projections::Quarter;

/// The days of a report.
pub struct Calendar {
    now: Timestamp,
    zone: TimeZone,
    today: Date,
    yesterday: Date,
    first: Date,
}

impl Calendar {
    /// The last `days`, today among them.
    pub fn new(now: Timestamp, zone: TimeZone, days: u16) -> Result<Self> {
        let today = now.to_zoned(zone.clone()).date();
        let back = |days: i64| today.checked_sub(days.days()).map_err(|error| Error::internal(error.to_string()));
        Ok(Self { now, zone, today, yesterday: back(1)?, first: back(i64::from(days) - 1)? })
    }

    /// The first and the last UTC day that may hold something of the report.
    pub fn utc_days(&self) -> (i64, i64) {
        let first = self.midnight(self.first.min(self.yesterday));
        (Quarter::of(first).day(), Quarter::of(self.end(self.today)).day())
    }

    pub fn report(&self, currency: Currency, tally: &BTreeMap<Quarter, Sales>) -> SalesReport {
        let between = |from: Timestamp, until: Timestamp| sum(tally, from, until);
        let (midnight, before) = (self.midnight(self.today), self.midnight(self.yesterday));
        SalesReport {
            currency,
            time_zone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
            today: between(midnight, self.end(self.today)),
            yesterday_so_far: between(before, self.same_time_yesterday()),
            yesterday: between(before, midnight),
            days: self.days().map(|day| bar(tally, day, self.midnight(day), self.end(day))).collect(),
            today_by_hour: self.hours(tally, self.today),
            yesterday_by_hour: self.hours(tally, self.yesterday),
        }
    }

    fn days(&self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(|day| *day <= self.today)
    }

    fn hours(&self, tally: &BTreeMap<Quarter, Sales>, day: Date) -> Vec<Bar> {
        let end = self.end(day);
        let mut hours = Vec::with_capacity(25);
        let mut from = self.midnight(day);
        while from < end {
            let until = from.checked_add(1.hour()).map_or(end, |until| until.min(end));
            hours.push(bar(tally, day, from, until));
            from = until;
        }
        hours
    }

    /// When a day begins; where clocks jump over midnight, when they have.
    fn midnight(&self, day: Date) -> Timestamp {
        day.to_zoned(self.zone.clone()).map_or(self.now, |zoned| zoned.timestamp())
    }

    fn end(&self, day: Date) -> Timestamp {
        day.tomorrow().map_or(Timestamp::MAX, |next| self.midnight(next))
    }

    fn same_time_yesterday(&self) -> Timestamp {
        let time = self.now.to_zoned(self.zone.clone()).time();
        let then = self.yesterday.to_datetime(time).to_zoned(self.zone.clone());
        then.map_or_else(|_| self.midnight(self.today), |then| then.timestamp())
    }
}

fn bar(tally: &BTreeMap<Quarter, Sales>, day: Date, from: Timestamp, until: Timestamp) -> Bar {
    Bar { from, until, day, sales: sum(tally, from, until) }
}

/// Quarters that begin within.
fn sum(tally: &BTreeMap<Quarter, Sales>, from: Timestamp, until: Timestamp) -> Sales {
    let mut sum = Sales::default();
    if from >= until {
        return sum;
    }
    for sales in tally.range(Quarter::from(from)..Quarter::from(until)).map(|(_, sales)| sales) {
        sum.orders += sales.orders;
        sum.revenue = sum.revenue.saturating_add(sales.revenue);
        sum.refunded = sum.refunded.saturating_add(sales.refunded);
        sum.units = sum.units.saturating_add(sales.units);
    }
    sum
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn calendar(now: &str, zone: &str, days: u16) -> Calendar {
        Calendar::new(now.parse().unwrap(), TimeZone::get(zone).unwrap(), days).unwrap()
    }

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    /// One order of one unit of money at each of these times.
    fn orders(times: &[Timestamp]) -> BTreeMap<Quarter, Sales> {
        let mut tally: BTreeMap<Quarter, Sales> = BTreeMap::new();
        for at in times {
            let sales = tally.entry(Quarter::of(*at)).or_default();
            sales.orders += 1;
            sales.revenue += 1;
        }
        tally
    }

    #[test]
    fn a_day_on_which_clocks_change_has_23_or_25_hours() {
        for (now, today, hours) in [
            ("2026-03-29T12:00:00Z", date(2026, 3, 29), 23),
            ("2026-10-25T12:00:00Z", date(2026, 10, 25), 25),
            ("2026-11-27T12:00:00Z", date(2026, 11, 27), 24),
        ] {
            let report = calendar(now, "Europe/Berlin", 3).report(eur(), &BTreeMap::new());
            assert_eq!(report.today_by_hour.len(), hours, "{now}");
            assert_eq!(report.days.last().map(|bar| bar.day), Some(today));
            assert_eq!(report.days.len(), 3);
            let gapless = report.days.windows(2).all(|pair| pair[0].until == pair[1].from);
            assert!(gapless, "{now}");
        }
    }

    #[test]
    fn sales_of_the_hour_that_comes_twice_are_all_of_that_day() {
        let times = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"].map(|at| at.parse().unwrap());
        let report = calendar("2026-10-25T20:00:00Z", "Europe/Berlin", 1).report(eur(), &orders(&times));
        assert_eq!(report.today.orders, 2);
        assert_eq!(report.today_by_hour[2].sales.orders, 1);
        assert_eq!(report.today_by_hour[3].sales.orders, 1);
    }

    #[test]
    fn yesterday_counts_until_the_same_time_of_the_shops_day() {
        // 09:30 in Seoul is half past midnight in UTC.
        let times = ["2026-11-26T00:15:00Z", "2026-11-26T00:30:00Z", "2026-11-25T15:00:00Z", "2026-11-27T00:29:00Z"];
        let tally = orders(&times.map(|at| at.parse().unwrap()));
        let report = calendar("2026-11-27T00:30:00Z", "Asia/Seoul", 2).report(eur(), &tally);
        assert_eq!((report.today.orders, report.yesterday_so_far.orders, report.yesterday.orders), (1, 2, 3));
        assert_eq!(report.time_zone, "Asia/Seoul");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn bars_lose_nothing_and_count_nothing_twice(
            offsets in prop::collection::vec(0i64..400 * 24 * 3600, 0..60),
            zone in prop::sample::select(vec!["UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Europe/Berlin"]),
            days in 1u16..=366,
        ) {
            let now: Timestamp = "2026-11-27T10:07:00Z".parse().unwrap();
            let calendar = calendar("2026-11-27T10:07:00Z", zone, days);
            let times: Vec<Timestamp> = offsets.iter().map(|offset| now.checked_sub(offset.seconds()).unwrap()).collect();
            let report = calendar.report(eur(), &orders(&times));
            let first = report.days[0].from;
            let expected = times.iter().filter(|at| **at >= first).count() as u64;
            prop_assert_eq!(report.days.iter().map(|bar| bar.sales.orders).sum::<u64>(), expected);
            prop_assert_eq!(report.days.iter().map(|bar| bar.sales.revenue).sum::<i64>(), expected as i64);
            prop_assert_eq!(report.today_by_hour.iter().map(|bar| bar.sales.orders).sum::<u64>(), report.today.orders);
            prop_assert_eq!(report.yesterday_by_hour.iter().map(|bar| bar.sales.orders).sum::<u64>(), report.yesterday.orders);
            prop_assert!(report.yesterday_so_far.orders <= report.yesterday.orders);
            prop_assert_eq!(report.days.len(), usize::from(days));
        }
    }
}
