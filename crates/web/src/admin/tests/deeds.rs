//! What is done to an order on its page: each deed says first what it will do, and is done once.

use axum::http::StatusCode;
use serde_json::json;

use super::Office;

#[tokio::test]
async fn an_order_is_captured_shipped_delivered_and_partly_refunded() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 3).await;
    let page = office.get(&format!("/admin/orders/{id}")).await;
    for offered in ["ship", "capture", "cancel", "note"] {
        assert!(page.has(&format!("/admin/orders/{id}/{offered}\"")), "{offered}");
    }
    for not_yet in ["refund", "deliver", "mark-paid"] {
        assert!(!page.has(&format!("/admin/orders/{id}/{not_yet}\"")), "{not_yet}");
        let question = office.get(&format!("/admin/orders/{id}/{not_yet}")).await;
        assert_eq!(question.location(), format!("/admin/orders/{id}"), "{not_yet}");
    }
    let question = office.get(&format!("/admin/orders/{id}/capture")).await;
    assert!(question.has("Takes up to €64.87 of the €64.87 that were authorised"), "{}", question.body);
    let done = office.deed(&id, "capture", &[("amount", "64.87")]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, format!("/admin/orders/{id}").as_str()));
    let page = office.get(&format!("/admin/orders/{id}")).await;
    assert!(page.has("Captured.") && page.has("Paid"));
    assert!(!office.get(&format!("/admin/orders/{id}")).await.has("role=\"status\">Captured."));

    let line = office.order(&id).await["lines"][0]["id"].as_str().unwrap().to_owned();
    let field = format!("line.{line}");
    let tracking = "https://carrier.example/t/1";
    let fields = [(field.as_str(), "2"), ("carrier", "DHL"), ("tracking_number", "1Z9"), ("tracking_url", tracking)];
    assert_eq!(office.deed(&id, "ship", &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.stock().await, (18, 1));
    let page = office.get(&format!("/admin/orders/{id}")).await;
    assert!(page.has("2 of 3 shipped") && page.has("1Z9") && page.has(tracking) && page.has("DHL"));

    office.deed(&id, "deliver", &[]).await;
    let order = office.order(&id).await;
    assert!(order["shipments"][0]["delivered_at"].is_string(), "{order}");

    let fields = [("amount", "5"), ("reason", "scratched")];
    assert_eq!(office.deed(&id, "refund", &fields).await.status, StatusCode::SEE_OTHER);
    let order = office.order(&id).await;
    assert_eq!((&order["payment"]["refunded"], &order["payment_status"]), (&json!(500), &json!("partially_refunded")));
    assert!(office.get(&format!("/admin/orders/{id}")).await.has("scratched"));
}

#[tokio::test]
async fn sent_twice_is_done_once() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 3).await;
    office.deed(&id, "capture", &[]).await;
    let line = office.order(&id).await["lines"][0]["id"].as_str().unwrap().to_owned();
    let field = format!("line.{line}");
    let twice = async |deed: &str, fields: &[(&str, &str)]| {
        let path = format!("/admin/orders/{id}/{deed}");
        let once = office.get(&path).await.hidden("once");
        let fields = [&[("once", once.as_str())], fields].concat();
        // Both at once, as by a double click, and again, as by going back and reloading.
        let (first, second) = tokio::join!(office.post(&path, &fields), office.post(&path, &fields));
        let third = office.post(&path, &fields).await;
        for page in [first, second, third] {
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{deed}: {}", page.body);
        }
    };
    twice("ship", &[(&field, "1")]).await;
    twice("refund", &[("amount", "1.00")]).await;
    twice("note", &[("note", "only one")]).await;
    let order = office.order(&id).await;
    assert_eq!(order["shipments"].as_array().unwrap().len(), 1);
    assert_eq!(order["payment"]["refunded"], 100);
    assert_eq!(order["staff_notes"].as_array().unwrap().len(), 1);
    assert_eq!(office.stock().await, (19, 2));
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_nothing_is_done() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 2).await;
    let line = office.order(&id).await["lines"][0]["id"].as_str().unwrap().to_owned();
    let field = format!("line.{line}");
    for (deed, name, value, told) in [
        ("capture", "amount", "1,000,000", "Not an amount such as 12.99."),
        ("capture", "amount", "999", "at most 4488 can be captured"),
        ("ship", field.as_str(), "x", "Not a whole number."),
        ("ship", field.as_str(), "9", "at most 2"),
        ("ship", field.as_str(), "0", "Which goods"),
    ] {
        let page = office.deed(&id, deed, &[(name, value)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{deed} {value}");
        assert!(page.has(told), "{deed} {value}: {}", page.body);
    }
    let fields = [(field.as_str(), "1"), ("tracking_url", "javascript:alert(1)")];
    let page = office.deed(&id, "ship", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("e-tracking_url"), "{}", page.body);
    let order = office.order(&id).await;
    assert_eq!((&order["payment"]["captured"], order["shipments"].as_array().unwrap().len()), (&json!(0), 0));
}

#[tokio::test]
async fn cancelling_says_what_goes_back_and_does_it() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 2).await;
    assert_eq!(office.stock().await, (20, 2));
    let question = office.get(&format!("/admin/orders/{id}/cancel")).await;
    for told in
        ["Lets go of €44.88 that were authorised.", "2 pieces are free for others again.", "cannot be opened again"]
    {
        assert!(question.has(told), "{told}: {}", question.body);
    }
    office.deed(&id, "cancel", &[("reason", "out of <b>fashion</b>")]).await;
    assert_eq!(office.order(&id).await["status"], "cancelled");
    assert_eq!(office.stock().await, (20, 0));
    let page = office.get(&format!("/admin/orders/{id}")).await;
    assert!(page.has("The order is cancelled.") && page.has("Voided"));
    for gone in ["ship", "capture", "cancel", "refund"] {
        assert!(!page.has(&format!("/admin/orders/{id}/{gone}\"")), "{gone}");
    }
}

