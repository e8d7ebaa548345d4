//! Every way in which a payment can go.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::mart::{Answer, Mart, Plan, Till, guest_order, with};

use crate::{CLOUDMART, PATIENCE};

/// The slow provider answers after 30 s.
const SLOW: Duration = Duration::from_secs(75);
/// Gives 16 digits that pass the check of card numbers; a well-known test number.
const CARD_NUMBER: &str = "4242424242424242";

fn paid_with(token: &str) -> Value {
    with(guest_order("LAMP", 1), "/payment/token", token)
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind).count()
}

async fn mart() -> Mart {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 20).await;
    mart
}

/// The books of all orders together.
async fn balanced(mart: &Mart) {
    let balance = mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200);
    for (_, sum) in sums(&balance) {
        assert_eq!(sum, 0, "{balance}");
    }
}

/// Debits minus credits per currency, added up here.
fn sums(balance: &Answer) -> std::collections::BTreeMap<String, i64> {
    let mut sums = std::collections::BTreeMap::new();
    for account in balance.body["accounts"].as_array().unwrap_or_else(|| panic!("no accounts: {balance}")) {
        let amount = |member: &str| account[member].as_i64().unwrap_or_else(|| panic!("no {member}: {balance}"));
        let currency = account["currency"].as_str().unwrap_or_else(|| panic!("no currency: {balance}"));
        *sums.entry(currency.to_owned()).or_insert(0) += amount("debit") - amount("credit");
    }
    sums
}

#[tokio::test]
async fn success_flakiness_and_a_notice_that_comes_twice() {
    let mart = mart().await;
    for token in ["tok_success", "tok_flaky", "tok_duplicate_notice"] {
        let placed = mart.place(token, &paid_with(token)).await.expect(201);
        assert_eq!(placed.body["status"], "confirmed", "{token}");
        assert_eq!(placed.body["payment_status"], "authorized", "{token}");
        assert_eq!(placed.body["test"], true, "{token}");
        let events = mart.events_of(&placed.text("id")).await;
        assert_eq!(count(&events, "payment.authorized"), 1, "{token}: {events:#?}");
    }
    assert_eq!(mart.stock("LAMP").await, (20, 3, 17));
    balanced(&mart).await;
    mart.doctor().await;
}

#[tokio::test]
async fn a_declined_card_leaves_nothing_behind() {
    let mart = mart().await;
    for token in ["tok_declined", "tok_insufficient_funds"] {
        let declined = mart.place(token, &paid_with(token)).await.problem(402, "payment_declined");
        assert_eq!(mart.stock("LAMP").await, (20, 0, 20), "{token}");
        let id = declined.text("order_id");
        let order = mart.order(&id).await;
        assert_eq!(order.body["status"], "cancelled", "{order}");
        assert_eq!(order.body["payment_status"], "declined", "{order}");
        assert_eq!(order.body["cancellation"]["code"], "payment_declined", "{order}");
        let events = mart.events_of(&id).await;
        assert_eq!((count(&events, "payment.declined"), count(&events, "payment.authorized")), (1, 0));
    }
    let (one, other) = ("tok_declined", "tok_insufficient_funds");
    let one = mart.place(one, &paid_with(one)).await.body["decline_code"].clone();
    let other = mart.place(other, &paid_with(other)).await.body["decline_code"].clone();
    assert!(one.is_string() && other.is_string() && one != other, "{one} {other}");
    mart.doctor().await;
}

#[tokio::test]
async fn a_lost_answer_never_charges_twice() {
    let mart = mart().await;
    let placed = mart.place("lost", &paid_with("tok_unknown")).await;
    assert!(placed.status == 201 || placed.status == 202, "{placed}");
    let id = placed.text("id");
    let path = format!("/api/admin/orders/{id}");
    mart.staff_get_until(&path, Till(PATIENCE), |order| order.body["status"] == "confirmed").await;
    // Asked once more, too.
    let again = mart.place("lost", &paid_with("tok_unknown")).await.expect(201);
    assert_eq!(again.text("id"), id);
    let events = mart.events_of(&id).await;
    assert_eq!(count(&events, "payment.authorized"), 1, "{events:#?}");
    let order = mart.act(&id, "capture", &json!({})).await.expect(200);
    assert_eq!(order.body["payment"]["captured"], order.total_of("total"), "{order}");
    let events = mart.events_of(&id).await;
    assert_eq!(count(&events, "payment.captured"), 1, "{events:#?}");
    balanced(&mart).await;
    mart.doctor().await;
}

