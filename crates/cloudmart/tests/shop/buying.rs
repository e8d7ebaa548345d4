//! The main path, as the shop promises it to whoever integrates it.

use serde_json::{Value, json};
use testkit::mart::{Mart, eventually, guest_order, with};

use crate::{CLOUDMART, PATIENCE};

#[tokio::test]
async fn a_guest_orders() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 5).await;
    let placed = mart.place("mine", &guest_order("LAMP", 1)).await.expect(201);
    let id = placed.text("id");
    assert!(id.starts_with("ord_"), "{placed}");
    assert_eq!(placed.header("location"), Some(format!("/api/orders/{id}").as_str()));
    let number = placed.text("number");
    let is_crockford =
        |letter: char| letter.is_ascii_digit() || (letter.is_ascii_uppercase() && !"ILOU".contains(letter));
    assert!(number.len() == 8 && number.chars().all(is_crockford), "{number}");
    for (member, wanted) in [
        ("status", json!("confirmed")),
        ("payment_status", json!("authorized")),
        ("fulfillment_status", json!("unfulfilled")),
        ("currency", json!("USD")),
        ("test", json!(true)),
        ("channel", json!("api")),
    ] {
        assert_eq!(placed.body[member], wanted, "{placed}");
    }
    let line = &placed.body["lines"][0];
    assert!(line["id"].is_string(), "{placed}");
    for (member, wanted) in [
        ("sku", json!("LAMP")),
        ("title", json!("A thing called LAMP")),
        ("quantity", json!(1)),
        ("unit_price", json!(1_299)),
        ("total", json!(1_299)),
    ] {
        assert_eq!(line[member], wanted, "{placed}");
    }
    let kinds: Vec<&Value> =
        placed.body["totals"].as_array().into_iter().flatten().map(|entry| &entry["type"]).collect();
    assert_eq!(kinds, ["subtotal", "fulfillment", "tax", "total"]);
    assert_eq!(placed.body["staff_notes"], json!([]));
    assert_eq!(placed.body["process"], Value::Null);

    let token = placed.text("access_token");
    let read = mart.get(&format!("/api/orders/{id}")).bearer(&token).send().await.expect(200);
    for member in ["id", "number", "status", "lines", "totals", "buyer", "shipping_address", "access_token"] {
        assert_eq!(read.body[member], placed.body[member], "{member}");
    }
    assert_eq!(read.header("cache-control"), Some("no-store"));
    assert_eq!(read.body["buyer"], json!({"email": "ada@example.com", "name": "Ada Lovelace", "phone": null}));
    assert_eq!(read.body["shipping_address"]["name"], "Ada Lovelace", "the buyer's, unless told");
    let staffs = mart.staff_get(&format!("/api/orders/{id}")).send().await.expect(200);
    assert_eq!(staffs.body["number"], placed.body["number"]);
}

#[tokio::test]
async fn an_order_is_shown_to_nobody_else() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 5).await;
    let mine = mart.buy("LAMP", 1).await;
    let other = mart.buy("LAMP", 1).await;
    let path = format!("/api/orders/{}", mine.text("id"));
    mart.get(&path).send().await.problem(404, "not_found");
    mart.get(&path).bearer("x").send().await.problem(404, "not_found");
    mart.get(&path).bearer(&other.text("access_token")).send().await.problem(404, "not_found");
    mart.get("/api/orders/ord_00000000000000000000000000").send().await.problem(404, "not_found");
    mart.get("/api/orders/nonsense").send().await.problem(404, "not_found");
    mart.get(&format!("/api/admin/orders/{}", mine.text("id")))
        .bearer(&mine.text("access_token"))
        .send()
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_not_there_is_not_sold() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 2).await;
    mart.product("CUP", 500, 9).await;
    let lines = json!([{"sku": "CUP", "quantity": 9}, {"sku": "LAMP", "quantity": 3}]);
    let order = with(guest_order("LAMP", 1), "/lines", lines);
    let refused = mart.place("too-many", &order).await.problem(409, "insufficient_stock");
    assert_eq!(refused.body["lines"], json!([{"sku": "LAMP", "requested": 3, "available": 2}]));
    assert_eq!(mart.stock("CUP").await, (9, 0, 9), "all lines or none");
    // The same SKU on two lines is one wish for the sum of both, and stays two lines.
    let lines = json!([{"sku": "CUP", "quantity": 5}, {"sku": "CUP", "quantity": 5}]);
    let order = with(guest_order("LAMP", 1), "/lines", lines);
    let refused = mart.place("twice-too-many", &order).await.problem(409, "insufficient_stock");
    assert_eq!(refused.body["lines"], json!([{"sku": "CUP", "requested": 10, "available": 9}]));
    let lines = json!([{"sku": "CUP", "quantity": 5}, {"sku": "CUP", "quantity": 4}]);
    let placed = mart.place("twice", &with(guest_order("LAMP", 1), "/lines", lines)).await.expect(201);
    assert_eq!(placed.body["lines"].as_array().map(Vec::len), Some(2));
    assert_eq!(mart.stock("CUP").await, (9, 9, 0));
}

