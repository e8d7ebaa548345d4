//! `kill -9` in the middle of what one order goes through; `drill.rs` kills a whole shop's business.

use serde_json::{Value, json};
use testkit::mart::{Ask, Mart, eventually, guest_order, with};

use crate::{CLOUDMART, PATIENCE, at_once};

const CONNECTIONS: usize = 16;

async fn everything_settles(mart: &Mart) {
    eventually("every process is at its end", PATIENCE, async || {
        let running = mart.staff_list("/api/admin/processes").await;
        let pending = mart.staff_list("/api/admin/orders?status=pending").await;
        (running.is_empty() && pending.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_payment_under_way_when_the_power_goes_is_finished() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let late = with(guest_order("LAMP", 1), "/payment/token", "tok_timeout");
    let waiting = mart.place("late", &late).await.expect(202);
    let action = with(guest_order("LAMP", 2), "/payment/token", "tok_action");
    let asked = mart.place("action", &action).await.expect(202);
    mart.kill9();
    mart.restart().await;
    assert_eq!(mart.stock("LAMP").await, (10, 3, 7), "still held");
    let (id, patience) = (waiting.text("id"), std::time::Duration::from_secs(90));
    eventually("the late order is confirmed", patience, async || {
        (mart.order(&id).await.body["status"] == "confirmed").then_some(())
    })
    .await;
    let events = mart.events_of(&id).await;
    let authorized = events.iter().filter(|event| event["type"] == "payment.authorized").count();
    assert_eq!(authorized, 1, "{events:#?}");
    let still = mart.order(&asked.text("id")).await;
    assert_eq!(still.body["next_action"]["url"], asked.body["next_action"]["url"], "{still}");
    mart.doctor().await;
}

/// Each way of paying leaves other things half done.
#[tokio::test]
async fn whatever_the_payment_was_doing_it_ends_as_it_should() {
    const TOKENS: [(&str, u16); 5] = [
        ("tok_success", 201),
        ("tok_declined", 402),
        ("tok_flaky", 201),
        ("tok_unknown", 201),
        ("tok_duplicate_notice", 201),
    ];
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10_000).await;
    let wishes: Vec<(String, Value, u16)> = (0..60)
        .map(|buyer| {
            let (token, wanted) = TOKENS[buyer % TOKENS.len()];
            (format!("buyer-{buyer}"), with(guest_order("LAMP", 1), "/payment/token", token), wanted)
        })
        .collect();
    for kill_after in [4, 9, 14] {
        let asks = wishes.iter().map(|(key, order, _)| mart.post("/api/orders").key(key).json(order)).collect();
        kill_in_the_middle(&mut mart, asks, kill_after).await;
        mart.restart().await;
        everything_settles(&mart).await;
        mart.doctor().await;
    }
    // All of them once more, and now to the end.
    let asks = wishes.iter().map(|(key, order, wanted)| {
        let ask = mart.post("/api/orders").key(key).json(order);
        async move { (ask.send().await, *wanted) }
    });
    for (answer, wanted) in at_once(CONNECTIONS, asks).await {
        answer.expect(wanted);
    }
    let confirmed = mart.staff_list("/api/admin/orders?status=confirmed").await;
    assert_eq!(confirmed.len(), 48);
    assert_eq!(mart.stock("LAMP").await, (10_000, 48, 9_952));
    let events = mart.all_events().await;
    let authorized = events.iter().filter(|event| event["type"] == "payment.authorized").count();
    assert_eq!(authorized, 48, "every payment once, none for the declined");
    mart.doctor().await;
}

/// Money that is taken and given back while the power goes: exactly what was asked for, once.
#[tokio::test]
async fn captures_and_refunds_happen_once() {
    const ORDERS: usize = 12;
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 100).await;
    let mut ids = Vec::new();
    for _ in 0..ORDERS {
        let id = mart.buy("LAMP", 2).await.text("id");
        mart.act(&id, "capture", &json!({"amount": 5_000})).await.expect(200);
        ids.push(id);
    }
    let wishes: Vec<(String, Value)> = ids
        .iter()
        .flat_map(|id| {
            [
                (format!("/api/admin/orders/{id}/capture"), json!({"amount": 1_000})),
                (format!("/api/admin/orders/{id}/refund"), json!({"amount": 700})),
                (format!("/api/admin/orders/{id}/ship"), json!({})),
            ]
        })
        .collect();
    for kill_after in [3, 7, 12] {
        let asks = wishes
            .iter()
            .map(|(path, body)| mart.staff(reqwest::Method::POST, path).key("again-and-again").json(body))
            .collect();
        kill_in_the_middle(&mut mart, asks, kill_after).await;
        mart.restart().await;
        everything_settles(&mart).await;
        mart.doctor().await;
    }
    let asks = wishes
        .iter()
        .map(|(path, body)| mart.staff(reqwest::Method::POST, path).key("again-and-again").json(body).send());
    for answer in at_once(CONNECTIONS, asks).await {
        answer.expect(200);
    }
    for id in &ids {
        let order = mart.order(id).await;
        assert_eq!(
            (&order.body["payment"]["captured"], &order.body["payment"]["refunded"]),
            (&json!(6_000), &json!(700))
        );
        assert_eq!(order.body["shipments"].as_array().map(Vec::len), Some(1), "{order}");
    }
    assert_eq!(mart.stock("LAMP").await, (76, 0, 76));
    mart.doctor().await;
}

/// Sends all of it, and kills after so many answers; what was answered and what was not does not matter here.
async fn kill_in_the_middle(mart: &mut Mart, asks: Vec<Ask>, kill_after: usize) {
    use futures::StreamExt as _;
    let mut running = futures::stream::iter(asks).map(Ask::try_send).buffer_unordered(CONNECTIONS);
    let mut answered = 0;
    while let Some(answer) = running.next().await {
        answered += usize::from(answer.is_ok());
        if answered == kill_after {
            mart.kill9();
        }
    }
    assert!(answered >= kill_after, "it was killed in the middle");
}

#[tokio::test]
async fn what_staff_did_survives() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let id = mart.buy("LAMP", 2).await.text("id");
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({"carrier": "DHL"})).await.expect(200);
    let before = mart.order(&id).await;
    let settings = mart.staff_get("/api/admin/settings").send().await.expect(200);
    mart.kill9();
    mart.restart().await;
    let after = mart.order(&id).await;
    assert_eq!(after.body, before.body);
    assert_eq!(mart.staff_get("/api/admin/settings").send().await.body, settings.body);
    assert_eq!(mart.stock("LAMP").await, (8, 0, 8));
    mart.doctor().await;
}
