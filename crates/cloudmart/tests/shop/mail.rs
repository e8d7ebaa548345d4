//! Mail about orders, by a real mail server and into a folder.

use std::path::Path;

use reqwest::Method;
use serde_json::json;
use testkit::mart::{MailServer, Mart, Plan, Speaks, eventually, guest_order, with};

use crate::{CLOUDMART, PATIENCE};

/// A shop that sends to this server.
async fn open(server: &MailServer, folder: &Path, more: &str) -> Mart {
    let config = folder.join("shop.toml");
    let port = server.port();
    let text = format!(
        "public_url = \"https://shop.example\"\n[mail]\ntransport = \"smtp\"\nhost = \"localhost\"\nport = {port}\n{more}\n"
    );
    std::fs::write(&config, text).expect("a configuration");
    let plan = Plan::empty(CLOUDMART).argument("--config").argument(config.to_string_lossy());
    Mart::open_as(plan).await
}

#[tokio::test]
async fn a_buyer_and_staff_are_written_to_by_smtp() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = MailServer::start(Speaks::Plainly, None).await;
    let mart = open(&server, folder.path(), "tls = \"none\"").await;
    mart.product("LAMP", 4_900, 10).await;
    let settings = mart.staff_get("/api/admin/mail-settings").send().await.expect(200);
    assert_eq!(settings.text("transport"), format!("localhost:{}", server.port()));
    let tag = settings.header("etag").expect("a tag").to_owned();
    let wanted = json!({"from_name": "Lamps & Co", "staff": ["owner@shop.example", "refused@shop.example"]});
    let put = || mart.staff(Method::PUT, "/api/admin/mail-settings").if_match(&tag).json(&wanted).send();
    put().await.expect(200);
    put().await.problem(412, "precondition_failed");

    let order = with(guest_order("LAMP", 2), "/locale", "ko");
    let order = mart.place("a-purchase", &order).await.expect(201);
    let (id, number) = (order.text("id"), order.text("number"));
    mart.act(&id, "capture", &json!({})).await.expect(200);
    mart.act(&id, "ship", &json!({"carrier": "Post", "tracking_number": "T-1"})).await.expect(200);
    mart.act(&id, "refund", &json!({"amount": 500})).await.expect(200);
    let second = mart.buy("LAMP", 1).await.text("id");
    mart.act(&second, "cancel", &json!({})).await.expect(200);
    let mails = server.has_taken(7, PATIENCE).await;

    let placed = mails.iter().find(|mail| mail.subject.contains("주문이 확인되었습니다")).expect("a mail in Korean");
    assert_eq!((placed.to.as_slice(), placed.from.as_str()), (&["ada@example.com".to_owned()][..], "shop@example.com"));
    assert!(placed.subject.contains(&number) && placed.subject.contains("테스트"), "{}", placed.subject);
    assert_eq!(placed.header("auto-submitted"), Some("auto-generated"));
    assert_eq!(placed.header("from"), Some("Lamps & Co <shop@example.com>"));
    let link = format!("https://shop.example/orders/{id}?token={}", order.text("access_token"));
    assert!(placed.text.contains(&link), "{}", placed.text);
    assert!(placed.html.contains(&link.replace('&', "&amp;")), "{}", placed.html);
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    for wanted in ["상품이 발송되었습니다", "환불이 완료되었습니다", "is confirmed", "was cancelled"]
    {
        assert_eq!(subjects.iter().filter(|subject| subject.contains(wanted)).count(), 1, "{wanted}: {subjects:#?}");
    }
    assert_eq!(mails.iter().filter(|mail| mail.to == ["owner@shop.example"]).count(), 2, "staff, of both orders");

    // Whom the server does not know is told to staff, without the address, and does not hold up the others.
    let failed = eventually("two mails are refused", PATIENCE, async || {
        Some(mart.staff_list("/api/admin/mails?state=failed").await).filter(|failed| failed.len() == 2)
    })
    .await;
    let problem = failed[0]["problem"].as_str().expect("a problem");
    assert!(problem.contains("550") && !problem.contains("refused@"), "{problem}");
    let told = mart.command(&["doctor", "--data", &mart.data().to_string_lossy()]).await;
    assert!(told.text().contains("2 mails were refused for good"), "{told}");

    // Staff look at a mail, and send it again: once per key.
    let path = format!("/api/admin/mails/preview?kind=shipped&order={id}&locale=en");
    let preview = mart.staff_get(&path).send().await.expect(200);
    assert!(preview.text("text").contains("T-1") && preview.text("to").contains("ada@example.com"), "{preview}");
    let path = format!("/api/admin/orders/{id}/mails");
    for _ in 0..2 {
        mart.staff(Method::POST, &path).key("again").json(&json!({"kind": "shipped"})).send().await.expect(202);
    }
    let path = format!("/api/admin/orders/{second}/mails");
    mart.staff_post(&path).json(&json!({"kind": "shipped"})).send().await.problem(409, "nothing_to_tell");
    mart.staff_post(&path).json(&json!({"kind": "birthday"})).send().await.any_problem();
    assert_eq!(server.has_taken(8, PATIENCE).await.len(), 8);
    assert_eq!(mart.holds("ada@example.com"), None, "addresses are the orders' alone");
    mart.doctor().await;
}

