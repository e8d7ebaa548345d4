//! Draft orders, from the first line to the order.

use axum::http::StatusCode;
use serde_json::json;

use super::Office;

const FIELDS: [(&str, &str); 12] = [
    ("currency", "EUR"),
    ("lines.0.sku", "A"),
    ("lines.0.quantity", "2"),
    ("lines.0.unit_price", "15.00"),
    ("lines.2.sku", "B"),
    ("buyer.name", "Grace"),
    ("buyer.email", "grace@example.com"),
    ("shipping_address.line1", "Main street 1"),
    ("shipping_address.city", "Berlin"),
    ("shipping_address.postal_code", "10115"),
    ("shipping_address.country", "DE"),
    ("shipping_amount", "3.50"),
];

#[tokio::test]
async fn a_draft_becomes_an_order_at_its_own_prices() {
    let office = Office::signed_in().await;
    assert!(office.get("/admin/drafts").await.has("No drafts"));
    let once = office.get("/admin/drafts/new").await.hidden("once");
    let fields = [&[("once", once.as_str())], &FIELDS[..]].concat();
    let first = office.post("/admin/drafts/new", &fields).await;
    let again = office.post("/admin/drafts/new", &fields).await;
    assert_eq!(first.location(), again.location());
    let path = first.location().to_owned();
    let page = office.get(&path).await;
    assert!(page.has("value=\"15.00\"") && page.has("value=\"Grace\"") && page.has("name=\"lines.1.sku\" value=\"B\""));
    let seen = page.hidden("seen");
    let changed = [&fields[..], &[("seen", seen.as_str()), ("discount", "1.00")]].concat();
    assert_eq!(office.post(&path, &changed).await.location(), path);
    let stale = office.post(&path, &changed).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert!(stale.has("Somebody else changed this draft meanwhile."));
    let question = office.get(&format!("{path}/complete")).await;
    assert!(question.has("Places an order of 2 lines"), "{}", question.body);
    let done = office.post(&format!("{path}/complete"), &[("once", &question.hidden("once"))]).await;
    let order_path = done.location().to_owned();
    let again = office.post(&format!("{path}/complete"), &[("once", "another")]).await;
    assert_eq!(again.location(), order_path);
    let order = office.order(order_path.rsplit('/').next().unwrap()).await;
    assert_eq!(order["channel"], "draft");
    assert_eq!(order["payment"]["amount"], json!(2 * 1_500 + 1_999 + 350 - 100));
    let page = office.get(&path).await;
    assert!(page.has("has become an order") && page.has(&order_path) && page.has("disabled"));
    assert!(office.get("/admin/drafts").await.has("Ordered"));
}

#[tokio::test]
async fn a_draft_is_copied_from_a_draft_and_from_an_order() {
    let office = Office::signed_in().await;
    let path = office.post("/admin/drafts/new", &FIELDS).await.location().to_owned();
    let id = path.rsplit('/').next().unwrap();
    let copy = office.get(&format!("/admin/drafts/new?from={id}")).await;
    assert!(copy.has("value=\"15.00\"") && copy.has("action=\"/admin/drafts/new\""));
    let order = office.buy("one", 3).await;
    let copy = office.get(&format!("/admin/drafts/new?order={order}")).await;
    assert!(copy.has("value=\"19.99\"") && copy.has("value=\"4.90\"") && copy.has("value=\"ada@example.com\""));
}

#[tokio::test]
async fn mistakes_are_told_beside_their_fields_and_lines_can_be_added() {
    let office = Office::signed_in().await;
    for (field, value, told) in [
        ("lines.0.sku", "", "Write at least one line."),
        ("lines.0.quantity", "many", "Not a whole number."),
        ("lines.0.quantity", "0", "between 1 and 1000000"),
        ("lines.0.unit_price", "1.999", "Not an amount such as 12.99."),
        ("buyer.email", "nobody", "e-buyer.email"),
    ] {
        let mut fields = vec![("currency", "EUR"), ("lines.0.sku", "A")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let page = office.post("/admin/drafts/new", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field} {value}");
        assert!(page.has(told), "{field} {value}: {}", page.body);
    }
    let many: Vec<(String, String)> = (0..6).map(|n| (format!("lines.{n}.sku"), format!("A{n}"))).collect();
    let mut fields: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.push(("add", "1"));
    let page = office.post("/admin/drafts/new", &fields).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.has("name=\"lines.8.sku\"") && page.has("value=\"A5\""));
    assert!(office.get("/admin/drafts").await.has("No drafts"));
}

#[tokio::test]
async fn a_draft_that_cannot_be_ordered_says_why_and_stays() {
    let office = Office::signed_in().await;
    let mut fields = FIELDS.to_vec();
    fields.retain(|(name, _)| *name != "lines.0.quantity");
    fields.push(("lines.0.quantity", "999"));
    let path = office.post("/admin/drafts/new", &fields).await.location().to_owned();
    let once = office.get(&format!("{path}/complete")).await.hidden("once");
    let page = office.post(&format!("{path}/complete"), &[("once", &once)]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.has("not enough"), "{}", page.body);
}

#[tokio::test]
async fn a_deleted_draft_is_gone() {
    let office = Office::signed_in().await;
    let path = office.post("/admin/drafts/new", &FIELDS).await.location().to_owned();
    let question = office.get(&format!("{path}/delete")).await;
    assert!(question.has("It cannot be brought back."));
    let once = question.hidden("once");
    for _ in 0..2 {
        let page = office.post(&format!("{path}/delete"), &[("once", &once)]).await;
        assert_eq!(page.location(), "/admin/drafts");
    }
    assert_eq!(office.get(&path).await.status, StatusCode::NOT_FOUND);
}
