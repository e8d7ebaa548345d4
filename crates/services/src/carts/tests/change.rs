//! Changing a cart: one winner per version, prices that change, things that run out.
//! It does not know orders.

use super::*;

#[tokio::test(start_paused = true)]
async fn lines_come_change_and_go() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([{"sku": "A1", "quantity": 1}])).await;
    let added = counter.ask(&mine, "POST /lines", "\"1\"", json!({"sku": "B2", "quantity": 2})).await;
    assert_eq!((added.status.as_u16(), added.header("etag")), (200, "\"2\""));
    assert_eq!(totals(&added), [("subtotal", 2299), ("total", 2299)]);
    assert_eq!(added.body["lines"][1]["availability"], json!("few_left"));

    let line = added.body["lines"][1]["id"].as_str().unwrap().to_owned();
    let changed = counter.ask(&mine, &format!("PATCH /lines/{line}"), "\"2\"", json!({"quantity": 3})).await;
    assert_eq!((&changed.body["lines"][1]["quantity"], changed.header("etag")), (&json!(3), "\"3\""));
    for quantity in [0, 10_000_000, -1] {
        let body = json!({"quantity": quantity});
        let refused = counter.ask(&mine, &format!("PATCH /lines/{line}"), "\"3\"", body).await;
        assert_eq!(refused.errors(), ["/quantity out_of_range"], "{quantity}");
    }
    let removed = counter.ask(&mine, &format!("DELETE /lines/{line}"), "\"3\"", Value::Null).await;
    assert_eq!((removed.status.as_u16(), removed.body["lines"].as_array().unwrap().len()), (200, 1));
    for request in [format!("DELETE /lines/{line}"), format!("PATCH /lines/{line}"), "DELETE /lines/x".to_owned()] {
        let body = if request.starts_with("PATCH") { json!({}) } else { Value::Null };
        assert_eq!(counter.ask(&mine, &request, "\"4\"", body).await.problem(), (404, "not_found"), "{request}");
    }

    assert_eq!(counter.ask(&mine, "DELETE ", "\"4\"", Value::Null).await.status.as_u16(), 204);
    assert_eq!(counter.look(&mine).await.status.as_u16(), 404);
    assert_eq!(counter.ask(&mine, "DELETE ", "\"4\"", Value::Null).await.status.as_u16(), 404);
}

#[tokio::test(start_paused = true)]
async fn every_change_says_what_was_seen() {
    let counter = counter().await;
    let (mine, created) = counter.cart(json!([{"sku": "A1", "quantity": 1}])).await;
    let line = created.body["lines"][0]["id"].as_str().unwrap();
    let requests = [
        ("PATCH ".to_owned(), json!({})),
        ("DELETE ".to_owned(), Value::Null),
        ("POST /lines".to_owned(), json!({"sku": "A1", "quantity": 1})),
        (format!("PATCH /lines/{line}"), json!({})),
        (format!("DELETE /lines/{line}"), Value::Null),
    ];
    for (request, body) in requests {
        let missing = counter.ask(&mine, &request, "", body.clone()).await;
        assert_eq!(missing.problem(), (428, "precondition_required"), "{request}");
        let stale = counter.ask(&mine, &request, "\"7\"", body.clone()).await;
        assert_eq!((stale.problem(), stale.header("etag")), ((412, "precondition_failed"), "\"1\""), "{request}");
        let stranger = Mine { bearer: "Bearer wrong".to_owned(), ..mine.clone() };
        assert_eq!(counter.ask(&stranger, &request, "\"1\"", body).await.problem().0, 404, "{request}");
    }
    assert_eq!(counter.look(&mine).await.header("etag"), "\"1\"");
}

