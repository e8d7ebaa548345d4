//! Carts: filling, changing and emptying them, and what is said about what changed in the shop.

use super::*;

fn line_of(page: &super::browser::Page) -> String {
    let id = page.text.split("/cart/lines/").nth(1).unwrap_or_else(|| panic!("no line in {}", page.text));
    format!("/cart/lines/{}", id.split('"').next().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_line_is_changed_and_removed() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.get("/cart").await.shows("Your cart is empty.");
    let cart = browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Small"), ("quantity", "2")]).await;
    cart.shows("€48.00");
    let line = line_of(&cart);
    browser.follow(&line, &[("quantity", "3")]).await.shows("€72.00");
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Small")]).await.shows("€96.00");
    assert_eq!(browser.cookies[&("cart_count".to_owned(), "/".to_owned())], "4");
    browser.follow(&line, &[("quantity", "x")]).await.shows("€96.00");
    browser.follow(&line, &[("action", "remove")]).await.shows("Your cart is empty.");
    assert_eq!(browser.cookies[&("cart_count".to_owned(), "/".to_owned())], "0");
    browser.follow(&line, &[("quantity", "1")]).await.shows("Your cart is empty.");
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_cannot_be_is_told_and_changes_nothing() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let small = [("product", "mug"), ("o1", "Small")];
    let line = line_of(&browser.follow("/cart/lines", &[small[0], small[1], ("quantity", "2")]).await);
    let (no_number, too_many) = ("A quantity is a whole number from 1 to 9999.", "That is more than a cart holds.");
    let told = [
        ("x", no_number),
        ("1.5", no_number),
        ("-1", no_number),
        ("10000", too_many),
        ("99999999999999999999", too_many),
    ];
    for (quantity, says) in told {
        for cart in [
            browser.follow(&line, &[("quantity", quantity)]).await,
            browser.follow("/cart/lines", &[small[0], small[1], ("quantity", quantity)]).await,
        ] {
            cart.shows(says);
            cart.shows("€48.00");
        }
    }
    browser.follow(&line, &[("quantity", "")]).await.shows(no_number);
    browser.follow("/cart/lines", &[small[0], small[1], ("quantity", "0")]).await.shows(no_number);
    browser.follow(&line, &[("quantity", "9999")]).await.shows("value=\"9999\"");
}

#[tokio::test(start_paused = true)]
async fn no_more_is_offered_than_a_form_takes() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    shop.receive("MUG-S", 12_000).await;
    let small = [("product", "mug"), ("o1", "Small"), ("quantity", "9999")];
    browser.follow("/cart/lines", &small).await;
    let cart = browser.follow("/cart/lines", &small).await;
    cart.shows("Only 12005 left.");
    cart.shows("Take 9999");
    let lowered = browser.follow(&line_of(&cart), &[("action", "update"), ("quantity", "9999")]).await;
    lowered.hides("Only 12005 left.");
}

#[tokio::test(start_paused = true)]
async fn a_new_price_is_accepted_where_it_is_told() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Small")]).await;
    let mut cheaper = mug();
    cheaper["variants"][0]["prices"][0]["amount"] = json!(2_000);
    shop.change(10, cheaper).await;
    let cart = browser.get("/cart").await;
    cart.shows("The price has changed from €24.00 to €20.00");
    cart.shows("Buy at €20.00");
    let accepted = browser.follow(&line_of(&cart), &[("action", "accept"), ("quantity", "1")]).await;
    accepted.hides("The price has changed");
    accepted.shows("€20.00");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_sold_is_told() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Small")]).await;
    let mut archived = mug();
    archived["status"] = json!("draft");
    shop.change(10, archived).await;
    browser.get("/cart").await.shows("This is no longer sold.");
    assert_eq!(browser.get("/checkout").await.location(), "/cart");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_product_is_not_added() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    assert_eq!(browser.post("/cart/lines", &[("product", "nothing")]).await.status, 404);
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Huge")]).await.shows("Nothing was added.");
    browser.follow("/cart/lines", &[("product", "mug")]).await.shows("Nothing was added.");
    assert!(!browser.cookies.contains_key(&("cart".to_owned(), "/".to_owned())));
    browser.cookies.insert(("cart".to_owned(), "/".to_owned()), "crt_nonsense.token".to_owned());
    browser.get("/cart").await.shows("Your cart is empty.");
}