#[tokio::test]
async fn a_provider_that_answers_late_confirms_late() {
    let mart = mart().await;
    let placed = mart.place("late", &paid_with("tok_timeout")).await.expect(202);
    assert_eq!(placed.body["status"], "pending", "{placed}");
    assert_eq!(mart.stock("LAMP").await, (20, 1, 19), "held meanwhile");
    let (id, token) = (placed.text("id"), placed.text("access_token"));
    let running = mart.staff_list("/api/admin/processes?state=running").await;
    assert!(running.iter().any(|process| process["order_id"] == id.as_str()), "{running:?}");
    let confirmed = testkit::mart::eventually("the late order is confirmed", SLOW, async || {
        let order = mart.get(&format!("/api/orders/{id}")).bearer(&token).send().await.expect(200);
        (order.body["status"] != "pending").then_some(order)
    })
    .await;
    assert_eq!(confirmed.body["status"], "confirmed", "{confirmed}");
    let events = mart.events_of(&id).await;
    assert_eq!(count(&events, "payment.authorized"), 1, "{events:#?}");
    let settled = testkit::mart::eventually("no process is left", PATIENCE, async || {
        mart.staff_list("/api/admin/processes").await.is_empty().then_some(())
    });
    settled.await;
    mart.doctor().await;
}

#[tokio::test]
async fn a_buyer_who_is_asked_to_do_something_may_do_it_or_not() {
    let mart = mart().await;
    let waiting = mart.place("yes", &paid_with("tok_action")).await.expect(202);
    assert_eq!(waiting.body["status"], "pending", "{waiting}");
    let wanted_at =
        waiting.body["next_action"]["url"].as_str().unwrap_or_else(|| panic!("no url: {waiting}")).to_owned();
    assert!(waiting.body["next_action"]["expires_at"].is_string(), "{waiting}");
    assert_eq!(mart.stock("LAMP").await, (20, 1, 19), "held meanwhile");
    answer_action(&mart, &wanted_at, "approve").await;
    let order = settled(&mart, &waiting).await;
    assert_eq!(order.body["status"], "confirmed", "{order}");
    assert_eq!(order.body["next_action"], Value::Null, "{order}");
    let events = mart.events_of(&waiting.text("id")).await;
    assert_eq!(count(&events, "payment.authorized"), 1, "{events:#?}");

    let waiting = mart.place("no", &paid_with("tok_action")).await.expect(202);
    let wanted_at =
        waiting.body["next_action"]["url"].as_str().unwrap_or_else(|| panic!("no url: {waiting}")).to_owned();
    answer_action(&mart, &wanted_at, "decline").await;
    let order = settled(&mart, &waiting).await;
    assert_eq!(order.body["status"], "cancelled", "{order}");
    assert_eq!(mart.stock("LAMP").await, (20, 1, 19), "only the first one's is held");
    mart.place("no", &paid_with("tok_action")).await.problem(402, "payment_declined");
    mart.doctor().await;
}

/// Does what the page at that address would do.
async fn answer_action(mart: &Mart, url: &str, choice: &str) {
    let path = url.strip_prefix(&mart.url("")).unwrap_or(url);
    assert!(path.starts_with('/'), "not in this shop: {url}");
    let page = mart.get(path).send().await.expect(200);
    assert!(String::from_utf8_lossy(&page.bytes).contains(&format!("value=\"{choice}\"")), "{page}");
    mart.get(&format!("/api{path}")).send().await.expect(200);
    mart.post(&format!("/api{path}/{choice}")).send().await.expect(200);
}

async fn settled(mart: &Mart, placed: &Answer) -> Answer {
    let path = format!("/api/admin/orders/{}", placed.text("id"));
    mart.staff_get_until(&path, Till(PATIENCE), |order| order.body["status"] != "pending").await
}

#[tokio::test]
async fn a_card_number_is_refused_and_kept_nowhere() {
    let mart = mart().await;
    let spaced = "4242 4242 4242 4242";
    for number in [CARD_NUMBER, spaced] {
        let refused = mart.place(&mart.fresh_key(), &paid_with(number)).await.problem(422, "invalid");
        let refused = refused.at("/payment/token");
        assert!(!refused.bytes.windows(number.len()).any(|window| window == number.as_bytes()), "{refused}");
        for pointer in ["/note", "/buyer/name", "/shipping_address/line2"] {
            let order = with(guest_order("LAMP", 1), pointer, number);
            mart.place(&mart.fresh_key(), &order).await.problem(422, "invalid").at(pointer);
        }
    }
    let key = format!("key-{CARD_NUMBER}");
    mart.place(&key, &paid_with(CARD_NUMBER)).await.any_problem();
    for number in [CARD_NUMBER, spaced] {
        assert_eq!(mart.holds(number), None);
    }
    assert_eq!(mart.stock("LAMP").await, (20, 0, 20));
}

