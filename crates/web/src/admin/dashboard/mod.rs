//! `/admin`: how the shop does today, what waits for staff, and how it went lately.
//! It does not count anything; statistics and lists are asked for what they know.

mod chart;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use contracts::inventory::StockLevels;
use contracts::mail::MailState;
use contracts::orders::{ProcessState, WantedOrders};
use contracts::presence::Visitors;
use contracts::products::WantedProducts;
use contracts::statistics::{Sales, SalesReport};
use domain::money::Currency;
use domain::order::Status;
use platform::http::extract::Params;
use platform::http::problem::Problem;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Answer};
use super::frame::Frame;
use super::lists::{Choice, href};
use super::orders::{self, Row};
use super::session::Session;
use super::words::fill;
use chart::Chart;

const DAYS_DEFAULT: u16 = 30;
/// What is counted for the list of things to do; more is told as "more than".
const COUNTED_MAX: usize = 100;
const LATEST: usize = 6;
const LOW_STOCK: usize = 8;

pub fn router() -> Router<Admin> {
    Router::new().route("/admin", get(show))
}

#[derive(Template)]
#[template(path = "admin/dashboard/page.html")]
struct DashboardPage {
    frame: Frame,
    visitors: Visitors,
    numbers: Option<Numbers>,
    is_test: bool,
    kinds: Vec<Choice>,
    to_do: Vec<ToDo>,
    low_stock: Vec<Low>,
    latest: Vec<Row>,
    /// What is left to do before a guest can buy; empty in a shop that sells.
    opening: Vec<OpeningStep>,
}

/// One currency's numbers.
struct Numbers {
    currencies: Vec<Choice>,
    periods: Vec<Choice>,
    tiles: Vec<Tile>,
    by_hour: Chart,
    by_day: Chart,
    days_title: String,
    zone: String,
}

struct Tile {
    label: &'static str,
    value: String,
    change: String,
    /// `up`, `down` or neither.
    tone: &'static str,
    yesterday: String,
}

struct ToDo {
    label: &'static str,
    count: String,
    href: &'static str,
    is_grave: bool,
}

struct Low {
    sku: String,
    href: String,
    left: String,
    is_out: bool,
}

struct OpeningStep {
    label: &'static str,
    href: &'static str,
    is_done: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    currency: String,
    test: String,
    days: String,
}

impl Asked {
    fn days(&self) -> u16 {
        self.days.parse().ok().filter(|days| (1..=366).contains(days)).unwrap_or(DAYS_DEFAULT)
    }
}

async fn show(State(admin): State<Admin>, session: Session, asked: Result<Params<Asked>, Problem>) -> Answer {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let frame = admin.frame(&session, session.words.frame.home).await?;
    let real = admin.services.statistics.currencies(false).await?;
    let tests = admin.services.statistics.currencies(true).await?;
    // A shop that is only tried out shows what there is.
    let is_test = match asked.test.as_str() {
        "yes" => true,
        "no" => false,
        _ => real.is_empty() && !tests.is_empty(),
    };
    let currencies = if is_test { &tests } else { &real };
    let wanted = Currency::parse(&asked.currency).ok().filter(|currency| currencies.contains(currency));
    let numbers = match wanted.or(currencies.first().copied()) {
        Some(currency) => {
            let report = admin.services.statistics.sales(currency, asked.days(), is_test).await?;
            Some(numbers(&frame, &report, currencies, is_test, asked.days()))
        }
        None => None,
    };
    let words = session.words.dashboard;
    let kind = |label: &str, test: bool| Choice {
        value: String::new(),
        label: label.to_owned(),
        href: href("/admin", &[("test", if test { "yes" } else { "no" }), ("days", &asked.days)]),
        is_current: test == is_test,
    };
    let has_both = is_test || !tests.is_empty();
    let page = DashboardPage {
        visitors: admin.services.presence.visitors().await,
        numbers,
        is_test,
        kinds: if has_both { vec![kind(words.real, false), kind(words.test, true)] } else { Vec::new() },
        to_do: admin.to_do(&session).await?,
        low_stock: admin.low_stock(&session).await?,
        latest: admin.latest(&frame).await?,
        opening: if real.is_empty() { admin.opening(&frame).await? } else { Vec::new() },
        frame,
    };
    Ok(answer::page(&page))
}

fn numbers(frame: &Frame, report: &SalesReport, currencies: &[Currency], is_test: bool, days: u16) -> Numbers {
    let words = frame.words.dashboard;
    let test = if is_test { "yes" } else { "no" };
    let link = |currency: Currency, days: u16| {
        href("/admin", &[("test", test), ("currency", currency.code()), ("days", &days.to_string())])
    };
    let currency = |currency: &Currency| Choice {
        value: String::new(),
        label: currency.code().to_owned(),
        href: link(*currency, days),
        is_current: *currency == report.currency,
    };
    let periods = [(7, words.days_7), (30, words.days_30), (90, words.days_90), (365, words.days_365)];
    let period = |(count, label): (u16, &str)| Choice {
        value: String::new(),
        label: label.to_owned(),
        href: link(report.currency, count),
        is_current: count == days,
    };
    Numbers {
        currencies: currencies.iter().map(currency).collect(),
        periods: periods.into_iter().map(period).collect(),
        tiles: tiles(frame, report),
        by_hour: chart::by_hour(frame, report),
        by_day: chart::by_day(frame, report),
        days_title: fill(words.by_day, &[&report.days.len().to_string()]),
        zone: fill(words.zone, &[&report.time_zone]),
    }
}

