//! What happens to an order after it was confirmed, and what staff see of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::mart::{Answer, Mart, eventually, guest_order, with};

use crate::{CLOUDMART, PATIENCE};

/// An order of five lamps and three cups, paid with a test card.
async fn ordered(mart: &Mart) -> Answer {
    mart.product("LAMP", 1_000, 10).await;
    mart.product("CUP", 500, 10).await;
    let lines = json!([{"sku": "LAMP", "quantity": 5}, {"sku": "CUP", "quantity": 3}]);
    mart.place(&mart.fresh_key(), &with(guest_order("LAMP", 1), "/lines", lines)).await.expect(201)
}

fn line(order: &Answer, index: usize) -> String {
    order.body["lines"][index]["id"].as_str().unwrap_or_else(|| panic!("no line {index}: {order}")).to_owned()
}

fn statuses(order: &Answer) -> [&str; 3] {
    ["status", "payment_status", "fulfillment_status"].map(|member| order.body[member].as_str().unwrap_or_default())
}

#[tokio::test]
async fn from_confirmed_to_completed() {
    let mart = Mart::open(CLOUDMART).await;
    let order = ordered(&mart).await;
    let (id, total) = (order.text("id"), order.total_of("total"));

    let part = mart.act(&id, "capture", &json!({"amount": 1_000})).await.expect(200);
    assert_eq!(statuses(&part), ["confirmed", "partially_captured", "unfulfilled"]);
    mart.act(&id, "capture", &json!({"amount": total})).await.problem(422, "invalid").at("/amount");
    mart.act(&id, "capture", &json!({"amount": 0})).await.any_problem();
    let rest = mart.act(&id, "capture", &json!({})).await.expect(200);
    assert_eq!(statuses(&rest), ["confirmed", "captured", "unfulfilled"]);
    assert_eq!(rest.body["payment"]["captured"], total);
    mart.act(&id, "capture", &json!({})).await.problem(409, "nothing_to_capture");

    let parcel = json!({
        "lines": [{"line": line(&order, 0), "quantity": 2}],
        "carrier": "DHL", "tracking_number": "JD014600", "tracking_url": "https://dhl.example/JD014600",
    });
    let shipped = mart.act(&id, "ship", &parcel).await.expect(200);
    assert_eq!(statuses(&shipped), ["confirmed", "captured", "partially_shipped"]);
    assert_eq!(shipped.body["lines"][0]["shipped"], 2, "{shipped}");
    assert_eq!(shipped.body["shipments"][0]["tracking_number"], "JD014600", "{shipped}");
    assert_eq!(mart.stock("LAMP").await, (8, 3, 5));
    let too_many = json!({"lines": [{"line": line(&order, 0), "quantity": 4}]});
    mart.act(&id, "ship", &too_many).await.any_problem();
    let unknown = json!({"lines": [{"line": "lin_00000000000000000000000000", "quantity": 1}]});
    mart.act(&id, "ship", &unknown).await.any_problem();
    mart.act(&id, "ship", &json!({"tracking_url": "javascript:alert(1)"}))
        .await
        .problem(422, "invalid")
        .at("/tracking_url");
    mart.act(&id, "cancel", &json!({})).await.problem(409, "already_shipped");

    let first = shipped.body["shipments"][0]["id"].as_str().expect("an id").to_owned();
    let delivered = mart.act(&id, "deliver", &json!({"shipment": first})).await.expect(200);
    assert_eq!(statuses(&delivered), ["confirmed", "captured", "partially_shipped"]);
    let shipped = mart.act(&id, "ship", &json!({})).await.expect(200);
    assert_eq!(statuses(&shipped), ["confirmed", "captured", "shipped"]);
    assert_eq!(mart.stock("LAMP").await, (5, 0, 5));
    assert_eq!(mart.stock("CUP").await, (7, 0, 7));
    mart.act(&id, "ship", &json!({})).await.problem(409, "nothing_left");
    let completed = mart.act(&id, "deliver", &json!({})).await.expect(200);
    assert_eq!(statuses(&completed), ["completed", "captured", "delivered"]);
    assert_eq!(completed.body["shipments"].as_array().map(Vec::len), Some(2));
    mart.doctor().await;
}

