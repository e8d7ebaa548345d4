//! Quotes of lines and of carts. It does not know what they are kept for: nothing is.

use super::*;

async fn quote(counter: &Counter, body: Value) -> Reply {
    counter.client.send("POST /api/quotes", &[], body).await
}

#[tokio::test(start_paused = true)]
async fn lines_are_quoted_with_tax_and_shipping() {
    let counter = counter().await;
    let lines = json!([{"sku": "A1", "quantity": 2}, {"sku": "B2", "quantity": 1}]);
    let told =
        quote(&counter, json!({"currency": "USD", "lines": lines, "country": "US", "shipping_method": "standard"}))
            .await;
    assert_eq!(told.status.as_u16(), 200, "{:?}", told.body);
    // 8.25 % of 2598, 500 and 690.
    assert_eq!(totals(&told), [("subtotal", 3098), ("fulfillment", 690), ("tax", 214 + 41 + 57), ("total", 4100)]);
    let option = json!({"id": "standard", "name": "Standard", "amount": 690, "estimate_days": [3, 7]});
    assert_eq!((&told.body["shipping_options"], &told.body["shipping_method"]), (&json!([option]), &json!("standard")));
    assert_eq!((&told.body["lines"][0]["tax"], &told.body["lines"][0]["total"]), (&json!(214), &json!(2598)));
    assert_eq!(told.body["problems"], json!([]));

    let nowhere = quote(&counter, json!({"currency": "USD", "lines": [{"sku": "A1", "quantity": 1}]})).await;
    assert_eq!(
        (totals(&nowhere), &nowhere.body["shipping_options"]),
        (vec![("subtotal", 1299), ("total", 1299)], &json!([]))
    );
}

#[tokio::test(start_paused = true)]
async fn lines_of_one_sku_are_counted_together() {
    let counter = counter().await;
    let lines = json!([{"sku": "A1", "quantity": 1}, {"sku": "B2", "quantity": 2}, {"sku": "B2", "quantity": 2}]);
    let told = quote(&counter, json!({"currency": "USD", "lines": lines})).await;
    let problem = &told.body["problems"][0];
    assert_eq!((&problem["code"], &problem["pointer"]), (&json!("insufficient_stock"), &json!("/lines/1")));
    assert_eq!(problem["detail"], json!({"requested": 4, "available": 3}));
    assert_eq!(told.body["lines"].as_array().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cart_is_quoted_as_it_is() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([{"sku": "B2", "quantity": 1}, {"sku": "A1", "quantity": 2}])).await;
    let token = &mine.bearer["Bearer ".len()..];
    counter.mart.inactive.lock().insert("B2".to_owned());
    counter.mart.price("A1", "USD", 1_399);
    let body = json!({"cart_id": mine.id, "cart_token": token, "country": "US"});
    let told = quote(&counter, body.clone()).await;
    assert_eq!(totals(&told)[0], ("subtotal", 2798));
    assert_eq!(problem_codes(&told), ["unavailable", "price_changed"]);
    assert_eq!(
        (&told.body["problems"][0]["pointer"], &told.body["problems"][1]["pointer"]),
        (&Value::Null, &json!("/lines/0"))
    );
    let cart = counter.ask(&mine, "PATCH ", "\"1\"", json!({"country": "US"})).await;
    assert_eq!(cart.body["totals"], told.body["totals"]);

    let in_euro =
        quote(&counter, json!({"cart_id": mine.id, "cart_token": token, "currency": "EUR", "country": "DE"})).await;
    assert_eq!(
        (&in_euro.body["currency"], totals(&in_euro)[0], problem_codes(&in_euro)),
        (&json!("EUR"), ("subtotal", 2398), vec!["unavailable"])
    );
    let by_header = [("authorization", mine.bearer.as_str())];
    let told = counter.client.send("POST /api/quotes", &by_header, json!({"cart_id": mine.id})).await;
    assert_eq!((told.status.as_u16(), &told.body["country"]), (200, &json!("US")));
    for (id, token) in [(mine.id.as_str(), "wrong"), ("crt_x", token), ("", "")] {
        let refused = quote(&counter, json!({"cart_id": id, "cart_token": token})).await;
        assert_eq!(refused.problem(), (404, "not_found"), "{id}");
    }
    assert_eq!(quote(&counter, json!({"cart_id": mine.id})).await.problem().0, 404);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_wrong_with_a_quote_is_told() {
    let counter = counter().await;
    let a_line = json!([{"sku": "A1", "quantity": 1}]);
    for (body, expected) in [
        (json!({}), vec!["/lines required"]),
        (json!({"lines": []}), vec!["/lines required"]),
        (json!({"lines": a_line}), vec!["/currency required"]),
        (json!({"currency": "USD", "lines": a_line, "cart_id": "x"}), vec!["/cart_id ambiguous"]),
        (
            json!({"currency": "EURO", "lines": [{"sku": "A1", "quantity": 0}], "country": "kr"}),
            vec!["/currency unknown_currency", "/country unknown_country", "/lines/0/quantity out_of_range"],
        ),
        (
            json!({"currency": "EUR", "lines": [{"sku": "B2", "quantity": 1}, {"sku": "💥", "quantity": 1}],
                "country": "US", "shipping_method": "balloon"}),
            vec![
                "/lines/1/sku unknown_sku",
                "/currency no_price_in_currency",
                "/shipping_method unknown_shipping_method",
            ],
        ),
        (json!({"currency": "USD", "lines": a_line, "country": "FR"}), vec!["/country no_shipping_to_country"]),
        (json!({"currency": "USD", "lines": a_line, "shipping_method": "standard"}), vec!["/country required"]),
    ] {
        let refused = quote(&counter, body.clone()).await;
        assert_eq!(
            (refused.problem(), refused.errors()),
            ((422, "invalid"), expected.into_iter().map(str::to_owned).collect()),
            "{body}"
        );
    }
    let typed = quote(&counter, json!({"currency": "USD", "lines": [{"sku": 1, "quantity": 1}]})).await;
    assert_eq!(typed.errors(), ["/lines/0/sku wrong_type"]);
}
