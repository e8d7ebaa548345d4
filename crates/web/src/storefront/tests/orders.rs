//! Orders as their buyers follow them: by the mail's link, by their number, and while they wait.

use std::time::Duration;

use axum::http::Method;

use super::browser::Browser;
use super::*;

/// An order of the box's own, with its number and token.
async fn ordered(shop: &Shop) -> (String, String, String) {
    let (status, order) = shop.boxed.buy("key", &[("MUG-S", 1)], "tok_success").await;
    assert_eq!(status, 201, "{order}");
    let text = |name: &str| order[name].as_str().unwrap().to_owned();
    (text("id"), text("number"), text("access_token"))
}

async fn ship(shop: &Shop, order: &str) {
    let path = format!("/api/admin/orders/{order}/ship");
    let body = json!({"carrier": "Post", "tracking_number": "P1", "tracking_url": "https://post.example/P1"});
    let (status, answer) = shop.boxed.send(Method::POST, &path, Some("ship"), body, true).await;
    assert!(status < 300, "{status} {answer}");
}

#[tokio::test(start_paused = true)]
async fn the_mails_link_leaves_no_token_in_the_address() {
    let shop = Shop::open().await;
    let (id, number, token) = ordered(&shop).await;
    let path = format!("/orders/{id}");
    let mut browser = shop.browser();
    assert_eq!(browser.get(&path).await.status, 404);
    assert_eq!(browser.get(&format!("{path}?token=wrong")).await.status, 404);
    let opened = browser.get(&format!("{path}?token={token}")).await;
    assert_eq!((opened.status, opened.location()), (303, path.as_str()));
    let cookie = opened.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains(&format!("Path={path}")));
    let page = browser.get(&path).await;
    page.shows(&number);
    page.hides(&token);
    assert_eq!(page.header("cache-control"), "private, no-store");
    page.shows("<meta name=\"robots\" content=\"noindex\">");
}

#[tokio::test(start_paused = true)]
async fn a_parcel_is_told() {
    let shop = Shop::open().await;
    let (id, _, token) = ordered(&shop).await;
    ship(&shop, &id).await;
    let mut browser = shop.browser();
    browser.get(&format!("/orders/{id}?token={token}")).await;
    let page = browser.get(&format!("/orders/{id}")).await;
    page.shows("Your order is on its way.");
    page.shows("We sent a parcel.");
    page.shows("href=\"https://post.example/P1\"");
}

#[tokio::test(start_paused = true)]
async fn a_page_hears_that_its_order_changed() {
    let shop = Shop::open().await;
    let (id, _, token) = ordered(&shop).await;
    let mut browser = shop.browser();
    assert_eq!(browser.get(&format!("/orders/{id}/events")).await.status, 404);
    browser.get(&format!("/orders/{id}?token={token}")).await;
    let page = browser.get(&format!("/orders/{id}")).await;
    let events = page.text.split("data-events=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // Nothing happens: the stream ends by itself.
    let quiet = browser.get(&events).await;
    assert_eq!(quiet.header("content-type"), "text/event-stream");
    assert_eq!(quiet.text, "retry: 1000\n\n");
    let (heard, ()) = tokio::join!(browser.get(&events), ship(&shop, &id));
    heard.shows("event: changed\nid: ");
}

async fn try_to_find(browser: &mut Browser, number: &str, email: &str) -> super::browser::Page {
    browser.post("/find-order", &[("number", number), ("email", email)]).await
}

#[tokio::test(start_paused = true)]
async fn an_order_is_found_by_number_and_address() {
    let shop = Shop::open().await;
    let (id, number, _) = ordered(&shop).await;
    let mut browser = shop.browser();
    browser.get("/find-order").await.shows("Order number");
    let wrong = try_to_find(&mut browser, &number, "eve@example.com").await;
    assert_eq!(wrong.status, 404);
    wrong.shows("We found no order");
    assert_eq!(wrong.field("email"), "eve@example.com");
    let found = try_to_find(&mut browser, &format!(" #{} ", number.to_lowercase()), "ADA@example.com").await;
    assert_eq!(found.location(), format!("/orders/{id}"));
    browser.get(&format!("/orders/{id}")).await.shows(&number);
}

#[tokio::test(start_paused = true)]
async fn who_tries_too_often_waits() {
    let shop = Shop::open().await;
    let (_, number, _) = ordered(&shop).await;
    let mut browser = shop.browser();
    for n in 0..10 {
        assert_eq!(try_to_find(&mut browser, &format!("7K3M9Q0{n}"), "ada@example.com").await.status, 404);
    }
    let refused = try_to_find(&mut browser, &number, "ada@example.com").await;
    assert_eq!(refused.status, 429);
    refused.shows("Please try again in 2 minutes.");
    assert_eq!(refused.header("retry-after"), "90");
    // Many machines that try one number are stopped by the number.
    for n in 0..10 {
        browser.address = std::net::SocketAddr::from(([198, 51, 100, n], 1));
        assert_eq!(try_to_find(&mut browser, &number, "eve@example.com").await.status, 404);
    }
    browser.address = std::net::SocketAddr::from(([198, 51, 100, 77], 1));
    assert_eq!(try_to_find(&mut browser, &number, "ada@example.com").await.status, 429);
    tokio::time::advance(Duration::from_secs(91)).await;
    assert_eq!(try_to_find(&mut browser, &number, "ada@example.com").await.status, 303);
}