#[tokio::test]
async fn money_and_goods_come_back() {
    let mart = Mart::open(CLOUDMART).await;
    let order = ordered(&mart).await;
    let (id, total) = (order.text("id"), order.total_of("total"));
    mart.act(&id, "refund", &json!({"amount": 100})).await.any_problem();
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({})).await.expect(200);
    assert_eq!(mart.stock("LAMP").await, (5, 0, 5));

    let back = json!({"lines": [{"line": line(&order, 0), "quantity": 2}], "restock": true, "reason": "too bright"});
    let part = mart.act(&id, "refund", &back).await.expect(200);
    assert_eq!(part.body["payment_status"], "partially_refunded", "{part}");
    assert_eq!(part.body["lines"][0]["refunded"], 2, "{part}");
    // Two lamps and the tax on them: 8.875 % of 50.00 is 4.44, two fifths of it 1.78 or 1.77.
    let refunded = part.body["payment"]["refunded"].as_i64().expect("an amount");
    assert!((2_175..=2_180).contains(&refunded), "{part}");
    assert_eq!(mart.stock("LAMP").await, (7, 0, 7));
    let goodwill = mart.act(&id, "refund", &json!({"amount": 100, "reason": "sorry"})).await.expect(200);
    assert_eq!(goodwill.body["payment"]["refunded"], refunded + 100, "{goodwill}");
    assert_eq!(mart.stock("LAMP").await, (7, 0, 7), "money alone moves no goods");
    mart.act(&id, "refund", &json!({"amount": total})).await.problem(422, "invalid").at("/amount");
    let three_more = json!({"lines": [{"line": line(&order, 0), "quantity": 4}]});
    mart.act(&id, "refund", &three_more).await.any_problem();
    let all = mart.act(&id, "refund", &json!({})).await.expect(200);
    assert_eq!(all.body["payment_status"], "refunded", "{all}");
    assert_eq!(all.body["payment"]["refunded"], total, "{all}");
    assert_eq!(all.body["refunds"].as_array().map(Vec::len), Some(3));
    mart.act(&id, "refund", &json!({})).await.any_problem().expect(409);
    let balance = mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200);
    assert_eq!(balance.body["balanced"], true, "{balance}");
    mart.doctor().await;
}

#[tokio::test]
async fn an_order_that_has_not_left_can_be_cancelled() {
    let mart = Mart::open(CLOUDMART).await;
    let order = ordered(&mart).await;
    let id = order.text("id");
    mart.act(&id, "capture", &json!({"amount": 1_000})).await.expect(200);
    let cancelled = mart.act(&id, "cancel", &json!({"reason": "the buyer phoned"})).await.expect(200);
    assert_eq!(cancelled.body["status"], "cancelled", "{cancelled}");
    assert_eq!(cancelled.body["cancellation"], json!({"code": "by_staff", "message": "the buyer phoned"}));
    assert_eq!(cancelled.body["payment"]["refunded"], 1_000, "{cancelled}");
    assert_eq!(mart.stock("LAMP").await, (10, 0, 10));
    assert_eq!(mart.stock("CUP").await, (10, 0, 10));
    for (action, body) in [("capture", json!({})), ("ship", json!({})), ("cancel", json!({"reason": "again"}))] {
        let answer = mart.act(&id, action, &body).await;
        assert!(answer.status == 409 || (action == "cancel" && answer.status == 200), "{answer}");
    }
    assert_eq!(mart.stock("LAMP").await, (10, 0, 10));
    let untouched = mart.buy("LAMP", 1).await.text("id");
    let voided = mart.act(&untouched, "cancel", &json!({})).await.expect(200);
    assert_eq!(statuses(&voided), ["cancelled", "voided", "unfulfilled"]);
    mart.doctor().await;
}

#[tokio::test]
async fn staff_note_things_that_buyers_do_not_see() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10).await;
    let order = with(guest_order("LAMP", 1), "/note", "please ring twice");
    let order = mart.place("noted", &order).await.expect(201);
    assert_eq!(order.body["note"], "please ring twice");
    let id = order.text("id");
    mart.act(&id, "notes", &json!({"note": "a regular; pack it well"})).await.expect(200);
    mart.act(&id, "notes", &json!({"note": " "})).await.problem(422, "invalid").at("/note");
    mart.act(&id, "notes", &json!({"note": "x".repeat(2_001)})).await.problem(422, "invalid").at("/note");
    let seen = mart.order(&id).await;
    assert_eq!(seen.body["staff_notes"][0]["note"], "a regular; pack it well", "{seen}");
    let buyers = mart.get(&format!("/api/orders/{id}")).bearer(&order.text("access_token")).send().await.expect(200);
    assert_eq!(buyers.body["staff_notes"], json!([]));
    assert_eq!(buyers.body["note"], "please ring twice");
}

