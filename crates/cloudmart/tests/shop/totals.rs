//! What things cost: the same to the minor unit when asked, in a cart and in the order.

use serde_json::{Value, json};
use testkit::mart::{Mart, guest_order, total_of, with};

use crate::CLOUDMART;

/// A currency, a country and what two lines and shipping must come to there.
struct Case {
    currency: &'static str,
    country: &'static str,
    prices: [i64; 2],
    /// In parts per million, and whether prices include it.
    tax: (i64, bool),
    shipping: i64,
}

const QUANTITIES: [i64; 2] = [3, 2];

/// Rates and shipping are those of `testkit::mart::settings`.
const CASES: [Case; 6] = [
    Case { currency: "USD", country: "US", prices: [1_299, 333], tax: (88_750, false), shipping: 595 },
    Case { currency: "EUR", country: "DE", prices: [1_199, 333], tax: (190_000, true), shipping: 490 },
    Case { currency: "KRW", country: "KR", prices: [17_900, 4_501], tax: (100_000, true), shipping: 3_000 },
    Case { currency: "KWD", country: "KW", prices: [3_995, 1_001], tax: (0, false), shipping: 1_250 },
    Case { currency: "JPY", country: "JP", prices: [1_985, 555], tax: (100_000, false), shipping: 700 },
    Case { currency: "USD", country: "DE", prices: [1_299, 333], tax: (190_000, true), shipping: 595 },
];

impl Case {
    /// Tax on an amount or in it, half away from zero, in whole minor units.
    fn tax_of(&self, amount: i64) -> i64 {
        let (rate, is_included) = self.tax;
        let whole = if is_included { 1_000_000 + rate } else { 1_000_000 };
        (amount * rate * 2 + whole) / (whole * 2)
    }

    fn order(&self) -> Value {
        let [first, second] = QUANTITIES;
        let lines = json!([{"sku": "A", "quantity": first}, {"sku": "B", "quantity": second}]);
        let order = with(guest_order("A", 1), "/lines", lines);
        let order = with(order, "/currency", self.currency);
        with(order, "/shipping_address/country", self.country)
    }

    fn check(&self, told: &Value) {
        let lines: Vec<i64> = self.prices.iter().zip(QUANTITIES).map(|(price, quantity)| price * quantity).collect();
        let taxes: Vec<i64> = lines.iter().map(|line| self.tax_of(*line)).collect();
        let tax = taxes.iter().sum::<i64>() + self.tax_of(self.shipping);
        let subtotal: i64 = lines.iter().sum();
        let on_top = if self.tax.1 { 0 } else { tax };
        let shown = format!("{} to {}: {told:#}", self.currency, self.country);
        assert_eq!(told["currency"], self.currency, "{shown}");
        assert_eq!(total_of(told, "subtotal"), subtotal, "{shown}");
        assert_eq!(total_of(told, "fulfillment"), self.shipping, "{shown}");
        assert_eq!(total_of(told, "tax"), on_top, "{shown}");
        assert_eq!(total_of(told, "total"), subtotal + self.shipping + on_top, "{shown}");
        assert_eq!(told["tax_included"], if self.tax.1 { tax } else { 0 }, "{shown}");
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(told["lines"][index]["unit_price"], self.prices[index], "{shown}");
            assert_eq!(told["lines"][index]["total"], *line, "{shown}");
            assert_eq!(told["lines"][index]["tax"], taxes[index], "{shown}");
        }
        adds_up(told);
    }
}

/// One `subtotal`, one `total`, and all others add up to it.
fn adds_up(told: &Value) {
    let entries = told["totals"].as_array().unwrap_or_else(|| panic!("no totals: {told:#}"));
    let of = |kind: &str| entries.iter().filter(|entry| entry["type"] == kind).count();
    assert_eq!((of("subtotal"), of("total")), (1, 1), "{told:#}");
    let parts: i64 =
        entries.iter().filter(|entry| entry["type"] != "total").filter_map(|entry| entry["amount"].as_i64()).sum();
    assert_eq!(parts, total_of(told, "total"), "{told:#}");
}

#[tokio::test]
async fn a_quote_and_an_order_come_to_the_same() {
    let mart = Mart::open(CLOUDMART).await;
    goods(&mart).await;
    for case in CASES {
        let order = case.order();
        let wish = json!({
            "currency": case.currency, "country": case.country, "lines": order["lines"], "shipping_method": "standard",
        });
        let quote = mart.post("/api/quotes").json(&wish).send().await.expect(200);
        case.check(&quote.body);
        let order = with(order, "/expected_total", quote.total_of("total"));
        let placed = mart.place(&mart.fresh_key(), &order).await.expect(201);
        case.check(&placed.body);
        assert_eq!(placed.body["totals"], quote.body["totals"]);
        case.check(&mart.order(&placed.text("id")).await.body);
    }
    mart.doctor().await;
}

/// Two products with prices in every currency of the cases.
async fn goods(mart: &Mart) {
    for (index, sku) in ["A", "B"].into_iter().enumerate() {
        let mut prices: Vec<(&str, i64)> = CASES.iter().map(|case| (case.currency, case.prices[index])).collect();
        prices.sort_unstable();
        prices.dedup();
        mart.product_in(sku, &prices).await;
        mart.receive(sku, 1_000).await;
    }
}

#[tokio::test]
async fn shipping_is_free_above_an_amount() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("RUG", 50_000, 10).await;
    let one = mart.place("one", &guest_order("RUG", 1)).await.expect(201);
    assert_eq!(one.total_of("fulfillment"), 595);
    let two = mart.place("two", &guest_order("RUG", 2)).await.expect(201);
    assert_eq!(two.total_of("fulfillment"), 0);
    adds_up(&two.body);
}

#[tokio::test]
async fn a_buyer_pays_what_they_saw_or_nothing() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let order = with(guest_order("LAMP", 1), "/expected_total", 1);
    let refused = mart.place("seen", &order).await.problem(409, "price_changed");
    assert!(!refused.is_replayed());
    let total = refused.body["total"].as_i64().unwrap_or_else(|| panic!("no total: {refused}"));
    // 49.00 and 5.95, and 8.875 % on each.
    assert_eq!(total, 4_900 + 435 + 595 + 53);
    assert_eq!(mart.stock("LAMP").await, (10, 0, 10));
    // Replayed, even when the price would fit now.
    let again = mart.place("seen", &order).await.problem(409, "price_changed");
    assert!(again.is_replayed(), "{again}");
    let order = with(order, "/expected_total", total);
    mart.place("seen", &order).await.problem(422, "idempotency_key_reused");
    let placed = mart.place("seen-again", &order).await.expect(201);
    assert_eq!(placed.total_of("total"), total);
}
