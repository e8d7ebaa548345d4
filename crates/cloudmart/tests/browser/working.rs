//! Working in the shop, as staff do it in the admin: what they change is what the next visitor sees.

use testkit::browser::shopper::{ADA, PAYS};
use testkit::browser::staff::SignIn;
use testkit::browser::{Browser, Kind, Visitor};
use testkit::mart::{Mart, Plan};

use crate::CLOUDMART;

async fn at_work(mart: &Mart) -> Browser {
    let staff = Browser::open(mart, Visitor::at_desk()).await;
    staff.sign_in(&SignIn::told_by(mart)).await;
    staff
}

/// Presses the page's button and waits for what the page then says.
async fn saves(staff: &Browser, told: &str) {
    staff.press_a(Kind::Button, "^save$").await;
    staff.reads(told).await;
}

#[tokio::test]
async fn a_price_that_staff_change_is_what_the_next_request_shows() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let guest = Browser::open(&mart, Visitor::at_desk().on_phone()).await;
    guest.visit("/p/sealing-wax").await;
    assert!(!guest.text().await.contains("$21.50"), "it costs something else");
    let product = mart.get("/api/products/sealing-wax").send().await.expect(200).text("id");
    let staff = at_work(&mart).await;
    staff.visit(&format!("/admin/products/{product}")).await;
    staff.fill("^price USD", "21.50").await;
    saves(&staff, "is saved").await;
    guest.reload().await;
    assert!(guest.text().await.contains("$21.50"), "the next request shows the price");
    guest.add_to_cart().await;
    guest.visit("/cart").await;
    guest.reads("\\$21\\.50").await;
    guest.close().await;
    staff.close().await;
}

/// From nothing to the first sale, on pages alone.
#[tokio::test]
async fn an_empty_shop_is_opened_through_the_admin_until_a_guest_has_bought() {
    let mart = Mart::start(Plan::empty(CLOUDMART)).await;
    let staff = at_work(&mart).await;
    staff.visit("/admin/settings").await;
    staff.fill("^name of the shop", "Pots and Pans").await;
    staff.fill("^currencies", "USD").await;
    saves(&staff, "saved\\.").await;
    staff.visit("/admin/settings/countries").await;
    staff.fill("^country$", "US").await;
    staff.fill("^tax in per cent", "10").await;
    saves(&staff, "saved\\.").await;
    staff.visit("/admin/settings/shipping").await;
    staff.press_a(Kind::Button, "^add a way to send").await;
    staff.fill("^name$", "By bicycle").await;
    staff.fill("^price in USD", "5.00").await;
    staff.choose("^united states").await;
    saves(&staff, "saved\\.").await;
    staff.visit("/admin/settings/payments").await;
    staff.press_a(Kind::Button, "^add a way to pay").await;
    staff.fill("^carried out by", "test").await;
    staff.fill("^name$", "Test card").await;
    saves(&staff, "saved\\.").await;
    staff.visit("/admin/products/new").await;
    staff.fill("^title$", "A copper pot").await;
    staff.fill("^sku,", "POT").await;
    staff.fill("^price USD,", "20.00").await;
    staff.fill("^on the shelf,", "3").await;
    staff.fill("^status", "active").await;
    saves(&staff, "is created").await;
    let guest = Browser::open(&mart, Visitor::at_desk().on_phone()).await;
    guest.visit("/").await;
    guest.press_a(Kind::Link, "a copper pot").await;
    guest.arrives("^/p/a-copper-pot$").await;
    guest.add_to_cart().await;
    guest.check_out().await;
    guest.fill_checkout(&ADA, PAYS).await;
    // 20.00 and 5.00 to send, and a tenth of both.
    guest.reads("\\$27\\.50").await;
    guest.place_order().await;
    guest.reads("your order is confirmed").await;
    guest.close().await;
    staff.visit("/admin/orders").await;
    staff.reads("\\$27\\.50").await;
    staff.close().await;
    mart.doctor().await;
}
