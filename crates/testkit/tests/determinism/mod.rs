//! The same seed does the same: checkouts that crowd, fail, wait and come back leave the same log, byte for byte.
//! It runs on one thread with time that moves only when everybody waits.

use std::time::Duration;

use axum::http::Method;
use platform::documents::Collection;
use serde_json::{Value, json};
use testkit::shop::BoxedShop;

const TOKENS: [&str; 7] =
    ["tok_success", "tok_declined", "tok_flaky", "tok_unknown", "tok_duplicate_notice", "tok_timeout", "tok_action"];

/// What a run leaves behind: every fact, every derived document, every answer.
#[derive(Debug, PartialEq)]
struct Left {
    facts: Vec<String>,
    documents: Vec<String>,
    answers: Vec<(u16, Value)>,
}

async fn run(seed: u64) -> Left {
    let shop = BoxedShop::open(seed).await;
    let crowd = (0..60).map(|n| {
        let shop = &shop;
        async move {
            let lines: &[(&str, u32)] = if n % 3 == 0 { &[("A", 1), ("B", 2)] } else { &[("B", 1), ("A", 1)] };
            shop.buy(&format!("buyer-{n}"), lines, TOKENS[n % TOKENS.len()]).await
        }
    });
    let mut answers = futures::future::join_all(crowd).await;
    let sold = answers.iter().filter(|(status, _)| *status == 201);
    let ids: Vec<String> = sold.filter_map(|(_, order)| order["id"].as_str().map(ToOwned::to_owned)).collect();
    assert!(!ids.is_empty(), "somebody bought something");
    for (n, id) in ids.iter().enumerate().take(6) {
        for (what, body) in
            [("capture", Value::Null), ("ship", json!({})), ("refund", json!({"restock": true}))].iter().take(1 + n % 3)
        {
            let path = format!("/api/admin/orders/{id}/{what}");
            answers.push(shop.send(Method::POST, &path, Some(&format!("{what}-{n}")), body.clone(), true).await);
        }
    }
    // Past the slow bank's answer and the end of what buyers did not finish.
    assert!(shop.comes_to_rest(Duration::from_secs(3_600)).await, "every process comes to its end");
    assert!(shop.machinery.projector.wait_for_heads(Duration::from_secs(60)).await.expect("the log answers"));
    let mut documents = Vec::new();
    for collection in ["orders", "order_tasks", "stock", "reservations", "products"] {
        let held = shop.machinery.documents.scan(Collection::derived(collection), None, 10_000).await.expect("a scan");
        documents.extend(held.into_iter().map(|document| format!("{collection} {} {}", document.id, document.body)));
    }
    let facts = shop.log.dump().into_iter().map(|fact| format!("{fact:?}")).collect();
    Left { facts, documents, answers }
}

#[test]
fn the_same_seed_leaves_the_same_log() {
    let alone = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(run(seed))
    };
    let (first, again, other) = (alone(7), alone(7), alone(8));
    for (n, (a, b)) in first.facts.iter().zip(&again.facts).enumerate() {
        assert_eq!(a, b, "fact {n} differs");
    }
    assert_eq!(first, again);
    assert_ne!(first.facts, other.facts, "another seed makes other ids");
}

/// What holds in every run, whatever the order of events.
#[test]
fn a_crowd_with_a_bad_bank_leaves_books_that_add_up() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let left = runtime.expect("a runtime").block_on(run(3));
    let count = |status| left.answers.iter().take(60).filter(|(answered, _)| *answered == status).count();
    assert_eq!(count(201) + count(202) + count(402) + count(409), 60, "nobody got anything else");
    let stock = left.documents.iter().find_map(|document| document.strip_prefix("stock A ")).expect("stock of A");
    let stock: Value = serde_json::from_str(stock).expect("a document");
    let orders = left.documents.iter().filter_map(|document| document.strip_prefix("orders "));
    let rows: Vec<Value> =
        orders.filter_map(|row| row.split_once(' ').and_then(|(_, body)| serde_json::from_str(body).ok())).collect();
    assert_eq!(rows.len(), 60);
    let units = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
    assert_eq!(units("pending"), 0, "every order came to an end: {rows:?}");
    assert!(units("confirmed") > 0 && units("cancelled") > 0 && units("rejected") > 0);
    assert!(left.documents.iter().all(|document| !document.starts_with("order_tasks ")), "no process is open");
    assert!(stock.to_string().contains("on_hand"), "{stock}");
}

/// After a crash, what was undone tells no reason; so the reason comes first.
#[tokio::test(start_paused = true)]
async fn why_an_order_is_undone_is_durable_before_anything_is_undone() {
    let shop = BoxedShop::open(5).await;
    let (status, answer) = shop.buy("declined", &[("A", 1)], "tok_declined").await;
    assert_eq!(status, 402);
    let id = answer["order_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let facts = shop.orders.facts_of(&id).await.expect("facts");
    let place = |wanted: &str| facts.iter().position(|fact| &*fact.type_name == wanted).expect(wanted);
    let why = place("order.cancellation_requested");
    assert!(why < place("reservation.released"), "{facts:#?}");
}