#[tokio::test(start_paused = true)]
async fn of_racing_changes_one_wins_per_version() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([])).await;
    let add = json!({"sku": "A1", "quantity": 1});
    for round in 1..=5 {
        let etag = format!("\"{round}\"");
        let racing = (0..4).map(|_| counter.ask(&mine, "POST /lines", &etag, add.clone()));
        let replies = futures::future::join_all(racing).await;
        let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412]);
        assert_eq!(counter.look(&mine).await.body["item_count"], json!(round));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_sent_twice_is_made_once() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([])).await;
    let request = format!("POST /api/carts/{}/lines", mine.id);
    let headers = [("authorization", mine.bearer.as_str()), ("if-match", "\"1\""), ("idempotency-key", "k1")];
    let body = json!({"sku": "A1", "quantity": 2});
    let (one, two) = tokio::join!(
        counter.client.send(&request, &headers, body.clone()),
        counter.client.send(&request, &headers, body.clone())
    );
    assert_eq!(
        (one.status.as_u16(), one.body.clone(), one.header("etag")),
        (200, two.body.clone(), two.header("etag"))
    );
    assert_eq!(counter.look(&mine).await.body["item_count"], json!(2));
    let stranger = [("authorization", "Bearer wrong"), ("if-match", "\"1\""), ("idempotency-key", "k1")];
    assert_eq!(counter.client.send(&request, &stranger, body).await.problem().0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_changed_price_is_told_until_it_is_taken() {
    let counter = counter().await;
    let (mine, created) = counter.cart(json!([{"sku": "A1", "quantity": 2}])).await;
    assert_eq!(problem_codes(&created), Vec::<&str>::new());
    counter.mart.price("A1", "USD", 1_399);
    let seen = counter.look(&mine).await;
    assert_eq!(totals(&seen), [("subtotal", 2798), ("total", 2798)]);
    let line = &seen.body["lines"][0];
    assert_eq!((&line["unit_price"], &line["seen_unit_price"]), (&json!(1399), &json!(1299)));
    let problem = &seen.body["problems"][0];
    assert_eq!((&problem["code"], &problem["line_id"]), (&json!("price_changed"), &line["id"]));
    assert_eq!(problem["pointer"], json!("/lines/0"));
    assert_eq!(problem["detail"], json!({"previous_unit_price": 1299, "unit_price": 1399}));

    let path = format!("PATCH /lines/{}", line["id"].as_str().unwrap());
    let kept = counter.ask(&mine, &path, "\"1\"", json!({"quantity": 1})).await;
    assert_eq!(problem_codes(&kept), ["price_changed"]);
    let taken = counter.ask(&mine, &path, "\"2\"", json!({"accept_price": true})).await;
    assert_eq!(problem_codes(&taken), Vec::<&str>::new());
    counter.mart.price("A1", "USD", 1_499);
    let added = counter.ask(&mine, "POST /lines", "\"3\"", json!({"sku": "A1", "quantity": 1})).await;
    assert_eq!((problem_codes(&added), &added.body["lines"][0]["seen_unit_price"]), (vec![], &json!(1499)));
}

#[tokio::test(start_paused = true)]
async fn what_is_short_or_gone_is_told() {
    let counter = counter().await;
    let (mine, created) = counter.cart(json!([{"sku": "B2", "quantity": 5}, {"sku": "A1", "quantity": 1}])).await;
    assert_eq!(problem_codes(&created), ["insufficient_stock"]);
    assert_eq!(created.body["problems"][0]["detail"], json!({"requested": 5, "available": 3}));

    counter.mart.inactive.lock().insert("B2".to_owned());
    let seen = counter.look(&mine).await;
    assert_eq!(problem_codes(&seen), ["unavailable"]);
    assert_eq!((&seen.body["lines"][0]["unit_price"], &seen.body["lines"][0]["total"]), (&Value::Null, &Value::Null));
    assert_eq!(totals(&seen), [("subtotal", 1299), ("total", 1299)]);
    let path = format!("PATCH /lines/{}", seen.body["lines"][0]["id"].as_str().unwrap());
    let refused = counter.ask(&mine, &path, "\"1\"", json!({"accept_price": true})).await;
    assert_eq!(refused.errors(), ["/accept_price not_for_sale"]);

    counter.mart.prices.lock().clear();
    let gone = counter.look(&mine).await;
    assert_eq!((&gone.body["lines"][1]["title"], &gone.body["lines"][1]["product_id"]), (&json!("A1"), &Value::Null));
    assert_eq!(totals(&gone), [("subtotal", 0), ("total", 0)]);
}

#[tokio::test(start_paused = true)]
async fn every_currency_adds_up() {
    let counter = counter().await;
    for (currency, country, subtotal, total, included) in [
        ("JPY", "JP", 5_940, 5_940, 540),
        ("KRW", "JP", 59_400, 59_400, 5_400),
        ("USD", "US", 3_897, 4_219, 0),
        ("EUR", "DE", 3_597, 3_597, 574),
        ("KWD", "KW", 12_750, 12_750, 0),
    ] {
        let lines = json!([{"sku": "A1", "quantity": 3}]);
        let cart = counter.create(json!({"currency": currency, "country": country, "lines": lines})).await;
        let told = totals(&cart);
        assert_eq!((told[0], told[told.len() - 1]), (("subtotal", subtotal), ("total", total)), "{currency}");
        assert_eq!(cart.body["tax_included"], json!(included), "{currency}");
        let others: i64 = told[..told.len() - 1].iter().map(|(_, amount)| amount).sum();
        assert_eq!(others, total, "{currency}");
    }
}

#[tokio::test(start_paused = true)]
async fn country_language_and_currency_change() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([{"sku": "A1", "quantity": 1}])).await;
    let german =
        counter.ask(&mine, "PATCH ", "\"1\"", json!({"country": "DE", "locale": "de", "currency": "EUR"})).await;
    assert_eq!((german.status.as_u16(), totals(&german)), (200, vec![("subtotal", 1199), ("total", 1199)]));
    assert_eq!((&german.body["tax_included"], &german.body["prices_include_tax"]), (&json!(191), &json!(true)));
    assert_eq!((problem_codes(&german), &german.body["lines"][0]["title"]), (vec![], &json!("Mug (de)")));

    let nowhere = counter.ask(&mine, "PATCH ", "\"2\"", json!({"country": null})).await;
    assert_eq!((&nowhere.body["country"], &nowhere.body["tax_included"]), (&Value::Null, &json!(0)));
    let same = counter.ask(&mine, "PATCH ", "\"3\"", json!({})).await;
    assert_eq!(same.body["currency"], json!("EUR"));
    let wrong = counter.ask(&mine, "PATCH ", "\"4\"", json!({"country": "UK", "locale": "", "currency": "usd"})).await;
    let expected = ["/country unknown_country", "/locale invalid_locale", "/currency unknown_currency"];
    assert_eq!(wrong.errors(), expected);

    // A country that the shop has stopped sending to takes nothing away from the cart.
    counter.ask(&mine, "PATCH ", "\"4\"", json!({"country": "DE"})).await;
    let mut settings = counter.mart.settings.lock().clone();
    settings.countries.remove(0);
    settings.shipping_methods.clear();
    *counter.mart.settings.lock() = settings;
    let seen = counter.look(&mine).await;
    assert_eq!(
        (seen.status.as_u16(), &seen.body["country"], &seen.body["tax_included"]),
        (200, &json!("DE"), &json!(0))
    );
}

