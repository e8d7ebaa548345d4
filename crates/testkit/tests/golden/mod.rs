//! Facts that were once written are read for ever: one example of each type, as it was stored, in `golden/facts.jsonl`.
//!
//! A line is never edited or removed. When a fact's shape changes, its schema rises, an upcaster is written, and a line
//! with the new schema is added below; the old line then shows that the upcaster works.

use std::collections::BTreeSet;

use axum::http::Method;
use platform::log::{Cause, RecordedFact, StreamId};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::shop::BoxedShop;

const GOLDEN: &str = include_str!("../../golden/facts.jsonl");

#[derive(Deserialize)]
struct Line {
    stream: String,
    #[serde(rename = "type")]
    kind: String,
    schema: u16,
    body: Value,
}

fn lines() -> Vec<Line> {
    let parsed = GOLDEN.lines().map(|line| serde_json::from_str(line).expect("a line of the golden file"));
    parsed.collect()
}

#[test]
fn every_fact_that_was_ever_written_is_still_read() {
    let kinds = services::kinds();
    for line in lines() {
        let fact = RecordedFact {
            shard: 0,
            position: 1,
            stream: StreamId::parse(&line.stream).expect("a stream"),
            version: 1,
            type_name: line.kind.as_str().into(),
            schema: line.schema,
            time: jiff::Timestamp::UNIX_EPOCH,
            cause: Cause::system(),
            body: line.body.to_string().into(),
        };
        let read = kinds.decode(&fact);
        assert!(
            read.is_ok(),
            "{} (schema {}): {}",
            line.kind,
            line.schema,
            read.err().map(|e| e.to_string()).unwrap_or_default()
        );
    }
}

/// What a shop writes today is in the golden file, so that nobody forgets to add it.
#[tokio::test(start_paused = true)]
async fn every_fact_that_is_written_today_is_in_the_golden_file() {
    let known: BTreeSet<(String, u16)> = lines().into_iter().map(|line| (line.kind, line.schema)).collect();
    let missing: Vec<String> = written()
        .await
        .into_iter()
        .filter(|line| {
            let line: Line = serde_json::from_str(line).expect("a line");
            !known.contains(&(line.kind, line.schema))
        })
        .collect();
    assert!(missing.is_empty(), "add to golden/facts.jsonl:\n{}", missing.join("\n"));
}

/// One line for each type of fact that a busy shop writes.
async fn written() -> Vec<String> {
    let shop = BoxedShop::open(11).await;
    let mut confirmed = Vec::new();
    for (n, token) in
        ["tok_success", "tok_success", "tok_success", "tok_declined", "tok_flaky", "tok_action", "tok_unknown"]
            .iter()
            .enumerate()
    {
        let (status, order) = shop.buy(&format!("golden-{n}"), &[("A", 1), ("B", 2)], token).await;
        if status == 201 {
            confirmed.push(order["id"].as_str().expect("an id").to_owned());
        }
    }
    shop.buy("golden-too-many", &[("A", 500)], "tok_success").await;
    let staff = async |path: String, key: &str, body: Value| {
        let (status, answer) = shop.send(Method::POST, &path, Some(key), body, true).await;
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    };
    let [first, second, third, ..] = confirmed.as_slice() else { panic!("three orders") };
    staff(format!("/api/admin/orders/{first}/capture"), "g-capture", Value::Null).await;
    staff(format!("/api/admin/orders/{first}/ship"), "g-ship", json!({})).await;
    staff(format!("/api/admin/orders/{first}/deliver"), "g-deliver", Value::Null).await;
    let line =
        shop.orders.view(&first.parse().expect("an id"), services::orders::Reader::Staff).await.expect("a view").lines
            [0]
        .id
        .clone();
    let refund = json!({"lines": [{"line": line, "quantity": 1}], "restock": true});
    staff(format!("/api/admin/orders/{first}/refund"), "g-refund", refund).await;
    staff(format!("/api/admin/orders/{second}/notes"), "g-note", json!({"note": "call back"})).await;
    staff(format!("/api/admin/orders/{second}/cancel"), "g-cancel", json!({"reason": "bought twice"})).await;
    staff(format!("/api/admin/orders/{third}/capture"), "g-capture-3", json!({"amount": 1_000})).await;
    let draft = json!({"currency": "EUR", "lines": [{"sku": "B", "quantity": 3, "unit_price": 5}]});
    let draft = staff("/api/admin/draft-orders".to_owned(), "g-draft", draft).await;
    let order = staff(
        format!("/api/admin/draft-orders/{}/complete", draft["id"].as_str().expect("an id")),
        "g-complete",
        Value::Null,
    )
    .await;
    staff(format!("/api/admin/orders/{}/mark-paid", order["id"].as_str().expect("an id")), "g-paid", Value::Null).await;
    for (n, action) in ["retry", "skip"].iter().enumerate() {
        let (_, order) = shop.buy(&format!("golden-stuck-{n}"), &[("B", 1)], "tok_stuck").await;
        let id = order["id"].as_str().expect("an id").to_owned();
        staff(format!("/api/admin/orders/{id}/cancel"), &format!("g-cancel-stuck-{n}"), json!({})).await;
        staff(format!("/api/admin/processes/{id}/{action}"), &format!("g-{action}"), json!({})).await;
    }
    assert!(shop.comes_to_rest(std::time::Duration::from_secs(3_600)).await);
    staff(format!("/api/admin/orders/{second}/erase"), "g-erase", Value::Null).await;
    let mut seen = BTreeSet::new();
    let facts = shop.log.dump().into_iter().filter(|fact| seen.insert((fact.type_name.clone(), fact.schema)));
    let line = |fact: RecordedFact| {
        let body: Value = serde_json::from_str(&fact.body).expect("JSON");
        json!({"stream": fact.stream.to_string(), "type": &*fact.type_name, "schema": fact.schema, "body": body})
            .to_string()
    };
    let mut lines: Vec<String> = facts.map(line).collect();
    lines.sort();
    lines
}
