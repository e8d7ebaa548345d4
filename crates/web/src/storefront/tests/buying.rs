//! A guest buys without scripts; going back, pressing twice and a second window never buy twice.

use super::browser::{Browser, Page};
use super::*;

/// The checkout's page of a browser that has one large mug in its cart.
pub async fn at_checkout(browser: &mut Browser) -> Page {
    let cart = browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Large"), ("quantity", "1")]).await;
    cart.shows("Stone mug is in your cart.");
    let page = browser.get("/checkout").await;
    assert_eq!(page.status, 200, "{}", page.text);
    page
}

/// Presses the button on a checkout's page, with Berlin's fields and these instead.
pub async fn press(browser: &mut Browser, page: &Page, instead: &[(&str, &str)]) -> Page {
    let hidden = ["once", "cart", "expected_total"].map(|name| (name, page.field(name)));
    let usual = hidden.into_iter().chain(BERLIN);
    let others = usual.filter(|(name, _)| instead.iter().all(|(known, _)| known != name));
    let fields: Vec<_> = others.chain(instead.iter().copied()).collect();
    browser.post("/checkout", &fields).await
}

pub async fn orders_of(shop: &Shop) -> usize {
    let (status, list) =
        shop.boxed.send(axum::http::Method::GET, "/api/admin/orders?limit=100", None, Value::Null, true).await;
    assert_eq!(status, 200);
    list["items"].as_array().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_guest_buys_without_scripts() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.get("/").await.shows("/p/mug");
    browser.get("/p/mug?o1=Large").await.shows("€32.00");
    let page = at_checkout(&mut browser).await;
    page.shows("€36.90");
    page.shows("Includes €5.89 tax.");
    let again = press(&mut browser, &page, &[("action", "update"), ("shipping_method", "express")]).await;
    again.shows("€46.90");
    assert_eq!(again.field("email"), "ada@example.com");
    let placed = press(&mut browser, &again, &[("shipping_method", "express")]).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    // So that orders of one time lie together in every index.
    let moment = |text: &str, prefix| text.split_once(prefix).unwrap().1[..10].to_owned();
    let (cart, order) = (page.field("cart"), placed.location());
    assert_eq!(moment(order, "ord_"), moment(cart, "crt_"), "an order is named by its cart's moment");
    let order = browser.get(placed.location()).await;
    order.shows("Thank you, Ada Example.");
    order.shows("Your order is confirmed.");
    order.shows("€46.90");
    browser.get("/cart").await.shows("You have ordered what was in this cart.");
    // The next one begins a new cart.
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Small")]).await.shows("€24.00");
}

#[tokio::test(start_paused = true)]
async fn pressing_twice_and_two_windows_make_one_order() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    let mut other = browser.tab();
    let theirs = other.get("/checkout").await;
    assert_ne!(page.field("once"), theirs.field("once"));
    let mut twin = browser.tab();
    let (first, second) = tokio::join!(press(&mut browser, &page, &[]), press(&mut twin, &page, &[]));
    assert_eq!((first.status, second.status), (303, 303));
    assert_eq!(first.location(), second.location());
    let late = press(&mut other, &theirs, &[]).await;
    assert_eq!(late.location(), first.location());
    assert_eq!(press(&mut browser, &page, &[("note", "another wish")]).await.location(), first.location());
    assert_eq!(other.get("/checkout").await.location(), first.location());
    other.get(first.location()).await.shows("Thank you, Ada Example.");
    assert_eq!(orders_of(&shop).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_price_that_changed_meanwhile_is_shown_and_not_charged() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    let mut dearer = mug();
    dearer["variants"][1]["prices"][0]["amount"] = json!(4_000);
    shop.change(10, dearer).await;
    let told = press(&mut browser, &page, &[]).await;
    assert_eq!(told.status, 409);
    told.shows("The total has changed");
    told.shows("It was €36.90 and is €44.90 now.");
    assert_eq!(orders_of(&shop).await, 0);
    let placed = press(&mut browser, &told, &[]).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    browser.get(placed.location()).await.shows("€44.90");
}

#[tokio::test(start_paused = true)]
async fn a_form_without_a_total_that_can_be_is_shown_afresh() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    for total in ["abc", "", "-1", "36.90", "9000000000000000", "99999999999999999999"] {
        let told = press(&mut browser, &page, &[("expected_total", total)]).await;
        assert_eq!(told.status, 409, "{total}");
        told.shows("This page was out of date");
        assert_eq!(
            (told.field("expected_total"), told.field("email")),
            (page.field("expected_total"), "ada@example.com")
        );
        assert_ne!(told.field("once"), page.field("once"));
    }
    assert_eq!(orders_of(&shop).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_took_is_told_with_what_is_left() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Large"), ("quantity", "4")]).await;
    let page = browser.get("/checkout").await;
    shop.receive("MUG-L", -3).await;
    let told = press(&mut browser, &page, &[]).await;
    assert_eq!(told.status, 409);
    told.shows("Stone mug: 2 left");
    let cart = browser.get("/cart").await;
    cart.shows("Only 2 left.");
    assert_eq!(browser.get("/checkout").await.location(), "/cart");
    let line = cart.text.split("/cart/lines/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    browser.follow(&format!("/cart/lines/{line}"), &[("quantity", "2"), ("action", "update")]).await.hides("Only 2");
    let page = browser.get("/checkout").await;
    let placed = press(&mut browser, &page, &[]).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
}

#[tokio::test(start_paused = true)]
async fn a_declined_card_leaves_everything_as_it_was() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    let told = press(&mut browser, &page, &[("payment", "card/tok_declined")]).await;
    assert_eq!(told.status, 402);
    told.shows("The payment was declined");
    assert_eq!(told.field("email"), "ada@example.com");
    let placed = press(&mut browser, &told, &[]).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    browser.get(placed.location()).await.shows("Your order is confirmed.");
}