#[tokio::test]
async fn an_order_can_be_seen_as_it_was() {
    let mart = Mart::open(CLOUDMART).await;
    let order = ordered(&mart).await;
    let id = order.text("id");
    let at = |instant: String| mart.staff_get(&format!("/api/admin/orders/{id}?at={instant}")).send();
    let confirmed_at = order.text("updated_at");
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({})).await.expect(200);
    let now = mart.order(&id).await;
    let before = at(confirmed_at).await.expect(200);
    assert_eq!(statuses(&before), ["confirmed", "authorized", "unfulfilled"]);
    assert_eq!(before.body["shipments"], json!([]));
    let latest = at(now.text("updated_at")).await.expect(200);
    assert_eq!(statuses(&latest), statuses(&now));
    assert_eq!(latest.body["shipments"], now.body["shipments"]);
    at("2001-01-01T00:00:00Z".to_owned()).await.problem(404, "not_found");
    at("2999-01-01T00:00:00Z".to_owned()).await.any_problem().expect(422).at("/at");
    at("yesterday".to_owned()).await.any_problem().expect(400).at("/at");
    // The same instant in another zone.
    let elsewhere = at("2001-01-01T09:00:00%2B09:00".to_owned()).await;
    elsewhere.problem(404, "not_found");
}

#[tokio::test]
async fn everything_that_happened_can_be_read() {
    let mart = Mart::open(CLOUDMART).await;
    let order = ordered(&mart).await;
    let id = order.text("id");
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({})).await.expect(200);
    mart.act(&id, "deliver", &json!({})).await.expect(200);
    let events = mart.events_of(&id).await;
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    for kind in [
        "order.placed",
        "order.confirmed",
        "payment.authorized",
        "payment.captured",
        "order.shipped",
        "order.delivered",
    ] {
        assert_eq!(kinds.iter().filter(|told| **told == kind).count(), 1, "{kind} in {kinds:?}");
    }
    let place = |kind: &str| kinds.iter().position(|told| *told == kind);
    assert!(place("order.placed") < place("payment.authorized"), "{kinds:?}");
    assert!(place("order.confirmed") < place("payment.captured"), "{kinds:?}");
    let times: Vec<jiff::Timestamp> = events.iter().filter_map(|event| event["time"].as_str()?.parse().ok()).collect();
    assert!(times.len() == events.len() && times.is_sorted(), "{times:?}");
    let actors: Vec<&str> = events.iter().filter_map(|event| event["actor"].as_str()).collect();
    assert!(actors.contains(&"guest") && actors.iter().any(|actor| actor.starts_with("staff:")), "{actors:?}");
    assert!(events.iter().all(|event| event["version"].as_u64().is_some_and(|version| version > 0)));

    // The shop's own sequence holds each of them once, and goes on where it ended.
    let all = mart.all_events().await;
    for event in &events {
        assert_eq!(all.iter().filter(|told| *told == event).count(), 1, "{event}");
    }
    let mut seen = std::collections::BTreeSet::new();
    assert!(
        all.iter().all(|event| seen.insert(format!("{} {}", event["stream"], event["version"]))),
        "nothing comes twice"
    );
    mart.staff_get("/api/admin/events?after=not-a-place").send().await.any_problem().expect(400);
}

