//! A cart that becomes an order, once. It does not know what the order does next.

use contracts::Kind;
use contracts::carts::Carts as _;

use super::*;

fn order(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

#[tokio::test(start_paused = true)]
async fn a_cart_becomes_one_order() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([{"sku": "A1", "quantity": 1}])).await;
    let (id, token) = (CartId::parse(&mine.id).unwrap(), &mine.bearer["Bearer ".len()..]);
    let orders: Vec<OrderId> = (1..=8).map(order).collect();
    let racing = orders.iter().map(|order| counter.carts.begin_order(&id, token, order));
    let outcomes = futures::future::join_all(racing).await;
    let won: Vec<&Cart> = outcomes.iter().flatten().collect();
    assert_eq!(won.len(), 1);
    let winner = won[0].order().unwrap().clone();
    for lost in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!((lost.kind, lost.code.as_ref()), (Kind::Conflict, "cart_already_ordered"));
        assert_eq!(lost.details["order_id"], json!(winner.as_str()));
    }
    // Asking again, as after a crash, is harmless and writes nothing.
    let etag = counter.look(&mine).await.header("etag").to_owned();
    counter.carts.begin_order(&id, token, &winner).await.unwrap();
    assert_eq!(counter.look(&mine).await.header("etag"), etag);
}

#[tokio::test(start_paused = true)]
async fn an_ordered_cart_stands_still_until_its_order_is_undone() {
    let counter = counter().await;
    let (mine, created) = counter.cart(json!([{"sku": "A1", "quantity": 1}])).await;
    let (id, token) = (CartId::parse(&mine.id).unwrap(), &mine.bearer["Bearer ".len()..]);
    counter.carts.begin_order(&id, token, &order(1)).await.unwrap();
    let line = created.body["lines"][0]["id"].as_str().unwrap();
    for (request, body) in [
        ("PATCH ".to_owned(), json!({"locale": "de"})),
        ("DELETE ".to_owned(), Value::Null),
        ("POST /lines".to_owned(), json!({"sku": "A1", "quantity": 1})),
        (format!("PATCH /lines/{line}"), json!({"quantity": 2})),
        (format!("DELETE /lines/{line}"), Value::Null),
    ] {
        let refused = counter.ask(&mine, &request, "\"2\"", body).await;
        assert_eq!(refused.problem(), (409, "cart_already_ordered"), "{request}");
        assert_eq!(refused.body["order_id"], json!(order(1).as_str()), "{request}");
    }
    assert_eq!(counter.look(&mine).await.body["order_id"], json!(order(1).as_str()));

    counter.carts.reopen(&id, &order(2)).await.unwrap();
    assert_eq!(counter.look(&mine).await.header("etag"), "\"2\"");
    counter.carts.reopen(&id, &order(1)).await.unwrap();
    assert_eq!(counter.look(&mine).await.body["order_id"], Value::Null);
    counter.carts.begin_order(&id, token, &order(2)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_order_beats_a_shoppers_change_or_waits_for_it() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([{"sku": "A1", "quantity": 1}])).await;
    let (id, token) = (CartId::parse(&mine.id).unwrap(), &mine.bearer["Bearer ".len()..]);
    let order = order(1);
    let (ordered, changed) = tokio::join!(
        counter.carts.begin_order(&id, token, &order),
        counter.ask(&mine, "POST /lines", "\"1\"", json!({"sku": "A1", "quantity": 1}))
    );
    let (ordered, seen) = (ordered.unwrap(), counter.look(&mine).await);
    assert_eq!(seen.body["item_count"], json!(ordered.item_count()));
    assert_eq!(changed.status.as_u16() == 200, ordered.item_count() == 2);
}

#[tokio::test(start_paused = true)]
async fn orders_need_the_token() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([])).await;
    let id = CartId::parse(&mine.id).unwrap();
    assert_eq!(counter.carts.cart(&id, "wrong").await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(counter.carts.begin_order(&id, "", &order(1)).await.unwrap_err().kind, Kind::NotFound);
    let nowhere = CartId::from_bytes([9; 16]);
    counter.carts.reopen(&nowhere, &order(1)).await.unwrap();
}
