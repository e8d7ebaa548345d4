//! Everybody arrives at once.

use serde_json::{Value, json};
use testkit::mart::{Answer, Mart, guest_order, with};

use crate::{CLOUDMART, at_once};

/// Open connections: what a load balancer in front would keep.
const CONNECTIONS: usize = 64;

fn with_status(answers: &[Answer], status: u16) -> Vec<&Answer> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

#[tokio::test]
async fn a_thousand_are_sold_and_not_one_more() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 1_000).await;
    let keys: Vec<String> = (0..1_200).map(|buyer| format!("buyer-{buyer}")).collect();
    let order = guest_order("LAMP", 1);
    let answers = at_once(CONNECTIONS, keys.iter().map(|key| mart.place(key, &order))).await;

    assert_eq!(with_status(&answers, 201).len(), 1_000);
    let refused = with_status(&answers, 409);
    assert_eq!(refused.len(), 200, "and nothing but 201 and 409");
    for answer in refused {
        let answer = answer.clone().problem(409, "insufficient_stock");
        assert_eq!(answer.body["lines"], json!([{"sku": "LAMP", "requested": 1, "available": 0}]));
    }
    assert_eq!(mart.stock("LAMP").await, (1_000, 1_000, 0));
    let confirmed = mart.staff_list("/api/admin/orders?status=confirmed").await;
    assert_eq!(confirmed.len(), 1_000);
    let mut numbers: Vec<&str> = confirmed.iter().filter_map(|order| order["number"].as_str()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 1_000, "every order has a number of its own");
    assert_eq!(mart.staff_list("/api/admin/orders?status=rejected").await.len(), 200);
    mart.doctor().await;
}

#[tokio::test]
async fn two_goods_in_either_order_are_sold_together_or_not_at_all() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("A", 1_000, 100).await;
    mart.product("B", 2_000, 100).await;
    let lines = |first: &str, second: &str| json!([{"sku": first, "quantity": 1}, {"sku": second, "quantity": 1}]);
    let one_way = with(guest_order("A", 1), "/lines", lines("A", "B"));
    let other_way = with(guest_order("A", 1), "/lines", lines("B", "A"));
    let wishes: Vec<(String, &Value)> =
        (0..400).map(|buyer| (format!("buyer-{buyer}"), if buyer % 2 == 0 { &one_way } else { &other_way })).collect();
    let answers = at_once(CONNECTIONS, wishes.iter().map(|(key, order)| mart.place(key, order))).await;

    assert_eq!(with_status(&answers, 201).len(), 100);
    assert_eq!(with_status(&answers, 409).len(), 300, "and nothing but 201 and 409");
    for sku in ["A", "B"] {
        assert_eq!(mart.stock(sku).await, (100, 100, 0), "{sku}");
    }
    mart.doctor().await;
}
