//! The timeline, and the order as it was at any moment.

use axum::http::StatusCode;

use super::Office;

#[tokio::test]
async fn every_fact_is_told_with_its_time_and_cause() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 1).await;
    office.deed(&id, "capture", &[]).await;
    let page = office.get(&format!("/admin/orders/{id}")).await;
    for told in [
        "order.placed",
        "reservation.held",
        "payment.authorized",
        "order.confirmed",
        "payment.captured",
        "ledger.posted",
        "orders.capture",
        "owner@shop.example",
        "the buyer",
        "27 Nov 2026, 00:00:0",
    ] {
        assert!(page.has(told), "{told}");
    }
    let trace = page.header(axum::http::header::HeaderName::from_static("traceparent"));
    assert!(trace.starts_with("00-"));
    assert!(page.has("<dt>Trace</dt>"));
    assert!(!page.has("ada@example.com&#34;"), "facts hold nothing personal");
}

#[tokio::test]
async fn the_past_is_shown_as_it_was_and_left_alone() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 2).await;
    let events = office.services.orders.events(&domain::ids::OrderId::parse(&id).unwrap()).await.unwrap();
    let confirmed = events.iter().find(|event| event.kind == "order.confirmed").unwrap().time.clone();
    office.deed(&id, "capture", &[]).await;
    office.deed(&id, "note", &[("note", "written later")]).await;
    let now = office.get(&format!("/admin/orders/{id}")).await;
    assert!(now.has("written later") && !now.has("Nothing can be done to the past"));
    let then = office.get(&format!("/admin/orders/{id}?at={confirmed}")).await;
    assert_eq!(then.status, StatusCode::OK);
    assert!(then.has("Nothing can be done to the past.") && then.has("Back to now") && then.has("Authorised"));
    assert!(!then.has("written later"));
    for deed in ["ship", "capture", "cancel", "refund", "note", "erase"] {
        assert!(!then.has(&format!("/admin/orders/{id}/{deed}\"")), "{deed}");
    }
    assert!(then.has("class=\"later\"") && then.has(" here\""));
    // Each fact leads to its moment, without a script.
    for event in &events {
        let encoded: String = form_urlencoded::byte_serialize(event.time.as_bytes()).collect();
        let is_before = event.time < events.iter().find(|event| event.kind == "order.placed").unwrap().time;
        assert_eq!(now.has(&format!("at={encoded}#then")), !is_before, "{}", event.kind);
    }
    for (at, status) in [
        ("2020-01-01T00:00:00Z", StatusCode::NOT_FOUND),
        ("2099-01-01T00:00:00Z", StatusCode::UNPROCESSABLE_ENTITY),
        ("soon", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(office.get(&format!("/admin/orders/{id}?at={at}")).await.status, status, "{at}");
    }
}
