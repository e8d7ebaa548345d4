//! The same wish, however often it is sent, is granted once.

use serde_json::json;
use testkit::mart::{Mart, guest_order, with};

use crate::{CLOUDMART, at_once};

#[tokio::test]
async fn ten_times_at_once_is_one_order_and_one_payment() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let order = guest_order("LAMP", 1);
    let answers = at_once(10, (0..10).map(|_| mart.place("the-same", &order))).await;

    let placed: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!placed.is_empty());
    let id = placed[0].text("id");
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.text("id"), id);
            assert_eq!(answer.body["access_token"], placed[0].body["access_token"]);
        } else {
            let answer = answer.clone().problem(409, "idempotency_in_flight");
            assert!(answer.header("retry-after").is_some(), "{answer}");
        }
    }
    let news = placed.iter().filter(|answer| !answer.is_replayed()).count();
    assert_eq!(news, 1, "the others are told that they are a repetition");
    assert_eq!(mart.staff_list("/api/admin/orders").await.len(), 1);
    let events = mart.all_events().await;
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count("order.placed"), count("payment.authorized")), (1, 1));
    assert_eq!(mart.stock("LAMP").await, (10, 1, 9));

    let later = mart.place("the-same", &order).await.expect(201);
    assert!(later.is_replayed() && later.text("id") == id, "{later}");
    let other_body = with(order, "/lines/0/quantity", 2);
    mart.place("the-same", &other_body).await.problem(422, "idempotency_key_reused");
    assert_eq!(mart.stock("LAMP").await, (10, 1, 9));
}

/// Without it each order goes to pages of its own in every index, and a shop with a million takes half as many.
#[tokio::test]
async fn an_order_is_named_by_the_moment_that_its_key_tells() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let order = guest_order("LAMP", 1);
    let (earlier, later) = ("018f2b5c-7a00-7abc-8def-0123456789ab", "018f2b5c-7a01-7000-8000-000000000000");
    let [first, second] = [mart.place(earlier, &order).await, mart.place(later, &order).await];
    let [first, second] = [first.expect(201).text("id"), second.expect(201).text("id")];
    // The first ten characters after the prefix are the milliseconds, of which these keys differ in one.
    let moment = |id: &str| id["ord_".len()..][..9].to_owned();
    assert!(moment(&first) == moment(&second) && first < second, "{first} {second}");
    let again = mart.place(earlier, &order).await.expect(201);
    assert!(again.is_replayed() && again.text("id") == first, "{again}");
    let other = mart.place("no-uuid", &order).await.expect(201).text("id");
    assert_ne!(moment(&other), moment(&first));
}

#[tokio::test]
async fn answers_are_remembered_over_a_restart() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 1).await;
    let order = guest_order("LAMP", 1);
    let placed = mart.place("first", &order).await.expect(201);
    mart.place("second", &order).await.problem(409, "insufficient_stock");
    let declined = with(with(guest_order("LAMP", 1), "/payment/token", "tok_declined"), "/lines/0/sku", "CUP");
    mart.product("CUP", 900, 5).await;
    mart.place("third", &declined).await.problem(402, "payment_declined");
    mart.receive("LAMP", 5).await;

    mart.kill9();
    mart.restart().await;
    let again = mart.place("first", &order).await.expect(201);
    assert!(again.is_replayed(), "{again}");
    assert_eq!(again.text("id"), placed.text("id"));
    // There is enough now, and yet: the same request gets the same answer.
    let refused = mart.place("second", &order).await.problem(409, "insufficient_stock");
    assert!(refused.is_replayed(), "{refused}");
    let declined = mart.place("third", &declined).await.problem(402, "payment_declined");
    assert!(declined.is_replayed(), "{declined}");
    assert_eq!(mart.stock("LAMP").await, (6, 1, 5));
    assert_eq!(mart.stock("CUP").await, (5, 0, 5));
}

#[tokio::test]
async fn a_key_is_the_callers_own() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let order = guest_order("LAMP", 1);
    let guests = mart.place("shared", &order).await.expect(201);
    let staffs = mart.staff(reqwest::Method::POST, "/api/orders").key("shared").json(&order).send().await.expect(201);
    assert_ne!(guests.text("id"), staffs.text("id"));

    mart.post("/api/orders").json(&order).send().await.problem(400, "idempotency_key_required");
    let too_long = "k".repeat(256);
    mart.place(&too_long, &order).await.problem(400, "malformed_idempotency_key");
    // What cannot be right is not remembered under the key, so it can be put right.
    mart.place("typo", &with(order.clone(), "/lines/0/quantity", 0)).await.problem(422, "invalid");
    mart.place("typo", &order).await.expect(201);
}

#[tokio::test]
async fn what_staff_do_twice_happens_once() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let id = mart.buy("LAMP", 2).await.text("id");
    let capture = |key: &'static str| {
        let path = format!("/api/admin/orders/{id}/capture");
        mart.staff(reqwest::Method::POST, &path).key(key).json(&json!({"amount": 1_000})).send()
    };
    let answers = at_once(5, (0..5).map(|_| capture("one"))).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.clone().problem(409, "idempotency_in_flight");
    }
    assert_eq!(mart.order(&id).await.body["payment"]["captured"], 1_000);
    capture("two").await.expect(200);
    assert_eq!(mart.order(&id).await.body["payment"]["captured"], 2_000);
    let path = format!("/api/admin/orders/{id}/capture");
    mart.staff(reqwest::Method::POST, &path).send().await.problem(400, "idempotency_key_required");
}

/// The version that the request names was the order's before it was granted.
#[tokio::test]
async fn a_request_that_names_a_version_and_comes_again_is_answered_as_the_first_time() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let id = mart.buy("LAMP", 2).await.text("id");
    let steps = [
        ("notes", json!({"note": "call back"})),
        ("capture", json!({"amount": 5_000})),
        ("ship", json!({})),
        ("deliver", json!({})),
        ("refund", json!({"amount": 1_000})),
    ];
    for (action, body) in &steps {
        let version = mart.order(&id).await.header("etag").expect("a version").to_owned();
        let ask = async |key: &str| {
            let path = format!("/api/admin/orders/{id}/{action}");
            mart.staff(reqwest::Method::POST, &path).key(key).if_match(&version).json(body).send().await
        };
        let done = ask(action).await.expect(200);
        let again = ask(action).await.expect(200);
        assert_eq!(again.body, done.body, "{action}");
        if *action != "deliver" {
            ask("another").await.problem(412, "precondition_failed");
        }
    }
    let order = mart.order(&id).await.body;
    assert_eq!(order["staff_notes"].as_array().map(Vec::len), Some(1), "{order}");
    assert_eq!((&order["payment"]["captured"], &order["payment"]["refunded"]), (&5_000.into(), &1_000.into()));
}