fn tiles(frame: &Frame, report: &SalesReport) -> Vec<Tile> {
    let words = frame.words.dashboard;
    let money = |amount: i64| frame.money(amount, report.currency);
    let count = |count: i64| count.to_string();
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let tile = |label, of: &dyn Fn(&Sales) -> i64, write: &dyn Fn(i64) -> String| {
        let (today, then) = (of(&report.today), of(&report.yesterday_so_far));
        let change = today.saturating_sub(then);
        let (phrase, tone) = match change {
            0 => (words.same.to_owned(), ""),
            1.. => (fill(words.up, &[&write(change)]), "up"),
            _ => (fill(words.down, &[&write(-change)]), "down"),
        };
        let yesterday = fill(words.all_of_yesterday, &[&write(of(&report.yesterday))]);
        Tile { label, value: write(today), change: phrase, tone, yesterday }
    };
    let mut tiles = vec![
        tile(words.revenue, &|sales| sales.revenue, &money),
        tile(words.orders, &|sales| whole(sales.orders), &count),
        tile(words.average, &average, &money),
        tile(words.units, &|sales| whole(sales.units), &count),
    ];
    if report.today.refunded != 0 || report.yesterday.refunded != 0 {
        tiles.push(Tile { tone: "", ..tile(words.refunded, &|sales| sales.refunded, &money) });
    }
    tiles
}

/// Rounded down to a whole minor unit.
fn average(sales: &Sales) -> i64 {
    i64::try_from(sales.orders).ok().and_then(|orders| sales.revenue.checked_div(orders)).unwrap_or(0)
}

impl Admin {
    async fn to_do(&self, session: &Session) -> contracts::Result<Vec<ToDo>> {
        let words = session.words.dashboard;
        let wanted = WantedOrders {
            status: Some(Status::Confirmed),
            fulfillment_status: Some("unfulfilled".to_owned()),
            limit: COUNTED_MAX,
            ..WantedOrders::default()
        };
        let to_ship = self.services.orders.orders(&wanted).await?;
        let parked = self.services.orders.processes(Some(ProcessState::Parked), None, COUNTED_MAX).await?;
        let count = |count: usize, more: bool| match more {
            true => fill(words.more_than, &[&count.to_string()]),
            false => count.to_string(),
        };
        let mut to_do = Vec::new();
        if !parked.items.is_empty() {
            to_do.push(ToDo {
                label: words.parked,
                count: count(parked.items.len(), parked.next_cursor.is_some()),
                href: "/admin/processes?state=parked",
                is_grave: true,
            });
        }
        if !to_ship.items.is_empty() {
            to_do.push(ToDo {
                label: words.to_ship,
                count: count(to_ship.items.len(), to_ship.next_cursor.is_some()),
                href: "/admin/orders?status=confirmed&fulfillment=unfulfilled",
                is_grave: false,
            });
        }
        let mails = [
            (MailState::Failed, words.mail_failed, "/admin/mail?state=failed"),
            (MailState::Waiting, words.mail_waiting, "/admin/mail?state=waiting"),
        ];
        for (state, label, href) in mails {
            let found = self.services.mail.mails(None, Some(state), None, COUNTED_MAX).await?;
            if !found.items.is_empty() {
                let count = count(found.items.len(), found.next_cursor.is_some());
                to_do.push(ToDo { label, count, href, is_grave: state == MailState::Failed });
            }
        }
        Ok(to_do)
    }

    async fn low_stock(&self, session: &Session) -> contracts::Result<Vec<Low>> {
        let words = session.words.dashboard;
        let levels = self.services.stock.levels(None, true, None, LOW_STOCK).await?;
        let low = |level: &StockLevels| Low {
            sku: level.sku.clone(),
            href: href("/admin/stock/item", &[("sku", level.sku.as_str())]),
            left: match level.available {
                ..=0 => words.sold_out.to_owned(),
                left => fill(words.low_stock_left, &[&left.to_string()]),
            },
            is_out: level.available <= 0,
        };
        Ok(levels.items.iter().map(low).collect())
    }

    async fn latest(&self, frame: &Frame) -> contracts::Result<Vec<Row>> {
        let wanted = WantedOrders { limit: LATEST, ..WantedOrders::default() };
        let latest = self.services.orders.orders(&wanted).await?;
        Ok(latest.items.iter().map(|row| orders::shown(frame, row)).collect())
    }

    /// What is left to do before a guest can buy.
    async fn opening(&self, frame: &Frame) -> contracts::Result<Vec<OpeningStep>> {
        let words = frame.words.dashboard;
        let settings = &frame.settings.settings;
        let is_set_up = settings.name.is_some()
            && !settings.currencies.is_empty()
            && !settings.countries.is_empty()
            && !settings.payment_methods.is_empty();
        let one = WantedProducts { limit: 1, ..WantedProducts::default() };
        let has_product = !self.services.products.products(&one).await?.items.is_empty();
        let has_stock = !self.services.stock.levels(None, false, None, 1).await?.items.is_empty();
        if is_set_up && has_product && has_stock {
            return Ok(Vec::new());
        }
        let step = |label, href, is_done| OpeningStep { label, href, is_done };
        Ok(vec![
            step(words.step_settings, "/admin/settings", is_set_up),
            step(words.step_product, "/admin/products/new", has_product),
            step(words.step_stock, "/admin/stock", has_stock),
            step(words.step_look, "/", false),
        ])
    }
}
