//! Backups, rebuilding, and the doctor who looks at it all.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::mart::{Mart, Plan, files_under, guest_order};

use crate::CLOUDMART;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[tokio::test]
async fn doctor_tells_programs_what_it_tells_people() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10).await;
    mart.buy("LAMP", 1).await;
    let data = text(&mart.data());
    let url = mart.url("");
    for at in [["--data", &data], ["--url", &url]] {
        let told = mart.command(&[["doctor", "--json"], at].concat()).await;
        assert!(told.status.success(), "{told}");
        let findings: Value = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told}"));
        let checks = findings["checks"].as_array().expect("checks");
        assert!(checks.len() > 5 && checks.iter().all(|check| check["problems"] == json!([])), "{told}");
    }
}

#[tokio::test]
async fn a_backup_under_load_is_a_whole_shop() {
    use futures::StreamExt as _;
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 10_000).await;
    let mut before = Vec::new();
    for _ in 0..5 {
        before.push(mart.buy("LAMP", 1).await);
    }
    let file = mart.beside("shop.backup");
    let data = text(&mart.data());
    let order = guest_order("LAMP", 1);
    let keys: Vec<String> = (0..200).map(|buyer| format!("buyer-{buyer}")).collect();
    let mut load = futures::stream::iter(&keys).map(|key| mart.place(key, &order)).buffer_unordered(16);
    let mut during = Vec::new();
    for _ in 0..10 {
        during.push(load.next().await.expect("an answer").expect(201));
    }
    let path = text(&file);
    let arguments = ["backup", path.as_str(), "--data", &data];
    let backup = mart.command(&arguments);
    let rest = load.collect::<Vec<_>>();
    let (backup, rest) = futures::join!(backup, rest);
    assert!(backup.status.success(), "{backup}");
    for answer in rest {
        answer.expect(201);
    }
    mart.doctor().await;

    let restored = mart.beside("restored");
    let told = mart.command(&["restore", &path, "--data", &text(&restored)]).await;
    assert!(told.status.success(), "{told}");
    assert!(told.text().contains("all is well"), "restore ends with doctor: {told}");
    let again = mart.command(&["restore", &path, "--data", &text(&restored)]).await;
    assert!(!again.status.success(), "what is there is not written over: {again}");

    let copy = Mart::start(Plan::empty(CLOUDMART).data(&restored)).await;
    for order in before.iter().chain(&during) {
        let kept = copy.order(&order.text("id")).await;
        assert_eq!(kept.body["number"], order.body["number"]);
        assert_eq!(kept.body["buyer"]["name"], "Ada Lovelace", "keys are in the backup");
    }
    let listed = copy.staff_list("/api/admin/orders?status=confirmed").await;
    let (_, reserved, _) = copy.stock("LAMP").await;
    // Of the 16 buyers at once, some were between their stock and their order: what is held for them expires.
    let reserved = usize::try_from(reserved).expect("a count");
    assert!((listed.len()..=listed.len() + 16).contains(&reserved), "{reserved} for {} orders", listed.len());
    copy.buy("LAMP", 1).await;
    copy.doctor().await;
    // The original does not know of it.
    assert_eq!(mart.stock("LAMP").await.1, 205);
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let mart = Mart::prepare(Plan::empty(CLOUDMART)).await;
    let file = mart.beside("nonsense");
    std::fs::write(&file, "this is no backup").expect("a file");
    let told = mart.command(&["restore", &text(&file), "--data", &text(&mart.data())]).await;
    assert!(!told.status.success() && !told.text().contains("panicked"), "{told}");
    let missing = mart.command(&["restore", &text(&mart.beside("missing")), "--data", &text(&mart.data())]).await;
    assert!(!missing.status.success() && missing.text().contains("missing"), "{missing}");
}

#[tokio::test]
async fn who_sees_to_a_shop_that_is_not_there_makes_none() {
    let mart = Mart::prepare(Plan::empty(CLOUDMART)).await;
    let nowhere = mart.beside("nowhere");
    let (data, file) = (text(&nowhere), text(&mart.beside("file")));
    let order = "ord_00000000000000000000000000";
    for command in [&["rebuild"][..], &["erase", order], &["backup", &file], &["staff", "new-key"], &["doctor"]] {
        let told = mart.command(&[command, &["--data", &data]].concat()).await;
        assert!(!told.status.success() && told.text().contains("there is no shop in"), "{command:?}: {told}");
        assert!(!nowhere.exists(), "{command:?}");
    }
}