#[tokio::test]
async fn a_mail_server_that_is_down_delays_and_loses_nothing_whatever_happens_to_the_shop() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = MailServer::stopped(Speaks::Plainly, None);
    let mut mart = open(&server, folder.path(), "tls = \"none\"").await;
    mart.product("LAMP", 4_900, 100).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(mart.buy("LAMP", 1).await.text("id"));
    }
    eventually("the shop has tried", PATIENCE, async || {
        let waiting = mart.staff_list("/api/admin/mails?state=waiting").await;
        (waiting.len() == 3 && waiting.iter().any(|mail| mail["problem"].is_string())).then_some(())
    })
    .await;
    // Killed right after an order: what it had not even noted goes out all the same.
    ids.push(mart.buy("LAMP", 1).await.text("id"));
    mart.kill9();
    mart.restart().await;
    ids.push(mart.buy("LAMP", 1).await.text("id"));
    server.restart().await;
    server.has_taken(ids.len(), 2 * PATIENCE).await;
    eventually("all mails are sent", PATIENCE, async || {
        let sent = mart.staff_list("/api/admin/mails?state=sent").await;
        (sent.len() == ids.len()).then_some(())
    })
    .await;
    server.stop();
    mart.kill9();
    server.restart().await;
    mart.restart().await;
    // One more, so that there is something to wait for after the restart; it comes last.
    ids.push(mart.buy("LAMP", 1).await.text("id"));
    let mails = server.has_taken(ids.len(), 2 * PATIENCE).await;
    let mut message_ids: Vec<&str> = mails.iter().filter_map(|mail| mail.header("message-id")).collect();
    message_ids.sort_unstable();
    message_ids.dedup();
    assert_eq!((mails.len(), message_ids.len()), (ids.len(), ids.len()), "each once");
    for id in &ids {
        assert!(mails.iter().any(|mail| mail.text.contains(id.as_str())), "{id}");
    }
    mart.doctor().await;
}

#[tokio::test]
async fn connections_are_encrypted_and_signed_in() {
    for (speaks, tls) in [(Speaks::StartTls, "starttls"), (Speaks::Tls, "implicit")] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = MailServer::start(speaks, Some(("shop", "hush-hush-0815"))).await;
        let password = folder.path().join("password");
        std::fs::write(&password, "hush-hush-0815\n").expect("a password's file");
        let (authority, file) = (server.authority(), password.to_string_lossy().into_owned());
        let trusted = format!("ca_file = \"{}\"\n", authority.display());
        let signed_in = format!("tls = \"{tls}\"\nusername = \"shop\"\npassword_file = \"{file}\"\n");
        let mart = open(&server, folder.path(), &format!("{trusted}{signed_in}")).await;
        let hostile = json!({"to": "owner@shop.example"});
        mart.staff_post("/api/admin/mail-settings/try").json(&hostile).send().await.expect(204);
        let mails = server.has_taken(1, PATIENCE).await;
        assert!(mails[0].tls && mails[0].user.as_deref() == Some("shop"), "{:?}", mails[0]);
        let refused = json!({"to": "refused@shop.example"});
        let told = mart.staff_post("/api/admin/mail-settings/try").json(&refused).send().await;
        assert!(told.problem(409, "mail_not_taken").text("detail").contains("550"));
        assert_eq!(mart.holds("hush-hush-0815"), None, "it is told nowhere");
        drop(mart);

        // A server that nobody vouches for gets neither password nor mail.
        let mart = open(&server, folder.path(), &signed_in).await;
        mart.staff_post("/api/admin/mail-settings/try").json(&hostile).send().await.problem(409, "mail_not_taken");
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test]
async fn without_a_server_mail_goes_into_a_folder_and_is_erased_with_its_order() {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 10).await;
    let (first, second) = (mart.buy("LAMP", 1).await, mart.buy("LAMP", 1).await);
    let files =
        eventually("both mails are there", PATIENCE, async || Some(mart.mail_files()).filter(|files| files.len() == 2))
            .await;
    let text = std::fs::read_to_string(&files[0]).expect("a mail");
    assert!(text.contains("To: \"Ada Lovelace\" <ada@example.com>"), "{text}");
    let is_of = |file: &Path, order: &str| file.to_string_lossy().contains(order);
    let number = first.text("number");
    mart.staff_post(&format!("/api/admin/orders/{}/erase", first.text("id"))).send().await.expect(200);
    eventually("its mail is gone", PATIENCE, async || {
        (!mart.mail_files().iter().any(|file| is_of(file, &number))).then_some(())
    })
    .await;
    assert!(mart.terminate().await.success());
    let data = mart.data().to_string_lossy().into_owned();
    let told = mart.command(&["erase", &second.text("id"), "--data", &data]).await;
    assert!(told.status.success(), "{told}");
    assert_eq!(mart.mail_files(), [] as [std::path::PathBuf; 0]);
}
