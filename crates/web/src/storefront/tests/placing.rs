//! An order that was asked for and is not there yet: who comes from its cart waits, and is never told that there is none.

use std::time::Duration;

use contracts::carts::Carts as _;
use domain::ids::{CartId, OrderId};

use super::browser::{Browser, Page};
use super::buying::{at_checkout, orders_of, press};
use super::*;

/// A cart that names an order which is not there.
struct Asked {
    page: Page,
    cart: CartId,
    order: OrderId,
    path: String,
}

async fn asked_for(shop: &Shop, browser: &mut Browser) -> Asked {
    let page = at_checkout(browser).await;
    let (cart, token) = browser.cookies[&("cart".to_owned(), "/".to_owned())].split_once('.').unwrap();
    let (cart, order) = (CartId::parse(cart).unwrap(), OrderId::from_bytes([9; 16]));
    shop.boxed.carts.begin_order(&cart, token, &order).await.unwrap();
    Asked { page, cart, path: format!("/orders/{order}"), order }
}

#[tokio::test(start_paused = true)]
async fn windows_that_are_pressed_at_once_all_see_the_order() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    let mut windows = Vec::new();
    for _ in 0..8 {
        let mut window = browser.tab();
        let own = window.get("/checkout").await;
        windows.push((window, own));
    }
    let pressing = windows.iter_mut().enumerate().map(|(number, (window, own))| {
        let form = if number % 2 == 0 { &*own } else { &page };
        async move {
            let placed = press(window, form, &[]).await;
            assert_eq!(placed.status, 303, "{}", placed.text);
            let seen = window.get(placed.location()).await;
            assert_eq!(seen.status, 200, "{}", seen.text);
            placed.location().to_owned()
        }
    });
    let seen = futures::future::join_all(pressing).await;
    assert!(seen.iter().all(|order| *order == seen[0]), "{seen:?}");
    assert_eq!(orders_of(&shop).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_takes_long_is_waited_for() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let Asked { page, path, .. } = asked_for(&shop, &mut browser).await;
    let pressed = press(&mut browser, &page, &[]).await;
    assert_eq!((pressed.status, pressed.location()), (303, path.as_str()));
    let waiting = browser.get(&path).await;
    assert_eq!((waiting.status, waiting.header("refresh")), (202, "1"));
    waiting.shows("We are placing your order.");
    waiting.shows(&format!("href=\"{path}\""));
    browser.post("/preferences", &[("back", path.as_str()), ("locale", "ko")]).await;
    browser.get(&path).await.shows("주문을 처리하고 있습니다.");
    // Whoever has no token, or a wrong one, is not even told that somebody waits.
    assert_eq!(shop.browser().get(&path).await.status, 404);
    browser.cookies.insert(("order".to_owned(), path.clone()), "wrong".to_owned());
    assert_eq!(browser.get(&path).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_came_to_nothing_leads_back_to_the_cart() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let Asked { cart, order, path, .. } = asked_for(&shop, &mut browser).await;
    assert_eq!(browser.get("/checkout").await.location(), path);
    shop.boxed.carts.reopen(&cart, &order).await.unwrap();
    let back = browser.get(&path).await;
    assert_eq!((back.status, back.location()), (303, "/cart?refused=undone"));
    let cart = browser.get("/cart?refused=undone").await;
    cart.shows("Nothing was charged, and your cart is as it was.");
    cart.shows("€32.00");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_order_that_comes_to_nothing_orders_it_instead() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let Asked { page, cart, order, path } = asked_for(&shop, &mut browser).await;
    let (placed, reopened) = tokio::join!(press(&mut browser, &page, &[]), shop.boxed.carts.reopen(&cart, &order));
    reopened.unwrap();
    assert_eq!(placed.status, 303, "{}", placed.text);
    assert_ne!(placed.location(), path);
    browser.get(placed.location()).await.shows("Thank you, Ada Example.");
}

#[tokio::test(start_paused = true)]
async fn a_cart_whose_order_was_lost_is_open_again() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let Asked { page, .. } = asked_for(&shop, &mut browser).await;
    shop.boxed.clock.advance(Duration::from_secs(90));
    browser.get("/cart").await.shows("€32.00");
    let placed = press(&mut browser, &page, &[]).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    browser.get(placed.location()).await.shows("Thank you, Ada Example.");
}
