//! What orders' facts come to in reports.

use std::sync::Arc;

use contracts::shop::{CurrentSettings, Shop};
use contracts::statistics::{Sales, Statistics as _};
use domain::ids::{LineId, OrderId, OrderNumber};
use domain::ledger::{self, Ledger, Posting};
use domain::money::Currency;
use domain::order::{Channel, Fact, Line, Order, PaymentChoice, Placement};
use domain::pricing::{Total, TotalKind};
use domain::quantity::Quantity;
use domain::settings::{Settings, SettingsInput};
use domain::sku::Sku;
use jiff::{Timestamp, ToSpan};
use platform::log::executor::{Command, Decision};
use platform::log::kind::Kind;
use platform::log::{Cause, StreamId};
use proptest::prelude::*;
use serde_json::Value;

use super::Statistics;
use crate::in_memory::{Client, OneKey, machinery};
use crate::machinery::Machinery;

/// A shop in Seoul.
struct InSeoul;

#[async_trait::async_trait]
impl Shop for InSeoul {
    async fn settings(&self) -> contracts::Result<Arc<CurrentSettings>> {
        let settings = Settings { time_zone: "Asia/Seoul".to_owned(), ..Settings::default() };
        Ok(Arc::new(CurrentSettings { settings, version: 1 }))
    }

    async fn replace_settings(&self, _: SettingsInput, _: Option<u64>) -> contracts::Result<Arc<CurrentSettings>> {
        self.settings().await
    }
}

/// Facts of orders, as the log has them.
struct OrderKind;

impl Kind for OrderKind {
    const NAME: &'static str = "order";
    const STATE_VERSION: u32 = 1;
    type State = Order;
    type Fact = Fact;

    fn apply(state: &mut Order, fact: &Fact, at: Timestamp) {
        state.apply(fact, at);
    }
}

/// Facts of the books.
struct LedgerKind;

impl Kind for LedgerKind {
    const NAME: &'static str = "ledger";
    const STATE_VERSION: u32 = 1;
    type State = Ledger;
    type Fact = ledger::Fact;

    fn apply(state: &mut Ledger, fact: &ledger::Fact, _: Timestamp) {
        state.apply(fact);
    }
}

struct Counted {
    machinery: Machinery,
    statistics: Arc<Statistics>,
    placed: u8,
}

impl Counted {
    async fn new() -> Self {
        let machinery = machinery().await;
        let statistics = Arc::new(Statistics::new(&machinery, Arc::new(InSeoul)));
        Self { machinery, statistics, placed: 0 }
    }

    fn now(&self) -> Timestamp {
        self.machinery.clock.now()
    }

    /// Places an order of one line that costs this much.
    async fn place(&mut self, amount: i64, currency: &str, test: bool, placed_at: Timestamp) -> OrderId {
        self.placed += 1;
        let id = OrderId::from_bytes([self.placed; 16]);
        let line = Line {
            id: LineId::from_bytes([1; 16]),
            sku: Sku::parse("A").unwrap(),
            title: "A".to_owned(),
            variant: String::new(),
            quantity: Quantity::new(2).unwrap(),
            unit_price: amount / 2,
            discount: 0,
            order_discount: 0,
            tax: 0,
            total: amount,
        };
        let total = |kind| Total { kind, amount, display_text: None };
        let placement = Placement {
            number: OrderNumber::parse("7K3M9QXZ").unwrap(),
            channel: Channel::Api,
            market: "main".to_owned(),
            currency: Currency::parse(currency).unwrap(),
            locale: None,
            lines: vec![line],
            totals: vec![total(TotalKind::Subtotal), total(TotalKind::Total)],
            tax_included: 0,
            prices_include_tax: true,
            buyer: None,
            shipping_address: None,
            country: None,
            shipping: None,
            payment: PaymentChoice { provider: "any".to_owned(), test },
            note: None,
            cart: None,
            draft: None,
            placed_at,
            body_hash: String::new(),
        };
        self.write::<OrderKind>("order", &id, Fact::Placed { placement: placement.into() }).await;
        id
    }

    async fn confirm(&self, id: &OrderId) {
        self.write::<OrderKind>("order", id, Fact::Confirmed {}).await;
    }

    async fn refund(&self, id: &OrderId, amount: i64, currency: &str) {
        let posting = Posting::refund("any", amount, Currency::parse(currency).unwrap());
        self.write::<LedgerKind>("ledger", id, ledger::Fact::Posted { posting }).await;
    }

    async fn write<K: Kind>(&self, kind: &str, id: &OrderId, fact: K::Fact) {
        let stream = StreamId::new(kind, id.key());
        let command = Command::new("test", Cause::of("guest".to_owned()), [stream.clone()], move |_| {
            Ok::<_, domain::order::Error>(Decision::answer(()).with::<K>(&stream, fact.clone()))
        });
        self.machinery.executor.run(command).await.unwrap();
    }

    async fn today(&self, currency: &str, test: bool) -> Sales {
        self.statistics.sales(Currency::parse(currency).unwrap(), 7, test).await.unwrap().today
    }
}