#[tokio::test]
async fn a_transfer_is_marked_as_paid_and_the_papers_say_so() {
    let office = Office::signed_in().await;
    let id = office.buy_as("one", "Ada", "Main street 1", "ring twice").await;
    let question = office.get(&format!("/admin/orders/{id}/mark-paid")).await;
    assert!(question.has("Nothing is asked of a bank."));
    office.deed(&id, "mark-paid", &[("amount", "10")]).await;
    assert_eq!(office.order(&id).await["payment_status"], "partially_captured");
    office.deed(&id, "mark-paid", &[]).await;
    assert_eq!(office.order(&id).await["payment_status"], "captured");
    let receipt = office.get(&format!("/admin/orders/{id}/receipt")).await;
    assert!(receipt.has("€24.89") && receipt.has("Includes €3.97 of tax"), "{}", receipt.body);
    let slip = office.get(&format!("/admin/orders/{id}/packing-slip")).await;
    assert!(slip.has("ring twice") && slip.has("Main street 1") && !slip.has("€"));
}

#[tokio::test]
async fn erasing_keeps_the_sale_and_loses_the_buyer() {
    let office = Office::signed_in().await;
    let id = office.buy_as("one", "Ada Lovelace", "Main street 1", "").await;
    assert!(office.get(&format!("/admin/orders/{id}")).await.has("Ada Lovelace"));
    assert!(office.get(&format!("/admin/orders/{id}/erase")).await.has("Nobody can bring it back."));
    office.deed(&id, "erase", &[]).await;
    let page = office.get(&format!("/admin/orders/{id}")).await;
    assert!(!page.has("Ada Lovelace") && !page.has("Main street") && page.has("data was erased") && page.has("€24.89"));
    assert!(!page.has(&format!("/admin/orders/{id}/note\"")));
}

#[tokio::test]
async fn a_parked_process_is_seen_and_taken_on() {
    let office = Office::signed_in().await;
    assert!(office.get("/admin/processes").await.has("Nothing is under way"));
    let id = office.buy("one", 1).await;
    let refused = office.get(&format!("/admin/processes/{id}/retry")).await;
    let once = refused.hidden("once");
    let page = office.post(&format!("/admin/processes/{id}/retry"), &[("once", &once)]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.has("no step of this order is parked"), "{}", page.body);
    assert_eq!(office.get(&format!("/admin/processes/{id}/nonsense")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_step_that_the_bank_refused_waits_for_staff_and_is_tried_again_by_them() {
    let office = Office::signed_in().await;
    let (_, order) = office.shop.buy("one", &[("A", 2)], "tok_stuck").await;
    let (id, number) = (order["id"].as_str().unwrap(), order["number"].as_str().unwrap());
    office.deed(id, "cancel", &[]).await;
    let list = office.get("/admin/processes?state=parked").await;
    for told in [number, "Parked", "Undo the payment", "the bank did not do it"] {
        assert!(list.has(told), "{told}: {}", list.body);
    }
    assert!(office.get("/admin").await.has("Parked processes"));
    let page = office.get(&format!("/admin/orders/{id}")).await;
    let offers = |deed: &str| page.has(&format!("/admin/processes/{id}/{deed}\""));
    assert_eq!((offers("retry"), offers("skip"), offers("compensate")), (true, true, false));
    let csv = office.get("/admin/processes?format=csv").await;
    assert!(csv.has(&format!("{id},")) && csv.has(",parked,undo_payment,"), "{}", csv.body);
    let question = office.get(&format!("/admin/processes/{id}/skip")).await;
    assert!(question.has("Do this only after you have seen to it in another way."));
    let question = office.get(&format!("/admin/processes/{id}/retry")).await;
    assert!(question.has("It failed last with: not_voidable"), "{}", question.body);
    let once = question.hidden("once");
    for _ in 0..2 {
        let done = office.post(&format!("/admin/processes/{id}/retry"), &[("once", &once)]).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, format!("/admin/orders/{id}").as_str()));
    }
    assert_eq!(office.order(id).await["status"], "cancelled");
    assert_eq!(office.stock().await, (20, 0));
    assert!(office.get("/admin/processes").await.has("Nothing is under way"));
}
