//! The list of orders: filters, finding, CSV, and what is done to several at once.

use axum::http::{StatusCode, header};

use super::Office;

#[tokio::test]
async fn orders_are_found_by_number_and_by_address_and_filtered() {
    let office = Office::signed_in().await;
    assert!(office.get("/admin/orders").await.has("No orders yet"));
    let paid = office.buy("one", 1).await;
    let manual = office.buy_as("two", "Ada", "Main street 1", "").await;
    let number = |order: serde_json::Value| order["number"].as_str().unwrap().to_owned();
    let (paid, manual) = (number(office.order(&paid).await), number(office.order(&manual).await));
    for (query, finds_paid, finds_manual) in [
        ("", true, true),
        ("q=ada%40example.com", true, true),
        ("q=nobody%40example.com", false, false),
        ("payment=authorized", true, false),
        ("payment=pending", false, true),
        ("status=cancelled", false, false),
        ("from=2026-11-27&until=2026-11-27", true, true),
        ("from=2026-11-28", false, false),
        ("until=2026-11-26", false, false),
        ("status=nonsense&payment=nonsense&from=nonsense", true, true),
    ] {
        let page = office.get(&format!("/admin/orders?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!((page.has(&paid), page.has(&manual)), (finds_paid, finds_manual), "{query}");
    }
    let page = office.get(&format!("/admin/orders?q=%23{}", paid.to_lowercase())).await;
    assert!(page.has(&paid) && !page.has(&manual));
    let page = office.get("/admin/orders?q=not+a+number!").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.has("aria-invalid=\"true\""));
    assert_eq!(office.get("/admin/orders?cursor=forged").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn long_lists_have_pages_and_one_file() {
    let office = Office::signed_in().await;
    for n in 0..55 {
        let (status, _) = office.shop.buy(&n.to_string(), &[("B", 1)], "tok_success").await;
        assert_eq!(status, 201);
    }
    let first = office.get("/admin/orders?payment=authorized").await;
    assert_eq!(first.body.matches("data-row").count(), 50);
    let (_, rest) = first.body.split_once("rel=\"next\" href=\"").unwrap();
    let next = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    assert!(next.contains("payment=authorized"));
    let second = office.get(&next).await;
    assert_eq!(second.body.matches("data-row").count(), 5);
    assert!(second.has("Back to the beginning"));
    let csv = office.get("/admin/orders?format=csv").await;
    assert_eq!(csv.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    assert!(csv.header(header::CONTENT_DISPOSITION).starts_with("attachment"));
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!(lines.len(), 56);
    assert!(lines[0].trim_start_matches('\u{feff}').starts_with("number,placed_at,"));
    assert!(lines[1].contains(",confirmed,authorized,unfulfilled,true,api,EUR,24.89,1,DE"), "{}", lines[1]);
}

#[tokio::test]
async fn several_orders_are_captured_with_a_result_for_each_and_once() {
    let office = Office::signed_in().await;
    let paid = office.buy("one", 1).await;
    let manual = office.buy_as("two", "Ada", "Main street 1", "").await;
    let query = format!("order={paid}&order={manual}");
    let question = office.get(&format!("/admin/orders/capture?{query}")).await;
    assert!(question.has("Takes €24.89 of order") && question.has("nothing to capture"), "{}", question.body);
    assert_eq!(office.order(&paid).await["payment"]["captured"], 0);
    let once = question.hidden("once");
    let fields = [("once", once.as_str()), ("order", paid.as_str()), ("order", manual.as_str())];
    for _ in 0..2 {
        let results = office.post("/admin/orders/capture", &fields).await;
        assert_eq!(results.status, StatusCode::OK);
        assert!(results.has("€24.89 captured") && results.has("marked as paid"), "{}", results.body);
        assert_eq!(office.order(&paid).await["payment"]["captured"], 2_489);
    }
    let none = office.get("/admin/orders/capture").await;
    assert_eq!(none.location(), "/admin/orders");
    assert!(office.get("/admin/orders").await.has("Select at least one order first."));
    let slips = office.get(&format!("/admin/orders/slips?{query}")).await;
    assert_eq!(slips.body.matches("class=\"paper\"").count(), 2);
    let csv = office.get(&format!("/admin/orders/export?{query}")).await;
    assert_eq!(csv.body.lines().count(), 3);
}