#[tokio::test]
async fn orders_are_found() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 5).await;
    let mut placed = Vec::new();
    for (index, email) in ["ada@example.com", "Grace@Example.com", "ada@example.com"].into_iter().enumerate() {
        let order = with(guest_order("LAMP", 1), "/buyer/email", email);
        placed.push(mart.place(&format!("order-{index}"), &order).await.expect(201));
    }
    mart.place("too-many", &guest_order("LAMP", 100)).await.problem(409, "insufficient_stock");
    mart.act(&placed[2].text("id"), "cancel", &json!({})).await.expect(200);
    let ids = async |query: &str| -> Vec<String> {
        let path = format!("/api/admin/orders?{query}");
        let rows = mart.staff_list(&path).await;
        rows.iter().filter_map(|row| row["id"].as_str().map(ToOwned::to_owned)).collect()
    };
    let id = |index: usize| placed[index].text("id");
    assert_eq!(ids("").await, [id(2), id(1), id(0)], "the newest first, rejected ones hidden");
    assert_eq!(ids("status=confirmed").await, [id(1), id(0)]);
    assert_eq!(ids("status=cancelled").await, [id(2)]);
    assert_eq!(ids("status=rejected").await.len(), 1);
    assert_eq!(ids(&format!("number={}", placed[1].text("number"))).await, [id(1)]);
    assert_eq!(ids("email=ada@example.com").await, [id(2), id(0)]);
    assert_eq!(ids("email=ADA@EXAMPLE.COM").await, [id(2), id(0)]);
    assert_eq!(ids("email=grace@example.com").await, [id(1)]);
    assert_eq!(ids("email=ada@example.com&status=confirmed").await, [id(0)]);
    assert_eq!(ids("email=nobody@example.com").await, [] as [&str; 0]);
    let second = placed[1].text("placed_at");
    assert_eq!(ids(&format!("placed_from={second}")).await, [id(2), id(1)]);
    assert_eq!(ids(&format!("placed_until={second}")).await, [id(0)]);

    let page = mart.staff_get("/api/admin/orders?limit=2").send().await.expect(200);
    assert_eq!(page.items().len(), 2);
    let cursor = page.text("next_cursor");
    let next = mart.staff_get(&format!("/api/admin/orders?limit=2&cursor={cursor}")).send().await.expect(200);
    assert_eq!((next.items().len(), &next.body["next_cursor"]), (1, &Value::Null));
    for bad in
        ["status=lost", "number=!", "email=x", "placed_from=then", "cursor=x", "limit=0", "limit=101", "nonsense=1"]
    {
        mart.staff_get(&format!("/api/admin/orders?{bad}")).send().await.any_problem().expect(400);
    }
    let other_list = mart.staff_get(&format!("/api/admin/orders?status=confirmed&cursor={cursor}")).send().await;
    other_list.any_problem().expect(400);
}

fn draft(lines: &Value) -> Value {
    json!({"currency": "USD", "lines": lines})
}

#[tokio::test]
async fn staff_write_orders_with_prices_of_their_own() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10_000).await;
    let lines = json!([{"sku": "LAMP", "quantity": 3, "unit_price": 700, "title": "Lamp, as discussed"}]);
    let body = with(draft(&lines), "/placed_at", "2010-12-01T08:26:00Z");
    let made = mart.staff_post("/api/admin/draft-orders").json(&body).send().await.expect(201);
    let path = format!("/api/admin/draft-orders/{}", made.text("id"));
    assert_eq!(mart.stock("LAMP").await.1, 0, "a draft holds nothing");
    let cheaper = with(body, "/lines/0/unit_price", 650);
    mart.staff(Method::PUT, &path).json(&cheaper).send().await.problem(428, "precondition_required");
    let tag = made.header("etag").expect("a tag");
    mart.staff(Method::PUT, &path).if_match(tag).json(&cheaper).send().await.expect(200);
    mart.staff(Method::PUT, &path).if_match(tag).json(&cheaper).send().await.problem(412, "precondition_failed");
    let placed = mart.staff_post(&format!("{path}/complete")).send().await.expect(201);
    assert_eq!(placed.total_of("total"), 1_950, "{placed}");
    assert_eq!(placed.body["lines"][0]["title"], "Lamp, as discussed");
    assert_eq!(statuses(&placed), ["confirmed", "pending", "unfulfilled"]);
    assert_eq!((&placed.body["channel"], &placed.body["test"]), (&json!("draft"), &json!(false)));
    assert_eq!(placed.body["placed_at"], "2010-12-01T08:26:00Z");
    assert_ne!(placed.body["recorded_at"], placed.body["placed_at"]);
    assert_eq!(placed.body["buyer"], Value::Null, "an e-mail address is optional");
    let again = mart.staff_post(&format!("{path}/complete")).send().await.expect(201);
    assert_eq!(again.body["id"], placed.body["id"], "a draft becomes one order");
    assert_eq!(mart.stock("LAMP").await, (10_000, 3, 9_997));
    let tag = mart.staff_get(&path).send().await.expect(200).header("etag").expect("a tag").to_owned();
    mart.staff(Method::PUT, &path).if_match(&tag).json(&cheaper).send().await.problem(409, "draft_completed");
}