#[tokio::test(start_paused = true)]
async fn a_currency_in_which_something_is_not_sold_is_refused() {
    let counter = counter().await;
    let (mine, _) = counter.cart(json!([{"sku": "A1", "quantity": 1}, {"sku": "B2", "quantity": 1}])).await;
    let refused = counter.ask(&mine, "PATCH ", "\"1\"", json!({"currency": "EUR"})).await;
    assert_eq!(refused.errors(), ["/currency no_price_in_currency"]);
    assert!(refused.body["detail"].as_str().unwrap().contains("B2"), "{:?}", refused.body);
}

#[tokio::test(start_paused = true)]
async fn a_cart_has_limits() {
    let counter = counter().await;
    for n in 0..201 {
        counter.mart.price(&format!("S{n}"), "USD", 1);
    }
    let lines: Vec<Value> = (0..200).map(|n| json!({"sku": format!("S{n}"), "quantity": 1})).collect();
    let (mine, _) = counter.cart(json!(lines)).await;
    let refused = counter.ask(&mine, "POST /lines", "\"1\"", json!({"sku": "S200", "quantity": 1})).await;
    assert_eq!(refused.errors(), [" too_many_lines"]);
    let more = counter.ask(&mine, "POST /lines", "\"1\"", json!({"sku": "S7", "quantity": 1_000_000})).await;
    assert_eq!(more.errors(), ["/quantity out_of_range"]);

    counter.mart.price("GOLD", "USD", 1_000_000_000_000_000);
    let dear = counter.create(json!({"currency": "USD", "lines": [{"sku": "GOLD", "quantity": 2}]})).await;
    assert_eq!(dear.errors(), ["/lines too_large"]);
    let (mine, _) = counter.cart(json!([{"sku": "GOLD", "quantity": 1}])).await;
    let dear = counter.ask(&mine, "POST /lines", "\"1\"", json!({"sku": "GOLD", "quantity": 1})).await;
    assert_eq!((dear.problem().0, counter.look(&mine).await.header("etag")), (422, "\"1\""));
}
