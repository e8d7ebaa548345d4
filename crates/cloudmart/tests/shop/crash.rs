//! `kill -9` in the middle of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};
use testkit::mart::{Answer, Ask, Mart, Plan, eventually, guest_order, rounds, with};

use crate::{CLOUDMART, PATIENCE, at_once};

/// Orders that are under way when the power goes.
const BUYERS: usize = 40;
const CONNECTIONS: usize = 16;

/// Everything that a buyer was told.
#[derive(Default)]
struct Told {
    confirmed: BTreeMap<String, String>,
    unanswered: Vec<String>,
}

#[tokio::test]
async fn what_was_acknowledged_is_there_and_the_rest_ends_one_way_or_the_other() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 100_000).await;
    let mut told = Told::default();
    for round in 0..rounds("CLOUDMART_KILLS", 5) {
        let (answered, unanswered) = orders_until_killed(&mut mart, round).await;
        for answer in answered {
            let answer = answer.expect(201);
            told.confirmed.insert(answer.text("id"), answer.text("number"));
        }
        told.unanswered.extend(unanswered);
        mart.restart().await;
        everything_settles(&mart).await;
        for (id, number) in &told.confirmed {
            let order = mart.order(id).await;
            assert_eq!(order.body["status"], "confirmed", "{order}");
            assert_eq!(order.body["number"], number.as_str(), "{order}");
        }
    }
    assert!(!told.confirmed.is_empty() && !told.unanswered.is_empty(), "it was killed in the middle");

    // A retry of what was never answered finds what is there, or does it now: never both.
    let order = guest_order("LAMP", 1);
    for key in &told.unanswered {
        mart.place(key, &order).await.expect(201);
    }
    let all = told.confirmed.len() + told.unanswered.len();
    let confirmed = mart.staff_list("/api/admin/orders?status=confirmed").await;
    assert_eq!(confirmed.len(), all);
    let all = i64::try_from(all).expect("a count");
    assert_eq!(mart.stock("LAMP").await, (100_000, all, 100_000 - all));
    mart.doctor().await;
}

/// Sends orders, and kills when some are answered and others are not.
async fn orders_until_killed(mart: &mut Mart, round: u32) -> (Vec<Answer>, Vec<String>) {
    use futures::StreamExt as _;
    let order = guest_order("LAMP", 1);
    let keys: Vec<String> = (0..BUYERS).map(|buyer| format!("round-{round}-buyer-{buyer}")).collect();
    let (mut answered, mut unanswered) = (Vec::new(), Vec::new());
    let asks: Vec<_> = keys.iter().map(|key| (key.clone(), mart.post("/api/orders").key(key).json(&order))).collect();
    let send = |(key, ask): (String, Ask)| async move { (key, ask.try_send().await) };
    let mut running = futures::stream::iter(asks).map(send).buffer_unordered(CONNECTIONS);
    // Another instant each round, always with orders in flight.
    let kill_after = 3 + (round as usize * 7) % (BUYERS - CONNECTIONS);
    while let Some((key, answer)) = running.next().await {
        match answer {
            Ok(answer) => answered.push(answer),
            Err(_) => unanswered.push(key),
        }
        if answered.len() == kill_after {
            mart.kill9();
        }
    }
    (answered, unanswered)
}