#[tokio::test]
async fn a_thousand_lines_and_not_one_more() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10_000).await;
    let lines = |count: i64| -> Value {
        (0..count).map(|index| json!({"sku": "LAMP", "quantity": 1, "unit_price": 100 + index})).collect()
    };
    let made = mart.staff_post("/api/admin/draft-orders").json(&draft(&lines(1_000))).send().await.expect(201);
    let placed =
        mart.staff_post(&format!("/api/admin/draft-orders/{}/complete", made.text("id"))).send().await.expect(201);
    assert_eq!(placed.body["lines"].as_array().map(Vec::len), Some(1_000), "lines are never merged");
    assert_eq!(placed.total_of("total"), (0..1_000).map(|index| 100 + index).sum::<i64>());
    assert_eq!(mart.stock("LAMP").await, (10_000, 1_000, 9_000));
    let too_many = mart.staff_post("/api/admin/draft-orders").json(&draft(&lines(1_001))).send().await;
    too_many.problem(422, "invalid").at("/lines");
    let placed_again = mart.order(&placed.text("id")).await;
    assert_eq!(placed_again.body["lines"], placed.body["lines"]);
    mart.doctor().await;
}

/// An order whose provider is slow is a process that staff can see, and undo.
#[tokio::test]
async fn processes_are_seen() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10).await;
    let order = with(guest_order("LAMP", 1), "/payment/token", "tok_action");
    let waiting = mart.place("waiting", &order).await.expect(202);
    let id = waiting.text("id");
    let process = eventually("the process is listed", PATIENCE, async || {
        let listed = mart.staff_list("/api/admin/processes?state=running").await;
        listed.into_iter().find(|process| process["order_id"] == id.as_str())
    })
    .await;
    assert_eq!(process["number"], waiting.body["number"], "{process}");
    assert_eq!(process["test"], true, "{process}");
    assert_eq!(mart.staff_list("/api/admin/processes?state=parked").await, [] as [Value; 0]);
    mart.staff_get("/api/admin/processes?state=asleep").send().await.any_problem().expect(400);
    for action in ["retry", "skip"] {
        let answer = mart.staff_post(&format!("/api/admin/processes/{id}/{action}")).send().await;
        answer.any_problem().expect(409);
    }
    mart.staff_post(&format!("/api/admin/processes/{id}/dance")).send().await.problem(404, "not_found");
    let undone = mart.act(&id, "cancel", &json!({"reason": "changed their mind"})).await.expect(200);
    assert_eq!(undone.body["status"], "cancelled", "{undone}");
    eventually("no process is left", Duration::from_secs(20), async || {
        mart.staff_list("/api/admin/processes").await.is_empty().then_some(())
    })
    .await;
    assert_eq!(mart.stock("LAMP").await, (10, 0, 10));
}

/// Whoever asks for money that another has just taken is told so, not 200.
#[tokio::test]
async fn of_many_captures_at_once_only_those_that_fit_are_answered_yes() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10).await;
    let order = mart.buy("LAMP", 4).await;
    let (id, half) = (order.text("id"), order.total_of("total") / 2);
    for action in ["capture", "refund"] {
        let body = json!({"amount": half});
        let asked = (0..8).map(|_| mart.act(&id, action, &body));
        let answers = futures::future::join_all(asked).await;
        let yes = answers.iter().filter(|answer| answer.status == 200).count();
        let no = answers.iter().filter(|answer| [409, 422].contains(&answer.status)).count();
        assert_eq!((yes, no), (2, 6), "{action}: {answers:?}");
    }
    let order = mart.order(&id).await;
    assert_eq!(order.body["payment"]["captured"], half * 2);
    assert_eq!(order.body["payment"]["refunded"], half * 2);
    mart.doctor().await;
}

/// An order is what its draft said, whatever came in between.
#[tokio::test]
async fn a_draft_is_not_changed_while_it_becomes_an_order() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 1_000).await;
    for _ in 0..8 {
        let draft = |quantity: i64| json!({"currency": "USD", "lines": [{"sku": "LAMP", "quantity": quantity}]});
        let made = mart.staff_post("/api/admin/draft-orders").json(&draft(1)).send().await.expect(201);
        let path = format!("/api/admin/draft-orders/{}", made.text("id"));
        let tag = made.header("etag").expect("a tag").to_owned();
        let change = mart.staff(Method::PUT, &path).if_match(&tag).json(&draft(7)).send();
        let complete = mart.staff_post(&format!("{path}/complete")).send();
        let (changed, placed) = tokio::join!(change, complete);
        let order = placed.expect(201);
        let told = mart.staff_get(&path).send().await.expect(200);
        assert_eq!(told.body["draft"]["lines"][0]["quantity"], order.body["lines"][0]["quantity"], "{changed}");
        assert_eq!(told.body["order_id"], order.body["id"]);
        mart.staff(Method::DELETE, &path).send().await.problem(409, "draft_completed");
    }
}
