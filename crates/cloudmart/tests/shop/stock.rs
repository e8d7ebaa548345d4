//! What lies on the shelf, and why.

use reqwest::Method;
use serde_json::json;
use testkit::mart::{Mart, guest_order};

use crate::{CLOUDMART, at_once};

#[tokio::test]
async fn counts_change_for_a_reason() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 0).await;
    assert_eq!(mart.stock("LAMP").await, (0, 0, 0));
    let steps = [("received", 100), ("correction", -5), ("damaged", -2), ("lost", -1), ("returned", 3), ("found", 4)];
    let mut on_hand = 0;
    for (reason, delta) in steps {
        on_hand += delta;
        let adjusted = mart.adjust("LAMP", delta, reason).await.expect(201);
        assert_eq!((&adjusted.body["on_hand"], &adjusted.body["available"]), (&json!(on_hand), &json!(on_hand)));
    }
    assert_eq!(mart.stock("LAMP").await, (99, 0, 99));
    let moves = mart.staff_get("/api/admin/stock/LAMP/movements").send().await.expect(200);
    assert_eq!(moves.items().len(), steps.len(), "{moves}");
    mart.doctor().await;
}

#[tokio::test]
async fn what_is_reserved_cannot_be_counted_away() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 10).await;
    mart.buy("LAMP", 4).await;
    mart.adjust("LAMP", -7, "lost").await.any_problem().expect(409);
    assert_eq!(mart.stock("LAMP").await, (10, 4, 6));
    mart.adjust("LAMP", -6, "lost").await.expect(201);
    assert_eq!(mart.stock("LAMP").await, (4, 4, 0));
    mart.doctor().await;
}

#[tokio::test]
async fn a_count_is_changed_once_per_key() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 0).await;
    let path = "/api/admin/stock/LAMP/adjustments";
    let body = json!({"delta": 100, "reason": "received"});
    mart.staff(Method::POST, path).json(&body).send().await.problem(400, "idempotency_key_required");
    let send = || mart.staff(Method::POST, path).key("delivery-7").json(&body).send();
    let answers = at_once(8, (0..8).map(|_| send())).await;
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 409), "{answers:?}");
    assert!(send().await.expect(201).is_replayed());
    assert_eq!(mart.stock("LAMP").await, (100, 0, 100));
    let other = json!({"delta": 50, "reason": "received"});
    let reused = mart.staff(Method::POST, path).key("delivery-7").json(&other).send().await;
    reused.problem(422, "idempotency_key_reused");
    mart.kill9();
    mart.restart().await;
    mart.staff(Method::POST, path).key("delivery-7").json(&body).send().await.expect(201);
    assert_eq!(mart.stock("LAMP").await, (100, 0, 100));
}

#[tokio::test]
async fn a_policy_says_whether_counts_matter() {
    let mart = Mart::open(CLOUDMART).await;
    for sku in ["BOOK", "MADE", "FILE"] {
        mart.product(sku, 1_000, 1).await;
    }
    for (sku, policy) in [("BOOK", "reserve"), ("MADE", "track_only"), ("FILE", "untracked")] {
        let path = format!("/api/admin/stock/{sku}/policy");
        mart.staff(Method::PUT, &path).json(&json!({"policy": policy})).send().await.expect(200);
    }
    mart.place("book", &guest_order("BOOK", 3)).await.problem(409, "insufficient_stock");
    mart.place("made", &guest_order("MADE", 3)).await.expect(201);
    mart.place("file", &guest_order("FILE", 1_000)).await.expect(201);
    assert_eq!(mart.stock("MADE").await, (1, 3, -2));
    assert_eq!(mart.stock("FILE").await.1, 0, "nothing is reserved of what nobody counts");
    let unknown = mart.staff(Method::PUT, "/api/admin/stock/BOOK/policy").json(&json!({"policy": "guess"}));
    unknown.send().await.problem(422, "invalid").at("/policy");
    mart.doctor().await;
}

#[tokio::test]
async fn nonsense_is_not_counted() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 1).await;
    mart.adjust("LAMP", 0, "received").await.problem(422, "invalid").at("/delta");
    mart.adjust("LAMP", 1, "magic").await.problem(422, "invalid").at("/reason");
    mart.adjust("LAMP", -2, "lost").await.any_problem();
    mart.adjust("LAMP", i64::MAX, "received").await.any_problem();
    mart.adjust("NO-SUCH-THING", 1, "received").await.problem(404, "not_found");
    mart.staff_get("/api/admin/stock/NO-SUCH-THING").send().await.problem(404, "not_found");
    assert_eq!(mart.stock("LAMP").await, (1, 0, 1));
}