#[tokio::test(start_paused = true)]
async fn confirmed_orders_count_in_their_currency_and_tests_apart() {
    let mut shop = Counted::new().await;
    let now = shop.now();
    let real = shop.place(1_000, "EUR", false, now).await;
    let other = shop.place(300, "USD", false, now).await;
    let played = shop.place(50, "EUR", true, now).await;
    shop.place(7, "EUR", false, now).await;
    for id in [&real, &other, &played] {
        shop.confirm(id).await;
    }
    assert_eq!(shop.today("EUR", false).await, Sales { orders: 1, revenue: 1_000, refunded: 0, units: 2 });
    assert_eq!(shop.today("USD", false).await.revenue, 300);
    assert_eq!(shop.today("EUR", true).await.revenue, 50);
    assert_eq!(shop.today("USD", true).await, Sales::default());
    let codes = |currencies: Vec<Currency>| currencies.iter().map(|currency| currency.code()).collect::<Vec<_>>();
    assert_eq!(codes(shop.statistics.currencies(false).await.unwrap()), ["EUR", "USD"]);
    assert_eq!(codes(shop.statistics.currencies(true).await.unwrap()), ["EUR"]);
}

#[tokio::test(start_paused = true)]
async fn a_refund_counts_when_it_goes_back_and_a_late_confirmation_when_it_comes() {
    let mut shop = Counted::new().await;
    let now = shop.now();
    let early = shop.place(900, "EUR", false, now).await;
    let slow = shop.place(500, "EUR", true, now).await;
    shop.confirm(&early).await;
    tokio::time::sleep(std::time::Duration::from_secs(3 * 24 * 3600)).await;
    shop.confirm(&slow).await;
    shop.refund(&early, 400, "EUR").await;
    shop.refund(&slow, 30, "EUR").await;
    assert_eq!(shop.today("EUR", false).await, Sales { orders: 0, revenue: 0, refunded: 400, units: 0 });
    assert_eq!(shop.today("EUR", true).await, Sales { orders: 1, revenue: 500, refunded: 30, units: 2 });
    let report = shop.statistics.sales(Currency::parse("EUR").unwrap(), 7, false).await.unwrap();
    assert_eq!(report.days.iter().map(|bar| bar.sales.revenue).collect::<Vec<_>>(), [0, 0, 0, 900, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn older_books_count_on_the_day_that_they_name() {
    let mut shop = Counted::new().await;
    let then = shop.now().checked_sub((24 * 5).hours()).unwrap();
    let old = shop.place(100, "EUR", false, then).await;
    shop.confirm(&old).await;
    let report = shop.statistics.sales(Currency::parse("EUR").unwrap(), 7, false).await.unwrap();
    assert_eq!(report.today.orders, 0);
    assert_eq!(report.days.iter().map(|bar| bar.sales.orders).collect::<Vec<_>>(), [0, 1, 0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_route_answers_staff_only_and_says_what_is_wrong() {
    let mut shop = Counted::new().await;
    let client = Client::new(super::http::router(shop.statistics.clone()), Arc::new(OneKey));
    let staff = [("authorization", "Bearer staff")];
    let path = "GET /api/admin/statistics/sales";
    assert_eq!(client.send(path, &[], Value::Null).await.problem().0, 401);
    let empty = client.send(path, &staff, Value::Null).await;
    assert_eq!((empty.status.as_u16(), &empty.body["currency"]), (200, &Value::Null));
    let now = shop.now();
    let id = shop.place(1_000, "EUR", false, now).await;
    shop.confirm(&id).await;
    let told = client.send(&format!("{path}?days=2"), &staff, Value::Null).await;
    assert_eq!(told.body["today"]["revenue"], 1_000);
    assert_eq!((&told.body["currency"], &told.body["time_zone"]), (&"EUR".into(), &"Asia/Seoul".into()));
    assert_eq!(told.body["days"].as_array().map(Vec::len), Some(2));
    for (query, status) in [("days=0", 422), ("days=367", 422), ("days=x", 400), ("currency=XXX", 422), ("nope=1", 400)]
    {
        let refused = client.send(&format!("{path}?{query}"), &staff, Value::Null).await;
        assert_eq!(refused.problem().0, status, "{query}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn all_bars_together_are_all_confirmed_orders(
        orders in prop::collection::vec((1i64..100_000, 0i64..6 * 24 * 60, any::<bool>(), any::<bool>()), 1..30)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut shop = Counted::new().await;
            let (mut count, mut revenue) = (0, 0);
            for (amount, minutes_ago, is_confirmed, is_test) in orders {
                let at = shop.now().checked_sub(minutes_ago.minutes()).unwrap();
                let id = shop.place(amount, "EUR", is_test, at).await;
                if is_confirmed {
                    shop.confirm(&id).await;
                    count += 1;
                    revenue += amount;
                }
            }
            let (mut counted, mut earned) = (0, 0);
            for test in [false, true] {
                let report = shop.statistics.sales(Currency::parse("EUR").unwrap(), 8, test).await.unwrap();
                counted += report.days.iter().map(|bar| bar.sales.orders).sum::<u64>();
                earned += report.days.iter().map(|bar| bar.sales.revenue).sum::<i64>();
            }
            assert_eq!((counted, earned), (count, revenue));
        });
    }
}