#[tokio::test]
async fn money_that_is_seen_to_by_hand() {
    let mart = mart().await;
    let order = with(guest_order("LAMP", 1), "/payment", json!({"provider": "manual"}));
    let placed = mart.place("manual", &order).await.expect(201);
    assert_eq!(placed.body["status"], "confirmed", "{placed}");
    assert_eq!(placed.body["payment_status"], "pending", "{placed}");
    assert_eq!(placed.body["test"], false, "{placed}");
    let id = placed.text("id");
    mart.act(&id, "capture", &json!({})).await.problem(409, "wrong_payment");
    let total = placed.total_of("total");
    let part = mart.act(&id, "mark-paid", &json!({"amount": 1_000})).await.expect(200);
    assert_eq!(part.body["payment_status"], "partially_captured", "{part}");
    let paid = mart.act(&id, "mark-paid", &json!({})).await.expect(200);
    assert_eq!(paid.body["payment_status"], "captured", "{paid}");
    assert_eq!(paid.body["payment"]["captured"], total, "{paid}");
    let twice = mart.act(&id, "mark-paid", &json!({})).await;
    assert_eq!(twice.status, 409, "{twice}");
    balanced(&mart).await;
    mart.doctor().await;
}

#[tokio::test]
async fn a_shop_that_others_can_reach_takes_no_play_money() {
    let mart = Mart::open_as(Plan::empty(CLOUDMART).everywhere()).await;
    mart.product("LAMP", 4_900, 20).await;
    let refused = mart.place("play", &paid_with("tok_success")).await.problem(422, "invalid");
    refused.at("/payment/provider");
    let manual = with(guest_order("LAMP", 1), "/payment", json!({"provider": "manual"}));
    mart.place("manual", &manual).await.expect(201);
    drop(mart);
    let allowed = Mart::open_as(Plan::empty(CLOUDMART).everywhere().argument("--allow-test-payments")).await;
    allowed.product("LAMP", 4_900, 20).await;
    assert_eq!(allowed.buy("LAMP", 1).await.body["test"], true);
}

#[tokio::test]
async fn an_unknown_way_to_pay_is_named() {
    let mart = mart().await;
    let order = with(guest_order("LAMP", 1), "/payment/provider", "barter");
    mart.place("barter", &order).await.problem(422, "invalid").at("/payment/provider");
    let order = with(guest_order("LAMP", 1), "/payment", json!({"provider": "test"}));
    mart.place("no token", &order).await.problem(400, "malformed_idempotency_key");
    mart.place("no-token", &order).await.problem(422, "invalid").at("/payment/token");
    assert_eq!(mart.stock("LAMP").await, (20, 0, 20));
}

/// An order whose cancellation the bank refuses, so that its process waits for staff.
async fn parked(mart: &Mart) -> String {
    let wish = paid_with("tok_stuck");
    let id = mart.place(&mart.fresh_key(), &wish).await.expect(201).text("id");
    mart.act(&id, "cancel", &json!({"reason": "changed their mind"})).await.expect(200);
    let waits = |answer: &Answer| answer.items().iter().any(|task| task["order_id"] == id.as_str());
    let tasks = mart.staff_get_until("/api/admin/processes?state=parked", Till(PATIENCE), waits).await;
    let task = tasks.items().iter().find(|task| task["order_id"] == id.as_str()).expect("the parked one").clone();
    assert_eq!((&task["state"], &task["step"]), (&json!("parked"), &json!("undo_payment")), "{task}");
    assert!(task["reason"].as_str().is_some_and(|reason| reason.contains("did not do it")), "{task}");
    id
}

#[tokio::test]
async fn a_process_that_the_bank_stops_waits_for_staff_who_retry_it() {
    let mart = mart().await;
    let id = parked(&mart).await;
    let process = |action: &str| format!("/api/admin/processes/{id}/{action}");
    mart.staff_post(&process("compensate")).json(&json!({})).send().await.problem(409, "not_undoable");
    let order =
        mart.staff_post(&process("retry")).json(&json!({"reason": "the bank is ready"})).send().await.expect(200);
    assert_eq!((order.text("status"), order.text("payment_status")), ("cancelled".to_owned(), "voided".to_owned()));
    mart.staff_post(&process("retry")).json(&json!({})).send().await.problem(409, "not_parked");
    assert_eq!(mart.stock("LAMP").await, (20, 0, 20));
    mart.doctor().await;
}

#[tokio::test]
async fn staff_go_on_without_a_step_that_they_saw_to_elsewhere() {
    let mart = mart().await;
    let id = parked(&mart).await;
    let skip = format!("/api/admin/processes/{id}/skip");
    let order = mart.staff_post(&skip).json(&json!({"reason": "voided by phone"})).send().await.expect(200);
    assert_eq!(order.text("status"), "cancelled", "{order}");
    assert_eq!(mart.stock("LAMP").await, (20, 0, 20), "what was held is free again");
}

#[tokio::test]
async fn staff_undo_an_order_that_waits_for_its_buyer() {
    let mart = mart().await;
    let wish = paid_with("tok_action");
    let id = mart.place(&mart.fresh_key(), &wish).await.expect(202).text("id");
    let compensate = format!("/api/admin/processes/{id}/compensate");
    let order = mart.staff_post(&compensate).json(&json!({"reason": "the buyer called"})).send().await.expect(200);
    assert_eq!(order.text("status"), "cancelled", "{order}");
    assert_eq!(mart.stock("LAMP").await, (20, 0, 20));
    balanced(&mart).await;
}
