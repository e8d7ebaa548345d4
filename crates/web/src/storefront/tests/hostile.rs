//! Texts that would like to be markup stay texts, wherever they are shown.

use super::*;

const EVIL: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

#[tokio::test(start_paused = true)]
async fn hostile_texts_stay_texts() {
    let shop = Shop::open().await;
    let evil = json!({
        "slug": "evil", "title": EVIL, "description": format!("{EVIL}</script>"), "brand": EVIL,
        "attributes": {"material": EVIL}, "options": [{"name": "Kind", "values": [EVIL, "Tame"]}],
        "variants": [
            {"sku": "EVIL", "options": {"Kind": EVIL}, "prices": [{"amount": 100, "currency": "EUR"}]},
            {"sku": "TAME", "options": {"Kind": "Tame"}, "prices": [{"amount": 100, "currency": "EUR"}]}],
    });
    shop.sell(66, evil).await;
    shop.receive("EVIL", 9).await;
    let mut browser = shop.browser();
    let encoded: String = form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
    let mut pages = vec![
        browser.get("/p/evil").await,
        browser.get(&format!("/search?q={encoded}&brand={encoded}&attr.{encoded}={encoded}&sort={encoded}")).await,
        browser.get(&format!("/p/mug?variant={encoded}")).await,
        browser.follow("/cart/lines", &[("product", "evil"), ("o1", EVIL)]).await,
        browser.get(&format!("/cart?added={encoded}&refused={encoded}")).await,
        browser.get(&format!("/c/{encoded}")).await,
        browser.post("/find-order", &[("number", EVIL), ("email", EVIL)]).await,
    ];
    let checkout = browser.get("/checkout").await;
    let hidden = ["once", "cart", "expected_total"].map(|name| (name, checkout.field(name)));
    let written =
        [("email", EVIL), ("name", EVIL), ("line1", EVIL), ("city", EVIL), ("postal_code", EVIL), ("note", EVIL)];
    let rest = [("country", "DE"), ("shipping_method", EVIL), ("payment", EVIL), ("phone", EVIL)];
    let fields: Vec<_> = hidden.into_iter().chain(written).chain(rest).collect();
    pages.push(browser.post("/checkout", &fields).await);
    let mut good: Vec<_> = hidden.to_vec();
    good.extend(BERLIN.into_iter().map(|(name, value)| match name {
        "name" | "line1" | "city" | "postal_code" => (name, EVIL),
        _ => (name, value),
    }));
    let placed = browser.post("/checkout", &good).await;
    assert_eq!(placed.status, 303, "{}", placed.text);
    pages.push(browser.get(placed.location()).await);
    for page in pages {
        assert!(page.status < 500, "{}", page.text);
        page.hides("<script>alert");
        page.hides("<img src=x");
        page.hides(EVIL);
    }
}
