//! Mail about orders, with every service on engines in memory: who is told what, once, whatever happens in between.
//! It does not know SMTP.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use contracts::caller::Caller;
use contracts::mail::{Mail as _, MailKind, MailSettings, MailState, MailView};
use domain::ids::OrderId;
use domain::locale::Locale;
use platform::documents::WriteBatch;
use serde_json::{Value, json};
use services::mail::{Letter, Mailroom};
use testkit::postbox::Mood;
use testkit::shop::BoxedShop;

const STAFF: [&str; 2] = ["owner@box.example", "packer@box.example"];
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn open() -> BoxedShop {
    let shop = BoxedShop::open(7).await;
    let staff = STAFF.map(str::to_owned).to_vec();
    shop.mail.replace_settings(MailSettings { staff, ..MailSettings::default() }, 0).await.expect("settings");
    shop
}

/// An order of one `B`, confirmed.
async fn bought(shop: &BoxedShop, key: &str) -> OrderId {
    let (status, order) = shop.buy(key, &[("B", 2)], "tok_success").await;
    assert_eq!(status, 201, "{order}");
    id_of(&order)
}

fn id_of(order: &Value) -> OrderId {
    OrderId::parse(order["id"].as_str().expect("a text")).expect("an id")
}

async fn act(shop: &BoxedShop, order: &OrderId, action: &str, body: Value) -> Value {
    let path = format!("/api/admin/orders/{order}/{action}");
    let (status, answer) = shop.send(Method::POST, &path, Some(action), body, true).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// One round of the mailroom.
async fn round(shop: &BoxedShop) {
    shop.mail.collect().await.expect("an answer");
    shop.mail.send_due().await.expect("an answer");
}

/// Lets a mailroom run for so long of the box's own time.
async fn run_for(mail: Arc<Mailroom>, time: Duration) {
    let ended = tokio::time::timeout(time, mail.run()).await;
    assert!(ended.is_err(), "it runs until it is closed");
}

fn of_kind(letters: &[Letter], kind: MailKind) -> Vec<&Letter> {
    letters.iter().filter(|letter| letter.kind == kind).collect()
}

async fn mails(shop: &BoxedShop, state: MailState) -> Vec<MailView> {
    shop.mail.mails(None, Some(state), None, 100).await.expect("an answer").items
}

#[tokio::test(start_paused = true)]
async fn a_buyer_is_told_of_each_step_once_and_staff_of_the_order() {
    let shop = open().await;
    let order = bought(&shop, "one").await;
    act(&shop, &order, "capture", json!({})).await;
    act(
        &shop,
        &order,
        "ship",
        json!({"carrier": "Post", "tracking_number": "T-1", "tracking_url": "https://post.example/T-1"}),
    )
    .await;
    act(&shop, &order, "refund", json!({"amount": 1_000})).await;
    let other = bought(&shop, "other").await;
    act(&shop, &other, "cancel", json!({"reason": "nobody's business"})).await;
    assert!(shop.comes_to_rest(HOUR).await);
    round(&shop).await;

    let letters = shop.postbox.letters();
    for (kind, count) in [
        (MailKind::Placed, 2),
        (MailKind::NewOrder, 4),
        (MailKind::Shipped, 1),
        (MailKind::Refunded, 1),
        (MailKind::Cancelled, 1),
    ] {
        assert_eq!(of_kind(&letters, kind).len(), count, "{kind:?}");
    }
    let view = shop.orders.view(&order, services::orders::Reader::Staff).await.unwrap();
    let (number, token) = (view.number, view.access_token.unwrap());
    let placed = of_kind(&letters, MailKind::Placed)[0];
    assert_eq!((placed.to.address.as_str(), placed.to.name.as_deref()), ("ada@example.com", Some("Ada Example")));
    assert_eq!(placed.subject, format!("[Test] Your order {number} is confirmed – Box"));
    for wanted in [
        format!("http://127.0.0.1:8080/orders/{order}?token={token}"),
        "2 × B  €39.98".to_owned(),
        "Shipping: €4.90".to_owned(),
        "Total: €44.88".to_owned(),
        "10115 Berlin".to_owned(),
        "This is a test order".to_owned(),
    ] {
        assert!(placed.text.contains(&wanted), "{wanted}: {}", placed.text);
    }
    let shipped = of_kind(&letters, MailKind::Shipped)[0];
    assert!(shipped.text.contains("https://post.example/T-1") && shipped.text.contains("T-1"), "{}", shipped.text);
    assert!(of_kind(&letters, MailKind::Refunded)[0].text.contains("€10.00"));
    let cancelled = of_kind(&letters, MailKind::Cancelled)[0];
    assert!(!cancelled.text.contains("nobody's business") && cancelled.text.contains("not been charged"));
    let told: Vec<&str> = of_kind(&letters, MailKind::NewOrder).iter().map(|it| it.to.address.as_str()).collect();
    assert!(STAFF.iter().all(|staff| told.iter().filter(|told| *told == staff).count() == 2), "{told:?}");
    assert!(of_kind(&letters, MailKind::NewOrder).iter().all(|letter| !letter.text.contains("ada@example.com")));

    // Again, after a restart, and with the whole log read anew: nothing is said twice.
    round(&shop).await;
    let again = shop.mail_after_restart();
    again.collect().await.unwrap();
    again.send_due().await.unwrap();
    let checkpoints = shop.machinery.documents.checkpoints("mail").await.unwrap();
    let checkpoints = checkpoints.into_iter().map(|point| point.moved_to(0)).collect();
    shop.machinery.documents.write(WriteBatch { changes: Vec::new(), checkpoints }).await.unwrap();
    let anew = shop.mail_after_restart();
    assert_eq!(anew.collect().await.unwrap(), 0);
    anew.send_due().await.unwrap();
    assert_eq!(shop.postbox.letters().len(), letters.len());
    let listed = shop.mail.mails(Some(&order), None, None, 100).await.unwrap().items;
    assert_eq!(listed.len(), 5, "{listed:#?}");
    assert!(listed.iter().all(|mail| mail.state == MailState::Sent && mail.sent_at.is_some()));
}

#[tokio::test(start_paused = true)]
async fn whose_order_never_was_is_not_written_to() {
    let shop = open().await;
    let (declined, _) = shop.buy("declined", &[("B", 1)], "tok_declined").await;
    let (sold_out, _) = shop.buy("too-many", &[("A", 21)], "tok_success").await;
    let (waiting, order) = shop.buy("waiting", &[("B", 1)], "tok_action").await;
    assert_eq!((declined, sold_out, waiting), (402, 409, 202));
    act(&shop, &id_of(&order), "cancel", json!({})).await;
    assert!(shop.comes_to_rest(2 * HOUR).await);
    round(&shop).await;
    assert_eq!(shop.postbox.letters().len(), 0);
    assert_eq!(mails(&shop, MailState::Waiting).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_delays_and_loses_nothing() {
    let shop = open().await;
    shop.postbox.set(Mood::Away);
    for n in 0..30 {
        bought(&shop, &format!("buyer-{n}")).await;
    }
    run_for(shop.mail.clone(), HOUR / 4).await;
    let tries = shop.postbox.tries();
    assert!(tries > 15 && tries < 15 * 10, "asked again and again, but not always: {tries}");
    // Longer than any mail is tried that a server puts off.
    for _ in 0..100 {
        shop.clock.advance(HOUR);
        round(&shop).await;
    }
    assert_eq!(shop.postbox.letters().len(), 0);
    assert_eq!(mails(&shop, MailState::Failed).await, []);
    assert_eq!(mails(&shop, MailState::Waiting).await.len(), 90);
    shop.postbox.set(Mood::Takes);
    // After a restart, too.
    run_for(shop.mail_after_restart(), Duration::from_secs(180)).await;
    let letters = shop.postbox.letters();
    let mut ids: Vec<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((letters.len(), ids.len()), (90, 90));
    assert_eq!(mails(&shop, MailState::Waiting).await, []);
}

/// A node that was handing a mail over is gone: whoever takes over sends it at once, and not when the claim runs out.
#[tokio::test(start_paused = true)]
async fn what_a_dead_node_was_handing_over_is_sent_by_the_next() {
    let shop = BoxedShop::open_among_others(7).await;
    bought(&shop, "one").await;
    shop.postbox.set(Mood::Silent);
    let sending = tokio::spawn(shop.mail.clone().run());
    shop.postbox.is_asked().await;
    sending.abort();
    shop.machinery.projector.leases().leave().await;
    shop.postbox.set(Mood::Takes);
    run_for(shop.mail_of_another_node(8).await, Duration::from_secs(10)).await;
    assert_eq!((shop.postbox.tries(), shop.postbox.letters().len()), (2, 1));
    assert_eq!(mails(&shop, MailState::Waiting).await, []);
}

/// As long as it lives it may be at it.
#[tokio::test(start_paused = true)]
async fn what_a_living_node_is_handing_over_is_its_own() {
    let shop = BoxedShop::open_among_others(7).await;
    bought(&shop, "one").await;
    shop.postbox.set(Mood::Silent);
    let sending = tokio::spawn(shop.mail.clone().run());
    shop.postbox.is_asked().await;
    shop.postbox.set(Mood::Takes);
    let other = shop.mail_of_another_node(8).await;
    run_for(other, Duration::from_secs(60)).await;
    assert_eq!((shop.postbox.tries(), shop.postbox.letters().len()), (1, 0));
    sending.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_server_refuses_is_kept_and_can_be_sent_again() {
    let shop = open().await;
    shop.mail.replace_settings(MailSettings::default(), 1).await.unwrap();
    shop.postbox.set(Mood::Never);
    let order = bought(&shop, "one").await;
    round(&shop).await;
    round(&shop).await;
    assert_eq!(shop.postbox.tries(), 1, "it is believed");
    let failed = mails(&shop, MailState::Failed).await;
    assert_eq!(failed.len(), 1);
    let problem = failed[0].problem.clone().unwrap();
    assert!(problem.contains("550 no such mailbox") && !problem.contains("ada"), "{problem}");
    let counted = services::mail::failed_mails(shop.machinery.documents.as_ref(), failed[0].created_at, 9).await;
    assert_eq!(counted.unwrap(), 1);

    shop.postbox.set(Mood::Takes);
    let caller = Caller::system();
    let first = shop.mail.resend(MailKind::Placed, &order, "once", &caller).await.unwrap();
    let second = shop.mail.resend(MailKind::Placed, &order, "once", &caller).await.unwrap();
    assert_eq!((first.state, &first.id), (MailState::Waiting, &second.id));
    shop.mail.send_due().await.unwrap();
    assert_eq!(shop.postbox.letters().len(), 1);
    let replayed = shop.mail.resend(MailKind::Placed, &order, "once", &caller).await.unwrap();
    assert_eq!(replayed.state, MailState::Sent);
    shop.mail.resend(MailKind::Placed, &order, "once more", &caller).await.unwrap();
    shop.mail.send_due().await.unwrap();
    assert_eq!(shop.postbox.letters().len(), 2);
    let nothing = shop.mail.resend(MailKind::Shipped, &order, "x", &caller).await.unwrap_err();
    assert_eq!(nothing.code, "nothing_to_tell");
    let nobody = shop.mail.resend(MailKind::NewOrder, &order, "x", &caller).await.unwrap_err();
    assert_eq!(nobody.code, "no_address");
}

/// Answers how often the server was asked.
async fn round_every_half_hour(shop: &BoxedShop, hours: u32) -> u32 {
    let before = shop.postbox.tries();
    for _ in 0..2 * hours {
        round(shop).await;
        shop.clock.advance(HOUR / 2);
    }
    shop.postbox.tries() - before
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_is_put_off_is_tried_for_three_days() {
    let shop = open().await;
    shop.mail.replace_settings(MailSettings::default(), 1).await.unwrap();
    shop.postbox.set(Mood::Later);
    bought(&shop, "one").await;
    let first = round_every_half_hour(&shop, 71).await;
    let waiting = mails(&shop, MailState::Waiting).await;
    assert_eq!(waiting.len(), 1);
    assert!((60..=130).contains(&first), "{first} tries");
    round_every_half_hour(&shop, 3).await;
    assert_eq!(mails(&shop, MailState::Failed).await.len(), 1);
    let tries = shop.postbox.tries();
    round_every_half_hour(&shop, 3).await;
    assert_eq!(shop.postbox.tries(), tries, "it is over");
}

#[tokio::test(start_paused = true)]
async fn an_erased_order_gets_no_mail_any_more() {
    let shop = open().await;
    shop.postbox.set(Mood::Away);
    let order = bought(&shop, "one").await;
    act(&shop, &order, "capture", json!({})).await;
    round(&shop).await;
    assert_eq!(mails(&shop, MailState::Waiting).await.len(), 3);
    act(&shop, &order, "erase", json!({})).await;
    shop.postbox.set(Mood::Takes);
    act(&shop, &order, "ship", json!({})).await;
    shop.clock.advance(HOUR);
    round(&shop).await;
    assert_eq!(shop.postbox.letters().len(), 0);
    assert_eq!(shop.mail.mails(Some(&order), None, None, 100).await.unwrap().items, []);
    assert_eq!(shop.postbox.forgotten().len(), 1);
    for refused in [
        shop.mail.resend(MailKind::Placed, &order, "x", &Caller::system()).await.err(),
        shop.mail.preview(MailKind::Placed, Some(&order), None).await.err(),
    ] {
        assert_eq!(refused.unwrap().code, "order_erased");
    }
}

async fn draft(shop: &BoxedShop, key: &str, more: Value) -> OrderId {
    let mut draft = json!({"currency": "EUR", "lines": [{"sku": "B", "quantity": 1}], "payment_provider": "manual"});
    draft.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let (status, made) = shop.send(Method::POST, "/api/admin/draft-orders", Some(key), draft, true).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/admin/draft-orders/{}/complete", made["id"].as_str().expect("an id"));
    let (status, order) = shop.send(Method::POST, &path, Some(key), Value::Null, true).await;
    assert_eq!(status, 201, "{order}");
    id_of(&order)
}

#[tokio::test(start_paused = true)]
async fn orders_from_older_books_are_no_news_and_drafts_none_to_staff() {
    let shop = open().await;
    let buyer = json!({"email": "phone@example.com", "name": "By Phone"});
    let old = draft(&shop, "old", json!({"buyer": buyer, "placed_at": "2011-11-27T08:00:00Z"})).await;
    act(&shop, &old, "ship", json!({})).await;
    draft(&shop, "nobody", json!({})).await;
    draft(&shop, "fresh", json!({"buyer": buyer, "locale": "ko-KR"})).await;
    assert!(shop.comes_to_rest(HOUR).await);
    round(&shop).await;
    let letters = shop.postbox.letters();
    assert_eq!(letters.len(), 1, "{:?}", letters.iter().map(|letter| &letter.subject).collect::<Vec<_>>());
    assert_eq!((letters[0].kind, letters[0].language), (MailKind::Placed, "ko"));
    assert!(letters[0].text.contains("By Phone님, 주문해 주셔서 감사합니다"), "{}", letters[0].text);
}

#[tokio::test(start_paused = true)]
async fn muted_kinds_are_not_sent_unless_staff_ask() {
    let shop = open().await;
    let muted = vec![MailKind::Placed, MailKind::NewOrder];
    shop.mail.replace_settings(MailSettings { muted, ..MailSettings::default() }, 1).await.unwrap();
    let order = bought(&shop, "one").await;
    round(&shop).await;
    assert_eq!(shop.postbox.letters().len(), 0);
    shop.mail.resend(MailKind::Placed, &order, "x", &Caller::system()).await.unwrap();
    round(&shop).await;
    assert_eq!(shop.postbox.letters().len(), 1);
    let stale = shop.mail.replace_settings(MailSettings::default(), 1).await.unwrap_err();
    assert_eq!(stale.code, "precondition_failed");
}

#[tokio::test(start_paused = true)]
async fn every_kind_can_be_looked_at_in_both_languages_before_anything_is_sold() {
    let shop = open().await;
    for kind in [MailKind::Placed, MailKind::Shipped, MailKind::Cancelled, MailKind::Refunded, MailKind::NewOrder] {
        for (locale, is_korean) in [("en", false), ("ko", true), ("fr", false)] {
            let locale = Locale::parse(locale).unwrap();
            let preview = shop.mail.preview(kind, None, Some(&locale)).await.unwrap();
            let has_hangul = preview.subject.chars().any(|char| ('가'..='힣').contains(&char));
            assert_eq!(has_hangul, is_korean, "{kind:?} {locale}: {}", preview.subject);
            assert!(preview.html.contains(&preview.subject) || preview.subject.contains('&'), "{}", preview.html);
            assert!(preview.from.contains("shop@localhost") && !preview.to.is_empty() && !preview.text.is_empty());
        }
    }
    shop.mail.try_out("owner@box.example").await.unwrap();
    assert_eq!(shop.postbox.letters()[0].to.address.as_str(), "owner@box.example");
    assert_eq!(shop.mail.try_out("nobody").await.unwrap_err().code, "invalid");
    shop.postbox.set(Mood::Never);
    let refused = shop.mail.try_out("owner@box.example").await.unwrap_err();
    assert!(refused.code == "mail_not_taken" && refused.message.contains("550"), "{refused:?}");
}

/// A crowd is written to at the pace that is set; what waits for its turn waits in the log.
#[tokio::test(start_paused = true)]
async fn a_backlog_stays_in_the_log() {
    let shop = open().await;
    shop.postbox.set(Mood::Away);
    for n in 0..260 {
        bought(&shop, &format!("buyer-{n}")).await;
    }
    for _ in 0..10 {
        shop.mail.collect().await.unwrap();
    }
    let mut noted = 0;
    let mut page = shop.mail.mails(None, None, None, 100).await.unwrap();
    loop {
        noted += page.items.len();
        let Some(cursor) = page.next_cursor else { break };
        page = shop.mail.mails(None, None, Some(&cursor), 100).await.unwrap();
    }
    assert!((200..500).contains(&noted), "{noted} mails are noted");
    shop.postbox.set(Mood::Takes);
    run_for(shop.mail.clone(), Duration::from_secs(120)).await;
    assert_eq!(shop.postbox.letters().len(), 260 * 3);
}
