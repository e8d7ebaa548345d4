//! Buying, as people do it: with a phone and with scripts, without scripts, in two tabs and with a hasty finger, with the
//! keyboard alone.

use std::time::Duration;

use testkit::browser::shopper::{
    ACCEPT_TERMS, ADA, ADD_TO_CART, CHECKOUT, CITY, COUNTRY, EMAIL, LINE1, NAME, PAYS, PLACE_ORDER, POSTAL_CODE,
};
use testkit::browser::staff::SignIn;
use testkit::browser::{Browser, Key, Kind, Visitor};
use testkit::mart::{Mart, Plan};

use crate::CLOUDMART;

/// Sold large and small, in three colours, with and without a handle.
const MUG: &str = "/p/stoneware-mug";
/// The large one in ink without a handle.
const MUG_SKU: &str = "MUG-STN-L-INK-N";
const MUG_PRICE: &str = "\\$27\\.00";

/// From the first page to the confirmed order; answers with the order's path.
async fn finds_and_buys(guest: &Browser) -> String {
    guest.visit("/").await;
    guest.search("stonewar mug").await;
    guest.press("stoneware mug").await;
    guest.arrives("^/p/stoneware-mug$").await;
    for choice in ["large", "ink", "without handle"] {
        guest.choose(&format!("^{choice}$")).await;
    }
    if !guest.visitor().has_scripts {
        guest.press_a(Kind::Button, "^show price$").await;
    }
    guest.reads(MUG_PRICE).await;
    guest.add_to_cart().await;
    guest.check_out().await;
    guest.fill_checkout(&ADA, PAYS).await;
    let order = guest.place_order().await;
    guest.reads("your order is confirmed").await;
    order
}

/// Ships an order in the admin.
async fn ships(mart: &Mart, page: &str) {
    let order = page.trim_start_matches("/orders/");
    let staff = Browser::open(mart, Visitor::at_desk()).await;
    staff.sign_in(&SignIn::told_by(mart)).await;
    staff.ship(order).await;
    staff.close().await;
}

async fn has_sold_one(mart: &Mart) {
    let orders = mart.staff_list("/api/admin/orders").await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    let (on_hand, _, available) = mart.stock(MUG_SKU).await;
    assert!(on_hand - available <= 1, "one was sold: {on_hand} on hand, {available} available");
    mart.doctor().await;
}

#[tokio::test]
async fn a_guest_finds_picks_buys_and_sees_by_itself_that_it_is_shipped() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk().on_phone()).await;
    let order = finds_and_buys(&guest).await;
    let loaded = guest.loaded_at().await;
    ships(&mart, &order).await;
    guest.reads("your order is on its way").await;
    assert_eq!(guest.loaded_at().await, loaded, "the page was not loaded again");
    guest.close().await;
    has_sold_one(&mart).await;
}

#[tokio::test]
async fn a_guest_without_scripts_buys_as_well() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk().without_scripts()).await;
    let order = finds_and_buys(&guest).await;
    ships(&mart, &order).await;
    guest.reload().await;
    guest.reads("your order is on its way").await;
    guest.close().await;
    has_sold_one(&mart).await;
}

#[tokio::test]
async fn two_tabs_and_a_double_click_make_one_order() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk()).await;
    guest.visit(MUG).await;
    guest.add_to_cart().await;
    let first = guest.tab().await;
    let second = guest.new_tab().await;
    for tab in [&first, &second] {
        guest.switch(tab).await;
        guest.check_out().await;
        guest.fill_checkout(&ADA, PAYS).await;
    }
    guest.switch(&first).await;
    guest.press_twice(PLACE_ORDER).await;
    let order = guest.arrives("^/orders/").await;
    guest.reads("your order is confirmed").await;
    guest.switch(&second).await;
    guest.press_twice(PLACE_ORDER).await;
    guest.reads("you have ordered what was in this cart|your order is confirmed|your cart is empty").await;
    guest.switch(&first).await;
    guest.reload().await;
    guest.reads("your order is confirmed").await;
    guest.back().await;
    guest.visit(&order).await;
    let orders = mart.staff_list("/api/admin/orders").await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    let payments = mart.events_of(orders[0]["id"].as_str().unwrap_or_default()).await;
    let authorized = payments.iter().filter(|fact| fact["type"] == "payment.authorized").count();
    assert_eq!(authorized, 1, "{payments:?}");
    guest.close().await;
    mart.doctor().await;
}

/// Fields and totals follow the country; whoever types on meanwhile loses nothing.
#[tokio::test]
async fn what_is_typed_while_the_totals_are_on_their_way_stays() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk()).await;
    guest.visit(MUG).await;
    guest.add_to_cart().await;
    guest.check_out().await;
    guest.fill(COUNTRY, "DE").await;
    guest.answers_take(Duration::from_secs(2)).await;
    guest.fill(COUNTRY, ADA.country).await;
    guest.fill(LINE1, ADA.line1).await;
    guest.find(Kind::Field, "^zip code").await;
    assert_eq!(guest.value(LINE1).await, ADA.line1);
    guest.close().await;
}

/// A page that the browser has kept is asked for again, and looks as it did before.
#[tokio::test]
async fn a_page_that_was_kept_looks_as_before() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk()).await;
    for path in ["/", MUG, "/", MUG] {
        guest.visit(path).await;
        let sheets = guest.ask("return document.styleSheets.length", &[]).await;
        assert_eq!(sheets, 1, "{path} has its style");
    }
    guest.close().await;
}

#[tokio::test]
async fn the_keyboard_alone_can_buy() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk()).await;
    guest.visit("/").await;
    guest.tab_to("search|looking for").await;
    guest.keys("sealing wax").await;
    guest.key(Key::Enter).await;
    guest.arrives("^/search$").await;
    guest.tab_to("^sealing wax").await;
    guest.key(Key::Enter).await;
    guest.arrives("^/p/sealing-wax$").await;
    guest.tab_to(ADD_TO_CART).await;
    guest.key(Key::Enter).await;
    guest.reads("is in your cart").await;
    guest.tab_to("^cart").await;
    guest.key(Key::Enter).await;
    guest.arrives("^/cart$").await;
    guest.tab_to(CHECKOUT).await;
    guest.key(Key::Enter).await;
    guest.arrives("^/checkout$").await;
    fill_by_keyboard(&guest).await;
    guest.tab_to(PLACE_ORDER).await;
    guest.key(Key::Enter).await;
    guest.arrives("^/orders/").await;
    guest.reads("your order is confirmed").await;
    guest.close().await;
}

/// The fields in any order in which the page has them: Tab goes around.
async fn fill_by_keyboard(guest: &Browser) {
    let fields = [
        (COUNTRY, "United States"),
        (EMAIL, ADA.email),
        (NAME, ADA.name),
        (LINE1, ADA.line1),
        (CITY, ADA.city),
        (ADA.region_label, ADA.region),
        (POSTAL_CODE, ADA.postal_code),
    ];
    for (field, value) in fields {
        guest.tab_to(field).await;
        guest.keys(value).await;
    }
    for choice in [PAYS, ACCEPT_TERMS] {
        // Of several choices only the chosen one, or the first, is on the way; arrows lead to the others.
        let focus = guest.tab_to(&format!("{choice}|test card")).await;
        assert_eq!(focus.tag, "input");
        guest.key(Key::Space).await;
    }
}