#[tokio::test]
async fn what_is_derived_can_be_made_again() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 100).await;
    mart.product("CUP", 500, 100).await;
    let id = mart.buy("LAMP", 2).await.text("id");
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({})).await.expect(200);
    mart.buy("CUP", 1).await;
    let waiting = testkit::mart::with(guest_order("CUP", 1), "/payment/token", "tok_action");
    mart.place("waiting", &waiting).await.expect(202);
    let lists = ["/api/admin/orders", "/api/admin/products", "/api/admin/stock", "/api/admin/processes"];
    let mut before: Vec<Vec<Value>> = Vec::new();
    for path in lists {
        before.push(mart.staff_list(path).await);
    }
    let balance = mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200);
    assert!(mart.terminate().await.success());
    let told = mart.command(&["rebuild", "--data", &text(&mart.data())]).await;
    assert!(told.status.success(), "{told}");
    mart.doctor().await;
    mart.restart().await;
    for (path, before) in lists.iter().zip(before) {
        assert_eq!(mart.staff_list(path).await, before, "{path}");
    }
    let after = mart.staff_get("/api/admin/ledger/trial-balance").send().await.expect(200);
    assert_eq!(after.body, balance.body);
}

#[tokio::test]
async fn the_doctor_looks_at_running_shops() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 100).await;
    mart.buy("LAMP", 1).await;
    let beside = mart.command(&["doctor", "--data", &text(&mart.data())]).await;
    assert!(beside.status.success() && beside.text().contains("all is well"), "{beside}");
    let over = mart.command(&["doctor", "--url", &mart.url("")]).await;
    assert!(over.status.success() && over.text().contains("all is well"), "{over}");
    let nowhere = mart.command(&["doctor", "--data", &text(&mart.beside("nowhere"))]).await;
    assert!(!nowhere.status.success(), "{nowhere}");
    assert!(!mart.beside("nowhere").exists(), "it only looks");
    let nobody = mart.command(&["doctor", "--url", "http://127.0.0.1:9"]).await;
    assert!(!nobody.status.success() && !nobody.text().contains("panicked"), "{nobody}");
}

/// Changes the store behind the shop's back, in a language that comes with every Debian.
const DAMAGE: &str = r#"
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
done = connection.execute(sys.argv[2])
connection.commit()
connection.close()
print(done.rowcount)
"#;

const ORDERS: &str = "collection = (SELECT id FROM names WHERE name = 'orders')";
const STOCK: &str = "kind = (SELECT id FROM names WHERE name = 'stock')";

fn damage(mart: &Mart, statement: &str) {
    let file = files_under(&mart.data()).into_iter().find(|path| path.ends_with("shop.db")).expect("the store");
    let done = Command::new("python3").args(["-c", DAMAGE]).arg(&file).arg(statement).output().expect("python3");
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(told.trim().parse::<u32>().is_ok_and(|changed| changed > 0), "{statement}: {told}");
}

#[tokio::test]
async fn the_doctor_finds_what_is_not_well() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 100).await;
    mart.buy("LAMP", 1).await;
    mart.buy("LAMP", 1).await;
    assert!(mart.terminate().await.success());
    mart.doctor().await;
    let data = text(&mart.data());
    let derived = [
        format!("UPDATE documents SET body = replace(body, '\"confirmed\"', '\"completed\"') WHERE {ORDERS}"),
        format!("DELETE FROM documents WHERE {ORDERS} AND row = (SELECT min(row) FROM documents WHERE {ORDERS})"),
        format!("DELETE FROM entries WHERE {ORDERS}"),
    ];
    for statement in derived {
        damage(&mart, &statement);
        let told = mart.command(&["doctor", "--data", &data]).await;
        assert_eq!(told.status.code(), Some(1), "{statement}: {told}");
        assert!(!told.text().contains("all is well") && told.text().contains("orders"), "it says what: {told}");
        // What is derived is made again.
        let rebuilt = mart.command(&["rebuild", "--data", &data]).await;
        assert!(rebuilt.status.success(), "{rebuilt}");
        mart.doctor().await;
    }
    mart.restart().await;
    assert_eq!(mart.staff_list("/api/admin/orders?status=confirmed").await.len(), 2);
    assert!(mart.terminate().await.success());
    // A fact that was forged: more is reserved than orders hold.
    let reserved = format!(
        "UPDATE facts SET body = replace(body, '\"quantity\":1', '\"quantity\":2') WHERE {STOCK} AND body LIKE '%\"quantity\":1%'"
    );
    damage(&mart, &reserved);
    let told = mart.command(&["doctor", "--data", &data]).await;
    assert_eq!(told.status.code(), Some(1), "{told}");
    assert!(told.text().contains("LAMP"), "it says what: {told}");
}

#[tokio::test]
async fn staff_get_new_secrets() {
    let mut mart = Mart::start(Plan::empty(CLOUDMART).without_admin_token()).await;
    assert!(mart.terminate().await.success());
    let data = text(&mart.data());
    let told = mart.command(&["staff", "new-key", "--data", &data]).await;
    assert!(told.status.success(), "{told}");
    mart.restart().await;
    let mut opened = 0;
    for word in told.text().split_whitespace().filter(|word| word.len() > 20 && word.is_ascii()) {
        opened += u32::from(mart.get("/api/admin/settings").bearer(word).send().await.status == 200);
    }
    assert_eq!(opened, 1, "{told}");
}