#[tokio::test(start_paused = true)]
async fn a_form_from_before_a_declined_card_is_shown_anew() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    press(&mut browser, &page, &[("payment", "card/tok_declined")]).await.hides("Your last try was declined");
    // Going back shows the form as it was sent; it may be filled in otherwise, or not.
    let changed = [("payment", "card/tok_declined"), ("note", "Ring twice")];
    for instead in [&changed[..1], &changed] {
        let told = press(&mut browser, &page, instead).await;
        assert_eq!(told.status, 402, "{instead:?}");
        told.shows("Your last try was declined");
        assert_eq!(told.field("email"), "ada@example.com");
        assert_ne!(told.field("once"), page.field("once"));
    }
    // Another card was not tried yet.
    let placed = press(&mut browser, &page, &[("payment", "card/tok_success")]).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    browser.get(placed.location()).await.shows("Your order is confirmed.");
    assert_eq!(press(&mut browser, &page, &[]).await.location(), placed.location());
    assert_eq!(orders_of(&shop).await, 2, "the declined one and this one");
}

#[tokio::test(start_paused = true)]
async fn a_bank_that_asks_leads_back_to_the_order() {
    let shop = Shop::open().await;
    for (decision, says) in [("approve", "Your order is confirmed."), ("decline", "The payment was declined")] {
        let mut browser = shop.browser();
        let page = at_checkout(&mut browser).await;
        let bank = press(&mut browser, &page, &[("payment", "card/tok_action")]).await;
        assert!(bank.location().starts_with("/test-payments/"), "{}", bank.location());
        let bank = bank.location().to_owned();
        browser.get(&bank).await.shows("The test bank");
        let order = browser.get("/checkout").await.location().to_owned();
        browser.get(&order).await.shows("Confirm the payment");
        let decided = browser.post(&bank, &[("decision", decision)]).await;
        assert_eq!(decided.location(), order);
        browser.get(&order).await.shows(says);
        // Going back and pressing again changes nothing.
        assert_eq!(browser.post(&bank, &[("decision", "approve")]).await.location(), order);
        browser.get(&order).await.shows(says);
    }
}

#[tokio::test(start_paused = true)]
async fn who_pays_by_transfer_is_told_how() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    page.shows("Send it to account 7.");
    let placed = press(&mut browser, &page, &[("payment", "bank")]).await;
    let order = browser.get(placed.location()).await;
    order.shows("We send it as soon as your payment has arrived.");
    order.shows("Send it to account 7.");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_told_beside_its_field() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    let wrong =
        [("email", "ada@"), ("name", ""), ("postal_code", " "), ("phone", "12"), ("payment", ""), ("terms", "")];
    let told = press(&mut browser, &page, &wrong).await;
    assert_eq!(told.status, 422);
    for id in ["email", "name", "postal_code", "phone", "payment", "terms"] {
        told.shows(&format!("<a href=\"#{id}\">"));
        told.shows(&format!("id=\"{id}-error\""));
        told.shows(&format!("aria-invalid=\"true\" aria-describedby=\"{id}-error"));
    }
    assert_eq!((told.field("email"), told.field("line1")), ("ada@", "Main street 1"));
    told.shows("tabindex=\"-1\" id=\"troubles\" autofocus");
    assert_eq!(orders_of(&shop).await, 0);
    let american = press(&mut browser, &told, &[("country", "US")]).await;
    american.shows("<a href=\"#region\">State</a>");
}

#[tokio::test(start_paused = true)]
async fn another_country_has_other_fields_and_other_totals() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = at_checkout(&mut browser).await;
    let american = press(&mut browser, &page, &[("country", "US"), ("action", "update")]).await;
    american.shows("ZIP code");
    american.hides("Includes €");
    american.hides("Express");
    let places = |page: &Page| ["postal_code", "region", "line1"].map(|name| page.text.find(&format!("id=\"{name}\"")));
    let korean = press(&mut browser, &page, &[("country", "KR"), ("action", "update")]).await;
    assert!(places(&korean).is_sorted(), "Koreans begin with the postal code");
    let fields = [("country", "KR"), ("region", "서울특별시"), ("city", "중구"), ("phone", "010-1234-5678")];
    let placed = press(&mut browser, &korean, &fields).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    browser.get(placed.location()).await.shows("서울특별시 중구 Main street 1");
}

#[tokio::test(start_paused = true)]
async fn a_form_of_another_cart_buys_nothing() {
    let shop = Shop::open().await;
    let (mut browser, mut other) = (shop.browser(), shop.browser());
    let page = at_checkout(&mut browser).await;
    at_checkout(&mut other).await;
    let told = press(&mut other, &page, &[]).await;
    assert_eq!(told.status, 409);
    told.shows("Your cart has changed");
    assert_eq!(orders_of(&shop).await, 0);
}