async fn everything_settles(mart: &Mart) {
    eventually("every process is at its end", PATIENCE, async || {
        let running = mart.staff_list("/api/admin/processes").await;
        let pending = mart.staff_list("/api/admin/orders?status=pending").await;
        (running.is_empty() && pending.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_payment_under_way_when_the_power_goes_is_finished() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let late = with(guest_order("LAMP", 1), "/payment/token", "tok_timeout");
    let waiting = mart.place("late", &late).await.expect(202);
    let action = with(guest_order("LAMP", 2), "/payment/token", "tok_action");
    let asked = mart.place("action", &action).await.expect(202);
    mart.kill9();
    mart.restart().await;
    assert_eq!(mart.stock("LAMP").await, (10, 3, 7), "still held");
    let (id, patience) = (waiting.text("id"), std::time::Duration::from_secs(90));
    eventually("the late order is confirmed", patience, async || {
        (mart.order(&id).await.body["status"] == "confirmed").then_some(())
    })
    .await;
    let events = mart.events_of(&id).await;
    let authorized = events.iter().filter(|event| event["type"] == "payment.authorized").count();
    assert_eq!(authorized, 1, "{events:#?}");
    let still = mart.order(&asked.text("id")).await;
    assert_eq!(still.body["next_action"]["url"], asked.body["next_action"]["url"], "{still}");
    mart.doctor().await;
}

/// Each way of paying leaves other things half done.
#[tokio::test]
async fn whatever_the_payment_was_doing_it_ends_as_it_should() {
    const TOKENS: [(&str, u16); 5] = [
        ("tok_success", 201),
        ("tok_declined", 402),
        ("tok_flaky", 201),
        ("tok_unknown", 201),
        ("tok_duplicate_notice", 201),
    ];
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10_000).await;
    let wishes: Vec<(String, Value, u16)> = (0..60)
        .map(|buyer| {
            let (token, wanted) = TOKENS[buyer % TOKENS.len()];
            (format!("buyer-{buyer}"), with(guest_order("LAMP", 1), "/payment/token", token), wanted)
        })
        .collect();
    for kill_after in [4, 9, 14] {
        let asks = wishes.iter().map(|(key, order, _)| mart.post("/api/orders").key(key).json(order)).collect();
        kill_in_the_middle(&mut mart, asks, kill_after).await;
        mart.restart().await;
        everything_settles(&mart).await;
        mart.doctor().await;
    }
    // All of them once more, and now to the end.
    let asks = wishes.iter().map(|(key, order, wanted)| {
        let ask = mart.post("/api/orders").key(key).json(order);
        async move { (ask.send().await, *wanted) }
    });
    for (answer, wanted) in at_once(CONNECTIONS, asks).await {
        answer.expect(wanted);
    }
    let confirmed = mart.staff_list("/api/admin/orders?status=confirmed").await;
    assert_eq!(confirmed.len(), 48);
    assert_eq!(mart.stock("LAMP").await, (10_000, 48, 9_952));
    let events = mart.all_events().await;
    let authorized = events.iter().filter(|event| event["type"] == "payment.authorized").count();
    assert_eq!(authorized, 48, "every payment once, none for the declined");
    mart.doctor().await;
}

/// Money that is taken and given back while the power goes: exactly what was asked for, once.
#[tokio::test]
async fn captures_and_refunds_happen_once() {
    const ORDERS: usize = 12;
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 100).await;
    let mut ids = Vec::new();
    for _ in 0..ORDERS {
        let id = mart.buy("LAMP", 2).await.text("id");
        mart.act(&id, "capture", &json!({"amount": 5_000})).await.expect(200);
        ids.push(id);
    }
    let wishes: Vec<(String, Value)> = ids
        .iter()
        .flat_map(|id| {
            [
                (format!("/api/admin/orders/{id}/capture"), json!({"amount": 1_000})),
                (format!("/api/admin/orders/{id}/refund"), json!({"amount": 700})),
                (format!("/api/admin/orders/{id}/ship"), json!({})),
            ]
        })
        .collect();
    for kill_after in [3, 7, 12] {
        let asks = wishes
            .iter()
            .map(|(path, body)| mart.staff(reqwest::Method::POST, path).key("again-and-again").json(body))
            .collect();
        kill_in_the_middle(&mut mart, asks, kill_after).await;
        mart.restart().await;
        everything_settles(&mart).await;
        mart.doctor().await;
    }
    let asks = wishes
        .iter()
        .map(|(path, body)| mart.staff(reqwest::Method::POST, path).key("again-and-again").json(body).send());
    for answer in at_once(CONNECTIONS, asks).await {
        answer.expect(200);
    }
    for id in &ids {
        let order = mart.order(id).await;
        assert_eq!(
            (&order.body["payment"]["captured"], &order.body["payment"]["refunded"]),
            (&json!(6_000), &json!(700))
        );
        assert_eq!(order.body["shipments"].as_array().map(Vec::len), Some(1), "{order}");
    }
    assert_eq!(mart.stock("LAMP").await, (76, 0, 76));
    mart.doctor().await;
}

/// Sends all of it, and kills after so many answers; what was answered and what was not does not matter here.
async fn kill_in_the_middle(mart: &mut Mart, asks: Vec<Ask>, kill_after: usize) {
    use futures::StreamExt as _;
    let mut running = futures::stream::iter(asks).map(Ask::try_send).buffer_unordered(CONNECTIONS);
    let mut answered = 0;
    while let Some(answer) = running.next().await {
        answered += usize::from(answer.is_ok());
        if answered == kill_after {
            mart.kill9();
        }
    }
    assert!(answered >= kill_after, "it was killed in the middle");
}

#[tokio::test]
async fn what_staff_did_survives() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let id = mart.buy("LAMP", 2).await.text("id");
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({"carrier": "DHL"})).await.expect(200);
    let before = mart.order(&id).await;
    let settings = mart.staff_get("/api/admin/settings").send().await.expect(200);
    mart.kill9();
    mart.restart().await;
    let after = mart.order(&id).await;
    assert_eq!(after.body, before.body);
    assert_eq!(mart.staff_get("/api/admin/settings").send().await.body, settings.body);
    assert_eq!(mart.stock("LAMP").await, (8, 0, 8));
    mart.doctor().await;
}