#[tokio::test]
async fn products_are_edited_by_one_at_a_time() {
    let mart = Mart::open(CLOUDMART).await;
    let made = mart.product("LAMP", 1_299, 5).await;
    let path = format!("/api/admin/products/{}", made.text("id"));
    let read = mart.staff_get(&path).send().await.expect(200);
    let tag = read.header("etag").expect("a tag").to_owned();
    let change = json!({"title": "A better lamp", "variants": [{"sku": "LAMP", "prices": [{"amount": 1_499, "currency": "USD"}]}]});
    let put = || mart.staff(reqwest::Method::PUT, &path).json(&change);
    put().send().await.problem(428, "precondition_required");
    put().if_match("\"nonsense\"").send().await.problem(412, "precondition_failed");
    let changed = put().if_match(&tag).send().await.expect(200);
    let new_tag = changed.header("etag").expect("a tag").to_owned();
    assert_ne!(new_tag, tag);
    put().if_match(&tag).send().await.problem(412, "precondition_failed");
    let patch = || mart.staff(reqwest::Method::PATCH, &path).json(&json!({"title": "The best lamp"}));
    patch().send().await.problem(428, "precondition_required");
    patch().if_match(&new_tag).send().await.expect(200);
    let slug = made.text("slug");
    let seen = mart.get(&format!("/api/products/{slug}")).send().await.expect(200);
    assert_eq!(seen.body["title"], "The best lamp");
    assert_eq!(seen.body["variants"][0]["price"], 1_499);
    let placed = mart.buy("LAMP", 1).await;
    assert_eq!(placed.body["lines"][0]["unit_price"], 1_499);
    assert_eq!(placed.body["lines"][0]["title"], "The best lamp");
}

#[tokio::test]
async fn what_is_archived_or_a_draft_is_not_for_sale() {
    let mart = Mart::open(CLOUDMART).await;
    let made = mart.product("LAMP", 1_299, 5).await;
    let path = format!("/api/admin/products/{}", made.text("id"));
    for status in ["draft", "archived"] {
        let tag = mart.staff_get(&path).send().await.header("etag").expect("a tag").to_owned();
        let patch = json!({"status": status});
        mart.staff(reqwest::Method::PATCH, &path).if_match(&tag).json(&patch).send().await.expect(200);
        mart.place(status, &guest_order("LAMP", 1)).await.problem(422, "invalid").at("/lines/0/sku");
        mart.get(&format!("/api/products/{}", made.text("slug"))).send().await.problem(404, "not_found");
        let listed = mart.get("/api/products").send().await.expect(200);
        assert_eq!(listed.items(), [] as [Value; 0], "{status}");
    }
}

/// Everything a shopper sees before buying, and what a SKU is: case-sensitive.
#[tokio::test]
async fn goods_are_found_and_told_apart() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("85123A", 255, 10).await;
    mart.product("85123a", 295, 20).await;
    let listed = eventually("both are listed", PATIENCE, async || {
        let listed = mart.get("/api/products?currency=USD").send().await.expect(200);
        (listed.items().len() == 2).then_some(listed)
    })
    .await;
    for card in listed.items() {
        let (id, slug) = (card["id"].as_str().unwrap_or_default(), card["slug"].as_str().unwrap_or_default());
        let by_id = mart.get(&format!("/api/products/{id}")).send().await.expect(200);
        let by_slug = mart.get(&format!("/api/products/{slug}")).send().await.expect(200);
        assert_eq!(by_id.body["variants"], by_slug.body["variants"]);
        let price = if by_id.body["variants"][0]["sku"] == "85123A" { 255 } else { 295 };
        assert_eq!(by_id.body["variants"][0]["price"], price);
        let tag = by_slug.header("etag").expect("a tag");
        let again = mart.get(&format!("/api/products/{slug}")).header("if-none-match", tag).send().await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
    }
    mart.buy("85123a", 1).await;
    assert_eq!(mart.stock("85123A").await, (10, 0, 10));
    assert_eq!(mart.stock("85123a").await, (20, 1, 19));
    let found = mart.get("/api/products?q=85123A").send().await.expect(200);
    assert!(!found.items().is_empty(), "{found}");
    assert_eq!(mart.get("/api/products?q=nothing-is-called-so").send().await.expect(200).items(), [] as [Value; 0]);
    mart.get("/api/products?currency=XXX").send().await.any_problem().expect(400);
    mart.get("/api/products?locale=not-a-language-at-all").send().await.any_problem().expect(400);
    mart.get("/api/products?limit=1000").send().await.any_problem().expect(400);
    mart.get("/api/products?cursor=nonsense").send().await.any_problem().expect(400);
}