/// One event of the trace, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    /// A buyer's order is read.
    Asked,
    /// Bytes go to the write-ahead log.
    WalWrite,
    /// They are on the disk.
    WalSync,
    /// The buyer is told that the order is there.
    Created,
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_on_the_disk() {
    const ORDERS: usize = 10;
    let has_strace = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    assert!(has_strace, "strace is missing; `cargo xtask test` installs it");
    let folder = tempfile::tempdir().expect("a folder for the trace");
    let trace = folder.path().join("trace");
    let trace_path = trace.to_string_lossy().into_owned();
    let calls = "trace=fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg,read,recvfrom,recvmsg";
    // `-D` keeps the mart's process id, `-y` names files, `-s` shows enough to know a request by.
    let wrapper = ["strace", "-D", "-f", "-y", "-s", "64", "-e", calls, "-o", &trace_path];
    let mut mart = Mart::open_as(Plan::empty(CLOUDMART).under(&wrapper)).await;
    mart.product("LAMP", 4_900, 100).await;
    for _ in 0..ORDERS {
        mart.buy("LAMP", 1).await;
    }
    assert!(mart.terminate().await.success());
    let text = eventually("the trace is whole", PATIENCE, async || {
        let text = std::fs::read_to_string(&trace).ok()?;
        text.contains("+++ exited with 0 +++").then_some(text)
    })
    .await;

    let calls = calls_in(&text);
    let asked: Vec<usize> = (0..calls.len()).filter(|&at| calls[at] == Call::Asked).collect();
    assert_eq!(asked.len(), ORDERS, "the trace shows every order");
    for at in asked {
        let length = calls[at..].iter().position(|call| *call == Call::Created).expect("an answer to every order");
        let between = &calls[at..at + length];
        let written = between.iter().position(|call| *call == Call::WalWrite);
        let synced = between.iter().rposition(|call| *call == Call::WalSync);
        let is_safe = written.zip(synced).is_some_and(|(written, synced)| written < synced);
        assert!(is_safe, "acknowledged before it was written and synced: {between:?}");
    }
}

/// Reads the lines of `strace -f`. A call of one thread may be cut in two by another's: then a write counts when it
/// begins and a sync when it ends.
fn calls_in(trace: &str) -> Vec<Call> {
    let mut syncing = BTreeSet::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let is_wal = call.contains("-wal>");
        let is_sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if is_sync && is_wal && call.contains("<unfinished") {
            syncing.insert(thread);
        } else if is_sync && is_wal || call.contains("sync resumed>") && syncing.remove(thread) {
            calls.push(Call::WalSync);
        } else if call.starts_with("pwrite") && is_wal {
            calls.push(Call::WalWrite);
        } else if call.contains("\"POST /api/orders HTTP") {
            calls.push(Call::Asked);
        } else if call.contains("HTTP/1.1 201") {
            calls.push(Call::Created);
        }
    }
    calls
}
